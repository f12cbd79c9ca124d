"""Statistics as LeRobot defines them, of parts and of all, with quantiles where they are known."""

from typing import Any, Dict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog_learning.dataset.statistics import (
    BASIC,
    QUANTILES,
    from_json,
    image_statistics,
    merge,
    to_json,
    vector_statistics,
)


def test_a_vectors_statistics_by_hand() -> None:
    found = vector_statistics(np.array([[1.0, 5.0], [3.0, 5.0]], np.float32))
    assert {name: found[name].tolist() for name in BASIC} == {
        "min": [1.0, 5.0],
        "max": [3.0, 5.0],
        "mean": [2.0, 5.0],
        "std": [1.0, 0.0],
        "count": [2],
    }
    assert found["q50"].tolist() == [2.0, 5.0]


def test_an_images_statistics_by_hand() -> None:
    images = np.zeros((2, 1, 2, 3), np.uint8)
    images[..., 0] = [[[0, 255]], [[255, 255]]]
    found = image_statistics(images)
    assert found["mean"].shape == (3, 1, 1)
    assert found["mean"].ravel().tolist() == [0.75, 0.0, 0.0]
    assert found["std"].ravel().tolist() == pytest.approx([np.sqrt(0.1875), 0.0, 0.0])
    assert found["count"].tolist() == [2]
    assert found["q10"].ravel()[0] == 0.0
    assert found["q90"].ravel()[0] == 1.0


@given(
    parts=st.lists(st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=6), min_size=1, max_size=4),
)
def test_statistics_of_parts_give_those_of_all(parts: list) -> None:
    arrays = [np.array(part)[:, None] for part in parts]
    whole, joined = vector_statistics(np.concatenate(arrays)), merge([vector_statistics(array) for array in arrays])
    for name in BASIC:
        np.testing.assert_allclose(joined[name], whole[name], atol=1e-6)
    for name in QUANTILES:
        assert whole["min"] - 1e-9 <= joined[name] <= whole["max"] + 1e-9


def test_quantiles_that_a_part_lacks_are_left_out_of_all() -> None:
    whole, old = vector_statistics(np.arange(6.0)[:, None]), vector_statistics(np.arange(4.0)[:, None])
    del old["q10"]
    assert set(merge([whole, old])) == {*BASIC, *QUANTILES} - {"q10"}
    assert set(merge([old, whole])) == {*BASIC, *QUANTILES} - {"q10"}


def test_json_and_back() -> None:
    entry = to_json({"action": vector_statistics(np.arange(6.0).reshape(3, 2))})["action"]
    found = from_json(entry, (2,))
    assert {name: value.tolist() for name, value in found.items()} == entry


def drop(entry: Dict[str, Any], name: str) -> Dict[str, Any]:
    return {key: value for key, value in entry.items() if key != name}


def test_an_entry_without_quantiles_is_known_and_one_without_more_is_not() -> None:
    entry = to_json({"action": vector_statistics(np.arange(6.0).reshape(3, 2))})["action"]
    assert "q99" not in from_json(drop(entry, "q99"), (2,))
    assert from_json(drop(entry, "std"), (2,)) == {}
    assert from_json(entry, (3, 1, 1)) == {}
    assert from_json({**entry, "mean": ["much", "more"]}, (2,)) == {}
    assert from_json(None, (2,)) == {}
