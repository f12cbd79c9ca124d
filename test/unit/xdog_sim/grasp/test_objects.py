"""Objects and supports in the model: sizes, masses and contacts, by hand."""

import math

import mujoco
import numpy as np
import pytest

from xdog.core.description import load_description
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.grasp.judge import lowest_point
from xdog_sim.grasp.objects import (
    BOARD,
    OBJECT,
    SUPPORT,
    TABLE_SIZE,
    GraspObject,
    add_object,
    add_support,
    prepare_for_grasping,
)
from xdog_sim.world import WorldOptions, build_spec

CONFIG = load_grasp_scenarios()
ROBOT = load_description()


def make(kind: str) -> GraspObject:
    return GraspObject(kind, 0.04, 0.10, 0.2, 0.7, (0.9, 0.1, 0.1))


def compiled(item: GraspObject, z: float = 0.5) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    add_object(spec, item, np.array([1.0, 2.0, z]), 0.6, CONFIG)
    return spec.compile()


@pytest.mark.parametrize("kind", ["ball", "cube", "bottle", "cup"])
def test_an_object_weighs_what_it_should_and_has_its_friction(kind: str) -> None:
    model = compiled(make(kind))
    assert float(model.body(OBJECT).mass[0]) == pytest.approx(0.2)
    solid = model.geom_contype > 0
    assert model.geom_friction[solid][:, 0] == pytest.approx([0.7] * int(solid.sum()))
    assert set(model.geom_priority[solid]) == {2}  # above the feet, so that its own friction applies


@pytest.mark.parametrize("kind", ["cube", "bottle", "cup"])
def test_an_object_is_as_high_and_wide_as_it_should_be(kind: str) -> None:
    model = compiled(make(kind))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    solid = np.flatnonzero(model.geom_contype > 0)
    assert lowest_point(model, data, solid) == pytest.approx(0.5 - 0.05)
    tops = [2.0 * data.geom_xpos[i, 2] - lowest_point(model, data, np.array([i])) for i in solid]
    assert max(tops) == pytest.approx(0.5 + 0.05)
    assert model.geom_size[solid, 0].max() == pytest.approx(0.02)
    assert data.body(OBJECT).xquat == pytest.approx([math.cos(0.3), 0.0, 0.0, math.sin(0.3)])


def test_a_bottle_has_a_narrow_neck_on_its_body() -> None:
    model = compiled(make("bottle"))
    body, neck = np.flatnonzero(model.geom_contype > 0)
    # The neck is 36 % of the height and half as wide: the body ends at -50 + 64 = 14 mm, where the neck begins.
    assert model.geom_pos[body, 2] + model.geom_size[body, 1] == pytest.approx(0.014)
    assert model.geom_pos[neck, 2] - model.geom_size[neck, 1] == pytest.approx(0.014)
    assert model.geom_size[neck, 0] == pytest.approx(0.01)


def test_the_bounding_box() -> None:
    assert make("cup").size.tolist() == [0.04, 0.04, 0.10]


def test_an_unknown_object_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown object 'pen'; known: ball, cube, bottle, cup"):
        compiled(make("pen"))


def support(kind: str) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    add_support(spec, kind, 0.2, 0.3, 0.1)
    return spec.compile()


def test_the_ground_needs_no_support() -> None:
    assert support("ground").ngeom == 0


@pytest.mark.parametrize(("kind", "thickness", "geoms"), [("table", 0.2, 1), ("shelf", BOARD, 3)])
def test_the_top_of_a_support_is_at_its_surface_and_edge(kind: str, thickness: float, geoms: int) -> None:
    model = support(kind)
    top = model.geom(SUPPORT)
    assert model.ngeom == geoms
    assert top.pos[2] + top.size[2] == pytest.approx(0.2)
    assert 2.0 * top.size[2] == pytest.approx(thickness)
    assert top.pos[0] - top.size[0] == pytest.approx(0.3)
    assert (2.0 * top.size[:2]).tolist() == pytest.approx(list(TABLE_SIZE))
    assert top.pos[1] == pytest.approx(0.1)


def test_preparing_for_grasping_lets_the_arm_touch_the_legs() -> None:
    spec = build_spec(WorldOptions(visuals=False, sensors=False), ROBOT)
    prepare_for_grasping(spec, ROBOT)
    model = spec.compile()
    feet = [model.geom(f"{foot}_contact").id for foot in ROBOT.feet]
    arm = [i for i in range(model.ngeom) if model.geom_contype[i] & 2]
    assert arm
    assert all(model.geom_contype[i] & model.geom_conaffinity[foot] for i in arm for foot in feet)
    assert model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
