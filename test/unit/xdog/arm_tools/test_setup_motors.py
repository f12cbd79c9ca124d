"""./xdog arm setup-motors on emulated servos: new ones get their ids, mistakes are named and may be corrected."""

from typing import List

import pytest
from servo_bus import CALIBRATION, Servo, ServoBus

from xdog.arm_tools.setup_motors import find_servo, setup_motors
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus

JOINTS = tuple(CALIBRATION)


def test_new_servos_get_their_ids_one_after_the_other(wire: ServoBus, bus: FeetechBus) -> None:
    box = [Servo(1) for _ in JOINTS]
    box[2].poke(reg.BAUD_RATE, 4)  # one comes with 115200 baud
    wire.servos = []
    asked: List[str] = []
    said: List[str] = []

    def connect(text: str) -> None:
        asked.append(text)
        wire.servos = [box[len(asked) - 1]]

    setup_motors(bus, JOINTS, connect, said.append)
    assert [servo.peek(reg.ID) for servo in box] == [6, 5, 4, 3, 2, 1]  # gripper first
    assert all((servo.peek(reg.BAUD_RATE), servo.peek(reg.LOCK)) == (0, 1) for servo in box)
    assert "Connect the servo of gripper and no other" in asked[0]
    assert said[2] == "  wrist_flex: id 1 at 115200 baud is now id 4 at 1000000 baud"
    assert "./xdog arm calibrate" in said[-1]


def test_a_mistake_is_named_and_may_be_corrected(wire: ServoBus, bus: FeetechBus) -> None:
    right = Servo(1)
    wire.servos = []
    said: List[str] = []
    turns = iter([[], [Servo(1), Servo(2)], [right]])

    def connect(text: str) -> None:
        wire.servos = next(turns)

    setup_motors(bus, ["only"], connect, said.append)
    assert "no servo answers: is its cable plugged in" in said[0]
    assert "servos [1, 2] answer: only one may be connected now" in said[1]
    assert right.peek(reg.ID) == 1


def test_a_servo_is_found_at_any_speed(wire: ServoBus, bus: FeetechBus) -> None:
    stray = Servo(77)
    stray.poke(reg.BAUD_RATE, 7)
    wire.servos = [stray]
    assert find_servo(bus) == (77, 19_200)


def new_servos() -> List[Servo]:
    """Two from the box: the same id, shafts where they came to rest."""
    return [Servo(1, 1800), Servo(1, 2333)]


@pytest.mark.parametrize(
    ("ail", "told"),
    [
        ("one after the other", r"servos \[1, 1\] answer: only one may be connected now"),
        ("spoilt", "at 1000000 baud no answer can be read: two servos with the same id, or a bad cable"),
        ("at once", "10 of 10 answers of id 1 cannot be read: two servos with the same id"),  # a ping alone is sound
    ],
)
def test_two_new_servos_are_not_taken_for_one(wire: ServoBus, bus: FeetechBus, ail: str, told: str) -> None:
    pair = new_servos()
    wire.servos = pair
    wire.collide = ail == "at once"
    wire.corrupt = 1000 if ail == "spoilt" else 0
    with pytest.raises(BusError, match=told):
        find_servo(bus)
    assert all(servo.peek(reg.ID) == 1 and not servo.writes for servo in pair)


def test_two_new_servos_may_be_unplugged(wire: ServoBus, bus: FeetechBus) -> None:
    pair = new_servos()
    said: List[str] = []
    wire.collide = True
    turns = iter([pair, pair[:1]])

    def connect(text: str) -> None:
        wire.servos = next(turns)

    setup_motors(bus, ["pan"], connect, said.append)
    assert "two servos with the same id" in said[0]
    assert "pan: id 1 at 1000000 baud is now id 1" in said[1]


def test_one_spoilt_answer_makes_no_second_servo(wire: ServoBus, bus: FeetechBus) -> None:
    wire.servos = [Servo(9)]
    wire.corrupt = 1
    assert find_servo(bus) == (9, 1_000_000)
