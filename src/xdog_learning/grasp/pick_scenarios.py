"""Held-out placements side by side in one scene, which the dog tries one after the other, and their results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence

import yaml

from xdog_sim.grasp.scenario import GraspScenario

LANE = 2.0
"""m between two lanes, so that they do not disturb each other."""


@dataclass(frozen=True)
class PickScenario:
    """One placement in the scene.

    Attributes:
        name: of the object in the scene.
        label: class of the object.
        support: kind of what it stands on.
        y: m, where the dog stands; it faces along x.
        surface: m, height of the support.
    """

    name: str
    label: str
    support: str
    y: float
    surface: float


@dataclass(frozen=True)
class PickResult:
    """Result of one request.

    Attributes:
        outcome, message, attempts: as in PickObject's result.
        lifted: whether in the simulation the object was lifted and held by the strict rule.
        seconds: simulated, from the request to its end.
    """

    outcome: str
    message: str
    attempts: int
    lifted: bool
    seconds: float


def lay_out(placements: Sequence[GraspScenario]) -> List[PickScenario]:
    """A lane for every placement, in their order."""
    return [
        PickScenario(f"object_{number}", placement.item.kind, placement.support, LANE * number, placement.surface)
        for number, placement in enumerate(placements)
    ]


def write_scene(placements: Sequence[GraspScenario], path: Path) -> List[PickScenario]:
    """Write a scene file (see `xdog_sim.scene`) of these placements; returns their lanes."""
    lanes = lay_out(placements)
    supports: Dict[str, Any] = {}
    objects: Dict[str, Any] = {}
    for lane, placement in zip(lanes, placements):
        item = placement.item
        x, y = float(placement.position[0]), float(placement.position[1]) + lane.y
        objects[lane.name] = {
            "kind": item.kind,
            "width": item.width,
            "height": item.height,
            "mass": item.mass,
            "friction": item.friction,
            "colour": [float(share) for share in item.colour],
            "place": [x, y],
            "yaw": placement.yaw,
        }
        if lane.support != "ground":
            name = f"{lane.support}_of_{lane.name}"
            objects[lane.name]["support"] = name
            supports[name] = {"kind": lane.support, "height": lane.surface, "edge": float(placement.edge), "y": lane.y}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"supports": supports, "objects": objects} if supports else {"objects": objects}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return lanes
