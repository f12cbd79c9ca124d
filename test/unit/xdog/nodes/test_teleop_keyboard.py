"""The status line of the teleop node; its keys and its terminal are tested in the running graph."""

from typing import Any, Callable, Dict

import pytest

from xdog.msg import SafetyState
from xdog.nodes import teleop_keyboard
from xdog.nodes.teleop_keyboard import TeleopNode
from xdog.safety.config import load_safety_config
from xdog.teleop.config import load_teleop_config


class ConnectedRequests:
    """Only a connected e-stop."""

    objection = ""

    def __init__(self, timeout: float) -> None:
        assert timeout > 0.0


def test_the_safety_level_is_shown_while_the_supervisor_publishes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    callbacks: Dict[str, Callable[[Any], None]] = {}
    now = [10.0]
    monkeypatch.setattr(teleop_keyboard.rospy, "Publisher", lambda *_, **__: None)
    monkeypatch.setattr(teleop_keyboard, "subscribe", lambda topic, _, callback: callbacks.update({topic: callback}))
    monkeypatch.setattr(teleop_keyboard.clock, "now", lambda: now[0])
    monkeypatch.setattr(teleop_keyboard, "RobotRequests", ConnectedRequests)
    node = TeleopNode(None, load_teleop_config())  # type: ignore[arg-type]
    assert node._status().level is None
    callbacks["safety/state"](SafetyState(level=SafetyState.DAMP, reasons=["fallen"]))
    timeout = load_safety_config().listeners.heartbeat_timeout
    now[0] = 10.0 + 0.9 * timeout
    assert (node._status().level, node._status().reasons) == ("DAMP", ("fallen",))
    now[0] = 10.0 + 1.1 * timeout
    assert (node._status().level, node._status().reasons) == (None, ())
