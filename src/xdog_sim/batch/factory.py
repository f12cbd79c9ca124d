"""Making a batch of simulated robots, so that nothing else has to name the engine that runs them."""

from typing import Optional

from xdog.core.description import RobotDescription
from xdog_sim.batch.mujoco_cpu import MujocoBatch
from xdog_sim.batch.protocol import BatchSim
from xdog_sim.world import WorldOptions

DEVICES = {"mujoco": ("cpu",)}
"""Every backend, and the devices that it runs on."""


def make_batch(
    options: WorldOptions,
    num: int,
    threads: int = 0,
    robot: Optional[RobotDescription] = None,
    backend: str = "mujoco",
    device: str = "cpu",
) -> BatchSim:
    """``num`` robots in the physics of ``options``.

    Args:
        options: the model; its leg actuators must be "position" and its arm "fixed".
        num: robots.
        threads: worker threads, 0 for one a core.
        robot: its body; that of urdf/xdog.urdf if None.
        backend: engine of the simulation, a key of `DEVICES`.
        device: what it runs on.

    Raises:
        ValueError: there is no such backend, or it does not run on that device.
    """
    if device not in DEVICES.get(backend, ()):
        known = "; ".join(f"{name} on {', '.join(devices)}" for name, devices in DEVICES.items())
        raise ValueError(f"no simulation with backend '{backend}' on device '{device}'. There are: {known}")
    return MujocoBatch(options, num, threads, robot)


def training_options(timestep: float, kp: float, kd: float) -> WorldOptions:
    """The fast model that gaits are trained on; the arm is part of the trunk, whose inertia `set_parameters` sets.

    Args:
        timestep: s.
        kp: Nm/rad, of the legs.
        kd: Nm s/rad, of the legs.
    """
    return WorldOptions(
        timestep=timestep,
        leg_actuators="position",
        leg_kp=kp,
        leg_kd=kd,
        arm="fixed",
        contacts="training",
        sensors=False,
        dry_friction=False,
        visuals=False,
        solver_iterations=3,
    )
