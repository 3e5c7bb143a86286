"""The strategy `modes`: messages along a backbone of the factors, with modes around its cycles.

After arXiv 2601.04456 (holonomy-aware tree-compiled computation). The backbone need not have the
running intersection property: a variable may be in parts of it that are not connected, and then
has a copy in each. A tie makes the copies equal: at each of its ends a selector says which mode
the interface's state belongs to, and the mode's axis travels in the messages between them.

Why this is exact: take states of all copies whose product of tables is not zero. Along the path of
a chord the tables allow them, so that the chord's two ends have states that its transport
connects. Their modes are equal, and two different states of one mode are never connected (see
`holonomy.quotient`), so the states are equal. Hence all copies agree, each state of the variables
is counted once, and any one copy takes the evidence and gives the marginal.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.backbone import Backbone, Tie, best_backbone, cover
from lanework.machines.belief.passes.emit import Emitter, Value
from lanework.machines.belief.passes.holonomy import LARGEST, quotient, transport
from lanework.machines.belief.passes.messages import table_leaf
from lanework.machines.belief.passes.tree import ContractionTree, Node
from lanework.machines.belief.reference.kernels import Tensor, vm_contract, vm_eliminate_keep
from lanework.machines.belief.semiring import vm_sat_semiring
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec, joined

_SAT = vm_sat_semiring()


@dataclass(frozen=True, eq=False)
class Mode:
    """A tie with its modes."""

    tie: Tie  # the interface and the chords
    labels: npt.NDArray[np.int64]  # the mode of each state of the interface, -1 for none

    @property
    def size(self) -> int:
        """How many modes there are, at least one: no state belongs to it if none comes round."""
        return max(int(self.labels.max()) + 1, 1)


class TiedBackbone:
    """Backbone and modes of a graph, before anything is written.

    Example:
        >>> graph = FactorGraph()
        >>> for name in "abc":
        ...     _ = graph.variable(name, 4)
        >>> blocks = np.kron(np.eye(2), np.ones((2, 2)))
        >>> for scope in ("ab", "bc", "ca"):
        ...     _ = graph.factor(scope, blocks)
        >>> tied = TiedBackbone(graph, graph.factors, graph.variables)
        >>> [mode.size for mode in tied.modes], tied.cost
        ([2], 96)
    """

    def __init__(
        self,
        graph: FactorGraph,
        factors: Sequence[Factor],
        needed: Iterable[str],
        cut: Collection[str] = (),
        *,
        zeros: bool = True,
        seconds: float = 0.2,
        seed: int = 0,
    ) -> None:
        """Plan for the factors that matter to `needed`; of `cut` variables rows say the state.

        Without `zeros`, those of tables are not there to stay: a derivative by such an entry asks
        what would be if it were not zero. Then every state is a mode of its own.
        """
        self.number = {name: n for n, name in enumerate(graph.variables)}
        self.sizes = {n: graph.variables[name].size for name, n in self.number.items()}
        self.factors, self.cut = factors, frozenset(self.number[name] for name in cut)
        scopes = [self.scope(factor, cut=True) for factor in factors]
        self.pruned = len(factors) < len(graph.factors)
        names = needed if self.pruned else graph.variables  # what was left out sums to one
        alone = {self.number[name] for name in names}.difference(self.cut, *scopes)
        # a number has no node, and a variable without factor one of its own
        some = [scope for scope in scopes if scope]
        kept, homes = cover([*some, *((variable,) for variable in sorted(alone))])
        where = iter(homes)
        self.homes = [next(where) if scope else None for scope in scopes]
        self.scopes = kept
        self.zeros, self.seconds, self.seed = zeros, seconds, seed
        self._supports: dict[int, Tensor] = {}
        self._axes: list[Axis] = []

    def scope(self, factor: Factor, *, cut: bool = False) -> tuple[int, ...]:
        """The variables of a factor, or those of them that are not cut out."""
        numbers = (self.number[name] for name in factor.scope)
        return tuple(n for n in numbers if not (cut and n in self.cut))

    def spec(self, variables: Iterable[int]) -> TensorSpec:
        """The axes of variables."""
        return TensorSpec(tuple(Axis(v, AxisType.GEOMETRIC, self.sizes[v]) for v in variables))

    @cached_property
    def least(self) -> int:
        """What the messages cost if no mode is needed: entries of the nodes' products."""
        return sum(self.spec(scope).entries for scope in self.scopes)

    @cached_property
    def _tied(self) -> tuple[Backbone, list[Tie]]:
        return best_backbone(self.scopes, self.sizes, seconds=self.seconds, seed=self.seed)

    @property
    def bone(self) -> Backbone:
        """The backbone."""
        return self._tied[0]

    @cached_property
    def modes(self) -> list[Mode]:
        """The ties that need modes: not every state comes back as it was."""
        return [mode for mode in map(self._mode, self._tied[1]) if mode.labels.any()]

    def _mode(self, tie: Tie) -> Mode:
        interface = self.spec(tie.interface)
        relations = []
        for chord in tie.chords:
            supports = [self._support(node) for node in self.bone.path(*chord)]
            known = [support for support in supports if support is not None]
            complete = len(known) == len(supports)
            # without zeros every state leads to every other
            some = self.zeros and complete and not all(table.all() for table, _ in known)
            relations.append(transport(known, interface) if some else None)
        return Mode(tie, quotient(relations, tie.states))

    @cached_property
    def _members(self) -> dict[int, list[Factor]]:
        members: dict[int, list[Factor]] = {}
        for home, factor in zip(self.homes, self.factors, strict=True):
            if home is not None:
                members.setdefault(home, []).append(factor)
        return members

    def _support(self, node: int) -> Tensor | None:
        """Where a node's tables are not zero, whatever is cut out; None if it is too large."""
        out = self.spec(self.scopes[node])
        if out.entries > LARGEST:
            return None
        if node not in self._supports:
            kept = []
            for factor in self._members[node]:
                scope = self.spec(self.scope(factor))
                rest = self.spec(self.scope(factor, cut=True))
                kept.append(vm_eliminate_keep(factor.table != 0, scope, rest.keys, _SAT))
            self._supports[node] = vm_contract(kept, out, _SAT), out
        return self._supports[node]

    @cached_property
    def cost(self) -> int:
        """Entries of the nodes' products, with the modes that pass through."""
        return self.bone.cost((mode.tie.nodes, mode.size) for mode in self.modes)

    def axes(self, out: Emitter) -> list[Axis]:
        """The modes' axes in a program."""
        if not self._axes:
            self._axes = [out.mode(mode.size) for mode in self.modes]
        return self._axes

    def notes(self, names: Sequence[str]) -> tuple[str, ...]:
        """What a person wants to know of the plan."""
        cycles, modes, cost = self.bone.cycles, self.modes, self.cost
        entries = f"{cost:,}" if cost < 10**12 else f"10^{math.log10(cost):.0f}"
        lines = [
            f"modes: a backbone of {len(self.scopes)} nodes, {entries} entries;"
            f" independent cycles: {cycles}, ties with modes: {len(modes)}"
        ]
        for mode in modes:
            interface = ", ".join(names[variable] for variable in mode.tie.interface)
            lines.append(
                f"tie of {interface}: {mode.size} modes for {mode.tie.states} states,"
                f" {len(mode.tie.ends)} ends, through {len(mode.tie.nodes)} nodes"
            )
        return tuple(lines)


