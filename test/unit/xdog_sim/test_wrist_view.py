"""The wrist camera of the running graph renders the images that policies were trained with."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from worker_functions import compare_wrist_pictures

from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.offscreen import choose_renderer
from xdog_sim.scene import load_scene
from xdog_sim.wrist_view import BodyPlacement, WristView


def test_the_image_equals_that_of_a_demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    choose_renderer()  # affects processes that import MuJoCo from now on
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        for index in (0, 7, 10):  # a ball on the ground, a cup on a table, a bottle on a shelf
            different, spread = pool.submit(compare_wrist_pictures, index, tmp_path).result()
            assert different < 0.01, index
            assert spread > 20.0, "the image is empty"


def test_the_number_of_objects_must_be_that_of_the_scene() -> None:
    view = WristView(ScenarioSampler().robot, load_scene("tabletop"))
    with pytest.raises(ValueError, match="1 objects for a scene of 4"):
        view.show(
            {}, BodyPlacement(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])), [BodyPlacement(np.zeros(3), np.zeros(4))]
        )
