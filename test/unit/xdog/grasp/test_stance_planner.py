"""The stance for an object: one that was learned, in which the arm reaches it, or advice that helps."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from pick_bench import CONDITIONS, PLANNER, ROBOT, SIZE, STANCE

from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.config_file import Range
from xdog.grasp.stance_planner import OutOfReachError, StancePlanner


@pytest.mark.parametrize("bottom", [0.0, 0.18, 0.6])
def test_the_stance_is_one_that_was_learned_for_such_a_height(bottom: float) -> None:
    centre = np.array([0.33, 0.05, bottom + 0.02])
    pose = PLANNER.choose(centre, SIZE)
    support = next(s for s in CONDITIONS.workspace.supports.values() if s.height[0] <= bottom <= s.height[1])
    assert support.rise[0] <= pose.height <= support.rise[1]
    assert support.pitch[0] <= pose.pitch <= support.pitch[1]


def test_what_is_chosen_can_be_reached_and_advice_helps() -> None:
    arm = ArmKinematics(ROBOT)
    for x, y, z in itertools.product((0.1, 0.35, 0.6), (-0.3, 0.1), (0.02, 0.6, 1.2)):
        centre = np.array([x, y, z])
        try:
            trunk = PLANNER.trunk_pose(PLANNER.choose(centre, SIZE))
        except OutOfReachError as error:
            if error.step is None:
                continue
            distance = math.hypot(x, y)
            bearing = math.atan2(y, x)
            low, high = CONDITIONS.workspace.azimuth
            if not low <= bearing <= high:
                bearing = 0.0
            nearer = (distance - error.step) * np.array([math.cos(bearing), math.sin(bearing)])
            PLANNER.choose(np.array([*nearer, z]), SIZE)
            continue
        point, found = PLANNER.arm_base.from_reference(trunk.to_base(centre)), 0
        for pitch in np.radians(np.arange(-40.0, 100.0, 5.0)):
            try:
                position, _ = arm.forward(arm.inverse(point, pitch))
            except IkError:
                continue
            assert position == pytest.approx(point, abs=1e-6)
            found += 1
        assert found, centre


def test_a_policy_that_has_learned_less_has_less_choice() -> None:
    table = replace(CONDITIONS.workspace, supports={"table": CONDITIONS.workspace.supports["table"]})
    near = replace(table, radius=Range(0.10, 0.16))
    centre = np.array([0.33, 0.05, 0.20])
    pose = StancePlanner(ROBOT, STANCE, table).choose(centre, SIZE)
    rise = table.supports["table"].rise
    assert rise.low <= pose.height <= rise.high
    with pytest.raises(OutOfReachError, match="nearer"):
        StancePlanner(ROBOT, STANCE, near).choose(centre, SIZE)
