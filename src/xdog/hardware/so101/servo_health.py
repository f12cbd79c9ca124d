"""When a servo is unwell: stalled, overloaded, hot, undersupplied, and what its torque is limited to meanwhile.

A gripper that presses on an object looks like a stalled joint. It is no fault: after a moment its torque is limited,
so that it goes on holding the object with what the servo can give for ever.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import numpy as np

from xdog.core.config_file import POSITIVE, SHARE, load, numbers
from xdog.core.paths import share_path
from xdog.core.timers import HoldTimer
from xdog.hardware.so101.feetech_bus import describe_error

Array = np.ndarray


@numbers(POSITIVE)
@dataclass(frozen=True)
class HealthConfig:
    """Limits of so101.yaml: s, A, rad, degrees Celsius, V and shares."""

    silent_time: float
    stall_current: float
    stall_error: float
    stall_time: float
    overload_share: float = field(metadata=SHARE)
    overload_time: float
    backoff_share: float = field(metadata=SHARE)
    recover_share: float = field(metadata=SHARE)
    recover_time: float
    temperature_warn: float
    temperature_fault: float
    voltage_warn: float
    voltage_fault: float
    voltage_time: float

    def __post_init__(self) -> None:
        if self.temperature_warn >= self.temperature_fault:
            raise ValueError("temperature_warn would come after temperature_fault: it must be below")
        if self.voltage_warn <= self.voltage_fault:
            raise ValueError("voltage_warn would come after voltage_fault: it must be above")


@dataclass(frozen=True)
class So101Config:
    """All of so101.yaml."""

    health: HealthConfig


def load_health_config(path: Optional[Path] = None) -> HealthConfig:
    """The limits of launch/config/so101.yaml, or of another file of the same form; raises what `load` raises."""
    return load(So101Config, path or share_path("launch", "config", "so101.yaml")).health


@dataclass(frozen=True, eq=False)
class ServoSample:
    """What the n servos showed in one cycle.

    Attributes:
        error: (n,) goal minus position, rad.
        current: (n,) A, without sign.
        load: (n,) duty, a share of 1, without sign.
        voltage: (n,) V.
        temperature: (n,) degrees Celsius.
        alarm: (n,) error bits of the status packets.
    """

    error: Array
    current: Array
    load: Array
    voltage: Array
    temperature: Array
    alarm: Sequence[int]


class ServoHealth:
    """Judges one sample a cycle.

    Args:
        names: of the n servos' joints.
        grips: (n,) bool, True for a joint whose stall is a grip.
        overload: (n,) share of the stall torque from which on the servo's own protection counts.
        config: the figures.

    Attributes:
        faults: why the arm must not move.
        warnings: what wants attention.
        torque: (n,) share of the stall torque that each servo may use; 1 while it is not limited.
    """

    def __init__(self, names: Sequence[str], grips: Array, overload: Array, config: HealthConfig) -> None:
        self._names, self._grips, self._overload, self._config = tuple(names), grips, overload, config
        self._stalled, self._loaded, self._relieved = HoldTimer(), HoldTimer(), HoldTimer()
        self._low, self._sagging = HoldTimer(), HoldTimer()
        self.faults: Tuple[str, ...] = ()
        self.warnings: Tuple[str, ...] = ()
        self.torque: Array = np.ones(len(names))

    def update(self, now: float, sample: ServoSample) -> None:
        """Take note of a sample at ``now`` (s, on a clock that does not jump)."""
        config = self._config
        faults: List[str] = []
        warnings: List[str] = []
        stalled = (sample.current >= config.stall_current) & (np.abs(sample.error) >= config.stall_error)
        stalled = self._stalled.update(now, stalled, config.stall_time) & ~self._grips
        for i in np.flatnonzero(stalled):
            faults.append(
                f"{self._names[i]} is stalled: {sample.current[i]:.1f} A, {abs(sample.error[i]):.2f} rad from its goal "
                f"for {config.stall_time:g} s; free it"
            )
        self._limit(now, sample.load)
        limited = [self._names[i] for i in np.flatnonzero((self.torque < 1.0) & ~self._grips)]
        if limited:
            warnings.append(f"overloaded, its torque is limited: {', '.join(limited)}; take the load off")
        hot, warm = (sample.temperature >= limit for limit in (config.temperature_fault, config.temperature_warn))
        faults += [
            f"{self._names[i]} is too hot: {sample.temperature[i]:.0f} C; let it cool" for i in np.flatnonzero(hot)
        ]
        warnings += [f"{self._names[i]} is hot: {sample.temperature[i]:.0f} C" for i in np.flatnonzero(warm & ~hot)]
        self._judge_voltage(now, sample.voltage, faults, warnings)
        for name, bits in zip(self._names, sample.alarm):
            if bits:
                faults.append(
                    f"{name}'s servo reports {describe_error(bits)}: take the load off, then switch the arm off and on"
                )
        self.faults, self.warnings = tuple(faults), tuple(warnings)

    def _limit(self, now: float, load: Array) -> None:
        """Take torque back where a load has lasted, and give it again where it has gone."""
        config = self._config
        limit = config.backoff_share * self._overload
        lasting = self._loaded.update(now, load >= config.overload_share * self._overload, config.overload_time)
        relieved = self._relieved.update(now, load < config.recover_share * limit, config.recover_time)
        self.torque = np.where(lasting, limit, np.where(relieved, 1.0, self.torque))

    def _judge_voltage(self, now: float, voltage: Array, faults: List[str], warnings: List[str]) -> None:
        config = self._config
        low = self._low.update(now, voltage < config.voltage_fault, config.voltage_time)
        sagging = self._sagging.update(now, voltage < config.voltage_warn, config.voltage_time)
        lowest = int(np.argmin(voltage))
        text = f"{voltage[lowest]:.1f} V at {self._names[lowest]}"
        if low.any():
            faults.append(f"the arm's supply is too low: {text} (limit {config.voltage_fault:g}); look at power supply")
        elif sagging.any():
            warnings.append(f"the arm's supply is low: {text}")
