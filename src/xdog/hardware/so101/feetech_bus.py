"""The bus of Feetech's servos: packets through scservo_sdk, whose serial port is mended here.

Nothing here waits longer than the answers need on the wire plus `ANSWER_TIME` for each attempt.
"""

import contextlib
import select
import termios
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, TypeVar

import serial
from scservo_sdk import (
    BROADCAST_ID,
    COMM_RX_TIMEOUT,
    COMM_SUCCESS,
    INST_PING,
    PacketHandler,
    PortHandler,
)

from xdog.core.interfaces import DeviceUnreachableError, HardwareError
from xdog.hardware.so101.registers import BAUD_RATES, ERRORS, Register

ANSWER_TIME = 7.0
"""ms that servos and USB adapter may take on top of the wire time.

A servo answers within 0.5 ms (Return_Delay_Time), a USB adapter hands bytes over every 1 ms; two attempts at a whole
sync read, (2.4 + 7) ms each, fit into a cycle of 20 ms.
"""

WRITE_TIME = 0.02
"""Patience with a port that takes no bytes, s."""

ATTEMPTS = 3
"""How often a single register is asked for or written until the servo counts as silent."""

EMPTY_ANSWER = 6
"""Bytes of an answer without data."""

Result = TypeVar("Result")
PORT_ERRORS = (serial.SerialException, OSError, termios.error, TypeError)
"""What pyserial raises when the cable is pulled; TypeError if it notices while it closes the port."""


class BusError(HardwareError):
    """Servos do not answer, or not soundly."""


class PortError(DeviceUnreachableError):
    """The serial port is not there, cannot be opened or has gone."""


class ServoReply(NamedTuple):
    """What a servo answered: the bytes asked for, and the error bits of its status packet."""

    data: bytes
    error: int


class PingReply(NamedTuple):
    """Who answered a question to all: an id for every answer, in order, and how many answers could not be read.

    Servos with the same id answer at the same time: the id comes twice, or what comes is spoilt.
    """

    ids: List[int]
    spoilt: int


@dataclass
class BusCounts:
    """What went over the bus since it was opened: sync reads, how many of them stayed incomplete after all, and why."""

    reads: int = 0
    incomplete: int = 0
    retries: int = 0
    corrupt: int = 0
    silent: int = 0


def describe_error(bits: int) -> str:
    """The error bits of a status packet in words, empty if there are none."""
    return ", ".join(text for bit, text in ERRORS if bits & bit)


class PatchedPort(PortHandler):  # type: ignore[misc]  # the SDK carries no types
    """The SDK's serial port, without what makes it hang.

    The SDK's own waits 34 ms for every answer whatever its length, measures that on the wall clock, spins while it
    waits, goes on for ever while noise comes in, and takes an answer that came too late for the answer to the next
    question, because its clearPort empties the wrong buffer.
    """

    is_open: bool
    ser: Any
    _rest: Optional[bytes] = None

    def setupPort(self, cflag_baud: int) -> bool:  # noqa: N802 - the SDK's name
        """Open the port for this process alone."""
        if self.is_open:
            self.closePort()
        self.ser = serial.Serial(
            self.port_name, cflag_baud, timeout=0, write_timeout=0, exclusive=True, bytesize=serial.EIGHTBITS
        )
        with contextlib.suppress(ValueError, OSError, NotImplementedError, AttributeError):  # not every adapter can
            self.ser.set_low_latency_mode(True)  # an FTDI adapter otherwise holds bytes back for 16 ms
        self.is_open = True
        self.tx_time_per_byte = 10_000.0 / cflag_baud
        return True

    def writePort(self, packet: Sequence[int]) -> int:  # noqa: N802 - the SDK's name
        """Send a packet; returns how many bytes the port took, 0 if it takes none for `WRITE_TIME`.

        pyserial's own time limit fails also where all bytes were written and the machine was busy afterwards.
        """
        if not select.select([], [self.ser.fileno()], [], WRITE_TIME)[1]:
            return 0
        return int(self.ser.write(packet))

    def clearPort(self) -> None:  # noqa: N802 - the SDK's name
        """Forget what came in."""
        self.ser.reset_input_buffer()

    def setPacketTimeout(self, packet_length: int) -> None:  # noqa: N802 - the SDK's name
        """From now on wait for an answer of so many bytes."""
        self._rest = None
        self.setPacketTimeoutMillis(self.tx_time_per_byte * packet_length + ANSWER_TIME)

    def getCurrentTime(self) -> float:  # noqa: N802 - the SDK's name
        """Milliseconds on a clock that nobody sets."""
        return 1000.0 * time.monotonic()

    def expired(self) -> bool:
        """Whether the time for the answer is over and nothing is left of what came in."""
        return bool(self.getTimeSinceStart() >= self.packet_timeout and self._rest == b"")

    def readPort(self, length: int) -> bytes:  # noqa: N802 - the SDK's name
        """Up to ``length`` bytes; sleeps until some are there or the time is over.

        What had come in by then is still handed out: it is this process that was late. Nothing after that.
        """
        left = self.packet_timeout - self.getTimeSinceStart()
        if left > 0.0:
            if not select.select([self.ser.fileno()], [], [], left / 1000.0)[0]:
                return b""
            return bytes(self.ser.read(length))
        if self._rest is None:
            self._rest = bytes(self.ser.read(self.ser.in_waiting))
        data, self._rest = self._rest[:length], self._rest[length:]
        return data


