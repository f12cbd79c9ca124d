"""The SO101 arm: its servo bus, calibration and health."""
