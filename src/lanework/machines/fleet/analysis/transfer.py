"""The transfer function of each instruction: what it does to the abstract state of a VM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from lanework.core.ops.bodies import arithmetic, logic
from lanework.core.ops.bounds import bounds
from lanework.core.ops.interval import ANY, EXACT, ZERO, Interval, between, join
from lanework.core.ops.op import Op
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.analysis.abstract import AbstractState, Affine, Difference, Side
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.linear import (
    MINUS_ONE,
    ONE,
    affine,
    combine,
    difference,
    number,
    terms_of,
)
from lanework.machines.fleet.analysis.memory import Access, WordRanges
from lanework.machines.fleet.isa import FLEET, FleetInstr, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.formats import from_half, to_half
from lanework.machines.fleet.matrices.maps import linear_row, pattern

LARGEST_HALF = 65504.0
"""The largest number in half precision."""

EXACT_HALF = 2048.0
"""Up to here all whole numbers are in half precision: they take 11 bits."""

Edge = tuple[int, AbstractState | None]
"""Where a VM goes on, and what is known of it there; None if it cannot."""


@dataclass(slots=True)
class At:
    """An instruction, and what is known of a VM before and after it.

    Attributes:
        ip: its number.
        name: its mnemonic.
        values: its operands.
        before: what is known of a VM that comes to it.
        after: what is known then; transfer functions change it.
    """

    ip: int
    name: str
    values: Mapping[str, int]
    before: AbstractState
    after: AbstractState


class Transfer:
    """The meaning of a program's instructions on intervals.

    Args:
        flow: the program's control flow.
        words: what shared memory may hold; writes are added to it.
        half: whether registers and memory are stored in half precision.
        private: regions of shared memory whose words are thread-private. What they hold is known
            behind the elements of the vector, in this order; that of several together as one.

    Attributes:
        results: for instructions, by number, what they may write to a register or word of the VM's
            memory, before it is rounded to half precision.
        accesses: for instructions with an address in shared memory, where it may be.
        writes: for instructions that write to shared memory, the address and the value.
        news: set if shared memory may hold more than before.
    """

    def __init__(
        self, flow: ControlFlow, words: WordRanges, half: bool, private: Sequence[Sequence[int]]
    ) -> None:
        self.flow, self.words, self.half = flow, words, half
        self.view: FleetView = flow.view
        self.private, self._element = private, dict[int, int]()
        for n, together in enumerate(private):
            self._element |= dict.fromkeys(together, self.view.profile.length + n)
        self.results: dict[int, Interval] = {}
        self.accesses: dict[int, Access] = {}
        self.writes: dict[int, tuple[Interval, Interval]] = {}
        self.news = False
        self.exact = EXACT_HALF if half else EXACT

    def start(self) -> AbstractState:
        """What is known of a VM that begins."""
        held = (join(self.words.first[region] for region in each) for each in self.private)
        return AbstractState.start(self.view.profile, list(held))

    def run(self, ip: int, known: AbstractState) -> list[Edge]:
        """What is known after an instruction, for each way that it may go on."""
        info = self.view.infos[ip]
        values = info.values(self.view.instructions[ip])
        if info.kernel is Kernel.BRANCH:
            return BRANCHES[info.name](self, ip, values, known)
        at = At(ip, info.name, values, known, known.copy())
        if info.kernel is Kernel.LINEAR:
            self._linear(at)
        elif info.elementwise is not None:
            self._op(at, info, info.elementwise)
        else:
            EFFECTS[info.name](self, at)
        out: list[Edge] = [] if info.ends else [(ip + 1, at.after)]
        if info.target is not None and self.view.plan.spawn:
            begun = self.start()
            begun.values[self.view.profile.register(0)] = self.given(at, "src")
            out.append((values["target"], begun))
        return out

    def register(self, at: At, name: str) -> int:
        """The element that an operand names."""
        return self.view.profile.register(at.values[name])

    def given(self, at: At, name: str) -> Interval:
        """What a register may hold before an instruction."""
        return at.before.values[self.register(at, name)]

    def put(self, at: At, value: Interval, of: Difference | None = None,
            formula: Affine | None = None, element: int | None = None) -> None:  # fmt: skip
        """The destination, or another element, becomes something else."""
        element = self.register(at, "dest") if element is None else element
        self.results[at.ip] = value
        if self.half:
            value = halved(value)
            if of is not None and any(type(side) is Interval and not _kept(side) for side in of):
                of = None  # what is left of a small difference may be 0
        at.after.put(element, value, of)
        if formula is not None and value.integral and not value.nan and value.size < self.exact:
            at.after.affine[element] = formula

    def touch(self, at: At, integer: bool = False) -> tuple[Interval, int | None]:
        """Note where an instruction accesses shared memory.

        Returns:
            The word there, and the element behind the vector that is known to be it.
        """
        address, formula = self.given(at, "addr"), at.after.affine.get(self.register(at, "addr"))
        if integer:
            address, formula = between(0.0, max(self.view.shared, 1), True), None
        self.accesses[at.ip] = address, formula
        regions = self.words.regions(address)
        element = self._element.get(regions[0]) if regions else None
        if element is None:
            return self.words.read(address), None
        word = at.after.values[element]
        return word.join(ZERO) if self.words.outside(address) else word, element

    def store(self, at: At, element: int | None, value: Interval) -> None:
        """A word that an instruction has touched becomes something else."""
        if element is not None:
            at.after.put(element, value)
        address, _ = self.accesses[at.ip]
        self.writes[at.ip] = address, value
        self.news |= self.words.write(address, value)

    def _linear(self, at: At) -> None:
        row = linear_row(self.view.profile, self.view.instructions[at.ip])
        terms = terms_of(row, self.view.profile.length - 1)
        formula = affine(terms, at.before, self.exact)
        self.put(at, combine(terms, at.before), difference(terms), formula, row.element)

    def _op(self, at: At, info: FleetInstr, op: Op) -> None:
        sides: list[Side] = [
            number(at.values[spec.name])
            if spec.kind is OperandKind.PATTERN
            else self.register(at, spec.name)
            for spec in info.operands
            if spec.name != "dest"
        ]
        relation = RELATIONS.get(op)
        of, formula = relation(sides, at.before, self.exact) if relation else (None, None)
        self.put(at, bounds(op, [at.before.side(side) for side in sides]), of, formula)


# What ops say beside an interval ------------------------------------------------------------------

Relation = tuple[Difference | None, Affine | None]


def _subtracts(sides: Sequence[Side], known: AbstractState, exact: float) -> Relation:
    of = sides[0], sides[1]
    return of, affine([(ONE, of[0]), (MINUS_ONE, of[1])], known, exact)


def _multiplies(sides: Sequence[Side], known: AbstractState, exact: float) -> Relation:
    either = (affine([(known.side(a), b)], known, exact) for a, b in (sides, sides[::-1]))
    return None, next((formula for formula in either if formula), None)


RELATIONS = {arithmetic.sub: _subtracts, arithmetic.mul: _multiplies}
"""Ops of which more is known than an interval."""

# What instructions do that have no op -------------------------------------------------------------

Effect = Callable[[Transfer, At], None]


def _gives(value: Interval) -> Effect:
    return lambda transfer, at: transfer.put(at, value)


def _select(transfer: Transfer, at: At) -> None:
    cond = transfer.register(at, "cond")
    ways = [
        way.values[transfer.register(at, name)]
        for name, holds in (("src1", True), ("src2", False))
        if (way := at.before.branch(cond, logic.gt, holds, 0.0)) is not None
    ]
    transfer.put(at, ways[0].join(ways[-1]))


def _number(which: int, affine: bool) -> Effect:
    """Of an instruction that gives a number of VMs: which of `controlflow.Numbers`."""

    def effect(transfer: Transfer, at: At) -> None:
        numbers = transfer.flow.numbers.get(at.ip)
        value = ANY if numbers is None else numbers[which]
        transfer.put(at, value, formula=(at.name, 1, 0) if affine else None)

    return effect


def _spawn(transfer: Transfer, at: At) -> None:
    last = transfer.view.slots - 1 if transfer.view.plan.spawn else -1.0
    transfer.put(at, between(-1.0, last, integral=True))


def _read(transfer: Transfer, at: At, integer: bool = False) -> None:
    transfer.put(at, transfer.touch(at, integer)[0])


def _write(transfer: Transfer, at: At, integer: bool = False) -> None:
    _, element = transfer.touch(at, integer)
    transfer.store(at, element, transfer.given(at, "src"))


def _wait(transfer: Transfer, at: At) -> None:
    transfer.accesses[at.ip] = transfer.given(at, "addr"), None


def _atomic(op: Op | None, transfer: Transfer, at: At) -> None:
    word, element = transfer.touch(at)
    given = transfer.given(at, "src2" if op is None else "src")
    transfer.store(at, element, word.join(given) if op is None else bounds(op, [word, given]))
    transfer.put(at, word)


EFFECTS: dict[str, Effect] = {
    "SELECT": _select,
    **dict.fromkeys(("RAND", "RAND1"), _gives(between(0.0, 1.0 - 2.0**-24))),
    "SYSCALL_READ": _read,
    "IREAD": partial(_read, integer=True),
    "SYSCALL_WRITE": _write,
    "IWRITE": partial(_write, integer=True),
    "SYSCALL_VMID": _number(0, True),
    "VMGID": _number(1, True),
    "VMCOUNT": _number(2, False),
    "IVMID": _gives(ANY),
    **dict.fromkeys(("SYSCALL_YIELD", "SYSCALL_HALT", "SYSCALL_KILL"), lambda transfer, at: None),
    "WAIT": _wait,
    **{each.name: partial(_atomic, each.updates) for each in FLEET.by_name.values() if each.atomic},
    "SYSCALL_SPAWN": _spawn,
}
"""The transfer function of each instruction that is neither linear, nor an op, nor a branch."""

# Where control goes -------------------------------------------------------------------------------

Branch = Callable[[Transfer, int, Mapping[str, int], AbstractState], list[Edge]]


def _branch(test: Op) -> Branch:
    def edges(
        transfer: Transfer, ip: int, values: Mapping[str, int], known: AbstractState
    ) -> list[Edge]:
        cond, epsilon = transfer.view.profile.register(values["cond"]), transfer.view.epsilon
        return [
            (values["target"], known.branch(cond, test, True, epsilon)),
            (ip + 1, known.branch(cond, test, False, epsilon)),
        ]

    return edges


BRANCHES: dict[str, Branch] = {
    **{each.name: _branch(each.test) for each in FLEET.by_name.values() if each.test},
    **dict.fromkeys(("JUMP", "CALL"), lambda _, ip, values, known: [(values["target"], known)]),
    "RETURN": lambda *_: [],  # where to is a matter of the calls
}
"""Where each branch leads, and what is known there."""


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
