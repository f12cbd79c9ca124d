"""The newest picture of the wrist camera: fresh, readable and of the needed size, or the reason why not."""

from typing import Any, List

import numpy as np
import pytest

from xdog.core.onnx_session import PolicyError
from xdog.nodes.common import conversions, wrist_camera
from xdog.nodes.common.wrist_camera import FRESH, TOPIC, WristCameraListener

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def picture(stamp: float, encoding: str = "rgb8") -> Any:
    message = conversions.image_message(PICTURE, stamp, "camera")
    message.encoding = encoding
    return message


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """The callback that is subscribed."""
    callbacks: List[Any] = []
    monkeypatch.setattr(wrist_camera, "subscribe", lambda *arguments, **_: callbacks.append(arguments[2]))
    return callbacks


def test_the_newest_picture_is_returned_while_it_is_fresh(topic: List[Any]) -> None:
    camera = WristCameraListener()
    with pytest.raises(PolicyError, match=f"no picture received on {TOPIC}"):
        camera.image(10.0)
    topic[0](picture(10.0))
    np.testing.assert_array_equal(camera.image(10.0 + 0.99 * FRESH), PICTURE)
    for now in (10.0 + 1.01 * FRESH, 10.0 - 1.01 * FRESH):  # late, or the clock has jumped back
        with pytest.raises(PolicyError, match=r"0\.2 s are allowed"):
            camera.image(now)


def test_a_picture_that_cannot_be_read_is_an_error_until_the_next_one(topic: List[Any]) -> None:
    camera = WristCameraListener()
    topic[0](picture(10.0, encoding="yuv422"))
    with pytest.raises(PolicyError, match="its encoding is yuv422"):
        camera.image(10.0)
    topic[0](picture(10.02))
    np.testing.assert_array_equal(camera.image(10.02), PICTURE)


def test_pictures_are_shrunk_and_reported(topic: List[Any]) -> None:
    stamps: List[float] = []
    camera = WristCameraListener((2, 3), stamps.append)
    topic[0](picture(10.0))
    assert stamps == [10.0]
    # each new pixel is the mean of two rows and two columns
    np.testing.assert_array_equal(camera.image(10.0)[0, 0], PICTURE[:2, :2].mean(axis=(0, 1)).round())
    large = WristCameraListener((8, 12))
    topic[1](picture(10.0))
    with pytest.raises(PolicyError, match="smaller than 12 x 8"):
        large.image(10.0)
