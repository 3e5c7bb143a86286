"""From a factor graph to a program: a contraction tree, its messages, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core import options
from lanework.core.codes import BAD_OPTION
from lanework.core.program.program import Program
from lanework.core.waiting import LONG, bounded
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_graph
from lanework.machines.belief.passes.elimination import Elimination
from lanework.machines.belief.passes.emit import Emitter
from lanework.machines.belief.passes.modes import TiedBackbone, backbone_tree
from lanework.machines.belief.passes.outputs import Outputs
from lanework.machines.belief.passes.query import Problem
from lanework.machines.belief.semiring import VMSemiringRuntime
from lanework.machines.belief.tensor import AxisKey, AxisType

if TYPE_CHECKING:
    from lanework.machines.belief.runner import Runner

STRATEGIES = ("tree", "modes", "auto")
# What modes can answer. Sums and maxima together want an order, and samples one copy of a variable.
ALONG_CYCLES = ("marginals", "z", "mpe", "kbest", "gradient", "sensitivity")


def compile_graph(
    graph: FactorGraph,
    query: str | Sequence[str] = "all",
    *,
    evidence: Iterable[str] | None = None,
    observed: Iterable[str] = (),
    semiring: str | VMSemiringRuntime = "prob",
    strategy: str = "auto",
    seconds: float = 0.2,
    seed: int = 0,
    limits: Limits | None = None,
) -> Program[Runner]:
    """A program that answers a query for any evidence.

    Args:
        graph: variables and factors.
        query: `all` marginals or those of some variables; `z` for the evidence's probability alone;
            `mpe` for the most probable assignment, `mmap:VARS` for that of some variables, summed
            over the others, `kbest:K` for the K most probable; `joint:VARS` for the joint
            posterior of some; `sample:N` for N assignments sampled from the posterior; `gradient`
            for the derivatives of ln P(evidence) by all tables' entries;
            `sensitivity:VAR=STATE` for those of P(VAR=STATE given the evidence).
        evidence: the variables that may be observed; by default all.
        observed: those of them whose state every row says. They are cut out of the graph before
            anything else, which makes large networks small.
        semiring: what the program is bound to unless another is asked for. A program for prob or
            logprob from which tables were left out runs in these two only. For a semiring of your
            own, that one: no tables are multiplied beforehand, nor are zeros made use of.
        strategy: `tree`, a contraction tree by an order of elimination; `modes`, a tree along the
            factors themselves, with modes around cycles; `auto`, whichever is estimated to cost
            less.
        seconds: how long to look for a good order, or a good backbone.
        seed: of the random ties in it.
        limits: the memory that the process may grow by meanwhile, and a deadline.

    Raises:
        Diagnostic: LW5005 for an unknown variable, LW5009 for a query that makes no sense,
            LW2005 for a strategy that there is not, or that the query cannot have, LW5004 for
            tables that depend on themselves; LW0101.
        Trap: LW2001.

    Warns:
        TableNotice: conditional tables that do not sum to one; they are used as they are.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("wet", ["yes", "no"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8])
        >>> _ = graph.factor(["rain", "wet"], [[0.9, 0.1], [0.2, 0.8]])
        >>> program = compile_graph(graph)
        >>> program.verify()
    """
    options.choice("strategy", strategy, STRATEGIES)
    seconds, seed = options.real("seconds", seconds), options.seed(seed)

    def work() -> Program[Runner]:
        check_graph(graph)
        graph.check()
        problem = Problem(graph, query, evidence, observed, semiring)
        return _compiled(problem, strategy, seconds, seed)

    return bounded(limits, work, LONG)


def _compiled(problem: Problem, strategy: str, seconds: float, seed: int) -> Program[Runner]:
    if not problem.custom:  # whose tables may be costs, or anything
        problem.graph.notice()
    along = problem.query.kind in ALONG_CYCLES and not problem.custom
    if strategy == "modes" and not along:
        what = f"the strategy modes does not answer {problem.query.kind}"
        if problem.custom:
            what = "the strategy modes makes use of zeros, which another semiring may not have"
        raise Diagnostic(BAD_OPTION, what, help="leave the strategy to the compiler")
    if strategy == "modes":
        return _by_modes(problem, _tied(problem, seconds, seed))
    elimination = Elimination(problem, seconds, seed)
    if strategy == "auto" and along:
        tied = _tied(problem, 0.0, seed)  # zeros of tables decide, and the first backbone shows it
        cost = elimination.order.cost  # what cannot save half is not even planned
        if 2 * tied.least < cost and tied.cost < cost:
            return _by_modes(problem, tied)
    out = Emitter(list(problem.graph.variables.values()), folds=problem.folds)
    tree, leaves = elimination.tree(out)
    notes = (elimination.note(tree),)
    return Outputs(problem, out).program(tree, leaves, elimination.late_axes, notes)


def _tied(problem: Problem, seconds: float, seed: int) -> TiedBackbone:
    cut = [name for name, number in problem.number.items() if number in problem.cut]
    graph, factors, needed = problem.graph, problem.factors, problem.needed
    zeros = not problem.query.derives
    return TiedBackbone(graph, factors, needed, cut, zeros=zeros, seconds=seconds, seed=seed)


def _by_modes(problem: Problem, tied: TiedBackbone) -> Program[Runner]:
    out = Emitter(list(problem.graph.variables.values()), folds=problem.folds)
    tree, leaves = backbone_tree(tied, out, problem.observed)
    late: set[AxisKey] = set()
    if problem.maximizes:
        late = {(AxisType.GEOMETRIC, variable) for variable in problem.variables}
        late |= {axis.key for axis in tied.axes(out)}
    notes = tied.notes(list(problem.graph.variables))
    return Outputs(problem, out).program(tree, leaves, late, notes)
