"""Zeros of tables followed through the calls of a program: what is zero whatever the evidence says.

Contractions most of whose terms are such zeros are done by groups of outputs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lanework.engines.tensors.contract import tile
from lanework.machines.belief.calls import Call, Tensor
from lanework.machines.belief.groups import Groups, Patterns, patterns

Bools = npt.NDArray[np.bool_]
WIDE = 1 << 26  # entries of a tensor from which on its zeros are not followed
SAME = ("normalize", "rescale", "normalize_largest", "rescale_largest", "divide")
PAYS = 0.9  # the share of all products that groups may cost at most
TURN = 4  # what an output by groups costs besides its products, in products


def without_zeros(calls: list[Call]) -> list[Call]:
    """The same calls, with groups where these pay."""
    known: dict[Tensor, Bools] = {}  # where zeros are known
    found = []
    for call in calls:
        out, made = call.out, call
        if out is None or out.spec.entries > WIDE:
            found.append(call)
            continue
        for tensor in call.inputs:
            if tensor.array is not None and tensor not in known:
                _note(known, tensor, tensor.array != 0)
        if call.kernel in ("sum", "largest"):
            supports = [(known[x], x.spec) for x in call.inputs if x in known]
            if supports:
                which = patterns(out.spec, call.gone, supports)
                made = replace(call, groups=_worth(call, which))
                _note(known, out, which.support)
        elif call.kernel == "pick" and call.inputs[0] in known:
            axes = tuple(range(len(out.spec.axes), len(call.inputs[0].spec.axes)))
            _note(known, out, np.asarray(known[call.inputs[0]].any(axis=axes)))
        elif call.kernel in SAME and call.inputs[0] in known:
            known[out] = known[call.inputs[0]]
        found.append(made)
    return found


def _note(known: dict[Tensor, Bools], tensor: Tensor, support: Bools) -> None:
    if not support.all():
        known[tensor] = support


def _worth(call: Call, which: Patterns) -> Groups | None:
    """The groups of a contraction, if they are quicker than all terms."""
    assert call.out is not None
    outputs, step = call.out.spec.entries, tile(len(call.inputs), 1)
    least = int(np.bincount(which.of.ravel()) @ which.sets.sum(axis=1))
    most = PAYS * outputs * call.gone.entries - TURN * outputs
    if least > most:
        return None
    groups = which.groups(step)
    return groups if groups.products(step) <= most else None
