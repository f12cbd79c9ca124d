"""The state machine: which transitions exist, what damps the legs, and that targets never jump."""

import math
from pathlib import Path
from typing import Any, Callable, List, Optional

import numpy as np
import pytest
from policy_files import contract_for, write_policy

from xdog.core.description import load_description
from xdog.core.interfaces import LegsReading, LegsTarget
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.controller import Controller, State
from xdog.locomotion.policy import GaitPolicy
from xdog.locomotion.stance import BodyPose

ROBOT = load_description()
CONFIG = load_locomotion_config()
STAND, LIE = ROBOT.legs.poses["stand"], ROBOT.legs.poses["lie"]
PERIOD = 0.02
ZERO = np.zeros(12)
Array = np.ndarray


class Recorder:
    """A policy that stands still and records its commands and how often it was reset."""

    def __init__(self) -> None:
        self.commands: List[Array] = []
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def step(self, reading: LegsReading, command: Array) -> LegsTarget:
        self.commands.append(command.copy())
        return LegsTarget(STAND + 0.1, ZERO, ZERO, ZERO + 18.0, ZERO + 0.5)


class Bench:
    """A controller with legs that follow at once, a supervisor that allows motion, and a repeated velocity command."""

    def __init__(self, policy: Any = "none was given") -> None:
        self.controller = Controller(ROBOT, CONFIG, policy)
        self.time = 1.0
        self.position = LIE
        self.velocity = ZERO
        self.orientation = np.array([0.0, 0.0, 0.0, 1.0])
        self.allowed: Optional[bool] = True
        self.command: Optional[Array] = None
        self.targets: List[LegsTarget] = []

    def reading(self) -> LegsReading:
        return LegsReading(
            stamp=self.time,
            position=self.position,
            velocity=self.velocity,
            effort=ZERO,
            temperature=ZERO,
            alarm=ZERO.astype(int),
            online=ZERO == 0.0,
            imu_stamp=self.time,
            orientation=self.orientation,
            angular_velocity=np.zeros(3),
            linear_acceleration=np.array([0.0, 0.0, 9.81]),
            contact=np.ones(4, dtype=bool),
        )

    def tick(self) -> LegsTarget:
        if self.allowed is not None:
            self.controller.on_safety(self.time, self.allowed, "" if self.allowed else "fallen")
        if self.command is not None:
            self.controller.on_velocity(self.time, self.command)
        target = self.controller.step(self.reading())
        self.targets.append(target)
        if np.any(target.kp > 0.0):
            self.position = target.position
        self.time += PERIOD
        return target

    def until(self, state: State, within: float = 4.0) -> int:
        """Tick until the state is reached; returns the number of ticks."""
        for count in range(round(within / PERIOD)):
            if self.controller.state == state:
                return count
            self.tick()
        raise AssertionError(f"{self.controller.state.name} ({self.controller.reason}) instead of {state.name}")

    def standing(self) -> "Bench":
        self.tick()
        assert self.controller.stand().success
        self.until(State.STANDING)
        return self

    def walking(self) -> "Bench":
        self.standing()
        assert self.controller.walk().success
        self.until(State.WALKING)
        return self


def assert_damped(target: LegsTarget) -> None:
    assert not np.any(target.kp)
    assert not np.any(target.effort)
    np.testing.assert_array_equal(target.kd, ROBOT.leg_gains["damp"].kd)
    assert np.all(np.isfinite(target.position))


def test_the_legs_stay_damped_until_stand_is_called() -> None:
    bench = Bench(Recorder())
    bench.command = np.array([1.0, 0.0, 0.0])
    for _ in range(20):
        assert_damped(bench.tick())
    assert bench.controller.state == State.DAMPED


def test_all_states_in_turn() -> None:
    bench = Bench(Recorder())
    bench.tick()
    states = []
    for request, goal in (("stand", State.STANDING), ("walk", State.WALKING), ("stand", State.STANDING)):
        assert getattr(bench.controller, request)().success
        states.append(bench.controller.state)
        bench.until(goal)
    assert bench.controller.lie_down().success
    bench.until(State.LYING_DOWN)
    bench.until(State.DAMPED)
    assert states == [State.STANDING_UP, State.STANDING, State.WALKING]
    assert bench.controller.reason == "lay down"
    assert_damped(bench.tick())
    np.testing.assert_allclose(bench.position, LIE, atol=1e-3)


