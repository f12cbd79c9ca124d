"""The policy runner: it steps as in training, respects the contract and refuses files that do not fit."""

import json
import math
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from policy_files import contract_for, write_policy

from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.core.interfaces import LegsReading
from xdog.core.onnx_session import PolicyError
from xdog.locomotion.contract import METADATA_KEY
from xdog.locomotion.observation import ObservationBuilder, Term
from xdog.locomotion.policy import GaitPolicy

ROBOT = load_description()
STAND = ROBOT.legs.poses["stand"]
ZERO = np.zeros(12)
LEVEL = np.array([0.0, 0.0, 0.0, 1.0])
Array = np.ndarray


def reading(position: Array = STAND, orientation: Array = LEVEL, spin: Any = (0.0, 0.0, 0.0)) -> LegsReading:
    return LegsReading(
        stamp=1.0,
        position=position,
        velocity=ZERO,
        effort=ZERO,
        temperature=ZERO,
        alarm=ZERO.astype(int),
        online=ZERO == 0.0,
        imu_stamp=1.0,
        orientation=orientation,
        angular_velocity=np.array(spin),
        linear_acceleration=np.array([0.0, 0.0, 9.81]),
        contact=np.ones(4, dtype=bool),
    )


def echo(path: Path, *terms: Term, **changes: Any) -> "Callable[..., Array]":
    """A policy whose action is the start of its observation; the function returns it for each call."""
    contract = contract_for(ROBOT, terms=terms, action_scale=(1.0,) * 12, **changes)
    size = ObservationBuilder(terms).size
    policy = GaitPolicy(write_policy(path / "echo.onnx", contract, np.eye(size, 12)), ROBOT)

    def step(measured: LegsReading, command: Any = (0.0, 0.0, 0.0)) -> Array:
        reference = policy._reference.angles(policy._gait)[0]
        return (policy.step(measured, np.array(command)).position - reference)[: min(size, 12)]

    return step


def test_zero_action_at_zero_command_is_the_stand_pose(tmp_path: Path) -> None:
    policy = GaitPolicy(write_policy(tmp_path / "zero.onnx", contract_for(ROBOT)), ROBOT)
    target = policy.step(reading(), np.zeros(3))
    np.testing.assert_allclose(target.position, STAND, atol=1e-6)
    np.testing.assert_array_equal(target.kp, 18.0)
    np.testing.assert_array_equal(target.kd, 0.5)
    assert not np.any(target.effort)
    assert not np.any(target.velocity)


def test_a_policy_that_would_walk_at_zero_command_is_refused(tmp_path: Path) -> None:
    ranges = {"vx": (0.3, 1.2), "vy": (-0.4, 0.4), "wz": (-1.5, 1.5)}
    path = write_policy(tmp_path / "restless.onnx", contract_for(ROBOT, command_range=ranges))
    with pytest.raises(
        ContractError, match=r"the range of vx is \[0.3, 1.2\]; it must include 0, or the robot would walk"
    ):
        GaitPolicy(path, ROBOT)


def test_action_is_scaled_and_added(tmp_path: Path) -> None:
    policy = GaitPolicy(write_policy(tmp_path / "one.onnx", contract_for(ROBOT), bias=0.4), ROBOT)
    np.testing.assert_allclose(policy.step(reading(), np.zeros(3)).position, STAND + 0.25 * 0.4, atol=1e-6)


def test_history_starts_full_and_is_newest_first(tmp_path: Path) -> None:
    contract = contract_for(ROBOT, terms=(Term("angular_velocity", 2.0, 3),), action_scale=(1.0,) * 12)
    weights = np.zeros((9, 12))
    weights[:9, :9] = np.eye(9)
    policy = GaitPolicy(write_policy(tmp_path / "history.onnx", contract, weights), ROBOT)
    seen = [policy.step(reading(spin=(0.1 * k, 0.0, 0.0)), np.zeros(3)).position - STAND for k in (1, 2, 3)]
    np.testing.assert_allclose(seen[0][[0, 3, 6]], [0.2, 0.2, 0.2], atol=1e-6)
    np.testing.assert_allclose(seen[1][[0, 3, 6]], [0.4, 0.2, 0.2], atol=1e-6)
    np.testing.assert_allclose(seen[2][[0, 3, 6]], [0.6, 0.4, 0.2], atol=1e-6)
    policy.reset()
    again = policy.step(reading(spin=(0.5, 0.0, 0.0)), np.zeros(3)).position - STAND
    np.testing.assert_allclose(again[[0, 3, 6]], [1.0, 1.0, 1.0], atol=1e-6)


def test_last_action_is_the_raw_output_of_the_previous_step(tmp_path: Path) -> None:
    contract = contract_for(ROBOT, terms=(Term("last_action", 0.5),))
    policy = GaitPolicy(write_policy(tmp_path / "last.onnx", contract, np.eye(12), bias=1.0), ROBOT)
    actions = [(policy.step(reading(), np.zeros(3)).position[0] - STAND[0]) / 0.25 for _ in range(3)]
    np.testing.assert_allclose(actions, [1.0, 1.5, 1.75], atol=1e-6)  # a = 1 + 0.5 * last a


