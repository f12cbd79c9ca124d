"""The examples: those that need no running graph work, and every one is run by a test."""

import ast
import re
import runpy
from pathlib import Path

import pytest
from repository import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    return capsys.readouterr().out


def test_the_policys_knee_swings_around_the_stand_pose(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *steps = printed("run_policy.py", capsys).splitlines()
    assert first.startswith("gait: 12 joints, every 0.02 s")
    assert "gait_phase x1" in second
    angles = [float(line.split()[-2]) for line in steps]
    assert len(angles) == 25
    assert max(angles) - min(angles) > 0.1


def test_a_reward_that_punishes_speed_lowers_the_sum(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from xdog_sim.tasks import velocity_rewards

    monkeypatch.setitem(velocity_rewards.TERMS, "joint_speed", velocity_rewards.TERMS["torque"])  # removed at the end
    without, with_it = (float(line.split()[-3]) for line in printed("add_reward.py", capsys).splitlines())
    assert 0.0 < with_it < without


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_short_listed_and_run_by_a_test(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60
    assert f"]({path.name})" in (ROOT / "examples" / "README.md").read_text()
    tests = [Path(__file__), ROOT / "test" / "ros" / "examples_run.py"]
    assert any(re.search(rf'"{path.name}"', test.read_text()) for test in tests)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_no_example_connects_to_a_topic_again_and_again(path: Path) -> None:
    """wait_for_message asks the master, and hangs with it: in a loop, while the robot moves, that must not happen."""
    tree = ast.parse(path.read_text())
    loops = [node for node in ast.walk(tree) if isinstance(node, (ast.While, ast.For))]
    called = {
        re.split(r"\W", ast.unparse(node.func))[-1]
        for loop in loops
        for node in ast.walk(loop)
        if isinstance(node, ast.Call)
    }
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in called]
    assert not any("wait_for_message" in ast.unparse(part) for part in [*loops, *bodies])
