"""The simulated battery: charge, open-circuit voltage and voltage sag under load."""

import math
from typing import Mapping

from xdog.core.interfaces import BatteryReading
from xdog_sim.config import BatteryConfig

SECONDS_PER_HOUR = 3600.0


class SimulatedBattery:
    """Seven lithium cells as a voltage source with an internal resistance.

    The open-circuit voltage falls linearly from full to empty. At a load of P watts the terminal voltage V solves
    V = V0 - R P / V.
    """

    def __init__(self, pack: Mapping[str, float], config: BatteryConfig, charge: float = 1.0) -> None:
        """Args: battery section of robot.yaml, settings of the simulation, initial state of charge (0 to 1)."""
        self._full, self._empty = pack["full_voltage"], pack["empty_voltage"]
        self._capacity = pack["capacity"] * SECONDS_PER_HOUR  # As
        self._resistance = config.internal_resistance
        self._charge = charge
        self._voltage, self._current = self._open_circuit(), 0.0

    def _open_circuit(self) -> float:
        return self._empty + (self._full - self._empty) * self._charge

    def drain(self, energy: float, duration: float) -> None:
        """Draw ``energy`` (J) evenly over ``duration`` (s)."""
        power = energy / duration
        source = self._open_circuit()
        # A load beyond what the pack can deliver (matched load) halves the voltage of the source.
        root = math.sqrt(max(source * source - 4.0 * self._resistance * power, 0.0))
        self._voltage = 0.5 * (source + root)
        self._current = power / self._voltage
        self._charge = min(max(self._charge - self._current * duration / self._capacity, 0.0), 1.0)

    def read(self) -> BatteryReading:
        """Terminal voltage (V), current (A, negative while discharging), charge (0 to 1)."""
        return BatteryReading(voltage=self._voltage, current=-self._current, percentage=self._charge)
