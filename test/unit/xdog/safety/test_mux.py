"""The velocity mux: which source drives, how fast, and when none does."""

import math
from typing import Any, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdog.safety.mux import ZERO, MuxOutput, VelocityMux, is_neutral
from xdog.safety.mux_config import load_mux_config
from xdog.safety.permission import UNSUPERVISED

CONFIG = load_mux_config()


def twist(vx: float = 0.0, vy: float = 0.0, wz: float = 0.0) -> Tuple[float, ...]:
    return (vx, vy, 0.0, 0.0, 0.0, wz)


class Story:
    """Ticks a mux every 20 ms while safety/state and the given sources are published."""

    def __init__(self, allowed: bool = True) -> None:
        self.mux = VelocityMux(CONFIG)
        self.now = 10.0
        self.allowed = allowed

    def live(self, seconds: float, safety: bool = True, **sources: Tuple[float, ...]) -> MuxOutput:
        output = None
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            if safety:
                self.mux.on_safety(self.now, self.allowed, "" if self.allowed else "fallen")
            for source, components in sources.items():
                self.mux.on_velocity(self.now, source, components)
            output = self.mux.tick(self.now)
        assert output is not None
        return output


def test_priorities_are_those_of_the_design() -> None:
    assert CONFIG.priorities == {"joy": 100, "keyboard": 90, "web": 80, "voice": 40, "behavior": 20, "external": 10}
    assert CONFIG.timeout == 0.5


def test_the_higher_priority_wins_until_it_stops_publishing() -> None:
    story = Story()
    external, joy = twist(vx=0.3), twist(vx=-0.2)
    assert story.live(1.0, external=external).active == "external"
    output = story.live(1.0, external=external, joy=joy)
    assert (output.active, output.velocity) == ("joy", (-0.2, 0.0, 0.0))
    assert story.live(0.48, external=external).active == "joy"
    assert story.live(0.04, external=external).active == "external"


def test_slew_limit() -> None:
    story = Story()
    story.live(0.02)
    assert story.live(0.02, joy=twist(1.0, -0.4, 1.5)).velocity == pytest.approx((0.04, -0.03, 0.1))  # 2, 1.5, 5 a s
    assert story.live(0.22, joy=twist(1.0, -0.4, 1.5)).velocity == pytest.approx((0.48, -0.36, 1.2))


def test_clamps_to_the_limits() -> None:
    assert Story().live(2.0, joy=twist(9.0, -9.0, 9.0)).velocity == (1.0, -0.4, 1.5)


def test_a_dead_source_stops_the_robot() -> None:
    story = Story()
    assert story.live(2.0, external=twist(vx=1.0)).velocity == (1.0, 0.0, 0.0)
    assert story.live(0.5).velocity == (1.0, 0.0, 0.0)
    assert story.live(0.02).velocity == pytest.approx((0.96, 0.0, 0.0))
    output = story.live(0.5)  # 1.0 m/s at 2 m/s^2
    assert (output.active, output.velocity) == ("", ZERO)


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_source_with_values_that_are_not_finite_is_ignored(place: int, value: float) -> None:
    story = Story()
    assert story.live(1.0, joy=twist(vx=0.5), external=twist(vx=0.1)).active == "joy"
    bad = list(twist())
    bad[place] = value
    assert "joy" in story.mux.on_velocity(story.now, "joy", tuple(bad))
    assert story.mux.tick(story.now).active == "external"


def test_locked_until_the_first_safety_state() -> None:
    story = Story()
    output = story.live(1.0, safety=False, joy=twist(vx=1.0))
    assert (output.velocity, output.lock) == (ZERO, UNSUPERVISED)
    assert not output.inputs_neutral


def test_locks_when_safety_state_is_missing() -> None:
    story = Story()
    story.live(1.0, joy=twist(vx=1.0))
    assert story.live(0.3, safety=False, joy=twist(vx=1.0)).velocity == (1.0, 0.0, 0.0)
    output = story.live(0.02, safety=False, joy=twist(vx=1.0))
    assert output.velocity == ZERO
    assert "heartbeat is missing for more than 0.3 s" in output.lock


