"""The folder of a training run: the newest and the best checkpoint, and a lock for one training at a time."""

import hashlib
import json
import os
import pickle
import shlex
import signal
import sys
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, Mapping, Tuple

import torch
from torch import Tensor, nn

from xdog_learning.folder_lock import FolderBusyError, locked

NEWEST, BEST = "newest", "best"
PARTS: FrozenSet[str] = frozenset({"inputs", "progress", "network", "optimizer"})
"""Entries of every checkpoint."""

ELSEWHERE = "train again in another folder: --run FOLDER without --resume"
"""Remedy if a run cannot be continued."""


class CheckpointError(ValueError):
    """A run cannot start or continue in this folder. The message gives the reason and the remedy."""


class DivergenceError(ArithmeticError):
    """A training has diverged: a loss, a weight or an observation is not finite. The message names it."""


class RunFolder:
    """Checkpoints of one training run.

    A checkpoint holds tensors, numbers and text only, and is loaded as such: a foreign file cannot run code.

    Args:
        path: of the folder; it need not exist yet.
        parts: entries of a checkpoint of this training besides `PARTS`.
    """

    def __init__(self, path: Path, parts: FrozenSet[str] = frozenset()) -> None:
        self.path, self._parts = path, PARTS | parts

    def file(self, name: str) -> Path:
        """Path of the checkpoint `NEWEST` or `BEST`."""
        return self.path / f"{name}.pt"

    @property
    def curves(self) -> str:
        """The command that shows the training's curves."""
        return shlex.join(
            [str(Path(sys.executable).with_name("tensorboard")), "--logdir", str(self.path / "tensorboard")]
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder, created if missing, so that no other training writes to it.

        Raises:
            CheckpointError: another training holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path, exclusive=True))
            except FolderBusyError as error:
                raise CheckpointError(
                    f"{error}: wait until that training ends, or name another folder with --run"
                ) from error
            yield

    def check_begin(self) -> None:
        """Check that a new run may start here.

        Raises:
            CheckpointError: the folder holds a run.
        """
        old = self.path / "newest.zip"
        if self.file(NEWEST).exists() or self.file(BEST).exists() or old.exists():
            how = "" if old.exists() else "continue it with --resume, or "
            raise CheckpointError(f"{self.path} already holds a run: {how}name another folder with --run")

    def check_resume(self) -> None:
        """Check that there is a run here to continue.

        Raises:
            CheckpointError: there is none, or it is of an older XDog, whose checkpoints run code when they are loaded.
        """
        if self.file(NEWEST).exists() or self.file(BEST).exists():
            return
        if (self.path / "newest.zip").exists():
            raise CheckpointError(
                f"{self.path} holds a run of an older XDog; its checkpoints (.zip) could run code when they are "
                f"loaded and are not read any more: {ELSEWHERE}"
            )
        raise CheckpointError(f"{self.path} holds no run to continue: train without --resume first")

    def save(self, content: Mapping[str, Any], is_best: bool) -> None:
        """Write the newest checkpoint, and the best if ``is_best``; files are replaced atomically.

        Raises:
            DivergenceError: a tensor is not finite; nothing is written.
        """
        check_finite(content, "the checkpoint")
        self.path.mkdir(parents=True, exist_ok=True)
        for name in (NEWEST, BEST) if is_best else (NEWEST,):
            partial = self.path / f"{name}.part"
            with partial.open("wb") as file:
                torch.save(dict(content), file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.file(name))

    def read(self, name: str) -> Dict[str, Any]:
        """The checkpoint `NEWEST` or `BEST`.

        Raises:
            CheckpointError: it is missing, damaged, or holds more than weights and numbers.
        """
        path = self.file(name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about a file that is not torch's: the error is clearer
                content = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError as error:
            raise CheckpointError(f"{path} does not exist") from error
        except pickle.UnpicklingError as error:
            raise CheckpointError(f"{path} is damaged, or holds more than weights and numbers") from error
        except Exception as error:  # a damaged archive causes many kinds of errors
            raise CheckpointError(f"{path} is damaged") from error
        if not isinstance(content, dict) or self._parts - set(content):
            raise CheckpointError(f"{path} is not a checkpoint of this training")
        try:
            check_finite(content, str(path))
        except DivergenceError as error:
            raise CheckpointError(str(error)) from error
        return content

    def newest_sound(self) -> Tuple[Dict[str, Any], str]:
        """The newest checkpoint that can be used.

        Returns:
            The checkpoint, and a warning if it is not the newest.

        Raises:
            CheckpointError: there is no run, or no sound checkpoint.
        """
        self.check_resume()
        try:
            return self.read(NEWEST), ""
        except CheckpointError as damage:
            try:
                return self.read(BEST), f"Warning: {damage}. The run continues from {self.file(BEST)}"
            except CheckpointError as error:
                raise CheckpointError(f"{damage}, and {error}: {ELSEWHERE}") from error

    def resume(self, inputs: Mapping[str, str]) -> Tuple[Dict[str, Any], str]:
        """As `newest_sound`, but only for a run trained from these ``inputs``.

        Raises:
            CheckpointError: as there, or the inputs differ.
        """
        content, warning = self.newest_sound()
        known = content["inputs"] if isinstance(content["inputs"], dict) else {}
        changed = [name for name in inputs if known.get(name) != inputs[name]]
        if changed:
            raise CheckpointError(
                f"{self.path} cannot be resumed: {' and '.join(changed)} changed since it began, and a policy must not "
                f"mix old and new. Undo the change, or {ELSEWHERE}"
            )
        return content, warning

    def after_divergence(self, error: DivergenceError, advice: str, again: str) -> DivergenceError:
        """The error of a diverged training, with its last checkpoint and the remedy.

        Args:
            error: what was not finite.
            advice: what to change, as an imperative.
            again: command line that continues the run.
        """
        newest = self.file(NEWEST)
        left = f"The last sound checkpoint is {newest}" if newest.exists() else "No checkpoint was written yet"
        retry = f" To try once more from the checkpoint: {again}" if newest.exists() else ""
        return DivergenceError(
            f"the training diverged: {error}. {left}. {advice}, and train again in another folder: --run FOLDER.{retry}"
        )

    def has_best(self) -> bool:
        """Whether there is a sound best checkpoint."""
        try:
            self.read(BEST)
        except CheckpointError:
            return False
        return True


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C, SIGTERM and SIGHUP for a moment: a second one must not damage the last checkpoint."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Turn errors from a checkpoint that does not fit the training into one clear error.

    Raises:
        CheckpointError: with the remedy.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())  # torch's messages have several lines
        raise CheckpointError(f"{path} does not fit this training ({reason}): {ELSEWHERE}") from error


def digests(contents: Mapping[str, Any]) -> Dict[str, str]:
    """A digest of each input of a training, by name. The inputs must be values that JSON can hold."""
    return {
        name: hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
        for name, content in contents.items()
    }


def check_finite(content: Any, what: str) -> None:
    """Check that every tensor in nested mappings and lists is finite.

    Raises:
        DivergenceError: one is not.
    """
    if isinstance(content, nn.Module):
        content = content.state_dict()
    if isinstance(content, Tensor):
        if content.is_floating_point() and not bool(torch.isfinite(content).all()):
            raise DivergenceError(f"{what} holds numbers that are not finite")
    elif isinstance(content, Mapping):
        for entry in content.values():
            check_finite(entry, what)
    elif isinstance(content, (list, tuple)):
        for entry in content:
            check_finite(entry, what)
