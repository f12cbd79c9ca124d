"""MuJoCo's viewer for nodes, if there is a screen."""

import os
from typing import Any, Optional

import mujoco
import rospy


def open_viewer(model: mujoco.MjModel, data: mujoco.MjData) -> Optional[Any]:
    """MuJoCo's viewer; None, with a log line, if there is no screen."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        rospy.loginfo("no screen (DISPLAY is not set): running without MuJoCo's viewer")
        return None
    import mujoco.viewer  # needs the libraries of a screen

    return mujoco.viewer.launch_passive(model, data, show_left_ui=False, show_right_ui=False)
