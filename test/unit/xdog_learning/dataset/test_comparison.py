"""Text of the difference between replay and recording."""

import numpy as np

from xdog_learning.dataset.comparison import difference


def test_the_difference_names_the_worst_joint_and_frame() -> None:
    recorded = np.zeros((4, 2))
    measured = recorded.copy()
    measured[2, 1] = -0.2
    assert difference(measured, recorded, ("pan", "lift")) == (
        "measured joints differ from the recorded by 0.0707 rad rms, at most 0.2000 rad (lift, frame 2)"
    )
