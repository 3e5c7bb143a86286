"""Evidence as CSV: a column for each variable, a state in each cell, or nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.machines.belief.codes import BAD_EVIDENCE


def read_csv(path: Path, most: int | None = None) -> dict[str, list[str]]:
    """Columns of cells as text; empty where nothing is known.

    Blanks around names and cells do not count, a byte order mark neither; lines end in LF or CRLF.
    Lines with nothing in them are skipped, but where there is one column only: there they are rows.

    Args:
        path: a file in UTF-8.
        most: at most so many rows.

    Raises:
        Diagnostic: LW5008 with the line, where there is no table, a line has too few or too many
            cells, two columns have one name, or one has none.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Diagnostic(
            BAD_EVIDENCE, f"{path} cannot be read: {error}", help="write the table as UTF-8"
        ) from None
    lines = csv.reader(io.StringIO(text, newline=""))

    def wrong(message: str, help: str | None = None) -> Diagnostic:
        at = max(lines.line_num, 1)
        return Diagnostic(
            BAD_EVIDENCE, message, help=help, span=Span(str(path), at, 1, at, 2, text)
        )

    try:
        header = [name.strip() for name in next(lines, [])]
        if not any(header):
            raise wrong(f"{path} is empty", "the first line names variables")
        for place, name in enumerate(header):
            if name in header[:place]:
                raise wrong(f"two columns are named {name!r}", "leave one of them out")
            if not name:
                raise wrong(f"column {place + 1} has no name", "the first line names variables")
        columns: dict[str, list[str]] = {name: [] for name in header}
        rows = 0
        for line in lines:
            if most is not None and rows >= most:
                break
            cells = line or [""] * (len(header) == 1)
            if not cells:
                continue
            if len(cells) != len(header):
                raise wrong(f"{len(cells)} cells, not {len(header)}", "quote cells with commas")
            for column, cell in zip(columns.values(), cells, strict=True):
                column.append(cell.strip())
            rows += 1
    except csv.Error as error:
        raise wrong(f"this is no CSV: {error}") from None
    return columns
