"""Which datasets have the features of XDog's demonstrations; what LeRobot adds to info.json does not matter."""

import copy
from typing import Any, Callable, Dict

import pyarrow as pa
import pytest
from demonstrations import make_episode

from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.features import Features, totals
from xdog_learning.dataset.layout import DatasetError

CAMERA = "observation.images.wrist"
INFO = Features(25, (32, 48)).new_info()


def test_features_are_read_back_from_info() -> None:
    assert Features.of_info(INFO) == Features(25, (32, 48))
    assert Features.of_info(Features(25, None).new_info()) == Features(25, None)
    assert Features.of_episode(make_episode(0, 4, (32, 48))) == Features(25, (32, 48))


def test_order_and_further_entries_do_not_matter() -> None:
    info: Dict[str, Any] = copy.deepcopy(INFO)
    info["features"] = dict(reversed(list(info["features"].items())))
    info["fps"] = 25.0  # as in some datasets of v2
    for feature in info["features"].values():
        feature["fps"] = 25  # LeRobot's converter from v2.1 adds it
    info["features"][CAMERA]["info"]["video.codec"] = "av1"
    assert Features.of_info(info) == Features(25, (32, 48))


def test_features_of_others_are_listed() -> None:
    info: Dict[str, Any] = copy.deepcopy(INFO)
    info["features"]["next.reward"] = {"dtype": "float32", "shape": [1], "names": None}
    assert Features.of_info(info) == Features(25, (32, 48), ("next.reward",))


def set_feature(name: str, **changes: Any) -> Callable[[Dict[str, Any]], None]:
    return lambda info: info["features"][name].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda info: info.update(fps=0), r"its fps is 0; it must be a whole number above zero"),
        (lambda info: info.update(fps=29.97), r"its fps is 29\.97; it must be a whole number"),
        (lambda info: info.update(fps="soon"), r"fps and features cannot be read .*soon"),
        (lambda info: info.pop("features"), r"cannot be read from it \(KeyError\('features'\)\)"),
        (lambda info: info.update(features=["action"]), "fps and features cannot be read"),
        (
            lambda info: info["features"].pop("observation.environment_state"),
            r"its feature observation\.environment_state has the shape None, XDog's has \[8\]",
        ),
        (set_feature("action", shape=[7]), r"its feature action has the shape \[7\], XDog's has \[6\]"),
        (set_feature("action", names=None), r"its action holds None, XDog's holds \['shoulder_pan'"),
        (set_feature("action", names=["main_shoulder_pan"] * 6), r"its action holds \['main_shoulder_pan'"),
        (set_feature(CAMERA, dtype="image"), r"stored as image, not as video: .*convert_image_to_video"),
    ],
)
def test_other_features_are_refused_by_name(change: Callable[[Dict[str, Any]], None], message: str) -> None:
    info: Dict[str, Any] = copy.deepcopy(INFO)
    change(info)
    with pytest.raises(DatasetError, match=message):
        Features.of_info(info)


def test_lerobots_own_so101_dataset_is_named() -> None:
    # As lerobot 0.4.4 records one: robots/so_follower/so_follower.py.
    names = [f"{joint}.pos" for joint in INFO["features"]["action"]["names"]]
    vector = {"dtype": "float32", "shape": [6], "names": names}
    info = {"fps": 30, "features": {"action": vector, "observation.state": vector}}
    with pytest.raises(DatasetError, match=r"as LeRobot records an SO101: .*shoulder_pan\.pos.* degrees or percent"):
        Features.of_info(info)


def test_an_episode_with_other_object_features_is_refused() -> None:
    episode = make_episode(0, 4)
    other = Episode(episode.state, episode.state, episode.action, None, "grasp", 25)
    with pytest.raises(DatasetError, match="6 numbers a frame; the object features are 8: centre_x"):
        Features.of_episode(other)


def test_columns_have_lerobots_types() -> None:
    schema = Features(25, (32, 48)).schema()
    assert schema.field("action").type == pa.list_(pa.float32(), 6)
    assert schema.field("timestamp").type == pa.float32()
    assert schema.field("task_index").type == pa.int64()
    assert schema.names == list(Features(25, (32, 48)).widths())
    assert CAMERA not in schema.names


def test_totals_count_and_split_as_lerobot_does() -> None:
    assert totals(3, 33, 2) == {
        "total_episodes": 3,
        "total_frames": 33,
        "total_tasks": 2,
        "splits": {"train": "0:3"},
    }
