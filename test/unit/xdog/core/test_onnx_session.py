"""Opening policy files: one thread, and one message for files that cannot be run."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from xdog.core.onnx_session import PolicyError, open_session


def doubling_network(path: Path) -> Path:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def test_a_network_runs_in_one_thread(tmp_path: Path) -> None:
    session = open_session(doubling_network(tmp_path / "double.onnx"), "train one")
    (result,) = session.run(None, {"x": np.array([[1.0, -2.5]], dtype=np.float32)})
    assert result.tolist() == [[2.0, -5.0]]
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "missing.onnx"
    with pytest.raises(PolicyError, match=f"no policy file {path}: train one with x"):
        open_session(path, "train one with x")


@pytest.mark.parametrize("content", [b"", b"not a network", b"PK\x03\x04"])
def test_a_file_that_is_not_a_network_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=r"broken\.onnx is not an ONNX file that can be run"):
        open_session(path, "train one")


def test_a_truncated_network_is_named(tmp_path: Path) -> None:
    path = doubling_network(tmp_path / "double.onnx")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PolicyError, match=r"double\.onnx is not an ONNX file"):
        open_session(path, "train one")
