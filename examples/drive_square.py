#!/usr/bin/env python3
"""Walk a square by odometry, beside './xdog sim' or on the robot, with a metre of free floor ahead and to the left."""

import math
import queue
import sys

import rospy
from geometry_msgs.msg import Twist, Vector3
from nav_msgs.msg import Odometry
from std_srvs.srv import Trigger

SIDE = 0.3  # m
odometry: "queue.Queue[Odometry]" = queue.Queue()  # of one subscription: to connect while it walks takes the master


def place() -> "tuple[float, float, float]":
    """Where odometry says the dog is in the frame odom: x m, y m, heading rad."""
    pose = odometry.get(timeout=2.0).pose.pose
    return pose.position.x, pose.position.y, 2.0 * math.atan2(pose.orientation.z, pose.orientation.w)


def go_to(x: float, y: float, velocity: rospy.Publisher) -> None:
    """Turn to a point of the frame odom, then walk to it."""
    while True:  # cmd_vel must be repeated: a source that is silent for 0.5 s no longer counts
        here_x, here_y, heading = place()
        distance = math.hypot(x - here_x, y - here_y)
        if distance < 0.06:
            return
        turn = math.remainder(math.atan2(y - here_y, x - here_x) - heading, 2.0 * math.pi)
        forward = min(0.4, 2.0 * distance) if abs(turn) < 0.3 else 0.0  # m/s
        velocity.publish(Twist(Vector3(x=forward), Vector3(z=max(-1.0, min(1.0, 3.0 * turn)))))  # rad/s, + is left


def main() -> None:
    """Stand up, walk the square, stand still."""
    rospy.init_node("drive_square")
    velocity = rospy.Publisher("cmd_vel", Twist, queue_size=1)
    rospy.wait_for_service("stand", timeout=10.0)
    rospy.ServiceProxy("stand", Trigger)()
    for _ in range(50):  # 'walk' is refused until the dog stands
        if rospy.ServiceProxy("walk", Trigger)().success:
            break
        rospy.sleep(0.2)
    else:
        sys.exit("the dog does not stand up: 'rostopic echo -n1 /safety/state' says why")
    rospy.Subscriber("odom", Odometry, odometry.put)
    x, y, heading = place()
    for _ in range(4):
        x, y, heading = x + SIDE * math.cos(heading), y + SIDE * math.sin(heading), heading + math.pi / 2.0
        go_to(x, y, velocity)
        print(f"corner at {x:.2f}, {y:.2f} m")
    rospy.ServiceProxy("stand", Trigger)()


if __name__ == "__main__":
    try:
        main()
    except (rospy.ROSException, queue.Empty) as problem:  # Ctrl-C, or nothing answers
        sys.exit(f"{str(problem) or 'no odom for 2 s'} (is './xdog sim' running?)")
