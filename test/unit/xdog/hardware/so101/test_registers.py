"""Registers of the servo: bytes and signs by hand, and that every value survives the way there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.registers import Register

ALL = [value for value in vars(reg).values() if isinstance(value, Register)]


@pytest.mark.parametrize(
    ("register", "value", "data"),
    [
        (reg.ID, 6, (6,)),
        (reg.GOAL_POSITION, 2047, (0xFF, 0x07)),
        (reg.GOAL_POSITION, -1, (0x01, 0x80)),
        (reg.HOMING_OFFSET, -2047, (0xFF, 0x0F)),
        (reg.HOMING_OFFSET, 1024, (0x00, 0x04)),
    ],
)
def test_bytes_by_hand(register: Register, value: int, data: "tuple[int, ...]") -> None:
    assert register.encode(value) == data
    assert register.decode(bytes(data), register.address) == value


@pytest.mark.parametrize(
    ("register", "value"), [(reg.ID, 256), (reg.ID, -1), (reg.GOAL_POSITION, 32768), (reg.HOMING_OFFSET, -2048)]
)
def test_what_does_not_fit_is_refused(register: Register, value: int) -> None:
    with pytest.raises(ValueError, match=f"{value} does not fit into {register.name}"):
        register.encode(value)


@given(st.sampled_from(ALL), st.data())
def test_every_value_survives_the_way_to_bytes_and_back(register: Register, data: st.DataObject) -> None:
    largest = (1 << (register.sign_bit or 8 * register.size)) - 1
    value = data.draw(st.integers(-largest if register.sign_bit else 0, largest))
    block = b"\xaa" * 3 + bytes(register.encode(value)) + b"\xaa" * 3
    assert register.decode(block, register.address - 3) == value


def test_no_two_registers_share_a_byte() -> None:
    taken = [address for r in ALL for address in range(r.address, r.address + r.size)]
    assert len(taken) == len(set(taken))


def test_the_blocks_hold_what_is_read_from_them() -> None:
    for register in (reg.TORQUE_ENABLE, reg.GOAL_POSITION, reg.PRESENT_POSITION, reg.STATUS, reg.PRESENT_CURRENT):
        assert register.inside(*reg.CYCLIC)
    for register in reg.KEPT:
        assert any(register.inside(*block) for block in reg.EEPROM)
    assert not reg.PRESENT_CURRENT.inside(reg.CYCLIC[0], reg.CYCLIC[1] - 1)
