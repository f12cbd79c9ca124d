"""The SO101 arm: six STS3215 servos as the bridge's `Arm`.

Zero of a joint is the middle of its calibrated range, as in the URDF; the gripper's zero follows from its closed stop.
Positions of the servos count the way the URDF's joints turn.
"""

import contextlib
import threading
import time
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.interfaces import ArmHealth, ArmReading, HardwareError
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.calibration import CalibrationError, JointCalibration, range_problems
from xdog.hardware.so101.feetech_bus import ATTEMPTS, BusError, FeetechBus, PortError, ServoReply
from xdog.hardware.so101.registers import Register
from xdog.hardware.so101.servo_health import HealthConfig, ServoHealth, ServoSample
from xdog.hardware.so101.servo_settings import GRIPPER, ServoTable, WrongArmError, check_arm, configure

Array = np.ndarray

RADIANS = 2.0 * np.pi / reg.RESOLUTION
"""rad for one position."""

AMPERES = 0.0065
"""A for one unit of Present_Current (Feetech's memory table)."""

RECONNECT_PERIOD = 1.0
"""s between two tries to find an arm again whose cable was pulled."""

CALLS = 2
"""How often the servos are called until one counts as absent: their patience, 15 ms, fits into a cycle."""

KEEPS_TORQUE = "switch the arm's power supply off and on"
"""The remedy for a servo whose torque stays on."""


class Scale:
    """Between positions of the servos (0 to 4095) and joint angles (rad), both (n,).

    Args:
        robot: gives the joints in order and the angle of the gripper's closed stop.
        calibration: of each joint.
    """

    def __init__(self, robot: RobotDescription, calibration: Mapping[str, JointCalibration]) -> None:
        entries = [calibration[name] for name in robot.arm.names]
        self.low = np.array([entry.range_min for entry in entries])
        self.high = np.array([entry.range_max for entry in entries])
        gripper = np.array([name == GRIPPER for name in robot.arm.names])
        # LeRobot's 0 of the gripper is closed, at range_min.
        self._zero = np.where(gripper, self.low - robot.arm.lower / RADIANS, 0.5 * (self.low + self.high))

    def angles(self, positions: Array) -> Array:
        """Joint angles, rad."""
        return np.asarray((positions - self._zero) * RADIANS)

    def positions(self, angles: Array) -> Array:
        """The servos' positions within their calibrated ranges, whole numbers."""
        return np.asarray(np.clip(np.rint(angles / RADIANS + self._zero).astype(int), self.low, self.high))