def test_the_stride_advances_after_the_step(tmp_path: Path) -> None:
    step = echo(tmp_path, Term("gait_phase", 1.0))
    command = (0.6, 0.0, 0.0)
    np.testing.assert_allclose(step(reading(), command), [0.0, 0.0], atol=1e-7)
    # After one step of 20 ms: amplitude 0.02 / 0.2; the smoothed command is 0.6 * 0.02 / 0.15 = 0.08 m/s, so the
    # stride frequency 2.2 + 0.8 * 0.08 = 2.264 Hz.
    angle = 2.0 * math.pi * 2.264 * 0.02
    np.testing.assert_allclose(step(reading(), command), [0.1 * math.sin(angle), 0.1 * math.cos(angle)], atol=1e-6)


def test_commands_are_clipped_to_the_trained_range(tmp_path: Path) -> None:
    step = echo(tmp_path, Term("command", 1.0))
    np.testing.assert_allclose(step(reading(), (3.0, -3.0, 0.5)), [1.0, -0.4, 0.5], atol=1e-6)
    # Running at 1 m/s with at most 1 m/s^2 sideways leaves 1 rad/s of turning.
    np.testing.assert_allclose(step(reading(), (1.0, 0.0, -1.5)), [1.0, 0.0, -1.0], atol=1e-6)


def test_angles_are_relative_to_the_default_pose(tmp_path: Path) -> None:
    step = echo(tmp_path, Term("position", 2.0))
    moved = STAND + np.linspace(-0.1, 0.1, 12)
    np.testing.assert_allclose(step(reading(moved)), 2.0 * np.linspace(-0.1, 0.1, 12), atol=1e-6)


def test_gravity_is_in_the_base_frame(tmp_path: Path) -> None:
    step = echo(tmp_path, Term("gravity", 1.0))
    pitched = np.array([0.0, math.sin(0.1), 0.0, math.cos(0.1)])  # nose down by 0.2 rad: gravity pulls forward
    np.testing.assert_allclose(step(reading(orientation=pitched)), [math.sin(0.2), 0.0, -math.cos(0.2)], atol=1e-6)


def test_output_that_is_not_finite_is_an_error(tmp_path: Path) -> None:
    policy = GaitPolicy(write_policy(tmp_path / "nan.onnx", contract_for(ROBOT), bias=math.nan), ROBOT)
    with pytest.raises(PolicyError, match=r"nan\.onnx gave an output that is not finite: use another policy"):
        policy.step(reading(), np.zeros(3))


# Refused at load.


def refused(path: Path, error: type, match: str) -> None:
    with pytest.raises(error, match=match) as caught:
        GaitPolicy(path, ROBOT)
    assert str(path) in str(caught.value)
    assert "./xdog train gait" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", PolicyError, "there is no policy file")


def test_no_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("not a network")
    with pytest.raises(PolicyError, match=r"text\.onnx is not an ONNX file that can be run"):
        GaitPolicy(path, ROBOT)


def test_no_contract(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "bare.onnx", contract_for(ROBOT), metadata={})
    refused(path, ContractError, "carries no XDog contract")


def test_malformed_contract(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "bad.onnx", contract_for(ROBOT), metadata={METADATA_KEY: "{"})
    refused(path, ContractError, "its contract is malformed")


def test_other_version(tmp_path: Path) -> None:
    raw = json.loads(contract_for(ROBOT).to_metadata()[METADATA_KEY])
    raw["version"] = 99
    path = write_policy(tmp_path / "new.onnx", contract_for(ROBOT), metadata={METADATA_KEY: json.dumps(raw)})
    refused(path, ContractError, "contract version 99")


def test_wrong_joint_order(tmp_path: Path) -> None:
    turned = (*ROBOT.legs.names[3:], *ROBOT.legs.names[:3])
    path = write_policy(tmp_path / "order.onnx", contract_for(ROBOT, joints=turned))
    refused(path, ContractError, "the same joints in another order: front_left_abad_joint")


def test_wrong_urdf(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "body.onnx", contract_for(ROBOT, urdf_hash="0123456789abcdef"))
    refused(path, ContractError, f"trained on URDF 0123456789abcdef, urdf/xdog.urdf is {ROBOT.urdf_hash}")


def test_unknown_and_repeated_terms(tmp_path: Path) -> None:
    width = np.zeros((3, 12))
    path = write_policy(tmp_path / "term.onnx", contract_for(ROBOT, terms=(Term("temperature", 1.0),)), width)
    refused(path, ContractError, "unknown observation terms: temperature")
    twice = (Term("command", 1.0), Term("command", 1.0))
    path = write_policy(tmp_path / "twice.onnx", contract_for(ROBOT, terms=twice), np.zeros((6, 12)))
    refused(path, ContractError, "listed twice")


@pytest.mark.parametrize("shape", [(44, 12), (41, 11)])
def test_wrong_shape(tmp_path: Path, shape: "tuple[int, int]") -> None:
    assert ObservationBuilder(contract_for(ROBOT).terms).size == 41
    path = write_policy(tmp_path / "shape.onnx", contract_for(ROBOT), np.zeros(shape))
    refused(path, PolicyError, r"needs one input 'observation' \(1, 41\) and one output 'action' \(1, 12\)")


def test_wrong_name(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "name.onnx", contract_for(ROBOT), input_name="obs")
    refused(path, PolicyError, "it has 'obs'")
