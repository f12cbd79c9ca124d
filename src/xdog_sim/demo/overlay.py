"""The overlay of the demo's video: the phase, and bars of commanded and measured velocity."""

from pathlib import Path
from typing import Tuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Array = np.ndarray

MARGIN, ROW, BAR = 14, 20, 130
"""Pixels: margin of the image, distance of rows, length of a bar."""
ROWS: Tuple[Tuple[str, str, float], ...] = (
    ("forward", "m/s", 1.2),
    ("left", "m/s", 0.6),
    ("turn", "rad/s", 1.8),
)
"""Name, unit and full scale of each bar."""
PANEL, INK, TRACK = (255, 255, 255, 190), (32, 36, 42, 255), (205, 211, 218, 255)
MEASURED, COMMAND, PUSH = (31, 119, 201, 255), (32, 36, 42, 255), (209, 56, 43, 255)


def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


class Overlay:
    """Draws a panel into the lower left corner of images."""

    def __init__(self) -> None:
        self._small, self._large = _font(12), _font(15, bold=True)

    def draw(self, pixels: Array, time: float, label: str, command: Array, measured: Array, pushed: bool) -> Array:
        """Return the image with the panel drawn on it.

        Args:
            pixels: (height, width, 3) uint8.
            time: simulated s.
            label: of the phase.
            command, measured: (3,) vx, vy in m/s, wz in rad/s.
            pushed: whether the robot has just been pushed.
        """
        image = Image.fromarray(pixels).convert("RGBA")
        panel = Image.new("RGBA", image.size, (0, 0, 0, 0))
        pen = ImageDraw.Draw(panel)
        height = 3 * ROW + 34
        left, top = MARGIN, image.height - MARGIN - height
        pen.rounded_rectangle([left, top, left + 326, top + height], radius=8, fill=PANEL)
        pen.text((left + 10, top + 6), label, font=self._large, fill=PUSH if pushed else INK)
        pen.text((left + 316, top + 8), f"{time:.1f} s", font=self._small, fill=INK, anchor="ra")
        for i, (name, unit, full) in enumerate(ROWS):
            self._bar(
                pen, left + 10, top + 30 + i * ROW, name, unit, measured[i] / full, command[i] / full, measured[i]
            )
        return np.asarray(Image.alpha_composite(image, panel).convert("RGB"))

    def _bar(
        self,
        pen: ImageDraw.ImageDraw,
        x: int,
        y: int,
        name: str,
        unit: str,
        measured: float,
        command: float,
        value: float,
    ) -> None:
        start, middle = x + 62, x + 62 + BAR // 2

        def at(share: float) -> int:
            return round(middle + 0.5 * BAR * min(1.0, max(-1.0, share)))

        pen.text((x, y), name, font=self._small, fill=INK)
        pen.rectangle([start, y + 4, start + BAR, y + 11], fill=TRACK)
        pen.rectangle([min(middle, at(measured)), y + 4, max(middle, at(measured)), y + 11], fill=MEASURED)
        pen.rectangle([at(command) - 1, y + 1, at(command) + 1, y + 14], fill=COMMAND)
        pen.text((start + BAR + 108, y), f"{value:+.2f} {unit}", font=self._small, fill=INK, anchor="ra")
