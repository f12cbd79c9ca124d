"""The bus: what goes over the wire, what may go wrong on it, and that nothing hangs."""

import time
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servo_bus import Servo, ServoBus
from servo_time import be_patient

from xdog.hardware.so101 import feetech_bus as feetech
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus, PortError, describe_error
from xdog.hardware.so101.registers import Register

IDS = [1, 2, 3, 4, 5, 6]
BOUND = 2.0
"""s of wall time that nothing may exceed even on a busy machine; alone it is a tenth."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may keep the emulator waiting; a robot's servos are never late by so much."""
    be_patient(monkeypatch)


def seconds(question: Callable[[], object]) -> float:
    """How long it takes, s of wall time."""
    start = time.monotonic()
    question()
    return time.monotonic() - start


def eventually(read: Callable[[], bool]) -> bool:
    """Whether it comes true in a few tries."""
    for _ in range(10):
        try:
            if read():
                return True
        except BusError:
            pass
    return False


@pytest.mark.parametrize(
    ("register", "value", "data"),
    [
        (reg.GOAL_POSITION, 2047, (0xFF, 0x07)),
        (reg.HOMING_OFFSET, -12, (0x0C, 0x08)),  # bit 11 is the sign
        (reg.HOMING_OFFSET, 2047, (0xFF, 0x07)),
        (reg.PRESENT_LOAD, -500, (0xF4, 0x05)),  # bit 10
        (reg.PRESENT_VELOCITY, -1, (0x01, 0x80)),  # bit 15
        (reg.ID, 6, (6,)),
    ],
)
def test_registers_as_bytes(register: Register, value: int, data: tuple) -> None:
    assert register.encode(value) == data
    assert register.decode(bytes(data), register.address) == value


@given(st.integers(-2047, 2047))
def test_a_homing_offset_survives_the_wire(value: int) -> None:
    assert reg.HOMING_OFFSET.decode(bytes(reg.HOMING_OFFSET.encode(value)), 31) == value


@pytest.mark.parametrize(("register", "value"), [(reg.HOMING_OFFSET, -2048), (reg.ID, 256), (reg.ID, -1)])
def test_what_does_not_fit_is_refused(register: Register, value: int) -> None:
    with pytest.raises(ValueError, match=f"{value} does not fit into {register.name}"):
        register.encode(value)


def test_error_bits_in_words() -> None:
    assert describe_error(0) == ""
    assert describe_error(4 | 32) == "overheating, overload"


def test_reads_and_writes_a_register(wire: ServoBus, bus: FeetechBus) -> None:
    assert bus.ping(3)
    assert bus.read(3, reg.HOMING_OFFSET) == 1031
    bus.write(3, reg.ACCELERATION, 254)
    assert wire.servo(3).peek(reg.ACCELERATION) == 254


def test_one_sync_read_gives_everything_and_one_sync_write_sends_it(wire: ServoBus, bus: FeetechBus) -> None:
    assert eventually(lambda: sorted(bus.sync_read(IDS, *reg.CYCLIC)) == IDS)
    answer = bus.sync_read([6, 1], *reg.CYCLIC)[6]
    assert reg.PRESENT_POSITION.decode(answer.data, reg.CYCLIC[0]) == (2023 + 3275) // 2
    assert reg.PRESENT_VOLTAGE.decode(answer.data, reg.CYCLIC[0]) == 121
    bus.sync_write(reg.GOAL_POSITION, {1: 1000, 6: 3000})
    assert eventually(lambda: bus.read(6, reg.GOAL_POSITION) == 3000)
    assert wire.servo(1).peek(reg.GOAL_POSITION) == 1000
    assert wire.servo(2).peek(reg.GOAL_POSITION) == 0


def test_a_silent_servo_does_not_hide_the_others(wire: ServoBus, bus: FeetechBus) -> None:
    wire.servo(3).silent = True
    assert eventually(lambda: sorted(bus.sync_read(IDS, *reg.CYCLIC)) == [1, 2, 4, 5, 6])
    with pytest.raises(BusError, match=r"servo 3 \(elbow_flex\) does not answer on .*: check its cable"):
        bus.read(3, reg.ID)


