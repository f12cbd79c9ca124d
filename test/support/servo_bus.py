"""STS3215 servos behind a pseudo-terminal: they exchange real bytes, and can be made to misbehave.

Time in the emulation is the number of sync reads of all servos: each moves them on by 20 ms, so that what they do
depends on no machine's speed. As a program it serves a calibrated arm until it is ended: `python servo_bus.py LINK`.
"""

import contextlib
import functools
import operator
import os
import select
import sys
import tempfile
import termios
import threading
import time
import tty
from pathlib import Path
from types import TracebackType
from typing import Dict, List, Mapping, Optional, Sequence, Type

from xdog.core.description import load_description
from xdog.core.timers import claim_priority
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.calibration import JointCalibration, save_calibration
from xdog.hardware.so101.registers import BAUD_RATES, Register

BROADCAST = 0xFE
PING, READ, WRITE, SYNC_READ, SYNC_WRITE = 1, 2, 3, 0x82, 0x83
STEP = 0.02
"""s of the servos' time for one sync read."""
TOP_SPEED = 3071.0
"""Positions/s, 4.71 rad/s."""
STALL_CURRENT = 2.7
"""A at full torque."""
TRIP_STEPS = 100
"""Steps of 20 ms above Overload_Torque after which the servo's own protection acts: 2 s."""
OVERLOADED = 32
FACTORY: Mapping[Register, int] = {
    reg.FIRMWARE_MAJOR: 3,
    reg.FIRMWARE_MINOR: 10,
    reg.MODEL_NUMBER: reg.MODEL,
    reg.RETURN_DELAY: 250,
    reg.MAX_POSITION: 4095,
    reg.MAX_TEMPERATURE: 70,
    reg.MAX_TORQUE: 1000,
    reg.P_GAIN: 32,
    reg.D_GAIN: 32,
    reg.PROTECTION_CURRENT: 500,
    reg.OVERLOAD_TORQUE: 80,
    reg.TORQUE_LIMIT: 1000,
    reg.LOCK: 1,
    reg.PRESENT_VOLTAGE: 121,
    reg.PRESENT_TEMPERATURE: 30,
    reg.VELOCITY_UNIT: 1,
}
CALIBRATION = {
    name: JointCalibration(i + 1, 0, offset, low, high)
    for i, (name, offset, low, high) in enumerate(
        (
            ("shoulder_pan", -1470, 758, 3291),
            ("shoulder_lift", 92, 820, 3176),
            ("elbow_flex", 1031, 916, 3090),
            ("wrist_flex", -12, 969, 3131),
            ("wrist_roll", 745, 0, 4095),
            ("gripper", -2047, 2023, 3275),
        )
    )
}
"""A plausible arm."""


