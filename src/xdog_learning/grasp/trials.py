"""Attempts at held-out placements, under the condition of every score, on several processes."""

import math
from collections import deque
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Callable, Deque, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp.expert import attempt
from xdog_learning.worker_pool import in_processes
from xdog_sim.grasp.field_of_view import FieldOfView
from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler
from xdog_sim.grasp.scene import GraspScene, ObservationNoise, nominal_noise

Array = np.ndarray

EXPERT = "expert"
"""Actor of the expert's trials; every other name is that of a policy."""


@dataclass(frozen=True)
class Condition:
    """One score: the actor, and what is worse than nominal.

    Attributes:
        name: of the score.
        actor: EXPERT or a policy's name.
        noise: entries of `xdog_sim.grasp.scene.ObservationNoise` in place of the nominal ones.
        camera_error: m, error of the camera position, in a random direction.
    """

    name: str
    actor: str
    noise: Mapping[str, float] = field(default_factory=dict)
    camera_error: float = 0.0

    @property
    def is_nominal(self) -> bool:
        """Whether nothing is worse than nominal."""
        return not self.noise and not self.camera_error


def _per_axis(length: float) -> float:
    """Standard deviation of each axis for which the root mean square of an error's length is ``length``."""
    return length / math.sqrt(3.0)


CONDITIONS = (
    Condition("expert_success", EXPERT),
    Condition("state_success", "state"),
    Condition("mlp_success", "mlp"),
    Condition("image_success", "image"),
    Condition("state_error_1cm", "state", {"position_error": _per_axis(0.01)}),
    Condition("state_error_2cm", "state", {"position_error": _per_axis(0.02)}),
    Condition("state_delay_60ms", "state", {"delay": 0.06}),
    Condition("state_backlash", "state", {"backlash": math.radians(1.0)}),
    Condition("image_error_1cm", "image", camera_error=0.01),
    Condition("image_error_2cm", "image", camera_error=0.02),
    Condition("image_camera_noise", "image", {"camera_noise": 15.0}),
    Condition("image_delay_60ms", "image", {"delay": 0.06}),
    Condition("image_backlash", "image", {"backlash": math.radians(1.0)}),
)
"""All scores. Nominal backlash, of sim/hardware.yaml, is half a degree to either side; the worse one is twice that."""


@dataclass(frozen=True)
class TrialOutcome:
    """How one attempt ended: success, reason of a failure, duration in s."""

    success: bool
    reason: str
    seconds: float


NOISE_STRIDE = 1_000_000
"""More than there will be demonstrations: their noise has the seeds 0, 1, 2 ..."""


@dataclass(frozen=True)
class Trial:
    """Every condition's attempt at one placement.

    Attributes:
        index: of the placement.
        support, kind: of the object.
        radius: m from the arm's base.
        seen: whether the wrist camera sees the object's centre where an image policy starts.
        outcomes: by condition.
    """

    index: int
    support: str
    kind: str
    radius: float
    seen: bool
    outcomes: Dict[str, TrialOutcome]


def roll_out(
    policy: GraspPolicy,
    placement: GraspScenario,
    sampler: ScenarioSampler,
    seed: int,
    noise: ObservationNoise,
    watch: Optional[Callable[[GraspScene], None]] = None,
    visuals: bool = False,
) -> TrialOutcome:
    """Let a policy try a placement once.

    Args:
        policy: reset here.
        placement: the scenario to pick from.
        sampler: of the scenarios.
        seed: of all noise.
        noise: of perception and servos.
        watch: called with the scene every period, before the policy acts.
        visuals: build the scene with visuals, for ``watch``, even if the policy takes no image.
    """
    sees = policy.contract.image is not None
    if sees:
        placement = sampler.at_view_pose(placement, seed)
    scene = GraspScene(placement, sampler, seed, noise, visuals=sees or visuals)
    policy.reset()
    late = math.ceil(noise.delay / policy.contract.period)  # periods; the camera has one image a period
    images: Deque[Array] = deque(maxlen=late + 1)
    try:
        while scene.time < scene.config.success.time - 1e-9:
            if watch is not None:
                watch(scene)
            if sees and (late or policy.looks):
                images.append(scene.render())
            observation = scene.observe()
            scene.step(policy.act(observation.joints, observation.object_features, images[0] if images else None))
            if scene.judge.success or scene.judge.failed:
                break
    finally:
        scene.close()
    judge = scene.judge
    if judge.success:
        return TrialOutcome(True, "", scene.time)
    reason = "too deep in the object" if judge.failed else judge.fault or "held for too short a time"
    return TrialOutcome(False, f"{reason}, lifted {judge.lift:.3f} m", scene.time)


