"""control_msgs and vision_msgs where they are installed, else XDog's copies with the same fields and md5.

On the wire both are the same; only the name differs that rostopic and rviz show.
"""

try:
    from control_msgs.msg import (
        FollowJointTrajectoryAction,
        FollowJointTrajectoryFeedback,
        FollowJointTrajectoryGoal,
        FollowJointTrajectoryResult,
        GripperCommandAction,
        GripperCommandFeedback,
        GripperCommandGoal,
        GripperCommandResult,
        JointTolerance,
    )
except ImportError:
    from xdog.msg import (
        FollowJointTrajectoryAction,
        FollowJointTrajectoryFeedback,
        FollowJointTrajectoryGoal,
        FollowJointTrajectoryResult,
        GripperCommandAction,
        GripperCommandFeedback,
        GripperCommandGoal,
        GripperCommandResult,
        JointTolerance,
    )

try:
    from vision_msgs.msg import BoundingBox3D, Detection3D, Detection3DArray, ObjectHypothesisWithPose, VisionInfo
except ImportError:
    from xdog.msg import BoundingBox3D, Detection3D, Detection3DArray, ObjectHypothesisWithPose, VisionInfo

__all__ = [
    "BoundingBox3D",
    "Detection3D",
    "Detection3DArray",
    "FollowJointTrajectoryAction",
    "FollowJointTrajectoryFeedback",
    "FollowJointTrajectoryGoal",
    "FollowJointTrajectoryResult",
    "GripperCommandAction",
    "GripperCommandFeedback",
    "GripperCommandGoal",
    "GripperCommandResult",
    "JointTolerance",
    "ObjectHypothesisWithPose",
    "VisionInfo",
]