class FeetechBus:
    """Reads and writes registers. Methods may be called from several threads; one transaction is whole.

    Args:
        path: the serial port, such as /dev/ttyACM0.
        names: what to call the servos in messages, by id.
    """

    def __init__(self, path: str, names: Mapping[int, str]) -> None:
        self.path = path
        self.counts = BusCounts()
        self._names = dict(names)
        self._port = PatchedPort(path)
        self._packets = PacketHandler(0)
        self._lock = threading.RLock()

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return bool(self._port.is_open)

    def name(self, servo: int) -> str:
        """What to call a servo in a message."""
        name = self._names.get(servo)
        return f"servo {servo} ({name})" if name else f"servo {servo}"

    def open(self, baud_rate: int = BAUD_RATES[0]) -> None:
        """Open the port, or set another speed (bit/s).

        Raises:
            PortError: it cannot be opened.
        """
        with self._lock:
            try:
                self._port.setBaudRate(baud_rate)
            except PORT_ERRORS as error:
                self._forget_port()
                raise PortError(f"{self.path} cannot be opened: {explain(error)}") from error

    def close(self) -> None:
        """Close the port. The servos go on with what they were told last."""
        with self._lock:
            self._forget_port()

    def ping(self, servo: int) -> bool:
        """Whether a servo answers, asked `ATTEMPTS` times."""

        def ask() -> Optional[ServoReply]:
            sent = self._packets.txPacket(self._port, [0, 0, servo, 2, INST_PING, 0])
            return self._hear(sent, servo, 0)

        return self._attempt(ask) is not None

    def listen_for_all(self, patience: float) -> PingReply:
        """Ask everybody on the bus who is there, and listen for ``patience`` s.

        Raises:
            PortError: the port has gone.
        """

        def ask() -> PingReply:
            ids, spoilt = [], 0
            if self._packets.txPacket(self._port, [0, 0, BROADCAST_ID, 2, INST_PING, 0]) == COMM_SUCCESS:
                self._port.setPacketTimeout(round(1000.0 * patience / self._port.tx_time_per_byte))
                while not self._port.expired():
                    packet, result = self._packets.rxPacket(self._port)
                    if result == COMM_SUCCESS:
                        ids.append(packet[2])
                    spoilt += result not in (COMM_SUCCESS, COMM_RX_TIMEOUT)
            return PingReply(sorted(ids), spoilt)

        with self._lock:
            return self._transact(ask)

    def read(self, servo: int, register: Register) -> int:
        """A register of one servo.

        Raises:
            BusError: the servo does not answer.
            PortError: the port has gone.
        """
        return register.decode(self.read_block(servo, register.address, register.size).data, register.address)

    def read_block(self, servo: int, address: int, length: int) -> ServoReply:
        """Bytes of one servo's table; raises as `read` does."""

        def ask() -> Optional[ServoReply]:
            return self._hear(self._packets.readTx(self._port, servo, address, length), servo, length)

        answer = self._attempt(ask)
        if answer is None:
            raise BusError(f"{self.name(servo)} does not answer on {self.path}: check its cable and its power")
        return answer

    def write(self, servo: int, register: Register, value: int) -> None:
        """Set a register of one servo.

        Raises:
            BusError: the servo does not confirm.
            PortError: the port has gone.
        """
        data = list(register.encode(value))

        def tell() -> Optional[ServoReply]:
            sent = self._packets.writeTxOnly(self._port, servo, register.address, register.size, data)
            return self._hear(sent, servo, 0)

        if self._attempt(tell) is None:
            raise BusError(f"{self.name(servo)} does not confirm {register.name} {value}: check its cable")

    def sync_read(self, servos: Sequence[int], address: int, length: int) -> Dict[int, ServoReply]:
        """Ask several servos at once for the same bytes, one attempt; those that do not answer are left out.

        Raises:
            PortError: the port has gone.
        """
        with self._lock:
            self.counts.reads += 1
            return self._transact(
                lambda: self._collect(
                    self._packets.syncReadTx(self._port, address, length, list(servos), len(servos)), servos, length
                )
            )

    def _hear(self, sent: int, servo: int, length: int) -> Optional[ServoReply]:
        """One servo's answer of ``length`` bytes, None if none came."""
        self._port.setPacketTimeout(length + EMPTY_ANSWER)
        return self._collect(sent, [servo], length).get(servo)

    def _collect(self, sent: int, servos: Sequence[int], length: int) -> Dict[int, ServoReply]:
        """The answers of ``length`` bytes to a question, if the SDK's result says it was ``sent``.

        Not the SDK's own functions: they take any packet of the right servo for the answer, also one that was meant for
        a question given up before, and one silent servo makes GroupSyncRead throw the others' answers away.
        """
        answers: Dict[int, ServoReply] = {}
        while sent == COMM_SUCCESS and len(answers) < len(servos):
            packet, result = self._packets.rxPacket(self._port)
            if result == COMM_SUCCESS and packet[2] in servos and packet[3] == length + 2:
                answers[packet[2]] = ServoReply(bytes(packet[5 : 5 + length]), packet[4])
            elif result not in (COMM_SUCCESS, COMM_RX_TIMEOUT):
                self.counts.corrupt += 1
            if self._port.expired():
                break
        return answers

    def sync_write(self, register: Register, values: Mapping[int, int]) -> None:
        """Set a register of several servos at once. They do not confirm.

        Raises:
            PortError: the port has gone.
        """
        parameters: List[int] = []
        for servo, value in values.items():
            parameters += [servo, *register.encode(value)]

        def tell() -> int:
            return int(
                self._packets.syncWriteTxOnly(self._port, register.address, register.size, parameters, len(parameters))
            )

        with self._lock:
            if self._transact(tell) != COMM_SUCCESS:
                raise PortError(f"{self.path} takes no bytes: pull the USB cable and plug it in again")

    def _attempt(self, transaction: Callable[[], Optional[ServoReply]]) -> Optional[ServoReply]:
        """The answer of one servo, asked until it comes or often enough."""
        for attempt in range(ATTEMPTS):
            with self._lock:
                self.counts.retries += attempt > 0
                answer = self._transact(transaction)
            if answer is not None:
                return answer
        self.counts.silent += 1
        return None

    def _transact(self, transaction: Callable[[], Result]) -> Result:
        if not self.is_open:
            raise PortError(f"{self.path} is not open: plug the arm's USB cable in")
        self._port.is_using = False  # the SDK leaves it set when something is raised
        try:
            return transaction()
        except PORT_ERRORS as error:
            self._forget_port()
            raise PortError(f"{self.path} has gone ({error}): plug the arm's USB cable in again") from error

    def _forget_port(self) -> None:
        if self._port.is_open:
            with contextlib.suppress(*PORT_ERRORS):
                self._port.closePort()
            self._port.is_open = False


def explain(error: Exception) -> str:
    """Why a port cannot be opened, and the remedy."""
    text = str(error)
    if "Permission denied" in text:
        return "no permission; as root: usermod -aG dialout USER, then log in again"
    if "lock" in text:
        return "another program uses it; end that first"
    if "No such file" in text:
        return "there is no such device; plug the arm's USB cable in, and see ls /dev/ttyACM* /dev/ttyUSB*"
    return text
