"""ACT and its training: the loss by hand, masks at episode ends, what is exported, interruption and resumption."""

import copy
import dataclasses
import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from xdog.core.config_file import parse, read
from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog.grasp.observation import TOKEN_NAMES
from xdog.grasp.policy import GraspPolicy
from xdog_learning.commands import train_grasp as train
from xdog_learning.dataset import DatasetWriter, Demonstrations
from xdog_learning.grasp.act import LEAST_STD, Normalizer, masked_l1
from xdog_learning.grasp.export import export_grasp, make_grasp_contract
from xdog_learning.grasp.sampler import FrameSampler, disturb, disturb_images
from xdog_learning.grasp.settings import (
    GraspSettings,
    PolicySettings,
    load_grasp_settings,
)
from xdog_learning.grasp.trainer import GraspTrainer, build_network, learning_rate, training_inputs

ROBOT = load_description()
RAW = read(share_path("policies", "grasp_training.yaml"))
HEIGHT, WIDTH = 48, 64
TINY_ACT = {"width": 16, "heads": 2, "feedforward": 16, "encoder_layers": 1, "decoder_layers": 1, "dropout": 0.0}


def tiny(**changes: Any) -> GraspSettings:
    """The shipped settings, made small; changes go into both policies."""
    raw = copy.deepcopy(RAW)
    raw["mlp"] = {"width": 8, "layers": 2}
    raw["validation"] = 0.25
    for observe in ("state", "image"):
        raw[observe].update(chunk=5, execute=2, **changes)
        raw[observe]["act"].update(TINY_ACT)
        raw[observe]["learning"].update(batch=4, steps=6, warmup=2)
    raw["image"]["act"].update(backbone_width=8, keypoints=4)
    return parse(GraspSettings, raw, "grasp_training.yaml")


SETTINGS = tiny()


def demonstrations(lengths: Tuple[int, ...] = (7, 4, 9, 6), images: bool = False) -> Demonstrations:
    """Episodes whose actions count frames: joint 0 is the frame's number, so that every chunk can be told."""
    rng = np.random.default_rng(3)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    frames = int(starts[-1])
    action = rng.normal(size=(frames, 6)).astype(np.float32)
    action[:, 0] = np.arange(frames)
    return Demonstrations(
        folder=Path("none"),
        fps=25,
        state=rng.normal(size=(frames, 6)).astype(np.float32),
        environment_state=rng.normal(size=(frames, len(TOKEN_NAMES))).astype(np.float32),
        action=action,
        images=rng.integers(0, 255, (frames, HEIGHT, WIDTH, 3), np.uint8) if images else None,
        starts=starts,
        tasks=("pick",) * len(lengths),
        recording={},
    )


def make_network(policy: PolicySettings, image: bool) -> nn.Module:
    torch.manual_seed(0)
    return build_network(policy, None, (HEIGHT, WIDTH) if image else None)


# The network.


@pytest.mark.parametrize("observe", ["state", "image"])
def test_an_observation_gives_a_chunk(observe: str) -> None:
    policy = SETTINGS.policy(observe)
    image = torch.zeros(3, HEIGHT, WIDTH, 3, dtype=torch.uint8) if observe == "image" else None
    network = make_network(policy, observe == "image")
    chunk = network(torch.zeros(3, 6), torch.zeros(3, len(policy.token)), image)
    assert chunk.shape == (3, 5, 6)
    if observe == "image":
        with pytest.raises(ValueError, match="it needs an image"):
            network(torch.zeros(3, 6), torch.zeros(3, len(policy.token)))


def test_every_input_matters() -> None:
    policy = SETTINGS.image
    network = make_network(policy, True).eval()
    inputs = [torch.zeros(1, 6), torch.zeros(1, 3), torch.zeros(1, HEIGHT, WIDTH, 3, dtype=torch.uint8)]
    before = network(*inputs)
    for i in range(3):
        changed = list(inputs)
        changed[i] = inputs[i] + 1 if i < 2 else torch.arange(256).to(torch.uint8).repeat(36).view(1, HEIGHT, WIDTH, 3)
        assert (network(*changed) - before).abs().max() > 1e-5


