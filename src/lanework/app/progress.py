"""A progress bar for runs that take a while, on a terminal only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from lanework.app.render import on_terminal

PATIENCE = 0.5
"""Seconds before a bar appears: short runs show none."""


class Bar:
    """Call `update` with what is done and what there is; a bar appears when that takes long."""

    def __init__(self, title: str, shown: bool = True) -> None:
        self.title = title
        self.shown = shown and on_terminal(sys.stderr)
        self.start = time.monotonic()
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
        if not self.shown or (self._progress is None and time.monotonic() - self.start < PATIENCE):
            return
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
            from rich.progress import TimeRemainingColumn as Remaining

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                Remaining(),
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._task = self._progress.add_task(self.title, total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total)
