"""How a pick ends."""

import pytest

from xdog.grasp.pick_types import AfterPick, PickEnd


@pytest.mark.parametrize(
    ("outcome", "success"),
    [("picked", True), ("handed_over", True), ("missed", False), ("lost", False), ("aborted", False)],
)
def test_only_an_object_that_was_picked_is_a_success(outcome: str, success: bool) -> None:
    with pytest.raises(PickEnd) as caught:
        raise PickEnd(outcome, "because")
    assert (caught.value.outcome.success, caught.value.outcome.outcome) == (success, outcome)
    assert caught.value.outcome.message == str(caught.value) == "because"


def test_what_comes_after_is_numbered_as_in_the_action() -> None:
    from repository import ROOT

    text = (ROOT / "action" / "PickObject.action").read_text()
    for after in AfterPick:
        assert f"{after.name}={after.value}" in text.replace(" ", "")
