"""A short recorded run, shared by the tests of plot and video."""

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog_sim.demo.recording import PhaseMark, PushMark, Recording


@pytest.fixture(scope="module")
def run() -> Recording:
    """Half a second in which the standing robot glides forward at 1 m/s and is pushed."""
    robot = load_description()
    time = np.arange(0.0, 0.5, 0.01)
    n = len(time)
    rows = np.ones((n, 1))
    return Recording(
        time=time,
        position=np.column_stack([time, np.zeros(n), np.full(n, 0.28)]),
        orientation=rows * [0.0, 0.0, 0.0, 1.0],
        velocity=rows * [1.0, 0.0, 0.0],
        angular_velocity=np.zeros((n, 3)),
        command=rows * [0.7, -0.2, 0.5],
        walking=np.ones(n, dtype=bool),
        joint_names=robot.legs.names + robot.arm.names,
        joints=rows * np.concatenate([robot.legs.poses["stand"], robot.arm.poses["stow"]]),
        odometry=np.column_stack([time, np.zeros((n, 2))]),
        phases=(PhaseMark(0.0, "forward"), PhaseMark(0.2, "pushed while walking")),
        pushes=(PushMark(0.3, np.array([0.0, 0.6, 0.0]), "pushed while walking"),),
        wall_time=1.0,
    )
