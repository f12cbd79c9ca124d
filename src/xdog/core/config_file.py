"""Settings files: YAML that fills frozen dataclasses by their type hints; errors name file, entry and remedy.

A field states which numbers it accepts, for example ``gain: float = field(metadata=between(0.0, 1.0))``, or its whole
dataclass does with ``@numbers(POSITIVE)``. A rule between fields is part of ``__post_init__`` and raises ValueError.
"""

import collections.abc
import math
import re
import reprlib
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Type,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import yaml

Section = TypeVar("Section")


class ConfigError(ValueError):
    """A settings file is malformed. The message names the file, the entry, what it is and what it must be."""


class Range(NamedTuple):
    """The ends of an interval, in a file ``[low, high]``; the low end is not above the high one."""

    low: float
    high: float


class Bounds(NamedTuple):
    """Which numbers a field accepts: a test and its words for messages."""

    accept: Callable[[float], bool]
    words: str


_BOUNDS = "__bounds__"
_SCALARS: Mapping[Any, str] = {bool: "true or false", str: "text (in quotes, if it looks like a number)"}


def above(low: float) -> Mapping[str, Bounds]:
    """Metadata of a field whose numbers are above ``low``."""
    return {_BOUNDS: Bounds(lambda value: value > low, f"above {low:g}")}


def at_least(low: float) -> Mapping[str, Bounds]:
    """Metadata of a field whose numbers are ``low`` or above."""
    return {_BOUNDS: Bounds(lambda value: value >= low, f"of {low:g} or above")}


def between(low: float, high: float) -> Mapping[str, Bounds]:
    """Metadata of a field whose numbers are from ``low`` to ``high``, both included."""
    return {_BOUNDS: Bounds(lambda value: low <= value <= high, f"from {low:g} to {high:g}")}


POSITIVE, NOT_NEGATIVE, SHARE = above(0.0), at_least(0.0), between(0.0, 1.0)
ANY: Mapping[str, Optional[Bounds]] = {_BOUNDS: None}


def numbers(bounds: Mapping[str, Bounds]) -> Callable[[Type[Section]], Type[Section]]:
    """Class decorator: the bounds of every number in a dataclass, except in fields with metadata of their own."""

    def mark(kind: Type[Section]) -> Type[Section]:
        setattr(kind, _BOUNDS, bounds[_BOUNDS])
        return kind

    return mark


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; true and false are not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


