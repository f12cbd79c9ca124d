"""The benchmark's arithmetic by hand, and its contestants doing what they claim to do."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Callable, List

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_files import contract_for, write_policy
from repository import ROOT
from stable_baselines3.common.vec_env import DummyVecEnv

from xdog.core.description import load_description
from xdog_learning.bench import BenchError
from xdog_learning.bench.baseline import LeanWalk, build_baseline
from xdog_learning.bench.faults import TIMEOUT, measure_faults
from xdog_learning.bench.graph import graph_figures
from xdog_learning.bench.inference import measure_policy
from xdog_learning.bench.metrics import command_latencies, interleave, jitter_p99_ms, real_time_factor
from xdog_learning.bench.throughput import UPDATES, RawPhysics, learning_block
from xdog_learning.commands.bench import FIGURES, BenchOptions, plain, run_part, shown, table
from xdog_learning.commands.train_gait import training_sim
from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.gait.ppo import build_ppo
from xdog_sim.randomization import load_ranges
from xdog_sim.tasks.gait_config import GaitConfig, load_gait_config
from xdog_sim.tasks.velocity import VelocityTask

ROBOT = load_description()


def quiet(_share: float, _label: str) -> None:
    pass


def small() -> GaitConfig:
    config = load_gait_config()
    ppo = replace(config.ppo, robots=6, steps=4, minibatches=2, epochs=1, actor=(32, 16), critic=(24, 8))
    return replace(config, ppo=ppo)


def lean(width: int = 90, seed: int = 0) -> LeanWalk:
    config = small()
    return LeanWalk(training_sim(ROBOT, config, 1).model, ROBOT, config, width, seed)


# Interleaving.


def test_contestants_take_turns_and_the_warm_up_does_not_count() -> None:
    now, calls = [0.0], []

    def contestant(name: str, steps: int, seconds: List[float]) -> Callable[[], int]:
        def run() -> int:
            calls.append(name)
            now[0] += seconds.pop(0)
            return steps

        return run

    contestants = {"a": contestant("a", 100, [50.0, 1.0, 2.0]), "b": contestant("b", 30, [7.0, 3.0, 10.0])}
    rates = interleave(contestants, 2, quiet, lambda: now[0])
    assert calls == ["a", "b"] * 3
    assert rates == {"a": [100.0, 50.0], "b": [10.0, 3.0]}


def test_progress_rises_from_nothing_to_less_than_all() -> None:
    shares: List[float] = []
    interleave({"a": lambda: 1, "b": lambda: 1}, 3, lambda share, _label: shares.append(share))
    assert shares == [number / 8 for number in range(8)]


# The 50 Hz loop.


def test_jitter_is_the_deviation_early_and_late_alike() -> None:
    # Intervals 20, 25, 15 and 20 ms: deviations 0, 5, 5, 0; the 99th percentile lies between the two largest.
    assert jitter_p99_ms([1.0, 1.020, 1.045, 1.060, 1.080], 0.02) == pytest.approx(5.0)


def test_jitter_shows_what_happens_twice_in_a_hundred_times() -> None:
    intervals = np.full(1000, 0.02)
    intervals[::50] = 0.05
    assert jitter_p99_ms(np.cumsum(intervals), 0.02) == pytest.approx(30.0)
    intervals[:] = 0.02
    intervals[::200] = 0.05
    assert jitter_p99_ms(np.cumsum(intervals), 0.02) == pytest.approx(0.0, abs=1e-6)


@given(
    st.lists(st.floats(0.0, 0.1), min_size=2, max_size=50),
    st.floats(0.0, 1e4),
)
def test_jitter_does_not_depend_on_when_the_clock_started(intervals: List[float], start: float) -> None:
    arrivals = np.cumsum(intervals)
    assert jitter_p99_ms(start + arrivals, 0.02) == pytest.approx(jitter_p99_ms(arrivals, 0.02), abs=1e-6)


def test_jitter_of_one_arrival_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 arrivals"):
        jitter_p99_ms([1.0], 0.02)


def test_real_time_factor() -> None:
    assert real_time_factor([(10.0, 3.0), (11.0, 3.9), (12.0, 4.0)]) == pytest.approx(0.5)


# From cmd_vel to legs/command.

SAFE = [(0.99, 0.3), (1.01, 0.34), (1.03, 0.38), (1.05, 0.5), (1.99, 0.5), (2.015, 0.46)]
STATES = [(1.000, 5.000), (1.005, 5.005), (1.012, 5.010), (1.016, 5.015), (1.021, 5.020), (2.020, 6.020)]
COMMANDS = [(1.002, 5.000), (1.011, 5.005), (1.023, 5.020), (2.003, 6.000), (2.021, 6.020)]


def test_latency_ends_with_the_answer_to_a_state_after_the_changed_velocity() -> None:
    # cmd_vel changes at 1.004; the mux says so at 1.01; the next state came at 1.012 with stamp 5.010. The command
    # at 1.011 answers an older state, the one at 1.023 a newer one: 19 ms. The second change likewise: 20 ms.
    latencies = command_latencies([(1.004, 0.5), (2.001, 0.3)], SAFE, STATES, COMMANDS)
    assert latencies == pytest.approx([0.019, 0.020])


@pytest.mark.parametrize("missing", ["safe", "states", "commands"])
def test_latency_without_an_answer_is_infinite(missing: str) -> None:
    records = {"safe": SAFE, "states": STATES, "commands": COMMANDS}
    records[missing] = [entry for entry in records[missing] if entry[0] < 2.001]
    first, second = command_latencies([(1.004, 0.5), (2.001, 0.3)], **records)
    assert math.isfinite(first)
    assert second == math.inf


def test_unchanged_velocity_is_no_answer() -> None:
    assert command_latencies([(1.2, 0.5)], [(1.1, 0.5), (1.3, 0.5)], STATES, COMMANDS) == [math.inf]


def test_figures_of_the_graph() -> None:
    records = {"walking": [(1.0, 5.0), (1.021, 5.02), (1.04, 5.04)]}
    records.update(published=[(1.004, 0.5), (2.001, 0.3)], safe=SAFE, states=STATES, commands=COMMANDS)
    figures = graph_figures(json.loads(json.dumps(records)), 0.02)
    assert figures == pytest.approx(
        {"loop_jitter_p99_ms": 1.0, "command_latency_p95_ms": 20.0, "real_time_factor": 1.0}
    )


# Contestants.


def test_learning_block_counts_every_step_of_every_robot() -> None:
    config = small()
    robots = GaitVecEnv(VelocityTask(training_sim(ROBOT, config, 1), ROBOT, config, load_ranges(), 0, stagger=True))
    learner = build_ppo(robots, config.ppo, 0, None)
    before = [weights.clone() for weights in learner.policy.parameters()]
    run = learning_block(learner, 1)
    assert [run(), run()] == [UPDATES * 4 * 6] * 2
    assert learner._n_updates == 2 * UPDATES * config.ppo.epochs
    assert any((new != old).any() for new, old in zip(learner.policy.parameters(), before))


def test_raw_physics_takes_the_steps_that_it_counts() -> None:
    config = small()
    raw = RawPhysics(training_sim(ROBOT, config, 1).model, ROBOT, config, 1, 0)
    assert raw.run(5) == 5 * 6
    assert raw._batch.bind("time") == pytest.approx(5 * config.control.period)
    heights = raw._batch.bind("qpos")[:, 2]
    assert len(set(heights)) == 6, "every robot has targets of its own"
    assert np.all(np.abs(heights - config.target.height) < 0.05), "they stood"


def test_lean_environment_takes_the_same_physics_steps() -> None:
    robot = lean()
    robot.reset()
    observation, reward, fell, over, _ = robot.step(np.zeros(12, np.float32))
    assert robot._data.time == pytest.approx(0.02)
    assert observation.shape == (90,)
    assert not fell
    assert not over
    assert 0.0 < reward <= 1.5


def test_lean_environment_keeps_history_newest_first() -> None:
    robot = lean(width=100)
    first, _ = robot.reset()
    second, *_ = robot.step(np.full(12, 0.2, np.float32))
    assert second[45:90] == pytest.approx(first[:45])
    assert second[33:45] == pytest.approx(np.full(12, 0.2))
    third, *_ = robot.step(np.zeros(12, np.float32))
    assert third[90:] == pytest.approx(first[:10])


def test_lean_reward_by_hand() -> None:
    robot = lean()
    robot.reset()
    robot._command = np.array([0.3, -0.4, 0.5])
    action = np.full(12, 0.1, np.float32)
    _, reward, *_ = robot.step(action)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, robot._data.qpos[3:7])
    vx, vy, _ = rotation.reshape(3, 3).T @ robot._data.qvel[:3]
    planar, yaw = (vx - 0.3) ** 2 + (vy + 0.4) ** 2, (robot._data.qvel[5] - 0.5) ** 2
    assert reward == pytest.approx(math.exp(-4 * planar) + 0.5 * math.exp(-4 * yaw) - 0.01 * 12 * 0.01)


def test_lean_environment_ends_on_its_side_and_when_time_is_up() -> None:
    robot = lean()
    robot.reset()
    robot._data.qpos[3:7] = [math.cos(0.6), math.sin(0.6), 0.0, 0.0]  # rolled by 1.2 rad
    assert robot.step(np.zeros(12, np.float32))[2]
    robot.reset()
    robot._age = 999  # of 1000 control steps in 20 s
    assert robot.step(np.zeros(12, np.float32))[2:4] == (False, True)
    robot.reset()
    assert robot._age == 0


def test_baseline_learns_with_networks_of_the_gait() -> None:
    config = small()
    learner = build_baseline(DummyVecEnv([lean, lean]), config, 0)
    assert learner.n_steps == 1024
    layers = [weights.shape for name, weights in learner.policy.named_parameters() if name.endswith("weight")]
    assert layers == [(32, 90), (16, 32), (24, 90), (8, 24), (12, 16), (1, 8)]


# Policy, faults, results.


def test_policy_is_timed_in_ms(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "zero.onnx", contract_for(ROBOT))
    assert 0.001 < measure_policy(path, 0, quiet, steps=20)["policy_ms"] < 1000.0


def test_unusable_policy_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("nothing")
    with pytest.raises(BenchError, match=r"bad\.onnx is not an ONNX file"):
        measure_policy(tmp_path / "bad.onnx", 0, quiet)


@pytest.mark.parametrize("part", ["policy", "graph", "faults"])
def test_missing_policy_says_how_to_get_one(part: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"gone\.onnx: train one with './xdog train gait'"):
        run_part(part, BenchOptions(policy=tmp_path / "gone.onnx"), quiet)


def fault_script(folder: Path, body: str) -> Path:
    path = folder / "faults.py"
    path.write_text(f"import sys\n{body}\n")
    return path


def test_the_faults_get_the_time_that_their_tests_may_take() -> None:
    tests = ROOT / "test" / "ros"
    limits = [
        float(limit)
        for name in ("safety_faults", "safety_stops")
        for limit in re.findall(r'time-limit="(\d+)"', (tests / f"{name}.test").read_text(encoding="utf-8"))
    ]
    assert len(limits) == 2
    assert sum(limits) < TIMEOUT


def test_largest_time_over_the_faults(tmp_path: Path) -> None:
    script = fault_script(
        tmp_path, "print('noise'); print('{\"' + sys.argv[2].split('/')[-1] + '\": 150, \"nan\": 20.5}')"
    )
    figures = measure_faults(script, tmp_path / "p.onnx")
    assert figures == {"fault_to_damping_ms": 150.0, "fault_to_damping_by_fault": {"p.onnx": 150.0, "nan": 20.5}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('no graph')", "failed: no graph"),
        ("print('fine')", "printed 'fine' instead of"),
        ("print('[1]')", "instead of"),
        ("print('{}')", "measured no time"),
        ("print('{\"tilt\": NaN}')", "measured no time"),
        ("print('{\"tilt\": null}')", "instead of"),
    ],
)
def test_faults_that_cannot_be_measured(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=message):
        measure_faults(fault_script(tmp_path, body), tmp_path / "p.onnx")


def test_missing_fault_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"faults\.py is missing"):
        measure_faults(tmp_path / "faults.py", tmp_path / "p.onnx")


def test_what_was_not_measured_is_null_and_the_rest_is_json() -> None:
    figures = {"policy_ms": 0.123456, "loop_jitter_p99_ms": math.inf, "fault_to_damping_by_fault": {"tilt": 60.0}}
    assert json.loads(json.dumps(plain({**figures, "subproc_speedup": None}))) == {
        "policy_ms": 0.1235,
        "loop_jitter_p99_ms": None,
        "fault_to_damping_by_fault": {"tilt": 60.0},
        "subproc_speedup": None,
    }


def test_table_has_a_row_for_every_figure_and_fault() -> None:
    figures = dict.fromkeys(FIGURES)
    assert table({**figures, "fault_to_damping_by_fault": {"tilt": 60.0, "nan": 20.0}}).row_count == len(FIGURES) + 1


@pytest.mark.parametrize(("value", "text"), [(17234.4, "17234"), (0.6149, "0.615"), (None, "not measured")])
def test_numbers_are_shown_with_the_digits_that_count(value: float, text: str) -> None:
    assert shown(value) == text
