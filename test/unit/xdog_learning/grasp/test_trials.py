"""Scoring grasps: rates, splits and conditions by hand; a policy that does nothing never counts; refusals."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, Iterator, List, Optional

import numpy as np
import pytest
from grasp_policy_files import grasp_contract_for, write_grasp_policy
from repository import ROOT

from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog.grasp.policy import GraspPolicy
from xdog_learning.commands import evaluate_grasp as evaluate
from xdog_learning.grasp import pictures, trials
from xdog_learning.grasp.trials import CONDITIONS, Condition, Trial, TrialOutcome
from xdog_learning.report import wilson_interval
from xdog_sim.grasp.approach import LEVEL_JAWS
from xdog_sim.grasp.field_of_view import FieldOfView
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.grasp.scene import GraspScene, ObservationNoise, nominal_noise
from xdog_sim.offscreen import choose_renderer

ROBOT = load_description()
PLACER = ScenarioSampler()


def trial(index: int, support: str, kind: str, radius: float, seen: bool, success: bool, reason: str = "") -> Trial:
    return Trial(index, support, kind, radius, seen, {"state_success": TrialOutcome(success, reason, 3.0)})


def test_rates_and_splits_by_hand() -> None:
    tried = [
        trial(0, "ground", "ball", 0.21, True, True),
        trial(1, "table", "ball", 0.25, True, False, "not touched, lifted 0.000 m"),
        trial(2, "table", "cube", 0.31, True, True),
        trial(3, "shelf", "cube", 0.39, False, False, "not touched, lifted 0.001 m"),
    ]
    scores = evaluate.summarise(tried, [Condition("state_success", "state")])
    assert scores["state_success"] == 0.5
    assert scores["state_success_interval"] == wilson_interval(2, 4)
    assert scores["state_by_support"]["table"] == {"success": 0.5, "interval": wilson_interval(1, 2), "episodes": 2}
    assert {name: entry["episodes"] for name, entry in scores["state_by_radius"].items()} == {"0.2": 2, "0.3": 2}
    assert scores["state_by_object"]["cube"]["success"] == 0.5
    assert scores["state_by_sight"]["seen"]["success"] == pytest.approx(2 / 3)
    assert scores["state_failures"] == {"not touched": 2}
    assert json.loads(json.dumps(evaluate._plain(scores)))["state_success_interval"] == [0.15, 0.85]


def test_every_condition_has_its_own_name_and_real_flaws() -> None:
    names = [condition.name for condition in CONDITIONS]
    assert len(set(names)) == len(names)
    known = {entry.name for entry in fields(ObservationNoise)}
    nominal = nominal_noise(PLACER)
    for condition in CONDITIONS:
        assert set(condition.flaws) <= known
        for name, value in condition.flaws.items():
            assert value > getattr(nominal, name)  # worse than nominal


def test_an_error_of_a_centimetre_is_one() -> None:
    condition = next(condition for condition in CONDITIONS if condition.name == "state_error_1cm")
    errors = np.random.default_rng(0).normal(0.0, condition.flaws["position_error"], (20000, 3))
    assert math.sqrt((errors**2).sum(1).mean()) == pytest.approx(0.01, rel=0.02)


def test_doing_nothing_never_counts(tmp_path: Path) -> None:
    policy = GraspPolicy(write_grasp_policy(tmp_path / "still.onnx", grasp_contract_for(ROBOT)), ROBOT)
    seen: List[float] = []

    def watch(scene: GraspScene) -> None:
        seen.append(scene.time)

    outcome = trials.roll_out(policy, PLACER.draw(0, 1), PLACER, 0, nominal_noise(PLACER), watch)
    assert not outcome.success
    assert outcome.seconds == pytest.approx(PLACER.config.success.time)
    assert len(seen) == round(PLACER.config.success.time / PLACER.config.policy_period)
    assert np.diff(seen) == pytest.approx(PLACER.config.policy_period)


def test_a_misplaced_camera_is_misplaced_by_what_the_condition_says(monkeypatch: pytest.MonkeyPatch) -> None:
    placement = PLACER.draw(0, 1)
    moved = []

    def note(_: Any, tried: Any, *__: Any) -> TrialOutcome:
        moved.append(tried.camera_shift - placement.camera_shift)
        return TrialOutcome(True, "", 0.0)

    monkeypatch.setattr(trials, "roll_out", note)
    for seed in range(3):
        trials.attempt_under(Condition("c", "image", camera_error=0.02), {"image": Any}, placement, PLACER, seed)  # type: ignore[dict-item]
    assert [float(np.linalg.norm(shift)) for shift in moved] == pytest.approx([0.02] * 3)
    assert not np.allclose(moved[0], moved[1])


def test_the_wrist_camera_sees_along_its_axis_and_not_behind() -> None:
    camera = PLACER.config.camera
    sight, home = FieldOfView(ROBOT, camera), np.zeros(6)
    home[4] = LEVEL_JAWS  # then the gripper's axis is arm_base_link's x, and the camera sits above it
    tip, _ = PLACER.planner.arm.forward(home[:5])
    _, up, along = camera.position
    eye = tip + np.array([along, 0.0, up])
    for distance in (0.1, 0.3):
        ahead = eye + distance * np.array([math.cos(camera.tilt), 0.0, -math.sin(camera.tilt)])
        assert sight.sees(ahead, home)
        assert not sight.sees(ahead + np.array([0.0, 1.1 * distance, 0.0]), home)  # 45 degrees to either side
        assert sight.sees(ahead + np.array([0.0, 0.8 * distance, 0.0]), home)
        assert not sight.sees(ahead + np.array([0.0, 0.0, distance]), home)
    assert not sight.sees(eye - np.array([0.2, 0.0, 0.0]), home)


def test_the_wrist_camera_sees_every_placement_from_where_a_grasp_by_camera_starts() -> None:
    sight = FieldOfView(ROBOT, PLACER.config.camera)
    for index in range(24):
        placement = PLACER.draw(index, 1, held_out=True)
        looking = PLACER.at_view_pose(placement, index)
        assert sight.sees(PLACER.object_features(placement)[:3], looking.start)
        assert PLACER.path(looking, PLACER.object_features(looking)) is not None


def test_what_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    actors = ["expert", "state", "mlp", "image"]
    everything = evaluate.chosen_conditions(evaluate.EvaluateGraspOptions(only=actors))
    assert everything == list(CONDITIONS)
    quick = evaluate.chosen_conditions(evaluate.EvaluateGraspOptions(only=actors, quick=True))
    assert [c.name for c in quick] == ["expert_success", "state_success", "mlp_success", "image_success"]
    state = evaluate.chosen_conditions(evaluate.EvaluateGraspOptions(only=["state"]))
    assert {c.actor for c in state} == {"state"}
    there = evaluate.chosen_conditions(evaluate.EvaluateGraspOptions(policies=tmp_path))
    assert {c.actor for c in there} == {"expert"}
    assert f"not scored: image, there is no {tmp_path / 'grasp_image.onnx'}" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="--only cat: the actors are expert, state, mlp, image"):
        evaluate.chosen_conditions(evaluate.EvaluateGraspOptions(only=["cat"]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "1"], "--seed 1: seeds below 1000 are for trials"),
        (["--episodes", "0"], "--episodes 0: must be above zero"),
        (["--workers", "0"], "--workers 0: must be above zero"),
        (["--only", "expert", "--output", __file__], "cannot evaluate: .*File exists"),
        (
            ["--policies", "nowhere", "--only", "state"],
            "cannot evaluate: there is no policy file nowhere/grasp_state.onnx",
        ),
    ],
)
def test_the_command_refuses(words: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["evaluate", *words])
    with pytest.raises(SystemExit, match=message):
        evaluate.main()


def quick(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The expert alone, whose trials all end well at once."""

    def run_trials(*_: Any) -> Iterator[Trial]:
        for index in range(20):
            outcomes = {"expert_success": TrialOutcome(True, "", 3.0)}
            yield Trial(index, "table", "ball", 0.2, True, outcomes)

    monkeypatch.setattr(evaluate, "run_trials", run_trials)
    monkeypatch.setattr(evaluate, "choose_renderer", lambda: "egl")
    words = ["evaluate", "--only", "expert", "--quick", "--json", "--output", str(folder / "deep" / "er")]
    monkeypatch.setattr("sys.argv", words)


