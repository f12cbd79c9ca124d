"""What the commands print to a terminal with: text stays as it is, whatever brackets a user's words hold."""

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def make_console(stderr: bool = False) -> Console:
    """A console that prints text as it is.

    Rich would otherwise read "[...]" in paths, tasks and error messages as markup and ":dog:" as an emoji, and break
    long lines. Colours are given with ``style=`` or `rich.text.Text`.

    Args:
        stderr: print to standard error, so that standard output stays free for results.
    """
    return Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)


def progress_bar(console: Console, *columns: ProgressColumn) -> Progress:
    """A progress bar: the task's description as it is, a bar, then ``columns``; percentage and times if none are given.

    Columns of your own that show text need ``markup=False`` too.
    """
    shown = columns or (
        TextColumn("{task.percentage:3.0f} %", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(TextColumn("{task.description}", markup=False), BarColumn(), *shown, console=console)
