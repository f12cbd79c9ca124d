"""./xdog arm on emulated servos: from the box to an arm that the driver accepts."""

from pathlib import Path
from typing import Callable, Iterator, List

import pytest
from repository import ROOT
from servo_bus import CALIBRATION, Servo, ServoBus, calibrated_servos
from servo_time import be_patient

from xdog.arm_tools.__main__ import main
from xdog.arm_tools.calibrate import MIDDLE_POSE, Ranges, calibrate
from xdog.arm_tools.doctor import findings
from xdog.arm_tools.setup_motors import find_servo, setup_motors
from xdog.arm_tools.terminal import choose_port
from xdog.core.description import load_description
from xdog.doctor import MISSING
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.arm import So101Arm, servo_names
from xdog.hardware.so101.calibration import check_writable, load_calibration, save_calibration
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus, PortError
from xdog.hardware.so101.servo_health import load_health_config

ROBOT = load_description()
JOINTS = {name: entry.id for name, entry in CALIBRATION.items()}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture
def wire() -> Iterator[ServoBus]:
    with ServoBus(calibrated_servos()) as emulated:
        yield emulated


@pytest.fixture
def bus(wire: ServoBus) -> Iterator[FeetechBus]:
    opened = FeetechBus(wire.path, servo_names(CALIBRATION))
    opened.open()
    yield opened
    opened.close()


def test_the_only_port_is_taken() -> None:
    assert choose_port("", lambda: ["/dev/ttyACM0"]) == "/dev/ttyACM0"
    assert choose_port("/dev/x", list) == "/dev/x"
    with pytest.raises(PortError, match="plug the arm's USB cable in"):
        choose_port("", list)
    with pytest.raises(PortError, match="several serial ports, name the arm's with --port: /dev/a /dev/b"):
        choose_port("", lambda: ["/dev/a", "/dev/b"])


# setup-motors.


def test_new_servos_get_their_ids_one_after_the_other(wire: ServoBus, bus: FeetechBus) -> None:
    box = [Servo(1) for _ in JOINTS]
    box[2].poke(reg.BAUD_RATE, 4)  # one comes with 115200 baud
    wire.servos = []
    asked: List[str] = []
    said: List[str] = []

    def connect(text: str) -> None:
        asked.append(text)
        wire.servos = [box[len(asked) - 1]]

    setup_motors(bus, tuple(JOINTS), connect, said.append)
    assert [servo.peek(reg.ID) for servo in box] == [6, 5, 4, 3, 2, 1]  # gripper first
    assert all((servo.peek(reg.BAUD_RATE), servo.peek(reg.LOCK)) == (0, 1) for servo in box)
    assert "Connect the servo of gripper and no other" in asked[0]
    assert said[2] == "  wrist_flex: id 1 at 115200 baud is now id 4 at 1000000 baud"
    assert "./xdog arm calibrate" in said[-1]


def test_a_mistake_is_named_and_may_be_made_good(wire: ServoBus, bus: FeetechBus) -> None:
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


def test_two_new_servos_may_be_made_good(wire: ServoBus, bus: FeetechBus) -> None:
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


# calibrate.


class Hands:
    """Whoever moves the arm: puts it in the middle, then each joint to both ends."""

    def __init__(self, wire: ServoBus) -> None:
        self.wire = wire
        self.asked: List[str] = []
        self.said: List[str] = []
        self.tables: List[str] = []
        self.places: List[int] = []

    def ask(self, text: str) -> None:
        self.asked.append(text)
        assert all(servo.peek(reg.TORQUE_ENABLE) == 0 for servo in self.wire.servos)
        if "middle" in text:
            for servo in self.wire.servos:
                servo.shaft = 1000.0 + 100 * servo.peek(reg.ID)
                servo.measure(0.0, 0.0)
            self.places = [0, 900, 0, -700]

    def enough(self) -> bool:
        if not self.places:
            return True
        away = self.places.pop()
        for servo in self.wire.servos:
            servo.shaft = 1000.0 + 100 * servo.peek(reg.ID) + away
            servo.measure(0.0, 0.0)
        return False

    def run(self, bus: FeetechBus, enough: Callable[[], bool]) -> dict:
        return calibrate(bus, JOINTS, self.ask, self.said.append, self.tables.append, enough)


def test_calibration_finds_middle_and_ends_and_the_driver_accepts_it(
    wire: ServoBus, bus: FeetechBus, tmp_path: Path
) -> None:
    hands = Hands(wire)
    made = hands.run(bus, hands.enough)
    assert "hold it" in hands.asked[0]
    assert MIDDLE_POSE in hands.asked[1]
    for joint, entry in made.items():
        assert entry.homing_offset == 1000 + 100 * entry.id - 2047
        wanted = (0, 4095) if joint == "wrist_roll" else (2047 - 700, 2047 + 900)
        assert (entry.range_min, entry.range_max) == wanted
    assert "elbow_flex" in hands.tables[-1]
    path = tmp_path / "arm.json"
    save_calibration(path, made)
    bus.close()
    arm = So101Arm(ROBOT, bus, load_calibration(path, ROBOT.arm.names), load_health_config())
    arm.connect()
    arm.close()


