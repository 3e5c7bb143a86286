"""Evidence on the command line: words, or a table with labels of rows, whole or in blocks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.cli import Request, check_file
from lanework.core.codes import BAD_ARGUMENT, NO_ROWS
from lanework.core.data.opening import sheet_of
from lanework.core.data.tables import Table

if TYPE_CHECKING:
    from lanework.machines.belief.graph.factor import Variable


def evidence(request: Request, variables: Iterable[Variable] = ()) -> dict[str, list[Any]]:
    """Columns of states: a table's, or one row of what is given on the command line.

    Args:
        request: the command.
        variables: those with states; a word may have several, with commas between them.

    Raises:
        Diagnostic: LW8001, LW8003.
    """
    words = _check_given(request)
    if request["evidence"] is not None:
        return read_table(Path(request["evidence"]), request["lanes"])
    given: dict[str, list[Any]] = {}
    states = {variable.name: variable.states for variable in variables}
    for word in itertools.chain.from_iterable(_each(word, states) for word in words):
        name, sign, state = word.partition("=")
        if not sign:
            what = f"{word!r} is no evidence"
            raise Diagnostic(BAD_ARGUMENT, what, help="write VARIABLE=STATE")
        if given.setdefault(name, [state]) != [state]:
            what = f"the evidence of {name!r} is given twice: {given[name][0]!r} and {state!r}"
            raise Diagnostic(BAD_ARGUMENT, what, help="give each variable one state")
    return given


def _each(word: str, states: Mapping[str, Sequence[str]]) -> list[str]:
    """The parts of `A=a,B=b`; a state may have commas of its own."""
    name, _, state = word.partition("=")
    known = state in states.get(name, ())
    return [word] if known else re.split(r",\s*(?=[^,=]+=)", word)


def _check_given(request: Request) -> tuple[str, ...]:
    words = (*request.words, *request["given"])
    if words and request["evidence"] is not None:
        help = "in a table, or one by one"
        raise Diagnostic(BAD_ARGUMENT, "evidence is given twice", help=help)
    return words


def _is_table(file: str | None) -> bool:
    return file is not None and Path(file).suffix.lower() != ".evid" and Path(file).is_file()


def read_table(path: Path, most: int | None) -> dict[str, list[Any]]:
    """Columns of states from a table or a UAI evidence file; an empty cell says nothing.

    Raises:
        Diagnostic: LW8003, LW8006 and what is wrong with the table.
    """
    check_file(Path(sheet_of(path)[0]))
    if path.suffix.lower() == ".evid":
        from lanework.machines.belief.graph.uai import read_evid

        return {name: [state] for name, state in read_evid(path.read_text(), str(path)).items()}
    from lanework.machines.belief.data.evidence import read_table as read

    return _some(path, read(path, most))


def _some(path: Path, columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Columns, if they have rows."""
    if not any(columns.values()):
        raise Diagnostic(NO_ROWS, f"{path} has no rows", help="give it at least one")
    return columns


def _check_options(request: Request, kind: str) -> None:
    """Refuse options that have no effect on such a query, or on its evidence.

    Raises:
        Diagnostic: LW8001.
    """
    from lanework.core.data.opening import ending_of
    from lanework.core.result.tablefile import TABLES

    request.check_used("fuel", False, "networks need none", "give --deadline")
    request.check_used("seed", kind == "sample", "no sample is asked for", "give --query sample:N")
    table = request["evidence"] is not None
    request.check_used("lanes", table, "there is no table of evidence", "give --evidence FILE")
    wide = ending_of(request["out"] or "") in (*TABLES, ".xlsx")
    request.check_used("wide", wide, "no table is written", "give --out FILE.csv")


