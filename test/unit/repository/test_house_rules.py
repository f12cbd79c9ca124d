"""The rules of the house: which room may import which, what a file may be, where its test stands."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Set

import pytest
from import_graph import SOURCES, circles, import_graph, imported_names, module_name
from repository import ROOT

LONGEST_FILE = 500
ROS = {"rospy", "roslib", "rosgraph", "roslaunch", "rostest", "rosbag", "actionlib", "tf2_ros", "message_filters"}
FORBIDDEN = {
    "xdog": {"xdog_sim", "xdog_learning", "torch", "mujoco", "stable_baselines3", "gymnasium", "matplotlib"},
    "xdog_sim": {"xdog_learning", "stable_baselines3"},
    "xdog_learning": set(),
}
ROBOT_MAY_IMPORT = {"numpy", "onnxruntime", "yaml", "xdog"}
"""What every room of xdog may import beside the standard library."""
ROOM_MAY_IMPORT = {"hardware": {"scservo_sdk", "serial"}, "arm_tools": {"scservo_sdk", "serial"}}
"""What a room may import in addition."""
LAYERS = (
    {"core"},
    {"safety"},
    {"hardware", "locomotion", "arm"},
    {"grasp", "teleop", "arm_tools", "perception", "voice", "behavior", "operator"},
    {"nodes"},
)
"""Rooms of xdog from the lowest layer up: a room imports rooms of lower layers and itself, none beside it."""


def test_imports_are_found_anywhere_in_a_module() -> None:
    source = "import a.b\nfrom c.d import e\nfrom . import f\ndef g():\n    import h\n"
    assert imported_names(source) == {"a.b", "c.d.e", "h"}


def test_circles_by_hand() -> None:
    graph: Dict[str, Set[str]] = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a", "e2"}, "e2": {"e"}}
    assert circles(graph) == [["b", "c"], ["e", "e2"]]


def top_level(path: Path) -> Set[str]:
    return {name.split(".")[0] for name in imported_names(path.read_text(encoding="utf-8"))}


def tracked() -> Iterator[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return (ROOT / name for name in listing.decode().split("\0") if name and (ROOT / name).is_file())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_package_imports_a_higher_layer(path: Path) -> None:
    package = path.relative_to(ROOT / "src").parts[0]
    assert not top_level(path) & FORBIDDEN[package]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_ros_appears_in_nodes_only(path: Path) -> None:
    in_nodes = "nodes" in path.relative_to(ROOT / "src").parts
    assert in_nodes or not top_level(path) & ROS


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if re.match(r"src/xdog/(?!nodes/)", relative(path))], ids=relative
)
def test_each_room_needs_only_what_its_extra_installs(path: Path) -> None:
    room = path.relative_to(ROOT / "src").parts[1]
    allowed = ROBOT_MAY_IMPORT | ROOM_MAY_IMPORT.get(room, set())
    assert top_level(path) - set(sys.stdlib_module_names) <= allowed


def test_the_robot_reads_the_policy_and_not_the_simulation() -> None:
    opening = re.compile(r"""share_path\(\s*["']sim["']""")
    found = [relative(path) for path in SOURCES if "src/xdog/" in path.as_posix() and opening.search(path.read_text())]
    assert not found, "what was learned stands in the policy's contract"


def test_rooms_of_the_robot_import_lower_layers_only() -> None:
    layer = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    wrong: List[str] = []
    for module, targets in import_graph().items():
        for target in targets:
            if not (module.startswith("xdog.") and target.startswith("xdog.")):
                continue
            room, other = module.split(".")[1], target.split(".")[1]
            if room in layer and other in layer and room != other and layer[other] >= layer[room]:
                wrong.append(f"{module} imports {target}")
    assert not wrong


def test_every_folder_of_the_robot_is_a_room_with_a_layer() -> None:
    rooms = {path.parent.name for path in (ROOT / "src" / "xdog").glob("*/__init__.py")}
    assert rooms <= set().union(*LAYERS)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(import_graph()) == []


def test_no_module_imports_commands() -> None:
    above = "xdog_learning.commands"
    wrong = [
        f"{module} imports {target}"
        for module, targets in import_graph().items()
        for target in targets
        if target.startswith(f"{above}.") and not module.startswith(above)
    ]
    assert not wrong


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_source_file_has_a_test_file_of_its_name(path: Path) -> None:
    inside = path.relative_to(ROOT / "src")
    if path.name == "__init__.py" or "nodes" in inside.parts:
        return  # the running graphs of test/ros are the nodes' tests
    expected = ROOT / "test" / "unit" / inside.parent / f"test_{path.stem.strip('_')}.py"
    assert expected.is_file(), f"{relative(expected)} is missing"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_from_others_run_no_code(path: Path) -> None:
    """Pickles and YAML's tags may run code; weights, arrays and settings are read without them."""
    text = path.read_text(encoding="utf-8")
    for call in re.findall(
        r"\b(?:torch|np|numpy|yaml|pickle|cloudpickle|joblib)\.(?:load|loads|full_load|unsafe_load)\(.*", text
    ):
        safe = ("weights_only=True", "allow_pickle=False", ", _Loader)")  # the last is a yaml.SafeLoader
        assert any(words in call for words in safe), call


def test_class_names_are_unique() -> None:
    places: Dict[str, List[str]] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module_name(path))
    assert not {name: modules for name, modules in places.items() if len(modules) > 1}


def test_ros_calls_back_through_what_ends_quietly_and_survives_clock_jumps() -> None:
    """A callback goes through xdog.nodes.common.callbacks, a rate through its clock, an action through its servers."""
    rules = {
        "rospy": {"Subscriber", "Service", "Timer", "Rate", "sleep"},
        "actionlib": {"ActionServer", "SimpleActionServer"},
    }
    allowed = {"src/xdog/nodes/common/callbacks.py"}
    wrong = [
        f"{relative(path)}:{node.lineno}: {node.func.value.id}.{node.func.attr}"
        for path in SOURCES
        if relative(path) not in allowed
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr in rules.get(node.func.value.id, set())
    ]
    assert not wrong


def test_demo_and_nodes_start_without_the_packages_of_training() -> None:
    modules = ["xdog_sim.demo.__main__", "xdog_sim.nodes.bridge", "xdog.nodes.locomotion", "xdog.nodes.teleop_keyboard"]
    training = ["torch", "stable_baselines3", "gymnasium", "onnx", "tensorboard", "tyro"]
    code = f"import sys; sys.modules.update(dict.fromkeys({training})); import {', '.join(modules)}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", [p for p in tracked() if p.suffix == ".py" or "scripts" in p.parts], ids=relative)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_no_tracked_file_names_a_machine() -> None:
    machine = re.compile(r"(?<![\w.~])/(?:work|root|tmp|home|opt(?!/ros/))/[A-Za-z]")
    allowed = {"Dockerfile", relative(Path(__file__))}
    found = []
    for path in tracked():
        if relative(path) in allowed or path.stat().st_size > 1_000_000:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{relative(path)}: {match.group()}" for match in machine.finditer(text)]
    assert not found
