"""Made-up recordings of a gait's episodes, and a policy that only trots as the reference does."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from xdog_learning.gait.rollout import Episodes

COMMAND_STEPS = 250
"""Control steps that a command lasts: 5 s."""


def make_episodes(steps: int = 2 * COMMAND_STEPS, count: int = 2, **changes: Any) -> Episodes:
    """Robots that walk at 0.5 m/s as commanded, taking 10 W, and never fall."""
    velocity = np.zeros((steps, count, 3))
    velocity[:, :, 0] = 0.5
    values = {
        "command": velocity,
        "linear_velocity": velocity,
        "angular_velocity": np.zeros((steps, count, 3)),
        "planar_error": np.zeros((steps, count)),
        "yaw_error": np.zeros((steps, count)),
        "position": np.zeros((steps, count, 2)),
        "valid": np.ones((steps, count), dtype=bool),
        "fell": np.zeros(count, dtype=bool),
        "power": np.full((steps, count), 10.0),
        "action_rate": np.full((steps, count), 0.02),
        "torque_share": np.full((steps, count), 0.4),
        "limit_share": np.full((steps, count), 0.7),
        "lost": 0,
    }
    return Episodes(**{**values, **changes})


def no_correction(observation: Tensor) -> Tensor:
    """Raw actions of zero."""
    return torch.zeros(len(observation), 12)
