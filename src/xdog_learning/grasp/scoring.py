"""Scores of grasp trials: success rates with intervals, over all and by group."""

import time
from collections import Counter
from typing import Any, Dict, List, Sequence

import numpy as np

from xdog.grasp.observation import OBJECT_FEATURE_COUNT
from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp.trials import CONDITIONS, Condition, Trial, successes
from xdog_learning.report import success_by, success_rate

TIMED = 200
"""Inferences over which the median is computed."""


def choose_conditions(actors: Sequence[str], worsened: bool) -> List[Condition]:
    """What some actors are scored under; ``worsened``: also with more noise, delay or backlash than nominal."""
    conditions = [condition for condition in CONDITIONS if condition.actor in actors]
    return [condition for condition in conditions if worsened or condition.is_nominal]


def chunk_milliseconds(policy: GraspPolicy) -> float:
    """Median time of one inference on one core."""
    image = None if policy.contract.image is None else np.zeros((*policy.contract.image, 3), np.uint8)
    joints, features = np.zeros(len(policy.contract.joints)), np.zeros(OBJECT_FEATURE_COUNT)
    taken = []
    for _ in range(TIMED):
        begun = time.perf_counter()
        policy.predict(joints, features, image)
        taken.append(1000.0 * (time.perf_counter() - begun))
    return float(np.median(taken))


def summarise_trials(trials: Sequence[Trial], conditions: Sequence[Condition]) -> Dict[str, Any]:
    """Success rates with intervals; under nominal conditions also by support, object, visibility and distance."""
    scores: Dict[str, Any] = {}
    for condition in conditions:
        won = successes(trials, condition.name)
        scores[condition.name], scores[f"{condition.name}_interval"] = success_rate(won)
        if not condition.is_nominal:
            continue
        groups = {
            "support": [trial.support for trial in trials],
            "object": [trial.kind for trial in trials],
            "sight": ["seen" if trial.seen else "unseen" for trial in trials],
            "radius": [f"{0.1 * np.floor(10.0 * trial.radius):.1f}" for trial in trials],
        }
        for name, labels in groups.items():
            scores[f"{condition.actor}_by_{name}"] = success_by(labels, won, "episodes")
        reasons = Counter(trial.outcomes[condition.name].reason.split(",")[0] for trial in trials)
        scores[f"{condition.actor}_failures"] = {reason: count for reason, count in reasons.most_common() if reason}
    return scores
