"""What the gripper's angle and effort say of a grip: opened first, pressing, apart, and lifted for long enough."""

import numpy as np
import pytest

from xdog.arm.gripper import Gripper
from xdog.core.description import load_description
from xdog.grasp.config import load_pick_config
from xdog.grasp.grip_monitor import GripMonitor

CONFIG, GRIPPER = load_pick_config(), Gripper(load_description())
PERIOD = 0.02
WIDE, AROUND, SHUT = (GRIPPER.angle(gap) for gap in (0.06, 0.04, 0.0))
PRESSING, RESTING = -2.0 * CONFIG.grip.effort, -0.5 * CONFIG.grip.effort


class Attempt:
    """A monitor and the time."""

    def __init__(self) -> None:
        self.monitor = GripMonitor(CONFIG, GRIPPER)
        self.now = 0.0

    def show(
        self, angle: float, effort: float, height: float = 0.0, seconds: float = PERIOD, near: bool = True
    ) -> None:
        for _ in range(round(seconds / PERIOD)):
            self.monitor.update(self.now, np.array([0.3, 0.0, height]), angle, effort, near)
            self.now += PERIOD


def test_a_grip_is_opened_pressing_and_apart() -> None:
    attempt = Attempt()
    attempt.show(AROUND, PRESSING)
    assert attempt.monitor.holding  # 40 mm apart counts as open
    attempt.show(AROUND, RESTING)
    assert not attempt.monitor.holding
    attempt.show(SHUT, PRESSING)
    assert not attempt.monitor.holding
    shut = Attempt()
    shut.show(GRIPPER.angle(0.5 * CONFIG.grip.open), PRESSING)
    assert not shut.monitor.holding  # it never was open, so nothing got between the jaws


def test_a_lift_counts_from_the_grip_and_lasts() -> None:
    attempt, lift = Attempt(), CONFIG.lift
    attempt.show(WIDE, RESTING)
    attempt.show(AROUND, PRESSING, 0.02)
    assert attempt.monitor.lift == 0.0
    attempt.show(AROUND, PRESSING, 0.02 + lift.height + 0.001, lift.hold)
    assert attempt.monitor.lift == pytest.approx(lift.height + 0.001)
    assert not attempt.monitor.held_up
    attempt.show(AROUND, PRESSING, 0.02 + lift.height + 0.001)
    assert attempt.monitor.held_up


def test_a_grip_that_slips_starts_again() -> None:
    attempt, lift = Attempt(), CONFIG.lift
    attempt.show(WIDE, RESTING)
    attempt.show(AROUND, PRESSING)
    attempt.show(AROUND, PRESSING, 2.0 * lift.height, 0.5 * lift.hold)
    attempt.show(AROUND, RESTING, 2.0 * lift.height)
    assert attempt.monitor.lift == 0.0
    np.testing.assert_array_equal(attempt.monitor.displacement, np.zeros(3))
    attempt.show(AROUND, PRESSING, 2.0 * lift.height, 2.0 * lift.hold)  # gripped up there: it was not lifted
    assert not attempt.monitor.held_up


def test_closing_on_nothing_is_noticed_at_the_object_only() -> None:
    attempt, patience = Attempt(), CONFIG.approach.empty
    attempt.show(WIDE, RESTING)
    attempt.show(SHUT, PRESSING, seconds=2.0 * patience, near=False)
    assert not attempt.monitor.closed_on_nothing
    attempt.show(SHUT, PRESSING, seconds=patience)
    assert not attempt.monitor.closed_on_nothing
    attempt.show(SHUT, PRESSING)
    assert attempt.monitor.closed_on_nothing
