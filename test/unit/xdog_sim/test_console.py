"""Users' words are printed as they are: brackets, emoji names and long lines."""

import io

import pytest
from rich.table import Table

from xdog_sim.console import make_console, progress_bar

WORDS = ["run[old]", "run[/1]", "fetch it [/red] now", "[bold]x", ":dog:", "x" * 200]


@pytest.mark.parametrize("words", WORDS)
def test_lines_tables_and_progress_show_the_words_themselves(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    console = make_console()
    console.file = io.StringIO()
    console.print(f"line {words}")
    table = Table(title=f"title {words}")
    table.add_column(f"head {words}")
    table.add_row(f"cell {words}")
    console.print(table)
    with progress_bar(console) as progress:
        progress.add_task(f"bar {words}", total=1.0, completed=1.0)
    printed = console.file.getvalue()
    for place in ("line", "title", "head", "cell", "bar"):
        assert f"{place} {words}" in printed


def test_standard_output_stays_free_for_results(capsys: pytest.CaptureFixture) -> None:
    make_console(stderr=True).print("progress")
    assert capsys.readouterr() == ("", "progress\n")
