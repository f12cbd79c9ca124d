"""The reference trot: numpy and torch agree, feet go where they are planned, signs follow REP-103."""

import math
from typing import List, Tuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from policy_files import TROT

from xdog.core.description import load_description
from xdog.locomotion.gait import (
    GaitState,
    TrotReference,
    advance_gait,
    command_range_problems,
    is_moving,
    limit_command,
    start_gait,
    stride_frequency,
    swing_progress,
)
from xdog.locomotion.kinematics import LegKinematics

ROBOT = load_description()
LEGS = LegKinematics(ROBOT)
REFERENCE = TrotReference(ROBOT, TROT, np)
TORCH_REFERENCE = TrotReference(ROBOT, TROT, torch)
STAND = ROBOT.legs.poses["stand"]
PERIOD = 0.02
Array = np.ndarray
Command = Tuple[float, float, float]

trained_commands = st.tuples(st.floats(-1.2, 1.2), st.floats(-0.5, 0.5), st.floats(-1.8, 1.8))
wide_commands = st.tuples(st.floats(-10, 10), st.floats(-10, 10), st.floats(-20, 20))
phases = st.floats(0.0, 0.999)
amplitudes = st.floats(0.0, 1.0)


def stepping(command: Command, phase: float, amplitude: float = 1.0) -> GaitState:
    return GaitState(np.array([phase]), np.array([amplitude]), np.array([command]))


def test_zero_command_is_exactly_the_stand_pose() -> None:
    state = start_gait(3, np)
    for _ in range(30):
        state = advance_gait(state, np.zeros((3, 3)), TROT, PERIOD, np)
        assert REFERENCE.angles(state) == pytest.approx(np.tile(STAND, (3, 1)), abs=1e-9)
        assert not state.phase.any()
        assert not state.amplitude.any()


ends = st.floats(-10.0, 10.0)


@given(st.lists(st.tuples(ends, ends), min_size=3, max_size=3), st.floats(0.01, 10.0))
def test_zero_stays_zero_within_every_range_that_is_sound(
    given_ranges: List[Tuple[float, float]], lateral: float
) -> None:
    ranges = dict(zip(("vx", "vy", "wz"), given_ranges))
    limited = limit_command(np.zeros((1, 3)), ranges, lateral, np)[0]
    sound = [not any(f"range of {name} " in problem for problem in command_range_problems(ranges)) for name in ranges]
    assert sound == [low <= 0.0 <= high for low, high in given_ranges]
    if all(sound):
        assert not limited.any()


@given(trained_commands, phases, amplitudes)
def test_feet_are_where_they_are_planned(command: Command, phase: float, amplitude: float) -> None:
    state = stepping(command, phase, amplitude)
    angles, planned = REFERENCE.angles(state)[0], REFERENCE.feet(state)[0]
    for leg, index, move in zip(LEGS.legs, LEGS.index, planned):
        assert leg.forward(angles[index]) - leg.forward(STAND[index]) == pytest.approx(move, abs=1e-6)


@given(wide_commands, phases, amplitudes)
def test_joint_limits_hold_for_any_command(command: Command, phase: float, amplitude: float) -> None:
    angles = REFERENCE.angles(stepping(command, phase, amplitude))[0]
    assert np.all(np.isfinite(angles))
    assert np.all((angles >= ROBOT.legs.lower) & (angles <= ROBOT.legs.upper))


@given(trained_commands, phases)
def test_standing_feet_move_back_at_the_commanded_speed(command: Command, phase: float) -> None:
    frequency = float(stride_frequency(np.array([command]), TROT, np)[0])
    time = 1e-5
    before, after = (stepping(command, (phase + frequency * t) % 1.0) for t in (0.0, time))
    standing = (swing_progress(before.phase, np)[0] < 0.0) & (swing_progress(after.phase, np)[0] < 0.0)
    velocity = (REFERENCE.feet(after) - REFERENCE.feet(before))[0] / time
    vx, vy, wz = command
    homes = LEGS.feet(STAND)
    for foot, home in zip(velocity[standing], homes[standing]):
        # A point that rests on the ground under a trunk with velocity v and yaw rate w moves with -(v + w x r).
        assert foot == pytest.approx([-(vx - wz * home[1]), -(vy + wz * home[0]), 0.0], abs=1e-4)


def test_turning_left_moves_right_feet_back_and_front_feet_right() -> None:
    state = stepping((0.0, 0.0, 1.0), 0.0)
    along_zero, along_later = REFERENCE.feet(state)[0], REFERENCE.feet(stepping((0.0, 0.0, 1.0), 0.25))[0]
    names = dict(zip(ROBOT.feet, range(4)))
    # At phase 0 FR and HL begin to swing and FL and HR begin their stance; a quarter later the latter stand in between.
    assert swing_progress(np.array([0.1]), np)[0].tolist() == pytest.approx([0.2, -0.8, -0.8, 0.2])
    moved = along_later - along_zero
    front_left, hind_right = moved[names["front_left_foot_link"]], moved[names["hind_right_foot_link"]]
    assert front_left[0] > 0.0  # left feet go forward under a trunk that turns left, as seen from it
    assert hind_right[0] < 0.0
    assert front_left[1] < 0.0  # front feet go right
    assert hind_right[1] > 0.0


