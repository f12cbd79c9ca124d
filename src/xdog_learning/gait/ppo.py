"""stable-baselines3's PPO with an asymmetric critic and a learning rate that follows the measured KL divergence."""

import math
from typing import Any, Iterator, List, Optional, Tuple, Union

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from torch import Tensor, nn

from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.run_folder import DivergenceError, check_finite
from xdog_sim.tasks.gait_config import PpoSettings

MAX_RATE, MIN_RATE = 3e-3, 1e-5
HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def mlp(sizes: Tuple[int, ...]) -> nn.Sequential:
    """Linear layers of the given sizes, each followed by an ELU."""
    layers: List[nn.Module] = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ELU(inplace=True)]  # in place, its gradient needs no exponential
    return nn.Sequential(*layers)


class SplitExtractor(nn.Module):
    """Gives the actor the first ``actor_size`` features and the critic the rest."""

    def __init__(self, size: int, actor_size: int, actor: Tuple[int, ...], critic: Tuple[int, ...]) -> None:
        super().__init__()
        self.actor_size = actor_size
        self.latent_dim_pi, self.latent_dim_vf = actor[-1], critic[-1]
        self.actor = mlp((actor_size, *actor))
        self.critic = mlp((size - actor_size, *critic))

    def forward(self, features: Tensor) -> Tuple[Tensor, Tensor]:
        """Latents of actor and critic."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Latent of the actor, (n, last actor size)."""
        return self.actor(features[:, : self.actor_size])

    def forward_critic(self, features: Tensor) -> Tensor:
        """Latent of the critic, (n, last critic size)."""
        return self.critic(features[:, self.actor_size :])


class GaitActorCritic(ActorCriticPolicy):
    """Separate networks for actor and critic; the actor never sees privileged entries.

    The Gaussian's formulas are written out: stable-baselines3's distributions give the same numbers, but slower,
    because they check and expand their arguments at every step.
    """

    def __init__(
        self, *args: Any, actor_size: int, actor: Tuple[int, ...], critic: Tuple[int, ...], **kwargs: Any
    ) -> None:
        self._sizes = actor_size, actor, critic
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = SplitExtractor(self.features_dim, *self._sizes)  # type: ignore[assignment]  # stands in for MlpExtractor

    def forward(self, obs: Tensor, deterministic: bool = False) -> Tuple[Tensor, Tensor, Tensor]:
        """Actions (n, 12), values (n, 1) and log-probabilities (n,) of observations (n, size)."""
        noise = torch.zeros(len(obs), len(self.log_std)) if deterministic else torch.randn(len(obs), len(self.log_std))
        actions = torch.addcmul(self._mean(obs), noise, self.log_std.exp())
        return actions, self.predict_values(obs), self._log_probability(noise)

    def evaluate_actions(  # type: ignore[override]  # no observations in dictionaries
        self, obs: Tensor, actions: Tensor
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """Values (n, 1), log-probabilities (n,) of actions (n, 12), and the entropy, the same for all: (1,)."""
        noise = (actions - self._mean(obs)) * torch.exp(-self.log_std)
        entropy = self.log_std.sum() + len(self.log_std) * (0.5 + HALF_LOG_TWO_PI)
        return self.predict_values(obs), self._log_probability(noise), entropy[None]

    def _mean(self, obs: Tensor) -> Tensor:
        return self.action_net(self.mlp_extractor.forward_actor(obs))

    def _log_probability(self, noise: Tensor) -> Tensor:
        """Log-probability of actions that lie ``noise`` (n, 12) standard deviations from their mean, (n,)."""
        constant = self.log_std.sum() + len(self.log_std) * HALF_LOG_TWO_PI
        return -0.5 * (noise * noise).sum(1) - constant

    def actor_network(self) -> nn.Sequential:
        """The deterministic actor: actor's observation (n, actor_size) to raw action (n, 12)."""
        extractor = self.mlp_extractor
        assert isinstance(extractor, SplitExtractor)
        return nn.Sequential(extractor.actor, self.action_net)


class TensorRollout(RolloutBuffer):
    """The usual buffer, but torch gathers minibatches from its arrays in place, on all threads."""

    def reset(self) -> None:
        """Start over; every entry will be written again."""
        if hasattr(self, "observations"):
            self.pos, self.full = 0, False
        else:
            super().reset()

    def get(self, batch_size: Optional[int] = None) -> Iterator[RolloutBufferSamples]:  # type: ignore[override]  # no copy
        """Every sample once, shuffled, in minibatches."""
        assert self.full
        arrays = (self.observations, self.actions, self.values, self.log_probs, self.advantages, self.returns)
        samples = [torch.from_numpy(array).flatten(0, 1) for array in arrays]
        count = len(samples[0])
        for rows in torch.randperm(count).split(batch_size or count):
            yield RolloutBufferSamples(*(values.index_select(0, rows) for values in samples))


class GaitPPO(PPO):
    """PPO whose learning rate rises and falls with the KL divergence of the last update.

    The rule is the usual one of legged locomotion: beyond twice the target the rate is divided by 1.5, below half of
    it multiplied. Physics uses the cores while rollouts are collected, so torch uses one thread then.
    """

    learn_threads = 2
    rate = 1e-3
    kl_target = 0.01

    def _update_learning_rate(self, optimizers: Union[List[torch.optim.Optimizer], torch.optim.Optimizer]) -> None:
        self.logger.record("train/learning_rate", self.rate)
        for optimizer in optimizers if isinstance(optimizers, list) else [optimizers]:
            for group in optimizer.param_groups:
                group["lr"] = self.rate

    def train(self) -> None:
        """One PPO update.

        Raises:
            DivergenceError: the rollout is not finite (the weights are unchanged), or the updated weights are not.
        """
        buffer = self.rollout_buffer
        for name in ("observations", "actions", "rewards", "values", "log_probs"):
            if not np.isfinite(getattr(buffer, name)).all():
                raise DivergenceError(f"the {name.replace('_', ' ')} of a rollout are not finite")
        torch.set_num_threads(self.learn_threads)
        super().train()
        torch.set_num_threads(1)
        loss = float(self.logger.name_to_value["train/loss"])
        if not math.isfinite(loss):
            raise DivergenceError(f"the loss became {loss}")
        check_finite(self.policy, "the network")
        divergence = float(self.logger.name_to_value["train/approx_kl"])
        if divergence > 2.0 * self.kl_target:
            self.rate = max(self.rate / 1.5, MIN_RATE)
        elif divergence < 0.5 * self.kl_target:
            self.rate = min(self.rate * 1.5, MAX_RATE)


def build_ppo(environment: GaitVecEnv, settings: PpoSettings, seed: int, log_folder: Optional[str]) -> GaitPPO:
    """A new PPO model for the gait; without a log folder it writes no TensorBoard curves."""
    batch = environment.num_envs * settings.steps // settings.minibatches
    model = GaitPPO(
        GaitActorCritic,
        environment,
        learning_rate=settings.learning_rate,
        n_steps=settings.steps,
        batch_size=batch,
        n_epochs=settings.epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.entropy,
        vf_coef=settings.value,
        max_grad_norm=settings.max_grad_norm,
        rollout_buffer_class=TensorRollout,
        policy_kwargs={
            "optimizer_kwargs": {"eps": 1e-5, "fused": True},
            "actor_size": environment.actor_size,
            "actor": settings.actor,
            "critic": settings.critic,
            "log_std_init": math.log(settings.initial_std),
        },
        tensorboard_log=log_folder,
        seed=seed,
        device="cpu",
        verbose=0,
    )
    model.rate, model.kl_target = settings.learning_rate, settings.target_kl
    return model
