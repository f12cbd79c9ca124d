"""Object features: their entries, and what is refused."""

import numpy as np
import pytest

from xdog.grasp.observation import OBJECT_FEATURE_COUNT, OBJECT_FEATURES, object_features


def test_features_hold_position_size_and_gravity() -> None:
    features = object_features(np.array([0.3, 0.1, -0.2]), np.array([0.04, 0.05, 0.06]), np.array([0.0, 0.0, -9.81]))
    assert features == pytest.approx([0.3, 0.1, -0.2, 0.05, 0.06, 0.0, 0.0, -1.0])
    assert features.shape == (OBJECT_FEATURE_COUNT,) == (len(OBJECT_FEATURES),)
    for wrong, message in (
        ((np.zeros(2), np.ones(3), np.ones(3)), "centre must be three"),
        ((np.zeros(3), np.array([0.1, 0.0, 0.1]), np.ones(3)), "extent must be above zero"),
        ((np.zeros(3), np.ones(3), np.zeros(3)), "no direction"),
    ):
        with pytest.raises(ValueError, match=message):
            object_features(*wrong)
