"""From a held key to a velocity that stops by itself; times worked out by hand from teleop.yaml's values."""

import math

import pytest

from xdog.safety.mux_config import Planar
from xdog.teleop.config import load_teleop_config
from xdog.teleop.drive import DIRECTIONS, ZERO, HeldKey, Velocity

CONFIG = load_teleop_config()
INITIAL, REPEATING = CONFIG.hold.initial, CONFIG.hold.repeating
ZEROS = math.ceil(CONFIG.hold.zeros * CONFIG.rate)


@pytest.fixture
def key() -> HeldKey:
    return HeldKey(CONFIG, Planar(vx=1.0, vy=0.4, wz=1.5))


def test_nothing_is_published_before_the_first_key(key: HeldKey) -> None:
    assert key.next(0.0) is None
    assert key.at_rest(0.0)


def test_a_first_press_drives_for_the_initial_delay(key: HeldKey) -> None:
    key.press("w", 10.0)
    assert key.next(10.0 + INITIAL - 0.01) == Velocity(CONFIG.scale.start, 0.0, 0.0)
    assert [key.next(10.0 + INITIAL + 0.01) for _ in range(ZEROS + 1)] == [ZERO] * ZEROS + [None]


def test_a_repeated_key_stops_soon_after_its_last_repeat(key: HeldKey) -> None:
    key.press("q", 10.0)
    key.press("q", 10.5)
    assert key.next(10.5 + REPEATING - 0.01) == Velocity(0.0, 0.0, 1.5 * CONFIG.scale.start)
    assert key.next(10.5 + REPEATING + 0.01) == ZERO


def test_a_release_publishes_zeros_at_once(key: HeldKey) -> None:
    key.press("a", 10.0)
    key.release(10.1)
    assert not key.at_rest(10.1)
    assert [key.next(10.1) for _ in range(ZEROS + 1)] == [ZERO] * ZEROS + [None]
    assert key.at_rest(10.1)


def test_the_scale_stays_within_its_limits(key: HeldKey) -> None:
    key.faster(1000)
    assert key.full_speed() == Velocity(1.0, 0.4, 1.5)
    key.faster(-1000)
    assert key.scale == CONFIG.scale.smallest


def test_every_direction_has_its_opposite() -> None:
    assert {tuple(-sign for sign in signs) for signs in DIRECTIONS.values()} == set(DIRECTIONS.values())
