"""Settings files fill dataclasses by their type hints; errors name file, entry, value and remedy."""

import copy
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.config_file import (
    ANY,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    ConfigError,
    Range,
    above,
    at_least,
    load,
    numbers,
    parse,
)


@numbers(POSITIVE)
@dataclass(frozen=True)
class Motor:
    speed: float
    poles: int
    offset: float = field(default=0.0, metadata=ANY)
    load: float = field(default=1.0, metadata=SHARE)


@dataclass(frozen=True)
class Robot:
    name: str
    mode: Literal["walk", "stand"]
    heated: bool
    home: Tuple[float, float, float]
    sizes: Tuple[int, ...] = field(metadata=at_least(2))
    limits: Range = field(metadata=NOT_NEGATIVE)
    motor: Motor
    spare: Optional[Motor]
    others: Mapping[str, Motor]
    chain: Tuple[Motor, ...]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.mode == "stand" and self.heated:
            raise ValueError("heated is true; it must be false with mode: stand")


TEXT = """\
name: dog
mode: walk
heated: true
home: [0, -1.5, 3e-4]
sizes: [2, 3, 4]
limits: [0, 1.5]
motor: {speed: 2, poles: 7, offset: -1}
spare:
others:
  left: {speed: 1e3, poles: 1}
chain:
  - {speed: .5, poles: 3}
weights: {torque: -2, fall: 1.0e-5}
"""
MOTOR, OTHERS = "motor: {speed: 2, poles: 7, offset: -1}", "others:\n  left: {speed: 1e3, poles: 1}"
VALUE = Robot(
    name="dog",
    mode="walk",
    heated=True,
    home=(0.0, -1.5, 0.0003),
    sizes=(2, 3, 4),
    limits=Range(0.0, 1.5),
    motor=Motor(2.0, 7, -1.0),
    spare=None,
    others={"left": Motor(1000.0, 1)},
    chain=(Motor(0.5, 3),),
    weights={"torque": -2.0, "fall": 1e-5},
)


def read(folder: Path, text: str) -> Robot:
    path = folder / "robot.yaml"
    path.write_text(text, encoding="utf-8")
    return load(Robot, path)


