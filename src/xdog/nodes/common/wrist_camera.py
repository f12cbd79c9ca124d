"""The newest picture of the wrist camera."""

from typing import Callable, Optional, Tuple, Union

import numpy as np
from sensor_msgs.msg import Image

from xdog.core.onnx_session import PolicyError
from xdog.grasp.policy import shrink_image
from xdog.nodes.common import conversions
from xdog.nodes.common.callbacks import subscribe

Array = np.ndarray

TOPIC = "wrist_camera/image_raw"
FRESH = 0.2
"""s after which a picture is out of date."""
BUFFER = 1 << 24
"""Bytes: more than a picture, so that rospy can drop all but the newest."""


class WristCameraListener:
    """Subscribes to wrist_camera/image_raw.

    Args:
        size: (height, width) px to which pictures are shrunk; None leaves them as they are.
        on_image: called with the stamp (s) of every picture.

    Attributes:
        subscriber: of the topic.
    """

    def __init__(
        self, size: Optional[Tuple[int, int]] = None, on_image: Optional[Callable[[float], None]] = None
    ) -> None:
        self._size, self._on_image = size, on_image
        self._newest: Optional[Tuple[float, Union[Array, str]]] = None
        self.subscriber = subscribe(TOPIC, Image, self._on_message, buff_size=BUFFER)

    def image(self, now: float) -> Array:
        """The picture of ``now`` (s), (height, width, 3) uint8 RGB.

        Raises:
            PolicyError: there is no fresh one, or it cannot be read.
        """
        if self._newest is None:
            raise PolicyError(f"no picture received on {TOPIC}: is the wrist camera's driver running?")
        stamp, pixels = self._newest
        if abs(now - stamp) > FRESH:
            raise PolicyError(f"the newest picture on {TOPIC} is {now - stamp:.1f} s old, {FRESH} s are allowed")
        if isinstance(pixels, str):
            raise PolicyError(f"{TOPIC}: {pixels}")
        return pixels

    def _on_message(self, message: Image) -> None:
        stamp = conversions.to_seconds(message.header.stamp)
        try:
            pixels = conversions.image_pixels(message)
            self._newest = stamp, pixels if self._size is None else shrink_image(pixels, *self._size)
        except (conversions.MessageError, PolicyError) as error:
            self._newest = stamp, str(error)
        if self._on_image is not None:
            self._on_image(stamp)
