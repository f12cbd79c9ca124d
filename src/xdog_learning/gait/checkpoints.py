"""The folder of a training run: the newest and the best learner, how far it is, and from what it was trained."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional

from xdog.core.description import RobotDescription
from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.gait.ppo import GaitPPO
from xdog_sim.config import load_sim_config
from xdog_sim.randomization import Randomization
from xdog_sim.tasks.gait_config import GaitConfig


@dataclass(frozen=True)
class TrainingState:
    """What stands in progress.json beside the checkpoints.

    Attributes:
        inputs: digest of everything that a run is trained from, by name; see `training_inputs`.
        seconds: wall time of the training so far.
        best: scores of the best checkpoint by name, from the checks during training; "total" is what is compared.
        steps: control steps so far, over all robots.
        rate: learning rate.
    """

    inputs: Dict[str, str]
    seconds: float
    best: Dict[str, float]
    steps: int = 0
    rate: float = 0.0


def training_inputs(robot: RobotDescription, config: GaitConfig, ranges: Randomization) -> Dict[str, str]:
    """Digest of settings, body and ranges. How long to train is left out, comments in the files do not count."""
    settings = dataclasses.asdict(dataclasses.replace(config, ppo=dataclasses.replace(config.ppo, total_steps=0)))
    body = [robot.urdf_hash, [float(angle) for angle in robot.legs.poses["stand"]]]
    contents = {
        "the settings": settings,
        "the robot's body or stand pose": body,
        "sim/randomization.yaml": dataclasses.asdict(ranges),
        "legs.ramp of sim/hardware.yaml": load_sim_config().legs.ramp,
    }
    return {
        name: hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
        for name, content in contents.items()
    }


def save_checkpoint(model: GaitPPO, folder: Path, state: TrainingState, is_best: bool) -> None:
    """Write model and progress; the previous checkpoint is replaced only when the new one is complete.

    Steps and learning rate are the model's, whatever ``state`` says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("newest", "best") if is_best else ("newest",):
        model.save(folder / f"{name}.part.zip")
        (folder / f"{name}.part.zip").replace(folder / f"{name}.zip")
    state = dataclasses.replace(state, steps=model.num_timesteps, rate=model.rate)
    (folder / "progress.part.json").write_text(json.dumps(dataclasses.asdict(state)), encoding="utf-8")
    (folder / "progress.part.json").replace(folder / "progress.json")


def load_checkpoint(folder: Path, name: str, environment: Optional[GaitVecEnv] = None) -> GaitPPO:
    """A saved learner.

    Raises:
        SystemExit: there is none or it is damaged; the message says what to do.
    """
    path = folder / f"{name}.zip"
    try:
        return GaitPPO.load(path, env=environment, device="cpu")
    except FileNotFoundError as error:
        raise SystemExit(f"{path} does not exist: train without --resume first.") from error
    except Exception as error:  # a damaged archive shows in many ways
        raise SystemExit(f"{path} cannot be read ({error}): delete it and train without --resume.") from error


def load_state(folder: Path, inputs: Dict[str, str]) -> TrainingState:
    """How far the run is, if it was trained from these ``inputs``.

    Raises:
        SystemExit: there is no run, it was trained from something else, or the file is damaged; with what to do.
    """
    path = folder / "progress.json"
    if not (folder / "newest.zip").exists():
        raise SystemExit(f"{folder / 'newest.zip'} does not exist: train without --resume first.")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        best = {name: float(score) for name, score in raw["best"].items()}
        state = TrainingState(
            dict(raw["inputs"]), float(raw["seconds"]), best, steps=int(raw["steps"]), rate=float(raw["rate"])
        )
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{path} cannot be read ({error!r}): delete {folder} and train without --resume.") from error
    changed = [name for name in inputs if state.inputs.get(name) != inputs[name]]
    if changed:
        raise SystemExit(
            f"{folder} cannot be resumed: {' and '.join(changed)} changed since it began, and a gait must not mix old "
            "and new. Undo the change (or name the run's own --settings), or train anew in another folder: "
            "./xdog train gait --run FOLDER"
        )
    return state
