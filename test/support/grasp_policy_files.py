"""Small ONNX grasp policies for tests, with a valid contract by default."""

import dataclasses
from pathlib import Path
from typing import Any, List, Mapping, Optional

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from xdog.core.description import RobotDescription
from xdog.grasp.contract import GraspContract
from xdog.grasp.observation import OBJECT_FEATURES
from xdog_sim.grasp.config import load_grasp_scenarios

CHUNK = 4


def grasp_contract_for(robot: RobotDescription, **changes: Any) -> GraspContract:
    """A contract that fits the robot, but for ``changes``."""
    contract = GraspContract(
        name="test",
        joints=robot.arm.names,
        token=OBJECT_FEATURES,
        image=None,
        camera=None,
        period=0.04,
        chunk=CHUNK,
        execute=2,
        lower=tuple(robot.arm.lower.tolist()),
        upper=tuple(robot.arm.upper.tolist()),
        urdf_hash=robot.urdf_hash,
        commit="none",
        conditions=load_grasp_scenarios().conditions(by_image=bool(changes.get("image"))),
    )
    return dataclasses.replace(contract, **changes)


def write_grasp_policy(
    path: Path,
    contract: GraspContract,
    steps: Optional[np.ndarray] = None,
    metadata: Optional[Mapping[str, str]] = None,
    inputs: Optional[List[Any]] = None,
) -> Path:
    """Write a policy whose k-th action is ``joints + steps[k]``, plus the mean of the image / 1000 for an image policy.

    Args:
        path: of the file.
        contract: goes into the metadata, and gives the inputs.
        steps: (chunk, 6) rad; zeros if None.
        metadata: instead of the contract's.
        inputs: ONNX inputs instead of the contract's.
    """
    n = len(contract.joints)
    steps = np.zeros((contract.chunk, n)) if steps is None else steps
    nodes = [
        helper.make_node("Unsqueeze", ["joints", "axis"], ["row"]),
        helper.make_node("Add", ["row", "steps"], ["moved"]),
        helper.make_node("ReduceSum", ["token"], ["all"], keepdims=0),
        helper.make_node("Mul", ["all", "nothing"], ["ignored"]),
    ]
    if contract.image is None:
        nodes.append(helper.make_node("Add", ["moved", "ignored"], ["action"]))
    else:
        nodes += [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["pixels"], ["light"], keepdims=0),
            helper.make_node("Mul", ["light", "thousandth"], ["seen"]),
            helper.make_node("Add", ["moved", "seen"], ["moved more"]),
            helper.make_node("Add", ["moved more", "ignored"], ["action"]),
        ]
    if inputs is None:
        inputs = [
            helper.make_tensor_value_info("joints", TensorProto.FLOAT, [1, n]),
            helper.make_tensor_value_info("token", TensorProto.FLOAT, [1, len(contract.token)]),
        ]
        if contract.image is not None:
            inputs.append(helper.make_tensor_value_info("image", TensorProto.UINT8, [1, *contract.image, 3]))
    constants = {
        "axis": np.array([1], np.int64),
        "steps": steps[None].astype(np.float32),
        "nothing": np.array(0.0, np.float32),
        "thousandth": np.array(0.001, np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "steps",
        inputs,
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(contract.to_metadata() if metadata is None else metadata))
    onnx.save_model(model, str(path))
    return path
