"""The arm's driver on emulated servos: settings, angles, no jump, and what it does when something fails."""

import contextlib
import dataclasses
import time
from typing import Callable, Iterator, Sequence

import numpy as np
import pytest
from servo_bus import CALIBRATION, Servo, ServoBus, calibrated_servos, joint_index
from servo_time import be_patient

from xdog.core.description import load_description
from xdog.core.interfaces import Arm, HardwareError
from xdog.hardware.so101 import arm as so101
from xdog.hardware.so101 import feetech_bus as feetech
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.arm import Scale, So101Arm, servo_names
from xdog.hardware.so101.calibration import CalibrationError
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus, PortError
from xdog.hardware.so101.servo_health import load_health_config
from xdog.hardware.so101.servo_settings import WrongArmError, write_settings

ROBOT = load_description()
NAMES = ROBOT.arm.names
HEALTH = dataclasses.replace(load_health_config(), silent_time=0.5)
TURN = 2 * np.pi / 4096


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)
    monkeypatch.setattr(so101, "RECONNECT_PERIOD", 0.0)


@pytest.fixture
def wire() -> Iterator[ServoBus]:
    with ServoBus(calibrated_servos()) as emulated:
        yield emulated


def make(wire: ServoBus) -> So101Arm:
    return So101Arm(ROBOT, FeetechBus(wire.path, servo_names(CALIBRATION)), CALIBRATION, HEALTH, lambda: 12.5)


@pytest.fixture
def arm(wire: ServoBus) -> Iterator[So101Arm]:
    made = make(wire)
    made.connect()
    yield made
    made.close()


def cycle(arm: So101Arm, goal: np.ndarray, until: Callable[[], bool], cycles: int = 400) -> None:
    """Read and write, as the bridge does it, until something is so."""
    for _ in range(cycles):
        arm.read()
        if until():
            return
        arm.write(goal)
    raise AssertionError(f"not within {cycles} cycles; {arm.health()}")


def read_until_error(arm: So101Arm) -> HardwareError:
    end = time.monotonic() + 20.0
    while time.monotonic() < end:
        try:
            arm.read()
        except HardwareError as error:
            return error
    raise AssertionError("the arm goes on answering")


def test_it_is_what_the_bridge_asks_for(arm: So101Arm) -> None:
    conforming: Arm = arm
    assert conforming.read().stamp == 12.5


# Angles.


def test_zero_is_the_middle_of_the_range_and_the_gripper_starts_at_its_closed_stop(arm: So101Arm) -> None:
    position = arm.read().position
    assert position[joint_index("shoulder_pan")] == pytest.approx(-0.5 * TURN)  # 2024 of 758 to 3291
    assert position[joint_index("wrist_roll")] == pytest.approx(-0.5 * TURN)  # 2047 of 0 to 4095
    # 2649 is 626 positions above 2023, the closed stop, which is -10 degrees in the URDF
    assert position[joint_index("gripper")] == pytest.approx(-0.174533 + 626 * TURN)


def test_angles_and_positions_are_inverse_and_stay_in_the_calibrated_range() -> None:
    scale = Scale(ROBOT, CALIBRATION)
    ticks = np.array([1000, 1200, 1500, 2000, 4000, 3000])
    np.testing.assert_array_equal(scale.positions(scale.angles(ticks)), ticks)
    np.testing.assert_array_equal(scale.positions(np.full(6, 9.0)), scale.high)
    np.testing.assert_array_equal(scale.positions(np.full(6, -9.0)), scale.low)
    quarter = scale.positions(np.full(6, np.pi / 2)) - scale.positions(np.zeros(6))
    assert quarter[joint_index("shoulder_pan")] == pytest.approx(1024, abs=1)


# Starting.


def test_a_calibration_over_another_range_than_the_bodys_is_refused(wire: ServoBus) -> None:
    for joint, leader, allowed in (
        ("elbow_flex", False, False),
        ("elbow_flex", True, False),
        ("gripper", False, False),
        ("gripper", True, True),  # a leader's handle turns less than a gripper opens
    ):
        short = dataclasses.replace(CALIBRATION[joint], range_min=2000, range_max=2300)
        bus = FeetechBus(wire.path, servo_names(CALIBRATION))
        told = pytest.raises(CalibrationError, match=f"{joint} is calibrated over 26 degrees, urdf/xdog.urdf gives it")
        with contextlib.nullcontext() if allowed else told:
            So101Arm(ROBOT, bus, {**CALIBRATION, joint: short}, HEALTH, torque_off=leader)


