"""Fixtures of an emulated, calibrated arm: its servos, and an open bus to them."""

from typing import Iterator

import pytest
from servo_bus import CALIBRATION, ServoBus, calibrated_servos

from xdog.hardware.so101.arm import servo_names
from xdog.hardware.so101.feetech_bus import FeetechBus


@pytest.fixture
def wire() -> Iterator[ServoBus]:
    """The servos on a pseudo-terminal."""
    with ServoBus(calibrated_servos()) as emulated:
        yield emulated


@pytest.fixture
def bus(wire: ServoBus) -> Iterator[FeetechBus]:
    """An open bus to the servos of ``wire``."""
    opened = FeetechBus(wire.path, servo_names(CALIBRATION))
    opened.open()
    yield opened
    opened.close()
