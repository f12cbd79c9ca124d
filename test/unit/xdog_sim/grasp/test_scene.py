"""Placements, the scene and the expert: drawn alike from a seed, within reach, and every kind of object picked up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xdog.core.config_file import ConfigError
from xdog.core.paths import share_path
from xdog.grasp.observation import TOKEN_NAMES, TOKEN_SIZE, object_token
from xdog_learning.grasp.expert import attempt
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler
from xdog_sim.grasp.scene import GraspScene, nominal_flaws
from xdog_sim.world import WorldOptions, build_model

PLACER = ScenarioSampler()
CONFIG = PLACER.config


def row(placement: GraspScenario) -> list:
    """All numbers of a placement."""
    numbers = [placement.surface, *placement.position, placement.yaw, placement.edge, placement.rise, placement.pitch]
    return [*numbers, *placement.start, *placement.camera_shift, placement.item.width, placement.item.mass]


def test_a_seed_gives_the_same_placements_and_held_out_ones_are_others() -> None:
    assert row(PLACER.draw(3, 7)) == row(PLACER.draw(3, 7))
    others = [PLACER.draw(3, 8), PLACER.draw(15, 7), PLACER.draw(3, 7, held_out=True)]
    assert all(row(other) != row(PLACER.draw(3, 7)) for other in others)


def test_kinds_take_turns_and_lie_in_their_ranges() -> None:
    placements = list(PLACER.draws(12, 1))
    pairs = {(placement.item.kind, placement.support) for placement in placements}
    assert len(pairs) == len(CONFIG.objects) * len(CONFIG.supports) == 12
    for placement in placements:
        base, _ = PLACER.arm_base(placement)
        radius = float(np.hypot(*(placement.position - base)[:2]))
        ranges, stance = CONFIG.objects[placement.item.kind], CONFIG.supports[placement.support]
        assert CONFIG.place.radius[0] <= radius <= CONFIG.place.radius[1]
        assert ranges.width[0] <= placement.item.width <= ranges.width[1]
        assert stance.height[0] <= placement.surface <= stance.height[1]
        assert PLACER.path(placement, PLACER.token(placement), CONFIG.clearance, CONFIG.spare_reach) is not None


def test_out_of_reach_there_is_no_path() -> None:
    placement = PLACER.draw(0, 1)
    far = replace(placement, position=placement.position + np.array([0.5, 0.0, 0.0]))
    assert PLACER.path(far, PLACER.token(far)) is None


def test_token_says_what_and_where() -> None:
    token = object_token(np.array([0.3, 0.1, -0.2]), np.array([0.04, 0.05, 0.06]), np.array([0.0, 0.0, -9.81]))
    assert token == pytest.approx([0.3, 0.1, -0.2, 0.05, 0.06, 0.0, 0.0, -1.0])
    assert token.shape == (TOKEN_SIZE,) == (len(TOKEN_NAMES),)
    for wrong, message in (
        ((np.zeros(2), np.ones(3), np.ones(3)), "centre must be three"),
        ((np.zeros(3), np.array([0.1, 0.0, 0.1]), np.ones(3)), "extent must be above zero"),
        ((np.zeros(3), np.ones(3), np.zeros(3)), "no direction"),
    ):
        with pytest.raises(ValueError, match=message):
            object_token(*wrong)


def test_scene_repeats_itself_and_rests() -> None:
    placement = PLACER.draw(2, 1)
    ends = []
    for _ in range(2):
        scene = GraspScene(placement, PLACER, seed=4)
        for _ in range(5):
            scene.step(placement.start)
        ends.append((scene.observe().joints, scene.observe().token, scene.data.qpos.copy()))
    assert all(np.array_equal(first, second) for first, second in zip(*ends))
    assert scene.time == pytest.approx(5 * CONFIG.policy_period)
    assert scene.data.body("object").xpos == pytest.approx(placement.position, abs=1e-3)
    assert scene.observe().joints == pytest.approx(placement.start, abs=0.02)


def test_flaws_delay_and_displace_what_is_seen() -> None:
    placement = PLACER.draw(2, 1)
    flaws = replace(nominal_flaws(PLACER), delay=0.06, position_error=0.02)
    scene = GraspScene(placement, PLACER, seed=4, flaws=flaws)
    for _ in range(5):
        scene.step(placement.start + 0.2)
    assert scene.observe().stamp == pytest.approx(scene.time - 0.06)
    assert np.linalg.norm(scene.observe().token[:3] - PLACER.token(placement)[:3]) > 0.005


def test_senseless_actions_are_refused() -> None:
    scene = GraspScene(PLACER.draw(2, 1), PLACER)
    for action in (np.zeros(5), np.full(6, np.nan)):
        with pytest.raises(ValueError, match="six finite angles"):
            scene.step(action)


def test_servos_have_the_published_gains() -> None:
    model = build_model(WorldOptions(visuals=False))
    gripper, lift = model.actuator("gripper"), model.actuator("shoulder_lift")
    assert lift.gainprm[0] == 998.22
    assert list(lift.biasprm[:3]) == [0.0, -998.22, -2.731]
    assert list(lift.forcerange) == [-2.94, 2.94]
    assert list(gripper.forcerange) == [-1.47, 1.47]  # LeRobot's 50 %


@pytest.mark.parametrize("index", [4, 5, 6, 7])  # ball, cube, bottle, cup on a table
def test_expert_picks_up_each_kind(index: int) -> None:
    done = attempt(PLACER.draw(index, 1), seed=index, images=False, disturbed=False)
    assert done.success, done.reason
    assert done.episode is not None
    assert len(done.episode) * CONFIG.policy_period < 6.0
    still = np.abs(np.diff(done.episode.action[: -round(1.5 / CONFIG.policy_period)], axis=0)).max(axis=1) < 1e-4
    assert not still.any(), "a demonstration that pauses teaches to pause"


def test_wrong_entries_of_the_file_are_named(tmp_path: Path) -> None:
    text = share_path("sim", "grasp_scenarios.yaml").read_text(encoding="utf-8")
    for old, new, complaint in (
        ("  ball: {", "  sphere: {", "a key of objects is 'sphere'; it must be one of ball, cube, bottle, cup"),
        ("  table: {", "  desk: {", "a key of supports is 'desk'; it must be one of ground, table, shelf"),
        ("width: 128", "width: 128.5", "camera.width is 128.5; it must be a whole number above 0"),
    ):
        assert old in text
        path = tmp_path / f"{len(complaint)}.yaml"
        path.write_text(text.replace(old, new))
        with pytest.raises(ConfigError) as caught:
            load_grasp_scenarios(path)
        assert str(caught.value) == f"{path}: {complaint}"


def test_a_policy_period_that_the_robot_cannot_keep_is_refused_before_anything_is_recorded() -> None:
    with pytest.raises(ConfigError, match=r"policy_period is 0\.05 s, no multiple of the control loop's 0\.02 s"):
        ScenarioSampler(config=replace(CONFIG, policy_period=0.05))
