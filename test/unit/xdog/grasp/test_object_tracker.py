"""Which of the detected objects is meant, and where it is: by label, by distance, by a median."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.grasp.object_tracker import ObjectTracker, TrackedDetection

SIZE = np.full(3, 0.04)


def seen(stamp: float, x: float, label: str = "ball") -> TrackedDetection:
    return TrackedDetection(stamp, label, np.array([x, 0.0, 0.02]), SIZE)


def test_the_nearest_of_the_label_is_chosen_and_followed() -> None:
    tracker = ObjectTracker(gate=0.1, memory=3)
    with pytest.raises(ValueError, match="no object"):
        tracker.place()
    assert tracker.choose([seen(0.0, 0.5), seen(0.0, 0.3, "cup"), seen(0.0, 0.4)], "ball", np.zeros(3)).centre[0] == 0.4
    assert tracker.follow([seen(0.1, 0.3, "cup"), seen(0.1, 0.42), seen(0.1, 0.5)])
    assert not tracker.follow([seen(0.1, 0.42)]), "the same image twice"
    assert not tracker.follow([seen(0.2, 0.8)]), "nothing jumps that far"
    assert tracker.follow([seen(0.3, 0.44)])
    assert tracker.steady
    assert tracker.place()[0] == pytest.approx(0.42)


def test_a_nearer_one_that_the_first_image_missed_is_taken() -> None:
    tracker, here = ObjectTracker(0.1, 5), np.zeros(3)
    tracker.choose([seen(0.0, 2.0)], "ball", here)
    tracker.choose([seen(0.1, 2.0), seen(0.1, 0.4)], "ball", here)
    assert tracker.place()[0] == 0.4
    tracker.choose([seen(0.2, 0.35)], "ball", here)  # nearer by less than the gate: no reason to choose again
    assert tracker.place()[0] == 0.4


@given(st.lists(st.floats(-0.03, 0.03), min_size=5, max_size=5), st.floats(-0.09, 0.09))
def test_one_outlier_does_not_move_the_place(errors: "list[float]", outlier: float) -> None:
    tracker = ObjectTracker(gate=0.2, memory=5)
    offsets = [*errors[:4], outlier]
    tracker.choose([seen(0.0, 0.4 + offsets[0])], "ball", np.zeros(3))
    for i, offset in enumerate(offsets[1:], 1):
        assert tracker.follow([seen(0.1 * i, 0.4 + offset)])
    assert tracker.steady
    assert min(errors[:4]) - 1e-9 <= tracker.place()[0] - 0.4 <= max(errors[:4]) + 1e-9


def test_what_is_forgotten_is_chosen_again() -> None:
    tracker = ObjectTracker(0.1, 2)
    tracker.choose([seen(0.0, 0.3)], "", np.zeros(3))
    tracker.forget()
    assert tracker.target is None
    assert not tracker.follow([seen(0.1, 0.3)])
    assert tracker.choose([seen(0.2, 0.8)], "", np.zeros(3)).centre[0] == 0.8
    assert tracker.choose([seen(0.2, 0.1)], "cup", np.zeros(3)).centre[0] == 0.8