def backbone_tree(
    tied: TiedBackbone, out: Emitter, observed: Sequence[int]
) -> tuple[ContractionTree, list[Value | int]]:
    """The contraction tree of a plan, and its leaves, with evidence of `observed` variables."""
    leaves, members = _leaves(tied, out, observed)
    tree = ContractionTree([Node(out.leaf_spec(leaf)) for leaf in leaves])
    passing: list[list[Axis]] = [[] for _ in tied.scopes]
    for mode, axis in zip(tied.modes, tied.axes(out), strict=True):
        for node in sorted(mode.tie.nodes):
            passing[node].append(axis)
    for node in reversed(tied.bone.order):
        parent = tied.bone.parents[node]
        shared = set()
        if parent is not None:
            shared = {(AxisType.GEOMETRIC, v) for v in tied.scopes[parent]}
            shared |= {axis.key for axis in passing[parent]}
        bucket = members[node]
        while True:
            pair = tree.smallest(bucket) if len(bucket) > 1 else (bucket[0],)
            union = joined(*(tree.nodes[part].spec for part in pair))
            bucket = [n for n in bucket if n not in pair]
            product = tree.step(pair, union if bucket else union.keep(shared))
            if not bucket:
                break
            bucket.append(product)
        if parent is not None:
            members[parent].append(product)
    tree.close()
    return tree, leaves


def _leaves(
    tied: TiedBackbone, out: Emitter, observed: Sequence[int]
) -> tuple[list[Value | int], list[list[int]]]:
    """Tables, numbers among them, then selectors and evidence; and which are at which node."""
    leaves: list[Value | int] = []
    members: list[list[int]] = [[] for _ in tied.scopes]

    def put(node: int | None, leaf: Value | int) -> None:
        if node is not None:  # a number has no node
            members[node].append(len(leaves))
        leaves.append(leaf)

    for home, factor in zip(tied.homes, tied.factors, strict=True):
        put(home, table_leaf(out, factor, tied.scope(factor), tied.cut))
    for mode, axis in zip(tied.modes, tied.axes(out), strict=True):
        for node in mode.tie.ends:
            put(node, out.selector(tied.spec(mode.tie.interface), axis, mode.labels))
    for variable in observed:  # at the smallest node that holds it: all copies are equal
        holders = tied.bone.holders[variable]
        put(min(holders, key=lambda n: (tied.spec(tied.scopes[n]).entries, n)), variable)
    for node, listed in enumerate(members):
        if not listed:  # a variable of which nothing is known
            put(node, out.unit(tied.spec(tied.scopes[node])))
    return leaves, members
