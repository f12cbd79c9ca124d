"""ACT, action chunking with transformers (Zhao et al. 2023, arXiv 2304.13705), small enough to train on a CPU.

    joints -----> token -.                          queries (one a future action)
    object -----> token -+--> encoder --> memory --> decoder --> chunk of joint targets
    image --> backbone --+
    (style z) --> token -'     z: of the demonstrated actions while training, zero when the policy runs

Differences from the original: GroupNorm in the backbone, which is trained from scratch (the original's frozen batch
norm needs pretrained statistics); normalisation statistics are part of the module; a decoder layer attends to the
memory first and then among the actions, so that one layer suffices; the loss averages over real actions only.
"""

from typing import Dict, Mapping, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional

from xdog_learning.grasp.settings import ActSettings

JOINTS = 6
"""Joints of the arm."""

LEAST_STD = 0.01
"""Lower bound of every standard deviation: a value that never changed in the demonstrations must not be amplified."""


class Normalizer(nn.Module):
    """(x - mean) / std and back, with the statistics as buffers, so that they travel with the weights.

    Args:
        width: of the last dimension of x.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    def fit(self, values: Tensor) -> None:
        """Compute the statistics of values (n, width)."""
        self.mean.copy_(values.mean(0))
        self.std.copy_(values.std(0, unbiased=False).clamp(min=LEAST_STD))

    def forward(self, values: Tensor) -> Tensor:
        """Normalised values."""
        return (values - self.mean) / self.std

    def undo(self, normal: Tensor) -> Tensor:
        """Values in their own units."""
        return normal * self.std + self.mean


class Attention(nn.Module):
    """Multi-head scaled dot-product attention, (n, q, width) over (n, k, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, memory: Tensor, ignore: Optional[Tensor] = None) -> Tensor:
        """Attention of every query to memory; entries with ignore (n, k) true are left out."""
        split = (self.heads, queries.shape[-1] // self.heads)
        query = self.query(queries).unflatten(-1, split).transpose(1, 2)
        key, value = (part.unflatten(-1, split).transpose(1, 2) for part in self.key_value(memory).chunk(2, dim=-1))
        mask = None if ignore is None else ~ignore[:, None, None, :]
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(found.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """A transformer layer, norm first: attention to the memory (decoder only), self-attention, feed-forward."""

    def __init__(self, settings: ActSettings, decoder: bool) -> None:
        super().__init__()
        width = settings.width
        self.cross = Attention(width, settings.heads) if decoder else None
        self.cross_norm = nn.LayerNorm(width) if decoder else None
        self.self_attention, self.self_norm = Attention(width, settings.heads), nn.LayerNorm(width)
        self.think = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, settings.feedforward),
            nn.GELU(),
            nn.Linear(settings.feedforward, width),
        )
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, tokens: Tensor, memory: Optional[Tensor] = None, ignore: Optional[Tensor] = None) -> Tensor:
        """Tokens (n, q, width) after this layer; ignore (n, q) marks tokens that the others must not attend to."""
        if self.cross is not None and self.cross_norm is not None and memory is not None:
            tokens = tokens + self.dropout(self.cross(self.cross_norm(tokens), memory))
        normal = self.self_norm(tokens)
        tokens = tokens + self.dropout(self.self_attention(normal, normal, ignore))
        return tokens + self.dropout(self.think(tokens))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with GroupNorm around a shortcut; halves height and width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(outputs // 8, outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.GroupNorm(outputs // 8, outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / 2, w / 2)."""
        return functional.relu(self.body(image) + self.shortcut(image))


class Backbone(nn.Module):
    """Image tokens from a small ResNet, and one token with the positions of its keypoints.

    A keypoint is the centre of a channel's softmax over the image: its resolution is finer than the grid of the
    tokens, which a grasp to the centimetre needs.
    """

    def __init__(self, settings: ActSettings, height: int, width: int) -> None:
        super().__init__()
        base, model = settings.backbone_width, settings.width
        self.stem = nn.Sequential(
            nn.Conv2d(3, base, 5, stride=2, padding=2, bias=False), nn.GroupNorm(base // 8, base), nn.ReLU()
        )
        self.fine = nn.Sequential(ResidualBlock(base, 2 * base), ResidualBlock(2 * base, 4 * base))
        self.coarse = ResidualBlock(4 * base, 8 * base)
        self.heat = nn.Conv2d(4 * base, settings.keypoints, 1)
        self.points = nn.Linear(2 * settings.keypoints, model)
        self.project = nn.Conv2d(8 * base, model, 1)
        with torch.no_grad():
            fine = self.fine(self.stem(torch.zeros(1, 3, height, width)))
            grid = self.coarse(fine).shape[-2:]
        rows, columns = torch.meshgrid(
            torch.linspace(-1, 1, fine.shape[-2]), torch.linspace(-1, 1, fine.shape[-1]), indexing="ij"
        )
        self.register_buffer("places", torch.stack([columns.flatten(), rows.flatten()], 1), persistent=False)
        self.position = nn.Parameter(0.02 * torch.randn(1, grid[0] * grid[1], model))

    def forward(self, image: Tensor) -> Tensor:
        """Image (n, 3, height, width) in -1 .. 1 -> tokens (n, 1 + cells, width), the keypoints' first."""
        fine = self.fine(self.stem(image))
        share = self.heat(fine).flatten(2).softmax(-1)
        points = self.points((share @ self.places).flatten(1))
        cells = self.project(self.coarse(fine)).flatten(2).transpose(1, 2) + self.position
        return torch.cat([points[:, None], cells], 1)


class ActPolicy(nn.Module):
    """Observation -> chunk of joint targets.

    Args:
        settings: sizes.
        features: number of object features that the policy sees.
        chunk: actions predicted at once.
        image: (height, width) px of the camera image, or None without.
    """

    def __init__(
        self, settings: ActSettings, features: int, chunk: int, image: "Optional[tuple[int, int]]" = None
    ) -> None:
        super().__init__()
        width = settings.width
        self.settings, self.chunk = settings, chunk
        self.joints, self.token, self.action = Normalizer(JOINTS), Normalizer(features), Normalizer(JOINTS)
        self.embed_joints, self.embed_token = _embedding(JOINTS, width), _embedding(features, width)
        self.backbone = None if image is None else Backbone(settings, *image)
        self.kind = nn.Parameter(0.02 * torch.randn(4, width))  # marks joints, features, image and style
        self.encoder = nn.ModuleList(Layer(settings, decoder=False) for _ in range(settings.encoder_layers))
        self.memory_norm = nn.LayerNorm(width)
        self.queries = nn.Parameter(0.02 * torch.randn(1, chunk, width))
        self.decoder = nn.ModuleList(Layer(settings, decoder=True) for _ in range(settings.decoder_layers))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, JOINTS))
        self.style = StyleEncoder(settings, chunk) if settings.vae else None
        self.embed_style = nn.Linear(settings.latent, width) if settings.vae else None
        self.place = Normalizer(3)
        self.locate = nn.Linear(width, 3) if image is not None else None

    def forward(self, joints: Tensor, features: Tensor, image: Optional[Tensor] = None) -> Tensor:
        """The policy as it runs.

        Args:
            joints: (n, 6) measured angles, rad.
            features: (n, features) the object features that the policy sees.
            image: (n, height, width, 3) uint8 RGB, for an image policy.

        Returns:
            (n, chunk, 6) joint targets, rad; the first is for now.
        """
        return self.action.undo(self._decode(self._observe(joints, features, image, None)))

    def loss(self, batch: Mapping[str, Tensor]) -> Dict[str, Tensor]:
        """Losses of a batch of demonstrations; "total" is to be minimised.

        Args:
            batch: joints (n, 6), features (n, features), action (n, chunk, 6), real (n, chunk) false for
                padding after the end of the demonstration; for an image policy also image (n, height, width, 3) and
                centre (n, 3), the object position in arm_base_link.
        """
        target, real = self.action(batch["action"]), batch["real"]
        losses: Dict[str, Tensor] = {}
        style = None
        if self.style is not None:
            mean, log_variance = self.style(self.joints(batch["joints"]), target, ~real)
            style = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            losses["kl"] = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(-1).mean()
        memory = self._observe(batch["joints"], batch["features"], batch.get("image"), style)
        losses["l1"] = masked_l1(self._decode(memory), target, real)
        losses["total"] = losses["l1"] + self.settings.kl_weight * losses.get("kl", torch.zeros(()))
        if self.locate is not None:
            losses["locate"] = functional.l1_loss(self.locate(memory[:, 2]), self.place(batch["centre"]))
            losses["total"] = losses["total"] + self.settings.locate_weight * losses["locate"]
        return losses

    def _observe(self, joints: Tensor, features: Tensor, image: Optional[Tensor], style: Optional[Tensor]) -> Tensor:
        """Memory (n, tokens, width): joints first, then the object features, the image and the style."""
        tokens = [
            (self.embed_joints(self.joints(joints)) + self.kind[0])[:, None],
            (self.embed_token(self.token(features)) + self.kind[1])[:, None],
        ]
        if self.backbone is not None:
            if image is None:
                raise ValueError("ActPolicy: an image policy needs an image")
            tokens.append(self.backbone(image.permute(0, 3, 1, 2).float() / 127.5 - 1.0) + self.kind[2])
        if self.embed_style is not None:
            if style is None:
                style = torch.zeros(joints.shape[0], self.settings.latent, device=joints.device)
            tokens.append((self.embed_style(style) + self.kind[3])[:, None])
        memory = torch.cat(tokens, 1)
        for layer in self.encoder:
            memory = layer(memory)
        return self.memory_norm(memory)

    def _decode(self, memory: Tensor) -> Tensor:
        """Normalised actions (n, chunk, 6)."""
        actions = self.queries.expand(memory.shape[0], -1, -1)
        for layer in self.decoder:
            actions = layer(actions, memory)
        return self.head(actions)


