"""Time of one step of the gait policy on one thread, as the locomotion node runs it."""

import time
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from xdog.core.contract import ContractError
from xdog.core.description import RobotDescription, load_description
from xdog.core.interfaces import LegsReading
from xdog.core.onnx_session import PolicyError
from xdog.core.rotations import GRAVITY
from xdog.locomotion.policy import GaitPolicy
from xdog_learning.bench import BenchError
from xdog_learning.report import ReportProgress

STEPS, WARM_UP = 2000, 200


def measure_policy(path: Path, seed: int, report: ReportProgress, steps: int = STEPS) -> Dict[str, Any]:
    """Median time of `GaitPolicy.step` from the values of legs/state to targets, ms.

    Raises:
        BenchError: the policy cannot be run.
    """
    robot = load_description()
    try:
        policy = GaitPolicy(path, robot)
    except (PolicyError, ContractError) as error:
        raise BenchError(str(error)) from error
    readings = noisy_readings(robot, 64, seed)
    command = np.array([0.5, 0.1, 0.3])
    times = []
    for number in range(WARM_UP + steps):
        if number % 100 == 0:
            report("inference", number / (WARM_UP + steps))
        start = time.perf_counter()
        policy.step(readings[number % len(readings)], command)
        times.append(time.perf_counter() - start)
    return {"policy_ms": 1e3 * float(np.median(times[WARM_UP:]))}


def noisy_readings(robot: RobotDescription, count: int, seed: int) -> List[LegsReading]:
    """Readings of a robot that jitters around its standing pose."""
    random, n = np.random.default_rng(seed), len(robot.legs.names)
    readings = []
    for number in range(count):
        orientation = np.array([*random.normal(0.0, 0.05, 3), 1.0])
        readings.append(
            LegsReading(
                stamp=0.02 * number,
                position=robot.legs.poses["stand"] + random.normal(0.0, 0.1, n),
                velocity=random.normal(0.0, 1.0, n),
                effort=np.zeros(n),
                temperature=np.full(n, 30.0),
                alarm=np.zeros(n, dtype=int),
                online=np.ones(n, dtype=bool),
                imu_stamp=0.02 * number,
                orientation=orientation / np.linalg.norm(orientation),
                angular_velocity=random.normal(0.0, 0.2, 3),
                linear_acceleration=np.array([0.0, 0.0, GRAVITY]),
                contact=np.ones(len(robot.feet), dtype=bool),
            )
        )
    return readings
