"""sim_bridge: the bridge to a simulated robot, plus the clock and services that only a simulation has."""

import queue
import time
from concurrent.futures import Future
from typing import Any, Callable, Optional

import numpy as np
import rospy
from geometry_msgs.msg import Point, Pose, Quaternion, Twist, Vector3
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Time
from trajectory_msgs.msg import JointTrajectory

from xdog.core.description import load_description
from xdog.core.paths import user_path
from xdog.msg import Detection3DArray, LegCommand, SafetyState
from xdog.nodes.common import conversions
from xdog.nodes.common.bridge import SOLE_TOPICS, STATE_QUEUE, Bridge
from xdog.nodes.common.callbacks import is_ending, offer, subscribe
from xdog.nodes.common.connections import has_publisher
from xdog.nodes.common.run import run
from xdog.safety.config import load_safety_config
from xdog.srv import (
    Fault,
    FaultRequest,
    FaultResponse,
    PlaceObject,
    PlaceObjectRequest,
    PlaceObjectResponse,
    Pull,
    PullRequest,
    PullResponse,
    Push,
    PushRequest,
    PushResponse,
    Reset,
    ResetRequest,
    ResetResponse,
)
from xdog_sim.config import load_sim_config
from xdog_sim.lockstep import Lockstep
from xdog_sim.nodes.common.conversions import detections_message
from xdog_sim.nodes.common.viewer import open_viewer
from xdog_sim.robot import SimulatedRobot, SimulationError
from xdog_sim.scene import EMPTY, Objects, add_scene, load_scene
from xdog_sim.world import WorldOptions, build_spec, compile_spec

BACKLOG = 0.1
"""s of wall time: a simulation that is further behind the wall clock does not catch up."""

FRAME_TIME = 1.0 / 60.0
"""s of wall time between two frames of the viewer."""


