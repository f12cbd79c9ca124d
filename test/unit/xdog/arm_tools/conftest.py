"""Emulated servos for the tests of ./xdog arm."""

import pytest
from servo_fixtures import bus, wire
from servo_time import be_patient

__all__ = ["bus", "wire"]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)
