"""Holonomy: which states of an interface come back changed from their way round a cycle.

The supports of the tables along the backbone, composed, are a boolean relation between the states
at the two ends of a chord: the transport (arXiv 2601.04456). From it follows which states may
share a mode.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.reference.kernels import Tensor, vm_contract_eliminate
from lanework.machines.belief.semiring import vm_sat_semiring
from lanework.machines.belief.tensor import NONE, Axis, AxisType, TensorSpec

LARGEST = 1 << 24  # entries of a product up to which a transport is worked out
_SAT = vm_sat_semiring()
Relation = npt.NDArray[np.bool_]


def transport(supports: Sequence[Tensor], interface: TensorSpec) -> Relation | None:
    """What the way along a path allows: state at its beginning -> state at its end.

    The supports are those of the tables on the path, boolean; neighbours meet in the variables they
    share, and the first and the last have those of the interface. None if it is too large.

    Example:
        >>> a, b, c = (Axis(n, AxisType.GEOMETRIC, 2) for n in range(3))
        >>> same, other = np.eye(2) > 0, np.eye(2) == 0
        >>> tables = [(same, (a, b)), (other, (b, c)), (same, (c, a))]
        >>> path = [(array, TensorSpec(axes)) for array, axes in tables]
        >>> transport(path, TensorSpec((a,))).tolist()
        [[False, True], [True, False]]
    """
    states = interface.entries
    if states * max(spec.entries for _, spec in supports) > LARGEST:
        return None
    start = Axis(0, AxisType.TOPOLOGICAL, states)  # the state at the beginning, carried along
    moving = np.eye(states, dtype=np.bool_).reshape(*interface.shape, states)
    spec = TensorSpec((*interface.axes, start))
    for number, (table, scope) in enumerate(supports):
        last = number == len(supports) - 1
        there = interface.keys if last else supports[number + 1][1].keys
        kept = interface if last else scope.keep(set(there))
        out = TensorSpec((*kept.axes, start))
        moving = vm_contract_eliminate([(moving, spec), (table, scope)], out, _SAT)
        spec = out
    return np.ascontiguousarray(moving.reshape(states, states).T)


def quotient(relations: Sequence[Relation | None], states: int) -> npt.NDArray[np.int64]:
    """The mode of each state of an interface; -1 for a state that needs none.

    A state that no way leads back to itself has no weight, and gets no mode. Two states may share
    a mode if no way leads from the one to the other: then equal modes still mean equal states,
    wherever the weight is not zero. So modes are colours of the graph of states that ways connect,
    and these are given greedily, the state with most neighbours first (D. J. A. Welsh and M. B.
    Powell, Comput. J. 10, 1967). Evidence can only take ways away.

    The quotient by strongly connected components does the opposite: it puts states together
    that ways connect, and counts these ways as if they closed.

    Example:
        >>> blocks = np.kron(np.eye(2), np.ones((2, 2))) > 0
        >>> quotient([blocks], 4).tolist(), quotient([np.roll(np.eye(3) > 0, 1, 0)], 3).tolist()
        ([0, 1, 0, 1], [-1, -1, -1])
    """
    known = [relation for relation in relations if relation is not None]
    if len(known) < len(relations):  # a way that is not known may lead anywhere
        return np.arange(states)
    alive = np.ones(states, np.bool_)
    meets = np.zeros((states, states), np.bool_)
    for relation in known:
        alive &= relation.diagonal()
        meets |= relation | relation.T
    np.fill_diagonal(meets, False)
    meets &= alive & alive[:, np.newaxis]
    labels = np.full(states, NONE, np.int64)
    for state in np.argsort(-meets.sum(axis=0), kind="stable").tolist():
        if alive[state]:
            taken = set(labels[meets[state]].tolist())
            labels[state] = next(mode for mode in range(states) if mode not in taken)
    return labels
