"""One simulated robot: rest, limits, noise, faults, determinism."""

import dataclasses
import math
from typing import List

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.core.interfaces import LegsTarget
from xdog_sim.config import load_sim_config
from xdog_sim.robot import SimulatedRobot

ROBOT = load_description()
CONFIG = load_sim_config()
STAND, LIE = ROBOT.legs.poses["stand"], ROBOT.legs.poses["lie"]
ZERO = np.zeros(12)
GRAVITY = 9.81
Array = np.ndarray


def hold(position: Array, kp: float = 40.0, kd: float = 1.0) -> LegsTarget:
    return LegsTarget(position, ZERO, ZERO, ZERO + kp, ZERO + kd)


@pytest.fixture(scope="module")
def shared() -> SimulatedRobot:
    return SimulatedRobot(ROBOT, CONFIG.perfect(), seed=0)


@pytest.fixture
def sim(shared: SimulatedRobot) -> SimulatedRobot:
    """A perfect robot, lying."""
    shared.faults.set("none")
    shared.arm.set_torque(True)
    shared.reset()
    return shared


def stand(sim: SimulatedRobot) -> None:
    sim.reset("stand")
    sim.legs.write(hold(STAND))
    sim.step(1000)


def test_a_lying_robot_does_not_move(sim: SimulatedRobot) -> None:
    before = sim.ground_truth()
    for _ in range(100):
        sim.step(5)
        assert np.abs(sim.ground_truth().linear_velocity).max() < 0.01
    after = sim.ground_truth()
    assert np.linalg.norm(after.position - before.position) < 0.002
    assert 0.03 < after.position[2] < 0.08  # the trunk's underside is 54 mm below its origin
    assert np.abs(sim.legs.read().position - LIE).max() < 0.3


def test_a_standing_robot_carries_its_weight_on_four_feet(sim: SimulatedRobot) -> None:
    stand(sim)
    assert sim.legs.read().contact.all()
    names = [f"{foot}_touch" for foot in ROBOT.feet]
    force = sum(float(sim.data.sensor(name).data[0]) for name in names)
    assert force == pytest.approx(ROBOT.mass * GRAVITY, rel=0.02)
    assert sim.ground_truth().position[2] == pytest.approx(0.264, abs=0.02)


def test_imu_at_rest(sim: SimulatedRobot) -> None:
    stand(sim)
    reading = sim.legs.read()
    x, y, z, w = reading.orientation
    up = np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])  # world z seen by the IMU
    assert reading.linear_acceleration == pytest.approx(GRAVITY * up, abs=0.05)
    assert np.abs(reading.angular_velocity).max() < 0.01


def test_perfect_robot_measures_the_truth(sim: SimulatedRobot) -> None:
    sim.step(5)
    reading = sim.legs.read()
    assert reading.stamp == reading.imu_stamp == sim.time
    angles = [sim.data.joint(name).qpos[0] for name in ROBOT.legs.names]
    assert reading.position.tolist() == angles
    assert sim.arm.read().position.tolist() == [sim.data.joint(name).qpos[0] for name in ROBOT.arm.names]


def test_reset_sets_the_pose_and_keeps_the_time(sim: SimulatedRobot) -> None:
    sim.step(100)
    before = sim.time
    sim.reset("stand", x=2.0, y=-1.0, yaw=math.pi / 2)
    assert sim.time == before
    sim.step(1)
    assert sim.time == pytest.approx(before + 0.001)
    truth = sim.ground_truth()
    assert truth.position[:2] == pytest.approx([2.0, -1.0], abs=0.05)
    assert 2.0 * math.atan2(truth.orientation[2], truth.orientation[3]) == pytest.approx(math.pi / 2, abs=0.05)


