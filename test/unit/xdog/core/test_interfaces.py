"""The bridge's devices: real and simulated ones have the same methods."""

import inspect
from typing import List

import pytest

from xdog.core.interfaces import Arm, Battery, DeviceUnreachableError, HardwareError, Legs
from xdog.hardware.so101.arm import So101Arm
from xdog.hardware.so101.feetech_bus import BusError, PortError
from xdog_sim.devices import SimulatedArm, SimulatedGauge, SimulatedLegs


def parameters(owner: type, method: str) -> List[str]:
    """Names and defaults of a method's parameters."""
    return [str(parameter) for parameter in inspect.signature(getattr(owner, method)).parameters.values()]


@pytest.mark.parametrize(
    ("protocol", "device"),
    [(Arm, So101Arm), (Arm, SimulatedArm), (Legs, SimulatedLegs), (Battery, SimulatedGauge)],
)
def test_devices_have_the_methods_of_their_protocol(protocol: type, device: type) -> None:
    methods = [name for name in vars(protocol) if not name.startswith("_")]
    assert methods
    for name in methods:
        assert parameters(device, name) == parameters(protocol, name), name


def test_only_a_lost_port_leaves_the_servos_with_their_last_goals() -> None:
    assert issubclass(PortError, DeviceUnreachableError)
    assert issubclass(BusError, HardwareError)
    assert not issubclass(BusError, DeviceUnreachableError)
