"""Emulated servos for the tests of the SO101's bus."""

from servo_fixtures import bus, wire

__all__ = ["bus", "wire"]
