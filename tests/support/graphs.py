"""Graphs that several tests ask."""

from __future__ import annotations

import numpy as np

import lanework as lw


def weather() -> lw.belief.FactorGraph:
    """Sun, rain or fog, and whether it is wet."""
    graph = lw.belief.FactorGraph("weather")
    graph.variable("weather", ["sun", "rain", "fog"])
    graph.variable("wet", ["yes", "no"])
    graph.factor(["weather"], [0.2, 0.5, 0.3])
    graph.factor(["weather", "wet"], [[0.1, 0.9], [0.7, 0.3], [0.4, 0.6]])
    return graph


def chain() -> lw.belief.FactorGraph:
    """Three variables of three states in a row."""
    graph = lw.belief.FactorGraph()
    for name in "abc":
        graph.variable(name, ["0", "1", "2"])
    graph.factor(["a"], [0.2, 0.3, 0.5])
    table = np.arange(1.0, 10.0).reshape(3, 3)
    graph.factor(["a", "b"], table / table.sum())
    graph.factor(["b", "c"], table.T / table.sum())
    return graph
