"""Many simulated robots: determinism, partial resets, the past, pushes, parameters, simulations that diverge."""

import math
from pathlib import Path
from typing import List, Tuple

import numpy as np
import pytest
import torch
from simulated_robots import CONFIG, LEVEL, ROBOT, STAND, hold, make_batch, place
from torch import Tensor

from xdog.locomotion.kinematics import LegKinematics
from xdog_learning.gait.rollout import evaluation_options
from xdog_sim.batch.factory import training_options
from xdog_sim.batch.mujoco_cpu import MujocoBatch
from xdog_sim.batch.protocol import BatchParameters, BatchState
from xdog_sim.randomization import TrunkTable, draw_parameters, nominal_ranges
from xdog_sim.world import WorldOptions

TABLE = TrunkTable(ROBOT, nominal_ranges(), 1, 0)
STEP = 0.005


def values(state: BatchState) -> Tensor:
    """The state of the robots as one row each, (n, 37)."""
    return torch.cat([getattr(state, name) for name in state.__dataclass_fields__], 1)


def shaken(num: int, steps: int = 4, seed: int = 0) -> Tensor:
    """Random targets around the stand pose, (num, steps, 12)."""
    generator = torch.Generator().manual_seed(seed)
    return hold(num, steps) + 0.3 * (torch.rand(num, steps, 12, generator=generator) - 0.5)


def nominal(count: int) -> BatchParameters:
    return draw_parameters(
        nominal_ranges(), TABLE, count, ROBOT, CONFIG.control.kp, CONFIG.control.kd, torch.Generator().manual_seed(0)
    )


def run(sim: MujocoBatch, rounds: int = 5) -> Tensor:
    place(sim)
    for k in range(rounds):
        sim.step(shaken(sim.num, seed=k))
    return torch.cat([values(sim.state()), sim.torque.flatten(1), sim.foot_position.flatten(1)], 1)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    assert torch.equal(run(make_batch(6, threads=1)), run(make_batch(6, threads=3)))


def test_a_reset_touches_only_its_robots() -> None:
    sim, reference = make_batch(4), make_batch(4)
    run(sim)
    run(reference)
    ids = torch.tensor([1, 3])
    place(sim, ids=ids)
    sim.step(shaken(4, seed=9))
    reference.step(shaken(4, seed=9))
    here, there = values(sim.state()), values(reference.state())
    assert torch.equal(here[[0, 2]], there[[0, 2]])
    assert not torch.isclose(here[[1, 3]], there[[1, 3]]).all()


def test_a_reset_robot_is_like_a_new_one() -> None:
    sim, new = make_batch(2), make_batch(2)
    run(sim)
    for batch in (sim, new):
        place(batch)
        batch.step(shaken(2, seed=4))
    assert torch.equal(values(sim.state()), values(new.state()))


def test_a_reset_sets_the_pose_and_the_feet() -> None:
    sim = make_batch(2)
    run(sim)
    turned = torch.tensor([math.cos(0.5), 0.0, 0.0, math.sin(0.5)])  # 1 rad to the left
    joints = STAND + torch.linspace(-0.1, 0.1, 12)
    sim.reset(torch.tensor([1]), torch.tensor([[1.0, 2.0, 0.3]]), turned[None], joints[None])
    state = sim.state()
    assert state.position[1].tolist() == pytest.approx([1.0, 2.0, 0.3])
    assert torch.equal(state.joint_position[1], joints)
    assert not torch.cat([state.linear_velocity, state.angular_velocity, state.joint_velocity], 1)[1].any()
    c, s = math.cos(1.0), math.sin(1.0)
    rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    feet = LegKinematics(ROBOT).feet(joints.numpy().astype(float)) @ rotation.T + [1.0, 2.0, 0.3]
    assert sim.foot_position[1].numpy() == pytest.approx(feet, abs=1e-5)


