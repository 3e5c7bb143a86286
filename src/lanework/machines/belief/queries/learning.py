"""What data with missing cells say of a graph's tables: expected counts and log-likelihoods.

An entry times its derivative of ln P(evidence) is the posterior probability of the states that the
entry is of (A. Darwiche, J. ACM 50, 2003, section 4). Summed over rows these are the counts that
the EM algorithm takes for those of complete data (A. P. Dempster, N. M. Laird, D. B. Rubin,
J. R. Stat. Soc. B 39, 1977; S. L. Lauritzen, Comput. Stat. Data Anal. 19, 1995).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.data.labels import joined
from lanework.core.data.tables import TableLike
from lanework.core.data.values import Given, exactly
from lanework.core.result.result import Result
from lanework.core.waiting import timed
from lanework.machines.belief.codes import BAD_EVIDENCE, BAD_TABLE
from lanework.machines.belief.data.answers import ROWS
from lanework.machines.belief.data.evidence import Evidence, evidence_of
from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_graph, of_graph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.passes.outputs import LN_P, factor_names
from lanework.machines.belief.runner import Runner

F64 = npt.NDArray[np.float64]
EXPECTED = "expected_log_likelihood"
BLOCK = 1 << 26  # bytes of the derivatives that are held at a time
TINY = 1e-290  # of an entry that is far smaller, no float64 has the derivative
SPREAD = 64  # powers of two that bring the smallest float64 out of that range


@of_graph
@timed("raise the deadline, or run fewer rows")
def expected_counts(
    graph: FactorGraph,
    evidence: TableLike | None = None,
    *,
    weights: npt.ArrayLike | None = None,
    engine: str = "auto",
    limits: Limits | None = None,
    threads: int | None = None,
) -> Result:
    """For each entry of each table how many rows are expected to have its states.

    Args:
        graph: variables and factors.
        evidence: variable -> state, likelihood, or a column of these; a mapping or a frame.
        weights: how often each row counts, of the shape (row,); by default once. Labels are matched
                with those of the rows.
        engine: as for `Runner`; so are limits and threads.
        limits: memory, deadline, threads.
        threads: at most so many.

    Returns:
        By the name of each factor an array of its table's shape, and `ln_p_evidence`, the logarithm
        of the probability of all rows. Rows that are impossible count nowhere, and make it -inf;
        ``stats["impossible"]`` says how many there are.

    Raises:
        Diagnostic: LW5008 for weights that do not fit, or have other labels than the rows; LW5002
            for entries that are too far apart; and what compiling and running say.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("grass", ["wet", "dry"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8], child="rain")
        >>> _ = graph.factor(["rain", "grass"], [[0.9, 0.1], [0.2, 0.8]], child="grass")
        >>> rows = {"grass": ["wet", "wet", "dry"], "rain": [None, "no", None]}
        >>> counts = expected_counts(graph, rows)
        >>> counts["rain"].round(4).tolist(), float(counts["grass"].sum())
        ([0.5597, 2.4403], 3.0)
    """
    check_graph(graph)
    start = time.perf_counter()
    known = evidence_of(graph.variables.values(), evidence)
    often = _row_weights(weights, known)
    counts = [np.zeros(factor.table.shape) for factor in graph.factors]
    total, impossible = 0.0, 0
    spread, shift = _spread(graph)
    for rows, totals, derivatives in _blocks(spread, known, engine, limits, threads):
        part = often[rows]
        for count, factor, derivative in zip(counts, spread.factors, derivatives, strict=True):
            with np.errstate(invalid="ignore"):
                count += _shares(factor, np.tensordot(part, derivative, 1))
        totals = totals - shift
        total += float(totals[part > 0] @ part[part > 0])
        impossible += int((totals == -np.inf).sum())
    names = factor_names(graph.factors)
    axes = {name: factor.scope for name, factor in zip(names, graph.factors, strict=True)}
    return Result(
        {**dict(zip(names, counts, strict=True)), LN_P: np.array(total)},
        axes={**axes, LN_P: ()},
        coords={variable.name: list(variable.states) for variable in graph.variables.values()},
        stats=_stats(known, impossible, start),
    )


@of_graph
@timed("raise the deadline, or run fewer rows")
def expected_log_likelihood(
    graph: FactorGraph,
    evidence: TableLike | None = None,
    *,
    engine: str = "auto",
    limits: Limits | None = None,
    threads: int | None = None,
) -> Result:
    """The logarithm of the product of all tables, expected over each row's posterior.

    The difference to `ln_p_evidence` is the entropy of the posterior, as long as the evidence is
    of states; the weights of a likelihood are no tables.

    Args:
        graph: variables and factors.
        evidence: variable -> state, likelihood, or a column of these; a mapping or a frame.
        engine: as for `Runner`; so are limits and threads.
        limits: memory, deadline, threads.
        threads: at most so many.

    Returns:
        `expected_log_likelihood` and `ln_p_evidence`, float64, (row,) or () for a single row; -inf
        for rows that are impossible.

    Raises:
        Diagnostic: what compiling and running say.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("a", 2)
        >>> _ = graph.factor(["a"], [0.5, 0.5])
        >>> result = expected_log_likelihood(graph, {"a": ["0", None]})
        >>> (result["expected_log_likelihood"] / np.log(2)).round(9).tolist()
        [-1.0, -1.0]
    """
    check_graph(graph)
    start = time.perf_counter()
    known = evidence_of(graph.variables.values(), evidence)
    expected, logs = np.zeros(known.rows), np.zeros(known.rows)
    spread, shift = _spread(graph)
    terms = [np.log(np.where(f.table > 0, f.table, 1.0)).ravel() for f in graph.factors]
    for rows, totals, derivatives in _blocks(spread, known, engine, limits, threads):
        for term, factor, derivative in zip(terms, spread.factors, derivatives, strict=True):
            shares = _shares(factor, derivative)
            expected[rows] += shares.reshape(len(totals), -1) @ term
        logs[rows] = totals - shift
    expected[logs == -np.inf] = -np.inf
    axes = () if known.single else (ROWS,)
    at = 0 if known.single else slice(None)
    return Result(
        {EXPECTED: np.asarray(expected[at]), LN_P: np.asarray(logs[at])},
        axes={EXPECTED: axes, LN_P: axes},
        coords={} if known.labels is None else {ROWS: known.labels},
        stats=_stats(known, int((logs == -np.inf).sum()), start),
    )


def _row_weights(weights: npt.ArrayLike | None, evidence: Evidence) -> F64:
    """A weight for each row, by its label where both have some."""
    rows = evidence.rows
    if weights is None:
        return np.ones(rows)
    about = Given("the column of weights", BAD_EVIDENCE)
    often = exactly(weights, "f64", about)
    if often.shape != (rows,):
        what = f"the weights of rows have the shape {often.shape}, and there are {rows} rows"
        raise Diagnostic(BAD_EVIDENCE, what, help="give a weight for each row")
    if not (np.isfinite(often) & (often >= 0)).all():
        what = "a weight of a row is negative or no finite number"
        raise Diagnostic(BAD_EVIDENCE, what, help="give how often each row was seen, 0 or more")
    if evidence.labels is None:
        return often
    known = {"evidence": evidence.labels}
    _, orders = joined({"evidence": (), "weights": weights}, ROWS, lambda _: about, known)
    return often[orders["weights"]] if "weights" in orders else often


def _shares(factor: Factor, derivative: F64) -> F64:
    """The posterior probabilities of the states of each entry.

    Raises:
        Diagnostic: LW5002 for entries so far apart that no float64 has their derivatives.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # an entry of zero may have an infinite one
        shares = np.where(factor.table > 0, factor.table * derivative, 0.0)
    if not np.isfinite(shares).all():
        what = f"the entries of the table of {factor.name!r} are too far apart to be counted"
        raise Diagnostic(BAD_TABLE, what, help="write 0 for those that are next to nothing")
    return shares


