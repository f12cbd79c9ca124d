"""The collision check against MuJoCo's distances, against poses worked out by hand, and its time."""

import time
from typing import Dict, Tuple

import mujoco
import numpy as np
import pytest

from xdog.arm.collision import ArmCollision, straight_path
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog_sim.world import WorldOptions, build_model

Array = np.ndarray
ROBOT = load_description()
MARGIN = 0.005
STOW, HOME = ROBOT.arm.poses["stow"], ROBOT.arm.poses["home"]
INTO_TRUNK = np.array([-1.5, 1.2, 0.2, 1.2, 0.0, 0.0])


@pytest.fixture
def check() -> ArmCollision:
    return ArmCollision(ROBOT, MARGIN)


def closest(model: mujoco.MjModel, data: mujoco.MjData, arm: Array, legs: Array) -> Dict[Tuple[str, str], float]:
    """MuJoCo's distance for every pair of links that no joint connects and of which one belongs to the arm, m."""
    for name, angle in zip((*ROBOT.arm.names, *ROBOT.legs.names), (*arm, *legs)):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_kinematics(model, data)
    links = ArmKinematics(ROBOT).links
    shapes = [
        (model.body(model.geom_bodyid[g]).name, g)
        for g in range(model.ngeom)
        if model.geom_contype[g] or model.geom_conaffinity[g]
    ]
    found: Dict[Tuple[str, str], float] = {}
    for name, geom in shapes:
        for other, other_geom in shapes:
            first, second = (links.index(link) if link in links else 0 for link in (name, other))
            if other == "world" or first - second < 2:
                continue
            distance = mujoco.mj_geomDistance(model, data, geom, other_geom, 0.05, None)
            key = (name, other)
            found[key] = min(found.get(key, np.inf), distance)
    return found


def test_agrees_with_mujoco(check: ArmCollision) -> None:
    model = build_model(WorldOptions(visuals=False), ROBOT)
    data = mujoco.MjData(model)
    rng = np.random.default_rng(7)
    missed, needless, clear = [], 0, 0
    for _ in range(150):
        arm = rng.uniform(ROBOT.arm.lower, ROBOT.arm.upper)
        legs = rng.uniform(ROBOT.legs.lower, ROBOT.legs.upper)
        check.set_legs(legs)
        said = {frozenset(pair.split(" and ")) for pair in check.collisions(arm)}
        for pair, distance in closest(model, data, arm, legs).items():
            if frozenset(pair) in said:
                needless += distance > MARGIN + 0.01
            elif distance < MARGIN - 1e-6:
                missed.append((pair, distance))
            else:
                clear += 1
    assert not missed
    assert clear > 10_000
    assert needless < 30  # pairs called near though they are further than the margin and 1 cm apart


def test_known_poses(check: ArmCollision) -> None:
    assert check.collisions(STOW) == []
    assert check.collisions(HOME) == []
    assert check.collisions(INTO_TRUNK)[0] == "arm_gripper_link and base_link"


def test_legs_count_where_they_are(check: ArmCollision) -> None:
    beside = np.array([-1.2, 1.0, 0.6, 0.3, 0.0, 0.0])  # down on the left
    raised = ROBOT.legs.poses["stand"].copy()
    raised[[3, 4]] = [1.1, -1.6]  # the front left leg swung up and out
    assert "arm_gripper_link and front_left_thigh_link" in check.collisions(beside)
    assert "arm_lower_arm_link and front_left_thigh_link" not in check.collisions(beside)
    check.set_legs(raised)
    assert "arm_gripper_link and front_left_thigh_link" not in check.collisions(beside)
    assert "arm_lower_arm_link and front_left_thigh_link" in check.collisions(beside)


def test_straight_paths(check: ArmCollision) -> None:
    assert check.straight_path_obstacles(STOW, HOME) == []
    assert check.straight_path_obstacles(HOME, INTO_TRUNK) != []
    path = straight_path(STOW, HOME)
    np.testing.assert_allclose(path[-1], HOME)
    assert np.abs(np.diff(path, axis=0)).sum(axis=1).max() <= 0.02 + 1e-9
    np.testing.assert_array_equal(straight_path(HOME, HOME), [HOME])


def test_an_arm_in_trouble_may_move_out_but_not_further_in(check: ArmCollision) -> None:
    trouble, lower = np.array([-0.6, 1.1, -0.3, 1.2, 0.0, 0.0]), np.array([0.0, 0.05, 0.0, 0.0, 0.0, 0.0])
    assert check.collisions(trouble) == ["arm_gripper_link and front_left_abad_link"]
    assert check.obstacles(trouble, trouble[None]) == []
    assert check.straight_path_obstacles(trouble, trouble - 3 * lower) == []
    assert check.straight_path_obstacles(trouble, trouble + lower) == check.collisions(trouble)


def test_a_pose_takes_less_than_a_millisecond(check: ArmCollision) -> None:
    rng = np.random.default_rng(3)
    took = []
    for arm in rng.uniform(ROBOT.arm.lower, ROBOT.arm.upper, (200, 6)):
        start = time.thread_time()  # of this thread alone: what the machine does besides does not count
        check.set_legs(ROBOT.legs.poses["stand"])
        check.collisions(arm)
        took.append(time.thread_time() - start)
    assert np.percentile(took, 20) < 1e-3