def test_the_loss_averages_over_real_actions_only() -> None:
    target = torch.zeros(2, 3, 6)
    prediction = torch.tensor([1.0, 2.0, 100.0, 5.0, 100.0, 100.0]).view(2, 3, 1).expand(2, 3, 6)
    real = torch.tensor([[True, True, False], [True, False, False]])
    # (1 + 2 + 5) / 3 real actions; the original divides by all six.
    assert masked_l1(prediction, target, real).item() == pytest.approx(8.0 / 3.0)


def test_what_is_padded_does_not_matter() -> None:
    vae = tiny().state
    vae = dataclasses.replace(vae, act=dataclasses.replace(vae.act, vae=True, latent=4))
    network = make_network(vae, False)
    batch = FrameSampler(demonstrations(), [0, 1], vae).spread(11)
    other = dict(batch, action=torch.where(batch["real"][..., None], batch["action"], torch.tensor(1000.0)))
    losses = []
    for given in (batch, other):
        torch.manual_seed(0)  # of the style
        losses.append({name: value.item() for name, value in network.loss(given).items()})
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0]["kl"] > 0.0
    assert losses[0]["total"] == pytest.approx(losses[0]["l1"] + vae.act.kl_weight * losses[0]["kl"], rel=1e-5)


def test_normalisers_clip_what_never_changed() -> None:
    normal = Normalizer(2)
    normal.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    assert normal.mean.tolist() == [2.0, 5.0]
    assert normal.std.tolist() == pytest.approx([1.0, LEAST_STD])
    values = torch.tensor([[4.0, 5.001]])
    assert normal(values)[0].tolist() == pytest.approx([2.0, 0.1], abs=1e-3)
    assert torch.allclose(normal.undo(normal(values)), values)


# Batches.


def test_chunks_end_with_their_episode() -> None:
    batches = FrameSampler(demonstrations((3, 4)), [0, 1], SETTINGS.state)
    batch = batches.spread(7)
    assert batch["action"][:, :, 0].tolist() == [
        [0, 1, 2, 2, 2], [1, 2, 2, 2, 2], [2, 2, 2, 2, 2],
        [3, 4, 5, 6, 6], [4, 5, 6, 6, 6], [5, 6, 6, 6, 6], [6, 6, 6, 6, 6],
    ]  # fmt: skip
    assert batch["real"].sum(1).tolist() == [3, 2, 1, 4, 3, 2, 1]
    assert batch["real"][0].tolist() == [True, True, True, False, False]


def test_only_the_named_episodes_and_entries_are_seen() -> None:
    data = demonstrations((3, 4, 2))
    policy = dataclasses.replace(SETTINGS.state, token=("height", "centre_x"))
    batches = FrameSampler(data, [0, 2], policy)
    assert batches.frames.tolist() == [0, 1, 2, 7, 8]
    batch = batches.spread(5)
    np.testing.assert_array_equal(batch["token"], data.environment_state[[0, 1, 2, 7, 8]][:, [4, 0]])
    np.testing.assert_array_equal(batch["centre"], data.environment_state[[0, 1, 2, 7, 8], :3])


def test_noise_disturbs_what_is_observed_and_nothing_else() -> None:
    raw = copy.deepcopy(RAW)
    raw["state"]["noise"].update(joints=0.1, object=0.2)
    policy = parse(GraspSettings, raw, "grasp_training.yaml").state
    batch = FrameSampler(demonstrations(), [0, 1, 2, 3], policy).spread(26)
    batch = {name: values.repeat(200, *[1] * (values.ndim - 1)) for name, values in batch.items()}
    noisy = disturb(batch, policy, torch.Generator().manual_seed(1))
    moved = noisy["token"] - batch["token"]
    assert moved[:, :3].std().item() == pytest.approx(0.2, rel=0.05)
    assert not moved[:, 3:].any()
    assert (noisy["joints"] - batch["joints"]).std().item() == pytest.approx(0.1, rel=0.05)
    for name in ("action", "real", "centre"):
        assert torch.equal(noisy[name], batch[name])


