"""Picks of the whole dog in the running ROS graph, and their scores."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp.pick_scenarios import PickResult, PickScenario, write_scene
from xdog_learning.report import success_by, success_rate
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.ros_graph import GraphError, RosGraph

Attempted = Tuple[PickScenario, PickResult]


def attempt_picks(
    policy: Path, count: int, seed: int, output: Path, report: Callable[[PickScenario, PickResult], None]
) -> List[Attempted]:
    """Let the dog pick up the objects of the first ``count`` held-out placements of a seed, in a private graph.

    Args:
        policy: grasp policy; an image policy gets a wrist camera.
        count: placements.
        seed: of placements and noise.
        output: folder for the scene, the graph's logs and picks.json, which is written after every placement.
        report: called after every placement.

    Raises:
        GraphError: the graph does not start or fails; the message quotes the end of its log.
        PolicyError, ContractError: the policy cannot be run on this robot.
    """
    sampler = ScenarioSampler()
    sees = GraspPolicy(policy, sampler.robot).contract.image is not None
    scene = output.resolve() / "scene.yaml"
    scenarios = write_scene(list(sampler.draws(count, seed, held_out=True)), scene)
    launch = {
        "sim": "true",
        "lockstep": "true",
        "viewer": "false",
        "scene": str(scene),
        "grasp_policy": str(policy.resolve()),
        "wrist_camera": str(sees).lower(),
        "seed": str(seed),
    }
    attempted: List[Attempted] = []

    def record(scenario: PickScenario, result: PickResult) -> None:
        attempted.append((scenario, result))
        records = [{**asdict(one), **asdict(what)} for one, what in attempted]
        (output / "picks.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
        report(scenario, result)

    with RosGraph(launch, output / "log") as graph:
        from xdog_learning.nodes.picker import PickerError, pick_all  # rospy reads the environment that the graph set

        try:
            pick_all(scenarios, sampler.config.success, record)
        except PickerError as error:
            raise GraphError(f"{error}\n{graph.log} ends with:\n{graph.tail()}") from error
    return attempted


def summarise_picks(attempted: Sequence[Attempted]) -> Dict[str, Any]:
    """Success rates with intervals, over all and by support; outcomes by name; false claims."""
    results = [result for _, result in attempted]
    lifted = [bool(result.lifted) for result in results]
    rate, interval = success_rate(lifted)
    return {
        "pick_success": rate,
        "pick_success_interval": interval,
        "pick_first_attempt": sum(result.lifted and result.attempts == 1 for result in results) / len(results),
        "pick_false_claims": sum(result.outcome == "picked" and not result.lifted for result in results),
        "pick_seconds": sum(result.seconds for result in results) / len(results),
        "pick_outcomes": dict(Counter(result.outcome for result in results)),
        "pick_by_support": success_by([scenario.support for scenario, _ in attempted], lifted, "count"),
    }
