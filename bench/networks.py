"""Networks: posteriors of many rows, of one, and sums alone, beside exact inference by others."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import lanework as lw
from bench.data import DATA
from bench.harness import Case, Contestant, Job
from bench.peers import einsum, inference
from bench.peers.inference import Columns, Row
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.query import needed_factors

OURS = "Lanework"
LAZY, SHAFER = "pyAgrum, lazy propagation", "pyAgrum, Shafer-Shenoy"
ENGINES = {LAZY: "LazyPropagation", SHAFER: "ShaferShenoyInference"}
# Rows answered by Lanework, by pyAgrum and by pgmpy; and how many times as fast we want to be.
SMALL = dict.fromkeys(("asia", "alarm", "hailfinder", "hepar2", "win95pts"), (1000, 200, 3))
LARGE = {
    "pigs": (1000, 20, 0),
    "mildew": (200, 20, 0),
    "diabetes": (100, 10, 0),
    "munin1": (32, 2, 0),
    "barley": (32, 10, 0),
    "link": (8, 1, 0),
}
GOALS = {**dict.fromkeys(SMALL, 150.0), "pigs": 70.0, "link": 70.0}
NETWORKS = {**SMALL, **LARGE}


def read(name: str) -> FactorGraph:
    """A network of the examples, its tables scaled to sums of one.

    Some leave out tables that ought to sum to one, and published ones do so to six digits.
    """
    (path,) = (DATA / "belief").glob(f"{name}.bif*")
    return lw.belief.read_network(path, normalize=True)


def expected(name: str) -> Row:
    """The evidence whose posteriors the tests know."""
    (path,) = (DATA / "belief/expected").glob(f"{name}.json*")
    rows = json.loads(_bytes(path))["rows"]
    return dict(next(row["evidence"] for row in rows if not row["soft"]))


def _bytes(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def evidence(name: str, graph: FactorGraph, rows: int, missing: float = 0.0) -> Columns:
    """Rows of five variables, or in large networks of those that the expected row observes."""
    names = list(expected(name)) if name in LARGE else inference.some(graph, 5)
    return inference.sample(graph, rows, names, missing)


def batch(name: str, missing: float = 0.0) -> Case:
    """All posteriors of a network for rows of evidence."""
    graph = read(name)
    many, theirs, fewer = NETWORKS[name]
    columns = evidence(name, graph, many, missing)
    kept = list(graph.variables)

    def ours(engine: str) -> Callable[[], Job]:
        def setup() -> Job:
            cut = [] if missing else columns
            program = lw.belief.compile_graph(graph, evidence=list(columns), observed=list(cut))
            runner = program.bind(engine)

            def job() -> dict[str, object]:
                result = runner(columns)
                return {variable: result[variable] for variable in kept}

            return job

        return setup

    def peer(engine: str) -> Job:
        return inference.pyagrum_job(graph, inference.rows_of(columns, theirs), engine)

    # A call that takes half a minute is its own measurement.
    turns = 0 if name == "link" else None
    contestants = [Contestant(OURS, ours("native"), rows=many)]
    if name in SMALL:
        contestants.append(Contestant("Lanework, reference", ours("reference"), rows=many))
    contestants += [
        Contestant(label, functools.partial(peer, engine), "pyagrum", rows=theirs, turns=turns)
        for label, engine in ENGINES.items()
    ]
    if fewer:
        rows = inference.rows_of(columns, fewer)
        setup = functools.partial(inference.pgmpy_job, graph, rows)
        label = "pgmpy, variable elimination"
        contestants.append(Contestant(label, setup, "pgmpy", rows=fewer, turns=1))
    pattern = "half of them missing in each row" if missing else "in every row"
    return Case(
        f"network_{name}" + ("_patterns" if missing else ""),
        f"{name}, all posteriors, {many:,} rows, {len(columns)} variables observed, {pattern}",
        tuple(contestants),
        repeats=3,
        goals=dict.fromkeys(ENGINES, GOALS.get(name, 10.0)),
        group="patterns of observed variables" if missing else "rows of evidence",
        rivals=tuple(ENGINES),
    )


def one(name: str) -> Case:
    """All posteriors for one row, another one in each call, with what is compiled kept."""
    graph = read(name)
    rows = inference.rows_of(evidence(name, graph, 16), 16)
    names = list(graph.variables)

    def ours() -> Job:
        runner = lw.belief.compile_graph(graph, evidence=[], observed=list(rows[0])).bind()

        def answer(row: Row) -> list[object]:
            result = runner(row)
            return [result[variable] for variable in names]

        return inference.one_after_another(rows, names, answer, single=True)

    # Of link the faster engine alone, once: a call takes half a minute.
    turns, engines = (0, {LAZY: ENGINES[LAZY]}) if name == "link" else (None, ENGINES)
    return Case(
        f"network_one_{name}",
        f"{name}, all posteriors of one row, with new states of {len(rows[0])} variables each call",
        (
            Contestant(OURS, ours, rows=1),
            *(
                Contestant(
                    label,
                    functools.partial(inference.pyagrum_job, graph, rows, engine, single=True),
                    "pyagrum",
                    rows=1,
                    turns=turns,
                )
                for label, engine in engines.items()
            ),
        ),
        repeats=3,
        goals=dict.fromkeys(ENGINES, 5.0 if name in SMALL else 1.0),
        group="one row",
        rivals=tuple(ENGINES),
    )


def total(name: str) -> Case:
    """The logarithm of the evidence's probability alone.

    The others get the tables that Lanework's compiler keeps too, cut by the evidence beforehand.
    """
    graph, row = read(name), expected(name)

    def ours() -> Job:
        runner = lw.belief.compile_graph(graph, "z", evidence=[], observed=list(row)).bind()
        return lambda: dict(runner(row))

    def peer(job: Callable[..., Job]) -> Callable[[], Job]:
        return lambda: job(*einsum.operands(graph, needed_factors(graph, row), row))

    return Case(
        f"network_z_{name}",
        f"{name}, ln P(evidence) of {len(row)} observed variables",
        (
            Contestant(OURS, ours, rows=1),
            Contestant("sesum", peer(einsum.sesum_job), "sesum", rows=1),
            Contestant("opt_einsum, NumPy", peer(einsum.opt_einsum_job), "opt_einsum", rows=1),
        ),
        repeats=7,
        goals={"sesum": 1.0},
        group="sums alone",
        rivals=("sesum",),
    )


CASES: dict[str, Callable[[], Case]] = {
    **{f"network_{name}": functools.partial(batch, name) for name in NETWORKS},
    **{f"network_{name}_patterns": functools.partial(batch, name, 0.5) for name in SMALL},
    **{f"network_one_{name}": functools.partial(one, name) for name in NETWORKS},
    **{f"network_z_{name}": functools.partial(total, name) for name in NETWORKS},
}
