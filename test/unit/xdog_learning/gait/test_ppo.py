"""PPO on the velocity task: what stable-baselines3 is given, who sees what, export, interruption and resumption."""

import json
import math
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Iterator, List, Optional

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from simulated_robots import CONFIG, ROBOT, STAND, config_with, make_batch, make_task
from torch import nn

from xdog.core.config_file import Range
from xdog.core.contract import ContractError
from xdog.core.paths import share_path
from xdog.locomotion.contract import METADATA_KEY, check_contract, contract_from_metadata
from xdog.locomotion.observation import ObservationBuilder
from xdog.locomotion.policy import GaitPolicy as PolicyRunner
from xdog_learning.commands import train_gait as train
from xdog_learning.export import export_policy
from xdog_learning.gait import checkpoints
from xdog_learning.gait.checkpoints import training_inputs
from xdog_learning.gait.contract import make_gait_contract
from xdog_learning.gait.environment import GaitVecEnv, Tracking
from xdog_learning.gait.ppo import MAX_RATE, MIN_RATE, PPO, GaitActorCritic, GaitPPO, TensorRollout, build_ppo
from xdog_sim.config import load_sim_config
from xdog_sim.randomization import load_ranges

SIZE = ObservationBuilder(CONFIG.observation).size
SMALL = {"robots": 16, "steps": 8, "minibatches": 2, "epochs": 1, "actor": [16], "critic": [16]}


def environment(count: int = 4, **changes: Any) -> GaitVecEnv:
    return GaitVecEnv(make_task(make_batch(count), config=config_with(**changes)))


def learner(folder: Path, count: int = 4) -> GaitPPO:
    settings = config_with().ppo.__class__(**{**CONFIG.ppo.__dict__, **SMALL, "actor": (16,), "critic": (16,)})
    return build_ppo(environment(count), settings, seed=3, log_folder=str(folder))


def test_time_outs_are_told_with_the_observation_that_they_cut_off() -> None:
    env = environment(episode=0.06)
    start = env.reset()
    assert start.shape == (4, env.observation_space.shape[0])
    assert start.dtype == np.float32
    rewards = np.zeros(4)
    for k in range(3):
        env.step_async(np.zeros((4, 12), np.float32))
        seen, reward, done, infos = env.step_wait()
        rewards += reward
        assert done.tolist() == [k == 2] * 4
        assert all(("terminal_observation" in info) == (k == 2) for info in infos)
    for i, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        assert info["terminal_observation"].shape == env.observation_space.shape
        assert not np.array_equal(info["terminal_observation"], seen[i])
        assert info["episode"]["l"] == 3
        assert info["episode"]["r"] == pytest.approx(rewards[i], rel=1e-5)


def test_falls_are_no_time_outs() -> None:
    env = environment()
    sideways = torch.tensor([[0.70710678, 0.70710678, 0.0, 0.0]])
    env.task.sim.reset(torch.tensor([2]), torch.tensor([[0.0, 0.0, 0.4]]), sideways, STAND[None])
    env.step_async(np.zeros((4, 12), np.float32))
    _, _, done, infos = env.step_wait()
    assert done.tolist() == [False, False, True, False]
    assert infos[2]["TimeLimit.truncated"] is False
    gravity = ObservationBuilder(CONFIG.observation).layout()["gravity"]
    assert infos[2]["terminal_observation"][gravity] == pytest.approx([0.0, -1.0, 0.0], abs=0.1)
    assert infos[0] == infos[1] == infos[3] == {}


def test_robots_have_no_environments_of_their_own() -> None:
    env = environment(2)
    assert env.get_attr("actor_size", [0]) == [SIZE]
    assert env.env_is_wrapped(object) == [False, False]  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="share one environment"):
        env.env_method("reset")
    with pytest.raises(AttributeError, match="share one environment"):
        env.set_attr("x", 1)


def test_tracking_by_hand() -> None:
    tracking = Tracking()
    tracking.add(torch.tensor([0.04, 0.0]), torch.tensor([1.0, 0.0]))
    tracking.add(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0]))
    assert tracking.take() == pytest.approx((0.1, 0.5))
    assert tracking.take() == (0.0, 0.0)