class _Loader(yaml.SafeLoader):
    """Reads scalars as YAML 1.2 does (``3e-4`` is a number, ``yes`` is text) and refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) < len(node.value):
            seen = set()
            for key, _ in node.value:
                name = self.construct_object(key)
                if name in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is given twice", key.start_mark)
                seen.add(name)
        return mapping


_Loader.yaml_implicit_resolvers = {}  # none of YAML 1.1
for _tag, _pattern in {
    "null": "~|null|Null|NULL|",
    "bool": "true|True|TRUE|false|False|FALSE",
    "int": "[-+]?[0-9]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"({_pattern})$"), None)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(re.sub(r"\.(?=[inIN])", "", node.value)))


def read(path: Path) -> Any:
    """The content of a YAML file, unchecked.

    Raises:
        ConfigError: it is not YAML, or a mapping has a key twice.
        OSError: it cannot be read.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise ConfigError(f"{path} is not valid YAML: {error.problem or error.context}{line}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is not valid YAML: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError, KeyError, AttributeError) as error:  # the last two: a tag that does not fit
        raise ConfigError(f"{path} is not valid YAML: {error}") from error


def load(kind: Type[Section], path: Path, **others: Any) -> Section:
    """A dataclass, filled from a YAML file and ``others``; see `parse`.

    Raises:
        ConfigError: the file is malformed.
        OSError: it cannot be read.
    """
    return parse(kind, read(path), str(path), **others)


def parse(kind: Type[Section], content: Any, where: str, **others: Any) -> Section:
    """A dataclass, filled from the content of a file.

    Args:
        kind: the dataclass. Its fields may be float, int, bool, str, Literal, Range, Optional, tuples of fixed or of
            any length, mappings from names, and dataclasses. Tuples and mappings of any length have at least one
            entry.
        content: of the file: an entry for every field without a default, and no unknown ones.
        where: the file, for messages.
        others: values of fields that are not in this file.

    Raises:
        ConfigError: an entry is missing or unknown, is of another type, outside its bounds or not finite, or the
            dataclass refuses it.
    """
    filled: Section = _Reader(where).section(kind, content, "", others)
    return filled


class _Reader:
    """Turns parts of one file into values; ``entry`` is the dotted path of a part."""

    def __init__(self, where: str) -> None:
        self._where = where

    def section(self, kind: Any, content: Any, entry: str, others: Mapping[str, Any]) -> Any:
        known = {field.name: field for field in fields(kind) if field.name not in others}
        if not isinstance(content, dict):
            raise self._wrong(entry, content, f"a mapping with the entries {', '.join(known)}")
        inside = f"{entry}." if entry else ""
        needed = [name for name, field in known.items() if field.default is field.default_factory is MISSING]
        problems = [f"{inside}{name} is missing" for name in needed if name not in content]
        problems += [f"{inside}{name} is unknown" for name in content if name not in known]
        if problems:
            raise ConfigError(f"{self._where}: {'; '.join(problems)}. Known entries: {', '.join(known)}")
        hints, usual = get_type_hints(kind), getattr(kind, _BOUNDS, None)
        values = {
            name: self._value(hints[name], value, f"{inside}{name}", known[name].metadata.get(_BOUNDS, usual))
            for name, value in content.items()
        }
        try:
            return kind(**values, **others)
        except ValueError as error:
            raise ConfigError(f"{self._where}: {entry}{': ' * bool(entry)}{error}") from error

    def _value(self, hint: Any, value: Any, entry: str, bounds: Optional[Bounds]) -> Any:
        origin, arguments = get_origin(hint), get_args(hint)
        if is_dataclass(hint):
            return self.section(hint, value, entry, {})
        if origin is Union and len(arguments) == 2 and arguments[1] is type(None):
            return None if value is None else self._value(arguments[0], value, entry, bounds)
        if hint in (float, int):
            return self._number(hint, value, entry, bounds)
        if hint is Range or origin is tuple:
            return self._list(hint, value, entry, bounds)
        if origin is collections.abc.Mapping:
            if not isinstance(value, dict) or not value:
                raise self._wrong(entry, value, "a mapping with at least one entry")
            names = [self._value(arguments[0], name, f"a key of {entry}", None) for name in value]
            return {name: self._value(arguments[1], value[name], f"{entry}.{name}", bounds) for name in names}
        if hint in _SCALARS or origin is Literal:
            if not (isinstance(value, hint) if hint in _SCALARS else value in arguments):
                raise self._wrong(entry, value, _SCALARS.get(hint) or f"one of {', '.join(map(str, arguments))}")
            return value
        raise TypeError(f"{entry}: settings cannot be of type {hint}")

    def _number(self, kind: Type[float], value: Any, entry: str, bounds: Optional[Bounds]) -> float:
        right = is_number(value) and isinstance(value, (int, kind))
        if right and (bounds is None or bounds.accept(value)):
            return kind(value)
        words = "a whole number" if kind is int else "a number"
        raise self._wrong(entry, value, words if bounds is None else f"{words} {bounds.words}")

    def _list(self, hint: Any, value: Any, entry: str, bounds: Optional[Bounds]) -> Any:
        parts = (float, float) if hint is Range else get_args(hint)
        if isinstance(value, list) and value and parts[-1] is Ellipsis:
            parts = (parts[0],) * len(value)
        if not isinstance(value, list) or len(value) != len(parts):
            count = "at least one entry" if parts[-1] is Ellipsis else f"{len(parts)} entries"
            raise self._wrong(entry, value, "a range [low, high]" if hint is Range else f"a list of {count}")
        filled = [self._value(part, one, f"{entry}[{i}]", bounds) for i, (part, one) in enumerate(zip(parts, value))]
        if hint is not Range:
            return tuple(filled)
        if filled[0] > filled[1]:
            raise self._wrong(entry, value, "a range [low, high] whose low end is not above the high one")
        return Range(*filled)

    def _wrong(self, entry: str, value: Any, words: str) -> ConfigError:
        shown = "empty" if value is None else reprlib.repr(value)
        return ConfigError(f"{self._where}: {entry or 'the file'} is {shown}; it must be {words}")
