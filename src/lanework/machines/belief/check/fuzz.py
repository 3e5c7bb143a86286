"""The oracle of the belief fuzzer: every strategy, engine and semiring against enumeration.

The seed names everything: graph, query and evidence (`generate.py`). Counts and truth values are
compared exactly, other entries to 1e-10. A divergence is shrunk to a smaller case.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import ENGINE_UNAVAILABLE
from lanework.core.fuzzing import Campaign, Divergence
from lanework.core.program.program import Program
from lanework.core.result.result import Result
from lanework.machines.belief.check.enumeration import Answers, Array, Enumeration
from lanework.machines.belief.check.generate import Case, random_case
from lanework.machines.belief.data.answers import TOTALS
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.runner import ENGINES
from lanework.machines.belief.semiring import BY_PARTS, SEMIRINGS

CLOSE = 1e-10
STRATEGIES = ("tree", "modes")


@dataclass(frozen=True, order=True)
class Variant:
    """How a case is run."""

    strategy: str
    engine: str
    semiring: str

    def __str__(self) -> str:
        return f"{self.strategy}, {self.engine}, {self.semiring}"


@functools.cache
def ways() -> tuple[Variant, ...]:
    """Every strategy on every engine of this machine, in the semirings that the engine has."""
    program = compile_graph(FactorGraph(), seconds=0.0)
    every = []
    for engine in ENGINES:
        for semiring in SEMIRINGS:
            try:
                program.bind(engine, semiring=semiring)
            except Diagnostic as error:
                if error.code is not ENGINE_UNAVAILABLE:
                    raise
                continue
            every += [Variant(strategy, engine, semiring) for strategy in STRATEGIES]
    return tuple(sorted(every))


def check_seed(seed: int) -> Divergence | None:
    """Run the case of a seed in every way."""
    return check(random_case(seed), ways(), seed)


def check(case: Case, some: Iterable[Variant], seed: int = 0) -> Divergence | None:
    """Run a case in some ways; the first whose answers are wrong."""
    table = Enumeration(case.graph, case.weights(), case.rows)
    expected = functools.cache(table.answers)
    programs: dict[tuple[str, str], Program] = {}
    for way in some:
        group = "prob" if way.semiring in BY_PARTS else way.semiring
        try:
            key = (way.strategy, group if case.graph.directed else "prob")
            if key not in programs:
                programs[key] = compiled(case, way.strategy, key[1])
                programs[key].verify()
            result = programs[key].bind(way.engine, semiring=way.semiring, threads=1)(case.given)
        except Exception as error:  # whatever comes out is what is looked for
            return Divergence(seed, way, f"raises {error!r}", "raises")
        wrong = difference(case, way.semiring, expected(way.semiring), result)
        if wrong is not None:
            kind, what = wrong
            return Divergence(seed, way, what, kind)
    return None


def compiled(case: Case, strategy: str, semiring: str) -> Program:
    """The program of a case."""
    return compile_graph(
        case.graph,
        case.query or "z",
        evidence=case.evidence,
        observed=case.observed,
        semiring=semiring,
        strategy=strategy,
        seconds=0.0,
    )


def difference(
    case: Case, semiring: str, expected: Answers, result: Result
) -> tuple[str, str] | None:
    """What is wrong in a result, its kind first; or None."""
    name = TOTALS[semiring]
    total = np.atleast_1d(result[name])
    if not _same(expected.totals[: len(total)], total, semiring, logarithms=True):
        return "total", f"{name} is {total.tolist()} and not {expected.totals.tolist()}"
    for variable in case.query:
        belief = np.atleast_2d(result[variable])
        right = expected.beliefs[variable][: len(belief)]
        if not _same(right, belief, semiring, logarithms=semiring == "minsum"):
            return "belief", f"{variable} is {belief.tolist()} and not {right.tolist()}"
    return None


def _same(a: Array, b: Array, semiring: str, *, logarithms: bool) -> bool:
    """Whether numbers are equal: exactly, relatively, or as logarithms of such numbers."""
    if a.shape != b.shape:
        return False
    if semiring in ("counting", "bool"):
        return bool((a == b).all())
    return np.allclose(b, a, rtol=CLOSE, atol=CLOSE if logarithms else 0.0)


def campaign() -> Campaign:
    """Every strategy, engine and semiring on random graphs."""
    return Campaign(
        "belief",
        check_seed,
        lambda divergence: script(shrink(random_case(divergence.seed), divergence), divergence.way),
        cases="graphs",
        fault="graphs are wrong",
        ways="each as: " + "; ".join(map(str, ways())),
    )


def shrink(
    case: Case,
    first: Divergence,
    checked: Callable[[Case, list[Variant]], Divergence | None] = check,
) -> Case:
    """A smaller case that is wrong in the same way: nothing can be left out of it."""

    def wrong(each: Case) -> bool:
        other = checked(each, [first.way])
        return other is not None and other.kind == first.kind

    smaller: Case | None = case
    while smaller is not None:
        case = smaller
        smaller = next(filter(wrong, _smaller(case)), None)
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Cases with one thing less, the large things first."""
    change = functools.partial(dataclasses.replace, case)
    if case.rows > 1:
        for row in range(case.rows):
            yield change(rows=1, given={n: c[row : row + 1] for n, c in case.given.items()})
    for name in case.graph.variables:
        yield _without(case, name)
    for number in range(len(case.graph.factors)):
        rest = [f for n, f in enumerate(case.graph.factors) if n != number]
        yield change(graph=dataclasses.replace(case.graph, factors=rest))
    for what in ("query", "observed"):
        for name in (names := getattr(case, what)):
            yield change(**{what: _but(names, name)})
    for name in _but(case.given, *case.observed):
        yield change(given={n: case.given[n] for n in _but(case.given, name)})
    for name in _but(case.evidence, *case.given):
        yield change(evidence=_but(case.evidence, name))
    for number, factor in enumerate(case.graph.factors):
        plain = (factor.table != 0).astype(np.float64)
        if factor.child is None and not np.array_equal(plain, factor.table):
            factors = list(case.graph.factors)
            factors[number] = dataclasses.replace(factor, table=plain)
            yield change(graph=dataclasses.replace(case.graph, factors=factors))


