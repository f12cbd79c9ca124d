"""The velocity task as a stable-baselines3 VecEnv: one process, one batch, no copies of environments."""

from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from xdog_sim.tasks.velocity import VelocityTask


class GaitVecEnv(VecEnv):
    """Observation: the actor's entries, `actor_size` of them, then the critic's privileged ones."""

    def __init__(self, task: VelocityTask) -> None:
        self.task = task
        self.render_mode = None
        self.actor_size = task.observation_size
        size = task.observation_size + task.privileged_size
        observations = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        actions = gymnasium.spaces.Box(-100.0, 100.0, (len(task.robot.legs.names),), np.float32)
        super().__init__(task.sim.num, observations, actions)
        self.returns, self.lengths = torch.zeros(self.num_envs), torch.zeros(self.num_envs)
        self.tracking = Tracking()
        self._nothing: List[Dict[str, Any]] = [{} for _ in range(self.num_envs)]
        self._actions = torch.zeros(self.num_envs, actions.shape[0])

    def reset(self) -> np.ndarray:
        """The current observation: the task starts its own episodes."""
        return _join(*self.task.observe())

    def step_async(self, actions: np.ndarray) -> None:
        """Store the actions (n, 12)."""
        self._actions = torch.from_numpy(np.asarray(actions, dtype=np.float32))

    def step_wait(self) -> Tuple[np.ndarray, np.ndarray, np.ndarray, List[Dict[str, Any]]]:
        """Run one control step; infos carry true terminal observations and finished episodes' sums."""
        result = self.task.step(self._actions)
        self.tracking.add(result.final.planar_error, result.final.yaw_error)
        self.returns += result.reward
        self.lengths += 1
        done = result.terminated | result.truncated
        infos = list(self._nothing)
        if done.any():
            terminal = _join(result.terminal_observation, result.terminal_privileged)
            for row, i in enumerate(torch.nonzero(done).flatten().tolist()):
                infos[i] = {
                    "terminal_observation": terminal[row],
                    "TimeLimit.truncated": bool(result.truncated[i]),
                    "episode": {"r": float(self.returns[i]), "l": int(self.lengths[i])},
                }
            self.returns[done] = 0.0
            self.lengths[done] = 0.0
        return _join(result.observation, result.privileged), result.reward.numpy(), done.numpy(), infos

    def close(self) -> None:
        """Nothing to release."""

    def get_attr(self, attr_name: str, indices: Any = None) -> List[Any]:
        """The same attribute of this environment for every requested robot."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Robots have no environments of their own to set attributes on."""
        raise AttributeError(f"GaitVecEnv.set_attr({attr_name!r}): the robots share one environment")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> List[Any]:
        """Robots have no environments of their own with methods."""
        raise AttributeError(f"GaitVecEnv.env_method({method_name!r}): the robots share one environment")

    def env_is_wrapped(self, wrapper_class: Type[gymnasium.Wrapper], indices: Any = None) -> List[bool]:
        """No robot is wrapped."""
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[Optional[np.ndarray]]:
        """Nothing is rendered during training."""
        return [None] * self.num_envs


class Tracking:
    """Root mean square of the tracking errors since the last `take`, exploration noise included."""

    def __init__(self) -> None:
        self._planar, self._yaw, self._count = 0.0, 0.0, 0

    def add(self, planar_error: Tensor, yaw_error: Tensor) -> None:
        """Add squared errors (n,) in (m/s)^2 and (rad/s)^2."""
        self._planar += float(planar_error.sum())
        self._yaw += float(yaw_error.sum())
        self._count += len(planar_error)

    def take(self) -> Tuple[float, float]:
        """Planar velocity RMSE in m/s and yaw-rate RMSE in rad/s; starts over."""
        count = max(self._count, 1)
        result = (self._planar / count) ** 0.5, (self._yaw / count) ** 0.5
        self._planar, self._yaw, self._count = 0.0, 0.0, 0
        return result


def _join(observation: Tensor, privileged: Tensor) -> np.ndarray:
    return torch.cat([observation, privileged], 1).numpy()
