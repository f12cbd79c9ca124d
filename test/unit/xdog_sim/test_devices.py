"""The simulated devices on their own: what legs, arm and battery do with targets and ground truth."""

import dataclasses

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.core.interfaces import LegsTarget
from xdog_sim.config import load_sim_config
from xdog_sim.devices import SimulatedArm, SimulatedGauge, SimulatedLegs
from xdog_sim.faults import Faults
from xdog_sim.sensors import ImuSample

ROBOT = load_description()
CONFIG = load_sim_config()
PERFECT = CONFIG.perfect()
ZERO = np.zeros(12)
LEVEL = ImuSample(0.0, np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3), np.array([0.0, 0.0, 9.81]))


def make_legs(faults: Faults) -> SimulatedLegs:
    return SimulatedLegs(ROBOT, PERFECT, np.random.default_rng(0), faults, LEVEL)


def test_legs_apply_targets_and_measure_the_truth() -> None:
    faults = Faults(ROBOT.legs.names)
    legs = make_legs(faults)
    legs.write(LegsTarget(ZERO + 0.1, ZERO, ZERO, ZERO + 20.0, ZERO))
    assert legs.torque(ZERO, ZERO) == pytest.approx(np.full(12, 2.0))  # 20 Nm/rad x 0.1 rad
    force = np.array([0.0, PERFECT.legs.contact_force - 0.1, PERFECT.legs.contact_force + 0.1, 50.0])
    position = np.arange(12) / 100.0
    legs.measure(0.5, position, ZERO + 3.0, force, dataclasses.replace(LEVEL, stamp=0.5))
    reading = legs.read()
    assert (reading.stamp, reading.imu_stamp) == (0.5, 0.5)
    assert np.array_equal(reading.position, position)
    assert reading.velocity == pytest.approx(ZERO + 3.0)
    assert reading.effort == pytest.approx(ZERO + 2.0)
    assert reading.contact.tolist() == [False, False, True, True]
    assert reading.temperature == pytest.approx(ZERO + PERFECT.legs.temperature)
    assert reading.orientation.tolist() == [0.0, 0.0, 0.0, 1.0]  # x, y, z, w, as in ROS


def test_legs_with_faults() -> None:
    faults = Faults(ROBOT.legs.names)
    legs = make_legs(faults)
    legs.hold(LegsTarget(ZERO + 0.1, ZERO, ZERO, ZERO + 20.0, ZERO))
    faults.set("joint_offline", ROBOT.legs.names[3])
    faults.set("imu_stale")
    assert legs.torque(ZERO, ZERO)[3] == 0.0
    legs.measure(0.5, ZERO, ZERO, np.zeros(4), dataclasses.replace(LEVEL, stamp=0.5))
    assert legs.read().imu_stamp == 0.0
    assert legs.read().online.tolist() == [i != 3 for i in range(12)]


def test_the_encoder_offset_shifts_the_position_that_the_actuators_hold() -> None:
    config = dataclasses.replace(PERFECT, legs=dataclasses.replace(PERFECT.legs, encoder_offset=0.01))
    legs = SimulatedLegs(ROBOT, config, np.random.default_rng(0), Faults(ROBOT.legs.names), LEVEL)
    legs.hold(LegsTarget(ZERO, ZERO, ZERO, ZERO + 20.0, ZERO))
    assert legs.torque(-legs.encoder_offset, ZERO) == pytest.approx(ZERO)
    assert np.abs(legs.torque(ZERO, ZERO)).max() > 0.0


def test_the_arm_measures_in_steps_of_its_encoders() -> None:
    arm = SimulatedArm(ROBOT, CONFIG)
    step = CONFIG.arm.encoder_step
    arm.measure(0.0, np.full(6, 10.4 * step), np.zeros(6), np.zeros(6))
    assert arm.read().position == pytest.approx(np.full(6, 10.0 * step))
    exact = SimulatedArm(ROBOT, PERFECT)
    exact.measure(0.0, np.full(6, 10.4 * step), np.zeros(6), np.zeros(6))
    assert exact.read().position.tolist() == [10.4 * step] * 6


def test_torque_and_strength_of_the_arm() -> None:
    arm = SimulatedArm(ROBOT, PERFECT)
    assert arm.torque_share == 1.0
    arm.write(np.zeros(6), strength=0.25)
    assert arm.torque_share == 0.25
    arm.set_torque(False)
    assert arm.torque_share == 0.0


def test_the_arm_holds_its_position_when_torque_is_switched_on() -> None:
    arm = SimulatedArm(ROBOT, PERFECT)
    arm.write(np.ones(6))
    arm.set_torque(False)
    arm.measure(1.0, np.full(6, 0.3), np.zeros(6), np.zeros(6))
    arm.set_torque(True)
    assert arm.advance() == pytest.approx(np.full(6, 0.3))
    arm.restart(np.full(6, 0.5))
    assert arm.advance() == pytest.approx(np.full(6, 0.5))


def test_simulated_servos_report_no_faults() -> None:
    health = SimulatedArm(ROBOT, PERFECT).health()
    assert np.isnan(health.temperature).all()
    assert len(health.temperature) == 6


def test_the_gauge_adds_the_electronics_and_reports_faults() -> None:
    faults = Faults(ROBOT.legs.names)
    config = dataclasses.replace(PERFECT.battery, electronics=14.0, first_reading=2.0)
    gauge = SimulatedGauge(ROBOT.battery, config, faults)
    gauge.drain(1.0, energy=0.0, duration=1.0)
    assert gauge.read() is None
    gauge.drain(2.0, energy=14.0, duration=1.0)
    reading = gauge.read()
    assert reading is not None
    # 28 W at the voltage of a nearly full pack, without internal resistance.
    assert reading.current == pytest.approx(-28.0 / reading.voltage)
    faults.set("battery_voltage", value=20.0)
    faulty = gauge.read()
    assert faulty is not None
    assert (faulty.voltage, faulty.current) == (20.0, reading.current)
