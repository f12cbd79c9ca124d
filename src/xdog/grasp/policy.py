"""Runs a grasp policy: an ONNX file that predicts chunks of joint targets."""

import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.onnx_session import PolicyError, open_session
from xdog.grasp.contract import GraspContract, check_grasp_contract, grasp_contract_from_metadata
from xdog.grasp.observation import OBJECT_FEATURE_COUNT, OBJECT_FEATURES

Array = np.ndarray

RETRAIN = "train it again with './xdog train grasp', or name another file"


class ChunkEnsemble:
    """Temporal ensembling: the action for now, averaged over all chunks that have an opinion about now.

    The i-th of them, counted from the oldest, weighs exp(-decay * i): a small decay takes up new observations slowly.
    Only predictions that were made are counted; there is no padding to tell from them.

    Args:
        decay: 0 or above; 0.01 is the ACT paper's.
    """

    def __init__(self, decay: float) -> None:
        if not math.isfinite(decay) or decay < 0.0:
            raise ValueError(f"ChunkEnsemble: decay is {decay}; it must be zero or above")
        self._decay = decay
        self._chunks: List[Array] = []

    def reset(self) -> None:
        """Forget all chunks."""
        self._chunks = []

    def push(self, chunk: Array) -> Array:
        """Take the chunk (n, joints) predicted now and give the action (joints,) for now; one call a period."""
        self._chunks.append(chunk)
        opinions = np.array([entry[0] for entry in self._chunks])
        weights = np.exp(-self._decay * np.arange(len(opinions)))
        self._chunks = [entry[1:] for entry in self._chunks if len(entry) > 1]
        action: Array = weights @ opinions / weights.sum()
        return action


class GraspPolicy:
    """One grasp policy on one robot.

    Args:
        path: of the ONNX file. Inputs ``joints`` (1, 6) float32, ``token`` (1, k) float32 and, if it sees, ``image``
            (1, height, width, 3) uint8; output ``action`` (1, chunk, 6) float32.
        robot: that it must fit.
        ensemble: decay of a `ChunkEnsemble`, which asks the network every period; None carries chunks out open loop.

    Raises:
        PolicyError: the file cannot be read, or its inputs or output have other names or shapes.
        ContractError: it carries no contract, or one that this robot does not fulfil.
    """

    def __init__(self, path: Path, robot: RobotDescription, ensemble: Optional[float] = None) -> None:
        self.path = path
        self._session = open_session(path, "name another, or train one with './xdog train grasp --observe state'")
        metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.contract: GraspContract = grasp_contract_from_metadata(metadata, str(path))
        check_grasp_contract(self.contract, robot, str(path))
        self._entries = [OBJECT_FEATURES.index(name) for name in self.contract.token]
        self._lower, self._upper = np.array(self.contract.lower), np.array(self.contract.upper)
        self._ensemble = None if ensemble is None else ChunkEnsemble(ensemble)
        self._check_shapes()
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next call of `act` begins a grasp."""
        self._pending: List[Array] = []
        if self._ensemble is not None:
            self._ensemble.reset()

    @property
    def needs_image(self) -> bool:
        """Whether the next call of `act` asks the network: only then must it be given an image."""
        return self._ensemble is not None or not self._pending

    def act(self, joints: Array, features: Array, image: Optional[Array] = None) -> Array:
        """Joint targets for one period; to be called once every ``contract.period``.

        Args:
            joints: (6,) measured angles, rad.
            features: (8,) of `xdog.grasp.observation.object_features`; others than its contract names are ignored.
            image: (H, W, 3) uint8 RGB of the wrist camera for a policy that sees, at least as large as
                ``contract.image``, to which it is squeezed.

        Returns:
            (6,) joint targets, rad, within the contract's limits.

        Raises:
            PolicyError: an observation that cannot be used, a network that fails, or an output that is not finite.
        """
        if self._ensemble is not None:
            action = self._ensemble.push(self.predict(joints, features, image))
        else:
            if self.needs_image:
                self._pending = list(self.predict(joints, features, image)[: self.contract.execute])
            action = self._pending.pop(0)
        limited: Array = np.clip(action, self._lower, self._upper)
        return limited

    def predict(self, joints: Array, features: Array, image: Optional[Array] = None) -> Array:
        """The network's chunk (chunk, 6), rad, for an observation as `act` takes it."""
        if np.shape(joints) != (len(self.contract.joints),) or np.shape(features) != (OBJECT_FEATURE_COUNT,):
            raise PolicyError(
                f"{self.path} needs {len(self.contract.joints)} joints and {OBJECT_FEATURE_COUNT} features, got shapes "
                f"{np.shape(joints)} and {np.shape(features)}"
            )
        seen = np.asarray(features, dtype=np.float32)[self._entries]
        if not (np.isfinite(joints).all() and np.isfinite(seen).all()):
            raise PolicyError(f"{self.path}: joints {joints} or features {features} are not finite")
        inputs = {"joints": np.asarray(joints, dtype=np.float32)[None], "token": seen[None]}
        if self.contract.image is not None:
            if image is None:
                raise PolicyError(f"{self.path} sees, but was given no image")
            inputs["image"] = shrink_image(image, *self.contract.image)[None]
        chunk = self._run(inputs)
        if not np.all(np.isfinite(chunk)):
            raise PolicyError(f"{self.path} gave an output that is not finite: {RETRAIN}")
        return chunk

    def _run(self, inputs: Dict[str, Array]) -> Array:
        try:
            (action,) = self._session.run(["action"], inputs)
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise PolicyError(f"{self.path} could not be run: {error}") from error
        first: Array = np.asarray(action, dtype=float)[0]
        return first

    def _check_shapes(self) -> None:
        """Compare names and shapes with the contract and run the network once, which also warms it up."""
        contract = self.contract
        n = len(contract.joints)
        inputs: Dict[str, Array] = {
            "joints": np.zeros((1, n), np.float32),
            "token": np.zeros((1, len(contract.token)), np.float32),
        }
        if contract.image is not None:
            inputs["image"] = np.zeros((1, *contract.image, 3), np.uint8)
        found = {e.name: f"'{e.name}' {e.shape} {e.type}" for e in _ends(self._session)}
        wanted = ", ".join(f"'{name}' {value.shape} {value.dtype}" for name, value in inputs.items())
        message = (
            f"{self.path}: it needs inputs {wanted} and output 'action' (1, {contract.chunk}, {n}) float32; it has "
            f"{', '.join(found.values())}. Export it again with './xdog train grasp'."
        )
        if set(found) != {*inputs, "action"}:
            raise PolicyError(message)
        try:
            chunk = self._run(inputs)
        except PolicyError as error:
            raise PolicyError(message) from error
        if chunk.shape != (contract.chunk, n):
            raise PolicyError(message)


