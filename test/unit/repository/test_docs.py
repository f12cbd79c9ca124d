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


DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "policies/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
FOLDERS = "action|docs|examples|launch|msg|policies|requirements|scripts|sim|src|srv|test|urdf"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.stem)
def test_files_and_modules_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    files = re.findall(rf"`((?:{FOLDERS})/[a-z0-9_./]+)`", text)
    missing = [name for name in files if not (ROOT / name).exists()]
    for dotted in re.findall(r"`((?:xdog|xdog_sim|xdog_learning)\.(?!urdf|launch)[\w.]+)`", text):
        parts = dotted.split(".")
        places = [ROOT / "src" / Path(*parts[:count]) for count in range(len(parts), 1, -1)]
        place = next((place for place in places if place.is_dir() or place.with_suffix(".py").is_file()), None)
        names = parts[len(place.relative_to(ROOT / "src").parts) :] if place else parts
        if names and (place is None or place.is_dir() or names[0] not in place.with_suffix(".py").read_text()):
            missing.append(dotted)
    assert not missing
