"""Replay of a recorded demonstration in a simulated scene."""

import math
import time
from pathlib import Path
from typing import Any, Callable, List, Mapping, Tuple

import mujoco
import numpy as np
from rich.progress import track

from xdog.core.rotations import rotation_matrix
from xdog.grasp.observation import OBJECT_FEATURES
from xdog_learning.dataset import DatasetError
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.provenance import version_of, version_text
from xdog_learning.dataset.video import write_video
from xdog_sim.grasp.config import ObjectKind
from xdog_sim.grasp.objects import GraspObject
from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler
from xdog_sim.grasp.scene import GraspScene

Array = np.ndarray

WIDTH, HEIGHT = 480, 360
"""px of the film."""
SURE = 5.0
"""Standard deviations of the perception error beyond which object features belong to another scenario."""
SAME_ANGLE = 0.01
"""Largest difference of gravity's direction, rad, in the same stance."""
SAME_START = 0.05
"""rad; joints start at the scenario's angles, within encoder errors and backlash."""


def find_scenario(
    recording: Mapping[str, Any], number: int, episode: Episode, sampler: ScenarioSampler
) -> Tuple[GraspScenario, int, str]:
    """The scenario of an episode, the seed of its noise, and why it is not the recorded one; empty if it is.

    The expert's scenarios are drawn again, which gives another one if sim/grasp_scenarios.yaml or the code has changed.
    Then, and for demonstrations of a human, only the recorded object features are known.
    """
    for source in recording.get("sources", []):
        for kept, attempt in source["kept"]:
            if kept == number and source["by"] == "expert":
                drawn = sampler.draw(attempt, source["seed"])
                for scenario in (drawn, sampler.at_view_pose(drawn, attempt)):
                    if is_of(scenario, episode, sampler):
                        return scenario, attempt, ""
                made = version_text(version_of(source, attempt))
                why = f"Its scenario, drawn again, is not the recorded one, which was made with {made}"
                return scenario_as_seen(episode, sampler), 0, why
    return scenario_as_seen(episode, sampler), 0, "Its scenario was not recorded"


def is_of(scenario: GraspScenario, episode: Episode, sampler: ScenarioSampler) -> bool:
    """Whether the start of an episode fits this scenario, within the errors of perception."""
    seen = sampler.config.perception
    place = SURE * math.hypot(seen.position_error, seen.jitter)
    limits = [*[place] * 3, *[SURE * seen.size_error] * 2, *[SAME_ANGLE] * 3]
    off = np.abs(sampler.object_features(scenario) - episode.environment_state[0])
    return bool(np.all(off <= limits) and np.abs(scenario.start - episode.state[0]).max() <= SAME_START)


def scenario_as_seen(episode: Episode, sampler: ScenarioSampler) -> GraspScenario:
    """An object with the first frame's features, at its observed position, for a dog at its usual height.

    Raises:
        DatasetError: the features are not those of an object.
    """
    features = dict(zip(OBJECT_FEATURES, episode.environment_state[0].astype(float)))
    if min(features["width"], features["height"]) <= 0.0:
        raise DatasetError(
            f"the first frame's object is {features['width']:g} m wide and {features['height']:g} m high: there is "
            "nothing to simulate. With --robot the episode can be replayed without an object"
        )
    config = sampler.config
    kind: ObjectKind = next((kind for kind in config.objects if kind in episode.task), "cube")
    pitch = math.asin(max(-1.0, min(1.0, features["gravity_x"])))
    item = GraspObject(
        kind=kind,
        width=features["width"],
        height=features["height"],
        mass=float(np.mean(config.objects[kind].mass)),
        friction=float(np.mean(config.friction)),
        colour=(0.8, 0.3, 0.2),
    )

    def placed(rise: float) -> Tuple[Array, float]:
        rotation = rotation_matrix(0.0, pitch, 0.0)
        base, _ = sampler.arm_base(rise, pitch)
        position = base + rotation @ np.array([features[f"centre_{axis}"] for axis in "xyz"])
        return position, float(position[2]) - item.height / 2.0

    rise = 0.0
    position, surface = placed(rise)
    if surface < 0.0:  # the dog must have stood higher
        rise = -surface
        position, surface = placed(rise)
    on_ground = surface < 0.5 * config.supports["table"].height[0]
    support = "ground" if on_ground else "table" if surface <= config.supports["table"].height[1] else "shelf"
    return GraspScenario(
        item=item,
        support=support,
        surface=surface,
        position=position,
        yaw=0.0,
        edge=float(position[0]) - item.width / 2.0 - config.edge[0],
        rise=rise,
        pitch=pitch,
        start=episode.state[0].astype(float),
        camera_shift=np.zeros(3),
        camera_turn=np.zeros(3),
        brightness=1.0,
    )


def run(episode: Episode, scene: GraspScene, after: Callable[[], None]) -> Array:
    """Send the recorded actions, one a period; returns the measured joints (T, 6), rad, at the recorded instants."""
    measured = []
    for action in episode.action:
        measured.append(scene.observe().joints)
        scene.step(action)
        after()
    return np.array(measured)


def show(episode: Episode, scene: GraspScene) -> Array:
    """Replay in MuJoCo's viewer, at the recorded speed."""
    import mujoco.viewer  # needs the libraries of a screen

    with mujoco.viewer.launch_passive(scene.model, scene.data, show_left_ui=False, show_right_ui=False) as viewer:
        viewer.cam.lookat[:], viewer.cam.distance = scene.scenario.position, 0.9
        due = time.monotonic()

        def pace() -> None:
            nonlocal due
            if viewer.is_running():
                viewer.sync()
            due += 1.0 / episode.fps
            time.sleep(max(0.0, due - time.monotonic()))  # keeps the pace of the recording

        return run(episode, scene, pace)


def film(episode: Episode, scene: GraspScene, path: Path) -> Array:
    """Replay and render.

    Raises:
        RenderError: nothing on this machine can render.
    """
    camera = mujoco.MjvCamera()
    camera.lookat[:] = scene.scenario.position
    camera.distance, camera.azimuth, camera.elevation = 0.9, 120.0, -20.0  # m, degrees
    states: List[Array] = []
    measured = run(episode, scene, lambda: states.append(scene.data.qpos.copy()))
    images = np.empty((len(states), HEIGHT, WIDTH, 3), np.uint8)
    for state, image in zip(track(states, description="film"), images):
        scene.data.qpos[:] = state
        mujoco.mj_forward(scene.model, scene.data)
        image[:] = scene.render_camera(camera, WIDTH, HEIGHT)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, images, episode.fps)
    return measured
