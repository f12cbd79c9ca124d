"""Runs a gait policy: an ONNX file whose contract describes its input and its output."""

from pathlib import Path
from typing import Mapping, Optional

import numpy as np

from xdog.core.contract import ContractError
from xdog.core.description import RobotDescription
from xdog.core.interfaces import LegsReading, LegsTarget
from xdog.core.onnx_session import PolicyError, open_session
from xdog.core.rotations import projected_gravity
from xdog.locomotion.contract import PolicyContract, check_contract, contract_from_metadata
from xdog.locomotion.gait import TrotReference, advance_gait, limit_command, start_gait
from xdog.locomotion.observation import Measurements, ObservationBuilder

Array = np.ndarray


class GaitPolicy:
    """One policy on one robot: remembers its history, place in the stride and last action between steps.

    Args:
        path: of the ONNX file. Input ``observation`` (1, N) float32, output ``action`` (1, 12) float32.
        robot: which it must fit.

    Raises:
        PolicyError: the file cannot be read, or its input or output has another name or shape.
        ContractError: it has no contract, or one that does not fit this robot.
    """

    def __init__(self, path: Path, robot: RobotDescription) -> None:
        self.path = path
        self._session = open_session(path, "launch with policy:=FILE, or train one with './xdog train gait'")
        metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.contract: PolicyContract = contract_from_metadata(metadata, str(path))
        check_contract(self.contract, robot, str(path))
        try:
            self._builder = ObservationBuilder(self.contract.terms)
        except ValueError as error:
            raise ContractError(f"{path}: {error}. Export it again with './xdog train gait'.") from error
        self._default = np.array(self.contract.default_position)
        self._scale = np.array(self.contract.action_scale)
        self._mount = robot.fixed_transform(robot.frames["imu"]).rotation
        self._reference = TrotReference(robot, self.contract.trot, np)
        self.reset()
        self._check_shapes()

    def reset(self) -> None:
        """Forget the past: the next step is the first one."""
        self._history: Optional[Array] = None
        self._gait = start_gait(1, np)
        self._last_action = np.zeros(len(self._default))

    def step(self, reading: LegsReading, command: Array) -> LegsTarget:
        """Targets for one control period.

        Args:
            reading: what legs and IMU measured.
            command: vx (m/s), vy (m/s), wz (rad/s), (3,); limited to what the policy was trained on.

        Raises:
            PolicyError: the policy's output is not finite.
        """
        contract = self.contract
        command = limit_command(command[None], contract.command_range, contract.max_lateral_acceleration, np)
        frame = self._builder.frame(self._measure(reading, command), np)
        if self._history is None:
            self._history = self._builder.start(frame, np)
        else:
            self._history = self._builder.push(self._history, frame, np)
        action = self._infer(self._builder.observe(self._history, np))
        if not np.all(np.isfinite(action)):
            raise PolicyError(
                f"{self.path} gave an output that is not finite: use another policy (policy:=FILE) or train it again "
                "with './xdog train gait'"
            )
        self._last_action = action
        position = self._reference.angles(self._gait)[0] + self._scale * action
        self._gait = advance_gait(self._gait, command, self.contract.trot, self.contract.period, np)
        return LegsTarget(
            position=position,
            velocity=np.zeros_like(position),
            effort=np.zeros_like(position),
            kp=np.array(self.contract.kp),
            kd=np.array(self.contract.kd),
        )

    def _measure(self, reading: LegsReading, command: Array) -> Measurements:
        """One step's quantities, each (1, n), in the base frame. The joint order is the contract's and the robot's."""
        gravity_imu = projected_gravity(reading.orientation[None], np)
        return Measurements(
            angular_velocity=reading.angular_velocity[None] @ self._mount.T,
            gravity=gravity_imu @ self._mount.T,
            command=command,
            position=(reading.position - self._default)[None],
            velocity=reading.velocity[None],
            last_action=self._last_action[None],
            gait=self._gait,
        )

    def _infer(self, observation: Array) -> Array:
        (action,) = self._session.run(["action"], {"observation": observation.astype(np.float32)})
        first: Array = np.asarray(action, dtype=float)[0]
        return first

    def _check_shapes(self) -> None:
        """Compare names and shapes with the contract and run the network once, which also warms it up."""
        n = len(self._default)
        inputs = {entry.name: entry for entry in self._session.get_inputs()}
        outputs = {entry.name: entry for entry in self._session.get_outputs()}
        wanted = f"it needs one input 'observation' (1, {self._builder.size}) and one output 'action' (1, {n}), float32"
        remedy = "Export it again with './xdog train gait'."
        found = ", ".join(f"'{e.name}' {e.shape} {e.type}" for e in (*inputs.values(), *outputs.values()))
        if set(inputs) != {"observation"} or set(outputs) != {"action"}:
            raise PolicyError(f"{self.path}: {wanted}; it has {found}. {remedy}")
        try:
            (action,) = self._session.run(["action"], {"observation": np.zeros((1, self._builder.size), np.float32)})
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise PolicyError(f"{self.path}: {wanted}; it has {found}. {remedy}") from error
        if np.shape(action) != (1, n):
            raise PolicyError(f"{self.path}: {wanted}; its action has the shape {np.shape(action)}. {remedy}")
