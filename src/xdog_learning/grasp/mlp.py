"""The baseline that ACT must beat: plain behaviour cloning, the next action from the same observation."""

from typing import Dict, List, Mapping

import torch
from torch import Tensor, nn

from xdog_learning.grasp.act import JOINTS, Normalizer, masked_l1
from xdog_learning.grasp.settings import MlpSettings


class MlpPolicy(nn.Module):
    """Joints and object features -> the next joint targets, as a chunk of one.

    Args:
        settings: hidden layers.
        features: number of object features that it sees.
    """

    chunk = 1

    def __init__(self, settings: MlpSettings, features: int) -> None:
        super().__init__()
        self.joints, self.token, self.action = Normalizer(JOINTS), Normalizer(features), Normalizer(JOINTS)
        layers: List[nn.Module] = []
        inputs = JOINTS + features
        for _ in range(settings.layers):
            layers += [nn.Linear(inputs, settings.width), nn.GELU()]
            inputs = settings.width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, JOINTS))

    def forward(self, joints: Tensor, features: Tensor) -> Tensor:
        """(n, 6) rad and (n, features) -> (n, 1, 6) rad."""
        return self.action.undo(self._normal(joints, features))

    def loss(self, batch: Mapping[str, Tensor]) -> Dict[str, Tensor]:
        """Losses of a batch as in `ActPolicy.loss`; only the first action of each chunk counts."""
        prediction = self._normal(batch["joints"], batch["features"])
        error = masked_l1(prediction, self.action(batch["action"][:, :1]), batch["real"][:, :1])
        return {"l1": error, "total": error}

    def _normal(self, joints: Tensor, features: Tensor) -> Tensor:
        return self.layers(torch.cat([self.joints(joints), self.token(features)], -1))[:, None]