class SimBridge(Bridge):
    """Owns the loop: every 5 ms of simulated time, one cycle of the bridge and then the physics steps.

    Args:
        sim: the robot.
        objects: those of the scene.
        lockstep: wait for the controllers at every control period instead of keeping the wall clock.
    """

    def __init__(self, sim: SimulatedRobot, objects: Objects, lockstep: bool) -> None:
        self.sim, self._objects = sim, objects
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._clock = rospy.Publisher("/clock", Clock, queue_size=STATE_QUEUE, tcp_nodelay=True)
        self._truth = rospy.Publisher("ground_truth/odom", Odometry, queue_size=STATE_QUEUE, tcp_nodelay=True)
        self._object_truth = rospy.Publisher("ground_truth/objects", Detection3DArray, queue_size=1, tcp_nodelay=True)
        self._lockstep: Optional[Lockstep] = None  # messages may arrive before it exists
        self._lockstep = self._make_lockstep() if lockstep else None
        super().__init__(sim.robot, sim.legs, sim.arm, sim.battery, load_safety_config())
        rates = self.robot.rates
        self._steps_per_cycle = round(1.0 / (rates["state"] * sim.step_time))
        self._control_every = round(rates["state"] / rates["control"])
        self._truth_every = round(rates["state"] / rates["joint_states"])
        self._done = subscribe("lockstep/done", Time, self._on_done)
        offer("reset", Reset, self._on_reset)
        offer("push", Push, self._on_push)
        offer("fault", Fault, self._on_fault)
        offer("place_object", PlaceObject, self._on_place_object)
        offer("pull", Pull, self._on_pull)

    def _make_lockstep(self) -> Lockstep:
        def watch(topic: str, kind: type, stamp: Callable[[Any], float]) -> Callable[[], bool]:
            subscriber = subscribe(topic, kind, lambda message: self._received(topic, stamp(message)))
            return lambda: has_publisher(subscriber)

        return Lockstep(
            {
                "legs/command": lambda: has_publisher(self.command_subscriber),
                "safety/state": lambda: has_publisher(self.safety_subscriber),
                "arm/command": lambda: has_publisher(self.arm_subscriber),
                "cmd_vel_safe": watch("cmd_vel_safe", Twist, lambda _: 0.0),
                "odom": watch("odom", Odometry, lambda message: conversions.to_seconds(message.header.stamp)),
            },
            rospy.logwarn,
        )

    def _on_done(self, message: Time) -> None:
        """A node that takes part in lockstep has acted up to this time."""
        if self._lockstep:
            node = message._connection_header["callerid"]
            self._lockstep.join(node, lambda: has_publisher(self._done, node))
            self._lockstep.received(node, conversions.to_seconds(message.data))

    def on_leg_command(self, message: LegCommand) -> None:
        """Handle legs/command."""
        super().on_leg_command(message)
        self._received("legs/command", conversions.to_seconds(message.header.stamp))

    def on_arm_command(self, message: JointTrajectory) -> None:
        """Handle arm/command. Lockstep waits for it only if it has the stamp of the joint_states that it answers."""
        super().on_arm_command(message)
        stamp = conversions.to_seconds(message.header.stamp)
        if stamp:
            self._received("arm/command", stamp)

    def on_safety(self, message: SafetyState) -> None:
        """Handle a heartbeat of the safety supervisor."""
        super().on_safety(message)
        self._received("safety/state", conversions.to_seconds(message.header.stamp))

    def _received(self, topic: str, stamp: float = 0.0) -> None:
        if self._lockstep:
            self._lockstep.received(topic, stamp)

    def run(self, after_cycle: Callable[[], None]) -> None:
        """Simulate until the node shuts down, calling ``after_cycle`` after every cycle."""
        # In ROS, time zero means "not known yet": the clock starts one control period later.
        self.sim.step(round(1.0 / (self.robot.rates["control"] * self.sim.step_time)))
        pace = Pace(self._steps_per_cycle * self.sim.step_time)
        cycle = 0
        try:
            while not is_ending():
                self._cycle_once(cycle, pace)
                after_cycle()
                cycle += 1
        finally:
            self.damp()

    def _cycle_once(self, cycle: int, pace: "Pace") -> None:
        self._serve()
        now = self.sim.time
        self._objects.end_pulls(now)
        self._clock.publish(Clock(conversions.to_time(now)))
        states = not self.sim.faults.states_stop
        self.sense(now, publish_legs=states)
        if cycle % self._truth_every == 0:
            self._truth.publish(self._ground_truth())
        if cycle % self._control_every == 0:
            truth, turned = self._objects.truth(), self._objects.orientations()
            self._object_truth.publish(detections_message(truth, now, self.robot.frames["odom"], orientations=turned))
        if self._lockstep is None:
            pace.keep(1)
        elif cycle % self._control_every == 0 and not self._wait(now, states):
            pace.keep(self._control_every)
        self.act()
        self._advance()

    def _wait(self, now: float, states: bool) -> bool:
        """Lockstep: wait for the controllers' answers to the state of ``now``; False if there is no controller.

        While no legs/state is published there is nothing to answer: the wall clock and the velocity mux set the pace.
        """
        assert self._lockstep is not None
        rates = self.robot.rates
        wanted = {"cmd_vel_safe": float("-inf"), "arm/command": now}
        if states:
            wanted.update(dict.fromkeys(self._lockstep.clients, now - 1.0 / rates["control"]))
            wanted.update({"legs/command": now, "safety/state": now - 1.0 / rates["safety"], "odom": now})
        return self._lockstep.wait(wanted) and states

    def _advance(self) -> None:
        try:
            self.sim.step(self._steps_per_cycle)
        except SimulationError as error:
            rospy.logerr(f"{error}: the robot is reset to lying")
            self._put_back("lie", 0.0, 0.0, 0.0)

    def _ground_truth(self) -> Odometry:
        truth, message = self.sim.ground_truth(), Odometry()
        message.header.stamp = conversions.to_time(truth.stamp)
        message.header.frame_id = self.robot.frames["odom"]
        message.child_frame_id = self.robot.frames["base"]
        message.pose.pose = Pose(Point(*truth.position.tolist()), Quaternion(*truth.orientation.tolist()))
        message.twist.twist = Twist(Vector3(*truth.linear_velocity.tolist()), Vector3(*truth.angular_velocity.tolist()))
        return message

    def _serve(self) -> None:
        while not self._requests.empty():
            self._requests.get()()

    def _between_cycles(self, action: Callable[[], None]) -> str:
        """Run ``action`` in the loop's thread, which alone touches the robot; returns the problem, empty if none."""
        done: Future[str] = Future()

        def run() -> None:
            try:
                action()
                done.set_result("")
            except ValueError as error:
                done.set_result(str(error))

        self._requests.put(run)
        while not is_ending():
            try:
                return done.result(timeout=0.5)
            except TimeoutError:
                continue
        return "the simulation is shutting down"

    def _on_reset(self, request: ResetRequest) -> ResetResponse:
        pose = request.pose or "lie"
        problem = self._between_cycles(lambda: self._put_back(pose, request.x, request.y, request.yaw))
        return ResetResponse(success=not problem, message=problem or f"the robot was reset, pose {pose}")

    def _put_back(self, pose: str, x: float, y: float, yaw: float) -> None:
        self.sim.reset(pose, x, y, yaw)
        self._arm_gate.forget()  # else the servos would drive the arm back to its old pose

    def _on_push(self, request: PushRequest) -> PushResponse:
        delta = request.delta_velocity
        problem = self._between_cycles(lambda: self.sim.push(np.array([delta.x, delta.y, delta.z])))
        return PushResponse(success=not problem, message=problem or "pushed")

    def _on_fault(self, request: FaultRequest) -> FaultResponse:
        problem = self._between_cycles(lambda: self.sim.faults.set(request.kind, request.joint, request.value))
        return FaultResponse(success=not problem, message=problem or f"fault: {request.kind} {request.joint}".strip())

    def _on_place_object(self, request: PlaceObjectRequest) -> PlaceObjectResponse:
        place = np.array([request.position.x, request.position.y, request.position.z])
        problem = self._between_cycles(lambda: self._objects.place(request.name, place, request.yaw))
        return PlaceObjectResponse(success=not problem, message=problem or f"{request.name} is placed")

    def _on_pull(self, request: PullRequest) -> PullResponse:
        force = np.array([request.force.x, request.force.y, request.force.z])
        problem = self._between_cycles(
            lambda: self._objects.pull(request.name, force, self.sim.time + request.duration)
        )
        return PullResponse(success=not problem, message=problem or f"{request.name} is pulled")