def message(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    error = str(caught.value)
    assert error.startswith(str(folder / "robot.yaml"))
    assert "\n" not in error
    return error[len(str(folder / "robot.yaml")) :]


def test_every_kind_of_entry_is_read(tmp_path: Path) -> None:
    robot = read(tmp_path, TEXT)
    assert robot == VALUE
    assert isinstance(robot.motor.speed, float)
    assert isinstance(robot.limits, Range)
    assert read(tmp_path, TEXT.replace("spare:\n", "spare: {speed: 1, poles: 2}\n")).spare == Motor(1.0, 2)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("name: dog", "name: 12", ": name is 12; it must be text (in quotes, if it looks like a number)"),
        ("mode: walk", "mode: fly", ": mode is 'fly'; it must be one of walk, stand"),
        ("mode: walk", "mode: [walk]", ": mode is ['walk']; it must be one of walk, stand"),
        ("heated: true", "heated: yes", ": heated is 'yes'; it must be true or false"),
        ("heated: true", "heated: 1", ": heated is 1; it must be true or false"),
        ("home: [0, -1.5, 3e-4]", "home: [0, 1]", ": home is [0, 1]; it must be a list of 3 entries"),
        ("home: [0, -1.5, 3e-4]", "home: 3", ": home is 3; it must be a list of 3 entries"),
        ("home: [0, -1.5", "home: [0, x", ": home[1] is 'x'; it must be a number"),
        ("sizes: [2, 3", "sizes: [2, 1", ": sizes[1] is 1; it must be a whole number of 2 or above"),
        ("sizes: [2, 3, 4]", "sizes: []", ": sizes is []; it must be a list of at least one entry"),
        ("sizes: [2, 3, 4]", "sizes:", ": sizes is empty; it must be a list of at least one entry"),
        ("limits: [0, 1.5]", "limits: [2, 1]", ": limits is [2, 1]; it must be a range [low, high] whose low end is"),
        ("limits: [0, 1.5]", "limits: [0, 1, 2]", ": limits is [0, 1, 2]; it must be a range [low, high]"),
        ("limits: [0, 1.5]", "limits: [-1, 1]", ": limits[0] is -1; it must be a number of 0 or above"),
        ("speed: 2", "speed: 0", ": motor.speed is 0; it must be a number above 0"),
        ("speed: 2", "speed: true", ": motor.speed is True; it must be a number above 0"),
        ("speed: 2", "speed: '2'", ": motor.speed is '2'; it must be a number above 0"),
        ("speed: 2", "speed: .nan", ": motor.speed is nan; it must be a number above 0"),
        ("speed: 2", "speed: -.inf", ": motor.speed is -inf; it must be a number above 0"),
        ("speed: 2", "speed: 1e999", ": motor.speed is inf; it must be a number above 0"),
        ("speed: 2", "speed: 1_000", ": motor.speed is '1_000'; it must be a number above 0"),
        ("speed: 2", "speed: 1:30", ": motor.speed is '1:30'; it must be a number above 0"),
        ("speed: 2", f"speed: 1{400 * '0'}", "; it must be a number above 0"),
        ("speed: 2", "speed:", ": motor.speed is empty; it must be a number above 0"),
        ("poles: 7", "poles: 7.0", ": motor.poles is 7.0; it must be a whole number above 0"),
        ("poles: 7", "poles: false", ": motor.poles is False; it must be a whole number above 0"),
        ("offset: -1", "load: 1.5", ": motor.load is 1.5; it must be a number from 0 to 1"),
        ("offset: -1", "offset: .inf", ": motor.offset is inf; it must be a number"),
        ("speed: 2, ", "", ": motor.speed is missing. Known entries: speed, poles, offset, load"),
        ("offset: -1", "on: 1", ": motor.on is unknown. Known entries: speed, poles, offset, load"),
        ("speed: 2", "sped: 2", ": motor.speed is missing; motor.sped is unknown. Known entries: speed,"),
        ("name: dog\n", "", ": name is missing. Known entries: name, mode"),
        (MOTOR, "motor: [2]", ": motor is [2]; it must be a mapping with the entries"),
        (MOTOR, "motor:", ": motor is empty; it must be a mapping with the entries"),
        ("speed: 1e3", "speed: -1", ": others.left.speed is -1; it must be a number above 0"),
        ("  left:", "  3:", ": a key of others is 3; it must be text (in quotes, if it looks like a number)"),
        (OTHERS, "others: {}", ": others is {}; it must be a mapping with at least one entry"),
        ("poles: 3", "poles: x", ": chain[0].poles is 'x'; it must be a whole number above 0"),
        ("torque: -2", "torque: strong", ": weights.torque is 'strong'; it must be a number"),
        ("mode: walk", "mode: stand", ": heated is true; it must be false with mode: stand"),
        ("heated: true", "heated: true\nheated: false", " is not valid YAML: 'heated' is given twice in line 4"),
        ("speed: 2", "speed: 2, speed: 3", " is not valid YAML: 'speed' is given twice in line 7"),
        ("motor: {", "motor: {{", " is not valid YAML: "),
        (TEXT, "", ": the file is empty; it must be a mapping with the entries name, mode, "),
        (TEXT, "- 1", ": the file is [1]; it must be a mapping with the entries name, mode, "),
        (TEXT, f"a: 1{5000 * '0'}", " is not valid YAML: "),
        (TEXT, "1: a\n1.0: b", " is not valid YAML: '1.0' is given twice in line 2"),
        (TEXT, "name: !!bool maybe", " is not valid YAML: 'maybe'"),
        (TEXT, "name: !!timestamp soon", " is not valid YAML: "),
        (TEXT, 3000 * "[", " is not valid YAML: it is nested too deeply"),
    ],
)
def test_errors_name_the_entry(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in TEXT
    error = message(tmp_path, TEXT.replace(old, new, 1))
    assert complaint in error if complaint.startswith((" is not", "; it")) else error.startswith(complaint), error


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "robot.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(ConfigError, match=r"robot\.yaml is not valid YAML.*0xff"):
        load(Robot, path)


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"robot\.yaml"):
        load(Robot, tmp_path / "robot.yaml")


