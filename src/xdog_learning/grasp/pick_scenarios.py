"""Held-out scenarios side by side in one scene, before which the dog is put one after the other, and their results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence

import yaml

from xdog_sim.grasp.scenario import GraspScenario

SPACING = 2.0
"""m between two scenarios in the scene: nothing of one is within reach of the next, or in its way."""


@dataclass(frozen=True)
class PickScenario:
    """One scenario in the scene.

    Attributes:
        name: of the object in the scene.
        label: class of the object.
        support: what it stands on.
        y: m, where the dog stands; it looks along x.
        surface: m, height of what the object stands on.
    """

    name: str
    label: str
    support: str
    y: float
    surface: float


@dataclass(frozen=True)
class PickResult:
    """The result of one request.

    Attributes:
        outcome, message, attempts: as in PickObject's result.
        lifted: whether the object really was up by the strict rule's height, and still after its time.
        seconds: simulated, from the request to its end.
    """

    outcome: str
    message: str
    attempts: int
    lifted: bool
    seconds: float


def lay_out(scenarios: Sequence[GraspScenario]) -> List[PickScenario]:
    """A place in the scene for every scenario, in their order."""
    return [
        PickScenario(f"object_{number}", scenario.item.kind, scenario.support, SPACING * number, scenario.surface)
        for number, scenario in enumerate(scenarios)
    ]


def write_scene(scenarios: Sequence[GraspScenario], path: Path) -> List[PickScenario]:
    """Write a scene file (see `xdog_sim.scene`) of these scenarios; gives their places in it."""
    picks = lay_out(scenarios)
    supports: Dict[str, Any] = {}
    objects: Dict[str, Any] = {}
    for pick, scenario in zip(picks, scenarios):
        item = scenario.item
        x, y = float(scenario.position[0]), float(scenario.position[1]) + pick.y
        objects[pick.name] = {
            "kind": item.kind,
            "width": item.width,
            "height": item.height,
            "mass": item.mass,
            "friction": item.friction,
            "colour": [float(share) for share in item.colour],
            "place": [x, y],
            "yaw": scenario.yaw,
        }
        if pick.support != "ground":
            name = f"{pick.support}_of_{pick.name}"
            objects[pick.name]["support"] = name
            supports[name] = {"kind": pick.support, "height": pick.surface, "edge": float(scenario.edge), "y": pick.y}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"supports": supports, "objects": objects} if supports else {"objects": objects}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return picks
