"""`./xdog bench`: speed of training and of the running graph on this machine. See docs/explain/benchmarks.md."""


class BenchError(RuntimeError):
    """A part of the benchmark cannot be measured. The message gives the reason and the remedy."""
