"""The Python that docs/extend shows runs, as a reader would paste it."""

import re
import textwrap
from pathlib import Path
from typing import Dict, List

import pytest
from repository import ROOT

from xdog.locomotion import observation
from xdog_sim.tasks import velocity_rewards

PAGES = sorted((ROOT / "docs" / "extend").glob("*.md"))


def python_blocks(page: Path) -> List[str]:
    blocks = re.findall(r"^( *)```python\n(.*?)^\1```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _, text in blocks]


@pytest.fixture(autouse=True)
def tables_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages add entries to the tables of rewards and observations."""
    for module in (observation, velocity_rewards):
        monkeypatch.setattr(module, "TERMS", dict(module.TERMS))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path) -> None:
    names: Dict[str, object] = {"__name__": "a_page"}
    for text in python_blocks(page):
        code = compile(text, str(page), "exec")
        if "rospy" not in text:  # a node needs a graph
            exec(code, names)
