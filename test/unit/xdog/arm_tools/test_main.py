"""The program ./xdog arm: what it refuses before it touches a servo, and its exit status."""

from pathlib import Path
from typing import List

import pytest
from servo_bus import CALIBRATION, ServoBus

from xdog.arm_tools.__main__ import main
from xdog.hardware.so101.calibration import save_calibration


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("a file/arm.json", "(File exists)"),
        ("a file/deeper/arm.json", "(Not a directory)"),
        ("a folder", "it is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_servos_learn_anything(
    wire: ServoBus,
    tmp_path: Path,
    place: str,
    told: str,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a file").write_text("in the way")
    (tmp_path / "a folder").mkdir()
    asked: List[str] = []
    monkeypatch.setattr("builtins.input", asked.append)
    monkeypatch.setattr("xdog.arm_tools.__main__.calibrate", lambda *_: pytest.fail("it began to calibrate"))
    path = tmp_path / place
    assert main(["calibrate", "--port", wire.path, "--calibration", str(path)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"xdog arm: {path} cannot be written")
    assert told in complaint
    assert "no servo was changed; name another file with --calibration" in complaint
    assert complaint.count("\n") == 1
    assert asked == []
    assert all(not servo.writes for servo in wire.servos)


def test_doctor_says_whether_the_arm_is_well(wire: ServoBus, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "arm.json"
    save_calibration(path, CALIBRATION)
    arguments = ["doctor", "--port", wire.path, "--calibration", str(path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith("The arm is well.\n")
    path.write_text("{}")
    assert main(arguments) == 1
    assert "1 to fix." in capsys.readouterr().out
