"""Answers about networks, for people."""

from __future__ import annotations

import numpy as np

from lanework.app import render
from lanework.core.result.show import figure
from lanework.machines.belief.data.answers import BEST
from lanework.machines.belief.data.result import DECIDED, POSTERIOR, BeliefResult
from lanework.machines.belief.queries.entries import Entries
from lanework.machines.belief.queries.sensitivity import Sensitivity

_MANY = 20  # assignments that are shown


def show(result: BeliefResult) -> None:
    """Print one row in words, many as a table."""
    totals = result.rows(result.total)
    if len(totals) > 1:
        render.result(result)
        return
    if not result.possible().any():
        print("the evidence is impossible: its probability is 0")
        return
    last = [result.total, figure(totals.max().item())]
    if result.query in ("mpe", "mmap"):
        cells = [[name, str(result.rows(name)[0, 0])] for name in result.names]
        render.table(["variable", "state"], [*cells, last])
    elif result.query in DECIDED:
        _assignments(result)
    elif isinstance(result, Sensitivity):
        render.table(Entries.HEADER, result.largest(_MANY).cells())
        print(f"{POSTERIOR} {figure(result.probability().flat[0].item())}")
    elif result.query in ("joint", "gradient", "sensitivity"):
        render.result(result)
    else:
        cells = [[name, _posterior(result, name)] for name in result.names]
        head = "posterior (approximate)" if result.approximate else "posterior"
        render.table(["variable", head], [*cells, last])


def _posterior(result: BeliefResult, name: str) -> str:
    pairs = zip(result.coords[name], result.rows(name)[0].tolist(), strict=True)
    return "  ".join(f"{state} {figure(value)}" for state, value in pairs)


def _assignments(result: BeliefResult) -> None:
    """A line for each assignment, as many as fit."""
    turns = np.flatnonzero(result.possible()[0])[:_MANY]
    values = [result.rows(name)[0] for name in result.names]
    head = ["", *result.names]
    cells = [[str(turn), *(str(value[turn]) for value in values)] for turn in turns]
    if result.total == BEST:
        head.append(BEST)
        totals = (figure(result.rows(BEST)[0, turn].item()) for turn in turns)
        cells = [[*cell, total] for cell, total in zip(cells, totals, strict=True)]
    render.table(head, cells)
    more = result.rows(result.total).shape[1] - len(turns)
    if more > 0:
        render.message(f"{more:,} more; --out writes all of them")
