"""Objects around the simulated dog: their places, their bounding boxes, and errors in scene files."""

import math
from pathlib import Path

import mujoco
import numpy as np
import pytest

from xdog.core.config_file import ConfigError
from xdog.core.description import load_description
from xdog.core.rotations import rotation_matrix
from xdog_sim.grasp.objects import GraspObject
from xdog_sim.scene import Objects, add_scene, class_names, load_scene, upright_box
from xdog_sim.world import WorldOptions, build_model, build_spec

ROBOT = load_description()


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    spec = build_spec(WorldOptions(visuals=False), ROBOT)
    add_scene(spec, load_scene("tabletop"), ROBOT)
    return spec.compile()


def test_an_empty_scene_is_the_plain_world() -> None:
    options = WorldOptions(visuals=False)
    spec = build_spec(options, ROBOT)
    add_scene(spec, load_scene("empty"), ROBOT)
    plain, combined = build_model(options, ROBOT), spec.compile()
    assert (combined.nq, combined.ngeom, combined.opt.cone) == (plain.nq, plain.ngeom, plain.opt.cone)


def test_objects_rest_where_the_file_says(model: mujoco.MjModel) -> None:
    scene, data = load_scene("tabletop"), mujoco.MjData(model)
    objects = Objects(scene, model, data)
    for _ in range(200):
        mujoco.mj_step(model, data)
    for scene_object, seen in zip(scene.objects, objects.truth()):
        assert class_names()[seen.kind] == scene_object.item.kind
        assert np.allclose(seen.position, scene_object.position, atol=2e-3), scene_object.name
        assert np.allclose(np.sort(seen.size), np.sort(scene_object.item.size), atol=2e-3), scene_object.name


def test_a_placed_object_stands_upright_and_at_rest(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    objects = Objects(load_scene("tabletop"), model, data)
    data.qvel[:] = 1.0
    objects.place("bottle", np.array([1.0, 2.0, 0.0]), 0.3)
    data.qvel[: -6 * len(objects.truth())] = 0.0
    mujoco.mj_forward(model, data)
    bottle = objects.truth()[2]
    assert np.allclose(bottle.position, [1.0, 2.0, 0.0525])
    with pytest.raises(ValueError, match="known: ball, cube, bottle, cup"):
        objects.place("box", np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="finite"):
        objects.place("ball", np.array([np.nan, 0.0, 0.0]), 0.0)


def test_a_pulled_object_follows_the_force_until_it_is_released(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    objects, gravity = Objects(load_scene("tabletop"), model, data), -model.opt.gravity[2]
    ball = model.body("ball")
    start = np.array(load_scene("tabletop").objects[0].position)
    objects.pull("ball", np.array([0.0, 0.0, 2.0 * gravity * ball.mass[0]]), until=0.2)
    while data.time < 0.2 - 1e-9:
        objects.end_pulls(data.time)
        mujoco.mj_step(model, data)
    rise = objects.truth()[0].position - start
    assert rise[2] == pytest.approx(
        0.5 * gravity * 0.2**2, abs=0.01
    )  # twice its weight: it rises as fast as it would fall
    objects.end_pulls(0.2)
    assert not data.xfrc_applied.any()
    with pytest.raises(ValueError, match="known: ball, cube, bottle, cup"):
        objects.pull("box", np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="finite"):
        objects.pull("ball", np.array([np.inf, 0.0, 0.0]), 1.0)


def make(kind: str, width: float = 0.04, height: float = 0.04) -> GraspObject:
    return GraspObject(kind, width, height, 0.05, 0.8, (1.0, 0.0, 0.0))


def test_the_box_of_a_ball_does_not_roll() -> None:
    rotation, size = upright_box(make("ball"), rotation_matrix(0.7, 0.4, 1.0))
    assert np.allclose(rotation, np.eye(3))
    assert np.allclose(size, 0.04)


def test_the_box_of_a_bottle_lies_down_with_it() -> None:
    rotation, size = upright_box(make("bottle", 0.04, 0.12), rotation_matrix(0.0, math.pi / 2.0, 0.5))
    assert np.allclose(size, [0.12, 0.04, 0.04])
    assert np.allclose(rotation, rotation_matrix(0.0, 0.0, 0.5))


def test_the_box_of_a_rotated_cube_has_its_size_and_yaw() -> None:
    rotation, size = upright_box(make("cube"), rotation_matrix(0.0, 0.0, 0.4))
    assert np.allclose(size, 0.04)
    assert np.allclose(rotation, rotation_matrix(0.0, 0.0, 0.4))


def test_a_malformed_scene_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="known: empty, tabletop"):
        load_scene("kitchen")
    ball = "kind: ball, width: 0.04, height: 0.04, mass: 0.04, friction: 0.8, colour: [1, 0, 0], place: [0.3, 0]"
    for text, complaint in (
        (f"objects: {{a: {{{ball.replace('ball', 'cat')}}}}}", "objects.a.kind is 'cat'; it must be one of ball, cube"),
        (
            f"objects: {{a: {{{ball.replace('mass: 0', 'mass: -0')}}}}}",
            "objects.a.mass is -0.04; it must be a number above",
        ),
        (f"objects: {{a: {{{ball}, support: desk}}}}", "objects.a.support is 'desk'; it must be one of supports: none"),
        (
            f"objects: {{a: {{{ball}}}}}\nsupports: {{a: {{kind: table, height: 0.2, edge: 0.3, y: 0}}}}",
            "'a' is an object and a support: rename one of them",
        ),
    ):
        path = tmp_path / "scene.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_scene(str(path))
        assert str(caught.value).startswith(f"{path}: {complaint}")
    path.write_text(f"objects: {{base_link: {{{ball}}}}}")
    with pytest.raises(ConfigError, match="'base_link' has the name of a part of the robot: rename it"):
        add_scene(build_spec(WorldOptions(), ROBOT), load_scene(str(path)), ROBOT)
