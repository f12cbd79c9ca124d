"""Videos as other programs than XDog encode them."""

from pathlib import Path

import av
import numpy as np


def write_by_libx264(path: Path, images: np.ndarray, fps: int, **options: str) -> None:
    """With libx264's own settings, as LeRobot records with h264: some frames refer to later ones (B-frames)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
