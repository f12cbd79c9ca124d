"""The episode that a human demonstrates: one thread adds measurements, another begins and ends it."""

import threading
from typing import Optional, Protocol

import numpy as np

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription
from xdog.grasp.config import PickConfig
from xdog.grasp.grip_monitor import GripMonitor
from xdog_learning.dataset.episode_builder import EpisodeBuilder, EpisodeBuilderError

Array = np.ndarray


class Surroundings(Protocol):
    """What is observed besides the arm; `ObservationListener` in a running graph."""

    def image(self, now: float) -> Optional[Array]:
        """The camera image at ``now`` (s), (H, W, 3) uint8; None if there is no recent one."""
        ...

    def height(self, point: Array) -> float:
        """Height of a point (3,) of arm_base_link above the origin of base_link, m.

        Raises:
            ConnectionError: the direction of gravity is not known.
        """
        ...


class LiveEpisode:
    """Fills an `EpisodeBuilder` and monitors the grip.

    Args:
        robot: its description.
        config: of picking; it defines held and lifted.
        surroundings: of the arm.

    Attributes:
        is_waiting: measurements are ignored until the arm is where the demonstration begins.
        problem: why the episode cannot be used; empty if it can.
    """

    def __init__(self, robot: RobotDescription, config: PickConfig, surroundings: Surroundings) -> None:
        self._kinematics, self._gripper = ArmKinematics(robot), Gripper(robot)
        self._config, self._surroundings = config, surroundings
        self._lock = threading.Lock()
        self._builder: Optional[EpisodeBuilder] = None
        self._monitor = GripMonitor(config, self._gripper)
        self.is_waiting = False
        self.problem = ""

    @property
    def is_active(self) -> bool:
        """Whether an episode has begun and not ended."""
        return self._builder is not None

    @property
    def seconds(self) -> float:
        """Duration of the episode so far; 0 without one."""
        builder = self._builder
        return 0.0 if builder is None else builder.seconds

    @property
    def lift(self) -> float:
        """Height by which the gripper has lifted what it holds, m."""
        return self._monitor.lift

    @property
    def is_lifted(self) -> bool:
        """Whether something has been lifted and held for as long as a pick requires."""
        return self._monitor.held_up

    def begin(self, builder: EpisodeBuilder, is_waiting: bool = False) -> None:
        """Fill this builder with the measurements from now on, unless the episode ``is_waiting``."""
        with self._lock:
            self.problem, self.is_waiting = "", is_waiting
            self._monitor = GripMonitor(self._config, self._gripper)
            self._builder = builder

    def end(self) -> Optional[EpisodeBuilder]:
        """End the episode and return its builder; None if there was no episode."""
        with self._lock:
            builder, self._builder = self._builder, None
        return builder

    def on_joints(self, stamp: float, joints: Array, effort: Array, target: Array) -> None:
        """Handle a measurement.

        Args:
            stamp: when it was taken, s.
            joints: (6,) rad.
            effort: of the servos, (6,) Nm.
            target: (6,) rad, last target of the arm.
        """
        with self._lock:
            if self._builder is None or self.problem or self.is_waiting:
                return
            try:
                image = self._surroundings.image(stamp) if self._builder.with_images else None
                if self._builder.sample(stamp, joints, target, image):
                    height = self._surroundings.height(self._kinematics.forward(joints)[0])
                    tool = np.array([0.0, 0.0, height])
                    self._monitor.update(stamp, tool, float(joints[5]), float(effort[5]), near=False)
            except (EpisodeBuilderError, ConnectionError) as error:
                self.problem = str(error)
