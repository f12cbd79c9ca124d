"""The picking script with the real arm controller: every way in which it may end, and no lift that was none."""

import numpy as np
import pytest
from pick_bench import CONFIG, IMAGE_CONDITIONS, ROBOT, PickBench

from xdog.grasp.pick_types import AfterPick

GROUND = np.array([0.33, 0.05, 0.02])


def ended(bench: PickBench) -> str:
    assert bench.pick.outcome is not None, f"still {bench.pick.phase}"
    return bench.pick.outcome.outcome


def test_an_object_on_the_ground_is_picked_up() -> None:
    bench = PickBench(GROUND).run()
    assert ended(bench) == "picked", bench.pick.outcome
    assert bench.pick.outcome.success
    assert bench.phases == ["looking", "stance", "approach", "verify"]
    assert bench.body.height < -0.05
    assert bench.object[2] > 0.02 + CONFIG.lift.height
    assert bench.pick.lift == pytest.approx(bench.object[2] - 0.02, abs=0.01)
    assert bench.pick.attempt == 1


def assert_comes_to_rest(bench: PickBench) -> None:
    """The arm slows down within a few hundredths of a radian and then stands still."""
    before, resting = bench.arm.copy(), bench.rest(0.2)
    np.testing.assert_allclose(resting, before, atol=0.06)
    np.testing.assert_array_equal(bench.rest(1.0), resting)


def test_an_image_policy_begins_where_it_has_the_object_in_view() -> None:
    views = IMAGE_CONDITIONS.view_poses
    for place, expected in ((GROUND, views.low), (np.array([0.36, 0.0, 0.62]), views.high)):
        bench = PickBench(place, conditions=IMAGE_CONDITIONS).run()
        assert ended(bench) == "picked", bench.pick.outcome
        np.testing.assert_allclose(bench.policy.began[:5], expected, atol=2e-3)


@pytest.mark.parametrize(("off", "goes"), [(0.14, False), (0.16, True)])  # it has learned with 0.15
def test_a_policy_begins_where_the_arm_is_if_it_has_learned_to_begin_near_there(off: float, goes: bool) -> None:
    bench = PickBench(GROUND)
    bench.arm[1] -= off
    begin = bench.arm.copy()
    bench.run_until("approach").run(3.0)
    np.testing.assert_allclose(bench.policy.began[:5], ROBOT.arm.poses["stow"][:5] if goes else begin[:5], atol=2e-3)


def test_it_looks_and_tries_again() -> None:
    bench = PickBench(GROUND)
    bench.slippery = 1
    bench.run()
    assert ended(bench) == "picked", bench.pick.outcome
    assert bench.pick.attempt == 2
    assert bench.phases.count("looking") == 2


def test_an_object_that_never_stays_in_the_gripper_is_missed() -> None:
    bench = PickBench(GROUND)
    bench.slippery = 99
    bench.run(120.0)
    assert ended(bench) == "missed", bench.pick.outcome
    assert not bench.pick.outcome.success
    assert bench.policy.attempts == CONFIG.attempts
    assert bench.pick.lift == 0.0
    np.testing.assert_allclose(bench.rest()[:5], ROBOT.arm.poses["home"][:5], atol=1e-3)  # where it began


def test_a_squeezed_gripper_that_lifts_nothing_is_no_success() -> None:
    """The servo presses and the fingers are apart, but the camera sees the object where it was."""
    bench = PickBench(GROUND)
    bench.slippery = 99
    move_servos = bench.move_servos

    def cheat(target: np.ndarray) -> None:
        move_servos(target)
        if bench.arm[5] < 0.3:
            bench.arm[5], bench.effort[5] = 0.3, -1.0

    bench.move_servos = cheat
    bench.run(120.0)
    assert ended(bench) == "missed", bench.pick.outcome
    assert "seen" in bench.pick.outcome.message


def test_nothing_to_see_is_lost() -> None:
    bench = PickBench(GROUND)
    bench.visible = False
    bench.run()
    assert ended(bench) == "lost"


def test_another_label_is_not_taken() -> None:
    bench = PickBench(GROUND, label="cup").run()
    assert ended(bench) == "lost"
    assert "cup" in bench.pick.outcome.message


def test_an_object_that_vanishes_on_the_way_is_lost() -> None:
    bench = PickBench(GROUND).run_until("approach")
    bench.visible = False
    bench.run()
    assert ended(bench) == "lost"


def test_an_object_that_is_carried_away_is_lost() -> None:
    bench = PickBench(GROUND).run_until("approach")
    bench.object = np.array([2.0, 1.0, 0.02])
    assert ended(bench.run()) == "lost"
    assert_comes_to_rest(bench)