def locked_with_a_held_stick() -> Story:
    story = Story()
    story.live(1.0, joy=twist(vx=1.0))
    story.allowed = False
    output = story.live(0.02, joy=twist(vx=1.0))
    assert (output.velocity, output.lock, output.inputs_neutral) == (ZERO, "motion not allowed: fallen", False)
    story.live(1.0, joy=twist(vx=1.0))
    story.allowed = True
    return story


def test_a_held_stick_does_not_drive_after_the_release() -> None:
    story = locked_with_a_held_stick()
    output = story.live(5.0, joy=twist(vx=1.0))
    assert (output.velocity, output.active) == (ZERO, "")
    assert story.live(0.02, joy=twist()).active == "joy"
    assert story.live(1.0, joy=twist(vx=1.0)).velocity == (1.0, 0.0, 0.0)


def test_a_source_that_stops_publishing_counts_as_released() -> None:
    story = locked_with_a_held_stick()
    assert story.live(0.5, joy=twist(vx=1.0)).velocity == ZERO
    assert story.live(0.52).inputs_neutral
    assert story.live(1.0, joy=twist(vx=1.0)).velocity == (1.0, 0.0, 0.0)


def test_values_that_are_not_finite_do_not_count_as_released() -> None:
    story = locked_with_a_held_stick()
    story.live(1.0, joy=twist(vx=math.nan))
    assert story.live(0.5, joy=twist(vx=1.0)).velocity == ZERO


def test_a_stick_that_was_released_and_moved_again_during_the_lock_is_held() -> None:
    story = Story(allowed=False)
    story.live(0.1, joy=twist())
    story.live(0.1, joy=twist(vx=1.0))
    story.allowed = True
    assert story.live(1.0, joy=twist(vx=1.0)).velocity == ZERO


def test_a_held_source_does_not_block_another() -> None:
    story = locked_with_a_held_stick()
    assert story.live(1.0, joy=twist(vx=1.0), keyboard=twist(vx=-0.5)).velocity == (-0.5, 0.0, 0.0)


@pytest.mark.parametrize(("value", "neutral"), [(0.0, True), (1e-3, True), (-2e-3, False)])
def test_neutral(value: float, neutral: bool) -> None:
    assert is_neutral((0.0, value, 0.0)) is neutral


number = st.floats(allow_nan=True, allow_infinity=True)
small = st.floats(-2.0, 2.0)
events = st.one_of(
    st.tuples(st.just("safety"), st.booleans()),
    st.tuples(st.just("twist"), st.sampled_from(sorted(CONFIG.priorities)), st.tuples(*[number] * 6)),
    st.tuples(st.just("twist"), st.sampled_from(sorted(CONFIG.priorities)), st.tuples(*[small] * 6)),
    st.tuples(st.just("tick")),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.1, 0.4), events), max_size=40))
def test_no_motion_leaves_the_mux_while_locked_and_none_beyond_the_limits(story: Any) -> None:
    mux = VelocityMux(CONFIG)
    now = 10.0
    heartbeat, allowed = -math.inf, False
    for elapsed, (kind, *rest) in story:
        now += elapsed
        if kind == "safety":
            heartbeat, allowed = now, rest[0]
            mux.on_safety(now, allowed, "")
        elif kind == "twist":
            mux.on_velocity(now, rest[0], rest[1])
        else:
            output = mux.tick(now)
            assert all(
                abs(value) <= limit
                for value, limit in zip(output.velocity, (CONFIG.limits.vx, CONFIG.limits.vy, CONFIG.limits.wz))
            )
            if not allowed or now - heartbeat > CONFIG.heartbeat_timeout:
                assert output.velocity == ZERO
                assert output.lock
                assert not output.active
