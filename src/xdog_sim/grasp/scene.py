"""The simulation of one grasp: an arm on a dog that stands still, an object and a judge."""

import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import Deque, Optional, Tuple

import mujoco
import numpy as np

from xdog.grasp.observation import object_features
from xdog_sim.config import load_sim_config
from xdog_sim.devices import SimulatedArm
from xdog_sim.grasp.camera import WRIST, SceneRenderer, add_wrist_camera
from xdog_sim.grasp.judge import Judge
from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler
from xdog_sim.world import compile_spec, joint_indices

Array = np.ndarray

MEASUREMENT_PERIOD = 0.010
"""s between measurements of the joints."""


@dataclass(frozen=True)
class ObservationNoise:
    """Errors of perception and servos.

    Attributes:
        position_error: m, standard deviation per axis of an error of the object's position, drawn once per grasp.
        jitter: m, standard deviation per axis of an error of the position, drawn for each observation.
        size_error: m, standard deviation per axis of an error of the object's size, drawn once per grasp.
        delay: s from a measurement to the policy.
        camera_noise: standard deviation of each pixel, of 255.
        backlash: rad to either side of each joint.
    """

    position_error: float
    jitter: float
    size_error: float
    delay: float
    camera_noise: float
    backlash: float


@dataclass(frozen=True, eq=False)
class Observation:
    """Input of the policy: measured joints (6,) rad, object features (8,) and the time of measurement, s."""

    joints: Array
    object_features: Array
    stamp: float


class GraspScene:
    """A grasp scenario while it is simulated.

    The object features are those at the start. The robot, too, keeps what the detector reported before the arm entered
    the view of the head camera.

    Attributes:
        scenario: the initial state of the world.
        noise: errors of perception and servos.
        judge: the judge of this attempt.
        model, data: of MuJoCo.
    """

    def __init__(
        self,
        scenario: GraspScenario,
        sampler: ScenarioSampler,
        seed: int = 0,
        noise: Optional[ObservationNoise] = None,
        visuals: bool = False,
    ) -> None:
        """Args: seed of all noise; noise, `nominal_noise` if None; visuals are needed for `render`."""
        self.scenario, self.robot, self.config = scenario, sampler.robot, sampler.config
        self.noise = noise or nominal_noise(sampler)
        sim_config = load_sim_config()
        spec = sampler.spec(scenario, visuals)
        spec.option.timestep = sim_config.physics_step
        if visuals:
            camera = self.config.camera
            add_wrist_camera(
                spec, camera, self.robot.tool_frame, scenario.camera_shift, scenario.camera_turn, scenario.brightness
            )
        self.model = compile_spec(spec)
        self.data = mujoco.MjData(self.model)
        self._random = np.random.default_rng(seed)
        self._arm = SimulatedArm(
            self.robot,
            dataclasses.replace(sim_config, arm=dataclasses.replace(sim_config.arm, backlash=self.noise.backlash)),
        )
        self._q, self._v, self._u = joint_indices(self.model, self.robot.arm.names)
        self.data.qpos[self._q] = scenario.start
        self.data.ctrl[self._u] = scenario.start
        self._arm.restart(scenario.start)
        mujoco.mj_forward(self.model, self.data)
        self._period_steps = round(self.config.policy_period / sim_config.physics_step)
        self._delay_steps = round(self.config.servo.command_delay / sim_config.physics_step)
        self._measure_steps = round(MEASUREMENT_PERIOD / sim_config.physics_step)
        self._object_features = self._measured_features(sampler)
        self._history: Deque[Tuple[float, Array]] = deque(maxlen=1 + int(1.0 / MEASUREMENT_PERIOD))
        self._measure()
        self.judge = Judge(self.model, self.data, self.robot, self.config.success)
        self._renderer = SceneRenderer(self.model)

    @property
    def time(self) -> float:
        """Simulated time since the start, s."""
        return float(self.data.time)

    def observe(self) -> Observation:
        """The latest measurement that has arrived, with new jitter on the object's position."""
        due = self.time - self.noise.delay + 1e-9
        stamp, joints = next((entry for entry in reversed(self._history) if entry[0] <= due), self._history[0])
        features = self._object_features.copy()
        features[:3] += self._random.normal(0.0, self.noise.jitter, 3)
        return Observation(joints.copy(), features, stamp)

    def step(self, action: Array) -> None:
        """Simulate one policy period with joint targets, (6,) rad, clipped to the joint limits.

        Raises:
            ValueError: not six finite numbers.
        """
        action = np.asarray(action, dtype=float)
        if action.shape != (6,) or not np.isfinite(action).all():
            raise ValueError(f"GraspScene.step: an action is six finite angles, got {action}")
        action = np.clip(action, self.robot.arm.lower, self.robot.arm.upper)
        for i in range(self._period_steps):
            if i == self._delay_steps:
                self._arm.write(action)
            self.data.ctrl[self._u] = self._arm.advance()
            mujoco.mj_step(self.model, self.data)
            self.judge.update()
            if (i + 1) % self._measure_steps == 0:
                self._measure()

    def render(self) -> Array:
        """Image of the wrist camera, (height, width, 3) uint8.

        Raises:
            RuntimeError: the scene was made without visuals.
        """
        if self.model.ncam == 0:
            raise RuntimeError("GraspScene.render needs a scene made with visuals=True")
        camera = self.config.camera
        image = self.render_camera(WRIST, int(camera.width), int(camera.height))
        if self.noise.camera_noise > 0.0:
            pixel_noise = self._random.normal(0.0, self.noise.camera_noise, image.shape)
            image = np.clip(image + pixel_noise, 0.0, 255.0).astype(np.uint8)
        return image

    def render_camera(self, camera: object, width: int, height: int) -> Array:
        """Image from a named camera or an mjvCamera, (height, width, 3) uint8."""
        return self._renderer.render(self.data, camera, width, height)

    def close(self) -> None:
        """Release the OpenGL context."""
        self._renderer.close()

    def _measure(self) -> None:
        data = self.data
        self._arm.measure(data.time, data.qpos[self._q], data.qvel[self._v], data.actuator_force[self._u])
        self._history.append((float(data.time), self._arm.read().position))

    def _measured_features(self, sampler: ScenarioSampler) -> Array:
        position, rotation = sampler.arm_base(self.scenario.rise, self.scenario.pitch)
        centre = rotation.T @ (self.scenario.position - position)
        centre = centre + self._random.normal(0.0, self.noise.position_error, 3)
        size = self.scenario.item.size + self._random.normal(0.0, self.noise.size_error, 3)
        return object_features(centre, np.maximum(size, 0.005), rotation.T @ np.array([0.0, 0.0, -1.0]))


def nominal_noise(sampler: ScenarioSampler) -> ObservationNoise:
    """The noise given by sim/grasp_scenarios.yaml and sim/hardware.yaml."""
    perception = sampler.config.perception
    backlash = load_sim_config().arm.backlash
    return ObservationNoise(
        perception.position_error, perception.jitter, perception.size_error, perception.delay, 0.0, backlash
    )
