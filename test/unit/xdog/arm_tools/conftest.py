"""Emulated servos for the programs of ./xdog arm."""

from typing import Iterator

import pytest
from servo_bus import CALIBRATION, ServoBus, calibrated_servos
from servo_time import be_patient

from xdog.hardware.so101.arm import servo_names
from xdog.hardware.so101.feetech_bus import FeetechBus


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture
def wire() -> Iterator[ServoBus]:
    with ServoBus(calibrated_servos()) as emulated:
        yield emulated


@pytest.fixture
def bus(wire: ServoBus) -> Iterator[FeetechBus]:
    opened = FeetechBus(wire.path, servo_names(CALIBRATION))
    opened.open()
    yield opened
    opened.close()