class ImagePolicy:
    """A policy that needs images, joined with what gives them: called like one that needs none.

    Args:
        policy: that needs an image.
        image: gives the picture of now, (H, W, 3) uint8 RGB; called only when the policy asks its network.
    """

    def __init__(self, policy: GraspPolicy, image: Callable[[], Array]) -> None:
        self._policy, self._image = policy, image

    def reset(self) -> None:
        """Forget the past: the next call of `act` begins a grasp."""
        self._policy.reset()

    def act(self, joints: Array, features: Array) -> Array:
        """Joint targets (6,) for one policy period; see `GraspPolicy.act`.

        Raises:
            PolicyError: the policy fails, or there is no image.
        """
        return self._policy.act(joints, features, self._image() if self._policy.needs_image else None)


def shrink_image(image: Array, height: int, width: int) -> Array:
    """The image squeezed to (height, width) px: every pixel is the mean of the area that it covers.

    Args:
        image: (H, W, 3) uint8, H and W at least height and width.

    Raises:
        PolicyError: another shape or type.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise PolicyError(f"an image must be (height, width, 3) uint8 RGB, got {image.shape} {image.dtype}")
    if image.shape[0] < height or image.shape[1] < width:
        raise PolicyError(f"an image of {image.shape[1]} x {image.shape[0]} px is smaller than {width} x {height}")
    if image.shape[:2] == (height, width):
        return image
    rows = np.tensordot(_area_weights(image.shape[0], height), image, axes=1)
    small = np.tensordot(rows, _area_weights(image.shape[1], width), axes=([1], [1])).transpose(0, 2, 1)
    squeezed: Array = np.rint(small).astype(np.uint8)
    return squeezed


def _area_weights(before: int, after: int) -> Array:
    """(after, before) shares of the old pixels in each new one."""
    edges = np.arange(after + 1) * (before / after)
    old = np.arange(before)
    overlap = np.minimum(edges[1:, None], old + 1.0) - np.maximum(edges[:-1, None], old)
    weights: Array = np.clip(overlap, 0.0, None).astype(np.float32) * np.float32(after / before)
    return weights


def _ends(session: Any) -> "List[Any]":
    return [*session.get_inputs(), *session.get_outputs()]