def test_settings_are_lerobots_and_the_eeprom_is_written_once(wire: ServoBus, arm: So101Arm) -> None:
    for servo in wire.servos:
        found = [servo.peek(r) for r in (reg.P_GAIN, reg.I_GAIN, reg.D_GAIN, reg.RETURN_DELAY, reg.OPERATING_MODE)]
        assert found == [16, 0, 32, 0, 0]
        assert (servo.peek(reg.MAX_ACCELERATION), servo.peek(reg.ACCELERATION), servo.peek(reg.LOCK)) == (254, 254, 1)
    gripper, others = wire.servo(6), wire.servos[:5]
    limits = (reg.MAX_TORQUE, reg.PROTECTION_CURRENT, reg.OVERLOAD_TORQUE)
    assert [gripper.peek(r) for r in limits] == [500, 250, 25]
    assert all([servo.peek(r) for r in limits] == [1000, 500, 80] for servo in others)
    for servo in wire.servos:
        servo.writes.clear()
    arm.connect()
    assert all(not servo.writes for servo in wire.servos)


def test_torque_comes_on_without_a_jump(wire: ServoBus) -> None:
    for servo in wire.servos:
        servo.poke(reg.GOAL_POSITION, 100)  # left over
    arm = make(wire)
    arm.connect()
    for servo in wire.servos:
        assert servo.peek(reg.TORQUE_ENABLE) == 1
        assert [abs(goal - position) <= 1 for goal, position in servo.torque_log] == [True]
    before = arm.read().position
    for _ in range(5):
        arm.read()
    np.testing.assert_array_equal(arm.read().position, before)


@pytest.mark.parametrize(
    ("register", "value", "told"),
    [
        (reg.HOMING_OFFSET, 93, "shoulder_lift Homing_Offset: servo 93, file 92"),
        (reg.MAX_POSITION, 4095, "shoulder_lift Max_Position_Limit: servo 4095, file 3176"),
    ],
)
def test_another_arms_calibration_is_refused(wire: ServoBus, register: reg.Register, value: int, told: str) -> None:
    wire.servo(2).poke(register, value)
    arm = make(wire)
    with pytest.raises(WrongArmError, match=told) as caught:
        arm.connect()
    assert "./xdog arm calibrate" in str(caught.value)
    assert all(servo.peek(reg.TORQUE_ENABLE) == 0 for servo in wire.servos)
    assert all(not servo.writes for servo in wire.servos)


def test_another_servo_is_refused(wire: ServoBus) -> None:
    wire.servo(4).poke(reg.MODEL_NUMBER, 1284)
    with pytest.raises(WrongArmError, match=r"servo 4 \(wrist_flex\) has model number 1284; an STS3215 has 777"):
        make(wire).connect()


def test_a_joint_that_turns_the_other_way_is_refused(wire: ServoBus) -> None:
    wrong = {**CALIBRATION, "gripper": dataclasses.replace(CALIBRATION["gripper"], drive_mode=1)}
    with pytest.raises(WrongArmError, match="drive_mode is not 0 for gripper"):
        So101Arm(ROBOT, FeetechBus(wire.path, {}), wrong, HEALTH)


def test_a_missing_servo_is_named_at_the_start(wire: ServoBus) -> None:
    wire.servo(5).silent = True
    with pytest.raises(BusError, match=r"servo 5 \(wrist_roll\) does not answer on .*: check the cable before it"):
        make(wire).connect()


def test_an_arm_without_power_is_named_at_the_start(wire: ServoBus) -> None:
    wire.servos.clear()
    with pytest.raises(BusError, match=r"no servo answers on .*: is the arm's power supply on"):
        make(wire).connect()


def test_settings_that_do_not_stay_are_noticed(wire: ServoBus) -> None:
    servo = wire.servo(1)
    servo.write = lambda address, data: None  # type: ignore[method-assign]  # a worn-out memory
    bus = FeetechBus(wire.path, {1: "shoulder_pan"})
    bus.open()
    with pytest.raises(BusError, match=r"servo 1 \(shoulder_pan\) does not keep P_Coefficient 16, it shows 32"):
        write_settings(bus, 1, {reg.P_GAIN: 16})
    bus.close()


# Running.