def test_diagonal_pairs_swing_in_turn_and_half_of_the_time() -> None:
    assert ROBOT.feet == tuple(f"{leg}_foot_link" for leg in ("front_right", "front_left", "hind_right", "hind_left"))
    swinging = swing_progress((np.arange(100) + 0.5) / 100, np) >= 0.0
    assert np.array_equal(swinging[:, 0], swinging[:, 3])
    assert np.array_equal(swinging[:, 1], swinging[:, 2])
    assert np.array_equal(swinging[:, 0], ~swinging[:, 1])
    assert swinging.sum(0).tolist() == [50, 50, 50, 50]


def test_swinging_feet_rise_to_the_apex_and_standing_feet_stay_down() -> None:
    state = GaitState(np.arange(200) / 200, np.ones(200), np.tile([0.5, 0.0, 0.0], (200, 1)))
    lift = REFERENCE.feet(state)[:, :, 2]
    assert lift.max(0) == pytest.approx(TROT.swing_height)
    standing = swing_progress(state.phase, np) < 0.0
    assert np.all(lift[standing] == 0.0)


def test_feet_do_not_jump() -> None:
    phase = np.arange(2001) / 1000 % 1.0
    feet = REFERENCE.feet(GaitState(phase, np.ones(2001), np.tile([1.0, 0.3, 1.0], (2001, 1))))
    assert np.abs(np.diff(feet, axis=0)).max() < 0.002


def test_stride_frequency_by_hand() -> None:
    commands = np.array([[0.0, 0.0, 0.0], [0.3, 0.4, 1.0], [5.0, 0.0, 0.0]])
    # 2.2 Hz; 2.2 + 0.8 (0.5 + 0.22); 2.2 + 0.8 x 2.0, the speed capped.
    assert stride_frequency(commands, TROT, np) == pytest.approx([2.2, 2.776, 3.8])


def test_a_walk_starts_smoothly_and_ends_standing() -> None:
    state, command = start_gait(1, np), np.array([[0.6, 0.0, 0.0]])
    assert is_moving(command, np)[0]
    state = advance_gait(state, command, TROT, PERIOD, np)
    assert state.amplitude[0] == pytest.approx(0.1)  # 20 ms of 200 ms
    assert state.command[0, 0] == pytest.approx(0.6 * PERIOD / TROT.smoothing)
    assert state.phase[0] == pytest.approx((2.2 + 0.8 * 0.08) * PERIOD)
    for _ in range(100):
        state = advance_gait(state, command, TROT, PERIOD, np)
    assert state.amplitude[0] == 1.0
    assert state.command[0, 0] == pytest.approx(0.6, abs=1e-5)
    for _ in range(11):
        state = advance_gait(state, 0.0 * command, TROT, PERIOD, np)
    assert state.amplitude[0] == 0.0
    assert state.phase[0] == 0.0
    assert REFERENCE.angles(state)[0] == pytest.approx(STAND)


def test_commands_below_the_threshold_stand() -> None:
    commands = np.array([[0.049, 0.0, 0.0], [0.051, 0.0, 0.0], [0.0, 0.0, -0.22], [0.0, 0.0, -0.24]])
    assert is_moving(commands, np).tolist() == [False, True, False, True]


def test_numpy_and_torch_walk_alike() -> None:
    rng = np.random.default_rng(3)
    count = 6
    here, there = start_gait(count, np), start_gait(count, torch)
    for step in range(80):
        if step % 20 == 0:
            command = rng.uniform([-1.2, -0.5, -1.8], [1.2, 0.5, 1.8], (count, 3)) * rng.integers(0, 2, (count, 1))
        here = advance_gait(here, command, TROT, PERIOD, np)
        there = advance_gait(there, torch.tensor(command, dtype=torch.float32), TROT, PERIOD, torch)
        assert there.amplitude.numpy() == pytest.approx(here.amplitude, abs=1e-5)
        assert there.command.numpy() == pytest.approx(here.command, abs=1e-5)
        stride = here.amplitude * np.exp(2j * math.pi * here.phase)
        torch_stride = there.amplitude.numpy() * np.exp(2j * math.pi * there.phase.numpy())
        assert torch_stride == pytest.approx(stride, abs=1e-4)
        assert TORCH_REFERENCE.angles(there).numpy() == pytest.approx(REFERENCE.angles(here), abs=1e-3)
