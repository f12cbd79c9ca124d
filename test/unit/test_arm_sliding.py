"""A stream of setpoints into the dog: the arm slides along as far as it may, and never creeps nearer."""

import numpy as np
import pytest
from test_arm_controller import ARM, INTO_TRUNK, Bench


def test_a_stream_slides_along_what_it_must_not_touch() -> None:
    bench = Bench()
    for gripper in (0.0, 0.7):  # the arm is held back before the gripper, which is in nobody's way, is to open
        for _ in range(200):
            bench.controller.on_setpoint(ARM.names, [*INTO_TRUNK, gripper], 0.0)
            bench.step()
        assert "held back" in bench.controller.state
        assert bench.position[5] == pytest.approx(gripper)
        assert np.max(np.abs(bench.position[:5] - INTO_TRUNK)) > 0.05
        assert bench.controller._collision.meetings(bench.position) == []


def test_many_small_steps_do_not_creep_through_the_margin() -> None:
    bench = Bench()
    for _ in range(200):
        bench.controller.on_setpoint(ARM.names, [*INTO_TRUNK, 0.0], 0.0)
        bench.step()
    for _ in range(1500):
        bench.controller.on_setpoint(ARM.names, [*INTO_TRUNK, 0.0], 2000.0)
        bench.step()
    assert bench.controller._collision.meetings(bench.position) == []