@pytest.mark.parametrize("fault", ["corrupt", "drop"])
def test_a_spoilt_answer_is_asked_for_again(wire: ServoBus, bus: FeetechBus, fault: str) -> None:
    setattr(wire, fault, 1)
    assert bus.read(2, reg.HOMING_OFFSET) == 92
    assert bus.counts.retries >= 1
    assert bus.counts.corrupt >= 1


def test_a_spoilt_answer_costs_a_sync_read_one_servo(wire: ServoBus, bus: FeetechBus) -> None:
    wire.corrupt = 1
    answers = bus.sync_read(IDS, *reg.CYCLIC)
    assert set(answers) <= {2, 3, 4, 5, 6}
    assert eventually(lambda: sorted(bus.sync_read(IDS, *reg.CYCLIC)) == IDS)


def test_noise_before_the_answers(wire: ServoBus, bus: FeetechBus) -> None:
    wire.noise = b"\x00\xff\x13\xff\xff\xff"
    assert bus.read(2, reg.HOMING_OFFSET) == 92
    assert eventually(lambda: sorted(bus.sync_read(IDS, *reg.CYCLIC)) == IDS)


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(wire: ServoBus, bus: FeetechBus) -> None:
    wire.delay = 0.25
    with pytest.raises(BusError, match="does not answer"):
        bus.read(1, reg.HOMING_OFFSET)
    wire.delay = 0.0
    assert eventually(lambda: bus.read(1, reg.MAX_TEMPERATURE) > 0)
    assert bus.read(1, reg.MAX_TEMPERATURE) == 70  # the late answers have two bytes


@pytest.mark.parametrize("ail", ["silent", "babble", "delay", "noise"])
def test_nothing_waits_for_ever(wire: ServoBus, bus: FeetechBus, ail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feetech, "ANSWER_TIME", 7.0)
    if ail == "silent":
        for servo in wire.servos:
            servo.silent = True
    elif ail == "babble":
        wire.babble = True
    elif ail == "delay":
        wire.delay = 0.2
    else:
        wire.noise = b"\xff\xff\x01\xfa\x00" * 20
    for question in (lambda: bus.sync_read(IDS, *reg.CYCLIC), lambda: bus.ping(1), lambda: bus.listen_for_all(0.05)):
        assert any(seconds(question) < BOUND for _ in range(3))  # a busy machine may stop a single one


def test_a_pulled_cable_is_named_and_may_be_plugged_in_again(wire: ServoBus, bus: FeetechBus) -> None:
    wire.unplug()
    with pytest.raises(PortError, match=r"has gone .*plug the arm's USB cable in again"):
        bus.sync_read(IDS, *reg.CYCLIC)
    with pytest.raises(PortError, match="is not open"):
        bus.sync_write(reg.GOAL_POSITION, {1: 0})
    with pytest.raises(PortError, match="there is no such device"):
        bus.open()
    wire.plug_in()
    bus.open()
    assert bus.ping(1)


def test_a_port_is_for_one_program(bus: FeetechBus) -> None:
    with pytest.raises(PortError, match="another program uses it"):
        FeetechBus(bus.path, {}).open()


def test_everybody_on_the_bus_answers_at_its_own_speed(wire: ServoBus, bus: FeetechBus) -> None:
    assert eventually(lambda: bus.listen_for_all(0.1) == (IDS, 0))
    wire.servos = wire.servos[:1]
    wire.servo(1).poke(reg.BAUD_RATE, 4)
    assert bus.listen_for_all(0.02) == ([], 0)
    bus.open(115_200)
    assert eventually(lambda: bus.listen_for_all(0.1) == ([1], 0))


def test_two_servos_with_one_id_are_two_answers(wire: ServoBus, bus: FeetechBus) -> None:
    wire.servos = [Servo(1), Servo(1), Servo(7)]
    assert eventually(lambda: bus.listen_for_all(0.1) == ([1, 1, 7], 0))


def test_an_answer_that_cannot_be_read_is_counted(wire: ServoBus, bus: FeetechBus) -> None:
    wire.servos = [Servo(1)]
    wire.corrupt = 1
    assert bus.listen_for_all(0.1) == ([], 1)
    wire.noise = b"\x13\x37\xff\x00\xfe\x02\x55"  # before a sound answer
    assert eventually(lambda: bus.listen_for_all(0.1) == ([1], 0))
