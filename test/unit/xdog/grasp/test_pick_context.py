"""What the phases of a pick are made of: places, motions of limited speed, and checks that end it."""

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.grasp.config import load_pick_config
from xdog.grasp.object_tracker import TrackedDetection
from xdog.grasp.pick_context import PickContext
from xdog.grasp.pick_types import PickEnd, PickInput
from xdog.grasp.trunk_pose import TrunkPose

ROBOT, CONFIG = load_description(), load_pick_config()
HOME = ROBOT.arm.poses["home"]
PERIOD = 1.0 / ROBOT.rates["control"]
TRUNK = TrunkPose(0.25, pitch=0.1)


def measured(now: float, arm: np.ndarray = HOME, **more: object) -> PickInput:
    values = {"standing": True, "torque_off": "", "objection": "", **more}
    return PickInput(now, arm, np.zeros(6), TRUNK, **values)


def detection(stamp: float) -> TrackedDetection:
    return TrackedDetection(stamp, "ball", np.array([0.4, 0.0, 0.02]), np.full(3, 0.04))


def test_a_motion_keeps_to_its_speed_and_ends_at_its_goal() -> None:
    context, goal = PickContext(ROBOT, CONFIG), HOME + np.array([0.5, -0.2, 0.1, 0.0, 0.0, 0.3])
    now, commands = 0.0, [HOME]
    context.update(measured(now))
    for _ in context.move(goal):
        assert context.command is not None
        commands.append(context.command)
        now += PERIOD
        context.update(measured(now, context.command))
    np.testing.assert_allclose(commands[-1], goal)
    speeds = np.abs(np.diff(commands, axis=0)).max(axis=1) / PERIOD
    assert speeds.max() <= CONFIG.approach.speed + 1e-6
    assert speeds.max() > 0.9 * CONFIG.approach.speed
    assert context.progress == 1.0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"objection": "e-stop"}, "e-stop"),
        ({"standing": False}, "the dog does not stand any more"),
        ({"torque_off": "damped"}, "the dog's legs are not held: damped"),
    ],
)
def test_what_forbids_motion_ends_it(more: dict, words: str) -> None:
    with pytest.raises(PickEnd, match=words):
        PickContext(ROBOT, CONFIG).update(measured(0.0, **more))


def test_an_arm_that_stays_behind_ends_it_after_a_while() -> None:
    context, config = PickContext(ROBOT, CONFIG), CONFIG.approach
    context.update(measured(0.0))
    context.command = HOME + (config.behind + 0.1) * np.eye(6)[1]
    context.update(measured(PERIOD))
    context.update(measured(0.9 * config.follow))
    with pytest.raises(PickEnd, match="the arm does not follow"):
        context.update(measured(config.follow + 2 * PERIOD))
    gripper = PickContext(ROBOT, CONFIG)
    gripper.update(measured(0.0))
    gripper.command = HOME + np.eye(6)[5]  # it may be around an object
    for now in np.arange(PERIOD, 3.0 * config.follow, PERIOD):
        gripper.update(measured(float(now)))


def test_the_age_of_what_was_seen() -> None:
    context = PickContext(ROBOT, CONFIG)
    context.update(measured(10.0))
    assert context.age == np.inf
    context.see([detection(9.9), detection(15.0)])  # of the future: left out
    context.tracker.choose(context.detections, "", np.zeros(3))
    assert context.age == pytest.approx(0.1)
    context.check_seen(far=True)
    context.update(measured(10.0 + CONFIG.approach.lost))
    context.check_seen(far=False)
    with pytest.raises(PickEnd, match=r"the object was last seen 0\.7 s ago"):
        context.check_seen(far=True)


def test_the_features_are_the_object_seen_from_the_arm() -> None:
    context = PickContext(ROBOT, CONFIG)
    context.update(measured(0.0))
    context.see([detection(0.0)])
    context.tracker.choose(context.detections, "", np.zeros(3))
    context.note_place()
    features = context.features
    base = TRUNK.to_level(context.arm_base.position)
    np.testing.assert_allclose(np.linalg.norm(features[:3]), np.linalg.norm([0.4, 0.0, 0.02] - base), rtol=1e-6)
    np.testing.assert_allclose(features[3:], [0.04, 0.04, np.sin(0.1), 0.0, -np.cos(0.1)], atol=1e-6)
    assert context.distance == pytest.approx(float(np.linalg.norm(context.tool - [0.4, 0.0, 0.02])))


def test_empty_jaws_end_a_carry() -> None:
    context = PickContext(ROBOT, CONFIG)
    around, shut = HOME.copy(), HOME.copy()
    around[5], shut[5] = context.gripper.angle(0.04), context.gripper.angle(0.0)
    context.update(measured(0.0, around))
    context.check_held()
    context.update(measured(PERIOD, shut))
    with pytest.raises(PickEnd, match="the object fell out of the gripper"):
        context.check_held()
