"""Plans of arm motions from where the arm is sent now: a trajectory, or a clear way to a pose. Raises what is wrong."""

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np

from xdog.arm.collision import ArmCollision, even_path
from xdog.arm.config import ArmConfig
from xdog.arm.motions import TrajectoryMotion
from xdog.arm.path import ArmPath, PathPiece
from xdog.arm.spline import Spline
from xdog.arm.trajectory import INVALID_GOAL, Goal, Plan, Point, TrajectoryError, make_plan
from xdog.core.description import RobotDescription

Array = np.ndarray

PEAK_TO_MEAN = 1.5
"""Highest speed of a cubic that begins and ends at rest, by its mean."""

PEAK_ACCELERATION = 6.0
"""Highest acceleration of such a cubic, by its length over its squared duration."""

LEAST_TIME = 0.2
"""s between two poses of a way, however near they are."""

SAMPLE_PERIOD = 0.02
"""s between poses at which a path is checked before its own spline begins."""


@dataclass(frozen=True, eq=False)
class CommandState:
    """Where the arm is sent as a motion is asked for.

    Attributes:
        now: s.
        position, speed: (6,) rad and rad/s.
        rest: (6,) rad, where the joints come to rest if they brake from now on.
        braking_time: s until they do.
    """

    now: float
    position: Array
    speed: Array
    rest: Array
    braking_time: float


class ArmPlanner:
    """Makes motions that keep the limits and meet nothing.

    Args:
        robot: its description.
        config: limits.
        collision: knows where the legs are.
    """

    def __init__(self, robot: RobotDescription, config: ArmConfig, collision: ArmCollision) -> None:
        self._robot, self._config, self._collision = robot, config, collision

    def trajectory(self, goal: Goal, state: CommandState, running: Optional[TrajectoryMotion]) -> TrajectoryMotion:
        """The motion of a goal. Until it starts, the arm goes on with the one that is running.

        Raises:
            TrajectoryError: it is refused.
        """
        plan = make_plan(goal, self._robot.arm, state.now, self._config.tolerances)
        if plan.start <= state.now:
            return self._motion(plan, goal, state, ArmPath(state.rest), (state.position, state.speed))
        lead = ArmPath(state.rest) if running is None else running.path.restricted(running.joints, state.rest)
        position, speed = lead.sample(np.array(plan.start))
        return self._motion(plan, goal, state, lead, (position, speed))

    def way(self, pose: str, state: CommandState) -> TrajectoryMotion:
        """The motion to a pose of robot.yaml on a way that is clear, after braking; the gripper stays as it is.

        Raises:
            TrajectoryError: no way is clear.
        """
        start = state.rest
        way, obstacles = self._clear_way(start, np.append(self._robot.arm.poses[pose][:5], start[5]))
        if not way:
            raise TrajectoryError(INVALID_GOAL, f"no way to {pose} is clear: {', '.join(obstacles)}")
        motion, points, time = self._config.motion, [], 0.0
        for before, after in zip([start, *way], way):
            length = float(np.max(np.abs(after - before)))
            fastest = PEAK_TO_MEAN * length / motion.move_speed
            time += max(fastest, (PEAK_ACCELERATION * length / motion.max_acceleration) ** 0.5, LEAST_TIME)
            points.append(Point(time, after[:5].tolist(), [0.0] * 5))
        goal = Goal(self._robot.arm.names[:5], points, stamp=state.now + state.braking_time)
        plan = make_plan(goal, self._robot.arm, state.now, self._config.tolerances)
        return self._motion(plan, goal, state, ArmPath(start), (start, np.zeros(6)))

    def _motion(
        self, plan: Plan, goal: Goal, state: CommandState, lead: ArmPath, begin: Tuple[Array, Array]
    ) -> TrajectoryMotion:
        """The motion that follows ``lead`` and then the plan from position and speed (6,) at its begin."""
        time = max(state.now, plan.start)
        position, speed = begin
        spline = plan.spline(time, position[plan.joints], speed[plan.joints])
        self._check_limits(plan, goal, spline)
        path = lead.followed_by(PathPiece(plan.joints, time, plan.start, spline), state.now)
        self._check_collisions(path, plan, spline, state)
        return TrajectoryMotion(plan, path, goal.names)

    def _check_limits(self, plan: Plan, goal: Goal, spline: Spline) -> None:
        positions, velocities = spline.sample(spline.check_times())
        arm, limits = self._robot.arm, self._config.motion
        for values, limit, verb, unit in (
            (np.max(np.abs(velocities), axis=0), limits.max_speed, "turn", "rad/s"),
            (spline.peak_accelerations(), limits.max_acceleration, "accelerate", "rad/s^2"),
        ):
            joint = int(np.argmax(values))
            if values[joint] > limit * (1.0 + 1e-6):
                text = f"{goal.names[joint]} would have to {verb} at {values[joint]:.2f} {unit}"
                raise TrajectoryError(INVALID_GOAL, f"{text}, {limit:g} are possible")
        outside = (positions < arm.lower[plan.joints] - 1e-6) | (positions > arm.upper[plan.joints] + 1e-6)
        if outside.any():
            joint = int(np.argwhere(outside)[0, 1])
            raise TrajectoryError(INVALID_GOAL, f"{goal.names[joint]} would leave its limits between two points")

    def _check_collisions(self, path: ArmPath, plan: Plan, spline: Spline, state: CommandState) -> None:
        times = np.concatenate([np.arange(state.now, plan.start, SAMPLE_PERIOD), plan.start + spline.check_times()])
        poses = np.vstack([state.position, path.sample(times)[0]])
        obstacles = self._collision.obstacles(state.position, even_path(poses))
        if obstacles:
            raise TrajectoryError(INVALID_GOAL, f"on the way {', '.join(obstacles)} would collide")

    def _clear_way(self, here: Array, goal: Array) -> Tuple[List[Array], List[str]]:
        """Poses (6,) from ``here`` to ``goal`` with straight ways in between, or what is in the straight way."""
        obstacles = self._collision.straight_path_obstacles(here, goal)
        if not obstacles:
            return [goal], []
        for via in self._config.via:
            raised = here.copy()
            raised[1:4] = via
            turned = raised.copy()
            turned[0] = goal[0]
            for way in ([raised, goal], [raised, turned, goal]):
                legs = zip([here, *way], way)
                if not any(self._collision.straight_path_obstacles(start, end) for start, end in legs):
                    return way, []
        return [], obstacles
