"""The wrist camera's newest picture, for a policy that sees."""

from typing import Callable, Optional, Tuple

import numpy as np
import rospy
from sensor_msgs.msg import Image

from xdog.core.onnx_session import PolicyError
from xdog.grasp.policy import GraspPolicy
from xdog.nodes.common import conversions

Array = np.ndarray

TOPIC = "wrist_camera/image_raw"
FRESH = 0.2
"""s after which a picture shows what was, not what is."""


class WristCameraListener:
    """Listens to wrist_camera/image_raw."""

    def __init__(self) -> None:
        self._newest: Optional[Tuple[float, Image]] = None
        rospy.Subscriber(TOPIC, Image, self._on_image, queue_size=1, buff_size=1 << 24, tcp_nodelay=True)

    def look(self, now: float) -> Array:
        """The picture of ``now`` (s), (height, width, 3) uint8 RGB.

        Raises:
            PolicyError: there is none that is fresh, or it cannot be read.
        """
        if self._newest is None:
            raise PolicyError(f"nothing comes on {TOPIC}: is the wrist camera's driver running?")
        stamp, message = self._newest
        if abs(now - stamp) > FRESH:
            raise PolicyError(f"the newest picture on {TOPIC} is of {now - stamp:.1f} s ago, {FRESH} s are allowed")
        try:
            return conversions.image_pixels(message)
        except conversions.MessageError as error:
            raise PolicyError(f"{TOPIC}: {error}") from error

    def _on_image(self, message: Image) -> None:
        self._newest = conversions.to_seconds(message.header.stamp), message


class ImagePolicy:
    """A policy that sees, with its eye: to be asked as one that does not.

    Args:
        policy: that needs an image.
        look: gives the picture of now, as `WristCameraListener.look`.
    """

    def __init__(self, policy: GraspPolicy, look: Callable[[], Array]) -> None:
        self._policy, self._look = policy, look

    def reset(self) -> None:
        """A new attempt begins."""
        self._policy.reset()

    def act(self, joints: Array, token: Array) -> Array:
        """Joint targets (6,) for one policy period; see `GraspPolicy.act`.

        Raises:
            PolicyError: the policy has none, or the eye sees nothing.
        """
        return self._policy.act(joints, token, self._look() if self._policy.looks else None)
