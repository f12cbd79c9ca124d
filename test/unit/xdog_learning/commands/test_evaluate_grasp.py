"""`./xdog evaluate grasp` as called: refusals before any work, scores that survive failed pictures."""

import itertools
import json
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
from grasp_policy_files import grasp_contract_for, write_grasp_policy

from xdog.core.description import load_description
from xdog_learning.commands import evaluate_grasp
from xdog_learning.commands.evaluate_grasp import ACTORS, EvaluateGraspOptions, find_actors, main
from xdog_learning.grasp.trials import CONDITIONS, Trial, TrialOutcome
from xdog_sim.console import make_console

ROBOT = load_description()


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["evaluate", *words])
    return main()


def test_every_scored_actor_is_an_option() -> None:
    assert list(ACTORS) == list(dict.fromkeys(condition.actor for condition in CONDITIONS))


def test_only_existing_policies_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "run[old]"
    assert find_actors(EvaluateGraspOptions(policies=folder), make_console()) == ["expert"]
    assert f"not scored: image, there is no {folder / 'grasp_image.onnx'}" in capsys.readouterr().out
    folder.mkdir()
    (folder / "grasp_mlp.onnx").touch()
    assert find_actors(EvaluateGraspOptions(policies=folder), make_console()) == ["expert", "mlp"]
    assert find_actors(EvaluateGraspOptions(policies=folder, only=("mlp",)), make_console()) == ["mlp"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "1"], "--seed is 1; it must be 1000 or more"),
        (["--episodes", "0"], "--episodes is 0; it must be 1 or more"),
        (["--episodes=-3"], "--episodes is -3; it must be 1 or more"),
        (["--workers", "0"], "--workers is 0; it must be 1 or more"),
        (["--only", "cat"], "invalid choice"),
        (["--output", __file__], "that is a file, not a folder"),
        (["--policies", "nowhere[/1]"], "--policies is nowhere[/1]; there is no such folder"),
        (["--policies", "/", "--only", "state"], "--only is state; there is no /grasp_state.onnx"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: Any, message: str
) -> None:
    monkeypatch.setattr(evaluate_grasp, "run_trials", lambda *_: pytest.fail("it runs"))
    try:
        status: Any = call(monkeypatch, *words)
    except SystemExit as refused:  # by the parser
        status = refused.code
    assert status == 2
    assert message in capsys.readouterr().err


def test_a_policy_for_another_body_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    write_grasp_policy(tmp_path / "grasp_state.onnx", grasp_contract_for(ROBOT, urdf_hash="0"))
    words = ["--policies", str(tmp_path), "--only", "state", "--output", str(tmp_path)]
    assert call(monkeypatch, *words) == 1
    assert "trained on URDF 0" in capsys.readouterr().err


def quick(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The expert alone, whose trials all succeed at once."""

    def run_trials(*_: Any) -> Iterator[Trial]:
        for index in range(20):
            outcomes = {"expert_success": TrialOutcome(True, "", 3.0)}
            yield Trial(index, "table", "ball", 0.2, True, outcomes)

    monkeypatch.setattr(evaluate_grasp, "run_trials", run_trials)
    monkeypatch.setattr(evaluate_grasp, "choose_renderer", lambda: "egl")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ["evaluate", "--only", "expert", "--quick", "--json", "--output", str(folder / "run[old]" / "er")]
    monkeypatch.setattr("sys.argv", words)


@pytest.mark.parametrize("failure", [None, OSError("disk [/full]"), KeyboardInterrupt()])
def test_the_scores_are_the_last_line_even_if_pictures_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, failure: Optional[BaseException]
) -> None:
    quick(monkeypatch, tmp_path)
    if failure:

        def plot_scores(*_: Any) -> Path:
            raise failure

        monkeypatch.setattr(evaluate_grasp, "plot_scores", plot_scores)
    assert main() == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[-1])["expert_success"] == 1.0
    picture = tmp_path / "run[old]" / "er" / "grasp_scores.png"
    assert picture.exists() == (failure is None)
    expected = {
        None: f"Pictures: {picture}",
        OSError: "No pictures: OSError: disk [/full]",
        KeyboardInterrupt: "pictures are missing",
    }
    assert expected[type(failure) if failure else None] in printed.err


@pytest.mark.parametrize(
    ("end", "status", "message"),
    [
        (KeyboardInterrupt, 130, "interrupted after 3 of 20 placements: expert 3. There are no scores"),
        (BrokenProcessPool, 1, "a worker process died after 3 of 20 placements: expert 3. There are no scores"),
    ],
)
def test_an_interrupted_evaluation_reports_its_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, end: Any, status: int, message: str
) -> None:
    quick(monkeypatch, tmp_path)
    whole = evaluate_grasp.run_trials

    def run_trials(*arguments: Any) -> Iterator[Trial]:
        yield from itertools.islice(whole(*arguments), 3)
        raise end

    monkeypatch.setattr(evaluate_grasp, "run_trials", run_trials)
    assert main() == status
    assert f"xdog evaluate grasp: {message}" in capsys.readouterr().err
