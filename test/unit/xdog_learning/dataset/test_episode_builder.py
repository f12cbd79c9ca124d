"""A demonstration is cut from the stream of measurements at an exact rate."""

import numpy as np
import pytest

from xdog_learning.dataset.episode_builder import EpisodeBuilder, EpisodeBuilderError

FEATURES = np.arange(8.0)


def angles(value: float) -> np.ndarray:
    return np.full(6, value)


def test_frames_keep_their_rate_at_any_rate_of_measurements() -> None:
    builder = EpisodeBuilder(25, FEATURES, "pick up the cube", with_images=False)
    stamps = [10.0 + i * 0.01 for i in range(101)]  # 100 Hz for a second
    taken = [stamp for stamp in stamps if builder.sample(stamp, angles(stamp), angles(stamp + 0.5), None)]
    assert taken == pytest.approx([10.0 + i * 0.04 for i in range(26)])
    episode = builder.finish()
    assert (len(episode), episode.fps, episode.task) == (25, 25, "pick up the cube")
    np.testing.assert_allclose(episode.state[:, 0], taken[:25], rtol=1e-6)
    np.testing.assert_allclose(episode.environment_state, np.tile(FEATURES, (25, 1)))


def test_an_action_is_the_target_at_the_end_of_its_period() -> None:
    builder = EpisodeBuilder(25, FEATURES, "grasp", with_images=False)
    for i in range(4):
        builder.sample(i * 0.04, angles(i), angles(10.0 * i), None)
    np.testing.assert_allclose(builder.finish().action[:, 0], [10.0, 20.0, 30.0])


def test_jitter_of_stamps_does_not_accumulate() -> None:
    builder = EpisodeBuilder(25, FEATURES, "grasp", with_images=False)
    stamps = np.arange(0.0, 4.0, 0.011)  # never on the beat
    count = sum(builder.sample(float(stamp), angles(0.0), angles(0.0), None) for stamp in stamps)
    assert count == 100


def test_a_gap_invalidates_the_episode() -> None:
    builder = EpisodeBuilder(25, FEATURES, "grasp", with_images=False)
    builder.sample(0.0, angles(0), angles(0), None)
    with pytest.raises(EpisodeBuilderError, match=r"no joint_states for 0\.13 s"):
        builder.sample(0.13, angles(0), angles(0), None)


def test_images_belong_to_their_frames() -> None:
    builder = EpisodeBuilder(25, FEATURES, "grasp", with_images=True)
    for i in range(4):
        builder.sample(i * 0.04, angles(0), angles(0), np.full((8, 8, 3), i, np.uint8))
    images = builder.finish().images
    assert images is not None
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2]
    with pytest.raises(EpisodeBuilderError, match="no camera image"):
        EpisodeBuilder(25, FEATURES, "grasp", with_images=True).sample(0.0, angles(0), angles(0), None)


def test_an_empty_recording_is_no_episode() -> None:
    builder = EpisodeBuilder(25, FEATURES, "grasp", with_images=False)
    builder.sample(0.0, angles(0), angles(0), None)
    with pytest.raises(EpisodeBuilderError, match="nothing was recorded"):
        builder.finish()