class So101Arm:
    """Six servos on a bus. Methods may be called from several threads.

    None waits longer than about a cycle for what does not answer. The read that finds an arm again sets it up first,
    which is one answer after the other: 32 if the servos kept their settings.

    Args:
        robot: the description.
        bus: the servos' bus, open or not.
        calibration: of each joint.
        health: when servos are unwell.
        clock: of the readings' stamps, s.
        torque_off: the arm is only read while a human moves it; nothing but "torque off" is ever written to its servos.

    Raises:
        CalibrationError: a joint's calibrated range is not the robot's.
        WrongArmError: it is no SO101's calibration.
    """

    def __init__(
        self,
        robot: RobotDescription,
        bus: FeetechBus,
        calibration: Mapping[str, JointCalibration],
        health: HealthConfig,
        clock: Callable[[], float] = time.time,
        torque_off: bool = False,
    ) -> None:
        wrong = [name for name in robot.arm.names if calibration[name].drive_mode != 0]
        if wrong:
            raise WrongArmError(f"drive_mode is not 0 for {', '.join(wrong)}: this is no SO101's calibration")
        # A leader has a handle that turns less than a gripper opens.
        checked = {name: entry for name, entry in calibration.items() if not (torque_off and name == GRIPPER)}
        problems = range_problems(checked, robot.arm)
        if problems:
            raise CalibrationError("; ".join(problems))
        self.bus = bus
        self._names, self._calibration = robot.arm.names, dict(calibration)
        self._ids = [calibration[name].id for name in self._names]
        self._scale = Scale(robot, calibration)
        self._stall_torque = robot.arm.effort
        self._figures, self._clock, self._torque_off = health, clock, torque_off
        self._grips = np.array([name == GRIPPER for name in self._names])
        self._health = ServoHealth(self._names, self._grips, np.ones(len(self._names)), health)
        self._lock = threading.RLock()
        self._connected = False
        self._tried = -np.inf
        self._trouble = "the arm is not connected yet"
        self._answers: Dict[int, ServoReply] = {}
        self._heard: Dict[int, float] = {}
        self._goal: Optional[Array] = None
        self._wanted, self._strength, self._torque = True, 1.0, False
        self._lost: Set[int] = set()
        self._acceleration: Optional[Array] = None
        self._max_torque = np.full(len(self._names), 1000)
        self._velocity_unit = np.ones(len(self._names))

    def connect(self) -> None:
        """Find the servos, compare them with the calibration, set them up, and hold the arm where it is, or let it go.

        Raises:
            PortError: the port cannot be opened.
            BusError: a servo does not answer, or keeps its torque although torque_off is set.
            WrongArmError: the servos belong to another calibration.
        """
        with self._lock:
            self._connected, self._torque = False, False
            self.bus.close()
            self.bus.open()
            silent = self._find_silent()
            if silent:
                raise BusError(self._describe_lost(silent))
            tables = {name: ServoTable(self.bus, servo) for name, servo in zip(self._names, self._ids)}
            check_arm(tables, self._calibration, self.bus)
            if self._torque_off:
                self._release(self._ids)
            else:
                for name, table in tables.items():
                    configure(self.bus, name, table)
            self._max_torque = np.array([table.values[reg.MAX_TORQUE] for table in tables.values()])
            # 1 on most STS3215, so that velocities are in positions/s; 50 on some firmware.
            self._velocity_unit = np.array([max(table.values[reg.VELOCITY_UNIT], 1) for table in tables.values()])
            overload = np.array([table.values[reg.OVERLOAD_TORQUE] / 100.0 for table in tables.values()])
            self._health = ServoHealth(self._names, self._grips, overload, self._figures)
            self._heard = dict.fromkeys(self._ids, time.monotonic())
            self._lost.clear()
            self._acceleration = None
            self._connected, self._trouble = True, ""
            self._poll()
            self._acceleration = self._column(reg.ACCELERATION)
            if not self._torque_off and self._wanted and self._strength > 0.0:
                self._take_hold()

    def close(self) -> None:
        """Leave the servos holding the arm where it is, if they have torque, and the port to others."""
        with self._lock:
            if self._connected and self._torque:
                with contextlib.suppress(HardwareError):
                    self._stay()
            self._connected = False
            self.bus.close()

    def read(self) -> ArmReading:
        """The newest measurement. An arm whose cable was pulled is looked for, once a second.

        Raises:
            HardwareError: a servo is silent for longer than its time, or the port has gone.
        """
        with self._lock:
            if not self._connected:
                self._reconnect()
            try:
                self._poll()
                self._restore()
            except HardwareError as error:
                self._trouble = str(error)
                if isinstance(error, PortError):
                    self._connected = False
                raise
            self._trouble = ""
            raw = self._column(reg.PRESENT_POSITION)
            velocity = self._column(reg.PRESENT_VELOCITY) * self._velocity_unit * RADIANS
            effort = self._column(reg.PRESENT_LOAD) / 1000.0 * self._stall_torque
            return ArmReading(self._clock(), self._scale.angles(raw), velocity, effort)

    def write(self, position: Array, strength: float = 1.0) -> None:
        """Send goals and limit the torque.

        Args:
            position: (6,) rad.
            strength: share of the servos' torque, 0 to 1. 0 switches it off; above 0 again, the arm is held where it
                is first, whatever the goals are.

        Raises:
            HardwareError: the servos cannot be reached, or torque_off is set.
        """
        with self._lock:
            self._check_drivable()
            self._strength = strength
            if not self._wanted or strength <= 0.0:
                self._let_go()  # in every cycle: nobody confirms it, and holding may have begun and failed
                return
            if not self._torque:
                self._take_hold()
                return
            self._limit_torque()
            self._send(self._scale.positions(position))

    def set_torque(self, enabled: bool) -> None:
        """Switch the servos' torque; switched on, they hold the arm where it is.

        Raises:
            HardwareError: the servos cannot be reached, or torque_off is set.
        """
        with self._lock:
            self._check_drivable()
            self._wanted = enabled
            if enabled and self._strength > 0.0:
                self._poll()
                self._take_hold()
            elif not enabled:
                self._let_go()

    def health(self) -> ArmHealth:
        """How the servos are; tells also why `read` failed."""
        with self._lock:
            if self._answers:
                temperature, voltage = self._column(reg.PRESENT_TEMPERATURE), self._column(reg.PRESENT_VOLTAGE) / 10.0
                current = self._column(reg.PRESENT_CURRENT) * AMPERES
            else:
                temperature = voltage = current = np.full(len(self._names), np.nan)
            faults = (self._trouble,) if self._trouble else self._health.faults
            return ArmHealth(temperature * 1.0, voltage, current, faults, self._health.warnings)

    # Reading.

    def _poll(self) -> None:
        """Ask all servos; those that are late are asked once more, and go to the end of the row."""
        now = time.monotonic()
        limit = self._figures.silent_time
        row = sorted(self._ids, key=lambda servo: -self._heard[servo])
        answers = self.bus.sync_read(row, *reg.CYCLIC)
        again = [servo for servo in row if servo not in answers and now - self._heard[servo] <= limit]
        if again:
            self.bus.counts.retries += 1
            answers.update(self.bus.sync_read(again, *reg.CYCLIC))
        self.bus.counts.incomplete += len(answers) < len(row)
        self._answers.update(answers)
        self._heard.update(dict.fromkeys(answers, now))
        lost = [servo for servo in self._ids if now - self._heard[servo] > limit or servo not in self._answers]
        if lost:
            self._lost.update(lost)
            self.bus.counts.silent += 1
            raise BusError(self._describe_lost(lost))
        reset = [servo for servo in row if servo in answers and servo not in self._lost and self._has_reset(servo)]
        if reset:
            self._lost.update(reset)
            raise BusError(self._describe_reset(reset))
        self._judge(now)

    def _has_reset(self, servo: int) -> bool:
        """Whether a servo is not as it was told: without power for a moment its RAM is as it came up."""
        i = self._ids.index(servo)
        if self._torque_off:
            return bool(self._column(reg.TORQUE_ENABLE)[i] != 0)
        slow = self._acceleration is not None and self._column(reg.ACCELERATION)[i] != self._acceleration[i]
        return bool(slow or (self._torque and self._column(reg.TORQUE_ENABLE)[i] != 1))

    def _describe_reset(self, reset: List[int]) -> str:
        names = ", ".join(self.bus.name(servo) for servo in reset)
        if self._torque_off:
            return f"{names} has torque, which must stay off: {KEEPS_TORQUE}"
        return f"{names} has reset and let go of its joint: check its cable and the power supply under load"

    def _describe_lost(self, lost: List[int]) -> str:
        if len(lost) == len(self._ids):
            return f"no servo answers on {self.bus.path}: is the arm's power supply on?"
        names = ", ".join(self.bus.name(servo) for servo in lost)
        return f"{names} does not answer on {self.bus.path}: check the cable before it and its power"

    def _judge(self, now: float) -> None:
        raw = self._column(reg.PRESENT_POSITION)
        error = np.zeros(len(raw)) if self._goal is None or not self._torque else (self._goal - raw) * RADIANS
        sample = ServoSample(
            error=error,
            current=np.abs(self._column(reg.PRESENT_CURRENT)) * AMPERES,
            load=np.abs(self._column(reg.PRESENT_LOAD)) / 1000.0,
            voltage=self._column(reg.PRESENT_VOLTAGE) / 10.0,
            temperature=self._column(reg.PRESENT_TEMPERATURE),
            alarm=[self._answers[servo].error for servo in self._ids],
        )
        self._health.update(now, sample)

    def _column(self, register: Register) -> Array:
        start = reg.CYCLIC[0]
        return np.array([register.decode(self._answers[servo].data, start) for servo in self._ids])

    # Driving.

    def _send(self, goal: Array) -> None:
        self._goal = goal
        self.bus.sync_write(reg.GOAL_POSITION, dict(zip(self._ids, goal.tolist())))

    def _take_hold(self) -> None:
        """Torque on without a jump: the goal is where the arm is."""
        self._goal = self._column(reg.PRESENT_POSITION)
        self._hold(self._ids)
        self._torque = True

    def _hold(self, servos: Sequence[int]) -> None:
        """Torque on for these, each once it has confirmed that its goal is where it is."""
        here = dict(zip(self._ids, self._column(reg.PRESENT_POSITION).tolist()))
        self._limit_torque()
        for servo in servos:
            self.bus.write(servo, reg.GOAL_POSITION, here[servo])
            self.bus.write(servo, reg.TORQUE_ENABLE, 1)

    def _release(self, servos: Sequence[int]) -> None:
        """Torque off for these, told until each shows it.

        Raises:
            BusError: a servo does not answer or keeps its torque.
        """
        for _ in range(ATTEMPTS):
            for servo in servos:
                self.bus.write(servo, reg.TORQUE_ENABLE, 0)
            servos = [servo for servo in servos if self.bus.read(servo, reg.TORQUE_ENABLE) != 0]
            if not servos:
                return
        raise BusError(f"{', '.join(self.bus.name(servo) for servo in servos)} keeps its torque: {KEEPS_TORQUE}")

    def _check_drivable(self) -> None:
        """Raises HardwareError if nothing can or may be told to the servos."""
        if self._torque_off:
            raise HardwareError(f"the arm on {self.bus.path} is a leader: it is read, and led by hand")
        if not self._connected:
            raise PortError(self._trouble)

    def _restore(self) -> None:
        """Set servos up again that were silent or have reset: without power they forgot torque and goal."""
        if not self._lost:
            return
        names = [name for name, servo in zip(self._names, self._ids) if servo in self._lost]
        tables = {name: ServoTable(self.bus, self._calibration[name].id) for name in names}
        check_arm(tables, self._calibration, self.bus)
        if self._torque_off:
            self._release(sorted(self._lost))
        else:
            for name, table in tables.items():
                configure(self.bus, name, table)
        if self._torque and self._wanted and self._strength > 0.0:
            self._hold(sorted(self._lost))
        self._lost.clear()

    def _stay(self) -> None:
        """Make each servo's goal the place where it is, so that it doesn't push on."""
        with contextlib.suppress(BusError):  # a silent one is of no use, the others are
            self._poll()
        for servo, position in zip(self._ids, self._column(reg.PRESENT_POSITION).tolist()):
            if servo not in self._lost:
                with contextlib.suppress(BusError):
                    self.bus.write(servo, reg.GOAL_POSITION, position)

    def _let_go(self) -> None:
        self.bus.sync_write(reg.TORQUE_ENABLE, dict.fromkeys(self._ids, 0))
        self._torque = False

    def _limit_torque(self) -> None:
        """Tell the servos their torque limits until they show them: a sync write has no answer, one may miss it."""
        share = np.minimum(self._strength, self._health.torque)
        limits = np.minimum(np.ceil(share * 1000.0), self._max_torque).astype(int).tolist()
        shown = self._column(reg.TORQUE_LIMIT).tolist()
        told = {servo: limit for servo, limit, last in zip(self._ids, limits, shown) if limit != last}
        if told:
            self.bus.sync_write(reg.TORQUE_LIMIT, told)

    # Connecting.

    def _find_silent(self) -> List[int]:
        """The servos that do not answer: all are called at once, like in a cycle, not one after the other.

        An arm without power would otherwise cost six servos' patience whenever it is looked for.
        """
        silent = list(self._ids)
        for _ in range(CALLS):
            answers = self.bus.sync_read(silent, reg.ID.address, reg.ID.size)
            silent = [servo for servo in silent if servo not in answers]
            if not silent:
                break
        return silent

    def _reconnect(self) -> None:
        now = time.monotonic()
        if now - self._tried < RECONNECT_PERIOD:
            raise PortError(self._trouble)
        self._tried = now
        try:
            self.connect()
        except HardwareError as error:
            self._trouble = str(error)
            self.bus.close()
            raise


def servo_names(calibration: Mapping[str, JointCalibration]) -> Dict[int, str]:
    """Joint names by servo id."""
    return {entry.id: joint for joint, entry in calibration.items()}