def test_targets_never_jump_from_standing_up_to_lying_with_the_trot(tmp_path: Path) -> None:
    policy = GaitPolicy(write_policy(tmp_path / "trot.onnx", contract_for(ROBOT)), ROBOT)
    bench = Bench(policy)
    bench.command = np.array([0.5, 0.1, 0.5])
    bench.standing()
    bench.controller.on_body_pose(BodyPose(-0.1, 0.2, 0.2, 0.2))
    for _ in range(80):
        bench.tick()
    bench.controller.walk()
    bench.until(State.WALKING)
    for _ in range(100):
        bench.tick()
    bench.controller.lie_down()
    bench.until(State.LYING_DOWN)
    bench.until(State.DAMPED)
    active = [target for target in bench.targets if np.any(target.kp)]
    steps = np.abs(np.diff([target.position for target in active], axis=0))
    assert np.max(steps) < PERIOD * ROBOT.legs.velocity[0]
    assert np.max(np.abs(np.diff([target.effort for target in active], axis=0))) < 0.6


def test_walking_starts_from_the_stance_and_follows_the_policy_after_the_blend() -> None:
    bench = Bench(Recorder()).walking()
    first = bench.tick()
    assert np.max(np.abs(first.position - STAND)) < 0.01
    for _ in range(round(CONFIG.walking.start_time / PERIOD)):
        last = bench.tick()
    np.testing.assert_array_equal(last.position, STAND + 0.1)
    np.testing.assert_array_equal(last.kp, 18.0)
    assert not np.any(last.effort)


def test_walking_again_resets_the_policy() -> None:
    policy = Recorder()
    bench = Bench(policy).walking()
    bench.controller.stand()
    bench.until(State.STANDING)
    bench.controller.walk()
    bench.until(State.WALKING)
    assert policy.resets == 2


def test_stopping_commands_zero_and_waits_for_rest() -> None:
    policy = Recorder()
    bench = Bench(policy).walking()
    bench.command = np.array([0.5, 0.0, 0.0])
    bench.tick()
    assert policy.commands[-1][0] == 0.5
    bench.velocity = ZERO + 1.0  # the legs still move
    bench.controller.stand()
    for _ in range(20):
        bench.tick()
        assert policy.commands[-1][0] == 0.0
        assert bench.controller.state == State.WALKING
    bench.velocity = ZERO
    assert bench.until(State.STANDING) <= round(CONFIG.walking.rest_time / PERIOD)


def test_legs_that_never_rest_are_stopped_in_time() -> None:
    bench = Bench(Recorder()).walking()
    bench.velocity = ZERO + 1.0
    bench.controller.stand()
    assert bench.until(State.STANDING) == pytest.approx(CONFIG.walking.stop_time / PERIOD, abs=1)


def test_walk_during_the_stop_continues_walking() -> None:
    policy = Recorder()
    bench = Bench(policy).walking()
    bench.command, bench.velocity = np.array([0.5, 0.0, 0.0]), ZERO + 1.0
    bench.controller.stand()
    bench.tick()
    assert bench.controller.walk().success
    for _ in range(100):
        bench.tick()
    assert bench.controller.state == State.WALKING
    assert policy.commands[-1][0] == 0.5


def test_an_old_velocity_counts_as_zero_and_one_that_is_not_finite_is_ignored() -> None:
    policy = Recorder()
    bench = Bench(policy).walking()
    bench.command = np.array([0.5, 0.0, 0.0])
    bench.tick()
    bench.command = np.array([math.nan, 0.0, 0.0])
    bench.tick()
    assert policy.commands[-1][0] == 0.5  # ignored, the previous one is still fresh
    bench.command = None
    for _ in range(round(CONFIG.timeouts.command / PERIOD) + 1):
        bench.tick()
    np.testing.assert_array_equal(policy.commands[-1], 0.0)


# What is refused.


def test_refusals_name_the_remedy() -> None:
    bench = Bench(Recorder())
    assert "is the bridge running" in bench.controller.stand().message
    bench.tick()
    assert bench.controller.walk() == (False, "cannot walk while damped: call stand and wait until it stands")
    assert bench.controller.lie_down() == (True, "already damped")
    bench.controller.stand()
    assert bench.controller.walk() == (False, "cannot walk while standing up: call stand and wait until it stands")
    assert "or call damp" in bench.controller.lie_down().message
    assert bench.controller.stand() == (True, "already standing up")
    bench.until(State.STANDING)
    bench.controller.lie_down()
    bench.until(State.LYING_DOWN)
    assert "call stand again" in bench.controller.stand().message
    assert not bench.controller.walk().success


def test_without_a_policy_walking_is_refused_and_standing_works() -> None:
    bench = Bench("there is no policy file gait.onnx").standing()
    assert bench.controller.walk() == (False, "cannot walk: there is no policy file gait.onnx")
    assert bench.controller.lie_down().success
    bench.until(State.DAMPED)


