"""Soft evidence as a posterior that is wanted, instead of a likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.data.tables import TableLike
from lanework.core.data.values import Given, exactly
from lanework.core.waiting import timed
from lanework.machines.belief.codes import BAD_EVIDENCE
from lanework.machines.belief.data.answers import ROWS
from lanework.machines.belief.data.evidence import Evidence, evidence_of, given_columns
from lanework.machines.belief.data.weights import by_states, may_be_states, upright
from lanework.machines.belief.graph.factor import Variable, listed
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_graph, of_graph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.runner import Runner

F64 = npt.NDArray[np.float64]
CLOSE = 1e-12  # to what is wanted
ROUNDS = 1000  # over all variables


@of_graph
@timed("raise the deadline, or run fewer rows")
def jeffrey(
    graph: FactorGraph,
    posteriors: Mapping[str, npt.ArrayLike],
    evidence: TableLike | None = None,
    *,
    engine: str = "auto",
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Evidence after which some variables have the posteriors that are wanted.

    Jeffrey's rule for one variable: a state's weight is its posterior over what it had been
    (R. C. Jeffrey, The Logic of Decision, 1965, chapter 11). For several, one after another until
    all fit, which changes the distribution least (I. Csiszar, Ann. Probab. 3, 1975).

    Args:
        graph: variables and factors.
        posteriors: variable -> probabilities of its states that sum to one, of the shape (states,).
        evidence: variable -> state, likelihood, or a column of these, as far as it is known.
        engine: as for `Runner`; so are limits.
        limits: memory, deadline, threads.

    Returns:
        The evidence, with weights of the shape (states,) or (row, states) for these variables.

    Raises:
        Diagnostic: LW5005 for an unknown variable; LW5008 for numbers that are no probabilities,
            or that nothing leads to; and what compiling and running say.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("grass", ["wet", "dry"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8])
        >>> _ = graph.factor(["rain", "grass"], [[0.9, 0.1], [0.2, 0.8]])
        >>> evidence = jeffrey(graph, {"grass": [0.7, 0.3]})
        >>> compile_graph(graph).bind()(evidence)["grass"].round(9).tolist()
        [0.7, 0.3]
    """
    check_graph(graph)
    given = given_columns(evidence)
    variables = list(graph.variables.values())
    if not isinstance(posteriors, Mapping):
        about = Given(f"a {type(posteriors).__name__}", BAD_EVIDENCE)
        about.refuse("has posteriors of no variables", "give {variable: probabilities}")
    goals = {name: _checked(graph.find(name), goal) for name, goal in posteriors.items()}
    wanted = {n: goals[v.name] for n, v in enumerate(variables) if v.name in goals}
    known = evidence_of(variables, given)
    weights = {v: np.array(array) for v, array in known.weights.items()}
    for v in wanted:
        weights.setdefault(v, np.ones((variables[v].size, known.rows)))
    names = [variables[v].name for v in wanted]
    observed = [variables[v].name for v in weights]
    runner = Runner(compile_graph(graph, names, evidence=observed), engine, limits)
    for turn in range(ROUNDS):
        far = 0.0
        for v, goal in wanted.items():
            result = runner.answer(Evidence(weights, known.rows, single=False))
            now = result[variables[v].name].T
            far = max(far, float(np.abs(now - goal).max(initial=0.0)))
            lost = (now == 0) & (goal > 0)
            if lost.any() and turn == 0:
                state = variables[v].states[int(np.argwhere(lost)[0][0])]
                what = f"{variables[v].name}={state} is impossible, and cannot become probable"
                raise Diagnostic(BAD_EVIDENCE, what)
            if lost.any():  # weights have vanished
                raise _contradiction(names)
            weights[v] *= goal / np.where(now == 0, 1.0, now)
            weights[v] /= weights[v].max(axis=0)
        if far < CLOSE:
            break
    else:
        raise _contradiction(names)
    if not known.single:  # all of one order now
        titles = {} if known.labels is None else {ROWS: known.labels}
        return {**titles, **{variables[v].name: weights[v].T for v in weights}}
    for v in wanted:
        own = weights[v][:, 0]  # halves are no states, and only ratios matter
        given[variables[v].name] = own / 2 if may_be_states(variables[v], own) else own
    return given


def _contradiction(names: list[str]) -> Diagnostic:
    what = f"no evidence gives these posteriors to {listed(names)}"
    return Diagnostic(BAD_EVIDENCE, what, help="they contradict each other, or nearly so")


def _checked(variable: Variable, goal: npt.ArrayLike) -> F64:
    value = upright(variable, goal)
    about = Given(f"the posterior of {variable.name!r}", BAD_EVIDENCE)
    posterior, otherwise = by_states(variable, value, exactly(value, "f64", about))
    if otherwise:
        about.refuse("has labels that are not its states", f"they are {listed(variable.states)}")
    fits = posterior.shape == (variable.size,) and bool((posterior >= 0).all())
    if not fits or abs(posterior.sum() - 1.0) > 1e-9:
        what = f"the posterior of {variable.name!r} is no {variable.size} probabilities"
        what += f": {posterior.size} numbers that sum to {posterior.sum():.6g}"
        raise Diagnostic(BAD_EVIDENCE, what, help="give one a state, which sum to one")
    column: F64 = (posterior / posterior.sum())[:, np.newaxis]
    return column