def blocks_of(
    request: Request, variables: Iterable[Variable], kind: str
) -> tuple[Iterator[Table], bool]:
    """Columns of evidence, and whether they come in several blocks of rows.

    They may where a table is written from a table: memory holds a block at a time.
    """
    from lanework.core.data.opening import ending_of
    from lanework.core.result.tablefile import TABLES
    from lanework.machines.belief.data.evidence import iter_table
    from lanework.machines.belief.data.result import UAI, check_uai
    from lanework.machines.belief.data.tabular import no_table
    from lanework.machines.belief.queries.streaming import STREAMED, block_rows

    out, table = request["out"], request["evidence"]
    _check_options(request, kind)
    if kind == "gradient" and ending_of(out or "") in (*TABLES, ".xlsx"):
        raise no_table()
    streams = out is not None and ending_of(out) in TABLES and kind in STREAMED
    every, limits = list(variables), request.limits
    if not streams or request["approximate"] or request["json"] or not _is_table(table):
        columns = evidence(request, every)
        if out is not None and ending_of(out) in UAI:
            rows = max(map(len, columns.values()), default=1)
            # every query but for the best assignment sums, which is what .pr holds
            sums = ending_of(out) == ".pr" and kind not in ("mpe", "mmap", "kbest")
            check_uai(Path(out), "z" if sums else kind, rows)
        return iter([_with_labels(request, columns, every)]), False
    _check_given(request)

    def size(columns: list[str]) -> int:
        return block_rows(every, columns, limits)

    blocks = iter_table(Path(table), size, request["lanes"])
    first = _some(Path(table), next(blocks))
    more = next(blocks, None)
    head = [first] if more is None else [first, more]
    every_block = itertools.chain(head, blocks)
    labelled = (_with_labels(request, block, every) for block in every_block)
    return labelled, more is not None


def _without(
    columns: dict[str, list[Any]], ignored: Collection[str], table: str | None
) -> dict[str, list[Any]]:
    """Columns of a table without those that are left out.

    Raises:
        Diagnostic: LW8001 for one that there is not.
    """
    absent = next((name for name in ignored if table is None or name not in columns), None)
    if absent is not None:
        what = f"no table has a column {absent!r} to ignore"
        known = f"its columns are {', '.join(list(columns)[:8])}" if table else "leave --ignore out"
        near = did_you_mean(absent, columns) if table else None
        raise Diagnostic(BAD_ARGUMENT, what, help=near or known)
    return {name: column for name, column in columns.items() if name not in ignored}


def _with_labels(
    request: Request, columns: dict[str, list[Any]], variables: Iterable[Variable]
) -> Table:
    """Columns of evidence with the labels of their rows in the column `row`, if one has any.

    In files whose columns have no types, labels are texts.

    Raises:
        Diagnostic: LW8001 where the option cannot be, LW3055 for a column that is not there.
    """
    from lanework.core.data.blocks import check_columns
    from lanework.core.data.opening import ending_of
    from lanework.core.result.tablefile import TEXTS
    from lanework.machines.belief.data.answers import ROWS

    name, table = request["row_labels"], request["evidence"]
    columns = _without(columns, request.names("ignore") or (), table)
    own = any(variable.name == ROWS for variable in variables)
    if name is not None:
        if table is None or own:
            what = f"--row-labels {name} has no place: " + (
                f"a variable is called {ROWS!r}" if own else "there is no table of evidence"
            )
            help = "rename that variable" if own else "give a table: --evidence FILE"
            raise Diagnostic(BAD_ARGUMENT, what, help=help)
        check_columns(table, [name], list(columns))
        if name != ROWS and ROWS in columns:
            what = f"{table} has a column {ROWS!r}, of labels of rows, beside {name!r}"
            raise Diagnostic(BAD_ARGUMENT, what, help=f"leave out --row-labels, or {ROWS!r}")
        columns = {ROWS: columns[name], **{n: c for n, c in columns.items() if n != name}}
    if ROWS in columns and not own and table is None:
        word = next(word for word in (*request.words, *request["given"]) if word.startswith(ROWS))
        what = f"{word!r} is no evidence: the network has no variable {ROWS!r}"
        file = word.partition("=")[2]
        help = f"write --evidence {file if Path(file).is_file() else 'FILE'} for a table of rows"
        raise Diagnostic(BAD_ARGUMENT, what, help=help)
    if ROWS in columns and not own and ending_of(table or "") in (*TEXTS, ".xlsx", ".json"):
        columns[ROWS] = [label if label is None else str(label) for label in columns[ROWS]]
    return Table(columns, {})
