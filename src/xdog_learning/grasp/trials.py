"""Attempts at held-out scenarios under the conditions of every score, on several processes."""

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
"""Who acts in the expert's trial; every other name is a policy's."""


@dataclass(frozen=True)
class Condition:
    """One score: who acts, and what is worse than nominal.

    Attributes:
        name: of the score.
        actor: EXPERT or a policy's name.
        noise: entries of `xdog_sim.grasp.scene.ObservationNoise` in place of the nominal ones.
        camera_error: m, how far the camera is from where it should be, in a random direction.
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
"""All scores. Nominal backlash is that of sim/hardware.yaml, half a degree to either side; the worse one is a whole."""


@dataclass(frozen=True)
class TrialOutcome:
    """How one attempt ended: counted or not, why not, after how many s."""

    success: bool
    reason: str
    seconds: float


NOISE_STRIDE = 1_000_000
"""More than there will be demonstrations: their noise has the seeds 0, 1, 2 ..."""


@dataclass(frozen=True)
class Trial:
    """Every condition's attempt at one scenario.

    Attributes:
        index: of the scenario.
        support, kind: of the object.
        radius: m from the arm's base.
        seen: whether the wrist camera sees the object's middle where a grasp by camera starts.
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
    scenario: GraspScenario,
    sampler: ScenarioSampler,
    seed: int,
    noise: ObservationNoise,
    watch: Optional[Callable[[GraspScene], None]] = None,
    visuals: bool = False,
) -> TrialOutcome:
    """Let a policy attempt a scenario once.

    Args:
        policy: reset here.
        scenario: what it is to pick up.
        sampler: of the world.
        seed: of all noise.
        noise: of perception and servos.
        watch: called with the scene every period, before the policy acts.
        visuals: build the scene with visuals though the policy does not see, for ``watch``.
    """
    sees = policy.contract.image is not None
    if sees:
        scenario = sampler.at_view_pose(scenario, seed)
    scene = GraspScene(scenario, sampler, seed, noise, visuals=sees or visuals)
    policy.reset()
    delayed = math.ceil(noise.delay / policy.contract.period)  # periods; the camera has one image a period
    images: Deque[Array] = deque(maxlen=delayed + 1)
    try:
        while scene.time < scene.config.success.time - 1e-9:
            if watch is not None:
                watch(scene)
            if sees and (delayed or policy.needs_image):
                images.append(scene.render())
            observation = scene.observe()
            scene.step(policy.act(observation.joints, observation.object_features, images[0] if images else None))
            if scene.judge.success or scene.judge.failed:
                break
    finally:
        scene.close()
    judge = scene.judge
    return TrialOutcome(judge.success, "" if judge.success else judge.reason, scene.time)


def attempt_under(
    condition: Condition,
    policies: Mapping[str, GraspPolicy],
    scenario: GraspScenario,
    sampler: ScenarioSampler,
    seed: int,
) -> TrialOutcome:
    """One attempt under a condition."""
    noise = replace(nominal_noise(sampler), **condition.noise)
    if condition.actor == EXPERT:
        tried = attempt(scenario, seed, images=False, noise=noise, disturbed=False)
        return TrialOutcome(
            tried.success, tried.reason, 0.0 if tried.episode is None else len(tried.episode) / tried.episode.fps
        )
    if condition.camera_error:
        direction = np.random.default_rng([seed, 2]).normal(size=3)
        shift = scenario.camera_shift + condition.camera_error * direction / np.linalg.norm(direction)
        scenario = replace(scenario, camera_shift=shift)
    return roll_out(policies[condition.actor], scenario, sampler, seed, noise)


def run_trials(
    conditions: Sequence[Condition], files: Mapping[str, Path], episodes: int, seed: int, workers: int
) -> Iterator[Trial]:
    """Trials at the first ``episodes`` held-out scenarios of a seed, in their order.

    Args:
        conditions: that every scenario is attempted under.
        files: policy file of every actor but the expert.
        episodes: scenarios.
        seed: of scenarios and noise.
        workers: processes, one thread each.
    """
    jobs = [(index, seed, tuple(conditions), tuple(sorted(files.items()))) for index in range(episodes)]
    yield from in_processes(_trial, jobs, workers)


def noise_seed(index: int, seed: int) -> int:
    """Seed of all noise in the attempts at a scenario. Demonstrations have the seeds below the stride."""
    return NOISE_STRIDE * (1 + seed) + index


def _trial(job: "Tuple[int, int, Tuple[Condition, ...], Tuple[Tuple[str, Path], ...]]") -> Trial:
    index, seed, conditions, files = job
    sampler, policies = load_tools(files)
    scenario = sampler.draw(index, seed, held_out=True)
    own_seed = noise_seed(index, seed)
    base, _ = sampler.arm_base(scenario.rise, scenario.pitch)
    view = FieldOfView(sampler.robot, sampler.config.camera)
    seen = view.sees(sampler.object_features(scenario)[:3], sampler.at_view_pose(scenario, own_seed).start)
    outcomes: Dict[str, TrialOutcome] = {}
    for condition in conditions:
        outcomes[condition.name] = attempt_under(condition, policies, scenario, sampler, own_seed)
    radius = float(np.hypot(*(scenario.position - base)[:2]))
    return Trial(index, scenario.support, scenario.item.kind, radius, seen, outcomes)


@lru_cache(maxsize=None)
def load_tools(files: "Tuple[Tuple[str, Path], ...]") -> "Tuple[ScenarioSampler, Dict[str, GraspPolicy]]":
    """The sampler and the policies by name, loaded once in each process."""
    sampler = ScenarioSampler()
    return sampler, {name: GraspPolicy(path, sampler.robot) for name, path in files}


def successes(trials: Sequence[Trial], condition: str) -> List[bool]:
    """Whether each trial succeeded under a condition."""
    return [trial.outcomes[condition].success for trial in trials]
