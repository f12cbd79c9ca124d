"""Every YAML file that a user may edit is read by the one reader, which refuses any entry that is not a value."""

import copy
import math
import re
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from repository import ROOT

from xdog.arm.config import ArmConfig
from xdog.core.config_file import ConfigError, load, parse, read
from xdog.core.robot_config import RobotConfig
from xdog.grasp.config import PickConfig
from xdog.hardware.so101.servo_health import So101Config
from xdog.locomotion.config import LocomotionConfig
from xdog.safety.config import SafetyConfig
from xdog.safety.mux_config import MuxConfig
from xdog.teleop.config import TeleopConfig
from xdog_learning.grasp.settings import GraspSettings
from xdog_sim.config import SimConfig
from xdog_sim.demo.course import Course
from xdog_sim.grasp.config import GraspScenarioConfig
from xdog_sim.randomization import Randomization
from xdog_sim.scene import SceneFile
from xdog_sim.tasks.gait_config import GaitConfig

KINDS: Dict[str, Any] = {
    "launch/config/arm.yaml": ArmConfig,
    "launch/config/locomotion.yaml": LocomotionConfig,
    "launch/config/mux.yaml": MuxConfig,
    "launch/config/pick.yaml": PickConfig,
    "launch/config/robot.yaml": RobotConfig,
    "launch/config/safety.yaml": SafetyConfig,
    "launch/config/so101.yaml": So101Config,
    "launch/config/teleop.yaml": TeleopConfig,
    "policies/gait.yaml": GaitConfig,
    "policies/grasp_training.yaml": GraspSettings,
    "sim/courses/demo.yaml": Course,
    "sim/grasp_scenarios.yaml": GraspScenarioConfig,
    "sim/hardware.yaml": SimConfig,
    "sim/randomization.yaml": Randomization,
    "sim/scenes/tabletop.yaml": SceneFile,
}
ELSEWHERE: Dict[Any, Dict[str, float]] = {
    ArmConfig: {"pause": 0.5, "heartbeat_timeout": 0.15},
    LocomotionConfig: {"heartbeat_timeout": 0.3},
    MuxConfig: {"heartbeat_timeout": 0.3},
}
"""Fields that another file holds."""
FILES = [path for folder in ("launch", "policies", "sim") for path in sorted((ROOT / folder).rglob("*.yaml"))]


def entries(content: Any, inside: str = "") -> Iterator[Tuple[Tuple[Any, ...], str]]:
    """Keys that lead to every single value, and its dotted path."""
    if not isinstance(content, (dict, list)):
        yield (), inside
        return
    for key, part in content.items() if isinstance(content, dict) else enumerate(content):
        name = f"{inside}[{key}]" if isinstance(content, list) else f"{inside}.{key}".lstrip(".")
        yield from (((key, *rest), path) for rest, path in entries(part, name))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_value_that_is_none_is_refused_by_name(path: Path) -> None:
    kind = KINDS[path.relative_to(ROOT).as_posix()]
    others = ELSEWHERE.get(kind, {})
    load(kind, path, **others)
    content = read(path)
    for keys, entry in entries(content):
        for nothing in (math.nan, None):
            changed = copy.deepcopy(content)
            section = changed
            for key in keys[:-1]:
                section = section[key]
            section[keys[-1]] = nothing
            with pytest.raises(ConfigError) as caught:
                parse(kind, changed, str(path), **others)
            assert str(caught.value).startswith(f"{path}: {entry} is {'empty' if nothing is None else 'nan'}; ")


def test_no_other_module_reads_yaml() -> None:
    sources = [path for path in (ROOT / "src").rglob("*.py") if re.search(r"yaml\.\w*load", path.read_text())]
    assert [path.relative_to(ROOT).as_posix() for path in sources] == ["src/xdog/core/config_file.py"]
