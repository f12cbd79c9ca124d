"""Shared by the command lines of this package: options and their ranges, one-line errors, exit statuses."""

import os
import shlex
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import MISSING, Field, dataclass, fields, replace
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Protocol, Sequence, Tuple, Type, TypeVar

import tyro
from typing_extensions import Annotated, get_args, get_type_hints

from xdog.core.paths import require_writable
from xdog_learning.report import CHECK_SEED, HELD_OUT_SEED

Options = TypeVar("Options")

LARGEST = 2**31 - 1
"""Largest whole number of an option: ROS parameters have 32 bits."""
TRAIN_GAIT = "train one with './xdog train gait'"
TRAIN_GRASP = "train one with './xdog train grasp --observe state'"
BAD_OPTION = 2
"""Exit status for bad options: nothing was done."""


class OptionError(ValueError):
    """An option has a bad value. The message names the option, its value and what it must be."""


class Check(Protocol):
    """A check that `Annotated` adds to the type of an option, for further limits on its values."""

    def require(self, option: str, value: Any) -> None:
        """Check the value of an option.

        Raises:
            OptionError: the value is not allowed.
        """
        ...


@dataclass(frozen=True)
class InRange:
    """A whole number from ``least`` to ``most``, both included, with the reasons of the limits."""

    least: int
    most: int = LARGEST
    why_not_less: str = ""
    why_not_more: str = ""

    def require(self, option: str, value: int) -> None:
        """See `Check`."""
        if value < self.least:
            limit, reason = f"{self.least} or more", self.why_not_less
        elif value > self.most:
            limit, reason = f"{self.most} or less", self.why_not_more
        else:
            return
        raise OptionError(f"{option} is {value}; it must be {limit}{reason and ': '}{reason}")


class NotEmpty:
    """A list with at least one entry."""

    def require(self, option: str, value: Sequence[Any]) -> None:
        """See `Check`."""
        if not value:
            raise OptionError(f"{option} is empty; name at least one")


@dataclass(frozen=True)
class ReadableFile:
    """A file that exists; ``remedy`` is the way to get one."""

    remedy: str = ""

    def require(self, option: str, value: Path) -> None:
        """See `Check`."""
        if value.is_dir():
            raise OptionError(f"{option} is {value}; that is a folder, not a file")
        if not value.exists():
            raise OptionError(f"{option} is {value}; there is no such file{self.remedy and ': '}{self.remedy}")
        if not os.access(value, os.R_OK):
            raise OptionError(f"{option} is {value}; you may not read that file")


class ReadableFolder:
    """A folder that exists."""

    def require(self, option: str, value: Path) -> None:
        """See `Check`."""
        if not value.is_dir():
            problem = "that is a file, not a folder" if value.exists() else "there is no such folder"
            raise OptionError(f"{option} is {value}; {problem}")


class WritableFolder:
    """A folder to write into; it need not exist yet."""

    def require(self, option: str, value: Path) -> None:
        """See `Check`."""
        if (value.exists() or value.is_symlink()) and not value.is_dir():
            raise OptionError(f"{option} is {value}; that is a file, not a folder")
        _require_writable(option, value)


class WritableFile:
    """A file to write; neither it nor its folder need exist yet."""

    def require(self, option: str, value: Path) -> None:
        """See `Check`."""
        if value.is_dir():
            raise OptionError(f"{option} is {value}; that is a folder: name a file")
        _require_writable(option, value)


def _require_writable(option: str, value: Path) -> None:
    try:
        require_writable(value, option)
    except OSError as error:
        raise OptionError(f"{option}: {error}") from error


Count = Annotated[int, InRange(1)]
Workers = Annotated[int, InRange(1, 1024)]
"""Number of threads or processes."""
Seed = Annotated[int, InRange(0)]
TrainingSeed = Annotated[
    int, InRange(0, CHECK_SEED - 1, why_not_more="higher seeds are held out for checks and evaluation")
]
HeldOutSeed = Annotated[int, InRange(HELD_OUT_SEED, why_not_less="training and trials use lower seeds")]
InputFile = Annotated[Path, ReadableFile()]
GaitPolicyFile = Annotated[Path, ReadableFile(TRAIN_GAIT)]
GraspPolicyFile = Annotated[Path, ReadableFile(TRAIN_GRASP)]
InputFolder = Annotated[Path, ReadableFolder()]
OutputFile = Annotated[Path, WritableFile()]
OutputFolder = Annotated[Path, WritableFolder()]


