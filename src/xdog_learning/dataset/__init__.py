"""Demonstrations on disk as a LeRobotDataset v3.0: written crash-safe, appended to, read back as arrays."""

from xdog_learning.dataset.layout import DatasetError
from xdog_learning.dataset.reader import Demonstrations, load_dataset
from xdog_learning.dataset.writer import DatasetWriter

__all__ = ["DatasetError", "DatasetWriter", "Demonstrations", "load_dataset"]
