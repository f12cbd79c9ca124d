"""One grasp in the mirror: an arm on a dog that holds still, an object, a judge."""

import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import Deque, Optional, Tuple

import mujoco
import numpy as np

from xdog.grasp.observation import object_token
from xdog_sim.config import load_sim_config
from xdog_sim.devices import SimulatedArm
from xdog_sim.grasp.camera import WRIST, SceneRenderer, add_wrist_camera
from xdog_sim.grasp.judge import Judge
from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler

Array = np.ndarray

MEASURE_EVERY = 0.010
"""s between the measurements that an observation may be."""


@dataclass(frozen=True)
class ObservationNoise:
    """How much worse than true the policy's view and the servos are.

    Attributes:
        position_error: m, standard deviation of each axis of the object's position, constant while a grasp lasts.
        jitter: m, the same, of every observation.
        size_error: m, the same, of the object's extents, constant.
        delay: s from a measurement to the policy.
        camera_noise: standard deviation of every pixel, of 255.
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
    """What the policy sees: measured joints (6,) rad, the object's token, and when that was, s."""

    joints: Array
    token: Array
    stamp: float


class GraspScene:
    """A placement come to life.

    The object's token is that of the start: on the robot, too, a grasp keeps what the detector saw before the arm came
    into its view.

    Attributes:
        placement: what is grasped.
        flaws: in force.
        judge: of this attempt.
        model, data: MuJoCo's.
    """

    def __init__(
        self,
        placement: GraspScenario,
        placer: ScenarioSampler,
        seed: int = 0,
        flaws: Optional[ObservationNoise] = None,
        visuals: bool = False,
    ) -> None:
        """Args: seed of all noise; flaws as the two files in sim/ say if None; visuals for `render`."""
        self.placement, self.robot, self.config = placement, placer.robot, placer.config
        self.flaws = flaws or nominal_flaws(placer)
        mirror = load_sim_config()
        spec = placer.spec(placement, visuals)
        spec.option.timestep = mirror.physics_step
        if visuals:
            camera = self.config.camera
            add_wrist_camera(
                spec, camera, self.robot.tool_frame, placement.camera_shift, placement.camera_turn, placement.brightness
            )
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._random = np.random.default_rng(seed)
        self._arm = SimulatedArm(
            self.robot, dataclasses.replace(mirror, arm=dataclasses.replace(mirror.arm, backlash=self.flaws.backlash))
        )
        names = self.robot.arm.names
        self._q = [int(self.model.joint(name).qposadr[0]) for name in names]
        self._v = [int(self.model.joint(name).dofadr[0]) for name in names]
        self._u = [self.model.actuator(name).id for name in names]
        self.data.qpos[self._q] = placement.start
        self.data.ctrl[self._u] = placement.start
        self._arm.restart(placement.start)
        mujoco.mj_forward(self.model, self.data)
        self._period_steps = round(self.config.policy_period / mirror.physics_step)
        self._delay_steps = round(self.config.servo.command_delay / mirror.physics_step)
        self._measure_steps = round(MEASURE_EVERY / mirror.physics_step)
        self._token = self._seen_token(placer)
        self._history: Deque[Tuple[float, Array]] = deque(maxlen=1 + int(1.0 / MEASURE_EVERY))
        self._measure()
        self.judge = Judge(self.model, self.data, self.robot, self.config.success)
        self._pictures = SceneRenderer(self.model)

    @property
    def time(self) -> float:
        """Simulated time since the start, s."""
        return float(self.data.time)

    def observe(self) -> Observation:
        """The newest measurement that has arrived, with fresh jitter on the object's position."""
        due = self.time - self.flaws.delay + 1e-9
        stamp, joints = next((entry for entry in reversed(self._history) if entry[0] <= due), self._history[0])
        token = self._token.copy()
        token[:3] += self._random.normal(0.0, self.flaws.jitter, 3)
        return Observation(joints.copy(), token, stamp)

    def step(self, action: Array) -> None:
        """One policy period with joint targets, (6,) rad; targets beyond the joints' limits are cut to them.

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
            self.judge.watch()
            if (i + 1) % self._measure_steps == 0:
                self._measure()

    def render(self) -> Array:
        """What the wrist camera sees, (H, W, 3) uint8.

        Raises:
            RuntimeError: the scene was made without visuals.
        """
        if self.model.ncam == 0:
            raise RuntimeError("GraspScene.render needs a scene made with visuals=True")
        camera = self.config.camera
        image = self.picture(WRIST, int(camera.width), int(camera.height))
        if self.flaws.camera_noise > 0.0:
            noise = self._random.normal(0.0, self.flaws.camera_noise, image.shape)
            image = np.clip(image + noise, 0.0, 255.0).astype(np.uint8)
        return image

    def picture(self, camera: object, width: int, height: int) -> Array:
        """The scene as a named camera or an mjvCamera sees it, (height, width, 3) uint8."""
        return self._pictures.take(self.data, camera, width, height)

    def close(self) -> None:
        """Give the OpenGL context back."""
        self._pictures.close()

    def _measure(self) -> None:
        data = self.data
        self._arm.measure(data.time, data.qpos[self._q], data.qvel[self._v], data.actuator_force[self._u])
        self._history.append((float(data.time), self._arm.read().position))

    def _seen_token(self, placer: ScenarioSampler) -> Array:
        position, rotation = placer.arm_base(self.placement)
        centre = rotation.T @ (self.placement.position - position)
        centre = centre + self._random.normal(0.0, self.flaws.position_error, 3)
        size = self.placement.item.size + self._random.normal(0.0, self.flaws.size_error, 3)
        return object_token(centre, np.maximum(size, 0.005), rotation.T @ np.array([0.0, 0.0, -1.0]))


def nominal_flaws(placer: ScenarioSampler) -> ObservationNoise:
    """The flaws that sim/grasp_scenarios.yaml and sim/hardware.yaml give."""
    seen = placer.config.perception
    backlash = load_sim_config().arm.backlash
    return ObservationNoise(seen.position_error, seen.jitter, seen.size_error, seen.delay, 0.0, backlash)
