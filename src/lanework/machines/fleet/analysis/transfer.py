"""What each instruction does to what is known of a VM."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lanework.core.ops.bounds import bounds
from lanework.core.ops.interval import ANY, EXACT, ZERO, Interval, between, join
from lanework.core.ops.table import ARITH, SINGLE
from lanework.core.program.isa import Instruction, OperandKind
from lanework.machines.fleet.analysis.abstract import Affine, Difference, Known
from lanework.machines.fleet.analysis.controlflow import Reach
from lanework.machines.fleet.analysis.linear import (
    MINUS_ONE,
    ONE,
    affine,
    combine,
    difference,
    number,
    terms_of,
)
from lanework.machines.fleet.analysis.memory import WordRanges
from lanework.machines.fleet.analysis.private import Access
from lanework.machines.fleet.isa import FleetInstr, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.formats import from_half, to_half
from lanework.machines.fleet.matrices.maps import linear_row, pattern

LARGEST_HALF = 65504.0
"""The largest number in half precision."""

EXACT_HALF = 2048.0
"""Up to here all whole numbers are in half precision: they take 11 bits."""

RANDOM = between(0.0, 1.0 - 2.0**-24)

Edge = tuple[int, Known | None]
"""Where a VM goes on, and what is known of it there; None if it cannot."""


class Transfer:
    """The meaning of a program's instructions on intervals.

    Args:
        reach: the program's ways.
        words: what shared memory may hold; writes are added to it.
        half: whether registers and memory are stored in half precision.
        own: regions of shared memory whose words are a VM's own. What they hold is known behind
            the elements of the vector, in this order; that of several together as one.

    Attributes:
        made: for instructions, by number, what they may write to a register or word of the VM's
            memory, before it is rounded to half precision.
        accesses: for instructions with an address in shared memory, where it may be.
        writes: for instructions that write to shared memory, the address and the value.
        news: set if shared memory may hold more than before.
    """

    def __init__(
        self, reach: Reach, words: WordRanges, half: bool, own: Sequence[Sequence[int]] = ()
    ) -> None:
        self.reach, self.words, self.half = reach, words, half
        self.view: FleetView = reach.view
        self.own, self._mine = own, dict[int, int]()
        for n, together in enumerate(own):
            self._mine |= dict.fromkeys(together, self.view.profile.length + n)
        self.made: dict[int, Interval] = {}
        self.accesses: dict[int, Access] = {}
        self.writes: dict[int, tuple[Interval, Interval]] = {}
        self.news = False
        self._exact = EXACT_HALF if half else EXACT

    def start(self) -> Known:
        """What is known of a VM that begins."""
        held = (join(self.words.first[region] for region in each) for each in self.own)
        return Known.start(self.view.profile, list(held))

    def run(self, ip: int, known: Known) -> list[Edge]:
        """What is known after an instruction, for each way that it may go on."""
        info, instruction = self.view.infos[ip], self.view.instructions[ip]
        if info.kernel is Kernel.BRANCH:
            return self._branch(ip, info, instruction, known)
        after = known.copy()
        if info.kernel is Kernel.LINEAR:
            row = linear_row(self.view.profile, instruction)
            terms = terms_of(row, self.view.profile.length - 1)
            formula = affine(terms, known, self._exact)
            self._put(ip, after, row.element, combine(terms, known), difference(terms), formula)
        elif info.kernel is Kernel.ORACLE:
            self._oracle(ip, info, instruction, known, after)
        else:
            self._io(ip, info, instruction, known, after)
        out: list[Edge] = [] if info.ends else [(ip + 1, after)]
        if info.target is not None and self.view.plan.spawn:
            begun = self.start()
            source = info.values(instruction)["src"]
            first = self.view.profile.register(0)
            begun.values[first] = known.values[self.view.profile.register(source)]
            out.append((self.reach.target(ip), begun))
        return out

    def _put(self, ip: int, known: Known, element: int, value: Interval,
             of: Difference | None = None, formula: Affine | None = None) -> None:  # fmt: skip
        self.made[ip] = value
        if self.half:
            value = halved(value)
            if of is not None and any(type(side) is Interval and not _kept(side) for side in of):
                of = None  # what is left of a small difference may be 0
        known.put(element, value, of)
        if formula is not None and value.integral and not value.nan and value.size < self._exact:
            known.affine[element] = formula

    def _register(self, values: dict[str, int], name: str) -> int:
        return self.view.profile.register(values[name])

    def _oracle(self, ip: int, info: FleetInstr, instruction: Instruction, known: Known,
                after: Known) -> None:  # fmt: skip
        values, op = info.values(instruction), info.elementwise
        dest, of, formula = self._register(values, "dest"), None, None
        if op is not None:
            sides = [
                number(values[spec.name])
                if spec.kind is OperandKind.PATTERN
                else self._register(values, spec.name)
                for spec in info.operands
                if spec.name != "dest"
            ]
            made = bounds(op, [known.side(side) for side in sides])
            if op.name == "sub":
                of = sides[0], sides[1]
                formula = affine([(ONE, of[0]), (MINUS_ONE, of[1])], known, self._exact)
            elif op.name == "mul":
                for a, b in (sides, sides[::-1]):
                    coefficient = known.side(a)
                    formula = formula or affine([(coefficient, b)], known, self._exact)
        elif info.name == "SELECT":
            cond = self._register(values, "cond")
            ways = [
                way.values[self._register(values, name)]
                for name, holds in (("src1", True), ("src2", False))
                if (way := known.branch(cond, "GT", holds, 0.0)) is not None
            ]
            made = ways[0].join(ways[-1])
        else:
            made = RANDOM if info.name == "RAND" else ANY
        self._put(ip, after, dest, made, of, formula)

    def _io(self, ip: int, info: FleetInstr, instruction: Instruction, known: Known,
            after: Known) -> None:  # fmt: skip
        values = info.values(instruction)
        of = {
            spec.name: known.values[self._register(values, spec.name)]
            for spec in info.operands
            if spec.kind is OperandKind.REGISTER and spec.name != "dest"
        }
        word = None
        if "addr" in of and info.name != "WAIT":
            word = self._shared(ip, info, values, of, after)
        elif "addr" in of:
            self.accesses[ip] = of["addr"], None
        if "dest" in values:
            made = word if word is not None else self._numbered(ip, info)
            formula = (info.name, 1, 0) if info.name in NUMBERS[:2] else None
            self._put(ip, after, self._register(values, "dest"), made, None, formula)

    def _shared(self, ip: int, info: FleetInstr, values: dict[str, int],
                of: dict[str, Interval], after: Known) -> Interval:  # fmt: skip
        """What an instruction does to shared memory; the word that was there."""
        address, formula = of["addr"], after.affine.get(self._register(values, "addr"))
        if info.name in INTEGER_ADDRESSES:
            address, formula = between(0.0, max(self.view.shared, 1), True), None
        self.accesses[ip] = address, formula
        outside = self.words.outside(address)
        regions = self.words.regions(address)
        mine = self._mine.get(regions[0]) if regions else None
        if mine is None:
            word = self.words.read(address)
        else:
            word = after.values[mine].join(ZERO) if outside else after.values[mine]
        written = of.get("src2", of.get("src"))
        if written is None:
            return word
        if info.name in SHARED_OPS:
            written = bounds(SHARED_OPS[info.name], [word, written])
        elif info.name == "ATOMIC_CAS":
            written = written.join(word)
        if mine is not None:
            after.put(mine, written)
        self.writes[ip] = address, written
        self.news |= self.words.write(address, written)
        return word

    def _numbered(self, ip: int, info: FleetInstr) -> Interval:
        """What an instruction gives that reads no memory."""
        if info.name == "SYSCALL_SPAWN":
            room = self.view.plan.spawn
            return between(-1.0, self.view.slots - 1 if room else -1.0, integral=True)
        if info.name in NUMBERS and ip in self.reach.numbers:
            return self.reach.numbers[ip][NUMBERS.index(info.name)]
        return ANY

    def _branch(self, ip: int, info: FleetInstr, instruction: Instruction,
                known: Known) -> list[Edge]:  # fmt: skip
        values = info.values(instruction)
        if "cond" in values:
            cond, test = self._register(values, "cond"), info.name.removeprefix("BRANCH_")
            epsilon = self.view.epsilon
            return [
                (values["target"], known.branch(cond, test, True, epsilon)),
                (ip + 1, known.branch(cond, test, False, epsilon)),
            ]
        if "target" in values:
            return [(values["target"], known)]
        return []  # RETURN: where to is a matter of the calls


INTEGER_ADDRESSES = ("IREAD", "IWRITE")
NUMBERS = ("SYSCALL_VMID", "VMGID", "VMCOUNT")
SHARED_OPS = {
    "ATOMIC_ADD": ARITH["add"],
    "ATOMIC_MIN": SINGLE["fmin"],
    "ATOMIC_MAX": SINGLE["fmax"],
}


def halved(value: Interval) -> Interval:
    """What is left of numbers in half precision, if none is too large."""
    low, high = (max(min(end, LARGEST_HALF), -LARGEST_HALF) for end in (value.low, value.high))
    if value.empty:
        return value
    return between(half(low), half(high), value.nan, value.integral)


@lru_cache(1 << 14)
def half(x: float) -> float:
    """The number nearest to x in half precision."""
    return number(from_half(to_half(pattern(x)))).high


def _kept(side: Interval) -> bool:
    return side.fixed and half(side.low) == side.low
