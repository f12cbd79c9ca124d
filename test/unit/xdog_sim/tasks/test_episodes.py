"""Random draws of the velocity task: pools of rows, ramps of targets, initial conditions and commands."""

import dataclasses
from typing import List

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from simulated_robots import CONFIG, ROBOT, STAND

from xdog_sim.randomization import TrunkTable, load_ranges, nominal_ranges
from xdog_sim.tasks.episodes import POOL_SIZE, DrawnCommands, RowPool, draw_commands, draw_starts, ramp_shares


class Counter:
    """Draws numbered rows, and records how many were drawn at a time."""

    def __init__(self) -> None:
        self.sizes: List[int] = []
        self.drawn = 0

    def __call__(self, count: int) -> DrawnCommands:
        self.sizes.append(count)
        numbers = torch.arange(self.drawn, self.drawn + count)
        self.drawn += count
        return DrawnCommands(numbers[:, None].repeat(1, 3), numbers)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_a_pool_returns_every_row_at_most_once_and_in_order(counts: List[int]) -> None:
    pool = RowPool(Counter())
    taken = []
    for count in counts:
        rows = pool.take(count)
        assert len(rows.steps) == count
        taken += rows.steps.tolist()
    assert taken == sorted(set(taken))


def test_a_pool_draws_many_rows_at_a_time_and_more_on_request() -> None:
    draw = Counter()
    pool = RowPool(draw)
    for _ in range(POOL_SIZE):
        pool.take(1)
    assert draw.sizes == [0, POOL_SIZE]  # an empty draw gives the pool its type
    pool.take(POOL_SIZE + 5)
    assert draw.sizes == [0, POOL_SIZE, POOL_SIZE + 5]


def test_ramp_shares_by_hand() -> None:
    # Physics steps of 5 ms, a ramp of 20 ms. Without delay the newest target has weight k / 4 after k steps.
    shares = ramp_shares(torch.tensor([0.0, 0.010]), 4, 0.005, 0.020)
    assert shares[0, :, 2].tolist() == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert shares[0, :, 1].tolist() == pytest.approx([0.75, 0.5, 0.25, 0.0])
    # After a delay of 10 ms the ramp to the previous target ends, and that to the newest begins.
    assert shares[1, :, 0].tolist() == pytest.approx([0.25, 0.0, 0.0, 0.0])
    assert shares[1, :, 1].tolist() == pytest.approx([0.75, 1.0, 0.75, 0.5])
    assert shares[1, :, 2].tolist() == pytest.approx([0.0, 0.0, 0.25, 0.5])


@given(st.floats(0.0, 0.02), st.sampled_from([0.001, 0.002, 0.005]))
def test_ramp_shares_are_weights(delay: float, timestep: float) -> None:
    shares = ramp_shares(torch.tensor([delay]), round(0.02 / timestep), timestep, 0.02)
    assert shares.sum(2).flatten().tolist() == pytest.approx([1.0] * shares.shape[1], abs=1e-5)
    assert shares.min() >= -1e-6
    assert torch.all(shares[0, 1:, 2] >= shares[0, :-1, 2] - 1e-6)  # the newest target only gains weight


def test_without_a_ramp_a_target_acts_at_once_after_its_delay() -> None:
    shares = ramp_shares(torch.tensor([0.0025]), 4, 0.001, 0.0)  # steps end after 1, 2, 3 and 4 ms
    assert shares[0].tolist() == [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]


def test_nominal_starts_are_the_stand_pose_with_the_nominal_robot() -> None:
    ranges = nominal_ranges()
    table = TrunkTable(ROBOT, ranges, 1, 0)
    start = draw_starts(50, ROBOT, CONFIG, ranges, table, 0.005, torch.Generator().manual_seed(1))
    assert (start.joint_position - STAND).abs().max() <= 0.1
    assert start.orientation[:, 1:3].abs().max() == 0.0
    assert torch.allclose(start.orientation.norm(dim=1), torch.ones(50))
    assert not start.offset.any()
    assert not start.sensor_delay.any()
    assert start.dynamics.shape == (50, 19)
    assert torch.allclose(start.parameters.trunk_mass, table.mass[0].expand(50))


def test_sensor_delays_are_whole_physics_steps_within_their_range() -> None:
    ranges = load_ranges()
    table = TrunkTable(ROBOT, ranges, 1, 0)
    low, high = ranges.sensor_delay
    for timestep in (0.005, 0.001):
        start = draw_starts(200, ROBOT, CONFIG, ranges, table, timestep, torch.Generator().manual_seed(1))
        assert round(low / timestep) <= start.sensor_delay.min()
        assert start.sensor_delay.max() <= round(high / timestep)


def test_select_takes_the_same_rows_from_every_entry() -> None:
    ranges = load_ranges()
    start = draw_starts(
        5, ROBOT, CONFIG, ranges, TrunkTable(ROBOT, ranges, 2, 0), 0.005, torch.Generator().manual_seed(1)
    )
    some = start.select(slice(1, 3))
    assert torch.equal(some.dynamics, start.dynamics[1:3])
    assert torch.equal(some.parameters.kp, start.parameters.kp[1:3])
    assert torch.equal(some.ramp, start.ramp[1:3])


def test_the_shares_of_commands_are_those_of_the_settings() -> None:
    settings = dataclasses.replace(CONFIG.command, stand=0.2, single=0.3, run=0.1, spin=0.15, interval=(1.0, 2.0))
    drawn = draw_commands(4000, settings, 0.02, torch.Generator().manual_seed(2))
    zero = drawn.command == 0.0
    standing = zero.all(1)
    assert standing.float().mean().item() == pytest.approx(0.2, abs=0.02)
    one_axis = (zero.sum(1) == 2) & ~standing
    assert one_axis.float().mean().item() == pytest.approx(0.3, abs=0.03)
    spinning = (drawn.command[:, 1] == 0.0) & (drawn.command[:, 2].abs() >= 0.5 * settings.spin_wz - 1e-6)
    spinning &= (drawn.command[:, 0] != 0.0) & (drawn.command[:, 0].abs() <= 0.2)
    assert spinning.float().mean().item() == pytest.approx(0.15, abs=0.02)
    assert (drawn.steps >= 50).all()
    assert (drawn.steps <= 100).all()
