#!/usr/bin/env python3
"""Pick the ball up and fold the arm with it. Run it beside './xdog sim scene:=tabletop'."""

import sys

import actionlib
import rospy
from std_srvs.srv import Trigger

from xdog.msg import LocomotionState, PickObjectAction, PickObjectFeedback, PickObjectGoal


class Phases:
    """Prints each phase of the action when it begins."""

    phase = ""

    def show(self, feedback: PickObjectFeedback) -> None:
        """Print the phase if it is a new one; feedback comes ten times a second."""
        if feedback.phase != self.phase:
            print(f"{feedback.phase}, attempt {feedback.attempt}")
        self.phase = feedback.phase


def main() -> None:
    """Stand up, ask for the ball, print the outcome; exit status 1 if it was not picked up."""
    rospy.init_node("pick_ball")
    states: list[int] = []
    rospy.Subscriber("locomotion/state", LocomotionState, lambda message: states.append(message.state))
    rospy.wait_for_service("stand", timeout=10.0)
    stand = rospy.ServiceProxy("stand", Trigger)()
    if not stand.success:
        sys.exit(stand.message)
    for _ in range(50):
        if states[-1:] == [LocomotionState.STANDING]:
            break
        rospy.sleep(0.2)
    else:
        sys.exit("the dog does not stand up: 'rostopic echo -n1 /safety/state' says why")
    pick = actionlib.SimpleActionClient("pick_object", PickObjectAction)
    if not pick.wait_for_server(rospy.Duration(10)):
        sys.exit("nothing offers pick_object: start './xdog sim scene:=tabletop' first")
    # An empty label means any object. HOLD would leave the arm where it lifted the ball to, HAND_OVER holds it out.
    goal = PickObjectGoal(label="ball", afterwards=PickObjectGoal.CARRY)
    pick.send_goal(goal, feedback_cb=Phases().show)
    if not pick.wait_for_result(rospy.Duration(90)):
        pick.cancel_goal()
        sys.exit("pick_object took more than 90 s")
    result = pick.get_result()
    print(f"{result.outcome}: {result.message}")
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    try:
        main()
    except rospy.ROSException as problem:  # Ctrl-C, or nothing answers
        sys.exit(f"{problem} (is './xdog sim scene:=tabletop' running?)")
