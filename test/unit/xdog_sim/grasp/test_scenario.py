"""Grasp scenarios: reproducible from a seed, within their ranges and within reach."""

import math
from dataclasses import replace

import numpy as np
import pytest

from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler

SAMPLER = ScenarioSampler()
CONFIG = SAMPLER.config


def row(scenario: GraspScenario) -> list:
    """The numbers of a scenario as a list."""
    numbers = [scenario.surface, *scenario.position, scenario.yaw, scenario.edge, scenario.rise, scenario.pitch]
    return [*numbers, *scenario.start, *scenario.camera_shift, scenario.item.width, scenario.item.mass]


def test_a_seed_gives_the_same_scenarios_and_held_out_ones_differ() -> None:
    assert row(SAMPLER.draw(3, 7)) == row(SAMPLER.draw(3, 7))
    others = [SAMPLER.draw(3, 8), SAMPLER.draw(15, 7), SAMPLER.draw(3, 7, held_out=True)]
    assert all(row(other) != row(SAMPLER.draw(3, 7)) for other in others)


def test_kinds_take_turns_and_are_within_their_ranges() -> None:
    scenarios = list(SAMPLER.draws(12, 1))
    pairs = {(scenario.item.kind, scenario.support) for scenario in scenarios}
    assert len(pairs) == len(CONFIG.objects) * len(CONFIG.supports) == 12
    for scenario in scenarios:
        base, _ = SAMPLER.arm_base(scenario.rise, scenario.pitch)
        radius = float(np.hypot(*(scenario.position - base)[:2]))
        ranges, stance = CONFIG.objects[scenario.item.kind], CONFIG.supports[scenario.support]
        assert CONFIG.place.radius[0] <= radius <= CONFIG.place.radius[1]
        assert ranges.width[0] <= scenario.item.width <= ranges.width[1]
        assert stance.height[0] <= scenario.surface <= stance.height[1]
        assert (
            SAMPLER.path(scenario, SAMPLER.object_features(scenario), CONFIG.clearance, CONFIG.spare_reach) is not None
        )


def test_there_is_no_path_to_an_object_out_of_reach() -> None:
    scenario = SAMPLER.draw(0, 1)
    far = replace(scenario, position=scenario.position + np.array([0.5, 0.0, 0.0]))
    assert SAMPLER.path(far, SAMPLER.object_features(far)) is None


def test_the_trunk_stands_as_high_as_the_stance_says() -> None:
    standing, raised = SAMPLER.trunk(0.0, 0.0), SAMPLER.trunk(0.02, 0.0)
    # Stand pose by hand: two links of 0.15 m at 0.65 and 0.60 rad from the vertical, and the radius of a foot.
    assert standing.position == pytest.approx([0.0, 0.0, 0.15 * (math.cos(0.65) + math.cos(0.60)) + 0.0205], abs=1e-3)
    assert raised.position[2] - standing.position[2] == pytest.approx(0.02)
    assert standing.orientation == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_the_base_of_the_arm_pitches_with_the_trunk() -> None:
    trunk = SAMPLER.trunk(0.0, 0.2)
    level, _ = SAMPLER.arm_base(0.0, 0.0)
    position, rotation = SAMPLER.arm_base(0.0, 0.2)
    ahead, up = level[0], level[2] - SAMPLER.trunk(0.0, 0.0).position[2]
    # Nose down by 0.2 rad: x' = x cos + z sin, z' = z cos - x sin.
    expected = [ahead * math.cos(0.2) + up * math.sin(0.2), 0.0, up * math.cos(0.2) - ahead * math.sin(0.2)]
    assert position - trunk.position == pytest.approx(expected, abs=1e-6)
    assert rotation @ [1.0, 0.0, 0.0] == pytest.approx([math.cos(0.2), 0.0, -math.sin(0.2)])


def test_object_features_are_in_the_frame_of_the_arm() -> None:
    scenario = replace(SAMPLER.draw(0, 1), rise=0.0, pitch=0.0)
    base, _ = SAMPLER.arm_base(0.0, 0.0)
    features = SAMPLER.object_features(scenario)
    assert features[:3] == pytest.approx(scenario.position - base, abs=1e-6)
    assert features[3:5] == pytest.approx([scenario.item.width, scenario.item.height], abs=1e-6)
    assert features[5:8] == pytest.approx([0.0, 0.0, -1.0], abs=1e-6)


def test_the_view_pose_depends_on_the_height_of_the_object() -> None:
    camera, arm = CONFIG.camera, SAMPLER.robot.arm
    table = SAMPLER.draw(4, 1)
    base, _ = SAMPLER.arm_base(table.rise, table.pitch)
    low = replace(table, position=np.array([table.position[0], 0.0, base[2] + camera.high - 0.1]), pitch=0.0)
    high = replace(low, position=low.position + np.array([0.0, 0.0, 0.2]))
    for scenario, pose in ((low, camera.look_low), (high, camera.look_high)):
        start = SAMPLER.at_view_pose(scenario, 3).start
        assert np.abs(start[:5] - pose).max() <= camera.look_noise + 1e-9
        assert start[5] == scenario.start[5]
        assert np.all((arm.lower <= start) & (start <= arm.upper))
    assert np.array_equal(SAMPLER.at_view_pose(low, 3).start, SAMPLER.at_view_pose(low, 3).start)
    assert not np.array_equal(SAMPLER.at_view_pose(low, 3).start, SAMPLER.at_view_pose(low, 4).start)
