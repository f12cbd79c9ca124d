"""The judge of a grasp: an object between two jaws counts, all other ways of lifting it do not.

The hand is a gripper of boxes with the names and geometry that the judge needs. The tests move it.
"""

from typing import Tuple

import mujoco
import numpy as np
import pytest

from xdog.core.description import load_description
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.grasp.judge import Judge, lowest_point

ROBOT, RULES = load_description(), load_grasp_scenarios().success
LIFT = RULES.lift + 0.01
LINKS = [ROBOT.joints[name].child for name in ROBOT.arm.names]
WORLD = f"""
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="1 1 .1"/>
    <geom name="shelf" type="box" size=".1 .1 .01" pos="1 0 {LIFT - 0.01}"/>
    <body name="arm_base_link"><geom name="base" type="box" size=".02 .02 .02" pos="-1 0 .02"/></body>
    {"".join(f'<body name="{link}"/>' for link in LINKS[:4])}
    <body name="{LINKS[4]}" mocap="true" pos="0 0 1">
      <geom name="palm" type="box" size=".04 .02 .01" pos="0 0 .05"/>
      <geom name="finger" type="box" size=".005 .01 .03" pos="-.025 0 0"/>
    </body>
    <body name="{LINKS[5]}" mocap="true" pos="0 0 1"><geom name="jaw" type="box" size=".005 .01 .03"/></body>
    <body name="object" pos="0 0 .02"><freejoint/><geom name="cube" type="box" size=".02 .02 .02"/></body>
  </worldbody>
</mujoco>
"""


class Bench:
    """A cube and a gripper that are placed by the tests, and the judge."""

    def __init__(self) -> None:
        self.model = mujoco.MjModel.from_xml_string(WORLD)
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        self.judge = Judge(self.model, self.data, ROBOT, RULES)

    def hold(self, cube: Tuple[float, float, float], hand_x: float, jaw_x: float, seconds: float) -> None:
        """Put the cube's middle, the hand (x) and the moving jaw (x) there, both as high as the cube, and judge."""
        hand, jaw = (self.model.body(name).mocapid[0] for name in LINKS[4:])
        self.data.qpos[:3] = cube
        self.data.mocap_pos[hand], self.data.mocap_pos[jaw] = (hand_x, cube[1], cube[2]), (jaw_x, cube[1], cube[2])
        for _ in range(round(seconds / 0.01)):
            self.data.time += 0.01
            mujoco.mj_forward(self.model, self.data)
            self.judge.update()


GRIP = {"hand_x": 0.0001, "jaw_x": 0.0249}
"""The finger's and the jaw's inner faces press 0.1 mm into a cube at x = 0."""


def test_an_object_lifted_and_held_long_enough_counts() -> None:
    bench = Bench()
    bench.hold((0.0, 0.0, 0.02 + LIFT), **GRIP, seconds=0.9)
    assert not bench.judge.success
    bench.hold((0.0, 0.0, 0.02 + LIFT), **GRIP, seconds=0.2)
    assert bench.judge.success
    assert bench.judge.lift == pytest.approx(LIFT)
    assert bench.judge.deepest == pytest.approx(0.0001, abs=2e-5)


def test_too_low_does_not_count() -> None:
    bench = Bench()
    bench.hold((0.0, 0.0, 0.02 + RULES.lift - 0.002), **GRIP, seconds=1.5)
    assert not bench.judge.success
    assert bench.judge.fault == "not lifted"
    assert bench.judge.reason == f"not lifted, lifted {bench.judge.lift:.3f} m"


def test_twice_half_a_second_does_not_count() -> None:
    bench = Bench()
    for height in (LIFT, 0.01, LIFT):
        bench.hold((0.0, 0.0, 0.02 + height), **GRIP, seconds=0.6)
    assert bench.judge.longest == pytest.approx(0.6)
    assert not bench.judge.success


def test_deep_penetration_fails_the_attempt_even_if_it_was_short() -> None:
    bench = Bench()
    bench.hold((0.0, 0.0, 0.02 + LIFT), 0.0001, 0.0249 - 0.003, seconds=0.01)
    bench.hold((0.0, 0.0, 0.02 + LIFT), **GRIP, seconds=1.5)
    assert bench.judge.failed
    assert bench.judge.reason.startswith("too deep in the object, lifted ")
    assert not bench.judge.success


def test_hung_over_one_jaw_does_not_count() -> None:
    bench = Bench()
    bench.hold((0.0, 0.0, 0.02 + LIFT), 0.0001, 0.05, seconds=1.5)
    assert bench.judge.fault == "not between the jaws"
    assert not bench.judge.success


def test_hooked_on_the_outside_does_not_count() -> None:
    bench = Bench()
    # The cube lies beyond the moving jaw, pinched between its outer face and that of the finger.
    bench.hold((0.0, 0.0, 0.02 + LIFT), 0.0499, -0.0249, seconds=1.5)
    assert bench.judge.fault == "not pressed from both sides"
    assert not bench.judge.success


@pytest.mark.parametrize(("x", "name"), [(1.0, "shelf"), (-1.0, "base")])
def test_resting_on_something_does_not_count(x: float, name: str) -> None:
    bench = Bench()
    bench.judge._start -= 0.1  # as if it had started lower
    height = {"shelf": LIFT + 0.0199, "base": 0.0599}[name]
    bench.hold((x, 0.0, height), x + 0.0001, x + 0.0249, seconds=1.5)
    assert bench.judge.fault == f"touches {name}"
    assert not bench.judge.success


def test_lowest_point_of_turned_shapes() -> None:
    world = """<mujoco><worldbody>
      <geom type="sphere" size=".1" pos="0 0 1"/>
      <geom type="box" size=".1 .1 .1" pos="1 0 1" euler="45 0 0"/>
      <geom type="cylinder" size=".1 .2" pos="2 0 1" euler="90 0 0"/>
      <geom type="cylinder" size=".1 .2" pos="3 0 1"/>
    </worldbody></mujoco>"""
    model = mujoco.MjModel.from_xml_string(world)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    lowest = [lowest_point(model, data, np.array([i])) for i in range(4)]
    assert lowest == pytest.approx([0.9, 1.0 - 0.1 * np.sqrt(2.0), 0.9, 0.8])