def _spread(graph: FactorGraph) -> tuple[FactorGraph, float]:
    """The graph with larger entries where some are tiny, and how much larger ln P then is."""
    factors = []
    for factor in graph.factors:
        most, some = float(factor.table.max(initial=0.0)), factor.table[factor.table > 0]
        if some.min(initial=1.0) < TINY and most * 2.0**SPREAD < np.inf:
            factor = dataclasses.replace(factor, table=factor.table * 2.0**SPREAD)
        factors.append(factor)
    changed = sum(a is not b for a, b in zip(factors, graph.factors, strict=True))
    shift = changed * SPREAD * float(np.log(2.0))
    return (dataclasses.replace(graph, factors=factors), shift) if changed else (graph, 0.0)


def _blocks(
    graph: FactorGraph,
    evidence: Evidence,
    engine: str,
    limits: Limits | None,
    threads: int | None,
) -> Iterator[tuple[slice, F64, list[F64]]]:
    """Some rows, their ln P, and the derivatives of it: (rows, *shape) for each factor."""
    names = list(graph.variables)
    program = compile_graph(graph, "gradient", evidence=[names[v] for v in evidence.weights])
    runner = Runner(program, engine, limits, threads=threads)
    size = 8 * max(1, sum(factor.table.size for factor in graph.factors))
    step = max(1, BLOCK // size)
    for first in range(0, evidence.rows, step):
        rows = np.arange(first, min(first + step, evidence.rows))
        answers = runner.answer(Evidence(evidence.at(rows).weights, len(rows), single=False))
        derivatives = [answers[name] for name in factor_names(graph.factors)]
        yield slice(first, first + len(rows)), answers[LN_P], derivatives


def _stats(evidence: Evidence, impossible: int, start: float) -> dict[str, Any]:
    return {
        "lanes": evidence.rows,
        "impossible": impossible,
        "run_seconds": time.perf_counter() - start,
    }