@pytest.mark.parametrize(
    ("place", "words"),
    [([1.2, 0.0, 0.02], "nearer"), ([0.33, 0.0, 1.4], "nowhere"), ([-0.3, 0.2, 0.02], "turn")],
)
def test_out_of_reach_says_what_to_do(place: list, words: str) -> None:
    bench = PickBench(np.array(place)).run()
    assert ended(bench) == "unreachable"
    assert words in bench.pick.outcome.message
    assert bench.policy.attempts == 0


def test_a_stop_aborts_at_once_and_the_arm_stands_still() -> None:
    bench = PickBench(GROUND).run_until("approach").run(1.0)
    bench.objection = "estop was called"
    arm = bench.arm.copy()
    bench.step()
    assert ended(bench) == "aborted"
    assert "estop was called" in bench.pick.outcome.message
    bench.objection = ""
    assert np.array_equal(arm, bench.rest())


def test_a_clock_that_jumps_back_aborts_and_the_arm_stands_still() -> None:
    bench = PickBench(GROUND).run_until("approach")
    arm = bench.arm.copy()
    bench.now -= 100.0
    bench.step()
    assert ended(bench) == "aborted"
    assert bench.pick.outcome.message == "the clock jumped back by 99.98 s"
    assert np.array_equal(arm, bench.rest())


def test_a_dog_that_stops_standing_aborts() -> None:
    bench = PickBench(GROUND).run_until("approach")
    bench.stands = False
    assert ended(bench.run()) == "aborted"


def test_an_arm_that_does_not_follow_aborts() -> None:
    bench = PickBench(GROUND).run_until("approach")
    bench.follows = False
    assert ended(bench.run()) == "aborted"
    assert "does not follow" in bench.pick.outcome.message


@pytest.mark.parametrize("phase", ["stance", "approach", "verify"])
def test_legs_that_nothing_holds_abort_and_the_arm_comes_to_rest(phase: str) -> None:
    bench = PickBench(GROUND).run_until(phase)
    bench.torque_off = "heartbeat is missing"
    bench.step()
    assert ended(bench) == "aborted"
    assert "legs are not held: heartbeat is missing" in bench.pick.outcome.message
    bench.torque_off = ""
    assert_comes_to_rest(bench)


def test_detections_stamped_ahead_of_now_are_left_out() -> None:
    bench = PickBench(GROUND)
    bench.ahead = 5.0
    assert ended(bench.run()) == "lost"
    bench = PickBench(GROUND).run_until("approach")
    bench.ahead = 5.0
    assert ended(bench.run()) == "lost"
    assert "last seen 0.6" in bench.pick.outcome.message


def test_an_error_that_nobody_foresaw_aborts_and_the_arm_comes_to_rest() -> None:
    bench = PickBench(GROUND).run_until("approach").run(0.2)

    def fail(*_: object) -> None:
        raise RuntimeError("the network broke")

    bench.policy.act = fail
    bench.run()
    assert ended(bench) == "aborted"
    assert "the network broke" in bench.pick.outcome.message
    assert bench.pick.failure is not None
    assert_comes_to_rest(bench)


def test_it_is_carried_with_the_body_level() -> None:
    bench = PickBench(GROUND, after=AfterPick.CARRY).run()
    assert ended(bench) == "picked", bench.pick.outcome
    assert bench.phases[-1] == "carry"
    assert np.allclose(bench.rest()[:5], CONFIG.poses.carry)
    assert bench.body.height == 0.0
    assert bench.held is not None


def test_what_falls_while_carried_is_told() -> None:
    bench = PickBench(GROUND, after=AfterPick.CARRY).run_until("carry")
    bench.held, bench.object = None, GROUND
    assert ended(bench.run()) == "lost"


def test_what_falls_while_it_is_held_out_is_neither_held_nor_handed_over() -> None:
    for seconds in (0.1, 5.0):
        bench = PickBench(GROUND, after=AfterPick.HAND_OVER).run_until("hand_over").run(12.0 + seconds)
        bench.held, bench.object = None, GROUND
        bench.load[1] = 1.2 * CONFIG.hand_over.pull  # the arm feels that it carries less
        assert ended(bench.run()) == "lost"


def test_handed_over_when_somebody_pulls() -> None:
    bench = PickBench(GROUND, after=AfterPick.HAND_OVER).run_until("hand_over").run(12.0)
    assert bench.pick.outcome is None
    assert bench.held is not None
    bench.load[1] = 0.8 * CONFIG.hand_over.pull
    bench.run(2.0)
    assert bench.pick.outcome is None
    bench.load[1] = 1.2 * CONFIG.hand_over.pull
    bench.run(4.0 * CONFIG.hand_over.time)
    bench.load[1] = 0.0
    bench.run()
    assert ended(bench) == "handed_over"
    assert bench.held is None


def test_nobody_pulls_it_goes_on_holding() -> None:
    bench = PickBench(GROUND, after=AfterPick.HAND_OVER).run()
    assert ended(bench) == "picked"
    assert "nobody took it" in bench.pick.outcome.message
    assert bench.held is not None
