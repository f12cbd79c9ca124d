"""The settings that a gait is trained with: policies/gait.yaml."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

from xdog.core.config_file import NOT_NEGATIVE, POSITIVE, SHARE, Range, load, numbers
from xdog.core.paths import share_path
from xdog.locomotion.gait import TrotSettings, command_range_problems
from xdog.locomotion.observation import ObservationBuilder, Term
from xdog_sim.tasks.velocity_rewards import TERMS


@numbers(POSITIVE)
@dataclass(frozen=True)
class ControlSettings:
    """The loop: period s, gains Nm/rad and Nm s/rad, action_scale rad per unit."""

    period: float
    kp: float
    kd: float = field(metadata=NOT_NEGATIVE)
    action_scale: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class PhysicsSettings:
    """Physics steps in training and in evaluation, s."""

    train_timestep: float
    evaluate_timestep: float


@dataclass(frozen=True)
class CommandSettings:
    """How velocity commands are drawn.

    Attributes:
        vx, vy, wz: ranges in m/s and rad/s, zero included.
        interval: s between changes.
        stand, single, run, spin: shares of zero commands, of commands along one axis, of fast running and spinning.
        run_vx: m/s, fastest running. spin_wz: rad/s, fastest turning in place.
        max_lateral_acceleration: m/s^2, of speed times yaw rate.
    """

    vx: Range
    vy: Range
    wz: Range
    interval: Range = field(metadata=POSITIVE)
    stand: float = field(metadata=SHARE)
    single: float = field(metadata=SHARE)
    run: float = field(metadata=SHARE)
    spin: float = field(metadata=SHARE)
    run_vx: float = field(metadata=NOT_NEGATIVE)
    spin_wz: float = field(metadata=NOT_NEGATIVE)
    max_lateral_acceleration: float = field(metadata=POSITIVE)

    def __post_init__(self) -> None:
        problems = command_range_problems({"vx": self.vx, "vy": self.vy, "wz": self.wz})
        if problems:
            raise ValueError("; ".join(problems))
        if self.stand + self.single + self.run + self.spin > 1.0:
            raise ValueError("stand, single, run and spin are shares of all commands: their sum must be 1 at most")

    @property
    def ranges(self) -> Dict[str, Tuple[float, float]]:
        """The whole trained range of each command, by name."""
        turn = max(self.spin_wz, self.wz.high)
        return {"vx": (self.vx.low, max(self.run_vx, self.vx.high)), "vy": self.vy, "wz": (-turn, turn)}


@numbers(POSITIVE)
@dataclass(frozen=True)
class TargetSettings:
    """height: of base_link above the floor, m."""

    height: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class PpoSettings:
    """Settings of stable-baselines3's PPO; `robots` simulations, `steps` control steps in each rollout."""

    robots: int
    steps: int
    epochs: int
    minibatches: int
    learning_rate: float
    target_kl: float
    gamma: float = field(metadata=SHARE)
    gae_lambda: float = field(metadata=SHARE)
    clip_range: float
    entropy: float = field(metadata=NOT_NEGATIVE)
    value: float = field(metadata=NOT_NEGATIVE)
    max_grad_norm: float
    initial_std: float
    actor: Tuple[int, ...]
    critic: Tuple[int, ...]
    total_steps: int

    def __post_init__(self) -> None:
        if self.minibatches > self.robots * self.steps:
            raise ValueError(f"minibatches is {self.minibatches}; a rollout has only {self.robots * self.steps} steps")


@dataclass(frozen=True)
class GaitConfig:
    """Content of gait.yaml; episode in s."""

    control: ControlSettings
    observation: Tuple[Term, ...]
    trot: TrotSettings
    physics: PhysicsSettings
    episode: float = field(metadata=POSITIVE)
    command: CommandSettings
    reward: Mapping[str, float]
    target: TargetSettings
    ppo: PpoSettings

    def __post_init__(self) -> None:
        ObservationBuilder(self.observation)  # refuses terms that do not exist
        unknown = sorted(set(self.reward) - set(TERMS))
        if unknown:
            raise ValueError(f"unknown reward terms: {', '.join(unknown)}; known: {', '.join(sorted(TERMS))}")
        for name, timestep in vars(self.physics).items():
            steps = self.control.period / timestep
            if not math.isclose(steps, round(steps), abs_tol=1e-6):
                raise ValueError(f"physics.{name} is {timestep:g} s; control.period must be a whole multiple of it")


def load_gait_config(path: Optional[Path] = None) -> GaitConfig:
    """The settings of policies/gait.yaml, or of another file of the same form; raises what `load` raises."""
    return load(GaitConfig, path or share_path("policies", "gait.yaml"))
