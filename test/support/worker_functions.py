"""What tests run in other processes, which import it by this module's name."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Tuple

import numpy as np

from xdog_learning.grasp.pick_scenarios import write_scene
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.grasp.scene import GraspScene
from xdog_sim.scene import load_scene
from xdog_sim.wrist_view import BodyPlacement, WristView


def double(number: int) -> int:
    return number + number


def wait_for_ever(marker: Path) -> None:
    marker.touch()
    threading.Event().wait()


def compare_wrist_pictures(index: int, folder: Path) -> Tuple[float, float]:
    """Share of pixels in which the graph's picture of a placement is not the learned one; spread of its values."""
    sampler = ScenarioSampler()
    placement = replace(
        sampler.at_view_pose(sampler.draw(index, 2000, held_out=True), index),
        camera_shift=np.zeros(3),
        camera_turn=np.zeros(3),
        brightness=1.0,
    )
    learned = GraspScene(placement, sampler, visuals=True)
    expected = learned.render().astype(int)
    learned.close()
    write_scene([placement], folder / "scene.yaml")
    view = WristView(sampler.robot, load_scene(str(folder / "scene.yaml")))
    trunk, names = sampler.trunk(placement.rise, placement.pitch), (*sampler.robot.legs.names, *sampler.robot.arm.names)
    turn = np.array([0.0, 0.0, np.sin(placement.yaw / 2.0), np.cos(placement.yaw / 2.0)])
    view.show(
        dict(zip(names, [*trunk.legs, *placement.start])),
        BodyPlacement(trunk.position, trunk.orientation[[1, 2, 3, 0]]),
        [BodyPlacement(placement.position, turn)],
    )
    return float((np.abs(view.render() - expected).max(axis=2) > 16).mean()), float(expected.std())
