"""The arm of a running graph has the interface that recording and replay need."""

import inspect

from xdog_learning.grasp.running_arm import RunningArm
from xdog_learning.nodes.common.arm_link import ArmLink


def test_an_arm_link_implements_the_interface() -> None:
    asked = [name for name in vars(RunningArm) if not name.startswith("_")]
    assert set(asked) == {"joints", "mode", "target", "objection", "interruption", "watch", "send"}
    for name in asked:
        wanted, found = getattr(RunningArm, name), getattr(ArmLink, name)
        assert isinstance(found, property) == isinstance(wanted, property), name
        if not isinstance(wanted, property):
            assert list(inspect.signature(found).parameters) == list(inspect.signature(wanted).parameters), name