def test_images_are_shifted_and_lit() -> None:
    noise = dataclasses.replace(SETTINGS.image.noise, brightness=0.0, contrast=0.0, shift=2)
    image = torch.arange(HEIGHT * WIDTH).remainder(251).to(torch.uint8).view(1, HEIGHT, WIDTH, 1).repeat(8, 1, 1, 3)
    shifted = disturb_images(image, noise, torch.Generator().manual_seed(0))
    assert shifted.shape == image.shape
    assert shifted.dtype == torch.uint8
    inner = shifted[:, 4:-4, 4:-4]
    places = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    for i in range(8):
        assert any(
            torch.equal(inner[i], image[i, 4 + down : HEIGHT - 4 + down, 4 + right : WIDTH - 4 + right])
            for down, right in places
        )
    lit = disturb_images(image, dataclasses.replace(noise, brightness=0.2, shift=0), torch.Generator().manual_seed(0))
    change = (lit.float() - image.float())[:, 20, 20, 0]
    assert change.abs().max() <= 52
    assert change.unique().numel() > 4


# Training.


def make_learner(policy: PolicySettings, data: Demonstrations) -> GraspTrainer:
    network = build_network(policy, None, None if data.images is None else (HEIGHT, WIDTH))
    return GraspTrainer(
        network, policy.learning, FrameSampler(data, [0, 1, 2], policy), FrameSampler(data, [3], policy), seed=1
    )