def _but(names: Iterable[str], *some: str) -> tuple[str, ...]:
    """Names without some of them."""
    return tuple(name for name in names if name not in some)


def _without(case: Case, name: str) -> Case:
    """The case at the first state of a variable, which it has no longer."""
    graph = FactorGraph(case.graph.name)
    for variable in case.graph.variables.values():
        if variable.name != name:
            graph.variable(variable.name, variable.states)
    for factor in case.graph.factors:
        if factor.child != name:
            at = tuple(0 if v == name else slice(None) for v in factor.scope)
            scope = _but(factor.scope, name)
            graph.factor(scope, factor.table[at], name=factor.name, child=factor.child)
    lists = (case.query, case.evidence, case.observed)
    query, evidence, observed = (_but(names, name) for names in lists)
    given = {n: case.given[n] for n in _but(case.given, name)}
    return Case(graph, query, evidence, observed, given, case.rows)


def script(case: Case, way: Variant) -> str:
    """Python that runs a case once more."""
    lines = ["import numpy as np", "import lanework as lw", "graph = lw.belief.FactorGraph()"]
    lines += [
        f"graph.variable({variable.name!r}, {list(variable.states)!r})"
        for variable in case.graph.variables.values()
    ]
    for factor in case.graph.factors:
        child = "" if factor.child is None else f", child={factor.child!r}"
        lines.append(f"graph.factor({list(factor.scope)!r}, {factor.table.tolist()!r}{child})")
    asked = f"{list(case.query)!r}" if case.query else "'z'"
    semiring = "" if way.semiring in BY_PARTS else f", semiring={way.semiring!r}"
    lines.append(
        f"program = lw.belief.compile_graph(graph, {asked}, evidence={list(case.evidence)!r},"
        f" observed={list(case.observed)!r}, seconds=0.0, strategy={way.strategy!r}{semiring})"
    )
    lines.append(f"runner = program.bind({way.engine!r}, semiring={way.semiring!r})")
    cells = ", ".join(
        f"{name!r}: np.array({column.tolist()!r})"
        if isinstance(column, np.ndarray)
        else f"{name!r}: {column!r}"
        for name, column in case.given.items()
    )
    return "\n".join([*lines, f"print(dict(runner({{{cells}}})))"])