def test_a_rule_of_a_nested_dataclass_names_its_entry() -> None:
    @dataclass(frozen=True)
    class Pair:
        low: float
        high: float

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    @dataclass(frozen=True)
    class Whole:
        pair: Pair

    with pytest.raises(ConfigError, match=r"^a\.yaml: pair: low is above high$"):
        parse(Whole, {"pair": {"low": 2, "high": 1}}, "a.yaml")


def test_an_unsupported_type_is_a_programming_error() -> None:
    @dataclass(frozen=True)
    class Wrong:
        when: complex

    with pytest.raises(TypeError, match="when"):
        parse(Wrong, {"when": 1}, "a.yaml")


FINITE = st.floats(allow_nan=False, allow_infinity=False)
MOTORS = st.builds(
    Motor,
    speed=st.floats(1e-300, 1e300),
    poles=st.integers(1, 10**18),
    offset=FINITE,
    load=st.floats(0.0, 1.0),
)
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
NAMES = st.text(PRINTABLE, min_size=1)
ROBOTS = st.builds(
    Robot,
    name=st.text(PRINTABLE),
    mode=st.just("walk"),
    heated=st.booleans(),
    home=st.tuples(FINITE, FINITE, FINITE),
    sizes=st.lists(st.integers(2, 10**6), min_size=1).map(tuple),
    limits=st.tuples(st.floats(0.0, 10.0), st.floats(0.0, 10.0)).map(lambda ends: Range(*sorted(ends))),
    motor=MOTORS,
    spare=st.none() | MOTORS,
    others=st.dictionaries(NAMES, MOTORS, min_size=1, max_size=3),
    chain=st.lists(MOTORS, min_size=1, max_size=3).map(tuple),
    weights=st.dictionaries(NAMES, FINITE, min_size=1, max_size=3),
)


@given(ROBOTS)
def test_a_written_file_loads_back_equal(robot: Robot) -> None:
    with TemporaryDirectory() as folder:
        assert read(Path(folder), json.dumps(asdict(robot))) == robot


def sections(content: Any, path: Tuple[Any, ...] = ()) -> List[Tuple[Any, ...]]:
    """Paths of all mappings in the content whose keys are a dataclass's fields."""
    found = [path] if isinstance(content, dict) and path not in (("others",), ("weights",)) else []
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, part in parts:
        found += sections(part, (*path, name))
    return found


def dotted(path: Tuple[Any, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def inside(content: Any, path: Tuple[Any, ...]) -> Dict[str, Any]:
    for part in path:
        content = content[part]
    return content


CONTENT: Dict[str, Any] = json.loads(json.dumps(asdict(VALUE)))
KNOWN = {entry.name for kind in (Robot, Motor) for entry in fields(kind)}


@given(st.sampled_from(sections(CONTENT)), st.text("abcdefgh_", min_size=1).filter(lambda name: name not in KNOWN))
def test_an_unknown_entry_anywhere_is_named(path: Tuple[Any, ...], name: str) -> None:
    content = copy.deepcopy(CONTENT)
    inside(content, path)[name] = 1
    with pytest.raises(ConfigError) as caught:
        parse(Robot, content, "a.yaml")
    assert f"a.yaml: {dotted((*path, name))} is unknown" in str(caught.value)


@given(st.data())
def test_a_missing_entry_anywhere_is_named(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sections(CONTENT)))
    content = copy.deepcopy(CONTENT)
    section = inside(content, path)
    name = data.draw(st.sampled_from(sorted(set(section) - {"offset", "load"})))
    del section[name]
    with pytest.raises(ConfigError) as caught:
        parse(Robot, content, "a.yaml")
    assert f"a.yaml: {dotted((*path, name))} is missing" in str(caught.value)


@given(st.floats() | st.integers())
def test_bounds_name_exactly_the_accepted_numbers(value: float) -> None:
    for bounds, passes in (
        (above(1.5), 1.5 < value < float("inf")),
        (at_least(0.0), 0.0 <= value < float("inf")),
        (SHARE, 0.0 <= value <= 1.0),
    ):

        @numbers(bounds)
        @dataclass(frozen=True)
        class One:
            it: float

        try:
            float(value)
        except OverflowError:
            passes = False
        if passes:
            assert parse(One, {"it": value}, "a.yaml").it == float(value)
        else:
            with pytest.raises(ConfigError, match=r"a\.yaml: it is "):
                parse(One, {"it": value}, "a.yaml")
