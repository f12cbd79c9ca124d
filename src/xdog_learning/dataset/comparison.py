"""Comparison of a replayed episode with the recorded one."""

from typing import Tuple

import numpy as np

Array = np.ndarray


def difference(measured: Array, recorded: Array, names: Tuple[str, ...]) -> str:
    """Text with the errors of measured joints (T, 6) rad against the recorded ones."""
    error = np.abs(measured - recorded)
    row, joint = np.unravel_index(int(error.argmax()), error.shape)
    rms = float(np.sqrt(np.mean(error**2)))
    return (
        f"measured joints differ from the recorded by {rms:.4f} rad rms, at most {error[row, joint]:.4f} rad "
        f"({names[joint]}, frame {row})"
    )
