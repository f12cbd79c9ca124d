"""Walks the simulated robot through the running graph and records when each message arrived. For `./xdog bench`.

Usage: python -m xdog_sim.nodes.graph_probe OUTPUT SEED. Progress goes to standard output, records go to OUTPUT
as JSON, lists of [s of wall time, value]:

- walking: legs/command of steady walking, value: its stamp;
- published: changes of cmd_vel, value: vx in m/s;
- safe, states, commands: cmd_vel_safe (vx), legs/state and legs/command (stamps) while cmd_vel changed.
"""

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import rospy
from geometry_msgs.msg import Twist
from std_srvs.srv import Trigger

from xdog.msg import LegCommand, LegState, LocomotionState, SafetyState
from xdog.nodes.common.callbacks import subscribe

PATIENCE = 60.0
"""s of wall time that each wait may last."""
RETRY = 0.2
"""s of wall time after which a refused request is repeated."""
REPEAT = 0.05
"""s between two cmd_vel: the mux drops a source after 0.5 s without a message."""
RUN_UP, WALK = 2.0, 30.0
"""s of wall time: walking until it is steady, and then recorded walking."""
CHANGES, REST = 50, (0.2, 0.4)
"""Changes of cmd_vel, and s of rest before each one, drawn from this range so that phases are random."""
SPEEDS = (0.3, 0.5)
"""m/s between which cmd_vel changes."""

Record = List[Tuple[float, float]]


class ProbeError(RuntimeError):
    """The robot does not do what was requested."""


class GraphProbe:
    """Drives the robot and records what is published."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._news = threading.Condition()
        self._records: Dict[str, Record] = {name: [] for name in ("published", "safe", "states", "commands")}
        self._speed = 0.0
        self._safety: Optional[SafetyState] = None
        self._legs: Optional[LocomotionState] = None
        self._velocity = rospy.Publisher("cmd_vel", Twist, queue_size=1, tcp_nodelay=True)
        self._subscribe("safety/state", SafetyState, self._on_safety)
        self._subscribe("locomotion/state", LocomotionState, self._on_locomotion)
        self._subscribe("legs/command", LegCommand, lambda m: self._record("commands", m.header.stamp.to_sec()))
        self._subscribe("cmd_vel_safe", Twist, lambda m: self._record("safe", m.linear.x))
        self._finished = threading.Event()
        self._repeater = threading.Thread(target=self._repeat, daemon=True)
        self._repeater.start()

    @staticmethod
    def _subscribe(topic: str, kind: type, callback: Callable) -> None:
        subscribe(topic, kind, callback, queue_size=100)

    def run(self) -> Dict[str, Record]:
        """Stand up, walk, change the command; returns the records."""
        report(0.0, "the robot stands up")
        self._ask("stand")
        self._wait(lambda: self._state() == LocomotionState.STANDING, "the robot stands")
        self._ask("walk")
        self._wait(lambda: self._state() == LocomotionState.WALKING, "the robot walks")
        self._change(SPEEDS[0])
        self._walk(RUN_UP)
        self._clear()
        for second in range(round(WALK)):
            report(0.1 + 0.5 * second / WALK, "walking")
            self._walk(WALK / round(WALK))
        walking = self._clear()["commands"]
        self._subscribe("legs/state", LegState, lambda m: self._record("states", m.header.stamp.to_sec()))
        self._wait(lambda: bool(self._records["states"]), "legs/state comes")
        for number in range(CHANGES):
            report(0.6 + 0.4 * number / CHANGES, "changing the command")
            self._wait(self._at_rest, "cmd_vel_safe follows cmd_vel")
            self._walk(self._random.uniform(*REST))
            self._change(SPEEDS[(number + 1) % 2])
        self._walk(1.0)
        return {"walking": walking, **self._clear()}

    def close(self) -> None:
        """Stop publishing."""
        self._finished.set()
        self._repeater.join()

    def _repeat(self) -> None:
        while not self._finished.wait(REPEAT):
            with self._news:
                self._publish()

    def _publish(self) -> None:
        twist = Twist()
        twist.linear.x = self._speed
        self._velocity.publish(twist)

    def _change(self, speed: float) -> None:
        with self._news:
            self._speed = speed
            self._records["published"].append((time.monotonic(), speed))
            self._publish()

    def _record(self, name: str, value: float) -> None:
        now = time.monotonic()
        with self._news:
            self._records[name].append((now, value))
            self._news.notify_all()

    def _on_safety(self, message: SafetyState) -> None:
        with self._news:
            self._safety = message
            self._news.notify_all()

    def _on_locomotion(self, message: LocomotionState) -> None:
        with self._news:
            self._legs = message
            self._news.notify_all()

    def _clear(self) -> Dict[str, Record]:
        """Start new records; returns the old ones."""
        with self._news:
            old, self._records = self._records, {name: [] for name in self._records}
        return old

    def _at_rest(self) -> bool:
        safe = self._records["safe"]
        return bool(safe) and abs(safe[-1][1] - self._speed) < 1e-6

    def _state(self) -> int:
        return -1 if self._legs is None else int(self._legs.state)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._news:
            if not self._news.wait_for(condition, timeout=PATIENCE):
                raise ProbeError(f"not within {PATIENCE:.0f} s: {what}; {self._situation()}")

    def _walk(self, seconds: float) -> None:
        """Wait for wall time to pass; the robot must keep walking."""
        with self._news:
            if self._news.wait_for(lambda: self._state() != LocomotionState.WALKING, timeout=seconds):
                raise ProbeError(f"the robot stopped walking; {self._situation()}")

    def _ask(self, service: str) -> None:
        try:
            rospy.wait_for_service(service, timeout=PATIENCE)
        except rospy.ROSException:
            raise ProbeError(f"no node offers the service {rospy.resolve_name(service)}") from None
        self._wait(lambda: bool(self._safety and self._safety.motion_allowed), "the safety supervisor allows motion")
        self._wait(lambda: self._legs is not None, "locomotion reports its state")
        deadline = time.monotonic() + PATIENCE
        while True:  # right after the start locomotion may have no heartbeat yet
            response = rospy.ServiceProxy(service, Trigger)()
            if response.success:
                return
            if time.monotonic() > deadline:
                raise ProbeError(f"'{service}' was refused: {response.message}")
            time.sleep(RETRY)  # a refused service has no event to wait for

    def _situation(self) -> str:
        legs = (
            "locomotion has not published its state"
            if self._legs is None
            else f"locomotion: {self._legs.name} ({self._legs.reason})"
        )
        if self._safety is None:
            return f"{legs}; the safety supervisor has published nothing"
        return f"{legs}; safety: {'; '.join([*self._safety.reasons, *self._safety.warnings]) or 'no objection'}"


def report(share: float, label: str) -> None:
    """Report the progress to the program that started the probe."""
    print(f"{share:.3f} {label}", flush=True)


def main() -> None:
    """Entry point."""
    output, seed = Path(sys.argv[1]), int(sys.argv[2])
    rospy.init_node("graph_probe", disable_signals=True)
    probe = GraphProbe(seed)
    try:
        records = probe.run()
    except (ProbeError, rospy.ServiceException) as error:
        sys.exit(str(error))
    finally:
        probe.close()
        rospy.signal_shutdown("the probe has finished")
    output.write_text(json.dumps(records), encoding="utf-8")


if __name__ == "__main__":
    main()
