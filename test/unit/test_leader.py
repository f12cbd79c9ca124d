"""A leader arm on its bus is read, limp, and what is wrong with it is said."""

from pathlib import Path

import numpy as np
import pytest
from servo_bus import CALIBRATION, ServoBus, calibrated_servos
from servo_time import be_patient

from xdog.description import load_description
from xdog.hardware import registers as reg
from xdog.hardware.calibration import save_calibration
from xdog_learning.grasp.record import Arguments
from xdog_learning.nodes.arm_link import GraphError
from xdog_learning.nodes.recorder import open_leader

ROBOT = load_description()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    save_calibration(tmp_path / "leader.json", CALIBRATION)
    return tmp_path / "leader.json"


def test_a_leader_is_limp_and_tells_where_it_is_led(calibration: Path) -> None:
    with ServoBus(calibrated_servos()) as wire:
        leader = open_leader(Arguments(by="leader", port=wire.path, calibration=calibration), ROBOT)
        try:
            before = leader.read().position
            wire.servo(1).shaft += 200.0
            after = leader.read().position
            assert not any(servo.peek(reg.TORQUE_ENABLE) for servo in wire.servos)
            assert after[0] - before[0] == pytest.approx(200 * 2 * np.pi / 4096)
            np.testing.assert_allclose(after[1:], before[1:])
        finally:
            leader.close()


def test_a_leader_that_is_not_there_is_named(calibration: Path, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"the leader arm on .*nowhere"):
        open_leader(Arguments(by="leader", port=str(tmp_path / "nowhere"), calibration=calibration), ROBOT)
    with pytest.raises(GraphError, match="needs --calibration"):
        open_leader(Arguments(by="leader"), ROBOT)
    with pytest.raises(GraphError, match=r"absent\.json"):
        open_leader(Arguments(by="leader", calibration=tmp_path / "absent.json"), ROBOT)