def attempt_under(
    condition: Condition,
    policies: Mapping[str, GraspPolicy],
    placement: GraspScenario,
    sampler: ScenarioSampler,
    seed: int,
) -> TrialOutcome:
    """One attempt under a condition."""
    noise = replace(nominal_noise(sampler), **condition.noise)
    if condition.actor == EXPERT:
        tried = attempt(placement, seed, images=False, noise=noise, disturbed=False)
        return TrialOutcome(
            tried.success, tried.reason, 0.0 if tried.episode is None else len(tried.episode) / tried.episode.fps
        )
    if condition.camera_error:
        direction = np.random.default_rng([seed, 2]).normal(size=3)
        shift = placement.camera_shift + condition.camera_error * direction / np.linalg.norm(direction)
        placement = replace(placement, camera_shift=shift)
    return roll_out(policies[condition.actor], placement, sampler, seed, noise)


def run_trials(
    conditions: Sequence[Condition], files: Mapping[str, Path], episodes: int, seed: int, workers: int
) -> Iterator[Trial]:
    """Trials at the first ``episodes`` held-out placements of a seed, in their order.

    Args:
        conditions: those that every placement is tried under.
        files: policy file of every actor but the expert.
        episodes: placements.
        seed: of placements and noise.
        workers: processes, one thread each.
    """
    jobs = [(index, seed, tuple(conditions), tuple(sorted(files.items()))) for index in range(episodes)]
    yield from in_processes(_trial, jobs, workers)


def noise_seed(index: int, seed: int) -> int:
    """Seed of all noise in the attempts at a placement. Demonstrations have the seeds below the stride."""
    return NOISE_STRIDE * (1 + seed) + index


def _trial(job: "Tuple[int, int, Tuple[Condition, ...], Tuple[Tuple[str, Path], ...]]") -> Trial:
    index, seed, conditions, files = job
    sampler, policies = tools(files)
    placement = sampler.draw(index, seed, held_out=True)
    trial_seed = noise_seed(index, seed)
    base, _ = sampler.arm_base(placement.rise, placement.pitch)
    view = FieldOfView(sampler.robot, sampler.config.camera)
    seen = view.sees(sampler.object_features(placement)[:3], sampler.at_view_pose(placement, trial_seed).start)
    outcomes: Dict[str, TrialOutcome] = {}
    for condition in conditions:
        outcomes[condition.name] = attempt_under(condition, policies, placement, sampler, trial_seed)
    radius = float(np.hypot(*(placement.position - base)[:2]))
    return Trial(index, placement.support, placement.item.kind, radius, seen, outcomes)


@lru_cache(maxsize=None)
def tools(files: "Tuple[Tuple[str, Path], ...]") -> "Tuple[ScenarioSampler, Dict[str, GraspPolicy]]":
    """The sampler and the policies by name, shared by all trials of a process."""
    sampler = ScenarioSampler()
    return sampler, {name: GraspPolicy(path, sampler.robot) for name, path in files}


def successes(trials: Sequence[Trial], condition: str) -> List[bool]:
    """Whether each trial succeeded."""
    return [trial.outcomes[condition].success for trial in trials]
