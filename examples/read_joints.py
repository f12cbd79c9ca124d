#!/usr/bin/env python3
"""Print every joint's angle once. Run it beside './xdog sim' or on the robot."""

import math
import sys

import rospy
from sensor_msgs.msg import JointState


def main() -> None:
    """Wait for one message and print it."""
    rospy.init_node("read_joints", anonymous=True)
    state = rospy.wait_for_message("joint_states", JointState, timeout=10.0)
    # The order of joints in a message may change: always look a joint up by its name.
    angles = dict(zip(state.name, state.position))
    for name in sorted(angles):
        print(f"{name:24} {angles[name]:+.3f} rad {math.degrees(angles[name]):+7.1f} deg")


if __name__ == "__main__":
    try:
        main()
    except rospy.ROSException as problem:  # Ctrl-C, or nothing answers
        sys.exit(f"{problem} (is './xdog sim' running?)")