def test_it_goes_where_it_is_sent(wire: ServoBus, arm: So101Arm) -> None:
    goal = np.array([0.3, -0.2, 0.5, 0.1, -1.0, 0.8])
    cycle(arm, goal, lambda: bool(np.allclose(arm.read().position, goal, atol=TURN)))
    assert not arm.health().faults


def test_velocity_and_effort_have_the_sign_of_the_motion(wire: ServoBus, arm: So101Arm) -> None:
    goal = arm.read().position + 1.0
    pan = joint_index("shoulder_pan")
    cycle(arm, goal, lambda: arm.read().velocity[pan] > 4.7)  # 3071 positions/s are 4.71 rad/s
    wire.servo(1).block(0.0)
    cycle(arm, goal, lambda: arm.read().effort[pan] == pytest.approx(2.94))  # stalled at full duty


def test_torque_can_be_switched_and_comes_back_where_the_arm_is(wire: ServoBus, arm: So101Arm) -> None:
    arm.set_torque(False)
    arm.read()
    assert all(servo.peek(reg.TORQUE_ENABLE) == 0 for servo in wire.servos)
    arm.write(np.zeros(6))
    wire.servo(1).shaft += 300  # somebody moves it
    arm.set_torque(True)
    goal, position = wire.servo(1).torque_log[-1]
    assert goal == position == 2024 + 300


def test_a_relaxed_arm_sinks_slowly_and_is_held_where_it_is_found(wire: ServoBus, arm: So101Arm) -> None:
    wire.free_running = False
    lift = wire.servo(2)
    lift.weight = 0.3
    start = lift.position
    hold = arm.read().position
    sunk = []
    for strength in np.linspace(1.0, 0.0, 101):  # 2 s
        arm.read()
        arm.write(hold, float(strength))
        arm.bus.read(2, reg.LOCK)  # until the emulator has obeyed
        wire.step()
        sunk.append(start - lift.position)
    assert sunk[60] == 0  # 40 % of the torque still hold 30 %
    assert np.max(np.diff(sunk)) <= 0.3 * 61.42 + 1  # at most as fast as it falls with the weight's share
    assert 0 < np.diff(sunk)[72] < 0.05 * 61.42 + 1  # slowly at first
    assert lift.peek(reg.TORQUE_ENABLE) == 0
    arm.read()
    arm.write(hold, 1.0)
    goal, position = lift.torque_log[-1]
    assert abs(goal - position) <= 1
    arm.bus.read(2, reg.LOCK)
    assert lift.peek(reg.TORQUE_LIMIT) == 1000


# Failing.


def test_spoilt_and_missing_bytes_are_got_over(wire: ServoBus, arm: So101Arm) -> None:
    for _ in range(20):
        wire.corrupt, wire.drop = 1, 1
        arm.read()
    assert arm.bus.counts.retries > 0
    assert not arm.health().faults


def test_a_servo_that_falls_silent_is_named_and_the_others_hold(wire: ServoBus, arm: So101Arm) -> None:
    arm.read()
    wire.servo(3).silent = True
    error = read_until_error(arm)
    assert "servo 3 (elbow_flex) does not answer" in str(error)
    assert arm.health().faults == (str(error),)
    assert all(servo.peek(reg.TORQUE_ENABLE) == 1 for servo in wire.servos)
    wire.servo(3).silent = False
    arm.read()
    assert not arm.health().faults


def deaf_once(servo: Servo, register: reg.Register) -> None:
    """The next write to a register does not reach the servo."""
    write = servo.write

    def miss(address: int, data: bytes) -> None:
        if address == register.address:
            servo.write = write  # type: ignore[method-assign]
        else:
            write(address, data)

    servo.write = miss  # type: ignore[method-assign]


def settle(arm: So101Arm) -> None:
    """Until the emulator has obeyed."""
    arm.bus.read(6, reg.LOCK)


def test_an_arm_that_could_not_be_held_is_let_go_all_the_same(wire: ServoBus, arm: So101Arm) -> None:
    arm.set_torque(False)
    arm.read()
    wire.servo(4).silent = True
    with pytest.raises(BusError):
        arm.set_torque(True)
    assert wire.servo(3).peek(reg.TORQUE_ENABLE) == 1
    arm.write(np.zeros(6), 0.0)
    settle(arm)
    assert all(servo.peek(reg.TORQUE_ENABLE) == 0 for servo in wire.servos)


