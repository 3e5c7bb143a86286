"""Zeros of tables followed through the calls of a program: what is zero whatever the evidence says.

Contractions most of whose terms are such zeros are done by groups of outputs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lanework.engines.tensors.layout import tile
from lanework.machines.belief.native.calls import SCALED, Call, Tensor
from lanework.machines.belief.native.groups import Groups, TermSets, term_sets

Bools = npt.NDArray[np.bool_]
WIDE = 1 << 22  # entries from which on the zeros of a tensor are not followed, to save memory
SAME = (*SCALED, "divide")
PAYS = 0.8  # the share of all products that groups may cost at most
TURN = 4  # what an output by groups costs besides its products, in products


def without_zeros(calls: list[Call]) -> list[Call]:
    """The same calls, with groups where these pay."""
    last = {tensor: n for n, call in enumerate(calls) for tensor in call.inputs}
    known: dict[Tensor, Bools] = {}  # of tensors with zeros: where entries may be others
    grouped = []
    for number, call in enumerate(calls):
        for tensor in call.inputs:
            if tensor.array is not None and tensor not in known:
                _note(known, tensor, tensor.array != 0)
        some = any(tensor in known for tensor in call.inputs)
        follow = some and call.out is not None and call.out.spec.entries <= WIDE
        grouped.append(_followed(call, known) if follow else call)
        for tensor in call.inputs:
            if last[tensor] == number:
                known.pop(tensor, None)
    return grouped


def _followed(call: Call, known: dict[Tensor, Bools]) -> Call:
    """A call of which some inputs have zeros; those of what it makes become known."""
    out = call.out
    assert out is not None
    if call.kernel in ("sum", "largest"):
        supports = [(known[x], x.spec) for x in call.inputs if x in known]
        which = term_sets(out.spec, call.reduced, supports)
        _note(known, out, which.support)
        return replace(call, groups=_worth(call, which))
    if call.kernel == "pick":  # any state may be picked
        table = known[call.inputs[0]]
        axes = tuple(range(len(out.spec.axes), table.ndim))
        _note(known, out, np.logical_or.reduce(table, axis=axes))
    elif call.kernel in SAME and call.inputs[0] in known:
        known[out] = known[call.inputs[0]]
    return call


def _note(known: dict[Tensor, Bools], tensor: Tensor, support: Bools) -> None:
    if not support.all():
        known[tensor] = support


def _worth(call: Call, which: TermSets) -> Groups | None:
    """The groups of a contraction, if they are quicker than all terms."""
    assert call.out is not None
    outputs, step = call.out.spec.entries, tile(len(call.inputs), 1)
    least = int(np.bincount(which.of.ravel()) @ which.sets.sum(axis=1))
    most = PAYS * outputs * call.reduced.entries - TURN * outputs
    if least > most:
        return None
    groups = which.groups(step)
    return groups if groups.products(step) <= most else None
