"""The settings that grasp policies are trained with: policies/grasp_training.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Tuple

from xdog.core.config_file import NOT_NEGATIVE, POSITIVE, SHARE, at_least, between, load, numbers
from xdog.core.paths import share_path
from xdog.grasp.observation import OBJECT_FEATURES


@numbers(POSITIVE)
@dataclass(frozen=True)
class ActSettings:
    """The size of an ACT network (`xdog_learning.grasp.act`).

    Attributes:
        width: of every token; a multiple of heads.
        heads, feedforward, encoder_layers, decoder_layers: of the transformer.
        dropout: share of activations dropped while training.
        vae: whether an encoder of the demonstrated actions gives the policy a style; for human demonstrations.
        latent: width of that style.
        kl_weight: of its Kullback-Leibler loss.
        backbone_width: channels of the image backbone's first layer; 0 without images.
        keypoints: points in the image that the backbone finds.
        locate_weight: weight of the loss on the object's position as estimated from the image, while training.
    """

    width: int
    heads: int
    feedforward: int
    encoder_layers: int
    decoder_layers: int
    dropout: float = field(metadata=SHARE)
    vae: bool
    latent: int
    kl_weight: float = field(metadata=NOT_NEGATIVE)
    backbone_width: int = field(default=0, metadata=NOT_NEGATIVE)
    keypoints: int = field(default=0, metadata=NOT_NEGATIVE)
    locate_weight: float = field(default=0.0, metadata=NOT_NEGATIVE)

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width is {self.width}; it must be a multiple of heads, {self.heads}")


@numbers(POSITIVE)
@dataclass(frozen=True)
class MlpSettings:
    """The baseline: hidden layers and their width."""

    width: int
    layers: int


@numbers(POSITIVE)
@dataclass(frozen=True)
class LearningSettings:
    """AdamW with a linear warm-up over `warmup` steps and a cosine down to zero at `steps`."""

    batch: int
    steps: int
    learning_rate: float
    weight_decay: float = field(metadata=NOT_NEGATIVE)
    warmup: int = field(metadata=NOT_NEGATIVE)
    clip_norm: float


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class NoiseSettings:
    """Noise that training adds to the observations.

    Attributes:
        joints: rad, standard deviation, on every measured angle.
        object: m, standard deviation, on the object's centre.
        brightness: largest change, as a share of white.
        contrast: largest relative change.
        shift: px, largest shift of the image in either direction.
    """

    joints: float
    object: float
    brightness: float
    contrast: float
    shift: int


@numbers(POSITIVE)
@dataclass(frozen=True)
class PolicySettings:
    """One policy: its observation and its training.

    Attributes:
        token: the object features that it sees, in order.
        demonstrations: number to learn from.
        chunk: actions it predicts at once.
        execute: how many of them are executed before the next prediction.
    """

    token: Tuple[str, ...]
    demonstrations: int = field(metadata=at_least(2))
    chunk: int
    execute: int
    act: ActSettings
    learning: LearningSettings
    noise: NoiseSettings

    def __post_init__(self) -> None:
        if not set(self.token) <= set(OBJECT_FEATURES) or len(set(self.token)) != len(self.token):
            raise ValueError(f"token is {list(self.token)}; list some of {', '.join(OBJECT_FEATURES)}, each once")
        if self.execute > self.chunk:
            raise ValueError(f"execute is {self.execute}; it must be from 1 to chunk, {self.chunk}")


@dataclass(frozen=True)
class GraspSettings:
    """Content of grasp_training.yaml; `validation` is the share of demonstrations kept out of training."""

    state: PolicySettings
    image: PolicySettings
    mlp: MlpSettings
    seed: int = field(metadata=NOT_NEGATIVE)
    validation: float = field(metadata=between(0.01, 0.99))

    def __post_init__(self) -> None:
        act = self.image.act
        if act.backbone_width < 1 or act.keypoints < 1:
            raise ValueError("image.act needs backbone_width and keypoints above 0")

    def policy(self, observe: str) -> PolicySettings:
        """The settings of the policy that observes the object position ("state") or the wrist camera ("image")."""
        return {"state": self.state, "image": self.image}[observe]


def load_grasp_settings(path: Optional[Path] = None) -> GraspSettings:
    """The settings of policies/grasp_training.yaml, or of another file of the same form; raises what `load` raises."""
    return load(GraspSettings, path or share_path("policies", "grasp_training.yaml"))