def test_what_a_servo_missed_is_told_again(wire: ServoBus, arm: So101Arm) -> None:
    for strength, limit in ((0.5, 500), (1.0, 1000)):
        hold = arm.read().position
        deaf_once(wire.servo(2), reg.TORQUE_LIMIT)
        arm.write(hold, strength)
        arm.read()
        assert wire.servo(2).peek(reg.TORQUE_LIMIT) != limit
        arm.write(hold, strength)
        settle(arm)
        assert wire.servo(2).peek(reg.TORQUE_LIMIT) == limit
    deaf_once(wire.servo(2), reg.TORQUE_ENABLE)
    for _ in range(2):
        arm.write(hold, 0.0)
    settle(arm)
    assert wire.servo(2).peek(reg.TORQUE_ENABLE) == 0


def test_a_servo_that_reset_between_two_reads_is_named_and_held_where_it_is(wire: ServoBus, arm: So101Arm) -> None:
    hold = arm.read().position
    elbow = wire.servo(3)
    elbow.weight = 0.5
    elbow.reset()
    with pytest.raises(BusError, match=r"servo 3 \(elbow_flex\) has reset and let go of its joint") as caught:
        arm.read()
    assert arm.health().faults == (str(caught.value),)
    with contextlib.suppress(HardwareError):
        arm.write(hold)
    arm.read()
    assert not arm.health().faults
    goal, position = elbow.torque_log[-1]
    assert goal == position < 2003  # it had begun to sink
    assert (elbow.peek(reg.TORQUE_ENABLE), elbow.peek(reg.ACCELERATION), elbow.peek(reg.TORQUE_LIMIT)) == (1, 254, 1000)
    assert all(servo.peek(reg.TORQUE_ENABLE) == 1 for servo in wire.servos)


def test_a_servo_that_reset_while_it_is_weak_is_no_stronger_afterwards(wire: ServoBus, arm: So101Arm) -> None:
    hold = arm.read().position
    for _ in range(2):
        arm.write(hold, 0.3)
        arm.read()
    wire.servo(2).reset()
    assert "servo 2 (shoulder_lift) has reset" in str(read_until_error(arm))
    arm.read()
    settle(arm)
    assert (wire.servo(2).peek(reg.TORQUE_ENABLE), wire.servo(2).peek(reg.TORQUE_LIMIT)) == (1, 300)


def test_a_limp_servo_that_reset_is_set_up_and_stays_limp(wire: ServoBus, arm: So101Arm) -> None:
    arm.set_torque(False)
    arm.read()
    wire.servo(4).reset()
    assert "servo 4 (wrist_flex) has reset" in str(read_until_error(arm))
    arm.read()
    assert (wire.servo(4).peek(reg.TORQUE_ENABLE), wire.servo(4).peek(reg.ACCELERATION)) == (0, 254)


def test_torque_that_does_not_come_on_is_noticed(wire: ServoBus, arm: So101Arm) -> None:
    arm.set_torque(False)
    arm.read()
    deaf_once(wire.servo(5), reg.TORQUE_ENABLE)  # it confirms, and does nothing
    arm.set_torque(True)
    assert "servo 5 (wrist_roll) has reset" in str(read_until_error(arm))
    arm.read()
    assert wire.servo(5).peek(reg.TORQUE_ENABLE) == 1


def test_a_closed_arm_does_not_push_on(wire: ServoBus) -> None:
    arm = make(wire)
    arm.connect()
    wire.servo(1).block(0.0)
    goal = arm.read().position + 0.2
    arm.write(goal)
    settle(arm)
    assert wire.servo(1).peek(reg.GOAL_POSITION) > 2100
    arm.close()
    assert wire.servo(1).peek(reg.GOAL_POSITION) == 2024
    assert all(servo.peek(reg.GOAL_POSITION) == pytest.approx(servo.position, abs=62) for servo in wire.servos)
    assert all(servo.peek(reg.TORQUE_ENABLE) == 1 for servo in wire.servos)