class StyleEncoder(nn.Module):
    """The encoder of the conditional VAE: what the demonstrator did, as mean and log variance of z. Training only."""

    def __init__(self, settings: ActSettings, chunk: int) -> None:
        super().__init__()
        width = settings.width
        self.summary = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, chunk, width))
        self.embed_joints, self.embed_action = nn.Linear(JOINTS, width), nn.Linear(JOINTS, width)
        self.layers = nn.ModuleList(Layer(settings, decoder=False) for _ in range(settings.encoder_layers))
        self.out = nn.Linear(width, 2 * settings.latent)

    def forward(self, joints: Tensor, action: Tensor, ignore: Tensor) -> "tuple[Tensor, Tensor]":
        """Joints (n, 6) and action (n, chunk, 6), normalised; ignore (n, chunk) marks padding."""
        tokens = torch.cat(
            [
                self.summary.expand(joints.shape[0], -1, -1),
                self.embed_joints(joints)[:, None],
                self.embed_action(action) + self.position,
            ],
            1,
        )
        ignore = functional.pad(ignore, (2, 0))
        for layer in self.layers:
            tokens = layer(tokens, ignore=ignore)
        mean, log_variance = self.out(tokens[:, 0]).chunk(2, dim=-1)
        return mean, log_variance


def masked_l1(prediction: Tensor, target: Tensor, real: Tensor) -> Tensor:
    """Mean absolute error over real actions only.

    Args:
        prediction, target: (n, chunk, joints).
        real: (n, chunk) true where the target is an action and not padding; at least one must be.
    """
    error = (prediction - target).abs().mean(-1)
    return (error * real).sum() / real.sum()


def _embedding(inputs: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width))
