"""Where the tensors of a program lie in the memory of a block of lanes."""

from __future__ import annotations

from lanework.engines.tensors.scale import SCALE
from lanework.machines.belief.calls import Call, Tensor
from lanework.machines.belief.places import Places

IN_PLACE = ("normalize", "rescale", "normalize_largest", "rescale_largest", "choose", "draw")


def placed(calls: list[Call]) -> tuple[dict[Tensor, int], int]:
    """Where each tensor lies, in entries, and how many there are; the scale comes first.

    A tensor lies where another did that is not read any more.
    """
    last: dict[Tensor, int] = {}
    for number, call in enumerate(calls):
        for tensor in call.inputs:
            last[tensor] = number
    memory = Places()
    memory.take(SCALE)
    places: dict[Tensor, int] = {}
    for number, call in enumerate(calls):
        out = call.out
        dead = [t for t in dict.fromkeys(call.inputs) if t in places and last[t] == number]
        if out is not None:
            if call.kernel in IN_PLACE and call.inputs[0] in dead:
                places[out] = places[dead.pop(dead.index(call.inputs[0]))]
            else:
                places[out] = memory.take(out.spec.entries)
            if out not in last:
                dead.append(out)
        for tensor in dead:
            memory.give(places[tensor], tensor.spec.entries)
    return places, memory.size
