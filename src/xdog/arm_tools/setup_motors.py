"""`./xdog arm setup-motors`: give every new servo its id, one after the other."""

import contextlib
from typing import Callable, Sequence, Tuple

from xdog.arm_tools.terminal import Ask
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus

LISTEN = 0.06
"""s to wait for a servo's answer at each speed."""

LOOKS = 10
"""How often a servo is asked how it is, to see whether a second one talks at the same time."""

MOST_SPOILT = 1
"""How many of these answers may stay away from a servo that is alone."""

TWINS = "two servos with the same id, or a bad cable. Only one may be connected now: unplug the others"


def find_servo(bus: FeetechBus) -> Tuple[int, int]:
    """The only servo on the bus, whatever its id and speed, as (id, baud rate).

    Raises:
        BusError: there is none, or more than one.
        PortError: the port has gone.
    """
    for rate in reg.BAUD_RATES:
        bus.open(rate)
        spoilt = 0
        for _ in range(2):
            found = bus.listen_for_all(LISTEN)
            if len(found.ids) > 1:
                raise BusError(f"servos {found.ids} answer: only one may be connected now. Unplug the others")
            if found.ids and not found.spoilt:
                check_alone(bus, found.ids[0])
                return found.ids[0], rate
            spoilt += found.spoilt
        if spoilt:
            raise BusError(f"at {rate} baud no answer can be read: {TWINS}")
    raise BusError("no servo answers: is its cable plugged in at both ends, and the power supply on?")


def check_alone(bus: FeetechBus, servo: int) -> None:
    """Two servos with the same id say the same when asked who they are, but not when asked where and how they are.

    Raises:
        BusError: their answers spoil each other.
        PortError: the port has gone.
    """
    spoilt = sum(servo not in bus.sync_read([servo], *reg.CYCLIC) for _ in range(LOOKS))
    if spoilt > MOST_SPOILT:
        raise BusError(f"{spoilt} of {LOOKS} answers of id {servo} cannot be read: {TWINS}")


def assign(bus: FeetechBus, servo: int, rate: int, wanted: int) -> None:
    """Give the servo ``servo``, which talks at ``rate``, the id ``wanted`` and 1 Mbaud.

    Raises:
        BusError: it is no STS3215, or does not answer under its new id.
    """
    bus.open(rate)
    model = bus.read(servo, reg.MODEL_NUMBER)
    if model != reg.MODEL:
        raise BusError(f"this servo has model number {model}; an STS3215 has {reg.MODEL}")
    bus.write(servo, reg.TORQUE_ENABLE, 0)
    bus.write(servo, reg.LOCK, 0)
    for address, register, value in ((servo, reg.ID, wanted), (wanted, reg.BAUD_RATE, 0)):
        with contextlib.suppress(BusError):  # some firmware confirms as its new self; what follows shows if it heard
            bus.write(address, register, value)
    bus.open()
    bus.write(wanted, reg.LOCK, 1)


def setup_motors(bus: FeetechBus, joints: Sequence[str], ask: Ask, say: Callable[[str], None]) -> None:
    """Lead through all joints, gripper first, so that the chain can grow from the last servo to the first.

    Raises:
        HardwareError: the port has gone.
    """
    for i in reversed(range(len(joints))):
        wanted = i + 1
        while True:
            ask(f"Connect the servo of {joints[i]} and no other to the board, then press Enter. ")
            try:
                servo, rate = find_servo(bus)
                assign(bus, servo, rate, wanted)
            except BusError as error:
                say(f"  {error}. Once more:")
                continue
            say(f"  {joints[i]}: id {servo} at {rate} baud is now id {wanted} at {reg.BAUD_RATES[0]} baud")
            break
    say("All servos have their ids. Connect them in a chain, then: ./xdog arm calibrate")
