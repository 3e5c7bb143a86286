"""What notebooks show of graphs and of answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lanework.core.result.show import figure, html_table, many, markup
from lanework.machines.belief.answers import TOTALS
from lanework.machines.belief.model import FactorGraph
from lanework.machines.belief.result import BeliefResult
from lanework.machines.belief.semiring import CUSTOM

DRAWN, LISTED = 60, 20  # variables up to which a graph is drawn, and that a table names
BAR = 120  # the width of a bar for a probability of one


def graph_page(graph: FactorGraph) -> str:
    """A drawing of a small graph, a table of a large one."""
    entries = sum(factor.table.size for factor in graph.factors)
    counts = f"{many(len(graph.variables), 'variable')}, {many(len(graph.factors), 'factor')}"
    kind = "Bayesian network" if graph.directed else "factor graph"
    caption = f"{graph.name}: {kind}, {counts}, {many(entries, 'number')}"
    if 0 < len(graph.variables) <= DRAWN and (graph.directed or len(graph.factors) <= DRAWN):
        return f"<figure>{graph.svg()}<figcaption>{markup(caption)}</figcaption></figure>"
    rows = [
        [variable.name, str(variable.size), ", ".join(variable.states[:6])]
        for variable in list(graph.variables.values())[:LISTED]
    ]
    if len(graph.variables) > LISTED:
        rows.append([f"... and {len(graph.variables) - LISTED:,} more", "", ""])
    return html_table(["variable", "states", ""], rows, caption)


def result_page(result: BeliefResult) -> str | None:
    """Bars for the posteriors of a single row; None where there are none."""
    bars = [name for name in result if result.axes(name) == (name,)]
    if not bars or result.query != "marginals" or result.total == TOTALS[CUSTOM]:
        return None
    rows = []
    for name in bars[:LISTED]:
        states = [str(state) for state in result.coords[name]]
        rows.append((name, states, np.asarray(result[name], np.float64).tolist()))
    total = f"{result.total} {figure(result[result.total].item())}"
    left = [f"{len(bars) - LISTED:,} more"] if len(bars) > LISTED else []
    return _bars(rows, "Posteriors: " + ", ".join([result.summary(), total, *left]))


def _bars(rows: Sequence[tuple[str, list[str], list[float]]], caption: str) -> str:
    """A table with a bar for each state, which has the colour of the text."""
    body = []
    for name, states, values in rows:
        for number, (state, value) in enumerate(zip(states, values, strict=True)):
            head = f"<th rowspan={len(states)}>{markup(name)}</th>" if number == 0 else ""
            share = min(max(value, 0.0), 1.0)
            bar = (
                f'<div style="width:{BAR * share:.0f}px;height:0.8em;background:currentColor;'
                'opacity:0.5"></div>'
            )
            body.append(
                f"<tr>{head}<td>{markup(state)}</td><td>{markup(figure(value))}</td>"
                f'<td style="text-align:left">{bar}</td></tr>'
            )
    head = "<thead><tr><th>variable</th><th>state</th><th>probability</th><th></th></tr></thead>"
    return (
        f"<table><caption>{markup(caption)}</caption>{head}<tbody>{''.join(body)}</tbody></table>"
    )