class Servo:
    """One servo: its registers, its shaft, and its faults.

    Attributes:
        shaft: position of the encoder, before Homing_Offset.
        weight: share of the stall torque that it takes to hold the joint; with less it sinks.
        wall: how far from the present position the shaft can turn either way, None if it is free.
        silent: answers nothing.
        alarm: error bits of its status packets.
        writes: addresses in the EEPROM that were written.
        torque_log: (goal, position) at the moment torque was switched on.
    """

    def __init__(self, servo: int, shaft: int = 2048) -> None:
        self.memory = bytearray(128)
        for register, value in FACTORY.items():
            self.poke(register, value)
        self.poke(reg.ID, servo)
        self.shaft = float(shaft)
        self.weight = 0.0
        self.wall: Optional[float] = None
        self.silent = False
        self.writes: List[int] = []
        self.torque_log: List[tuple] = []
        self.alarm = 0
        self._overload_steps = 0
        self.measure(0.0, 0.0)

    def poke(self, register: Register, value: int) -> None:
        self.memory[register.address : register.address + register.size] = bytes(register.encode(value))

    def peek(self, register: Register) -> int:
        return register.decode(bytes(self.memory))

    @property
    def position(self) -> int:
        return round(self.shaft) - self.peek(reg.HOMING_OFFSET)

    def write(self, address: int, data: bytes) -> None:
        """What a write instruction does: EEPROM is refused while it is locked or has torque."""
        eeprom = address < reg.TORQUE_ENABLE.address or address >= 80
        if eeprom and (self.peek(reg.LOCK) or self.peek(reg.TORQUE_ENABLE)):
            return
        if eeprom:
            self.writes.append(address)
        before = self.peek(reg.TORQUE_ENABLE)
        self.memory[address : address + len(data)] = data
        if self.peek(reg.TORQUE_ENABLE) and not before:
            self.torque_log.append((self.peek(reg.GOAL_POSITION), self.position))
        if before and not self.peek(reg.TORQUE_ENABLE):
            self.alarm, self._overload_steps = self.alarm & ~OVERLOADED, 0
        self.measure(0.0, 0.0)

    def reset(self) -> None:
        """Lose power for so short a time that no answer is missed: the RAM is as after switching on."""
        for register in (reg.TORQUE_ENABLE, reg.ACCELERATION, reg.GOAL_POSITION):
            self.poke(register, 0)
        self.poke(reg.TORQUE_LIMIT, self.peek(reg.MAX_TORQUE))
        self.poke(reg.LOCK, 1)
        self.alarm = self._overload_steps = 0

    def step(self) -> None:
        """20 ms pass."""
        share = self.peek(reg.TORQUE_LIMIT) / 1000.0 if self.peek(reg.TORQUE_ENABLE) else 0.0
        if self.alarm & OVERLOADED:
            share = min(share, 0.2)
        way = float(self.peek(reg.GOAL_POSITION) - self.position) if share else 0.0
        most = TOP_SPEED * STEP
        move = max(min(way, most), -most)
        if share < self.weight:
            move = -most * (self.weight - share)
        load = self.weight if share else 0.0
        if self.wall is not None and abs(self.shaft + move - self._free) > self.wall and share:
            move, load = 0.0, share
        self.shaft += move
        self._overload_steps = self._overload_steps + 1 if 100 * load >= self.peek(reg.OVERLOAD_TORQUE) else 0
        if self._overload_steps >= TRIP_STEPS:
            self.alarm |= OVERLOADED
        self.measure(move / STEP, load if way >= 0 else -load)

    def block(self, wall: Optional[float]) -> None:
        """From now on something stands ``wall`` positions away on both sides, or nothing."""
        self._free, self.wall = self.shaft, wall

    def measure(self, velocity: float, load: float) -> None:
        self.poke(reg.PRESENT_POSITION, self.position)
        self.poke(reg.PRESENT_VELOCITY, round(velocity))
        self.poke(reg.PRESENT_LOAD, round(1000.0 * load))
        self.poke(reg.PRESENT_CURRENT, round(load * STALL_CURRENT / 0.0065))