def test_a_tilted_robot_does_not_stand_up() -> None:
    bench = Bench()
    bench.orientation = np.array([math.sin(0.25), 0.0, 0.0, math.cos(0.25)])
    bench.tick()
    assert "tilted by 29 degrees" in bench.controller.stand().message
    assert bench.controller.state == State.DAMPED


def test_body_pose_counts_only_while_standing_and_must_be_finite() -> None:
    bench = Bench()
    bench.tick()
    assert "not while damped" in bench.controller.on_body_pose(BodyPose(-0.05)).message
    bench.standing()
    assert "not finite" in bench.controller.on_body_pose(BodyPose(math.nan)).message
    assert bench.controller.on_body_pose(BodyPose(-0.05)).success
    for _ in range(60):
        target = bench.tick()
    feet = bench.controller._stance.legs.feet(target.position)
    np.testing.assert_allclose(feet, np.add(bench.controller._stance.standing_feet, [0.0, 0.0, 0.05]), atol=1e-9)


# What damps the legs.


def stops(bench: Bench, change: Callable[[Bench], None], reason: str) -> None:
    change(bench)
    assert_damped(bench.tick())
    assert bench.controller.state == State.DAMPED
    assert reason in bench.controller.reason


@pytest.mark.parametrize("prepare", [Bench.standing, Bench.walking])
def test_every_fault_damps_at_once_until_stand(prepare: "Callable[[Bench], Bench]") -> None:
    def forbid(bench: Bench) -> None:
        bench.allowed = False

    def break_joint(bench: Bench) -> None:
        bench.position = np.where(np.arange(12) == 3, math.nan, bench.position)

    def jump(bench: Bench) -> None:
        bench.position = bench.position + np.where(np.arange(12) == 4, 0.8, 0.0)

    for change, reason in (
        (forbid, "motion not allowed: fallen"),
        (break_joint, "not finite"),
        (jump, "front_left_hip_joint jumped by 0.80 rad"),
        (lambda bench: bench.controller.damp() and None, "damp was called"),
    ):
        bench = prepare(Bench(Recorder()))
        stops(bench, change, reason)
        bench.allowed, bench.position = True, STAND
        for _ in range(10):
            assert_damped(bench.tick())


def test_a_missing_heartbeat_damps() -> None:
    bench = Bench().standing()
    bench.allowed = None
    ticks = bench.until(State.DAMPED, within=1.0)
    assert ticks * PERIOD == pytest.approx(CONFIG.heartbeat_timeout + PERIOD, abs=1.1 * PERIOD)
    assert "heartbeat is missing for more than 0.3 s" in bench.controller.reason


@pytest.mark.parametrize("prepare", [Bench.standing, Bench.walking])
def test_legs_that_the_bridge_damped_stay_damped(prepare: "Callable[[Bench], Bench]") -> None:
    bench = prepare(Bench(Recorder()))
    bench.controller.on_gate(True, "")
    assert np.any(bench.tick().kp > 0.0)
    bench.controller.on_gate(False, "legs/command is missing for more than 0.15 s")
    bench.controller.on_gate(True, "")  # the gate opens with the next command, which must still damp
    assert_damped(bench.tick())
    assert bench.controller.reason == "the bridge damps the legs: legs/command is missing for more than 0.15 s"
    assert bench.controller.stand().success


def test_the_gate_has_a_moment_to_open_for_stand() -> None:
    bench = Bench()
    bench.tick()
    assert bench.controller.stand().success
    for _ in range(10):  # 0.2 s
        bench.controller.on_gate(False, "no legs/command yet")
        bench.tick()
    bench.controller.on_gate(False, "no legs/command yet")
    assert bench.controller.state == State.STANDING_UP
    bench.tick()
    bench.controller.on_gate(False, "no legs/command yet")
    assert bench.controller.state == State.DAMPED


def test_a_closed_gate_while_damped_changes_nothing() -> None:
    bench = Bench()
    bench.tick()
    bench.controller.on_gate(False, "no legs/command yet")
    assert bench.controller.reason == "waiting for stand"


def test_a_policy_whose_output_is_not_finite_damps(tmp_path: Path) -> None:
    policy = GaitPolicy(write_policy(tmp_path / "nan.onnx", contract_for(ROBOT), bias=math.nan), ROBOT)
    bench = Bench(policy).walking()
    assert_damped(bench.tick())
    assert bench.controller.state == State.DAMPED
    assert "nan.onnx gave an output that is not finite" in bench.controller.reason
    assert bench.controller.stand().success
