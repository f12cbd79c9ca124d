"""Finding the arm's port, and noticing Enter while something goes on."""

import os
import sys

import pytest

from xdog.arm_tools.terminal import choose_port, enter_pressed
from xdog.hardware.so101.feetech_bus import PortError


def test_the_only_port_is_taken() -> None:
    assert choose_port("", lambda: ["/dev/ttyACM0"]) == "/dev/ttyACM0"
    assert choose_port("/dev/x", list) == "/dev/x"
    with pytest.raises(PortError, match="plug the arm's USB cable in"):
        choose_port("", list)
    with pytest.raises(PortError, match="several serial ports, name the arm's with --port: /dev/a /dev/b"):
        choose_port("", lambda: ["/dev/a", "/dev/b"])


def test_enter_is_noticed_once_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert not enter_pressed()
        os.write(writing, b"\n")
        assert enter_pressed()
        assert not enter_pressed()
        os.close(writing)
        assert enter_pressed()  # a closed input cannot be asked again
