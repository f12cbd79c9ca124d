"""The settings of policies/gait.yaml, checked and typed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

import yaml

from xdog.core.paths import share_path
from xdog.locomotion.gait import TrotSettings
from xdog.locomotion.observation import ObservationBuilder, Term
from xdog_sim.tasks.velocity_rewards import TERMS


class GaitConfigError(ValueError):
    """The gait's settings file is malformed."""


@dataclass(frozen=True)
class ControlSettings:
    """The loop: period s, gains Nm/rad and Nm s/rad, action_scale rad per unit, ramp s of the actuators."""

    period: float
    kp: float
    kd: float
    action_scale: float
    ramp: float


@dataclass(frozen=True)
class CommandSettings:
    """Commands.

    Attributes:
        vx, vy, wz: ranges in m/s and rad/s.
        interval: s between changes.
        stand, single, run, spin: shares of zero commands, of commands along one axis, of fast running and spinning.
        run_vx: m/s, fastest running. spin_wz: rad/s, fastest turning in place.
        max_lateral_acceleration: m/s^2, of speed times yaw rate.
    """

    vx: Tuple[float, float]
    vy: Tuple[float, float]
    wz: Tuple[float, float]
    interval: Tuple[float, float]
    stand: float
    single: float
    run: float
    spin: float
    run_vx: float
    spin_wz: float
    max_lateral_acceleration: float

    @property
    def ranges(self) -> Dict[str, Tuple[float, float]]:
        """What is trained in all, by name."""
        turn = max(self.spin_wz, self.wz[1])
        return {"vx": (self.vx[0], max(self.run_vx, self.vx[1])), "vy": self.vy, "wz": (-turn, turn)}


@dataclass(frozen=True)
class PpoSettings:
    """Settings of stable-baselines3's PPO; `robots` simulations, `steps` control steps in each rollout."""

    robots: int
    steps: int
    epochs: int
    minibatches: int
    learning_rate: float
    target_kl: float
    gamma: float
    gae_lambda: float
    clip_range: float
    entropy: float
    value: float
    max_grad_norm: float
    initial_std: float
    actor: Tuple[int, ...]
    critic: Tuple[int, ...]
    total_steps: int


@dataclass(frozen=True)
class GaitConfig:
    """Everything that policies/gait.yaml says."""

    control: ControlSettings
    observation: Tuple[Term, ...]
    trot: TrotSettings
    train_timestep: float
    evaluate_timestep: float
    episode: float
    command: CommandSettings
    reward: Mapping[str, float]
    target: Mapping[str, float]
    ppo: PpoSettings


def load_gait_config(path: Optional[Path] = None) -> GaitConfig:
    """Read policies/gait.yaml or another file of the same form.

    Raises:
        GaitConfigError: malformed; the message names the file and the entry.
    """
    path = path or share_path("policies", "gait.yaml")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _parse(raw)
    except yaml.YAMLError as error:
        raise GaitConfigError(f"{path} is not valid YAML: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise GaitConfigError(f"{path}: missing or malformed entry: {error}") from error


def _parse(raw: Mapping[str, Any]) -> GaitConfig:
    command = dict(raw["command"])
    for name in ("vx", "vy", "wz", "interval"):
        low, high = command[name]
        command[name] = (float(low), float(high))
    unknown = sorted(set(raw["reward"]) - set(TERMS))
    if unknown:
        raise ValueError(f"unknown reward terms: {', '.join(unknown)}; known: {', '.join(sorted(TERMS))}")
    observation = tuple(Term(**term) for term in raw["observation"])
    ObservationBuilder(observation)  # refuses terms that do not exist
    ppo = dict(raw["ppo"], actor=tuple(raw["ppo"]["actor"]), critic=tuple(raw["ppo"]["critic"]))
    return GaitConfig(
        control=ControlSettings(**raw["control"]),
        observation=observation,
        trot=TrotSettings(**raw["trot"]),
        train_timestep=float(raw["physics"]["train_timestep"]),
        evaluate_timestep=float(raw["physics"]["evaluate_timestep"]),
        episode=float(raw["episode"]),
        command=CommandSettings(**command),
        reward={name: float(weight) for name, weight in raw["reward"].items()},
        target={name: float(value) for name, value in raw["target"].items()},
        ppo=PpoSettings(**ppo),
    )
