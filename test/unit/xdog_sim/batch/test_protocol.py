"""BatchSim: states can be selected by robot, and MujocoBatch satisfies the protocol."""

import inspect

import torch
from simulated_robots import make_batch, place

from xdog_sim.batch.mujoco_cpu import MujocoBatch
from xdog_sim.batch.protocol import BatchSim, BatchState


def make_state(n: int) -> BatchState:
    widths = (3, 4, 3, 3, 12, 12)
    return BatchState(*(torch.arange(n * width, dtype=torch.float32).reshape(n, width) for width in widths))


def test_select_takes_the_same_robots_from_every_entry() -> None:
    state = make_state(4)
    chosen = state.select(torch.tensor([2, 0]))
    assert chosen.position.tolist() == [[6.0, 7.0, 8.0], [0.0, 1.0, 2.0]]
    for name in state.__dataclass_fields__:
        assert torch.equal(getattr(chosen, name), getattr(state, name)[[2, 0]]), name
    assert torch.equal(state.select(slice(None)).joint_velocity, state.joint_velocity)


def test_mujoco_batch_has_the_methods_of_the_protocol_with_their_parameters() -> None:
    methods = [name for name, member in vars(BatchSim).items() if inspect.isfunction(member) and name[0] != "_"]
    assert set(methods) == {"state", "step", "reset", "push", "set_parameters"}
    for name in methods:
        wanted, offered = (inspect.signature(getattr(kind, name)).parameters for kind in (BatchSim, MujocoBatch))
        assert list(wanted) == list(offered), name
        assert [p.default for p in wanted.values()] == [p.default for p in offered.values()], name


def test_mujoco_batch_has_the_attributes_and_shapes_of_the_protocol() -> None:
    sim: BatchSim = make_batch(3)  # mypy checks the protocol here
    place(sim)
    diverged = sim.step(torch.zeros(3, 2, 12))
    assert (sim.num, sim.timestep, sim.failures) == (3, 0.005, 0)
    assert (sim.torque.shape, sim.foot_position.shape) == ((3, 2, 12), (3, 4, 3))
    assert (diverged.shape, diverged.dtype) == ((3,), torch.bool)
    state = sim.state()
    shapes = [tuple(getattr(state, name).shape) for name in state.__dataclass_fields__]
    assert shapes == [(3, 3), (3, 4), (3, 3), (3, 3), (3, 12), (3, 12)]
