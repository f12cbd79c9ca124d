"""Images as h264 video at an exact rate: frame i of a file is at i / fps seconds."""

from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator, Sequence, Tuple

import av
import numpy as np

from xdog_learning.dataset.layout import COPY_AGAIN, DatasetError

Array = np.ndarray

OPTIONS = {"preset": "veryfast", "crf": "20", "bf": "0", "g": "2", "threads": "1"}
"""Every second frame a key frame, as LeRobot records: training reads at random. No frames refer forwards, so that
the packets of several files can be joined without encoding again."""


def write_video(path: Path, images: Array, fps: int) -> None:
    """Encode (N, H, W, 3) uint8 RGB images with even sides."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options=OPTIONS)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def joinable(first: Path, second: Path) -> bool:
    """Whether the packets of two videos can share a file: same encoding, no frames that refer forwards.

    Raises:
        DatasetError: a file is missing or damaged.
    """
    headers = []
    for path in (first, second):
        with _opened(path) as container:
            context = container.streams.video[0].codec_context
            if context.has_b_frames:
                return False
            headers.append((context.name, context.width, context.height, bytes(context.extradata or b"")))
    return headers[0] == headers[1]


def join_videos(path: Path, parts: Sequence[Path], fps: int) -> None:
    """Write one continuous video from several `joinable` ones, without encoding again."""
    with av.open(str(parts[0])) as first, av.open(str(path), "w", format="mp4") as container:
        target = container.add_stream_from_template(first.streams.video[0])
        step = Fraction(1, fps)
        target.time_base = step
        number = 0
        for part in parts:
            with av.open(str(part)) as source:
                for packet in source.demux(source.streams.video[0]):
                    if packet.size == 0:  # the demuxer's mark of the end
                        continue
                    packet.stream, packet.time_base = target, step
                    packet.pts = packet.dts = number
                    packet.duration = 1
                    container.mux(packet)
                    number += 1


def frame_count(path: Path) -> int:
    """Number of frames of a video, from its header.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    with _opened(path) as container:
        return int(container.streams.video[0].frames)


def read_video(path: Path, fps: int) -> Iterator[Tuple[int, Array]]:
    """Decode a video's frames in order: each with its number, from its time, and its (H, W, 3) uint8 RGB image.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1  # small frames: threads cost more than they gain
        for frame in container.decode(stream):
            yield round(frame.time * fps), frame.to_ndarray(format="rgb24")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with av.open(str(path)) as container:
            yield container
    except (av.FFmpegError, OSError, IndexError) as error:
        raise DatasetError(f"{path} cannot be read as a video ({error}): {COPY_AGAIN}") from error
