"""From a graph and a table of evidence to answers: rows that know the same variables together.

What a row knows can be cut out of the graph before it is compiled, and then large networks are
small. A program for every pattern costs its compilation, though, and one for all patterns can cut
only what all of them know; the cheaper way is taken. What does not fit is conditioned until it
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from lanework.base.limits import Limits
from lanework.core import options
from lanework.core.data.tables import TableLike
from lanework.core.program.program import Program
from lanework.core.waiting import timed
from lanework.machines.belief.data.answers import ROWS
from lanework.machines.belief.data.evidence import Evidence, evidence_of
from lanework.machines.belief.data.result import BeliefResult
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_graph, of_graph
from lanework.machines.belief.passes.elimination import Elimination
from lanework.machines.belief.passes.query import read_query
from lanework.machines.belief.queries.conditioning import Progress, fitting
from lanework.machines.belief.queries.cutset import Question
from lanework.machines.belief.runner import Options
from lanework.machines.belief.semiring import VMSemiringRuntime

Programs = dict[tuple[tuple[str, ...], tuple[str, ...]], Program]
SEEKING = 0.2  # seconds to look for a better order
SMALL = 100  # variables up to which one program serves all patterns
SAMPLE = 5  # patterns whose cost is estimated
SLOW = "raise the deadline, run fewer rows, or ask for an approximation: lw.belief.loopy"
TERM, COMPILING = 1e-9, 3e-4  # seconds: for a term of a row up and down, for a variable of a graph


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that one program answers."""

    rows: npt.NDArray[np.intp]
    program: Program
    question: Question


@of_graph
@timed(SLOW)
def infer(
    graph: FactorGraph,
    evidence: TableLike | None = None,
    query: str | Sequence[str] = "all",
    *,
    engine: str = "auto",
    limits: Limits | None = None,
    semiring: str | VMSemiringRuntime = "prob",
    threads: int | None = None,
    seed: int = 0,
) -> BeliefResult:
    """Compile for this evidence, and answer.

    Args:
        graph: variables and factors.
        evidence: variable -> state, likelihood, or a column of these; a mapping or a frame.
        query: as for `compile_graph`.
        engine: as for `Runner`; so are limits, semiring and threads.
        limits: memory, deadline, threads. What does not fit the memory is conditioned on some
            variables if that is estimated to take no longer than the deadline, or ten minutes
            without one; `stats["conditioning"]` says so.
        semiring: its name, or one of your own.
        threads: at most so many.
        seed: of what is sampled.

    Returns:
        As a `Runner` does.

    Raises:
        Diagnostic: all that compiling and running say.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("grass", ["wet", "dry"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8])
        >>> _ = graph.factor(["rain", "grass"], [[0.9, 0.1], [0.2, 0.8]])
        >>> infer(graph, {"grass": ["wet", None]})["rain"].round(3).tolist()
        [[0.529, 0.471], [0.2, 0.8]]
    """
    seed = options.seed(seed)
    check_graph(graph)
    known = evidence_of(graph.variables.values(), evidence)
    groups = grouped(graph, known, query, semiring)
    return run_groups(
        groups, known, engine=engine, limits=limits, semiring=semiring, threads=threads, seed=seed
    )


def grouped(
    graph: FactorGraph,
    evidence: Evidence,
    query: str | Sequence[str],
    semiring: str | VMSemiringRuntime = "prob",
    programs: Programs | None = None,
) -> list[Group]:
    """Rows with their programs; `programs` are kept for the next rows of the same question."""
    kept = {} if programs is None else programs

    def program(asked: Question, seconds: float) -> Program:
        key = tuple(asked.evidence), tuple(asked.observed)
        if key not in kept:
            kept[key] = asked.program(seconds=seconds)
        return kept[key]

    names = list(graph.variables)
    numbers = sorted(evidence.weights)
    sure = np.zeros((len(numbers), evidence.rows), bool)
    for place, v in enumerate(numbers):
        sure[place] = evidence.sure(v)
    given = [names[v] for v in numbers]
    everywhere = [name for name, column in zip(given, sure, strict=True) if column.all()]
    derives = read_query(graph, query).derives
    if derives:  # derivatives are of whole tables
        everywhere = []
    rows = np.arange(evidence.rows)
    alike = len(everywhere) == len(given) or len(names) <= SMALL or derives
    patterns, where = (sure, rows) if alike else np.unique(sure, axis=1, return_inverse=True)
    question = Question(graph, query, given, everywhere, semiring)
    if alike or not _pays(question, patterns, evidence.rows):
        return [Group(rows, program(question, SEEKING), question)]
    return [
        Group(rows[where.ravel() == number], program(cut, 0.0), cut)
        for number, cut in enumerate(_cut(question, pattern) for pattern in patterns.T)
    ]


def _cut(question: Question, pattern: npt.NDArray[np.bool_]) -> Question:
    observed = [name for name, sure in zip(question.evidence, pattern, strict=True) if sure]
    return replace(question, observed=observed)


def _pays(question: Question, patterns: npt.NDArray[np.bool_], rows: int) -> bool:
    """Whether programs of their own are worth compiling: estimates, in seconds."""
    one = Elimination(question.problem(), 0.1, 0).order.cost
    count = patterns.shape[1]
    some = patterns.T[np.linspace(0, count - 1, min(count, SAMPLE)).astype(int)]
    cuts = [_cut(question, pattern) for pattern in some]
    costs = [Elimination(cut.problem(), 0.0, 0).order.cost for cut in cuts]
    compiling = count * COMPILING * len(question.graph.variables)
    return bool(compiling + rows * np.mean(costs) * TERM < rows * one * TERM)


def run_groups(
    groups: list[Group],
    evidence: Evidence,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> BeliefResult:
    """Run each group's program for its rows; the answers in the order of the rows."""
    parts = []
    for number, group in enumerate(groups):
        own = evidence if len(groups) == 1 else evidence.at(group.rows)
        runner = fitting(group.question, group.program, own, progress, **options)
        parts.append(runner.answer(own, (seed + number) % 2**64))
    first = parts[0]
    if len(groups) == 1:
        return first.trimmed()
    values, axes = {}, {name: first.axes(name) for name in first}
    for name in first:
        value = np.empty((evidence.rows, *first[name].shape[1:]), first[name].dtype)
        for group, part in zip(groups, parts, strict=True):
            value[group.rows] = part[name]
        values[name] = value
    stats = dict(first.stats) | {"lanes": evidence.rows, "programs": len(groups)}
    notes = dict.fromkeys(p.stats["conditioning"] for p in parts if "conditioning" in p.stats)
    if notes:
        stats["conditioning"] = "; ".join(notes)
    for name in ("impossible", "run_seconds"):
        stats[name] = sum(part.stats[name] for part in parts)
    coords = {axis: labels for axis, labels in first.coords.items() if axis != ROWS}
    if evidence.labels is not None:
        coords[ROWS] = evidence.labels
    asked: dict[str, Any] = {"query": first.query, "states": first.states, "total": first.total}
    return BeliefResult(values, axes=axes, coords=coords, stats=stats, **asked).trimmed()
