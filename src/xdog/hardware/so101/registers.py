"""The control table of Feetech's STS3215 servo, as far as XDog uses it.

Addresses and sizes: LeRobot's motors/feetech/tables.py. Numbers are little-endian; a signed one is a magnitude with a
sign bit.
"""

from dataclasses import dataclass
from typing import Tuple

MODEL = 777
"""Model_Number of an STS3215."""

RESOLUTION = 4096
"""Positions in a turn."""

MIDDLE = 2047
"""The position that a joint gets in the middle of its range when it is calibrated, LeRobot's half-turn homing."""

BAUD_RATES = (1_000_000, 500_000, 250_000, 128_000, 115_200, 57_600, 38_400, 19_200)
"""bit/s for each value of the register Baud_Rate."""

ERRORS = ((1, "voltage"), (2, "angle sensor"), (4, "overheating"), (8, "overcurrent"), (32, "overload"))
"""What the bits of a status packet's error byte mean."""


@dataclass(frozen=True)
class Register:
    """An entry of the control table.

    Attributes:
        name: LeRobot's name.
        address: of its first byte.
        size: 1 or 2 bytes.
        sign_bit: number of the bit that makes the value negative, 0 if it has no sign.
    """

    name: str
    address: int
    size: int
    sign_bit: int = 0

    def encode(self, value: int) -> Tuple[int, ...]:
        """A value as bytes.

        Raises:
            ValueError: it does not fit.
        """
        raw = value
        if self.sign_bit and value < 0:
            raw = -value | 1 << self.sign_bit
        limit = 1 << (self.sign_bit or 8 * self.size)
        if not (-limit < value < limit and raw >= 0):
            raise ValueError(f"{value} does not fit into {self.name}")
        return tuple(raw >> 8 * i & 0xFF for i in range(self.size))

    def decode(self, block: bytes, start: int = 0) -> int:
        """The value in a block of bytes whose first has the address ``start``."""
        offset = self.address - start
        raw = int.from_bytes(block[offset : offset + self.size], "little")
        if not self.sign_bit:
            return raw
        magnitude = raw & (1 << self.sign_bit) - 1
        return -magnitude if raw >> self.sign_bit & 1 else magnitude

    def inside(self, start: int, length: int) -> bool:
        """Whether it lies within a block of ``length`` bytes from the address ``start``."""
        return start <= self.address and self.address + self.size <= start + length


# EEPROM: kept without power, written only while Torque_Enable and Lock are 0.
FIRMWARE_MAJOR = Register("Firmware_Major_Version", 0, 1)
FIRMWARE_MINOR = Register("Firmware_Minor_Version", 1, 1)
MODEL_NUMBER = Register("Model_Number", 3, 2)
ID = Register("ID", 5, 1)
BAUD_RATE = Register("Baud_Rate", 6, 1)
RETURN_DELAY = Register("Return_Delay_Time", 7, 1)  # 2 us
MIN_POSITION = Register("Min_Position_Limit", 9, 2)
MAX_POSITION = Register("Max_Position_Limit", 11, 2)
MAX_TEMPERATURE = Register("Max_Temperature_Limit", 13, 1)  # degrees Celsius
MAX_TORQUE = Register("Max_Torque_Limit", 16, 2)  # 0.1 % of stall torque
P_GAIN = Register("P_Coefficient", 21, 1)
D_GAIN = Register("D_Coefficient", 22, 1)
I_GAIN = Register("I_Coefficient", 23, 1)
PROTECTION_CURRENT = Register("Protection_Current", 28, 2)
HOMING_OFFSET = Register("Homing_Offset", 31, 2, sign_bit=11)
OPERATING_MODE = Register("Operating_Mode", 33, 1)  # 0: position
OVERLOAD_TORQUE = Register("Overload_Torque", 36, 1)  # % of stall torque
MAX_ACCELERATION = Register("Maximum_Acceleration", 85, 1)

# RAM: forgotten without power.
TORQUE_ENABLE = Register("Torque_Enable", 40, 1)
ACCELERATION = Register("Acceleration", 41, 1)  # 100 positions/s^2
GOAL_POSITION = Register("Goal_Position", 42, 2, sign_bit=15)
TORQUE_LIMIT = Register("Torque_Limit", 48, 2)  # 0.1 % of stall torque
LOCK = Register("Lock", 55, 1)
PRESENT_POSITION = Register("Present_Position", 56, 2, sign_bit=15)
PRESENT_VELOCITY = Register("Present_Velocity", 58, 2, sign_bit=15)
PRESENT_LOAD = Register("Present_Load", 60, 2, sign_bit=10)  # 0.1 % of full duty
PRESENT_VOLTAGE = Register("Present_Voltage", 62, 1)  # 0.1 V
PRESENT_TEMPERATURE = Register("Present_Temperature", 63, 1)  # degrees Celsius
STATUS = Register("Status", 65, 1)
PRESENT_CURRENT = Register("Present_Current", 69, 2, sign_bit=15)  # 6.5 mA
VELOCITY_UNIT = Register("Velocity_Unit_factor", 82, 1)

CYCLIC = (40, 31)
"""Start and length of the block from Torque_Enable to Present_Current that is read in every cycle.

At 1 Mbaud its sync read of six servos is 14 + 6 x 37 = 236 bytes, 2.36 ms. From Present_Position on it would be 140
bytes, 1.40 ms, but would not show a servo that has reset; and asking for that apart costs a second round trip over USB,
1 ms and more, and shows one servo.
"""

EEPROM = ((0, 40), (80, 7))
"""Start and length of the blocks that hold what a servo keeps."""

KEPT = (
    FIRMWARE_MAJOR,
    FIRMWARE_MINOR,
    MODEL_NUMBER,
    MIN_POSITION,
    MAX_POSITION,
    MAX_TEMPERATURE,
    MAX_TORQUE,
    RETURN_DELAY,
    P_GAIN,
    D_GAIN,
    I_GAIN,
    PROTECTION_CURRENT,
    HOMING_OFFSET,
    OPERATING_MODE,
    OVERLOAD_TORQUE,
    VELOCITY_UNIT,
    MAX_ACCELERATION,
)
"""The registers in those blocks that XDog looks at."""
