"""The settings of policies/grasp_training.yaml, checked and typed."""

import math
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple, Type, TypeVar

import yaml

from xdog.core.paths import share_path
from xdog.grasp.observation import TOKEN_NAMES

Section = TypeVar("Section")

OBSERVE = ("state", "image")
"""What a policy may see: the object's token, or the wrist camera."""


class GraspSettingsError(ValueError):
    """An entry of grasp_training.yaml is missing, unknown or senseless. The message names file and entry."""


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
    dropout: float
    vae: bool
    latent: int
    kl_weight: float
    backbone_width: int = 0
    keypoints: int = 0
    locate_weight: float = 0.0


@dataclass(frozen=True)
class MlpSettings:
    """The baseline: hidden layers and their width."""

    width: int
    layers: int


@dataclass(frozen=True)
class LearningSettings:
    """AdamW with a linear warm-up over `warmup` steps and a cosine down to zero at `steps`."""

    batch: int
    steps: int
    learning_rate: float
    weight_decay: float
    warmup: int
    clip_norm: float


@dataclass(frozen=True)
class NoiseSettings:
    """What training adds to its observations.

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


@dataclass(frozen=True)
class PolicySettings:
    """One policy.

    Attributes:
        token: entries of the object token that it sees, in order.
        demonstrations: how many it learns from.
        chunk: actions it predicts at once.
        execute: how many of them are carried out before it is asked again.
    """

    token: Tuple[str, ...]
    demonstrations: int
    chunk: int
    execute: int
    act: ActSettings
    learning: LearningSettings
    noise: NoiseSettings


@dataclass(frozen=True)
class GraspSettings:
    """policies/grasp_training.yaml; `validation` is the share of demonstrations kept out of training."""

    state: PolicySettings
    image: PolicySettings
    mlp: MlpSettings
    seed: int
    validation: float

    def policy(self, observe: str) -> PolicySettings:
        """The settings of one of OBSERVE."""
        return {"state": self.state, "image": self.image}[observe]


def load_grasp_settings(path: Optional[Path] = None) -> GraspSettings:
    """Read policies/grasp_training.yaml or another file of the same form.

    Raises:
        GraspSettingsError: malformed; the message names the file and the entry.
        OSError: it cannot be read.
    """
    path = path or share_path("policies", "grasp_training.yaml")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise GraspSettingsError(f"{path} is not valid YAML: {error}") from error
    return parse_grasp_settings(raw, str(path))


def parse_grasp_settings(raw: Any, where: str = "grasp_training.yaml") -> GraspSettings:
    """Build the settings from the parsed YAML; ``where`` names the file in messages.

    Raises:
        GraspSettingsError: an entry is missing, unknown or senseless.
    """
    raw = _mapping(raw, GraspSettings, where)
    settings = GraspSettings(
        state=_policy(raw["state"], f"{where}: state"),
        image=_policy(raw["image"], f"{where}: image"),
        mlp=_section(MlpSettings, raw["mlp"], f"{where}: mlp"),
        seed=_number(raw["seed"], int, f"{where}: seed"),
        validation=_number(raw["validation"], float, f"{where}: validation"),
    )
    if settings.image.act.backbone_width < 1 or settings.image.act.keypoints < 1:
        raise GraspSettingsError(f"{where}: image.act needs backbone_width and keypoints above zero")
    if not 0.0 < settings.validation < 1.0:
        raise GraspSettingsError(f"{where}: validation is {settings.validation}; it must lie between 0 and 1")
    return settings


def _policy(raw: Any, where: str) -> PolicySettings:
    raw = _mapping(raw, PolicySettings, where)
    token = tuple(raw["token"])
    unknown = [name for name in token if name not in TOKEN_NAMES]
    if unknown or not token or len(set(token)) != len(token):
        raise GraspSettingsError(f"{where}: token is {list(token)}; it must list some of {', '.join(TOKEN_NAMES)}")
    policy = PolicySettings(
        token=token,
        **{name: _number(raw[name], int, f"{where}: {name}") for name in ("demonstrations", "chunk", "execute")},
        act=_section(ActSettings, raw["act"], f"{where}: act"),
        learning=_section(LearningSettings, raw["learning"], f"{where}: learning"),
        noise=_section(NoiseSettings, raw["noise"], f"{where}: noise"),
    )
    if not 1 <= policy.execute <= policy.chunk:
        raise GraspSettingsError(
            f"{where}: execute is {policy.execute}; it must lie between 1 and chunk, {policy.chunk}"
        )
    if min(policy.act.heads, policy.learning.batch, policy.learning.steps) < 1 or policy.demonstrations < 2:
        raise GraspSettingsError(f"{where}: heads, batch and steps must be above zero, demonstrations above one")
    if policy.act.width % policy.act.heads:
        raise GraspSettingsError(f"{where}: act.width {policy.act.width} is no multiple of heads {policy.act.heads}")
    return policy


def _mapping(raw: Any, kind: Type[Any], where: str) -> Mapping[str, Any]:
    """The mapping ``raw``, if it has every entry of the dataclass ``kind`` that has no default, and no other."""
    if not isinstance(raw, dict):
        raise GraspSettingsError(f"{where}: expected a mapping, got {raw!r}")
    known = {field.name: field for field in fields(kind)}
    needed = {name for name, field in known.items() if field.default is MISSING}
    missing, unknown = sorted(needed - set(raw)), sorted(map(str, set(raw) - set(known)))
    if missing or unknown:
        problems = [f"missing {', '.join(missing)}"] * bool(missing) + [f"unknown {', '.join(unknown)}"] * bool(unknown)
        raise GraspSettingsError(f"{where}: {'; '.join(problems)}")
    return raw


def _section(kind: Type[Section], raw: Any, where: str) -> Section:
    content: Dict[str, Any] = {}
    types = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]  # a TypeVar cannot say so
    for name, value in _mapping(raw, kind, where).items():
        content[name] = _number(value, types[name], f"{where}.{name}")
    return kind(**content)


def _number(value: Any, kind: Any, where: str) -> Any:
    """The value, if it is what ``kind`` (bool, int or float) says and not negative."""
    if kind is bool:
        if not isinstance(value, bool):
            raise GraspSettingsError(f"{where} is {value!r}; it must be true or false")
        return value
    right = isinstance(value, int) or (kind is float and isinstance(value, float) and math.isfinite(value))
    if isinstance(value, bool) or not right or value < 0:
        sort = "a whole number" if kind is int else "a number"
        raise GraspSettingsError(f"{where} is {value!r}; it must be {sort}, zero or above")
    return kind(value)