def read_options(kind: Type[Options], command: str, words: Optional[Sequence[str]] = None) -> Options:
    """The options of a command, ``~`` at the beginning of paths expanded.

    Args:
        kind: dataclass of the options; its docstring is the help.
        command: its name without "xdog", for example "train gait".
        words: of the command line; those of this process if None.

    Raises:
        OptionError: a value does not fit the `Check` in its type.
    """
    options = tyro.cli(kind, prog=f"./xdog {command}", args=words)
    typed = [(entry.name, getattr(options, entry.name)) for entry in _entries(kind)]
    home = {name: value.expanduser() for name, value in typed if isinstance(value, Path)}
    options = replace(options, **home)  # type: ignore[type-var]  # a TypeVar cannot be bound to dataclasses
    for entry in _entries(kind):
        value = getattr(options, entry.name)
        for check in _metadata(kind, entry.name):
            if hasattr(check, "require") and value is not None:
                check.require(_flag(kind, entry.name) or entry.name, value)
    return options


def command_line(command: str, options: Any, **changes: Any) -> str:
    """The shell line of a command with these options and changes; defaults are left out."""
    kind, options = type(options), replace(options, **changes)
    words: List[str] = ["./xdog", *command.split()]
    for entry in _entries(kind):
        value, flag = getattr(options, entry.name), _flag(kind, entry.name)
        if value is None or value == _default(entry):
            continue
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words += [*([flag] if flag else []), *(shlex.quote(str(part)) for part in _parts(value))]
    return " ".join(words)


def run_command(
    kind: Type[Options],
    command: str,
    run: Callable[[Options], Optional[int]],
    errors: Tuple[Type[Exception], ...] = (),
) -> int:
    """Read a command's options, run it and return its exit status; errors are one message on standard error.

    SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, unless they are ignored (nohup). A KeyboardInterrupt
    that leaves ``run`` may carry a message.

    Args:
        kind: dataclass of the options.
        command: its name without "xdog".
        run: does the work; returns the exit status, None for 0.
        errors: those for a user's mistake or a missing resource, besides OSError, ValueError and a dead worker.

    Returns:
        The status of ``run``; 2 for options that cannot be used; 1 for ``errors``; 128 + the signal that stopped it.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a path need not be text
    expected: Tuple[Type[Exception], ...] = (OSError, ValueError, BrokenProcessPool, *errors)
    received = [int(signal.SIGINT)]

    def stop(number: int, _frame: Any) -> None:
        received[0] = number
        raise KeyboardInterrupt

    handled = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        return run(read_options(kind, command)) or 0
    except OptionError as error:
        message, status = str(error), BAD_OPTION
    except expected as error:
        message, status = str(error), 1
    except KeyboardInterrupt as interruption:
        message, status = str(interruption) or "stopped", 128 + received[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    print(f"xdog {command}: {message}", file=sys.stderr)
    return status


def _entries(kind: Type[Any]) -> "Tuple[Field[Any], ...]":
    return fields(kind)


def _metadata(kind: Type[Any], name: str) -> Iterator[Any]:
    """Metadata that `Annotated` adds to a field, inside Optional too."""
    hint = get_type_hints(kind, include_extras=True)[name]
    for candidate in (hint, *get_args(hint)):
        yield from getattr(candidate, "__metadata__", ())


def _flag(kind: Type[Any], name: str) -> str:
    """An option as written on the command line; empty for a positional argument."""
    return "" if tyro.conf.Positional in _metadata(kind, name) else f"--{name.replace('_', '-')}"


def _default(entry: "Field[Any]") -> Any:
    return entry.default_factory() if entry.default_factory is not MISSING else entry.default


def _parts(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]
