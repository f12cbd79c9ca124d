from pathlib import Path
from typing import List, Tuple

import pytest

from xdog.core.config_file import ConfigError, load
from xdog.core.paths import share_path
from xdog_sim.demo.course import (
    TRANSITION_TIMEOUT,
    Course,
    CourseFailedError,
    CourseRunner,
    Phase,
    Push,
)

COURSE = Course(
    "test",
    (
        Phase("stand up", "stand", 1.0),
        Phase("forward", "walk", 2.0, (0.5, 0.0, 0.0)),
        Phase("pushed", "walk", 2.0, (0.2, 0.0, 0.0), Push(1.0, (0.0, 0.6, 0.0))),
        Phase("down", "lie_down", 0.5),
    ),
)


def drive(legs: List[Tuple[float, str]], until: float) -> List[Tuple[float, str, float, str, bool]]:
    """Steps at 10 Hz, while the legs take the given states at the given times: (time, label, vx, request, pushed)."""
    runner, log = CourseRunner(COURSE), []
    for k in range(round(until * 10)):
        now = round(0.1 * k, 6)
        state = [name for since, name in legs if since <= now][-1]
        step = runner.step(now, state)
        log.append((now, step.phase.label if step.phase else "", step.velocity[0], step.request or "", bool(step.push)))
    return log


def test_a_course_runs_through() -> None:
    legs = [(0.0, "damped"), (0.1, "standing_up"), (2.0, "standing"), (3.1, "walking"), (7.2, "lying_down")]
    log = drive([*legs, (8.0, "damped")], 9.0)
    assert [(now, request) for now, _, _, request, _ in log if request] == [
        (0.0, "stand"),
        (3.0, "walk"),  # 1 s after standing
        (7.1, "lie_down"),  # 4 s after walking
    ]
    moving = {now: vx for now, _, vx, _, _ in log if vx}
    assert min(moving) == 3.1
    assert max(moving) == 7.0
    assert moving[5.0] == 0.5
    assert moving[5.1] == 0.2
    assert [now for now, _, _, _, pushed in log if pushed] == [6.1]  # once, 1 s into its phase
    assert next(now for now, label, _, _, _ in log if not label) == 8.5


def test_a_phase_waits_for_the_legs_but_not_for_ever() -> None:
    with pytest.raises(CourseFailedError, match=rf"'stand up'.*{TRANSITION_TIMEOUT:.0f} s.*standing_up"):
        drive([(0.0, "damped"), (0.1, "standing_up")], TRANSITION_TIMEOUT + 1.0)


def test_legs_that_leave_their_state_end_the_course() -> None:
    with pytest.raises(CourseFailedError, match=r"'forward'.*walking to damped"):
        drive([(0.0, "damped"), (0.1, "standing"), (1.2, "walking"), (2.0, "damped")], 5.0)


def test_the_shipped_course_holds_what_the_demo_promises() -> None:
    course = load(Course, share_path("sim", "courses", "demo.yaml"))
    velocities = [phase.velocity for phase in course.phases]
    assert course.phases[0].legs == "stand"
    assert course.phases[-1].legs == "lie_down"
    assert any(vx > 0 and vy == wz == 0 for vx, vy, wz in velocities)
    assert any(vx > 0 and vy for vx, vy, _ in velocities)
    assert any(vx == vy == 0 and wz for vx, vy, wz in velocities)
    assert any(vx > 0 and wz for vx, _, wz in velocities)
    assert any(vx < 0 for vx, _, _ in velocities)
    pushes = [(any(phase.velocity), abs(phase.push.delta[1])) for phase in course.phases if phase.push]
    assert pushes == [(True, 0.6), (False, 0.6)]
    assert 35.0 < course.duration < 55.0


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ("{label: a, legs: fly, duration: 1}", ".legs is 'fly'; it must be one of stand, walk, lie_down"),
        ("{label: a, legs: walk, duration: 0}", ".duration is 0; it must be a number above 0"),
        (
            "{label: a, legs: walk, duration: 1, velocity: [1, 2]}",
            ".velocity is [1, 2]; it must be a list of 3 entries",
        ),
        (
            "{label: a, legs: stand, duration: 1, velocity: [1, 0, 0]}",
            ": velocity is [1.0, 0.0, 0.0] with legs: stand; only legs: walk may have one",
        ),
        (
            "{label: a, legs: walk, duration: 1, push: {at: 2, delta: [0, 1, 0]}}",
            ": push.at is 2 s; it must be before the phase ends, 1 s",
        ),
    ],
)
def test_a_malformed_course_names_file_phase_and_entry(tmp_path: Path, phase: str, message: str) -> None:
    path = tmp_path / "course.yaml"
    path.write_text(f"name: x\nphases:\n  - {{label: up, legs: stand, duration: 1}}\n  - {phase}\n")
    with pytest.raises(ConfigError) as caught:
        load(Course, path)
    assert str(caught.value) == f"{path}: phases[1]{message}"
