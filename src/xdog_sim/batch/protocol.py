"""BatchSim: the protocol of a physics engine that simulates many robots at once, with torch tensors in and out."""

from dataclasses import dataclass
from typing import Optional, Protocol, Union

from torch import Tensor


@dataclass
class BatchState:
    """State of n robots at one instant. Quaternions are w, x, y, z.

    Attributes:
        position: (n, 3) trunk, world, m.
        orientation: (n, 4) trunk.
        linear_velocity: (n, 3) trunk, world, m/s.
        angular_velocity: (n, 3) trunk, in its own frame, rad/s.
        joint_position, joint_velocity: (n, 12) rad, rad/s.
    """

    position: Tensor
    orientation: Tensor
    linear_velocity: Tensor
    angular_velocity: Tensor
    joint_position: Tensor
    joint_velocity: Tensor

    def select(self, ids: Union[slice, Tensor]) -> "BatchState":
        """The state of the robots ``ids``."""
        return BatchState(*(getattr(self, name)[ids] for name in self.__dataclass_fields__))


@dataclass
class BatchParameters:
    """Physical parameters that differ between robots; m rows, one for each robot that gets new values.

    Attributes:
        trunk_mass: (m,) kg, of trunk, camera, arm and payload as one body.
        trunk_com: (m, 3) its centre of mass in the trunk's frame, m.
        trunk_inertia: (m, 3, 3) its inertia about that centre, trunk's axes, kg m^2.
        friction: (m,) sliding friction of the feet.
        kp, kd: (m, 12) true gains of the actuators, Nm/rad and Nm s/rad.
        effort: (m, 12) true torque limits of the actuators, Nm.
    """

    trunk_mass: Tensor
    trunk_com: Tensor
    trunk_inertia: Tensor
    friction: Tensor
    kp: Tensor
    kd: Tensor
    effort: Tensor


class BatchSim(Protocol):
    """n robots on a flat floor, each with position-controlled legs and a fixed arm.

    Attributes:
        num: n.
        timestep: physics step, s.
        failures: number of simulations that diverged and were reset since the start.
        torque: (n, k, 12) actuator torques, Nm, in each of the k physics steps of the last `step`.
        foot_position: (n, 4, 3) centres of the feet, world, m.
    """

    num: int
    timestep: float
    failures: int
    torque: Tensor
    foot_position: Tensor

    def state(self, ages: Optional[Tensor] = None) -> BatchState:
        """The current state, or the state of each robot ``ages`` (n,) physics steps ago, within the last `step`."""
        ...

    def step(self, targets: Tensor) -> Tensor:
        """Advance by k physics steps with joint targets (n, k, 12), rad.

        Returns:
            (n,) bool, the robots whose simulation diverged; they stay at rest until they are reset.
        """
        ...

    def reset(self, ids: Tensor, position: Tensor, orientation: Tensor, joint_position: Tensor) -> None:
        """Put robots ``ids`` (m,) at rest at the given poses: (m, 3), (m, 4), (m, 12)."""
        ...

    def push(self, ids: Tensor, linear: Tensor, yaw: Optional[Tensor] = None) -> None:
        """Add (m, 3) m/s, world, to the trunk's velocity and (m,) rad/s to its yaw rate."""
        ...

    def set_parameters(self, ids: Tensor, parameters: BatchParameters) -> None:
        """Set the physical parameters of robots ``ids`` (m,)."""
        ...
