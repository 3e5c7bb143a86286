"""The sum of a network whose tables were cut by evidence, as one einsum: sesum and opt_einsum."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.harness import Answer
from bench.peers.inference import Row
from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.graph.model import FactorGraph

SECONDS = 1.0  # to look for a path


def operands(graph: FactorGraph, factors: list[Factor], row: Row) -> tuple[str, list[np.ndarray]]:
    """The expression, and the factors' tables without what is observed."""
    import opt_einsum

    letter = {name: opt_einsum.get_symbol(n) for n, name in enumerate(graph.variables)}
    parts, tables = [], []
    for factor in factors:
        place = tuple(
            graph.state(name, row[name]) if name in row else slice(None) for name in factor.scope
        )
        tables.append(np.array(factor.table[place], order="C"))
        parts.append("".join(letter[name] for name in factor.scope if name not in row))
    return ",".join(parts) + "->", tables


def sesum_job(text: str, tables: list[np.ndarray]) -> Callable[[], Answer]:
    """The fastest of sesum's path finders and backends."""
    import sesum

    options = {"minimize": "flops", "max_repeats": 64, "max_time": SECONDS}
    ways: dict[float, Callable[[], Any]] = {}
    for finder, backend in itertools.product(("greedy", "kahypar"), ("dense", "sparse")):
        path = sesum.compute_path(text, *tables, algorithm=finder, **options)[0]

        def run(path: Any = path, backend: str = backend) -> Any:
            return sesum.sesum(text, *tables, path=path, backend=backend)

        run()
        start = time.perf_counter()
        run()
        ways[time.perf_counter() - start] = run
    best = ways[min(ways)]
    return lambda: {"ln_p_evidence": math.log(float(best()))}


def opt_einsum_job(text: str, tables: list[np.ndarray]) -> Callable[[], Answer]:
    """The path of many greedy ones, and NumPy along it."""
    import opt_einsum

    finder = opt_einsum.RandomGreedy(max_repeats=64, max_time=SECONDS, minimize="flops")
    shapes = [table.shape for table in tables]
    run = opt_einsum.contract_expression(text, *shapes, optimize=finder)
    return lambda: {"ln_p_evidence": math.log(float(run(*tables)))}
