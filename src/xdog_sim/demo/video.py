"""The video of the demo: a recorded run, rendered without a screen and encoded as h264."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Callable, List, Tuple

import imageio_ffmpeg
import mujoco
import numpy as np

from xdog.core.rotations import yaw_angle
from xdog_sim.demo.metrics import STRIDE, moving_average
from xdog_sim.demo.overlay import Overlay
from xdog_sim.demo.recording import Recording
from xdog_sim.offscreen import RenderError, choose_renderer
from xdog_sim.world import WorldOptions, build_spec, compile_spec

Array = np.ndarray

WIDTH, HEIGHT = 640, 480
"""Pixels."""
FRAME_RATE = 25
"""Frames per simulated second. Without a GPU, a frame takes one core about 0.1 s."""
CHUNK = 20
"""Frames that a process renders per task."""
CAMERA_DISTANCE, CAMERA_AZIMUTH, CAMERA_ELEVATION = 1.35, 130.0, -18.0  # m, degrees
CAMERA_SMOOTHING = 1.5
"""s over which the path of the trunk is averaged for the camera."""
ARROW_SCALE = 0.9
"""Length of an arrow in m per m/s; arrows of pushes are half as long."""
SHORTEST_ARROW = 0.09
"""m; shorter arrows are not drawn."""
PUSH_SHOWN = 0.6
"""s for which the arrow of a push is shown."""
COMMAND_COLOUR, MEASURED_COLOUR, PUSH_COLOUR = (0.13, 0.14, 0.16, 1.0), (0.12, 0.47, 0.79, 1.0), (0.82, 0.22, 0.17, 1.0)


def video_model() -> mujoco.MjModel:
    """The robot on a floor, with light and quality settings for fast rendering."""
    spec = build_spec(WorldOptions(sensors=False))
    base = next(body for body in spec.worldbody.bodies)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = WIDTH, HEIGHT
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 1024, 0
    spec.visual.quality.numslices, spec.visual.quality.numstacks = 20, 10
    spec.stat.extent = 4.0  # m; with the light overhead it avoids shadow artifacts on the floor
    head = spec.visual.headlight
    head.ambient, head.diffuse, head.specular = [0.35] * 3, [0.35] * 3, [0.1] * 3
    spec.material("tiles").reflectance = 0.0
    spec.geom("floor").group = 2
    for light in list(spec.lights):
        spec.delete(light)
    base.add_light(
        name="sun",
        pos=[0.0, 0.0, 2.0],
        dir=[0.1, 0.14, -1.0],
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACK,
        diffuse=[0.7] * 3,
        castshadow=True,
    )
    return compile_spec(spec)


class FrameRenderer:
    """Renders frames of a recorded run. One per process, because it owns an OpenGL context."""

    def __init__(self, run: Recording) -> None:
        self._run = run
        self._model = video_model()
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, HEIGHT, WIDTH)
        self._camera = mujoco.MjvCamera()
        self._camera.distance, self._camera.azimuth = CAMERA_DISTANCE, CAMERA_AZIMUTH
        self._camera.elevation = CAMERA_ELEVATION
        self._options = mujoco.MjvOption()
        self._options.geomgroup[:] = [0, 1, 1, 0, 0, 0]  # no collision shapes
        self._overlay = Overlay()
        self._path = moving_average(run.time, run.position, CAMERA_SMOOTHING)
        measured = np.column_stack([run.velocity[:, :2], run.angular_velocity[:, 2]])
        self._measured = moving_average(run.time, measured, STRIDE)
        self._addresses = [int(self._model.joint(name).qposadr[0]) for name in run.joint_names]

    def frame(self, time: float) -> Array:
        """The frame at ``time`` s, (HEIGHT, WIDTH, 3) uint8."""
        run = self._run
        i = min(int(np.searchsorted(run.time, time)), len(run.time) - 1)
        self._data.qpos[:3] = run.position[i]
        self._data.qpos[3:7] = run.orientation[i, [3, 0, 1, 2]]
        self._data.qpos[self._addresses] = run.joints[i]
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._camera.lookat[:] = [self._path[i, 0], self._path[i, 1], 0.2]
        self._renderer.update_scene(self._data, self._camera, self._options)
        pushed = self._arrows(i, time)
        label = [mark.label for mark in run.phases if mark.time <= time][-1:]
        return self._overlay.draw(
            self._renderer.render(), time, "".join(label), run.command[i], self._measured[i], pushed
        )

    def _arrows(self, i: int, time: float) -> bool:
        run = self._run
        yaw = yaw_angle(run.orientation[i : i + 1])[0]
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        for velocity, colour, height, width in (  # on the floor, one above the other
            (run.command[i], COMMAND_COLOUR, 0.0, 0.025),
            (self._measured[i], MEASURED_COLOUR, 0.025, 0.012),
        ):
            start = np.array([*run.position[i, :2], height])
            self._arrow(start, np.append(turn @ velocity[:2], 0.0) * ARROW_SCALE, colour, width)
        for push in run.pushes:
            if push.time <= time < push.time + PUSH_SHOWN:
                shaft = 0.5 * push.delta * ARROW_SCALE
                side = run.position[i] - shaft * (1.0 + 0.12 / max(float(np.linalg.norm(shaft)), 1e-6))
                self._arrow(side, shaft, PUSH_COLOUR, 0.016)
                return True
        return False

    def _arrow(self, start: Array, shaft: Array, colour: Tuple[float, ...], width: float) -> None:
        scene = self._renderer.scene
        if np.linalg.norm(shaft) < SHORTEST_ARROW or scene.ngeom == scene.maxgeom:
            return
        geom = scene.geoms[scene.ngeom]
        mujoco.mjv_initGeom(
            geom, mujoco.mjtGeom.mjGEOM_ARROW, np.zeros(3), np.zeros(3), np.zeros(9), np.array(colour, np.float32)
        )
        mujoco.mjv_connector(geom, mujoco.mjtGeom.mjGEOM_ARROW, width, start, start + shaft)
        scene.ngeom += 1


_frame_renderer: List[FrameRenderer] = []


def _start_process(run: Recording) -> None:
    _frame_renderer.append(FrameRenderer(run))


def _render_chunk(times: Array) -> bytes:
    return b"".join(_frame_renderer[0].frame(float(time)).tobytes() for time in times)


def save_video(run: Recording, path: Path, progress: Callable[[float], None], processes: int = 2) -> None:
    """Render a run and encode it as a video in real time.

    Args:
        run: the recorded run.
        path: of the mp4 file (h264, yuv420p).
        progress: called with the finished fraction, 0 to 1.
        processes: number of processes that render in parallel.

    Raises:
        RenderError: this machine cannot render, or a rendering process was killed.
    """
    choose_renderer()
    partial = path.with_suffix(".part.mp4")  # an incomplete video cannot be played
    times = np.arange(0.0, run.time[-1], 1.0 / FRAME_RATE)
    chunks = [times[i : i + CHUNK] for i in range(0, len(times), CHUNK)]
    writer = imageio_ffmpeg.write_frames(
        str(partial),
        (WIDTH, HEIGHT),
        fps=FRAME_RATE,
        codec="libx264",
        pix_fmt_in="rgb24",
        pix_fmt_out="yuv420p",
        output_params=["-preset", "veryfast", "-crf", "24", "-movflags", "+faststart"],
        quality=None,
    )
    writer.send(None)
    # Each process is a new interpreter, because OpenGL contexts do not survive a fork.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start_process, (run,))
    try:
        for done, pixels in enumerate(pool.map(_render_chunk, chunks), start=1):
            size = WIDTH * HEIGHT * 3
            for start in range(0, len(pixels), size):
                writer.send(pixels[start : start + size])
            progress(done / len(chunks))
    except BrokenProcessPool as error:
        raise RenderError(f"a process that rendered the video died: {error}") from error
    finally:
        pool.shutdown(cancel_futures=True)
        writer.close()
    partial.replace(path)
