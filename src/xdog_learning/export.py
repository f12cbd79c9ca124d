"""Turning a trained network into a policy file: ONNX with the contract in its metadata."""

from pathlib import Path

import onnx
import torch
from torch import nn

from xdog.contract import PolicyContract

OPSET = 17
"""ONNX operator set; onnxruntime 1.19, the last for Python 3.8, runs it."""


def export_policy(network: nn.Module, inputs: int, contract: PolicyContract, path: Path) -> None:
    """Write ``observation`` (n, inputs) -> ``action`` (n, joints) with the contract's metadata.

    Args:
        network: maps (n, inputs) to (n, joints); its weights are copied.
        inputs: width of the observation.
        contract: what the runner must honour.
        path: the .onnx file, replaced only when complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, inputs),),
        str(partial),
        input_names=["observation"],
        output_names=["action"],
        dynamic_axes={"observation": {0: "robots"}, "action": {0: "robots"}},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load_model(str(partial))
    onnx.helper.set_model_props(model, contract.to_metadata())
    onnx.checker.check_model(model)
    onnx.save_model(model, str(partial))
    partial.replace(path)
