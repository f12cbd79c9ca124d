"""LeRobot's calibration file of an arm: where each servo's range lies. Read and written as LeRobot does it."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from xdog.core.description import JointGroup
from xdog.hardware.so101.registers import RESOLUTION

LARGEST_OFFSET = 2047
"""Homing_Offset is a sign and 11 bits."""

HIGHEST_ID = 252

FULL_TURN = "wrist_roll"
"""The joint that may turn all the way round: LeRobot takes its range for the whole turn and does not measure it."""

RANGE_TOLERANCE = 0.6
"""rad, 34 degrees, by which a calibrated range may differ from the URDF's. Owners' files differ by up to 28 (wrist_flex
over 218 degrees); a joint that was moved to one of its ends only differs by 50 and more."""

REMEDY = "calibrate again with ./xdog arm calibrate"


class CalibrationError(ValueError):
    """A calibration file is malformed. The message names file, joint, entry and remedy."""


@dataclass(frozen=True)
class JointCalibration:
    """One servo's entry, in the units of its registers.

    Attributes:
        id: the servo's address on the bus.
        drive_mode: 1 if the joint turns against its servo; always 0 on an SO101.
        homing_offset: what the servo takes off its raw position.
        range_min, range_max: the joint's end stops, positions of 0 to 4095.
    """

    id: int
    drive_mode: int
    homing_offset: int
    range_min: int
    range_max: int


LIMITS = {
    "id": (0, HIGHEST_ID),
    "drive_mode": (0, 1),
    "homing_offset": (-LARGEST_OFFSET, LARGEST_OFFSET),
    "range_min": (0, RESOLUTION - 1),
    "range_max": (0, RESOLUTION - 1),
}


def load_calibration(path: Path, joints: Sequence[str]) -> Dict[str, JointCalibration]:
    """The calibration in a file, in the order of ``joints``.

    Raises:
        CalibrationError: the file is missing or malformed, or belongs to something with other joints.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CalibrationError(f"there is no calibration file {path}: {REMEDY}, or name LeRobot's") from error
    except (OSError, ValueError) as error:
        raise CalibrationError(f"{path} cannot be read as JSON ({error}): {REMEDY}") from error
    if not isinstance(content, dict) or sorted(content) != sorted(joints):
        found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise CalibrationError(f"{path} is no calibration of joints {', '.join(joints)}; it holds {found}: {REMEDY}")
    calibration = {joint: _parse(content[joint], f"{path}: {joint}") for joint in joints}
    ids = [entry.id for entry in calibration.values()]
    if len(set(ids)) != len(ids):
        raise CalibrationError(f"{path}: two joints have the same id, {ids}: {REMEDY}")
    return calibration


def _parse(entry: Any, where: str) -> JointCalibration:
    names = [field.name for field in fields(JointCalibration)]
    if not isinstance(entry, dict) or sorted(entry) != sorted(names):
        raise CalibrationError(f"{where} must hold exactly {', '.join(names)}: {REMEDY}")
    for name, (low, high) in LIMITS.items():
        value = entry[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise CalibrationError(f"{where}: {name} is {value!r}, not a whole number of {low} to {high}: {REMEDY}")
    if entry["range_min"] >= entry["range_max"]:
        raise CalibrationError(f"{where}: range_min {entry['range_min']} is not below range_max: {REMEDY}")
    return JointCalibration(**entry)


def range_problems(calibration: Mapping[str, JointCalibration], arm: JointGroup) -> List[str]:
    """The joints that are calibrated over another range than the URDF's: a sentence each, with the remedy.

    The middle of a range is the joint's zero, so a joint with another range stands elsewhere than it says.

    Args:
        calibration: of some of the arm's joints.
        arm: the arm.
    """
    problems = []
    for name, entry in calibration.items():
        i = arm.names.index(name)
        positions = entry.range_max - entry.range_min
        found, wanted = positions * 2.0 * np.pi / RESOLUTION, float(arm.upper[i] - arm.lower[i])
        whole_turn = name == FULL_TURN and positions == RESOLUTION - 1
        if not whole_turn and abs(found - wanted) > RANGE_TOLERANCE:
            problems.append(
                f"{name} is calibrated over {np.degrees(found):.0f} degrees, urdf/xdog.urdf gives it "
                f"{np.degrees(wanted):.0f}: {REMEDY}, and move it to both its ends and no further"
            )
    return problems


def check_writable(path: Path) -> None:
    """Make sure that `save_calibration` can write this file, before the servos learn what is to stand in it.

    Raises:
        CalibrationError: it cannot.
    """
    remedy = "no servo was changed; name another file with --calibration"
    if path.is_dir():
        raise CalibrationError(f"{path} cannot be written, it is a folder: {remedy}")
    try:
        fresh = _write_beside(path, "{}")
        fresh.unlink()
    except OSError as error:
        raise CalibrationError(f"{path} cannot be written ({error.strerror}): {remedy}") from error


def save_calibration(path: Path, calibration: Mapping[str, JointCalibration]) -> None:
    """Write a file that LeRobot reads, whole or not at all; one that was there is kept beside it as FILE.before.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps({joint: asdict(entry) for joint, entry in calibration.items()}, indent=4)
    fresh = _write_beside(path, text)
    if path.exists():
        os.replace(str(path), str(path.with_name(path.name + ".before")))
    os.replace(str(fresh), str(path))


def _write_beside(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    return fresh
