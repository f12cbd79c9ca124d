#!/usr/bin/env python3
"""Load the gait, read its contract, and ask it for joint targets, as the locomotion node does 50 times a second."""

import numpy as np

from xdog.core.description import load_description
from xdog.core.interfaces import LegsReading
from xdog.core.paths import share_path
from xdog.locomotion.policy import GaitPolicy


def standing(stand_pose: np.ndarray, stamp: float) -> LegsReading:
    """What the legs and the IMU of a dog that stands still would measure."""
    twelve = np.zeros(12)
    return LegsReading(
        stamp=stamp,
        position=stand_pose,
        velocity=twelve,
        effort=twelve,
        temperature=twelve + 30.0,
        alarm=twelve.astype(int),
        online=twelve == 0.0,
        imu_stamp=stamp,
        orientation=np.array([0.0, 0.0, 0.0, 1.0]),  # x, y, z, w: level
        angular_velocity=np.zeros(3),
        linear_acceleration=np.array([0.0, 0.0, 9.81]),
        contact=np.ones(4, dtype=bool),
    )


def main() -> None:
    """Print the contract's main entries and the targets of one knee for a walk at 0.5 m/s."""
    robot = load_description()
    policy = GaitPolicy(share_path("policies", "gait.onnx"), robot)  # refuses a file that does not fit this robot
    contract = policy.contract
    print(f"{contract.name}: {len(contract.joints)} joints, every {contract.period} s, trained at {contract.commit}")
    print("observes " + ", ".join(f"{term.name} x{term.history}" for term in contract.terms))
    knee = contract.joints.index("front_left_knee_joint")
    command = np.array([0.5, 0.0, 0.0])  # vx m/s, vy m/s, wz rad/s
    for step in range(25):
        target = policy.step(standing(robot.legs.poses["stand"], step * contract.period), command)
        print(f"{step * contract.period:.2f} s: {contract.joints[knee]} {target.position[knee]:+.3f} rad")


if __name__ == "__main__":
    main()