def test_a_servo_that_lost_its_power_is_set_up_and_held_where_it_is(wire: ServoBus, arm: So101Arm) -> None:
    arm.read()
    elbow = wire.servo(3)
    elbow.silent = True
    read_until_error(arm)
    for register in (reg.TORQUE_ENABLE, reg.ACCELERATION, reg.GOAL_POSITION):
        elbow.poke(register, 0)
    elbow.shaft += 300
    deaf = elbow.write
    elbow.write = lambda address, data: None  # type: ignore[method-assign]
    elbow.poke(reg.P_GAIN, 32)  # it keeps nothing yet
    elbow.silent = False
    assert "does not keep P_Coefficient" in str(read_until_error(arm))
    assert arm.health().faults
    elbow.write = deaf  # type: ignore[method-assign]
    arm.read()
    assert not arm.health().faults
    goal, position = elbow.torque_log[-1]
    assert goal == position
    assert (elbow.peek(reg.TORQUE_ENABLE), elbow.peek(reg.ACCELERATION), elbow.peek(reg.P_GAIN)) == (1, 254, 16)


def test_a_pulled_cable_is_named_and_found_again(wire: ServoBus, arm: So101Arm) -> None:
    arm.read()
    wire.unplug()
    with pytest.raises(PortError, match="plug the arm's USB cable in"):
        arm.read()
    assert "USB cable" in arm.health().faults[0]
    with pytest.raises(PortError, match="USB cable"):
        arm.write(np.zeros(6))
    with pytest.raises(PortError, match="there is no such device"):
        arm.read()
    assert all(servo.peek(reg.TORQUE_ENABLE) == 1 for servo in wire.servos)  # they hold by themselves
    wire.free_running = False
    wire.servo(1).shaft += 200
    wire.servo(1).measure(0.0, 0.0)
    wire.plug_in()
    arm.read()
    assert not arm.health().faults
    assert wire.servo(1).peek(reg.GOAL_POSITION) == 2224  # held where it was found


@pytest.mark.parametrize(
    ("silent", "told"),
    [
        (range(1, 7), "no servo answers on"),
        ((2, 5), r"servo 2 \(shoulder_lift\), servo 5 \(wrist_roll\) does not answer"),
    ],
)
def test_looking_for_servos_that_are_away_fits_into_a_cycle(
    wire: ServoBus, arm: So101Arm, silent: Sequence[int], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.unplug()
    read_until_error(arm)
    for number in silent:
        wire.servo(number).silent = True
    wire.plug_in()
    patience = []  # ms for each answer or row of answers, as on a robot
    set_timeout = feetech.PatchedPort.setPacketTimeout

    def note(port: feetech.PatchedPort, length: int) -> None:
        patience.append(port.tx_time_per_byte * length + 7.0)
        set_timeout(port, length)

    monkeypatch.setattr(feetech.PatchedPort, "setPacketTimeout", note)
    with pytest.raises(BusError, match=told):
        arm.read()
    assert len(patience) == 2
    assert sum(patience) < 20.0


def test_another_arm_at_the_same_port_stays_a_fault(wire: ServoBus, arm: So101Arm) -> None:
    wire.unplug()
    read_until_error(arm)
    wire.servo(1).poke(reg.HOMING_OFFSET, 7)
    wire.plug_in()
    assert "another arm's" in str(read_until_error(arm))
    with pytest.raises(HardwareError, match="another arm's"):
        arm.write(np.zeros(6))


def test_voltage_and_temperature_are_shown(wire: ServoBus, arm: So101Arm) -> None:
    wire.servo(4).poke(reg.PRESENT_TEMPERATURE, 66)
    wire.servo(5).poke(reg.PRESENT_TEMPERATURE, 57)
    arm.read()
    health = arm.health()
    assert health.temperature[3] == 66.0
    assert health.voltage[0] == pytest.approx(12.1)
    assert health.faults == ("wrist_flex is too hot: 66 C; let it cool",)
    assert health.warnings == ("wrist_roll is hot: 57 C",)


def test_a_servos_own_alarm_is_named(wire: ServoBus, arm: So101Arm) -> None:
    wire.servo(2).alarm = 32
    arm.read()
    assert "shoulder_lift's servo reports overload: take the load off" in arm.health().faults[0]


def test_no_cycle_lasts_long_whatever_fails(wire: ServoBus, arm: So101Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feetech, "ANSWER_TIME", 7.0)
    for servo in wire.servos:
        servo.silent = True
    took = []
    for _ in range(20):
        start = time.monotonic()
        for action in (arm.read, lambda: arm.write(np.zeros(6))):
            with contextlib.suppress(HardwareError):
                action()
        took.append(time.monotonic() - start)
    assert np.median(took) < 1.0  # 19 ms on an idle machine; a busy one may stop a single cycle