@pytest.mark.parametrize("failure", [None, OSError("disk full"), KeyboardInterrupt()])
def test_the_scores_are_the_last_line_whatever_becomes_of_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, failure: Optional[BaseException]
) -> None:
    quick(monkeypatch, tmp_path)
    if failure:

        def plot_scores(*_: Any) -> Path:
            raise failure

        monkeypatch.setattr(evaluate, "plot_scores", plot_scores)
    evaluate.main()
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["expert_success"] == 1.0
    assert (tmp_path / "deep/er/grasp_scores.png").exists() == (failure is None)
    expected = {
        None: "Pictures:",
        OSError: "No pictures: OSError: disk full",
        KeyboardInterrupt: "pictures are missing",
    }
    assert expected[type(failure) if failure else None] in said.err


def test_interrupted_it_says_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch, tmp_path)
    whole = evaluate.run_trials

    def run_trials(*arguments: Any) -> Iterator[Trial]:
        yield from itertools.islice(whole(*arguments), 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "run_trials", run_trials)
    with pytest.raises(SystemExit, match="Interrupted after 3 of 20 placements: expert 3"):
        evaluate.main()


def test_workers_that_are_interrupted_say_nothing(tmp_path: Path) -> None:
    code = (
        "import signal, sys\nfrom pathlib import Path\nfrom worker_functions import wait_for_ever\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "from xdog_learning.grasp.trials import in_processes\n"
        "try:\n    list(in_processes(wait_for_ever, [Path(sys.argv[1])], 1))\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    marker = tmp_path / "began"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "test" / "support"), *filter(None, sys.path)]),
    }
    program = subprocess.Popen(
        [sys.executable, "-c", code, str(marker)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60.0
        while not marker.exists() and program.poll() is None and time.monotonic() < end:
            time.sleep(0.05)  # files tell nobody that they came
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does
        assert program.communicate(timeout=60.0)[0] == "interrupted\n"
    finally:
        program.kill()
        program.wait()


def test_a_sheet_shows_the_attempt_that_was_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    file = share_path("policies", "grasp_state.onnx")
    condition = next(one for one in CONDITIONS if one.name == "state_success")
    scored = trials._trial((23, 1000, (condition,), (("state", file),)))
    monkeypatch.setenv("MUJOCO_GL", "")
    choose_renderer()  # counts for processes that import MuJoCo from now on
    ((frames, shown),) = trials.in_processes(pictures._frames, [(file, 23, 1000)], 1)
    assert shown == scored.outcomes["state_success"]
    assert len(frames) > 1


def test_a_policy_for_another_body_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_grasp_policy(tmp_path / "grasp_state.onnx", grasp_contract_for(ROBOT, urdf_hash="0"))
    monkeypatch.setattr("sys.argv", ["evaluate", "--policies", str(tmp_path), "--only", "state"])
    with pytest.raises(SystemExit, match=r"cannot evaluate: .*trained on URDF 0"):
        evaluate.main()


def test_inference_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "TIMED", 3)
    contract = grasp_contract_for(ROBOT, image=(4, 6), camera="wrist_camera_link")
    policy = GraspPolicy(write_grasp_policy(tmp_path / "p.onnx", contract), ROBOT)
    assert 0.0 < evaluate.chunk_milliseconds(policy) < 1000.0
