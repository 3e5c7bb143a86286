"""Inputs on the command line: numbers, and files of numbers with the labels beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.arguments import number_in_word, split_input, split_list
from lanework.core.cli import check_file
from lanework.core.codes import BAD_ARGUMENT
from lanework.core.data.arrays import all_arrays
from lanework.core.data.cells import told_as
from lanework.core.data.columns import Column, read_column
from lanework.core.data.files import column_names, read_grid
from lanework.core.data.holding import check_held
from lanework.core.data.opening import TEXTS, damage, ending_of, is_data, split_path
from lanework.core.data.spelling import spells_number

if TYPE_CHECKING:
    from lanework.core.cli import Request
    from lanework.core.program.program import Port

ARRAYS = (".npy", ".pgm", ".ppm")
TITLES = ("word", "word_id", "id")
"""What a column is called that has the labels of words, besides what results call it."""


def inputs(request: Request) -> dict[str, Any]:
    """`--shared FILE` and `name=FILE`, `name=1,2,3` as arrays.

    Raises:
        Diagnostic: LW8001, LW8003, and what files of numbers say.
    """
    known = {port.name: port for port in request.program.inputs}
    choice = f"inputs are: {', '.join(known) or 'none'}"
    labels = request.names("labels") or ()
    given: dict[str, Any] = {}
    if request["shared"] is not None:
        given["shared"] = _read(request["shared"], known.get("shared"), "shared", labels)
    for word in request.words:
        name, text = split_input(word, f"write name=FILE or name=1,2,3; {choice}")
        if name not in known or name in given:
            what = "is given twice" if name in given else "is no input of the program"
            near = did_you_mean(name, list(known)) if name not in known else "give it once"
            raise Diagnostic(BAD_ARGUMENT, f"{name!r} {what}", help=near or choice)
        text = text.strip()
        if os.path.isfile(text) or not any(map(spells_number, text.split(","))):
            given[name] = _read(text.removeprefix("@"), known[name], name, labels)
        else:
            parts, what = split_list(name, text), f"{word!r}: a part of it is no number"
            advice = f"write numbers with commas between, {name}=1,2,3, or {name}=@FILE"
            given[name] = [number_in_word(word, part, what, advice) for part in parts]
    read = any(isinstance(value, Column) for value in given.values())
    request.check_used("labels", read, "no column is read", "give one, such as x=FILE.csv:x")
    return given


def _read(path: str, port: Port | None, name: str, labels: Any) -> Any:
    """The numbers of a file: .npy, a binary picture (.pgm, .ppm), or text with numbers.

    `FILE:column` is a column of a table; CSV alone is a grid of numbers without a header.

    Raises:
        Diagnostic: LW8003, and what files of tables say.
    """
    table, column = split_path(path)
    ending = ending_of(table)
    dtype = "f32" if port is None else port.dtype
    if column is not None or (is_data(path) and ending not in (*TEXTS, ".npy")):
        return read_column(table, column, name, dtype, (f"{name}_word", *TITLES), labels)
    file = Path(path)
    check_file(file)
    check_held(file, file.stat().st_size)
    if ending not in ARRAYS:
        return _grid(path, name)
    with told_as(BAD_ARGUMENT), damage(file, (ValueError, OSError, EOFError)):
        if ending == ".npy":
            arrays = all_arrays(path)[0]
            return arrays[""] if "" in arrays else read_column(path, None, name, dtype)
        from lanework.core.result.picture import read_picture

        return read_picture(file.read_bytes())


def _grid(path: str, name: str) -> Any:
    """The numbers of text without a header.

    Raises:
        Diagnostic: what files of tables say; for one with a header which column to name.
    """
    try:
        return read_grid(path).squeeze()
    except Diagnostic as problem:
        header = column_names(path) if is_data(path) else []
        if header and not any(map(spells_number, header)):
            column = name if name in header else header[0]
            problem.help = f"it has a header, so name a column: {name}={path}:{column}"
        raise