def test_the_learning_rate_rises_and_falls() -> None:
    settings = dataclasses.replace(SETTINGS.state.learning, learning_rate=1.0, warmup=4, steps=12)
    rates = [learning_rate(step, settings) for step in range(13)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0
    assert rates[8] == pytest.approx(0.5)
    assert rates[12] == pytest.approx(0.0)


@pytest.mark.parametrize("observe", ["state", "image"])
def test_it_learns(observe: str) -> None:
    policy = SETTINGS.policy(observe)
    policy = dataclasses.replace(
        policy, learning=dataclasses.replace(policy.learning, batch=8, steps=80, learning_rate=3e-3)
    )
    torch.manual_seed(0)
    data = demonstrations(images=observe == "image")
    number = np.repeat(np.arange(4), np.diff(data.starts)) / 2.0
    data.state[:] = 0.0
    if data.images is None:
        data.state[:] = number[:, None]
    else:
        data.images[:, :, : WIDTH // 2] = (100.0 * number).astype(np.uint8)[:, None, None, None]
    data.action[:] = np.outer(number, np.arange(6) - 3.0)
    learner = make_learner(policy, data)
    losses = [learner.step()["l1"] for _ in range(80)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])


def test_a_run_that_was_interrupted_ends_like_one_that_was_not(tmp_path: Path) -> None:
    policy, data = SETTINGS.state, demonstrations()
    inputs = training_inputs(ROBOT, policy, None, data)
    torch.manual_seed(0)
    whole = make_learner(policy, data)
    for _ in range(6):
        whole.step()
    torch.manual_seed(0)
    first = make_learner(policy, data)
    for _ in range(3):
        first.step()
    first.save(tmp_path, inputs, is_best=True)
    torch.manual_seed(99)
    second = make_learner(policy, data)
    second.load(tmp_path, inputs)
    assert second.progress.step == 3
    for _ in range(3):
        second.step()
    for one, other in zip(whole.network.parameters(), second.network.parameters()):
        assert torch.equal(one, other)


def test_what_changed_is_not_resumed(tmp_path: Path) -> None:
    policy, data = SETTINGS.state, demonstrations()
    inputs = training_inputs(ROBOT, policy, None, data)
    learner = make_learner(policy, data)
    with pytest.raises(SystemExit, match="train without --resume first"):
        learner.load(tmp_path, inputs)
    learner.save(tmp_path, inputs, is_best=False)
    others = {
        "the settings": training_inputs(ROBOT, dataclasses.replace(policy, chunk=4), None, data),
        "the demonstrations": training_inputs(ROBOT, policy, None, demonstrations((7, 4, 9, 5))),
        "the robot's body": training_inputs(dataclasses.replace(ROBOT, urdf_hash="0"), policy, None, data),
    }
    for name, changed in others.items():
        with pytest.raises(SystemExit, match=f"cannot be resumed: {name} changed"):
            learner.load(tmp_path, changed)
    longer = dataclasses.replace(policy, learning=dataclasses.replace(policy.learning, steps=999))
    learner.load(tmp_path, training_inputs(ROBOT, longer, None, data))
    (tmp_path / "newest.pt").write_bytes(b"cut short")
    with pytest.raises(SystemExit, match="cannot be read"):
        learner.load(tmp_path, inputs)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    data = demonstrations()
    data.state[:] = math.inf
    learner = make_learner(SETTINGS.state, data)
    with pytest.raises(FloatingPointError, match="the loss became nan at step 0"):
        learner.step()


# Export.


@pytest.mark.parametrize("observe", ["state", "image", "mlp", "style"])
def test_the_file_says_what_the_network_says(tmp_path: Path, observe: str) -> None:
    policy = SETTINGS.policy("image" if observe == "image" else "state")
    if observe == "style":
        policy = dataclasses.replace(policy, act=dataclasses.replace(policy.act, vae=True))
    data = demonstrations(images=observe == "image")
    image = (HEIGHT, WIDTH) if observe == "image" else None
    network = build_network(policy, SETTINGS.mlp if observe == "mlp" else None, image)
    GraspTrainer(network, policy.learning, FrameSampler(data, [0, 1], policy), FrameSampler(data, [2], policy), seed=1)
    contract = make_grasp_contract("test", ROBOT, policy, network.chunk, image, 25)
    path = tmp_path / "grasp.onnx"
    export_grasp(network, contract, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["grasp.onnx"]
    runner = GraspPolicy(path, ROBOT)
    assert runner.contract == contract
    for frame in (0, 5, 11):
        picture = None if data.images is None else data.images[frame]
        said = runner.predict(data.state[frame], data.environment_state[frame], picture)
        seen = [TOKEN_NAMES.index(name) for name in policy.token]
        inputs = [
            torch.from_numpy(data.state[frame])[None],
            torch.from_numpy(data.environment_state[frame, seen])[None],
        ]
        if picture is not None:
            inputs.append(torch.from_numpy(picture)[None])
        with torch.no_grad():
            expected = network(*inputs)[0].numpy()
        np.testing.assert_allclose(said, expected, rtol=1e-5, atol=1e-5)


# The command.


def record(folder: Path, count: int = 4, images: bool = False) -> Path:
    data = demonstrations((6,) * count, images)
    with DatasetWriter(folder) as writer:
        for number in range(count):
            writer.add(data.episode(number), {})
    return folder


def run(arguments: train.TrainGraspOptions) -> None:
    train.train(arguments, ROBOT, SETTINGS, Console(quiet=True))


@pytest.mark.parametrize(("observe", "model"), [("state", "act"), ("image", "act"), ("state", "mlp")])
def test_train_writes_a_policy_that_runs(tmp_path: Path, observe: Any, model: Any) -> None:
    dataset = record(tmp_path / "data", images=observe == "image")
    arguments = train.TrainGraspOptions(observe, model=model, run=tmp_path / "run", dataset=dataset)
    run(arguments)
    name = "grasp_mlp" if model == "mlp" else f"grasp_{observe}"
    policy = GraspPolicy(tmp_path / "run" / f"{name}.onnx", ROBOT)
    assert policy.contract.name == name
    assert policy.contract.period == 0.04
    assert policy.contract.dataset["demonstrations"] == 4
    assert policy.contract.scores["steps"] == 6
    with pytest.raises(SystemExit, match="holds a run already"):
        run(arguments)
    run(dataclasses.replace(arguments, resume=True))  # nothing is left to do; the policy is written again


def test_an_interruption_is_saved_and_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = train.TrainGraspOptions("state", run=tmp_path / "run", dataset=record(tmp_path / "data"))
    step: Callable[[GraspTrainer], Dict[str, float]] = GraspTrainer.step

    def interrupted(learner: GraspTrainer) -> Dict[str, float]:
        if learner.progress.step == 3:
            raise KeyboardInterrupt
        return step(learner)

    monkeypatch.setattr(GraspTrainer, "step", interrupted)
    with pytest.raises(SystemExit, match=r"Go on with: \./xdog train grasp --observe state --resume --run"):
        run(arguments)
    monkeypatch.undo()
    run(dataclasses.replace(arguments, resume=True))
    assert torch.load(tmp_path / "run" / "newest.pt", weights_only=True)["progress"]["step"] == 6


def test_only_the_plain_command_replaces_the_policy() -> None:
    assert train.TrainGraspOptions("image").policy == share_path("policies") / "grasp_image.onnx"
    assert train.TrainGraspOptions("state", model="mlp").policy == share_path("policies") / "grasp_mlp.onnx"
    for trial in ({"steps": 5}, {"settings": Path("x")}, {"dataset": Path("x")}):
        assert train.TrainGraspOptions("state", **trial).policy == Path("runs/grasp_state/grasp_state.onnx")
    assert train.TrainGraspOptions("state", steps=5, output=Path("my.onnx")).policy == Path("my.onnx")


def test_a_dataset_that_cannot_teach_is_refused(tmp_path: Path) -> None:
    arguments = train.TrainGraspOptions("image", run=tmp_path / "run", dataset=record(tmp_path / "data"))
    with pytest.raises(ValueError, match="has no images"):
        run(arguments)
    arguments = train.TrainGraspOptions("state", run=tmp_path / "run", dataset=record(tmp_path / "one", count=1))
    with pytest.raises(ValueError, match="has 1 demonstrations; learning needs two at least"):
        run(arguments)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--observe", "state", "--steps", "0"], "--steps 0: must be above zero"),
        (["--observe", "state", "--threads", "0"], "--threads 0: must be above zero"),
        (["--observe", "image", "--model", "mlp"], "take --observe state"),
        (["--observe", "state", "--settings", "none.yaml"], "cannot train: .*none.yaml"),
    ],
)
def test_the_command_refuses(words: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["train", *words])
    with pytest.raises(SystemExit, match=message):
        train.main()


