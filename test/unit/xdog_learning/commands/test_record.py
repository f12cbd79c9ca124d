"""The command line of ./xdog record."""

from pathlib import Path

from xdog_learning.commands.record import RecordOptions


def test_a_humans_episodes_do_not_go_among_the_experts() -> None:
    folders = {by: RecordOptions(by=by).folder for by in ("expert", "keyboard", "leader")}  # type: ignore[arg-type]
    assert folders["expert"] == Path("out/datasets/grasp_state")
    assert RecordOptions(images=True).folder == Path("out/datasets/grasp_image")
    assert folders["keyboard"] == folders["leader"] == Path("out/datasets/human")
    assert RecordOptions(by="keyboard", images=True).folder == Path("out/datasets/human")
    assert RecordOptions(by="leader", out=Path("mine")).folder == Path("mine")