def test_the_actor_ignores_what_is_privileged_and_the_critic_what_is_the_actors(tmp_path: Path) -> None:
    model = learner(tmp_path)
    policy, env = model.policy, model.env
    assert isinstance(policy, GaitActorCritic)
    observation = torch.randn(5, env.observation_space.shape[0])  # type: ignore[union-attr]
    other_critic, other_actor = observation.clone(), observation.clone()
    other_critic[:, SIZE:] += 1.0
    other_actor[:, :SIZE] += 1.0

    def act(seen: torch.Tensor) -> torch.Tensor:
        return policy.get_distribution(seen).mode()

    with torch.no_grad():
        assert torch.equal(act(observation), act(other_critic))
        assert not torch.allclose(act(observation), act(other_actor), atol=1e-4)
        assert torch.equal(policy.predict_values(observation), policy.predict_values(other_actor))
        assert not torch.allclose(policy.predict_values(observation), policy.predict_values(other_critic), atol=1e-4)
        # What is exported is what acts.
        assert torch.allclose(policy.actor_network()(observation[:, :SIZE]), act(observation), atol=1e-6)


def test_actions_values_and_probabilities_are_those_of_a_gaussian(tmp_path: Path) -> None:
    policy = learner(tmp_path).policy
    assert isinstance(policy, GaitActorCritic)
    observation = torch.randn(6, policy.observation_space.shape[0])  # type: ignore[index]
    with torch.no_grad():
        policy.log_std.add_(torch.linspace(-0.5, 0.5, 12))  # type: ignore[operator]
        gaussian = torch.distributions.Normal(policy.get_distribution(observation).mode(), policy.log_std.exp())
        actions, values, log_probability = policy(observation)
        assert torch.allclose(log_probability, gaussian.log_prob(actions).sum(1), atol=1e-4)
        again = policy.evaluate_actions(observation, actions)
        assert torch.allclose(again[0], values)
        assert torch.allclose(again[1], log_probability, atol=1e-4)
        assert torch.allclose(again[2], gaussian.entropy().sum(1), atol=1e-4)
        assert torch.equal(values, policy.predict_values(observation))
        assert torch.equal(policy(observation, deterministic=True)[0], gaussian.mean)
        many = policy(observation[:1].repeat(20_000, 1))[0]
        assert torch.allclose(many.std(0), policy.log_std.exp(), rtol=0.05)


def test_minibatches_hold_every_sample_once_and_whole(tmp_path: Path) -> None:
    buffer = learner(tmp_path).rollout_buffer
    assert isinstance(buffer, TensorRollout)
    for first in (0.0, 1000.0):  # two rollouts: the second replaces the first
        buffer.reset()
        for step in range(8):
            number = first + 4.0 * step + np.arange(4, dtype=np.float32)
            row = torch.from_numpy(number)
            seen = np.repeat(number[:, None], *buffer.obs_shape, axis=1)
            buffer.add(seen, np.repeat(number[:, None], 12, axis=1), number, np.zeros(4), row, row)
        buffer.compute_returns_and_advantage(torch.zeros(4), np.zeros(4))
        batches = list(buffer.get(16))
        assert [len(batch.observations) for batch in batches] == [16, 16]
        numbers = torch.cat([batch.old_values for batch in batches])
        assert numbers.sort().values.tolist() == [first + i for i in range(32)]
        assert numbers.tolist() != numbers.sort().values.tolist()
        for batch in batches:
            assert torch.equal(batch.observations, batch.old_values[:, None].expand_as(batch.observations))
            assert torch.equal(batch.actions, batch.old_values[:, None].expand_as(batch.actions))
            assert torch.equal(batch.old_log_prob, batch.old_values)
            assert torch.allclose(batch.returns, batch.advantages + batch.old_values)


@pytest.mark.parametrize(
    ("rate", "divergence", "expected"),
    [
        (9e-4, 0.021, 6e-4),  # more than twice the target: divided by 1.5
        (9e-4, 0.019, 9e-4),
        (9e-4, 0.006, 9e-4),
        (9e-4, 0.004, 1.35e-3),  # less than half: multiplied
        (2.9e-3, 0.0, MAX_RATE),
        (1.1e-5, 1.0, MIN_RATE),
    ],
)
def test_the_learning_rate_follows_the_divergence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float, divergence: float, expected: float
) -> None:
    model = learner(tmp_path, 2)
    model.rate, model.kl_target = rate, 0.01
    monkeypatch.setattr(PPO, "train", lambda self: self.logger.record("train/approx_kl", divergence))
    model._setup_learn(100)
    model.train()
    assert model.rate == pytest.approx(expected)
    model._update_learning_rate(model.policy.optimizer)
    assert model.policy.optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def exported(path: Path) -> nn.Module:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(SIZE, 16), nn.ELU(), nn.Linear(16, 12))
    export_policy(
        network,
        {"observation": torch.zeros(1, SIZE)},
        make_gait_contract(ROBOT, CONFIG, {"minutes": 1.5}).to_metadata(),
        path,
    )
    return network


