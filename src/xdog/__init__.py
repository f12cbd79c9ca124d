"""XDog on the robot: drivers, locomotion, safety. Needs neither torch nor MuJoCo."""

from pkgutil import extend_path

# The messages that catkin generates (xdog.msg, xdog.srv) lie in another folder called xdog, further down sys.path.
__path__ = extend_path(__path__, __name__)
