"""An episode checks what it holds."""

from typing import Any

import numpy as np
import pytest
from demonstrations import make_episode

from xdog_learning.dataset.episode import Episode, EpisodeError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": np.zeros((4, 5), np.float32)}, r"state is \(4, 5\)"),
        ({"action": np.zeros((3, 6), np.float32)}, r"action is \(3, 6\)"),
        ({"action": np.zeros((4, 6))}, "float64"),
        ({"action": np.full((4, 6), np.nan, np.float32)}, r"action\[0, 0\] is nan"),
        ({"images": np.zeros((4, 8, 8), np.uint8)}, r"wanted \(4, H, W, 3\)"),
        ({"images": np.zeros((4, 7, 8, 3), np.uint8)}, "even sides"),
        ({"task": " "}, "task is empty"),
        ({"fps": 0}, "fps is 0"),
        ({"state": np.zeros((0, 6), np.float32)}, "at least one frame"),
    ],
)
def test_an_episode_checks_what_it_holds(changes: Any, message: str) -> None:
    episode = make_episode(0, 4)
    fields = {name: getattr(episode, name) for name in episode.__dataclass_fields__}
    with pytest.raises(EpisodeError, match=message):
        Episode(**{**fields, **changes})


def test_its_length_is_its_frames() -> None:
    assert len(make_episode(0, 4)) == 4
