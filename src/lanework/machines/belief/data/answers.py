"""What slots mean to the one who asked: posteriors, states, derivatives, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.program.program import Program
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.semiring import CUSTOM, WEIGHTED
from lanework.machines.belief.state import SlotKey

F64 = npt.NDArray[np.float64]
ROWS, ASSIGNMENTS = "row", "assignment"
# What the value of a whole program is called, by semiring.
TOTALS = {
    "prob": "ln_p_evidence",
    "logprob": "ln_p_evidence",
    "max": "ln_p_best",
    "minsum": "least_cost",
    "counting": "count",
    WEIGHTED: "count",
    "bool": "satisfiable",
    CUSTOM: "total",
}
BEST, SCALE = "ln_p_best", "ln_scale"
# Where the variables of a slot's axes are in its key.
_NUMBERS = {"gradient": slice(2, None), "posterior": slice(1, 2)}

Values = tuple[dict[str, Any], dict[str, tuple[str, ...]], dict[str, Any]]


def total_name(program: Program, semiring: str) -> str:
    """What the value of a whole program is called."""
    best = program.header.get("query") in ("mpe", "mmap", "kbest")
    return BEST if best and semiring in ("prob", "logprob") else TOTALS[semiring]


def read_answers(
    program: Program,
    semiring: str,
    slots: Mapping[tuple[Any, ...], F64],
    totals: npt.NDArray[Any],
    lead: Mapping[str, int],
) -> Values:
    """Values of a program's outputs, their axes and the axes' labels.

    `lead` are the axes that rows have, such as ``{"row": 1000}``; none for a single row.
    """
    values: dict[str, Any] = {}
    axes: dict[str, tuple[str, ...]] = {}
    shape, rows = tuple(lead.values()), tuple(lead)
    plan, coords = output_plan(program, total_name(program, semiring))
    for name, key, own, sizes, states in plan:
        if key == ("Z",):
            name = total_name(program, semiring)
            one = semiring != CUSTOM and not shape  # an entry of any kind stays in an array
            values[name] = totals[0] if one else totals.reshape(shape)
            axes[name] = rows
            continue
        value = slots[key]
        if value.shape[1] != len(totals):
            value = np.broadcast_to(value, (len(value), len(totals)))
        if key[0] == "state":
            chosen = _states(value, states, totals, semiring).reshape(shape)
            values[name], axes[name] = chosen if shape else chosen[()], rows
            continue
        values[name], axes[name] = value.T.reshape(shape + sizes), rows + own
    return values, axes, dict(coords)


Output = tuple[str, SlotKey, tuple[str, ...], tuple[int, ...], tuple[str, ...]]


def answer_name(variable: str, total: str) -> str:
    """What the answer about a variable is called, where the value of the whole is called `total`.

    Example:
        >>> answer_name("lung", "count"), answer_name("count", "count")
        ('lung', 'count (variable)')
    """
    return f"{variable} (variable)" if variable in (total, SCALE) else variable


def axis_name(variable: str) -> str:
    """What the axis of a variable's states is called: not like that of rows."""
    return f"{variable}_states" if variable in (ROWS, ASSIGNMENTS) else variable


def output_plan(program: Program, total: str) -> tuple[list[Output], dict[str, list[str]]]:
    """For each output its name, slot, axes, their lengths and its states; and labels of axes."""
    cached = f"answers beside {total}"
    known: tuple[list[Output], dict[str, list[str]]] | None = program.views.get(cached)
    if known is None:
        view, plan, coords = BeliefView.of(program), list[Output](), dict[str, list[str]]()
        for port in program.outputs:
            key = view.slots[port.row]
            numbers = key[_NUMBERS.get(key[0], slice(1, None))]
            own = [view.variables[n] for n in numbers]
            names, sizes = tuple(axis_name(v.name) for v in own), tuple(v.size for v in own)
            about = key[0] in ("bel", "state")
            name = answer_name(port.name, total) if about else port.name
            plan.append((name, key, names, sizes, own[0].states if own else ()))
            if key[0] != "state":
                coords |= {axis_name(v.name): list(v.states) for v in own}
        known = program.views[cached] = plan, coords
    return known


def _states(
    value: F64, states: tuple[str, ...], totals: npt.NDArray[Any], semiring: str
) -> npt.NDArray[Any]:
    """The state that each row decided on; None where nothing is possible."""
    numbers = np.argmin(value, axis=0) if semiring == "minsum" else np.argmax(value, axis=0)
    chosen: npt.NDArray[Any] = np.array(states, object)[numbers]
    chosen[impossible(semiring, totals)] = None
    return chosen


def impossible(semiring: str, totals: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which rows have evidence that cannot be, by their totals.

    Example:
        >>> impossible("prob", np.array([-3.0, -np.inf])).tolist()
        [False, True]
    """
    if semiring == CUSTOM:  # whose zero may be an answer like any other
        return np.zeros(totals.shape, np.bool_)
    nothing = {"bool": False, "counting": 0, WEIGHTED: 0, "minsum": np.inf}.get(semiring, -np.inf)
    return np.asarray(totals == nothing, np.bool_)
