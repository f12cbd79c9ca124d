"""Files of figures: YAML whose entries are exactly those that dataclasses name. What is wrong is named by its entry."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any, Dict, Mapping, Type, TypeVar, get_type_hints

import yaml

Section = TypeVar("Section")
Whole = TypeVar("Whole")


def is_number(value: Any) -> bool:
    """Whether an entry is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def fill(kind: Type[Section], content: Mapping[str, Any], where: str, error: Type[ValueError]) -> Section:
    """Fill a dataclass of positive numbers; ``where`` begins the messages of ``error``.

    Raises:
        error: an entry is missing, unknown, or not a finite number above zero.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a TypeVar cannot say: a dataclass
    wrong = sorted(map(str, known.symmetric_difference(content)))
    if wrong:
        raise error(f"{where} must hold exactly {', '.join(sorted(known))}; check {', '.join(wrong)}")
    for key, value in content.items():
        if not is_number(value) or value <= 0:
            raise error(f"{where}.{key} is {value!r}; it must be a number above zero")
    return kind(**{key: float(value) for key, value in content.items()})


class ConfigFile:
    """A YAML file that holds a mapping.

    Args:
        path: the file.
        error: the kind of error that its reader raises.

    Attributes:
        where: the file's name, for messages.
        content: what it holds.

    Raises:
        error: the file is not YAML or holds no mapping.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, error: Type[ValueError]) -> None:
        self.where, self._error = str(path), error
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            raise error(f"{path} is not valid YAML: {problem}") from problem
        if not isinstance(content, dict):
            raise error(f"{path}: expected a mapping at the top")
        self.content: Dict[str, Any] = content

    def section(self, kind: Type[Section], name: str) -> Section:
        """Fill a dataclass of positive numbers from the section of this name.

        Raises:
            ValueError: the reader's kind: as `fill` says, or there is no such section.
        """
        section = self.content.get(name)
        if not isinstance(section, dict):
            raise self._error(f"{self.where}: section '{name}' is missing or no mapping")
        return fill(kind, section, f"{self.where}: {name}", self._error)

    def sections(self, kind: Type[Whole], **others: Any) -> Whole:
        """Fill a dataclass each of whose fields is such a section of the same name, apart from ``others``."""
        names = {name: hint for name, hint in get_type_hints(kind).items() if name not in others}
        return kind(**{name: self.section(hint, name) for name, hint in names.items()}, **others)
