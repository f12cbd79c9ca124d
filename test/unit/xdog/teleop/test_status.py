"""The status line of teleop."""

from xdog.teleop.drive import Velocity
from xdog.teleop.status import RobotStatus, battery_text, status_line


def test_status_line_fits_the_width() -> None:
    status = RobotStatus("walking", "WARN", ("battery low", "front_left_knee_joint warm"), 22.44, 0.155)
    speed = Velocity(0.5, 0.2, 0.75)
    line = status_line(status, speed, 0.5, Velocity(0.5, 0.0, 0.0), False, 200)
    assert line == "walking | WARN | 22.4 V 16 % | sent +0.50 +0.00 +0.00 | battery low | front_left_knee_joint warm"
    short = status_line(status, speed, 0.5, None, False, 40)
    assert len(short) == 40
    assert short.startswith("walking | WARN | 22.4 V 16 % | 50 %: ")
    assert "E-STOP" in status_line(RobotStatus(), speed, 0.5, None, True, 80)
    assert status_line(RobotStatus(), speed, 0.5, None, False, 80).startswith("no robot | no safety | battery ?")


def test_battery_without_a_measurement() -> None:
    assert battery_text(float("nan"), 0.5) == "battery ?"
    assert battery_text(25.0, float("nan")) == "25.0 V"