def test_the_page_describes_the_same_middle() -> None:
    page = ROOT / "docs" / "use" / "arm-setup.md"
    assert f"to the middle of its range: {MIDDLE_POSE}." in " ".join(page.read_text().split())


def test_a_joint_that_was_not_moved_is_asked_for(wire: ServoBus, bus: FeetechBus) -> None:
    hands = Hands(wire)
    pressed = [True, False, False, False, False, True]

    def enough() -> bool:
        return pressed.pop(0) if pressed[0] else hands.enough() and pressed.pop(0)

    hands.run(bus, enough)
    assert "Not yet: move shoulder_pan, shoulder_lift, elbow_flex, wrist_flex, gripper to both ends" in hands.said[1]


def test_a_joint_that_passes_the_end_of_its_encoder_is_noticed() -> None:
    ranges = Ranges({"elbow_flex": 4000, "wrist_roll": 4000})
    ranges.update({"elbow_flex": 4090, "wrist_roll": 20})  # wrist_roll may
    with pytest.raises(BusError, match="elbow_flex went past the end of its encoder: begin anew"):
        ranges.update({"elbow_flex": 10, "wrist_roll": 20})


def test_calibration_without_a_servo_changes_nothing(wire: ServoBus, bus: FeetechBus) -> None:
    wire.servo(4).silent = True
    hands = Hands(wire)
    with pytest.raises(BusError, match=r"servo 4 \(wrist_flex\) does not answer"):
        hands.run(bus, hands.enough)
    assert all(not servo.writes for servo in wire.servos)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("a file/arm.json", "(File exists)"),
        ("a file/deeper/arm.json", "(Not a directory)"),
        ("a folder", "it is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_servos_learn_anything(
    wire: ServoBus,
    tmp_path: Path,
    place: str,
    told: str,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a file").write_text("in the way")
    (tmp_path / "a folder").mkdir()
    asked: List[str] = []
    monkeypatch.setattr("builtins.input", asked.append)
    monkeypatch.setattr("xdog.arm_tools.__main__.calibrate", lambda *_: pytest.fail("it began to calibrate"))
    path = tmp_path / place
    assert main(["calibrate", "--port", wire.path, "--calibration", str(path)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"xdog arm: {path} cannot be written")
    assert told in complaint
    assert "no servo was changed; name another file with --calibration" in complaint
    assert complaint.count("\n") == 1
    assert asked == []
    assert all(not servo.writes for servo in wire.servos)


def test_looking_whether_the_file_can_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "new" / "arm.json"
    check_writable(path)
    assert list(path.parent.iterdir()) == []
    save_calibration(path, CALIBRATION)
    before = path.read_bytes()
    check_writable(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


# doctor.


def diagnose(wire: ServoBus, path: Path) -> List[str]:
    bus = FeetechBus(wire.path, servo_names(CALIBRATION))
    found = findings(bus, tuple(JOINTS), path, load_health_config())
    lines = [f"{finding.what} -> {finding.remedy}" for finding in found if finding.level == MISSING]
    bus.close()
    return lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "arm.json"
    save_calibration(made, CALIBRATION)
    return made


def test_doctor_finds_a_sound_arm_and_changes_nothing(wire: ServoBus, path: Path) -> None:
    before = [bytes(servo.memory[:56]) for servo in wire.servos]
    assert diagnose(wire, path) == []
    assert [bytes(servo.memory[:56]) for servo in wire.servos] == before


def test_doctor_names_what_is_wrong(wire: ServoBus, path: Path) -> None:
    wire.servo(2).poke(reg.PRESENT_VOLTAGE, 71)
    wire.servo(3).alarm = 32
    wire.servo(4).poke(reg.MODEL_NUMBER, 5)
    wire.servo(5).silent = True
    text = "\n".join(diagnose(wire, path))
    assert "servo 2 (shoulder_lift): 7.1 V, 30 C, firmware 3.10: below 9.5 V -> look at the power supply" in text
    assert "servo 3 (elbow_flex): 12.1 V, 30 C, firmware 3.10: reports overload -> take the load off" in text
    assert "servo 4 (wrist_flex): 12.1 V, 30 C, firmware 3.10: model 5 is no STS3215" in text
    assert "servo 5 (wrist_roll) does not answer -> check its cable" in text


def test_doctor_knows_another_arms_calibration(wire: ServoBus, path: Path) -> None:
    wire.servo(1).poke(reg.HOMING_OFFSET, 5)
    assert "another arm's" in diagnose(wire, path)[0]


def test_doctor_finds_no_power_and_no_cable(wire: ServoBus, path: Path) -> None:
    wire.servos = []
    assert diagnose(wire, path)[-1] == "no servo answers at all -> is the arm's power supply on?"
    wire.unplug()
    assert "there is no such device" in diagnose(wire, path)[0]


def test_the_program_itself(wire: ServoBus, path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["doctor", "--port", wire.path, "--calibration", str(path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith("The arm is well.\n")
    path.write_text("{}")
    assert main(arguments) == 1
    assert "1 to mend." in capsys.readouterr().out
