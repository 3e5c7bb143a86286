"""Answers for more rows than memory holds: a block of evidence goes in, and a file grows.

What a block takes is estimated from the variables; programs are compiled once for all blocks whose
rows know the same variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from lanework.base.files import atomic_write
from lanework.base.limits import Limits
from lanework.core.data.opening import ending_of
from lanework.core.result.tablefile import TableFile
from lanework.machines.belief.data.answers import ROWS
from lanework.machines.belief.data.evidence import evidence_of
from lanework.machines.belief.data.result import BeliefResult
from lanework.machines.belief.graph.factor import Variable
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.queries.infer import Programs, grouped, run_groups
from lanework.machines.belief.runner import Options

CELL, NUMBERS = 80, 4  # bytes of a cell of text, and numbers that are held for a state of a row
SHARE = 4  # of the memory cap that a block of rows takes
MOST_ROWS = 1 << 16
# Queries whose blocks are what they are without blocks.
STREAMED = ("marginals", "z", "joint", "mpe", "mmap", "kbest")


def block_rows(variables: Iterable[Variable], columns: Sequence[str], limits: Limits) -> int:
    """How many rows of evidence to answer at a time.

    Example:
        >>> block_rows([Variable("a", ("x", "y"))], ["a"], Limits(memory=1_000_000))
        1736
    """
    row = CELL * len(columns) + 8 * NUMBERS * sum(variable.size for variable in variables)
    return max(1, min(MOST_ROWS, limits.memory_cap // (SHARE * row)))


def block_answers(
    graph: FactorGraph,
    blocks: Iterable[Mapping[str, Any]],
    query: str | Sequence[str],
    **options: Unpack[Options],
) -> Iterator[BeliefResult]:
    """The answers of a graph for each block of evidence."""
    programs: Programs = {}
    for given in blocks:
        known = evidence_of(graph.variables.values(), given)
        groups = grouped(graph, known, query, options.get("semiring") or "prob", programs)
        yield run_groups(groups, known, **options)


def write_answers(
    results: Iterable[BeliefResult], target: Path, *, csv_safe: bool = False, wide: bool = False
) -> dict[str, Any]:
    """Write the table of all answers by blocks, rows numbered through or called by their labels.

    Args:
        results: of some rows each.
        target: a file of a table that is written in blocks.
        csv_safe: as for `Result.save`.
        wide: as for `BeliefResult.columns`.

    Returns:
        The statistics of all together.

    Raises:
        Diagnostic: as for `BeliefResult.save`.
    """
    stats: dict[str, Any] = {}
    with atomic_write(target) as raw, TableFile(raw, ending_of(target), csv_safe) as table:
        empty: dict[str, Any] | None = None
        for result in results:
            for columns in result.blocks(wide=wide):
                if len(columns[ROWS]):
                    if ROWS not in result.coords:
                        columns[ROWS] = columns[ROWS] + stats.get("lanes", 0)
                    table.write(columns, {})
                    empty = {}
                elif empty is None:
                    empty = columns
            stats = _added(stats, result.stats)
        if empty:
            table.write(empty, {})
    return stats


def _added(stats: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    sums = {
        name: stats.get(name, 0) + more[name] for name in ("lanes", "impossible", "run_seconds")
    }
    return {**more, **stats, **sums}
