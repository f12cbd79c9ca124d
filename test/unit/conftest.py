"""Settings of all unit tests: one thread for torch, and property tests that neither hurry nor vary."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch reads it when it is first imported; physics has its own threads
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("steady")
