"""Hardware faults: they accumulate until they are cleared, and unknown ones are refused."""

import numpy as np
import pytest

from xdog_sim.faults import KINDS, FaultError, Faults

JOINTS = ("hip", "knee", "ankle")


def assert_none(faults: Faults) -> None:
    """No fault is active."""
    assert faults.online.all()
    assert not faults.alarm.any()
    assert np.isnan(faults.temperature).all()
    assert faults.battery_voltage is None
    assert not faults.imu_stale
    assert not faults.states_stop


def test_there_are_no_faults_at_the_start() -> None:
    assert_none(Faults(JOINTS))


def test_faults_accumulate_until_they_are_cleared() -> None:
    faults = Faults(JOINTS)
    for kind, joint, value in (
        ("imu_stale", "", 0.0),
        ("states_stop", "", 0.0),
        ("joint_offline", "knee", 0.0),
        ("joint_alarm", "hip", 7.0),
        ("over_temperature", "ankle", 85.0),
        ("battery_voltage", "", 19.5),
    ):
        faults.set(kind, joint, value)
    assert faults.imu_stale
    assert faults.states_stop
    assert faults.online.tolist() == [True, False, True]
    assert faults.alarm.tolist() == [7, 0, 0]
    assert faults.temperature[2] == 85.0
    assert np.isnan(faults.temperature[:2]).all()
    assert faults.battery_voltage == 19.5
    faults.set("none")
    assert_none(faults)


@pytest.mark.parametrize(
    ("kind", "joint", "value", "message"),
    [
        ("imu_stael", "", 0.0, f"unknown fault 'imu_stael'; known: {', '.join(KINDS)}"),
        ("joint_offline", "neck", 0.0, "joint_offline needs one of the joints hip, knee, ankle; got 'neck'"),
        ("joint_alarm", "knee", 0.0, "code of 1 to 255"),
        ("joint_alarm", "knee", 256.0, "code of 1 to 255"),
    ],
)
def test_unknown_faults_are_refused_and_change_nothing(kind: str, joint: str, value: float, message: str) -> None:
    faults = Faults(JOINTS)
    with pytest.raises(FaultError, match=message):
        faults.set(kind, joint, value)
    assert_none(faults)
