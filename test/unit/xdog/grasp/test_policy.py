"""The grasp policy's runner: chunks, ensembling worked out by hand, pictures squeezed, everything unfit refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grasp_policy_files import CHUNK, grasp_contract_for, write_grasp_policy
from onnx import TensorProto, helper

from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.core.onnx_session import PolicyError
from xdog.grasp.policy import ChunkEnsemble, GraspPolicy, ImagePolicy, shrink_image

ROBOT = load_description()
JOINTS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
TOKEN = np.zeros(8)
STEPS = 0.01 * np.arange(CHUNK)[:, None] * np.ones(6)


def policy(path: Path, ensemble: Any = None, **changes: Any) -> GraspPolicy:
    return GraspPolicy(
        write_grasp_policy(path / "p.onnx", grasp_contract_for(ROBOT, **changes), STEPS), ROBOT, ensemble
    )


def test_a_chunk_is_carried_out_open_loop_and_then_asked_for_again(tmp_path: Path) -> None:
    runner = policy(tmp_path)
    looked, actions = [], []
    for k in range(5):
        looked.append(runner.needs_image)
        actions.append(runner.act(JOINTS + 0.1 * k, TOKEN)[0])
    assert looked == [True, False, True, False, True]
    # Two actions of each chunk: 0.1 and 0.01 more; then from the third period's joints, 0.3; then the fifth's, 0.5.
    np.testing.assert_allclose(actions, [0.10, 0.11, 0.30, 0.31, 0.50], atol=1e-6)


def test_a_reset_forgets_the_chunk(tmp_path: Path) -> None:
    runner = policy(tmp_path)
    runner.act(JOINTS, TOKEN)
    runner.reset()
    assert runner.needs_image
    np.testing.assert_allclose(runner.act(JOINTS + 0.1, TOKEN), JOINTS + 0.1, atol=1e-6)


def test_an_image_is_taken_only_when_the_network_is_asked(tmp_path: Path) -> None:
    pictures = []

    def picture() -> np.ndarray:
        pictures.append(len(pictures))
        return np.full((4, 6, 3), 100, np.uint8)

    acting = ImagePolicy(policy(tmp_path, image=(4, 6), camera="wrist_camera_link"), picture)
    for expected in (0.1, 0.11, 0.1):  # two actions of a chunk, each 100 / 1000 above the joints' 0.0
        np.testing.assert_allclose(acting.act(np.zeros(6), TOKEN)[0], expected, atol=1e-6)
    assert len(pictures) == 2
    acting.reset()
    acting.act(np.zeros(6), TOKEN)
    assert len(pictures) == 3


def test_ensembling_by_hand() -> None:
    ensemble = ChunkEnsemble(decay=math.log(2.0))  # the oldest weighs 1, the next 1/2, then 1/4
    chunks = [np.array([[1.0], [2.0], [3.0]]), np.array([[10.0], [20.0], [30.0]]), np.array([[100.0], [0.0], [0.0]])]
    assert ensemble.push(chunks[0]).tolist() == [1.0]
    assert ensemble.push(chunks[1])[0] == pytest.approx((2.0 + 10.0 / 2) / 1.5)
    assert ensemble.push(chunks[2])[0] == pytest.approx((3.0 + 20.0 / 2 + 100.0 / 4) / 1.75)
    # The first chunk is used up; true zeros of the third count as opinions.
    assert ensemble.push(chunks[0])[0] == pytest.approx((30.0 + 0.0 / 2 + 1.0 / 4) / 1.75)
    ensemble.reset()
    assert ensemble.push(chunks[0]).tolist() == [1.0]


def test_ensembling_asks_every_period(tmp_path: Path) -> None:
    runner = policy(tmp_path, ensemble=0.0)
    assert runner.act(JOINTS, TOKEN)[0] == pytest.approx(0.1)
    assert runner.needs_image
    assert runner.act(JOINTS + 0.1, TOKEN)[0] == pytest.approx((0.11 + 0.20) / 2)  # the plain mean without decay
    runner.reset()
    assert runner.act(JOINTS, TOKEN)[0] == pytest.approx(0.1)
    for decay in (-0.1, math.nan):
        with pytest.raises(ValueError, match="it must be zero or above"):
            ChunkEnsemble(decay)


def test_actions_stay_within_the_limits(tmp_path: Path) -> None:
    runner = policy(tmp_path)
    np.testing.assert_allclose(runner.act(np.full(6, 9.0), TOKEN), ROBOT.arm.upper, atol=1e-6)


def test_the_policy_is_given_only_the_entries_that_it_knows(tmp_path: Path) -> None:
    runner = policy(tmp_path, token=("gravity_z", "width"))
    blind = np.full(8, math.nan)
    with pytest.raises(PolicyError, match="are not finite"):
        runner.act(JOINTS, blind)
    blind[[7, 3]] = -1.0, 0.04
    assert np.isfinite(runner.act(JOINTS, blind)).all()


def test_a_policy_that_sees_squeezes_its_image(tmp_path: Path) -> None:
    runner = policy(tmp_path, image=(4, 6), camera="wrist_camera_link")
    image = np.zeros((8, 18, 3), np.uint8)
    image[:4] = 200
    np.testing.assert_allclose(runner.act(JOINTS, TOKEN, image), JOINTS + 0.1, atol=1e-6)
    runner.reset()
    with pytest.raises(PolicyError, match="was given no image"):
        runner.act(JOINTS, TOKEN)


def test_shrinking_by_hand() -> None:
    row = np.array([0, 30, 60], np.uint8)
    image = np.stack([np.stack([row, row, row], axis=1)] * 2)
    # Three pixels into two, each covering one and a half: (0 + 30 / 2) / 1.5 = 10 and (30 / 2 + 60) / 1.5 = 50.
    assert shrink_image(image, 1, 2)[0, :, 0].tolist() == [10, 50]
    assert shrink_image(image, 2, 3) is image
    even = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    np.testing.assert_array_equal(
        shrink_image(even, 2, 2), np.rint(even.reshape(2, 2, 2, 2, 3).mean(axis=(1, 3))).astype(np.uint8)
    )


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 6), np.uint8), "must be"),
        (np.zeros((4, 6, 4), np.uint8), "must be"),
        (np.zeros((4, 6, 3), np.float32), "float32"),
        (np.zeros((3, 6, 3), np.uint8), "6 x 3 px is smaller than 6 x 4"),
    ],
)
def test_other_images_are_refused(image: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        shrink_image(image, 4, 6)


@pytest.mark.parametrize(
    ("joints", "token", "message"),
    [
        (np.zeros(5), TOKEN, r"got shapes \(5,\) and \(8,\)"),
        (JOINTS, np.zeros(7), r"got shapes \(6,\) and \(7,\)"),
        (np.full(6, math.nan), TOKEN, "are not finite"),
        (JOINTS, np.full(8, math.inf), "are not finite"),
    ],
)
def test_unusable_observations_are_errors(tmp_path: Path, joints: Any, token: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy(tmp_path).act(joints, token)


def test_output_that_is_not_finite_is_an_error(tmp_path: Path) -> None:
    steps = STEPS.copy()
    steps[3, 5] = math.nan  # of an action that would not even be carried out
    path = write_grasp_policy(tmp_path / "nan.onnx", grasp_contract_for(ROBOT), steps)
    with pytest.raises(PolicyError, match=r"nan\.onnx gave an output that is not finite: train it again"):
        GraspPolicy(path, ROBOT).act(JOINTS, TOKEN)


def test_a_network_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def run(self, *_: Any) -> None:
            raise RuntimeError("out of memory")

    runner = policy(tmp_path)
    monkeypatch.setattr(runner, "_session", Broken())
    with pytest.raises(PolicyError, match=r"p\.onnx could not be run: out of memory"):
        runner.act(JOINTS, TOKEN)


# Refused at load.


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"there is no policy file .*none\.onnx.*'\./xdog train grasp"):
        GraspPolicy(tmp_path / "none.onnx", ROBOT)
    path = write_grasp_policy(tmp_path / "gait.onnx", grasp_contract_for(ROBOT), metadata={"xdog_contract": "{}"})
    with pytest.raises(ContractError, match=r"gait\.onnx carries no XDog contract \('xdog_grasp_contract'"):
        GraspPolicy(path, ROBOT)


@pytest.mark.parametrize(
    "inputs",
    [
        [("joints", [1, 6])],
        [("joints", [1, 6]), ("objects", [1, 8])],
        [("joints", [1, 6]), ("token", [1, 3])],
    ],
)
def test_a_network_of_another_shape_is_refused(tmp_path: Path, inputs: Any) -> None:
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs]
    if len(inputs) == 1 or inputs[1][0] != "token":
        given.append(helper.make_tensor_value_info("token", TensorProto.FLOAT, [1, 8]))
    if len(inputs) == 1:
        given.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 8]))
    path = write_grasp_policy(tmp_path / "p.onnx", grasp_contract_for(ROBOT), inputs=given)
    with pytest.raises(PolicyError, match=r"it needs inputs 'joints' \(1, 6\) float32, 'token' \(1, 8\)"):
        GraspPolicy(path, ROBOT)


def test_a_chunk_of_another_length_is_refused(tmp_path: Path) -> None:
    path = write_grasp_policy(tmp_path / "p.onnx", grasp_contract_for(ROBOT), np.zeros((CHUNK + 1, 6)))
    with pytest.raises(PolicyError, match=r"output 'action' \(1, 4, 6\)"):
        GraspPolicy(path, ROBOT)
