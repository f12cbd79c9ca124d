"""The running graph's wrist camera shows what policies that see have learned from."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Tuple

import numpy as np
import pytest

from xdog.arm.looks import load_looks
from xdog.safety.config import SafetyConfigError
from xdog_learning.pick.lanes import write_scene
from xdog_sim.grasp.placement import Placer
from xdog_sim.grasp.scene import GraspScene
from xdog_sim.offscreen import choose_renderer
from xdog_sim.scene import load_scene
from xdog_sim.wrist_view import Place, WristView


def compare(index: int, folder: Path) -> Tuple[float, float]:
    """Share of pixels in which the graph's picture of a placement is not the learned one; spread of its values."""
    placer = Placer()
    placement = replace(
        placer.looking(placer.draw(index, 2000, held_out=True), index),
        camera_shift=np.zeros(3),
        camera_turn=np.zeros(3),
        brightness=1.0,
    )
    learned = GraspScene(placement, placer, visuals=True)
    expected = learned.render().astype(int)
    learned.close()
    write_scene([placement], folder / "scene.yaml")
    view = WristView(placer.robot, load_scene(str(folder / "scene.yaml")))
    trunk, names = placer.trunk(placement.rise, placement.pitch), (*placer.robot.legs.names, *placer.robot.arm.names)
    turn = np.array([0.0, 0.0, np.sin(placement.yaw / 2.0), np.cos(placement.yaw / 2.0)])
    view.show(
        dict(zip(names, [*trunk.legs, *placement.start])),
        Place(trunk.position, trunk.orientation[[1, 2, 3, 0]]),
        [Place(placement.position, turn)],
    )
    return float((np.abs(view.picture() - expected).max(axis=2) > 16).mean()), float(expected.std())


def test_its_picture_is_that_of_a_demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    choose_renderer()  # counts for processes that import MuJoCo from now on
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        for index in (0, 7, 10):  # a ball on the ground, a cup on a table, a bottle on a shelf
            different, spread = pool.submit(compare, index, tmp_path).result()
            assert different < 0.01, index
            assert spread > 20.0, "there is something to see"


def test_it_wants_every_object() -> None:
    view = WristView(Placer().robot, load_scene("grasp"))
    with pytest.raises(ValueError, match="1 objects for a scene of 4"):
        view.show({}, Place(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])), [Place(np.zeros(3), np.zeros(4))])


def test_looks_are_those_of_the_file_and_a_bad_file_is_named(tmp_path: Path) -> None:
    looks, camera = load_looks(), Placer().config.camera
    assert looks.pose(camera.high + 0.01).tolist() == list(camera.look_high)
    assert looks.pose(camera.high - 0.01).tolist() == list(camera.look_low)
    for poses in ("look_low: [0, 0, 0, 0, 0]", "look_low: [0], look_high: [1]"):
        path = tmp_path / "grasp.yaml"
        path.write_text(f"camera: {{{poses}, high: 0.1}}", encoding="utf-8")
        with pytest.raises(SafetyConfigError, match=r"grasp\.yaml: camera"):
            load_looks(path)
