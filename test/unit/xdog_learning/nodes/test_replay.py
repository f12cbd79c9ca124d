"""The graph's time, as a replay waits for it."""

import pytest

from xdog_learning.nodes import replay
from xdog_learning.nodes.replay import GraphClock


def test_waiting_for_simulated_time_is_brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay.rospy.rostime, "is_wallclock", lambda: False)
    monkeypatch.setattr(replay.rospy, "get_time", lambda: 7.0)
    monkeypatch.setattr(replay.clock, "POLL", 0.01)
    GraphClock().wait(8.0)  # though simulated time stands still


def test_waiting_for_wall_time_ends_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = []
    monkeypatch.setattr(replay.rospy.rostime, "is_wallclock", lambda: True)
    monkeypatch.setattr(replay.rospy, "get_time", lambda: 7.0)
    monkeypatch.setattr(replay.time, "sleep", slept.append)
    monkeypatch.setattr(replay.clock, "POLL", 0.1)
    for due in (7.03, 9.0, 6.0):
        GraphClock().wait(due)
    assert slept == pytest.approx([0.03, 0.1, 0.0])
