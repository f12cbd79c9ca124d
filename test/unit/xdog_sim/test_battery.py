"""The simulated battery against numbers worked out by hand."""

import math

import pytest

from xdog.core.description import load_description
from xdog_sim.battery import SimulatedBattery
from xdog_sim.config import BatteryConfig, load_sim_config

PACK = {"full_voltage": 28.0, "empty_voltage": 22.0, "capacity": 3.0}


def battery(resistance: float, charge: float = 1.0) -> SimulatedBattery:
    return SimulatedBattery(PACK, BatteryConfig(resistance, 0.0, 0.0, 0.0), charge)


def test_voltage_sags_under_load() -> None:
    cells = battery(resistance=0.5)
    cells.drain(energy=25.44, duration=0.1)  # 254.4 W
    reading = cells.read()
    # V = 28 - 0.5 * 254.4 / V, that is V^2 - 28 V + 127.2 = 0: V = 14 + sqrt(68.8)
    assert reading.voltage == pytest.approx(14.0 + math.sqrt(68.8))
    assert reading.current == pytest.approx(-254.4 / reading.voltage)


def test_charge_is_current_times_time() -> None:
    cells = battery(resistance=0.0)
    cells.drain(energy=28.0 * 1.5 * 3600.0, duration=3600.0)  # 1.5 A for an hour out of 3 Ah
    assert cells.read().percentage == pytest.approx(0.5)
    cells.drain(energy=0.0, duration=1.0)
    assert cells.read().voltage == pytest.approx(25.0)


def test_overload_and_empty_stay_finite() -> None:
    cells = battery(resistance=1.0, charge=0.001)
    for _ in range(100):
        cells.drain(energy=1e5, duration=1.0)
    reading = cells.read()
    assert reading.percentage == 0.0
    assert reading.voltage == pytest.approx(11.0)  # half of the empty pack's 22 V: matched load


def test_electronics_alone_last_longer_than_the_promised_endurance() -> None:
    # The manufacturer promises 120 minutes of walking. Idle electronics must last longer than that.
    robot, config = load_description(), load_sim_config().battery
    energy_wh = robot.battery["capacity"] * 25.2  # V, seven cells of 3.6 V
    assert energy_wh == pytest.approx(93.24)
    assert energy_wh / config.electronics > 2.0