class ServoBus:
    """The servos on one bus, served by a thread until it is closed. Attributes may be changed at any time.

    Attributes:
        path: the port to open: a link that stays when the cable is pulled and plugged in again.
        corrupt: so many of the next answers have a wrong checksum.
        drop: so many of the next answers lose a byte.
        noise: these bytes come before every answer.
        delay: s until an answer.
        babble: bytes come in without end.
        collide: servos with the same id talk at the same time and pull each other's bits low; else one after the other.
        free_running: time passes with sync reads; else only when `step` is called.
        urgent: answer before all ordinary programs, where that is allowed.
    """

    def __init__(self, servos: Sequence[Servo], link: Optional[Path] = None, urgent: bool = False) -> None:
        self.servos = list(servos)
        self.corrupt = self.drop = 0
        self.free_running = True
        self.urgent = urgent
        self.noise = b""
        self.delay = 0.0
        self.babble = self.collide = False
        self._folder = None if link else tempfile.TemporaryDirectory()
        self.path = str(link or Path(self._folder.name) / "tty")
        self._stop = threading.Event()
        self._stop.set()
        self._answering = False
        self._master = self._slave = -1
        self.plug_in()

    def __enter__(self) -> "ServoBus":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        self.unplug()
        if self._folder:
            self._folder.cleanup()

    def servo(self, number: int) -> Servo:
        return next(servo for servo in self.servos if servo.peek(reg.ID) == number)

    def plug_in(self) -> None:
        if not self._stop.is_set():
            return
        self._stop.clear()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link = Path(self.path)
        if link.is_symlink():
            link.unlink()
        link.symlink_to(os.ttyname(self._slave))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Pull the USB cable. The servos keep their power."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        Path(self.path).unlink()
        os.close(self._slave)
        os.close(self._master)

    @property
    def owes(self) -> bool:
        """Whether something was asked that this process has not got round to; ``delay`` makes it late on purpose."""
        if self._stop.is_set() or self.delay:
            return False
        return bool(select.select([self._master], [], [], 0.0)[0]) or self._answering

    def step(self) -> None:
        """20 ms pass for all servos."""
        for servo in self.servos:
            servo.step()

    # Bytes.

    def _serve(self) -> None:
        if self.urgent:
            claim_priority()  # servos answer in time whatever else keeps the machine busy
        pending = bytearray()
        while not self._stop.is_set():
            if self.babble:
                self._send_raw(bytes(range(1, 65)))
                self._stop.wait(0.0002)
            if not select.select([self._master], [], [], 0.0 if self.babble else 0.02)[0]:
                continue
            self._answering = True
            try:
                pending += os.read(self._master, 4096)
                while True:
                    packet = self._cut_packet(pending)
                    if packet is None:
                        break
                    self._execute_command(packet)
            finally:
                self._answering = False

    @staticmethod
    def _cut_packet(pending: bytearray) -> Optional[bytes]:
        while len(pending) >= 4:
            if pending[0] != 0xFF or pending[1] != 0xFF:
                del pending[0]
                continue
            end = pending[3] + 4
            if len(pending) < end:
                return None
            packet = bytes(pending[:end])
            del pending[:end]
            if ~sum(packet[2:-1]) & 0xFF == packet[-1]:
                return packet
        return None

    def _hearing(self) -> List[Servo]:
        """The servos whose baud rate is that of the port."""
        speed = termios.tcgetattr(self._master)[4]
        return [
            servo
            for servo in self.servos
            if not servo.silent and speed == getattr(termios, f"B{BAUD_RATES[servo.peek(reg.BAUD_RATE)]}", None)
        ]

    def _execute_command(self, packet: bytes) -> None:
        target, instruction, parameters = packet[2], packet[4], packet[5:-1]
        hearing: Dict[int, List[Servo]] = {}
        for servo in self._hearing():
            hearing.setdefault(servo.peek(reg.ID), []).append(servo)
        if instruction == SYNC_READ:
            start, length = parameters[:2]
            if self.free_running and len(parameters) - 2 == len(self.servos):  # not one repeated to some of them
                self.step()
            for number in parameters[2:]:
                self._answer(number, hearing.get(number, []), start, length)
        elif instruction == SYNC_WRITE:
            start, length = parameters[:2]
            for i in range(2, len(parameters), length + 1):
                for servo in hearing.get(parameters[i], []):
                    servo.write(start, parameters[i + 1 : i + 1 + length])
        for number in hearing if target == BROADCAST else [target]:
            servos = hearing.get(number, [])
            if instruction == PING:
                self._answer(number, servos)
            elif instruction == READ:
                self._answer(number, servos, *parameters)
            elif instruction == WRITE:
                for servo in servos:
                    servo.write(parameters[0], parameters[1:])
                self._answer(number, servos)

    def _answer(self, number: int, servos: Sequence[Servo], start: int = 0, length: int = 0) -> None:
        """Answer of all servos of an id: bytes from their tables."""
        packets = []
        for servo in servos:
            body = bytes([number, length + 2, servo.alarm]) + bytes(servo.memory[start : start + length])
            packets.append(b"\xff\xff" + body + bytes([~sum(body) & 0xFF]))
        if self.collide and packets:
            packets = [bytes(functools.reduce(operator.and_, together) for together in zip(*packets))]
        for packet in packets:
            self._say(bytearray(packet))

    def _say(self, packet: bytearray) -> None:
        if self.corrupt > 0:
            self.corrupt -= 1
            packet[-1] ^= 0x55
        if self.drop > 0:
            self.drop -= 1
            del packet[3]
        if self.delay:
            time.sleep(self.delay)
        self._send_raw(self.noise + bytes(packet))

    def _send_raw(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # no reader
            os.write(self._master, data)


def calibrated_servos(calibration: Mapping[str, JointCalibration] = CALIBRATION) -> List[Servo]:
    """The servos of an arm that was calibrated so and stands in the middle of its ranges."""
    servos = []
    for entry in calibration.values():
        servo = Servo(entry.id)
        servo.poke(reg.HOMING_OFFSET, entry.homing_offset)
        servo.poke(reg.MIN_POSITION, entry.range_min)
        servo.poke(reg.MAX_POSITION, entry.range_max)
        servo.shaft = (entry.range_min + entry.range_max) // 2 + entry.homing_offset
        servo.measure(0.0, 0.0)
        servos.append(servo)
    return servos


def joint_index(name: str) -> int:
    """Where a joint stands in arrays."""
    return load_description().arm.names.index(name)


def main() -> None:
    """Serve an arm at the link that the first argument names, its calibration beside it as LINK.json."""
    link = Path(sys.argv[1])
    with ServoBus(calibrated_servos(), link, urgent=True):
        save_calibration(Path(f"{link}.json"), CALIBRATION)
        print(link, flush=True)
        sys.stdin.read()  # until the parent goes


if __name__ == "__main__":
    main()
