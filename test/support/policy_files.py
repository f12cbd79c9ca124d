"""Small ONNX policies for tests: action = observation @ weights + bias, with a valid contract by default."""

import dataclasses
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from xdog.core.description import RobotDescription
from xdog.locomotion.contract import PolicyContract
from xdog.locomotion.gait import TrotSettings
from xdog.locomotion.observation import ObservationBuilder, Term

TROT = TrotSettings(base=2.2, slope=0.8, max_speed=2.0, swing_height=0.06, smoothing=0.15, blend=0.2)
"""The shipped gait's (policies/gait.yaml)."""
TERMS = (Term("command", 1.0), Term("position", 1.0, 2), Term("last_action", 1.0), Term("gait_phase", 1.0))


def contract_for(robot: RobotDescription, **changes: Any) -> PolicyContract:
    """A contract that fits the robot, but for ``changes``."""
    n = len(robot.legs.names)
    contract = PolicyContract(
        name="test",
        joints=robot.legs.names,
        default_position=tuple(robot.legs.poses["stand"].tolist()),
        action_scale=(0.25,) * n,
        kp=(18.0,) * n,
        kd=(0.5,) * n,
        period=0.02,
        terms=TERMS,
        trot=TROT,
        command_range={"vx": (-1.0, 1.0), "vy": (-0.4, 0.4), "wz": (-1.5, 1.5)},
        max_lateral_acceleration=1.0,
        urdf_hash=robot.urdf_hash,
        commit="none",
    )
    return dataclasses.replace(contract, **changes)


def write_policy(
    path: Path,
    contract: PolicyContract,
    weights: Optional[np.ndarray] = None,
    bias: float = 0.0,
    metadata: Optional[Mapping[str, str]] = None,
    input_name: str = "observation",
) -> Path:
    """Write a linear policy; by default its action is zero: the reference trot as it is.

    Args:
        path: of the file.
        contract: goes into the metadata, and its terms give the width of the input.
        weights: (inputs, outputs); zeros if None.
        bias: added to every output.
        metadata: instead of the contract's.
        input_name: what the input is called.
    """
    if weights is None:
        weights = np.zeros((ObservationBuilder(contract.terms).size, len(contract.joints)))
    inputs, outputs = weights.shape
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", [input_name, "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["action"]),
        ],
        "linear",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, [1, inputs])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, outputs])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "weights"),
            numpy_helper.from_array(np.full(outputs, bias, np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(contract.to_metadata() if metadata is None else metadata))
    onnx.save_model(model, str(path))
    return path
