"""Export of a trained network as a policy file: ONNX with the contract in its metadata."""

import subprocess
from pathlib import Path
from typing import Mapping

import onnx
import torch
from torch import Tensor, nn

from xdog.core.paths import share_path

OPSET = 17
"""ONNX operator set; onnxruntime 1.19, the last for Python 3.8, runs it."""


def export_policy(network: nn.Module, inputs: Mapping[str, Tensor], metadata: Mapping[str, str], path: Path) -> None:
    """Write a network as ``inputs`` -> ``action``, for any number of robots.

    Args:
        network: maps the inputs, in their order, to the action; its weights are copied.
        inputs: an example of each by name, with one robot in the first dimension.
        metadata: the contract that the runner must follow.
        path: the .onnx file, replaced only when complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    torch.onnx.export(
        network.eval(),
        tuple(inputs.values()),
        str(partial),
        input_names=list(inputs),
        output_names=["action"],
        dynamic_axes={name: {0: "robots"} for name in (*inputs, "action")},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load_model(str(partial))
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    onnx.save_model(model, str(partial))
    partial.replace(path)


def present_commit() -> str:
    """The commit of the checkout, with "-dirty" if files differ from it; "unknown" outside a checkout."""
    root = share_path()
    # git may read another user's checkout here: it runs no program of it.
    command = ["git", "-c", f"safe.directory={root}", "describe", "--always", "--dirty"]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"
