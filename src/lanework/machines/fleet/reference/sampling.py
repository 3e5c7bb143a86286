"""Random numbers of VMs: Philox4x32-10, in blocks of four that VMs keep until they are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from lanework.base.rng import rounds
from lanework.machines.fleet.reference import groups
from lanework.machines.fleet.reference.execution import Execution
from lanework.machines.fleet.reference.groups import Members
from lanework.machines.fleet.state import Words

Place = slice | npt.NDArray[np.intp]


def random(run: Execution, values: Mapping[str, int], each: int) -> Callable[[Members], None]:
    """The next random number in the VM's stream.

    Args:
        run: what it works on.
        values: the operands.
        each: how many numbers a block gives, 1 or 4.
    """
    counter, target = run.state.row("counter"), run.register(values["dest"]).view(np.float32)

    def sample(members: Members) -> None:
        drawn = counter[members]
        words = _blocks(run, members, drawn)[0] if each == 1 else _kept(run, members, drawn)
        target[members] = (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
        counter[members] += np.uint32(1)

    return sample


def _kept(run: Execution, members: Members, drawn: Words) -> Words:
    """Of each VM the word that it comes to; blocks that are not there yet are made."""
    kept, block, word = run.blocks, drawn >> np.uint32(2), drawn & np.uint32(3)
    new, _ = groups.split(members, kept.numbers[members] != block)
    if new is not None:
        numbers = run.state.row("counter")[new] >> np.uint32(2)
        kept.words[:, new] = _blocks(run, new, numbers)
        kept.numbers[new] = numbers
    if isinstance(members, slice) and (word == word[0]).all():  # in lockstep
        row: Words = kept.words[word[0], members]
        return row
    out: Words = kept.words[word, groups.ids(members)]
    return out


def _blocks(run: Execution, members: Members, numbers: Words) -> npt.NDArray[np.uint64]:
    """The blocks of these numbers, one for each VM."""
    state, seed = run.state, run.settings.seed
    counters = np.empty((4, len(numbers)), np.uint64)
    counters[0] = numbers
    counters[1] = run.streams[state.row("batch")[members]]
    counters[2] = groups.ids(members)
    counters[3] = state.row("generation")[members]
    rounds(counters, seed & 0xFFFFFFFF, seed >> 32)
    return counters