@pytest.mark.parametrize(("arguments", "message"), [(("sit",), "unknown pose 'sit'"), (("lie", math.nan), "finite")])
def test_reset_refuses_invalid_arguments(sim: SimulatedRobot, arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sim.reset(*arguments)


def test_push_changes_the_velocity_in_the_world(sim: SimulatedRobot) -> None:
    sim.reset("stand", yaw=math.pi / 2)
    sim.push(np.array([0.5, 0.0, 0.0]))
    # World x is to the right of a robot that faces along world y: base_link's -y.
    assert sim.ground_truth().linear_velocity == pytest.approx([0.0, -0.5, 0.0], abs=0.05)


@pytest.mark.parametrize("delta", [[1.0, 2.0], [math.inf, 0.0, 0.0]])
def test_push_refuses_invalid_arguments(sim: SimulatedRobot, delta: List[float]) -> None:
    with pytest.raises(ValueError, match="three finite velocities"):
        sim.push(np.array(delta))


def test_torque_never_exceeds_the_limit(sim: SimulatedRobot) -> None:
    sim.reset("stand")
    sim.legs.write(hold(LIE, kp=60.0))
    for _ in range(50):
        sim.step(1)
        assert np.abs(sim.legs.read().effort).max() <= 9.1
    assert np.abs(sim.legs.read().velocity).max() < 16.29 * 1.05


def test_damping_slows_a_fall(sim: SimulatedRobot) -> None:
    """A robot falls more slowly on damped legs than on legs without torque."""
    heights = []
    for kd in (0.5, 0.0):
        sim.reset("stand")
        sim.legs.write(hold(STAND, kp=0.0, kd=kd))
        sim.step(150)
        heights.append(sim.ground_truth().position[2])
    assert heights[0] > heights[1] + 0.02


def test_the_arm_follows_within_its_speed_and_backlash() -> None:
    sim = SimulatedRobot(ROBOT, CONFIG, seed=3)
    goal = np.array([0.5, -1.2, 1.2, 0.8, 0.4, 0.5])
    sim.arm.write(goal)
    fastest = 0.0
    for _ in range(400):
        sim.step(5)
        fastest = max(fastest, float(np.abs(sim.arm.read().velocity).max()))
    assert fastest < 4.71 * 1.1
    # Backlash, and droop under the weight of the arm, because the servos have no integral control.
    assert np.abs(sim.arm.read().position - goal).max() < CONFIG.arm.backlash + 0.03


def test_an_arm_without_torque_falls_and_holds_its_pose_when_switched_on(sim: SimulatedRobot) -> None:
    sim.arm.write(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    sim.step(2000)
    up = sim.arm.read().position
    sim.arm.set_torque(False)
    sim.step(1000)
    assert np.abs(sim.arm.read().effort).max() == 0.0
    fallen = sim.arm.read().position
    assert np.abs(fallen - up).max() > 0.2
    sim.arm.set_torque(True)
    sim.step(500)
    assert np.abs(sim.arm.read().position - fallen).max() < 0.1


def run(seed: int) -> List[Array]:
    sim = SimulatedRobot(ROBOT, CONFIG, seed)
    track = []
    for i in range(60):
        sim.legs.write(hold(STAND + 0.2 * math.sin(0.3 * i)))
        sim.step(5)
        reading, truth = sim.legs.read(), sim.ground_truth()
        track.append(np.concatenate([truth.position, truth.orientation, reading.position, reading.angular_velocity]))
    return track


def test_the_same_seed_repeats_the_run_and_another_does_not() -> None:
    first, again, other = run(7), run(7), run(8)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_measurements_have_the_delay_and_noise_of_the_settings() -> None:
    sim = SimulatedRobot(ROBOT, CONFIG, seed=5)
    readings = []
    for _ in range(200):
        sim.step(5)
        readings.append(sim.legs.read())
    last = readings[-1]
    assert last.stamp - last.imu_stamp == pytest.approx(CONFIG.imu.delay)
    gyro = np.array([reading.angular_velocity for reading in readings])
    # 200 samples estimate a standard deviation to 5 %; twice that, plus some real motion
    assert gyro.std(axis=0) == pytest.approx([CONFIG.imu.gyro_noise] * 3, rel=0.25)
    assert np.abs(sim.legs.encoder_offset).max() <= CONFIG.legs.encoder_offset
    truth = np.array([sim.data.joint(name).qpos[0] for name in ROBOT.legs.names])
    error = last.position - truth - sim.legs.encoder_offset
    assert 0.0 < np.abs(error).max() < 5.0 * CONFIG.legs.position_noise


def test_the_battery_reports_after_a_while_and_drains() -> None:
    sim = SimulatedRobot(ROBOT, CONFIG, seed=0)
    sim.step(5)
    assert sim.battery.read() is None
    sim.step(600)
    resting = sim.battery.read()
    assert resting is not None
    # 12 W of electronics at 28.6 V; the legs draw next to nothing
    assert resting.current == pytest.approx(-0.42, abs=0.02)
    sim.legs.write(hold(STAND, kp=60.0))
    sim.step(100)
    working = sim.battery.read()
    assert working is not None
    assert working.voltage < resting.voltage
    assert working.percentage < resting.percentage


def test_faults_affect_measurements_until_they_are_cleared(sim: SimulatedRobot) -> None:
    sim.step(5)
    stale, joint = sim.time, ROBOT.legs.names[4]
    sim.faults.set("imu_stale")
    sim.faults.set("joint_offline", joint)
    sim.faults.set("over_temperature", joint, 80.0)
    sim.faults.set("joint_alarm", joint, 3)
    sim.faults.set("battery_voltage", value=20.0)
    sim.legs.write(hold(STAND))
    sim.step(50)
    reading, battery = sim.legs.read(), sim.battery.read()
    assert reading.imu_stamp == pytest.approx(stale)
    assert reading.online.tolist() == [i != 4 for i in range(12)]
    assert reading.effort[4] == 0.0
    assert reading.temperature[4] == 80.0
    assert reading.alarm.tolist() == [3 if i == 4 else 0 for i in range(12)]
    assert battery is not None
    assert battery.voltage == 20.0
    sim.faults.set("none")
    sim.step(5)
    reading, battery = sim.legs.read(), sim.battery.read()
    assert reading.imu_stamp == sim.time
    assert reading.online.all()
    assert not reading.alarm.any()
    assert battery is not None
    assert battery.voltage > 25.0


def test_the_measurement_rate_does_not_affect_the_physics() -> None:
    """Five single steps equal one step of five, apart from the noise that each measurement draws."""
    config = dataclasses.replace(CONFIG, imu=CONFIG.perfect().imu)
    ends = []
    for chunks in ([1] * 50, [5] * 10):
        sim = SimulatedRobot(ROBOT, config, seed=1)
        sim.legs.write(hold(STAND))
        for count in chunks:
            sim.step(count)
        ends.append(sim.data.qpos.copy())
    assert np.array_equal(*ends)
