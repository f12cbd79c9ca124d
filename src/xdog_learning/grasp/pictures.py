"""Pictures of a grasp's evaluation: scores with intervals, and frames of some attempts."""

from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mujoco
import numpy as np

from xdog_learning.grasp.trials import Condition, Trial, TrialOutcome, noise_seed, roll_out, tools
from xdog_learning.worker_pool import in_processes
from xdog_sim.grasp.scene import GraspScene, nominal_noise

Array = np.ndarray

ROWS = 6
"""Attempts on a sheet, failures first."""
COLUMNS = 7
FRAME_EVERY = 0.6
"""s between two frames of a sheet."""


def plot_scores(scores: Dict[str, Any], conditions: Sequence[Condition], path: Path) -> Path:
    """Every success rate with its interval."""
    names = [condition.name for condition in conditions]
    rates = np.array([scores[name] for name in names])
    intervals = np.array([scores[f"{name}_interval"] for name in names])
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(names) + 1.2), constrained_layout=True)
    error = np.abs(intervals.T - rates)
    axis.barh(names, rates, xerr=error, color="#1b9e77", ecolor="#222222", capsize=3)
    axis.set_xlim(0.0, 1.0)
    axis.set_xlabel(f"share of {scores['episodes']} held-out placements, with 95 % interval")
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def save_contact_sheet(policy: Path, trials: Sequence[Trial], condition: str, seed: int, path: Path) -> Path:
    """Frames of some attempts, one a row: up to ROWS - 2 failures, then successes."""
    failed = [trial for trial in trials if not trial.outcomes[condition].success][: ROWS - 2]
    won = [trial for trial in trials if trial.outcomes[condition].success][: ROWS - len(failed)]
    chosen = [*failed, *won]
    jobs = [(policy, trial.index, seed) for trial in chosen]
    figure, grid = plt.subplots(
        len(chosen), COLUMNS, figsize=(2.1 * COLUMNS, 1.75 * len(chosen)), squeeze=False, constrained_layout=True
    )
    for row, trial, (frames, outcome) in zip(grid, chosen, in_processes(_frames, jobs, 1)):
        verdict = "counted" if outcome.success else outcome.reason
        row[0].set_title(f"{trial.index}: {trial.kind} on {trial.support}, {verdict}", fontsize=7, loc="left")
        for k, axis in enumerate(row):
            axis.axis("off")
            if k < len(frames):
                axis.imshow(frames[k])
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return path


def _frames(job: "Tuple[Path, int, int]") -> Tuple[List[Array], TrialOutcome]:
    """Frames of the attempt at placement (policy file, index, seed), FRAME_EVERY s apart, and how it ended."""
    file, index, seed = job
    sampler, policies = tools((("policy", file),))
    placement = sampler.draw(index, seed, held_out=True)
    camera = mujoco.MjvCamera()
    camera.lookat[:] = placement.position
    camera.distance, camera.azimuth, camera.elevation = 0.75, 130.0, -20.0
    frames: List[Array] = []

    def watch(scene: GraspScene) -> None:
        if len(frames) < COLUMNS and scene.time >= FRAME_EVERY * len(frames) - 1e-9:
            frames.append(scene.render_camera(camera, 320, 240).copy())

    noise = nominal_noise(sampler)
    outcome = roll_out(policies["policy"], placement, sampler, noise_seed(index, seed), noise, watch, visuals=True)
    return frames, outcome
