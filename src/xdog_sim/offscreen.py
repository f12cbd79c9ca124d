"""Selects a renderer that works without a screen. Imports no MuJoCo, which selects its renderer when it is imported."""

import os
import subprocess
import sys


class RenderError(RuntimeError):
    """This machine cannot render; the message says what to install."""


def choose_renderer() -> str:
    """Set ``MUJOCO_GL`` to a renderer that works without a screen, unless it is set already, and return it.

    This affects processes that are started afterwards, and this process if it has not imported MuJoCo yet.

    Raises:
        RenderError: no renderer works.
    """
    probe = "import mujoco; context = mujoco.GLContext(16, 16); context.make_current(); context.free()"
    candidates = [os.environ["MUJOCO_GL"]] if os.environ.get("MUJOCO_GL") else ["egl", "osmesa"]
    for name in candidates:
        environment = {**os.environ, "MUJOCO_GL": name}
        if (
            subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, check=False).returncode
            == 0
        ):
            os.environ["MUJOCO_GL"] = name
            return name
    raise RenderError(
        f"no offscreen rendering with MUJOCO_GL={' or '.join(candidates)}: install libegl1 or libosmesa6 "
        "('./xdog doctor' names what is missing)"
    )
