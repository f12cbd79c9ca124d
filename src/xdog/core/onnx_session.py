"""Opening an ONNX policy file for a robot's control loop."""

from pathlib import Path
from typing import Any

import onnxruntime


class PolicyError(RuntimeError):
    """A policy file cannot be run, or its output is unusable. The message names the file and the remedy."""


def open_session(path: Path, remedy: str) -> Any:
    """An inference session with one thread: the networks are small, and the other cores are needed elsewhere.

    Args:
        path: of the ONNX file.
        remedy: what to do if there is no such file.

    Raises:
        PolicyError: the file does not exist or is not a network that can be run.
    """
    if not path.is_file():
        raise PolicyError(f"there is no policy file {path}: {remedy}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors are raised; the log needs no copy
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise PolicyError(f"{path} is not an ONNX file that can be run: {str(error).strip()}") from error
