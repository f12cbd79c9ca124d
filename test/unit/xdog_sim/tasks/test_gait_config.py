"""policies/gait.yaml: what cannot be trained, or not safely walked, is refused when it is read."""

from dataclasses import replace
from pathlib import Path

import pytest
from settings_files import refusal

from xdog.core.config_file import Range
from xdog.core.paths import share_path
from xdog_sim.tasks.gait_config import load_gait_config


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("fall: -20.0", "glide: -20.0", "unknown reward terms: glide; known: abduction"),
        ("name: gravity,", "name: smell,", "unknown observation terms: smell; known: angular_velocity"),
        (
            "scale: 1.0, history: 1",
            "scale: 1.0, history: 0",
            "observation[1].history is 0; it must be a whole number of 1",
        ),
        (
            "vx: [-1.2, 1.2]",
            "vx: [0.3, 1.2]",
            "command: the range of vx is [0.3, 1.2]; it must include 0, or the robot",
        ),
        ("vy: [-0.5, 0.5]", "vy: [-0.5, -0.1]", "command: the range of vy is [-0.5, -0.1]; it must include 0"),
        (
            "stand: 0.12",
            "stand: 0.7",
            "command: stand, single, run and spin are shares of all commands: their sum must",
        ),
        ("kp: 18.0", "kp: -18", "control.kp is -18; it must be a number above 0"),
        ("gamma: 0.99", "gamma: 1.5", "ppo.gamma is 1.5; it must be a number from 0 to 1"),
        ("minibatches: 16", "minibatches: 99999", "ppo: minibatches is 99999; a rollout has only 32768 steps"),
        ("fall: -20.0", "fall: .nan", "reward.fall is nan; it must be a number"),
        ("train_timestep: 0.005", "train_timestep: 0.006", "physics.train_timestep is 0.006 s; control.period must be"),
        ("actor: [128, 64]", "actor: []", "ppo.actor is []; it must be a list of at least one entry"),
    ],
)
def test_invalid_settings_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert refusal(load_gait_config, share_path("policies", "gait.yaml"), old, new, tmp_path).startswith(complaint)


def test_a_learning_rate_may_be_written_as_scientists_do(tmp_path: Path) -> None:
    text = share_path("policies", "gait.yaml").read_text(encoding="utf-8")
    path = tmp_path / "gait.yaml"
    path.write_text(text.replace("learning_rate: 1.0e-3", "learning_rate: 3e-4"), encoding="utf-8")
    assert load_gait_config(path).ppo.learning_rate == 0.0003


def test_command_ranges_include_running_and_spinning() -> None:
    command = replace(
        load_gait_config().command,
        vx=Range(-0.3, 0.5), vy=Range(-0.2, 0.2), wz=Range(-1.0, 1.0), run_vx=0.9, spin_wz=1.7,
    )  # fmt: skip
    assert command.ranges == {"vx": (-0.3, 0.9), "vy": (-0.2, 0.2), "wz": (-1.7, 1.7)}
    slow = replace(command, run_vx=0.1, spin_wz=0.2)
    assert slow.ranges == {"vx": (-0.3, 0.5), "vy": (-0.2, 0.2), "wz": (-1.0, 1.0)}