def test_past_states_are_those_of_smaller_steps() -> None:
    sim, slow = make_batch(3), make_batch(3)
    place(sim)
    place(slow)
    targets = shaken(3)
    sim.step(targets)
    past = []
    for k in range(4):
        slow.step(targets[:, k : k + 1])
        past.append(values(slow.state()))
    for age in range(4):
        assert torch.equal(values(sim.state(torch.full((3,), age))), past[3 - age])
    mixed = values(sim.state(torch.tensor([0, 3, 1])))
    assert torch.equal(mixed, torch.stack([past[3][0], past[0][1], past[2][2]]))


def test_past_states_end_with_the_last_step_and_at_a_reset() -> None:
    sim = make_batch(2)
    run(sim)
    with pytest.raises(ValueError, match="only 3 physics steps back"):
        sim.state(torch.tensor([0, 4]))
    place(sim, ids=torch.tensor([0]))
    assert torch.equal(sim.state(torch.tensor([2, 2])).joint_position[0], STAND)


def test_a_push_adds_exactly_its_velocity() -> None:
    sim = make_batch(3)
    run(sim)
    before = values(sim.state())
    sim.push(torch.tensor([2]), torch.tensor([[0.5, -0.25, 0.125]]), torch.tensor([0.75]))
    change = values(sim.state()) - before
    names = list(BatchState.__dataclass_fields__)
    assert names[:4] == ["position", "orientation", "linear_velocity", "angular_velocity"]
    expected = torch.zeros(3, change.shape[1])
    expected[2, 7:10] = torch.tensor([0.5, -0.25, 0.125])
    expected[2, 12] = 0.75
    assert change.numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_free_fall() -> None:
    sim = make_batch(1)
    place(sim, height=2.0)
    sim.step(hold(1, 10))
    # Ten semi-implicit Euler steps: velocity first, so the fall is g dt^2 (1 + 2 + ... + 10).
    state = sim.state()
    assert state.position[0, 2].item() == pytest.approx(2.0 - 9.81 * STEP**2 * 55, abs=1e-5)
    assert state.linear_velocity[0].tolist() == pytest.approx([0.0, 0.0, -9.81 * 10 * STEP], abs=1e-4)


@pytest.mark.parametrize("options", [training_options(STEP, 18.0, 0.5), evaluation_options(CONFIG)])
def test_the_arm_is_part_of_the_trunk_and_counted_once(options: WorldOptions) -> None:
    model = MujocoBatch(options, 1, 1, ROBOT).model
    legs = {ROBOT.joints[name].child for name in ROBOT.legs.names}
    assert {model.body(i).name for i in range(model.nbody)} == {"world", ROBOT.frames["base"], *legs}
    assert float(model.body_mass.sum()) == pytest.approx(ROBOT.mass, rel=1e-6)
    assert float(model.body(ROBOT.frames["base"]).mass[0]) == pytest.approx(float(TABLE.mass[0]), rel=1e-6)


def test_each_robot_has_its_own_gains_and_torque_limits() -> None:
    sim = make_batch(3)
    parameters = nominal(2)
    parameters.kp[0], parameters.kd[0] = 10.0, 0.2
    parameters.effort[1] = 0.5
    sim.set_parameters(torch.tensor([0, 2]), parameters)
    place(sim, height=2.0)
    sim.step(hold(3, 1) + 0.1)
    # At rest 0.1 rad short of the target: kp x 0.1.
    assert sim.torque[0, 0].tolist() == pytest.approx([1.0] * 12, abs=1e-5)
    assert sim.torque[1, 0].tolist() == pytest.approx([1.8] * 12, abs=1e-5)
    assert sim.torque[2, 0].tolist() == pytest.approx([0.5] * 12, abs=1e-5)
    state = sim.state()
    sim.step(hold(3, 1) + 0.1)
    wanted = 10.0 * (STAND + 0.1 - state.joint_position[0]) - 0.2 * state.joint_velocity[0]
    assert sim.torque[0, 0].numpy() == pytest.approx(wanted.numpy(), abs=1e-4)