class Pace:
    """Keeps a loop at the wall clock."""

    def __init__(self, period: float) -> None:
        """Args: s of wall time for one cycle."""
        self._period = period
        self._due = time.monotonic()

    def keep(self, cycles: int) -> None:
        """Wait until ``cycles`` periods after the last call. Catches up with a small backlog, drops a large one."""
        now = time.monotonic()
        self._due += cycles * self._period
        if now - self._due > BACKLOG:
            self._due = now
        time.sleep(max(self._due - now, 0.0))  # keeps the wall clock's pace


def make_refresh(viewer: Optional[Any]) -> Callable[[], None]:
    """A function that updates the viewer, to be called after every cycle."""
    if viewer is None:
        return lambda: None
    shown = [0.0]

    def refresh() -> None:
        now = time.monotonic()
        if viewer.is_running() and now - shown[0] >= FRAME_TIME:
            shown[0] = now
            viewer.sync()

    return refresh


def viewer_wanted() -> bool:
    """Whether MuJoCo's viewer was requested."""
    return bool(rospy.get_param("~viewer", False))


def build() -> SimBridge:
    """The node, from its configuration files and parameters."""
    if not rospy.get_param("/use_sim_time", False):
        raise ValueError("sim_bridge needs /use_sim_time true before any node starts; xdog.launch sets it")
    seed = rospy.get_param("~seed", 0)
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"~seed is {seed!r}; it must be a whole number, zero or above")
    robot, config = load_description(), load_sim_config()
    if rospy.get_param("~perfect", False):
        config = config.perfect()
    options = WorldOptions(timestep=config.physics_step, visuals=viewer_wanted())
    scene, spec = load_scene(str(rospy.get_param("~scene", EMPTY)), user_path), build_spec(options, robot)
    add_scene(spec, scene, robot)
    sim = SimulatedRobot(robot, config, seed, compile_spec(spec))
    objects = Objects(scene, sim.model, sim.data)
    return SimBridge(sim, objects, bool(rospy.get_param("~lockstep", False)))


def simulate(bridge: SimBridge) -> None:
    """Simulate until ROS shuts down, in the viewer if it was requested."""
    bridge.run(make_refresh(open_viewer(bridge.sim.model, bridge.sim.data) if viewer_wanted() else None))


def main() -> None:
    """Run the node. Parameters: ~lockstep, ~seed, ~perfect, ~viewer, ~scene."""
    run("sim_bridge", build, simulate, (*SOLE_TOPICS, "/clock"))
