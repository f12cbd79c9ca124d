#!/usr/bin/env python3
"""Messages to plain types and back: by name, in any order, and wrong ones are named."""

# ruff: noqa: PT009, PT027 - rostest runs unittest, whose assertions show the values
import unittest

import numpy as np
import rostest

from xdog.core.description import load_description
from xdog.core.interfaces import LegsReading
from xdog.nodes.common import conversions

ROBOT = load_description()


class Conversions(unittest.TestCase):
    def setUp(self) -> None:
        random = np.random.default_rng(1)
        joints = (random.normal(size=12) for _ in range(4))
        self.reading = LegsReading(
            12.345, *joints, np.arange(12), np.arange(12) % 2 == 0, 12.34, *(random.normal(size=n) for n in (4, 3, 3)),
            np.array([True, False, False, True]),
        )  # fmt: skip

    def assert_same(self, got: LegsReading) -> None:
        for name, value in vars(self.reading).items():
            np.testing.assert_allclose(getattr(got, name), value, err_msg=name)

    def test_there_and_back(self) -> None:
        message = conversions.leg_state_message(self.reading, ROBOT, True)
        self.assertEqual(message.header.stamp.nsecs, 345_000_000)
        self.assert_same(conversions.legs_reading(message, ROBOT))

    def test_order_in_the_message_does_not_matter(self) -> None:
        message = conversions.leg_state_message(self.reading, ROBOT)
        for field in ("name", "position", "velocity", "effort", "temperature", "alarm", "online", "foot", "contact"):
            setattr(message, field, getattr(message, field)[::-1])
        self.assert_same(conversions.legs_reading(message, ROBOT))

    def test_what_does_not_fit_is_named(self) -> None:
        message = conversions.leg_state_message(self.reading, ROBOT)
        message.velocity = message.velocity[:-1]
        with self.assertRaisesRegex(conversions.MessageError, "11 values of velocity"):
            conversions.legs_reading(message, ROBOT)
        message.name = ["left_wing", *message.name[1:]]
        with self.assertRaisesRegex(conversions.MessageError, "lacks the joints front_right_abad_joint"):
            conversions.legs_reading(message, ROBOT)

    def test_pictures(self) -> None:
        pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
        message = conversions.image_message(pixels, 1.5, "lens")
        np.testing.assert_array_equal(conversions.image_pixels(message), pixels)
        padded = np.zeros((2, 12), np.uint8)
        padded[:, :9] = pixels[:, :, ::-1].reshape(2, 9)
        message.encoding, message.step, message.data = "bgr8", 12, padded.tobytes()
        np.testing.assert_array_equal(conversions.image_pixels(message), pixels)
        message.data = message.data[:-1]
        with self.assertRaisesRegex(conversions.MessageError, "23 bytes, rows of 12, for 3 x 2"):
            conversions.image_pixels(message)
        message.encoding = "yuv422"
        with self.assertRaisesRegex(conversions.MessageError, "yuv422, not one of rgb8, bgr8"):
            conversions.image_pixels(message)


if __name__ == "__main__":
    rostest.rosrun("xdog", "bridge_conversions", Conversions)