def test_an_exported_policy_says_what_the_network_says(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "gait.onnx"
    network = exported(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["gait.onnx"]  # nothing half-written beside it
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    observation = torch.randn(7, SIZE)
    (action,) = session.run(["action"], {"observation": observation.numpy()})
    with torch.no_grad():
        assert np.abs(action - network(observation).numpy()).max() < 1e-5
    contract = contract_from_metadata(session.get_modelmeta().custom_metadata_map, "gait.onnx")
    assert contract == make_gait_contract(ROBOT, CONFIG, {"minutes": 1.5})
    assert contract.urdf_hash == ROBOT.urdf_hash
    assert contract.commit
    assert PolicyRunner(path, ROBOT).contract == contract


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("joints", list(reversed(ROBOT.legs.names)), "same joints in another order"),
        ("urdf_hash", "0123456789abcdef", "trained on URDF 0123456789abcdef"),
        ("period", 0.01, "period is 0.01 s"),
        ("kp", [100.0] * 12, "gains exceed"),
        ("default_position", [0.1, *STAND.tolist()[1:]], "not the stand pose"),
        ("default_position", [0.0] * 11, "default_position is not 12"),
    ],
)
def test_a_tampered_contract_is_refused(entry: str, value: Any, message: str) -> None:
    metadata = make_gait_contract(ROBOT, CONFIG).to_metadata()
    raw = json.loads(metadata[METADATA_KEY])
    raw[entry] = value
    contract = contract_from_metadata({METADATA_KEY: json.dumps(raw)}, "tampered.onnx")
    with pytest.raises(ContractError, match=message) as caught:
        check_contract(contract, ROBOT, "tampered.onnx")
    assert "tampered.onnx" in str(caught.value)
    assert "./xdog train gait" in str(caught.value)


