"""Time as the emulated servos' driver sees it: a busy machine makes no servo late."""

import time
from typing import List

import pytest
from servo_bus import ServoBus

from xdog.hardware.so101 import feetech_bus as feetech


class ServoTime:
    """The driver's clock, but it stands still while an emulator owes an answer.

    Attributes:
        buses: the emulators.
    """

    def __init__(self) -> None:
        self.buses: List[ServoBus] = []
        self._seen, self._lost = time.monotonic(), 0.0

    def milliseconds(self) -> float:
        """Time since some instant, in ms."""
        owes = any(bus.owes for bus in self.buses)
        now = time.monotonic()
        if owes:
            self._lost += now - self._seen
        self._seen = now
        return 1000.0 * (now - self._lost)


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the driver waits for every emulated answer, and gives up a little later what does not answer."""
    clock, plug_in = ServoTime(), ServoBus.plug_in

    def remember(bus: ServoBus) -> None:
        plug_in(bus)
        clock.buses.append(bus)

    monkeypatch.setattr(ServoBus, "plug_in", remember)
    monkeypatch.setattr(feetech.PatchedPort, "getCurrentTime", lambda _: clock.milliseconds())
    monkeypatch.setattr(feetech, "ANSWER_TIME", 50.0)  # the terminal between them takes its time too
