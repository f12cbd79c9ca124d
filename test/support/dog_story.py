"""A supervisor that receives the states of a dog with or without a fault, for unit tests."""

import dataclasses
import math
from typing import Any, Tuple

import numpy as np

from xdog.core.description import load_description
from xdog.safety.config import load_safety_config
from xdog.safety.latch import OK, WARN
from xdog.safety.permission import UNSUPERVISED
from xdog.safety.supervisor import LegsReport, Supervisor

ROBOT = load_description()
CONFIG = load_safety_config().supervisor
FULL = 28.0  # V: 4.0 V in each of 7 cells
Quaternion = Tuple[float, float, float, float]


def rolled(angle: float) -> Quaternion:
    return (math.sin(angle / 2), 0.0, 0.0, math.cos(angle / 2))


def report(stamp: float, **changes: Any) -> LegsReport:
    sound = LegsReport(
        stamp=stamp,
        imu_stamp=stamp,
        names=ROBOT.legs.names,
        orientation=rolled(0.0),
        motion=(0.0, 0.0, 0.0, 0.0, 0.0, 9.81),
        position=ROBOT.legs.poses["stand"],
        velocity=np.zeros(12),
        temperature=np.full(12, 30.0),
        alarm=[0] * 12,
        online=[True] * 12,
        active=True,
        gate_reason="",
    )
    return dataclasses.replace(sound, **changes)


class DogStory:
    """Feeds a supervisor a legs/state every 5 ms; the gate follows commands while the supervisor allows it.

    The first state comes from a gate that has received nothing from a supervisor yet.
    """

    def __init__(self) -> None:
        self.supervisor = Supervisor(ROBOT, CONFIG)
        self.now = 10.0
        self.neutral = True

    def live(self, seconds: float, **changes: Any) -> "DogStory":
        for _ in range(round(seconds / 0.005)):
            allowed = self.supervisor.verdict(self.now).motion_allowed
            self.now += 0.005
            self.supervisor.on_inputs_neutral(self.now, self.neutral)
            gate = {"active": allowed, "gate_reason": "" if allowed else UNSUPERVISED}
            self.supervisor.on_legs(self.now, report(self.now, **{**gate, **changes}))
        return self

    @property
    def level(self) -> int:
        verdict = self.supervisor.verdict(self.now)
        assert verdict.motion_allowed == (not verdict.reasons)
        assert verdict.motion_allowed == (verdict.level in (OK, WARN)) or self.now == 10.0
        return verdict.level

    @property
    def reasons(self) -> str:
        return "; ".join(self.supervisor.verdict(self.now).reasons)

    @property
    def warnings(self) -> str:
        return "; ".join(self.supervisor.verdict(self.now).warnings)
