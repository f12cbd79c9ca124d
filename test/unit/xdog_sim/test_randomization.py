"""Randomised bodies: ranges that are read and refused, bodies merged into one, masses that add up."""

from dataclasses import replace
from pathlib import Path
from typing import Tuple

import mujoco
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.config_file import ConfigError, Range
from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog_sim.batch.protocol import BatchParameters
from xdog_sim.randomization import (
    Randomization,
    TrunkTable,
    draw_parameters,
    load_ranges,
    merge_bodies,
    nominal_ranges,
    uniform,
)
from xdog_sim.world import WorldOptions, build_spec

ROBOT = load_description()
RANGES = load_ranges()
NOMINAL = TrunkTable(ROBOT, nominal_ranges(), 1, 0)
VARIED = TrunkTable(ROBOT, RANGES, 16, 5)
Array = np.ndarray


def draw(ranges: Randomization, table: TrunkTable, count: int, seed: int = 0) -> BatchParameters:
    return draw_parameters(ranges, table, count, ROBOT, 18.0, 0.5, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("payload: [0.0, 0.2]", "payload: [-0.2, 0.2]", "payload[0] is -0.2; it must be a number of 0 or above"),
        ("stiffness: [0.85", "stiffness: [0", "stiffness[0] is 0; it must be a number above 0"),
        ("arm_anywhere: 0.3", "arm_anywhere: 30", "arm_anywhere is 30; it must be a number from 0 to 1"),
        ("gravity: 0.03", "gravity: -0.03", "noise.gravity is -0.03; it must be a number of 0 or above"),
    ],
)
def test_wrong_ranges_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = share_path("sim", "randomization.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "ranges.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_ranges(path)
    assert str(caught.value) == f"{path}: {complaint}"


def test_two_point_masses() -> None:
    # 1 kg and 3 kg, 4 m apart along x: the centre lies 3 m from the light one; 1 x 3^2 + 3 x 1^2 = 12 kg m^2 across.
    mass, centre, inertia = merge_bodies(
        np.array([1.0, 3.0]), np.array([[0.0, 0.0, 1.0], [4.0, 0.0, 1.0]]), np.zeros((2, 3, 3))
    )
    assert mass == 4.0
    assert centre.tolist() == [3.0, 0.0, 1.0]
    assert inertia == pytest.approx(np.diag([0.0, 12.0, 12.0]))


def test_parallel_axes_off_the_diagonal() -> None:
    # Two 1 kg spheres of 0.5 kg m^2 at +-(1, 1, 0): each adds m [[y^2, -xy, 0], [-xy, x^2, 0], [0, 0, x^2 + y^2]].
    sphere = 0.5 * np.eye(3)
    _, centre, inertia = merge_bodies(
        np.ones(2), np.array([[1.0, 1.0, 0.0], [-1.0, -1.0, 0.0]]), np.array([sphere, sphere])
    )
    assert centre.tolist() == [0.0, 0.0, 0.0]
    assert inertia == pytest.approx(np.array([[3.0, -2.0, 0.0], [-2.0, 3.0, 0.0], [0.0, 0.0, 5.0]]))


def fused(payload: float) -> Tuple[float, Array, Array]:
    """Mass, centre and inertia of the trunk that MuJoCo itself makes of trunk, camera, stowed arm and payload."""
    spec = build_spec(WorldOptions(arm="fixed", visuals=False, sensors=False), ROBOT)
    if payload:
        spec.body(ROBOT.tool_frame).add_body(
            mass=payload, inertia=[1e-9] * 3, explicitinertial=True, name="payload", ipos=[0.0, 0.0, 0.0]
        )
    model = spec.compile()
    body = model.body(ROBOT.frames["base"]).id
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, model.body_iquat[body])
    axes = turn.reshape(3, 3)
    return model.body_mass[body], model.body_ipos[body], axes @ np.diag(model.body_inertia[body]) @ axes.T


@pytest.mark.parametrize("payload", [0.0, 0.2])
def test_trunk_arm_and_payload_are_what_mujoco_makes_of_them(payload: float) -> None:
    drawn = draw(replace(nominal_ranges(), payload=Range(payload, payload)), NOMINAL, 1)
    mass, centre, inertia = fused(payload)
    assert drawn.trunk_mass[0].item() == pytest.approx(mass, rel=1e-5)
    assert drawn.trunk_com[0].numpy() == pytest.approx(centre, abs=1e-5)
    assert drawn.trunk_inertia[0].numpy() == pytest.approx(inertia, abs=1e-5)


def test_the_table_has_the_mass_of_the_urdf() -> None:
    legs = {ROBOT.joints[name].child for name in ROBOT.legs.names} | set(ROBOT.feet)
    rest = sum(link.mass for link in ROBOT.links.values() if link.name not in legs)
    assert VARIED.mass.tolist() == pytest.approx([rest] * 16, rel=1e-6)
    assert NOMINAL.mass[0].item() + sum(ROBOT.links[link].mass for link in legs) == pytest.approx(ROBOT.mass)


def test_the_arm_moves_the_centre_of_mass() -> None:
    assert VARIED.com.std(0).max() > 0.005
    assert (VARIED.tool - NOMINAL.tool).norm(dim=1).max() > 0.1


@given(st.integers(0, 10_000))
def test_inertias_are_physical(seed: int) -> None:
    drawn = draw(RANGES, VARIED, 8, seed)
    assert torch.equal(drawn.trunk_inertia, drawn.trunk_inertia.transpose(1, 2))
    moments = np.linalg.eigvalsh(drawn.trunk_inertia.double().numpy())
    assert np.all(moments[:, 0] > 0.0)
    assert np.all(moments[:, 0] + moments[:, 1] > moments[:, 2])  # the triangle inequality


@given(st.integers(0, 10_000))
def test_draws_stay_within_their_ranges(seed: int) -> None:
    drawn = draw(RANGES, VARIED, 8, seed)
    low, high = RANGES.friction
    assert bool(((drawn.friction >= low) & (drawn.friction <= high)).all())
    base = NOMINAL.mass[0]
    least, most = base + RANGES.trunk_mass[0], base + RANGES.trunk_mass[1] + RANGES.payload[1]
    assert bool(((drawn.trunk_mass >= least - 1e-5) & (drawn.trunk_mass <= most + 1e-5)).all())
    strength = drawn.effort / torch.tensor(ROBOT.legs.effort, dtype=torch.float32)
    for gains, nominal, entry in ((drawn.kp, 18.0, "stiffness"), (drawn.kd, 0.5, "damping")):
        factor = gains / (nominal * strength)
        assert getattr(RANGES, entry)[0] - 1e-5 <= factor.min()
        assert factor.max() <= getattr(RANGES, entry)[1] + 1e-5
    assert RANGES.strength[0] - 1e-5 <= strength.min()
    assert strength.max() <= RANGES.strength[1] + 1e-5


def test_nominal_is_the_robot_of_the_urdf() -> None:
    drawn = draw(nominal_ranges(), NOMINAL, 3)
    assert torch.equal(drawn.kp, torch.full((3, 12), 18.0))
    assert torch.equal(drawn.kd, torch.full((3, 12), 0.5))
    assert drawn.effort.numpy() == pytest.approx(np.tile(ROBOT.legs.effort, (3, 1)))


def test_uniform_by_hand() -> None:
    same, other = (torch.Generator().manual_seed(7) for _ in range(2))
    assert torch.equal(uniform([2.0, 6.0], (5,), same), 2.0 + 4.0 * torch.rand(5, generator=other))
