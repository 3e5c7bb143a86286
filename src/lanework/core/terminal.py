"""What is printed for a person: results to standard output, messages and a bar to error.

Colour and boxes on a terminal, plain text in a pipe.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from lanework.base.errors import Advice, LaneworkError
from lanework.base.printable import shown
from lanework.core.result.show import size, text_table

if TYPE_CHECKING:
    from lanework.core.result.result import Result


def on_terminal(stream: IO[str]) -> bool:
    """Whether a person looks at the stream."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def message(text: str) -> None:
    """A line for the person at the terminal, on standard error."""
    print(shown(text), file=sys.stderr, flush=True)


def text(lines: str) -> None:
    """Lines on standard output."""
    print(shown(lines, lines=True), end="" if lines.endswith("\n") else "\n")


def error(problem: LaneworkError, as_json: bool = False) -> None:
    """An error on standard error, or as JSON on standard output, with what to type."""
    if isinstance(problem.help, Advice):
        problem.help = problem.help.typed
    if as_json:
        json_out({"error": problem.to_dict()})
    else:
        colored = on_terminal(sys.stderr) and not os.environ.get("NO_COLOR")
        print(problem.render(colored), file=sys.stderr, flush=True)


def json_out(value: Any) -> None:
    """A value as one line of JSON on standard output; see `json_text`."""
    from lanework.core.result.saving import json_parts

    for part in json_parts(value):
        sys.stdout.write(part.decode())
    sys.stdout.write("\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
    """A table on standard output.

    Args:
        header: the titles of the columns.
        rows: the cells.
        right: one letter a column, `r` for columns set flush right.
    """
    if not on_terminal(sys.stdout):
        print(text_table(header, rows, right))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, side in zip(header, right.ljust(len(header), "l"), strict=True):
        drawn.add_column(
            Text(shown(name)), justify="right" if side == "r" else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*(Text(shown(cell)) for cell in row))
    Console(file=sys.stdout).print(drawn)


def result(outcome: Result) -> None:
    """A result, shortened, on standard output."""
    header, rows, left = outcome.overview()
    if rows:
        table(header, rows)
    if left:
        message(f"... and {left} more outputs (--outputs chooses, --out writes them all)")


def listing(title: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values, one a line, on standard output."""
    lines = [(shown(name), shown(value)) for name, value in pairs]
    width = max((len(name) for name, _ in lines), default=0)
    print(shown(title))
    for name, value in lines:
        print(f"  {name.ljust(width)}  {value}".rstrip())


def wrote(files: Sequence[Path], first: str = "") -> None:
    """Say which files were written; `first` is what else there is to say of the first of them."""
    for number, file in enumerate(files):
        more = "" if number else first
        message(f"wrote {file} ({more}{size(file.stat().st_size)})")


PATIENCE = 0.5
"""Seconds before a bar appears: short runs show none."""


class Bar:
    """Call `update` with what is done and what there is; a bar appears when that takes long."""

    def __init__(self, title: str, shown: bool = True) -> None:
        self.title = title
        self.shown = shown and on_terminal(sys.stderr)
        self.start, self.done = time.monotonic(), 0
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, done: int, total: int) -> None:
        """Move the bar; cheap when none is shown."""
        self.done = done
        if not self.shown or (self._progress is None and time.monotonic() - self.start < PATIENCE):
            return
        if self._progress is None:
            from rich.console import Console
            from rich.markup import escape
            from rich.progress import Progress

            self._progress = Progress(console=Console(file=sys.stderr), transient=True)
            self._task = self._progress.add_task(escape(shown(self.title)), total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total)
