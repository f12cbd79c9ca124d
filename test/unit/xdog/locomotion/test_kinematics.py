"""Leg kinematics against numbers worked out by hand, against MuJoCo, and as inverse of each other."""

import math

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdog.core.description import DescriptionError, load_description, parse_description
from xdog.locomotion.kinematics import Leg, LegKinematics, leg_of
from xdog_sim.world import WorldOptions, build_model

ROBOT = load_description()
LEGS = LegKinematics(ROBOT)
STAND, LIE = ROBOT.legs.poses["stand"], ROBOT.legs.poses["lie"]
Array = np.ndarray

legs = st.sampled_from(LEGS.legs)


def angles_of(leg: Leg, shares: "tuple[float, float, float]") -> Array:
    low, high = np.array(leg.lower), np.array(leg.upper)
    return low + np.array(shares) * (high - low)


shares = st.tuples(*[st.floats(0.0, 1.0)] * 3)


def test_geometry_is_the_urdfs() -> None:
    right, left = LEGS.legs[0], LEGS.legs[1]
    assert [leg.foot for leg in LEGS.legs] == list(ROBOT.feet)
    assert left.origin == (0.176, 0.0525, 0.0)
    assert right.offset == (0.0, -0.077)
    assert (left.thigh, left.calf, left.foot_radius) == (0.15, 0.15, 0.0205)
    assert left.signs == (1.0, -1.0, -1.0)
    assert left.joints == (3, 4, 5)


def test_standing_feet_by_hand() -> None:
    # Thigh 0.65 rad back, calf 0.60 rad forward of straight down.
    x = 0.15 * (-math.sin(0.65) + math.sin(0.60))
    z = -0.15 * (math.cos(0.65) + math.cos(0.60))
    wanted = [[0.176 + x, -0.1295, z], [0.176 + x, 0.1295, z], [-0.176 + x, -0.1295, z], [-0.176 + x, 0.1295, z]]
    np.testing.assert_allclose(LEGS.feet(STAND), wanted, atol=1e-12)


def test_swung_out_leg_by_hand() -> None:
    # Thigh straight down, knee at a right angle: 0.15 m forward and 0.15 m down, then turned by 0.5 rad about x.
    foot = LEGS.legs[1].forward([0.5, 0.0, math.pi / 2])
    y = 0.077 * math.cos(0.5) + 0.15 * math.sin(0.5)
    z = 0.077 * math.sin(0.5) - 0.15 * math.cos(0.5)
    np.testing.assert_allclose(foot, [0.176 + 0.15, 0.0525 + y, z], atol=1e-12)


@given(legs, shares)
def test_inverse_returns_the_angles(leg: Leg, where: "tuple[float, float, float]") -> None:
    angles = angles_of(leg, where)
    foot = leg.forward(angles)
    hip_height = leg.axes(angles)[1] @ np.cross([1.0, 0.0, 0.0], foot - leg.origin)
    solved = leg.inverse(foot)
    np.testing.assert_allclose(leg.forward(solved), foot, atol=1e-9)
    # Above the hip the same place may be reached by the leg turned upside down; below it the answer is unique,
    # except with a hip turned so far that the limits cut it off.
    if hip_height * leg.signs[1] > 1e-3:
        np.testing.assert_allclose(solved, angles, atol=1e-6)