def settings_file(folder: Path, **changes: Any) -> Path:
    """policies/gait.yaml with a tiny learner, and with further changes."""
    content = yaml.safe_load(share_path("policies", "gait.yaml").read_text())
    content["ppo"].update(SMALL)
    content.update(changes)
    path = folder / "gait.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def run_training(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> Optional[str]:
    """`./xdog train gait` in this process, in folder/run; the message if it ends with one."""
    words = ["train", "--run", str(folder / "run"), *arguments]
    monkeypatch.setattr("sys.argv", [*words, "--settings", str(folder / "gait.yaml"), "--threads", "1"])
    try:
        train.main()
    except SystemExit as end:
        return str(end.code)
    return None


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_training_is_interrupted_resumed_and_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file(tmp_path)
    monkeypatch.setattr(train, "run_episodes", partial(train.run_episodes, interval=0.55))  # short checks
    learn, updates = PPO.train, [0]

    def interrupted(self: PPO) -> None:
        updates[0] += 1
        if updates[0] == 2:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C
        learn(self)

    with monkeypatch.context() as patch:
        patch.setattr(PPO, "train", interrupted)
        message = run_training(patch, tmp_path, "--steps", "384")
    run, settings = tmp_path / "run", tmp_path / "gait.yaml"
    go_on = f"./xdog train gait --resume --run {run} --settings {settings} --steps 384"
    assert message == f"Interrupted and saved. Go on with: {go_on}"
    progress = json.loads((tmp_path / "run" / "progress.json").read_text())
    assert progress["steps"] == 256  # 16 robots x 8 steps x 2
    assert not (tmp_path / "run" / "gait.onnx").exists()

    settings_file(tmp_path, episode=7.0)
    refused = run_training(monkeypatch, tmp_path, "--steps", "384", "--resume")
    assert refused is not None
    assert "cannot be resumed: the settings changed" in refused
    assert "./xdog train gait --run FOLDER" in refused
    settings_file(tmp_path)

    with monkeypatch.context() as patch:  # Ctrl-C in the last check
        patch.setattr(train, "run_episodes", lambda *_: signal.raise_signal(signal.SIGINT))
        patch.setattr(train.Watch, "_on_rollout_end", lambda self: None)
        message = run_training(patch, tmp_path, "--steps", "384", "--resume")
    assert message == f"Interrupted and saved. Go on with: {go_on}"
    assert json.loads((tmp_path / "run" / "progress.json").read_text())["steps"] == 384
    assert not (tmp_path / "run" / "gait.onnx").exists()

    assert run_training(monkeypatch, tmp_path, "--steps", "384", "--resume") is None
    after = json.loads((tmp_path / "run" / "progress.json").read_text())
    assert after["steps"] == 384
    assert after["seconds"] > progress["seconds"]
    scores = PolicyRunner(tmp_path / "run" / "gait.onnx", ROBOT).contract.scores
    assert scores["steps"] in (128, 256, 384)
    for name in ("velocity_rmse", "yaw_rate_rmse", "fall_rate"):
        assert scores[f"check_{name}"] == pytest.approx(after["best"][name], abs=5.1e-5)
    assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == [
        "best.zip", "gait.onnx", "newest.zip", "progress.json", "tensorboard",
    ]  # fmt: skip

    refused = run_training(monkeypatch, tmp_path)
    assert refused is not None
    assert "holds a run already: go on with --resume" in refused
    whole = (tmp_path / "run" / "newest.zip").read_bytes()
    (tmp_path / "run" / "newest.zip").write_bytes(whole[: len(whole) // 2])
    damaged = run_training(monkeypatch, tmp_path, "--resume")
    assert damaged is not None
    assert "newest.zip cannot be read" in damaged
    assert "without --resume" in damaged
    (tmp_path / "run" / "progress.json").write_text('{"steps": 12')
    damaged = run_training(monkeypatch, tmp_path, "--resume")
    assert damaged is not None
    assert "progress.json cannot be read" in damaged


def test_resuming_nothing_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file(tmp_path)
    message = run_training(monkeypatch, tmp_path, "--resume")
    assert message is not None
    assert "newest.zip does not exist: train without --resume first" in message


def test_every_input_of_a_run_counts_but_how_long_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = training_inputs(ROBOT, CONFIG, load_ranges())

    def changed(robot: Any = ROBOT, config: Any = CONFIG, ranges: Any = None) -> List[str]:
        others = training_inputs(robot, config, ranges or load_ranges())
        return [name for name in inputs if others[name] != inputs[name]]

    assert changed(config=replace(CONFIG, reward={**CONFIG.reward, "slip": -0.1})) == ["the settings"]
    assert changed(robot=replace(ROBOT, urdf_hash="0123456789abcdef")) == ["the robot's body or stand pose"]
    assert changed(ranges=replace(load_ranges(), friction=Range(0.1, 0.2))) == ["sim/randomization.yaml"]
    assert changed(config=replace(CONFIG, ppo=replace(CONFIG.ppo, total_steps=1))) == []
    monkeypatch.setattr(checkpoints, "load_sim_config", lambda: load_sim_config().perfect())
    assert changed() == ["legs.ramp of sim/hardware.yaml"]


def test_only_the_plain_command_writes_the_shipped_policy(tmp_path: Path) -> None:
    shipped = share_path("policies") / "gait.onnx"
    assert (
        train.TrainGaitOptions().policy == train.TrainGaitOptions(run=tmp_path, seed=2, resume=True).policy == shipped
    )
    assert train.TrainGaitOptions(run=tmp_path, steps=1000).policy == tmp_path / "gait.onnx"
    assert train.TrainGaitOptions(run=tmp_path, settings=tmp_path / "my.yaml").policy == tmp_path / "gait.onnx"
    assert train.TrainGaitOptions(run=tmp_path, steps=1000, output=tmp_path / "a.onnx").policy == tmp_path / "a.onnx"


@pytest.mark.parametrize("steps", ["0", "-5"])
def test_no_steps_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: str) -> None:
    settings_file(tmp_path)
    assert run_training(monkeypatch, tmp_path, "--steps", steps) == f"--steps {steps}: must be above zero."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": {"glide": 1.0}}, "unknown reward terms: glide"),
        (
            {"control": {"period": 0.04, "kp": 18.0, "kd": 0.5, "action_scale": 0.25}},
            "its period is 0.04 s, the control",
        ),
    ],
)
def test_wrong_settings_end_training_with_one_message_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Any, message: str
) -> None:
    settings_file(tmp_path, **changes)
    said = run_training(monkeypatch, tmp_path)
    assert said is not None
    assert said.startswith(f"cannot train: {tmp_path / 'gait.yaml'}: ")
    assert message in said
    assert not (tmp_path / "run").exists()


def test_a_check_in_which_all_fall_does_not_end_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = learner(tmp_path, 2)
    with torch.no_grad():
        model.policy.action_net.bias[:] = 40.0  # type: ignore[union-attr]  # somersaults
    monkeypatch.setattr(train, "run_episodes", partial(train.run_episodes, interval=0.5))
    score = train.quick_score(model, ROBOT, CONFIG, load_ranges(), robots=3)
    assert score["fall_rate"] == 1.0
    assert math.isinf(score["total"])
