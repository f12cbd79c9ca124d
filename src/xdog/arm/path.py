"""Where the arm shall be over time: at one place first, then along splines that take over from each other."""

from dataclasses import dataclass, replace
from typing import Sequence, Tuple

import numpy as np

from xdog.arm.spline import Spline

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class PathPiece:
    """A spline that some joints follow from a time on.

    Attributes:
        joints: (n,) where they stand in the arm.
        begin: from when on, s.
        origin: when the spline's own time is zero, s.
        spline: of n joints.
    """

    joints: Array
    begin: float
    origin: float
    spline: Spline

    def restricted(self, joints: Array) -> "PathPiece":
        """The same for those of its joints that are among ``joints``."""
        kept = np.isin(self.joints, joints)
        return replace(self, joints=self.joints[kept], spline=self.spline.columns(kept))


class ArmPath:
    """A path of all six joints. Times are in s.

    Args:
        place: (6,) rad, where a joint is that no piece moves.
        pieces: in the order of their begins.
    """

    def __init__(self, place: Array, pieces: Sequence[PathPiece] = ()) -> None:
        self._place, self._pieces = place, tuple(pieces)

    def sample(self, times: Array) -> Tuple[Array, Array]:
        """Positions and velocities (..., 6), rad and rad/s, at times (...)."""
        positions = np.broadcast_to(self._place, (*np.shape(times), len(self._place))).copy()
        velocities = np.zeros_like(positions)
        for piece in self._pieces:
            begun = np.asarray(times >= piece.begin)[..., None]
            at = piece.spline.sample(times - piece.origin)
            for columns, values in zip((positions, velocities), at):
                columns[..., piece.joints] = np.where(begun, values, columns[..., piece.joints])
        return positions, velocities

    def restricted(self, joints: Array, place: Array) -> "ArmPath":
        """The same path for some joints, (n,) where they stand in the arm; the others stay at ``place`` (6,) rad."""
        mixed = np.array(place, dtype=float)
        mixed[joints] = self._place[joints]
        return ArmPath(mixed, [piece.restricted(joints) for piece in self._pieces])

    def followed_by(self, piece: PathPiece, now: float) -> "ArmPath":
        """This path until a piece begins; what is over at ``now`` or would come later is dropped."""
        earlier = [other for other in self._pieces if other.begin < piece.begin]
        begun = [i for i, other in enumerate(earlier) if other.begin <= now]
        return ArmPath(self._place, [*earlier[begun[-1] if begun else 0 :], piece])
