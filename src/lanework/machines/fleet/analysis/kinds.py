"""Floats that go into buffers of integers, and integers that go into buffers of floats.

What a text certainly says is refused before the program runs. Where an address may be in one buffer
or in another, and in programs that were saved, which may have run so before, words are counted as
they are written, if it is known what is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lanework.core.program.verify import Finding
from lanework.machines.fleet.analysis.accesses import WRITES
from lanework.machines.fleet.analysis.meanings import (
    ANYTHING,
    FLOAT,
    INTEGER,
    NOTHING,
    Meanings,
    State,
    distinguishes,
    integers,
    integral,
)
from lanework.machines.fleet.isa import FleetInstr
from lanework.machines.fleet.layout import FleetView

Numbers = npt.NDArray[np.int64]
BOTH = 4
"""What an atomic puts somewhere that takes a float for an integer, or an integer for a float."""


@dataclass(frozen=True)
class Stores:
    """What instructions put into shared memory, and what should not be put where.

    Attributes:
        kinds: of what instructions put there, by their numbers, where it is known.
        starts: the first words of regions.
        wrong: for each region what does not belong there, `NOTHING` where anything does.
    """

    kinds: Mapping[int, int]
    starts: Numbers
    wrong: Numbers

    def count(self, ip: int, at: Numbers) -> int:
        """How many words an instruction writes where they do not belong.

        Args:
            ip: its number.
            at: their addresses; those below 0 are outside.
        """
        kind = self.kinds.get(ip, NOTHING)
        if kind == NOTHING:
            return 0
        wrong = self.wrong[np.searchsorted(self.starts, at[at >= 0], "right") - 1]
        return int(np.count_nonzero(wrong if kind == BOTH else wrong == kind))

    def where(self, ip: int, first: int, last: int) -> list[tuple[int, int]]:
        """Where what an instruction writes does not belong: first words, and those behind the last.

        Args:
            ip: its number.
            first: the first word that it may write to.
            last: the last.
        """
        kind, ends = self.kinds.get(ip, NOTHING), [*self.starts[1:].tolist(), last + 1]
        out: list[tuple[int, int]] = []
        for begin, end, wrong in zip(self.starts.tolist(), ends, self.wrong.tolist(), strict=True):
            begin, end = max(begin, first), min(end, last + 1)
            if kind == NOTHING or wrong == NOTHING or begin >= end or kind not in (BOTH, wrong):
                continue
            if out and out[-1][1] == begin:
                out[-1] = out[-1][0], end
            else:
                out.append((begin, end))
        return out

    def words(self, instructions: int) -> Numbers:
        """The same for kernels: a kind for each instruction, the number of regions, their starts
        and what is wrong there.
        """
        kinds = np.zeros(instructions, np.int64)
        kinds[list(self.kinds)] = list(self.kinds.values())
        return np.concatenate([kinds, [len(self.starts)], self.starts, self.wrong])


def stores(view: FleetView) -> Stores | None:
    """What there is to count in a program; None if none of its words can be in a wrong place."""
    if "stores" not in vars(view):  # found once
        vars(view)["stores"] = _stores(view) if distinguishes(view) else None
    known: Stores | None = vars(view)["stores"]
    return known


def _stores(view: FleetView) -> Stores | None:
    ends = {end for each in view.buffers for end in (each.offset, each.offset + each.size)}
    starts = sorted({0} | ends)
    wrong = []
    for at in starts:
        dtypes = {each.dtype for each in view.buffers if 0 <= at - each.offset < each.size}
        wrong.append(FLOAT if integers(dtypes) else INTEGER if dtypes == {"f32"} else NOTHING)
    never = {BOTH, *wrong} - {NOTHING}
    kinds = {ip: kind for ip, kind in _stored(view, Meanings.of(view)) if kind in never}
    return Stores(kinds, np.array(starts, np.int64), np.array(wrong, np.int64)) if kinds else None


def mixed(view: FleetView) -> Iterator[Finding]:
    """What certainly puts a word where it does not belong."""
    if not distinguishes(view) or view.floats is None:
        return
    known = Meanings.of(view)
    for ip, kind in _stored(view, known):
        dtypes, info = known.dtypes(ip), view.infos[ip]
        of_integers = integers(dtypes)
        if not of_integers and dtypes != {"f32"}:
            continue
        if kind in (BOTH, FLOAT if of_integers else INTEGER):
            buffer = known.buffer(ip)
            where = f"buffer {buffer.name!r}, which is" if buffer else "a buffer"
            what, other = ("a float", "an integer") if of_integers else ("an integer", "a float")
            yield Finding(
                f"{info.name} at {view.where(ip)} puts {what} into {where} of"
                f" {' or '.join(sorted(dtypes))}, where {other} has to be",
                ip,
                _INSTEAD.get((info.name, of_integers), _OTHERWISE[of_integers]),
            )


_OTHERWISE = {
    True: "make an integer of it with FTOU or FTOI, or by ISETI; or declare the buffer f32",
    False: "make a float of it with UTOF or ITOF, or by SETI; or declare the buffer u32",
}
"""What to do where integers have to be, and where floats."""
_INSTEAD = {
    ("ATOMIC_ADD", True): "ATOMIC_IADD adds integers",
    ("ATOMIC_IADD", False): "ATOMIC_ADD adds floats",
}
"""What to write where an instruction works on the others."""


def _stored(view: FleetView, known: Meanings) -> Iterator[tuple[int, int]]:
    """Instructions that a VM comes to and that write to shared memory, and what they put there."""
    for ip, state in enumerate(known.states):
        info = view.infos[ip]
        if state is not None and (info.atomic or info.name in WRITES):
            yield ip, _kind(view, ip, info, state)


def _kind(view: FleetView, ip: int, info: FleetInstr, state: State) -> int:
    values = info.values(view.instructions[ip])
    source = values["src2" if info.name == "ATOMIC_CAS" else "src"]
    given = state[view.profile.register(source)].kind
    if not _adds(view, ip):
        return given
    kind = INTEGER if integral(info) else FLOAT
    return BOTH if given | kind == ANYTHING and given != ANYTHING else kind


def _adds(view: FleetView, ip: int) -> bool:
    """Whether an instruction works on the word that it puts somewhere."""
    info = view.infos[ip]
    return info.updates is not None and info.name != "ATOMIC_IXCH"
