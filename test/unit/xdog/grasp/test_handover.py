"""A pull at what the arm holds out is felt from any side, and nothing else is taken for one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog.grasp.config import load_pick_config
from xdog.grasp.handover import HandoverDetector

CONFIG = load_pick_config()
PERIOD = 0.02
REST = np.array([0.0, 0.9, 0.7, -0.2, 0.0])


def watch_at_rest() -> HandoverDetector:
    """A watch that knows what holding takes, at 1 s."""
    watch = HandoverDetector(CONFIG.hand_over)
    for now in np.arange(0.0, 1.0, PERIOD):
        assert not watch.update(now, np.zeros(5), REST)
    return watch


def jacobian(pose: np.ndarray) -> np.ndarray:
    """(3, 5) m: how gripper_frame moves with the joints."""
    kinematics, step = ArmKinematics(load_description()), 1e-6
    here = kinematics.forward(pose)[0]
    return np.column_stack([(kinematics.forward(pose + step * axis)[0] - here) / step for axis in np.eye(6)[:5]])


@given(st.floats(-1.0, 1.0), st.floats(-np.pi, np.pi))
def test_four_and_a_half_newton_from_any_side_are_felt(up: float, heading: float) -> None:
    force = 4.5 * np.array([np.sqrt(1 - up**2) * np.cos(heading), np.sqrt(1 - up**2) * np.sin(heading), up])
    effort = REST + jacobian(np.append(CONFIG.poses.hand_over, 0.4)).T @ force
    watch = watch_at_rest()
    felt = [watch.update(now, np.zeros(5), effort) for now in np.arange(1.0, 1.3, PERIOD)]
    assert felt[-1]
    assert not any(felt[: int(CONFIG.hand_over.time / PERIOD) - 1]), "a jolt is no pull"


def test_an_arm_that_still_moves_is_not_at_rest() -> None:
    watch = HandoverDetector(CONFIG.hand_over)
    for now in np.arange(0.0, 2.0, PERIOD):  # on its way: its effort says nothing of holding
        assert not watch.update(now, np.full(5, 0.2 * now), 2.0 * REST)
    for now in np.arange(2.0, 4.0, PERIOD):
        assert not watch.update(now, np.full(5, 0.4), REST), now


@pytest.mark.parametrize("share", [0.9, -0.9])
def test_less_is_no_pull(share: float) -> None:
    watch = watch_at_rest()
    change = share * CONFIG.hand_over.pull * np.eye(5)[2]
    assert not any(watch.update(now, np.zeros(5), REST + change) for now in np.arange(1.0, 3.0, PERIOD))
