"""The folder of a training run: sound checkpoints only, no code in them, one training at a time, advice that works."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from torch import nn

from xdog_learning.run_folder import (
    BEST,
    NEWEST,
    CheckpointError,
    DivergenceError,
    RunFolder,
    check_finite,
    digests,
    fitting,
    uninterrupted,
)

INPUTS = {"the settings": "abc", "the robot's body": "def"}


def content(step: int = 1, weight: float = 2.0, **changes: Any) -> Dict[str, Any]:
    parts = {"inputs": INPUTS, "progress": {"step": step}, "network": {"w": torch.tensor([weight])}, "optimizer": {}}
    return {**parts, **changes}


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


def write_run(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.save(content(1), is_best=True)
    folder.save(content(2), is_best=False)
    return folder


def test_a_saved_checkpoint_is_read_back(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "new" / "run")
    assert folder.read(NEWEST) == content(2)
    assert folder.read(BEST) == content(1)
    assert folder.resume(INPUTS) == (content(2), "")
    assert sorted(entry.name for entry in folder.path.iterdir()) == ["best.pt", "newest.pt"]


def test_weights_that_are_not_finite_never_replace_sound_ones(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    for corrupted in (
        content(3, float("nan")),
        content(3, optimizer={"state": {0: {"avg": [torch.tensor(float("inf"))]}}}),
    ):
        with pytest.raises(DivergenceError, match="the checkpoint holds numbers that are not finite"):
            folder.save(corrupted, is_best=True)
    assert folder.read(NEWEST) == content(2)
    assert folder.read(BEST) == content(1)


@pytest.mark.parametrize("damage", ["truncated", "empty", "missing", "text", "not finite", "another training's"])
def test_a_damaged_newest_leads_to_the_sound_best(tmp_path: Path, damage: str) -> None:
    folder = write_run(tmp_path)
    newest = folder.file(NEWEST)
    whole = newest.read_bytes()
    if damage == "missing":
        newest.unlink()
    elif damage == "not finite":
        torch.save(content(2, float("nan")), newest)
    elif damage == "another training's":
        torch.save({"weights": torch.zeros(1)}, newest)
    else:
        newest.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"cut short"}[damage])
    found, warning = folder.resume(INPUTS)
    assert found == content(1)
    assert warning.startswith(f"Warning: {newest} ")
    assert warning.endswith(f"The run continues from {folder.file(BEST)}")


def test_without_a_sound_checkpoint_the_advice_works(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    for name in (NEWEST, BEST):
        folder.file(name).write_bytes(b"cut short")
    assert not folder.has_best()
    with pytest.raises(CheckpointError, match=r"newest\.pt is damaged.*best\.pt is damaged.*--run FOLDER") as caught:
        folder.resume(INPUTS)
    assert "without --resume" in str(caught.value)
    with pytest.raises(CheckpointError, match="already holds a run: continue it with --resume, or name another folder"):
        folder.check_begin()
    RunFolder(tmp_path / "another").check_begin()  # the advice works


def test_an_empty_folder_holds_no_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.check_begin()
    with pytest.raises(CheckpointError, match="holds no run to continue: train without --resume first"):
        folder.resume(INPUTS)


def test_a_run_of_an_older_xdog_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "newest.zip").touch()
    folder = RunFolder(tmp_path)
    with pytest.raises(CheckpointError, match=r"older XDog.*not read any more.*--run FOLDER without --resume"):
        folder.resume(INPUTS)
    with pytest.raises(CheckpointError, match="already holds a run: name another folder with --run"):
        folder.check_begin()


def test_other_inputs_are_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be resumed: the settings changed since it began"):
        folder.resume({**INPUTS, "the settings": "xyz"})
    folder.save(content(inputs="nonsense"), is_best=True)
    with pytest.raises(CheckpointError, match="the settings and the robot's body changed"):
        folder.resume(INPUTS)


@pytest.mark.parametrize("how", ["torch", "pickle", "old torch"])
def test_a_checkpoint_runs_no_code(tmp_path: Path, how: str) -> None:
    folder, touched = RunFolder(tmp_path), tmp_path / "touched"
    trap = content(network={"w": Trap(touched)})
    for name in (NEWEST, BEST):
        if how == "pickle":
            folder.file(name).write_bytes(pickle.dumps(trap))
        else:
            torch.save(trap, folder.file(name), _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(CheckpointError, match=r"newest\.pt is damaged, or holds more than weights and numbers"):
        folder.resume(INPUTS)
    assert not folder.has_best()
    assert not touched.exists()


# One training at a time.


def test_two_trainings_in_one_folder_are_detected(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom xdog_learning.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).held():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    folder = RunFolder(tmp_path / "run")
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(CheckpointError, match=r"run is in use by another process: wait .* --run"), folder.held():
            pytest.fail("both hold it")
    finally:
        other.kill()
        other.communicate()
    with folder.held():  # a killed training lets go
        pass


def test_a_second_ctrl_c_does_not_damage_the_last_checkpoint(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


# Divergence and fit.


def test_values_that_are_not_finite_are_found_at_any_depth() -> None:
    check_finite({"a": [torch.ones(2), torch.tensor([1, 2])], "b": "text", "c": float("inf")}, "it")
    network = nn.Linear(2, 2)
    check_finite(network, "it")
    with torch.no_grad():
        network.bias[1] = float("nan")
    with pytest.raises(DivergenceError, match="it holds numbers that are not finite"):
        check_finite(network, "it")


def test_after_a_divergence_the_last_sound_checkpoint_is_named_if_there_is_one(tmp_path: Path) -> None:
    error = DivergenceError("the loss became nan")
    bare = RunFolder(tmp_path).after_divergence(error, "Lower the rate", "./xdog train")
    assert str(bare) == (
        "the training diverged: the loss became nan. No checkpoint was written yet. Lower the rate, and train again in "
        "another folder: --run FOLDER."
    )
    message = str(write_run(tmp_path).after_divergence(error, "Lower the rate", "./xdog train"))
    assert f"The last sound checkpoint is {tmp_path / 'newest.pt'}. Lower the rate" in message
    assert message.endswith("To try once more from the checkpoint: ./xdog train")


def test_content_that_does_not_fit_is_reported(tmp_path: Path) -> None:
    message = r"newest\.pt does not fit this training .*--run FOLDER without --resume"
    with pytest.raises(CheckpointError, match=message), fitting(tmp_path / "newest.pt"):
        nn.Linear(2, 2).load_state_dict({"weight": torch.zeros(3)})


def test_a_digest_depends_on_the_content_alone() -> None:
    first = digests({"a": {"x": 1, "y": [2.0]}, "b": None})
    assert first == digests({"b": None, "a": {"y": [2.0], "x": 1}})
    assert first["a"] != digests({"a": {"x": 1, "y": [2.5]}})["a"]
    assert first["a"] != first["b"]