@given(legs, shares)
def test_inverse_reaches_every_reachable_position(leg: Leg, where: "tuple[float, float, float]") -> None:
    foot = leg.forward(angles_of(leg, where))
    assert leg.reaches(foot)
    np.testing.assert_allclose(leg.forward(leg.inverse(foot)), foot, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(legs, st.tuples(*[st.floats(-1.0, 1.0)] * 3))
def test_inverse_stays_within_the_limits(leg: Leg, away: "tuple[float, float, float]") -> None:
    angles = leg.inverse(np.add(leg.origin, away))
    assert np.all(np.isfinite(angles))
    assert np.all(angles >= leg.lower)
    assert np.all(angles <= leg.upper)


def test_a_position_too_far_below_stretches_the_leg() -> None:
    # Seen from the abad joint the stretched leg ends on a circle about x; the nearest point lies towards the target.
    leg, target = LEGS.legs[1], np.array([0.176, 0.1295, -0.5])
    longest = math.sqrt(2.0 * 0.15**2 * (1.0 + math.cos(0.436)))
    share = math.hypot(0.077, longest) / math.hypot(0.077, 0.5)
    foot = leg.forward(leg.inverse(target))
    np.testing.assert_allclose(foot, [0.176, 0.0525 + share * 0.077, -share * 0.5], atol=1e-4)
    assert not leg.reaches(target)


def test_out_of_reach_gives_the_nearest_position_as_a_search_finds_it() -> None:
    leg, random = LEGS.legs[2], np.random.default_rng(3)
    tried = np.array([leg.forward(random.uniform(leg.lower, leg.upper)) for _ in range(10_000)])
    for _ in range(20):
        wanted = np.add(leg.origin, random.uniform([-0.4, -0.4, -0.5], [0.4, 0.4, -0.1]))
        distance = np.linalg.norm(leg.forward(leg.inverse(wanted)) - wanted)
        assert distance <= np.min(np.linalg.norm(tried - wanted, axis=1)) + 1e-6


@given(legs, shares)
def test_jacobian_is_the_derivative(leg: Leg, where: "tuple[float, float, float]") -> None:
    angles, step = angles_of(leg, where), 1e-6
    numeric = [(leg.forward(angles + d) - leg.forward(angles - d)) / (2.0 * step) for d in step * np.eye(3)]
    np.testing.assert_allclose(leg.jacobian(angles), np.transpose(numeric), atol=1e-8)


def test_standing_torques_by_hand() -> None:
    force = np.zeros((4, 3))
    force[:, 2] = -20.0  # each foot presses down with 20 N
    torques = LEGS.torques(STAND, force).reshape(4, 3)
    hip_arm = 0.15 * (-math.sin(0.65) + math.sin(0.60))  # foot ahead of the hip
    knee_arm = 0.15 * math.sin(0.60)  # foot ahead of the knee
    np.testing.assert_allclose(torques[1], [-20.0 * 0.077, -20.0 * hip_arm, -20.0 * knee_arm], atol=1e-9)
    np.testing.assert_allclose(torques[0], [20.0 * 0.077, -20.0 * hip_arm, -20.0 * knee_arm], atol=1e-9)


def test_feet_and_jacobians_are_mujocos() -> None:
    model = build_model(WorldOptions(sensors=False, visuals=False), ROBOT)
    data, random = mujoco.MjData(model), np.random.default_rng(1)
    qpos = [model.joint(name).qposadr[0] for name in ROBOT.legs.names]
    dofs = [model.joint(name).dofadr[0] for name in ROBOT.legs.names]
    for _ in range(5):
        angles = random.uniform(ROBOT.legs.lower, ROBOT.legs.upper)
        data.qpos[:7] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
        data.qpos[qpos] = angles
        mujoco.mj_forward(model, data)
        feet = np.array([data.site(f"{foot}_site").xpos for foot in ROBOT.feet])
        np.testing.assert_allclose(LEGS.feet(angles), feet, atol=1e-9)
        for leg, index in zip(LEGS.legs, LEGS.index):
            site, jacobian = model.site(f"{leg.foot}_site"), np.zeros((3, model.nv))
            sole = np.add(data.site(site.id).xpos, [0.0, 0.0, -leg.foot_radius])
            mujoco.mj_jac(model, data, jacobian, None, sole, site.bodyid[0])
            ours = leg.jacobian(angles[index], [0.0, 0.0, -leg.foot_radius])
            np.testing.assert_allclose(ours, jacobian[:, [dofs[i] for i in index]], atol=1e-9)


def robot_with(before: str, after: str) -> None:
    import yaml

    from xdog.core.paths import share_path

    assert before in ROBOT.urdf
    config = yaml.safe_load(share_path("launch", "config", "robot.yaml").read_text())
    leg_of(parse_description(ROBOT.urdf.replace(before, after), config), "front_right_foot_link")


def test_a_leg_of_another_structure_is_refused() -> None:
    with pytest.raises(DescriptionError, match="front_right_abad_joint has axis"):
        robot_with('<axis xyz="1 0 0"/>', '<axis xyz="0 1 0"/>')
    with pytest.raises(DescriptionError, match="front_right_foot_link must point straight down"):
        robot_with('<origin rpy="0 0 0" xyz="0 0 -0.15"/>', '<origin rpy="0 0 0" xyz="0.01 0 -0.15"/>')