def standing(parameters: BatchParameters, ids: Tensor) -> Tuple[MujocoBatch, Tensor]:
    """Three robots that have stood for 0.4 s with ``parameters`` for ``ids``, and their states."""
    sim = make_batch(3)
    sim.set_parameters(torch.arange(3), nominal(3))
    sim.set_parameters(ids, parameters)
    place(sim, 0.27)
    for _ in range(20):
        sim.step(hold(3))
    return sim, values(sim.state())


def test_a_heavier_trunk_sinks_deeper_and_other_robots_do_not_change() -> None:
    heavy = nominal(1)
    heavy.trunk_mass += 3.0
    sim, loaded = standing(heavy, torch.tensor([1]))
    _, plain = standing(nominal(1), torch.tensor([1]))
    assert torch.equal(loaded[[0, 2]], plain[[0, 2]])
    assert loaded[1, 2] < plain[1, 2] - 0.005
    # The knees bend until kp times their error carries the weight, so that the torques grow with it.
    assert sim.torque[1, -1].abs().sum() > 1.2 * sim.torque[0, -1].abs().sum()


def test_feet_with_less_friction_slide_further() -> None:
    slippery = nominal(1)
    slippery.friction[:] = 0.1
    sim, _ = standing(slippery, torch.tensor([2]))
    sim.push(torch.arange(3), torch.tensor([[0.0, 0.8, 0.0]]).repeat(3, 1))
    start = sim.foot_position.mean(1)
    for _ in range(25):
        sim.step(hold(3))
    slid = (sim.foot_position.mean(1) - start)[:, 1]
    assert slid[2] > slid[0] + 0.05
    assert slid[0] == slid[1]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes its warnings to a file in the working directory."""
    monkeypatch.chdir(tmp_path)


def poison_targets(sim: MujocoBatch, targets: Tensor) -> None:
    targets[1, 0, 3] = math.nan


def poison_velocity(sim: MujocoBatch, targets: Tensor) -> None:
    sim.push(torch.tensor([1]), torch.tensor([[math.inf, 0.0, 0.0]]))


def poison_speed(sim: MujocoBatch, targets: Tensor) -> None:
    sim.push(torch.tensor([1]), torch.tensor([[0.0, 0.0, 1e5]]))


@pytest.mark.parametrize("poison", [poison_targets, poison_velocity, poison_speed])
@pytest.mark.usefixtures("elsewhere")
def test_a_diverged_simulation_is_reset_alone_and_counted(poison: object) -> None:
    sim, reference = make_batch(3, threads=2), make_batch(3, threads=2)
    lost: List[List[bool]] = []
    for k in range(4):
        if k == 0:
            place(sim)
            place(reference)
        targets = shaken(3, seed=k)
        reference.step(targets.clone())
        if k == 1:
            poison(sim, targets)  # type: ignore[operator]
        lost.append(sim.step(targets).tolist())
        if k == 1:
            sim.reset(torch.tensor([1]), torch.tensor([[0.0, 0.0, 0.28]]), LEVEL[None], STAND[None])
    assert lost == [[False] * 3, [False, True, False], [False] * 3, [False] * 3]
    assert sim.failures == 1
    here, there = values(sim.state()), values(reference.state())
    assert torch.equal(here[[0, 2]], there[[0, 2]])
    assert torch.isfinite(here).all()
    assert torch.isfinite(sim.torque).all()
    assert here[1, 2] == pytest.approx(0.26, abs=0.05)  # it stands


@pytest.mark.parametrize("change", [{"leg_actuators": "motor"}, {"arm": "servo"}])
def test_unsuitable_options_are_refused(change: dict) -> None:
    options = {"leg_actuators": "position", "arm": "fixed", **change}
    with pytest.raises(ValueError, match="needs WorldOptions"):
        MujocoBatch(WorldOptions(**options), 1)
