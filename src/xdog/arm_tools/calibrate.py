"""`./xdog arm calibrate`: teach the servos where their joints' ranges lie, as LeRobot does it."""

from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from xdog.arm_tools.terminal import Ask
from xdog.core.description import JointGroup
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.calibration import FULL_TURN, LARGEST_OFFSET, JointCalibration, range_problems
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus
from xdog.hardware.so101.servo_settings import write_settings

ATTEMPTS = 10
"""How often all positions are asked for before a silent servo is given up."""


def read_positions(bus: FeetechBus, servos: Sequence[int]) -> Dict[int, int]:
    """Present positions by servo.

    Raises:
        BusError: a servo stays silent; the message names it.
    """
    found: Dict[int, int] = {}
    register = reg.PRESENT_POSITION
    for _ in range(ATTEMPTS):
        missing = [servo for servo in servos if servo not in found]
        if not missing:
            break
        answers = bus.sync_read(missing, register.address, register.size)
        found.update({servo: register.decode(answer.data, register.address) for servo, answer in answers.items()})
    silent = [bus.name(servo) for servo in servos if servo not in found]
    if silent:
        raise BusError(f"{', '.join(silent)} does not answer: check its cable, or run ./xdog arm setup-motors")
    return found


MIDDLE_POSE = "pan straight ahead, upper arm upright, lower arm level, gripper level and not rolled, jaws half open"
"""All joints near the middle of their ranges; docs/use/arm-setup.md says it in the same words."""


class Ranges:
    """The furthest positions that each joint has been seen at.

    Args:
        arm: whose ranges they should be.
        start: positions by joint.

    Attributes:
        lowest, highest: by joint.
    """

    def __init__(self, arm: JointGroup, start: Mapping[str, int]) -> None:
        self._arm = arm
        self.lowest, self.highest = dict(start), dict(start)
        self._last = dict(start)

    def update(self, positions: Mapping[str, int]) -> None:
        """Take note of positions by joint.

        Raises:
            BusError: a joint went past the end of its encoder, because it was not in the middle at first.
        """
        for joint, position in positions.items():
            if joint != FULL_TURN and abs(position - self._last[joint]) > reg.RESOLUTION // 2:
                raise BusError(f"{joint} went past the end of its encoder: start again, with it in the middle")
            self.lowest[joint] = min(self.lowest[joint], position)
            self.highest[joint] = max(self.highest[joint], position)
        self._last.update(positions)

    def incomplete(self) -> List[str]:
        """The joints that have not been moved through their range."""
        return [joint for joint in self.lowest if range_problems({joint: self.entry(joint, 0, 0)}, self._arm)]

    def entry(self, joint: str, servo: int, offset: int) -> JointCalibration:
        """The calibration of a joint with this servo id and homing offset."""
        return JointCalibration(servo, 0, offset, *self.limits(joint))

    def limits(self, joint: str) -> Tuple[int, int]:
        """The range of a joint."""
        if joint == FULL_TURN:
            return 0, reg.RESOLUTION - 1
        return self.lowest[joint], self.highest[joint]

    def table(self, positions: Mapping[str, int]) -> str:
        """A line a joint, for the terminal."""
        incomplete = self.incomplete()
        lines = [f"{'joint':<14} {'lowest':>7} {'now':>7} {'highest':>7}"]
        for joint, position in positions.items():
            note = "  whole turn" if joint == FULL_TURN else "  move it to both ends" * (joint in incomplete)
            lines.append(f"{joint:<14} {self.lowest[joint]:>7} {position:>7} {self.highest[joint]:>7}{note:<23}")
        return "\n".join(lines)


def calibrate(
    bus: FeetechBus,
    arm: JointGroup,
    ask: Ask,
    say: Callable[[str], None],
    show: Callable[[str], None],
    enough: Callable[[], bool],
) -> Dict[str, JointCalibration]:
    """Lead through the calibration of an arm; the servos keep it too.

    Args:
        bus: open.
        arm: its joints; their servos have the ids 1, 2, ...
        ask: shows a text and waits for Enter.
        say: shows a line.
        show: shows the table that changes.
        enough: whether Enter was pressed; called between two looks at the servos.

    Raises:
        BusError: a servo does not answer, or a joint was not in the middle at first.
    """
    joints = {name: i + 1 for i, name in enumerate(arm.names)}
    servos = list(joints.values())
    read_positions(bus, servos)
    ask("The arm's torque is about to be switched off: hold it, or lay it down. Then press Enter. ")
    for servo in servos:
        write_settings(bus, servo, {reg.HOMING_OFFSET: 0, reg.MIN_POSITION: 0, reg.MAX_POSITION: reg.RESOLUTION - 1})
    ask(f"Move every joint to the middle of its range: {MIDDLE_POSE}. Then press Enter. ")
    middle = read_positions(bus, servos)
    offsets = {}
    for joint, servo in joints.items():
        offset = middle[servo] - reg.MIDDLE
        offsets[joint] = max(-LARGEST_OFFSET, min(LARGEST_OFFSET, offset))
        write_settings(bus, servo, {reg.HOMING_OFFSET: offsets[joint]})
    say("Now move every joint but wrist_roll to both its ends, slowly, in any order. Enter ends it.")

    def positions() -> Dict[str, int]:
        found = read_positions(bus, servos)
        return {joint: found[servo] for joint, servo in joints.items()}

    ranges = Ranges(arm, positions())
    while True:
        now = positions()
        ranges.update(now)
        show(ranges.table(now))
        if enough():
            incomplete = ranges.incomplete()
            if not incomplete:
                break
            say(f"Not yet: move {', '.join(incomplete)} to both ends, then press Enter.")
    calibration = {}
    for joint, servo in joints.items():
        low, high = ranges.limits(joint)
        write_settings(bus, servo, {reg.MIN_POSITION: low, reg.MAX_POSITION: high})
        calibration[joint] = ranges.entry(joint, servo, offsets[joint])
    return calibration