def test_what_cannot_end_well_is_refused_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: List[train.TrainGraspOptions] = []
    monkeypatch.setattr(train, "record_missing", lambda arguments, *_: recorded.append(arguments))
    plain = train.TrainGraspOptions("state", run=tmp_path / "run", output=tmp_path / "p.onnx")
    with pytest.raises(SystemExit, match=r"newest\.pt does not exist: train without --resume first"):
        run(dataclasses.replace(plain, resume=True))
    with pytest.raises(SystemExit, match="is a folder: name the policy's file"):
        run(dataclasses.replace(plain, output=tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        run(dataclasses.replace(plain, output=tmp_path / "file" / "p.onnx"))
    assert not recorded


def test_episodes_are_split_the_same_way_every_time() -> None:
    learn, hold = train.split(20, 0.1, seed=1)
    assert len(hold) == 2
    assert sorted(learn + hold) == list(range(20))
    assert train.split(20, 0.1, seed=1) == (learn, hold)
    assert train.split(2, 0.01, seed=1)[1] != []
    assert train.split(2, 0.99, seed=1)[0] != []


# The settings.


@pytest.mark.parametrize("observe", ["state", "image"])
def test_the_shipped_policy_is_that_of_the_settings(observe: str) -> None:
    contract = GraspPolicy(share_path("policies", f"grasp_{observe}.onnx"), ROBOT).contract
    settings = load_grasp_settings().policy(observe)
    assert (contract.chunk, contract.execute) == (settings.chunk, settings.execute)
    assert contract.token == tuple(settings.token)
    assert contract.dataset["demonstrations"] == settings.demonstrations
    assert contract.scores["steps"] == settings.learning.steps
