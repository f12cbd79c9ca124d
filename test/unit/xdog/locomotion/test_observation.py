"""Observations: layout, history, terms worked out by hand, and the same numbers from numpy and torch."""

from typing import Any

import numpy as np
import pytest
import torch

from xdog.locomotion.gait import GaitState
from xdog.locomotion.observation import TERMS, Measurements, ObservationBuilder, Term

Array = np.ndarray
EVERYTHING = tuple(Term(name, 0.5 + 0.1 * i, 1 + i % 3) for i, name in enumerate(TERMS))


def measurements(seed: int = 0, count: int = 3) -> Measurements:
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> Array:
        return random.standard_normal((count, *shape))

    gait = GaitState(random.random(count), random.random(count), draw(3))
    return Measurements(draw(3), draw(3), draw(3), draw(12), draw(12), draw(12), gait)


def as_torch(m: Measurements) -> Measurements:
    def tensor(values: Any) -> torch.Tensor:
        return torch.as_tensor(values)

    gait = GaitState(tensor(m.gait.phase), tensor(m.gait.amplitude), tensor(m.gait.command))
    vectors = (m.angular_velocity, m.gravity, m.command, m.position, m.velocity, m.last_action)
    return Measurements(*map(tensor, vectors), gait)


def test_widths_and_layout() -> None:
    builder = ObservationBuilder((Term("command", 1.0), Term("position", 1.0, 3), Term("gait_phase", 1.0)))
    assert (builder.size, builder.frame_size, builder.depth) == (3 + 36 + 2, 17, 3)
    assert builder.layout() == {"command": slice(0, 3), "position": slice(3, 39), "gait_phase": slice(39, 41)}


def test_terms_are_scaled_and_in_order() -> None:
    m = measurements()
    frame = ObservationBuilder((Term("velocity", 0.05), Term("gravity", 2.0))).frame(m, np)
    np.testing.assert_allclose(frame, np.hstack([0.05 * m.velocity, 2.0 * m.gravity]))


def test_the_phase_is_scaled_by_the_stepping_amplitude() -> None:
    gait = GaitState(np.array([0.25, 0.25]), np.array([0.0, 0.5]), np.zeros((2, 3)))
    m = measurements(count=2)
    m = Measurements(m.angular_velocity, m.gravity, m.command, m.position, m.velocity, m.last_action, gait)
    frame = ObservationBuilder((Term("gait_phase", 1.0),)).frame(m, np)
    np.testing.assert_allclose(frame, [[0.0, 0.0], [0.5, 0.0]], atol=1e-12)


def test_history_is_newest_first_and_drops_the_oldest() -> None:
    builder = ObservationBuilder((Term("command", 1.0, 3), Term("gravity", 1.0)))
    frames = [builder.frame(measurements(seed), np) for seed in range(4)]
    history = builder.start(frames[0], np)
    np.testing.assert_array_equal(builder.observe(history, np)[:, :9], np.tile(frames[0][:, :3], 3))
    for frame in frames[1:]:
        history = builder.push(history, frame, np)
    seen = builder.observe(history, np)
    np.testing.assert_array_equal(seen[:, :9], np.hstack([frames[3][:, :3], frames[2][:, :3], frames[1][:, :3]]))
    np.testing.assert_array_equal(seen[:, 9:], frames[3][:, 3:])


def test_robot_and_training_build_the_same_observation() -> None:
    builder = ObservationBuilder(EVERYTHING)
    ours = builder.start(builder.frame(measurements(0), np), np)
    theirs = builder.start(builder.frame(as_torch(measurements(0)), torch), torch)
    for seed in (1, 2):
        ours = builder.push(ours, builder.frame(measurements(seed), np), np)
        theirs = builder.push(theirs, builder.frame(as_torch(measurements(seed)), torch), torch)
    assert builder.observe(ours, np).shape == (3, builder.size)
    np.testing.assert_allclose(builder.observe(ours, np), builder.observe(theirs, torch).numpy(), atol=1e-12)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ((), "at least one term"),
        ((Term("temperature", 1.0),), "unknown observation terms: temperature; known: "),
        ((Term("command", 1.0), Term("command", 2.0)), "listed twice: command, command"),
        ((Term("command", 1.0, 0),), "at least one step"),
    ],
)
def test_invalid_terms_are_refused(terms: "tuple[Term, ...]", message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ObservationBuilder(terms)
