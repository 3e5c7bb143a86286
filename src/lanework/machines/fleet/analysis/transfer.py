"""The transfer function of each instruction: what it does to the abstract state of a VM."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from lanework.core.ops.bodies import arithmetic, logic, words32
from lanework.core.ops.bounds import bounds
from lanework.core.ops.interval import ANY, EXACT, ZERO, Interval, between, join, stepped
from lanework.core.ops.op import Op
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.analysis import integers
from lanework.machines.fleet.analysis.abstract import WORD, AbstractState, Difference, Side
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.forms import GAVE, Form, remainder, symbol
from lanework.machines.fleet.analysis.linear import (
    MINUS_ONE,
    ONE,
    Term,
    combine,
    difference,
    form,
    integer,
    number,
    operand,
    terms_of,
)
from lanework.machines.fleet.analysis.memory import Access, WordRanges
from lanework.machines.fleet.isa import FLEET, FleetInstr, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.formats import from_half, to_half
from lanework.machines.fleet.matrices.maps import Row, linear_row, pattern

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
        any_inputs: whether inputs may be anything, so that numbers may leave half precision, which
            makes them infinite. Then integers are followed, too, in single precision: half does
            not keep them; and what a word is, a float or an integer, is asked of those who copy
            bits only where floats lead.

    Attributes:
        results: for instructions, by number, what they may write to a register or word of the VM's
            memory, before it is rounded to half precision.
        integers: the same of those that give the bits of an integer, as far as it is known.
        accesses: for instructions with an address in shared memory, where it may be.
        writes: for instructions that write to shared memory, the address and the value.
        news: set if shared memory may hold more than before.
    """

    def __init__(self, flow: ControlFlow, words: WordRanges, half: bool,
                 private: Sequence[Sequence[int]], any_inputs: bool) -> None:  # fmt: skip
        self.flow, self.words, self.half = flow, words, half
        self.view: FleetView = flow.view
        self.private, self._element = private, dict[int, int]()
        for n, together in enumerate(private):
            self._element |= dict.fromkeys(together, self.view.profile.length + n)
        self.results: dict[int, Interval] = {}
        self.integers: dict[int, Interval] = {}
        self._values: dict[int, Mapping[str, int]] = {}
        self._rows: dict[int, tuple[Row, list[Term], Difference | None]] = {}
        self.accesses: dict[int, Access] = {}
        self.writes: dict[int, tuple[Interval, Interval]] = {}
        self.news = False
        self.exact = EXACT_HALF if half else EXACT
        self.bits, self.beyond = any_inputs and not half, any_inputs

    def start(self) -> AbstractState:
        """What is known of a VM that begins."""
        held = (join(self.words.first[region] for region in each) for each in self.private)
        return AbstractState.start(self.view.profile, list(held))

    def run(self, ip: int, known: AbstractState) -> list[Edge]:
        """What is known after an instruction, for each way that it may go on."""
        info = self.view.infos[ip]
        values = self._values.get(ip)
        if values is None:
            values = self._values[ip] = info.values(self.view.instructions[ip])
        if info.kernel is Kernel.BRANCH:
            return BRANCHES[info.name](self, ip, values, known)
        at = At(ip, info.name, values, known, known.copy())
        if ip in self.flow.cyclic:  # what it took and gave before is no more
            at.after.forms = {e: f for e, f in at.after.forms.items() if not f.mentions(ip)}
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
            formula: Form | None = None, element: int | None = None) -> None:  # fmt: skip
        """The destination, or another element, becomes something else."""
        element = self.register(at, "dest") if element is None else element
        exact = value.integral and not value.nan and value.size < self.exact
        if formula is not None and exact:
            value = stepped(value, *formula.congruence)
        self.results[at.ip] = value
        if self.half:
            value = halved(value, beyond=self.beyond)
            numbers = [side for side in of or () if isinstance(side, Interval)]
            if any(not side.fixed or half(side.low) != side.low for side in numbers):
                of = None  # what is left of a small difference may be 0
        at.after.put(element, value, of)
        if exact and not value.fixed:
            at.after.forms[element] = formula or symbol("", at.ip)

    def put_integer(self, at: At, integer: integers.Known, element: int) -> None:
        """The bits of the destination, or another element, are those of an integer."""
        if integer is None or not self.bits:
            return
        value, formula = integer
        if formula is not None:
            value = stepped(value, *formula.congruence)
        self.integers[at.ip] = at.after.integers[element] = value
        if not value.fixed:
            at.after.forms[~element] = formula or symbol("", at.ip, ~GAVE)

    def touch(self, at: At, integer: bool = False) -> tuple[Interval, int | None]:
        """Note where an instruction accesses shared memory.

        Returns:
            The word there, and the element behind the vector that is known to be it.
        """
        address, formula = self.given(at, "addr"), at.after.forms.get(self.register(at, "addr"))
        if integer:
            number = self.register(at, "addr")
            address, formula = at.before.side(~number), at.after.forms.get(~number)
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
        last = self.view.profile.length - 1
        if at.ip not in self._rows:
            row = linear_row(self.view.profile, self.view.instructions[at.ip])
            terms = terms_of(row, last)
            self._rows[at.ip] = row, terms, difference(terms)
        row, terms, of = self._rows[at.ip]
        formula = form(terms, at.after, self.exact, at.ip)
        moved = integers.moved(row, last, at.after)
        self.put(at, combine(terms, at.before), of, formula, row.element)
        self.put_integer(at, moved, row.element)

    def _op(self, at: At, info: FleetInstr, op: Op) -> None:
        sides: list[Side] = [
            number(at.values[spec.name])
            if spec.kind is OperandKind.PATTERN
            else self.register(at, spec.name)
            for spec in info.operands
            if spec.name != "dest"
        ]
        value = bounds(op, [at.before.side(side) for side in sides])
        relation = RELATIONS.get(op)
        of, formula = relation(self, at, sides, value) if relation else (None, None)
        if "f32" in op.dtypes or not self.bits:
            self.put(at, value, of, formula)
            return
        of = integers.compared(op, sides, at.after)
        value, formula = integers.floated(op, sides, at.after, at.ip, self.exact) or (value, None)
        integer = integers.computed(op, sides, at.after, at.ip)
        if op in (words32.ftoi, words32.ftou):
            given = at.before.side(sides[0])
            same = self.operand(at, sides[0]) if given.integral else None
            integer = integers.truncated(op, given, same)
        self.put(at, value, of, formula)
        self.put_integer(at, integer, self.register(at, "dest"))

    def operand(self, at: At, side: Side) -> Form | None:
        """What an instruction takes, as a sum of whole numbers."""
        return operand(side, at.after, self.exact, at.ip)


# What ops say beside an interval ------------------------------------------------------------------

Said = tuple[Difference | None, Form | None]
Relation = Callable[[Transfer, At, Sequence[Side], Interval], Said]


def _subtracts(transfer: Transfer, at: At, sides: Sequence[Side], value: Interval) -> Said:
    of = sides[0], sides[1]
    terms = [(ONE, of[0]), (MINUS_ONE, of[1])]
    return of, form(terms, at.after, transfer.exact, at.ip)


def _multiplies(transfer: Transfer, at: At, sides: Sequence[Side], value: Interval) -> Said:
    either = [(at.before.side(a), b) for a, b in (sides, sides[::-1])]
    term = next((each for each in either if integer(each[0], transfer.exact)), None)
    return None, term and form([term], at.after, transfer.exact, at.ip)


def _divides(transfer: Transfer, at: At, sides: Sequence[Side], value: Interval) -> Said:
    """What is left of a whole number from 0 on."""
    a, b = (at.before.side(side) for side in sides)
    of = transfer.operand(at, sides[0]) if a.low >= 0.0 and integer(b, transfer.exact) else None
    if of is None or not value.integral or value.nan or not 0.0 <= value.low <= value.high < b.low:
        return None, None
    return None, of if a.high < b.low else remainder(at.ip, GAVE, of, int(b.low))


def _keeps(transfer: Transfer, at: At, sides: Sequence[Side], value: Interval) -> Said:
    """A whole number stays as it is."""
    return None, transfer.operand(at, sides[0])


RELATIONS: dict[Op, Relation] = {
    arithmetic.sub: _subtracts,
    arithmetic.mul: _multiplies,
    **dict.fromkeys((words32.rem, words32.fmod), _divides),
    **dict.fromkeys(
        (arithmetic.floor, arithmetic.ceil, arithmetic.trunc, arithmetic.round_), _keeps
    ),
}
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
    either = [at.before.integers.get(transfer.register(at, name)) for name in ("src1", "src2")]
    if either[0] is not None and either[1] is not None:
        transfer.put_integer(at, (either[0].join(either[1]), None), transfer.register(at, "dest"))


def _number(which: int) -> Effect:
    """Of an instruction that gives a number of VMs: which of `controlflow.Numbers`."""

    def effect(transfer: Transfer, at: At) -> None:
        numbers = transfer.flow.numbers.get(at.ip)
        value = ANY if numbers is None else numbers[which]
        transfer.put(at, value, formula=symbol(at.name))

    return effect


def _ivmid(transfer: Transfer, at: At) -> None:
    transfer.put(at, ANY)
    numbers = transfer.flow.numbers.get(at.ip)
    if numbers is not None and numbers[3].high <= WORD.high:
        known = numbers[3], symbol("SYSCALL_VMID")
        transfer.put_integer(at, known, transfer.register(at, "dest"))


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
    "SYSCALL_VMID": _number(0),
    "VMGID": _number(1),
    "VMCOUNT": _number(2),
    "IVMID": _ivmid,
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


def halved(value: Interval, *, beyond: bool = False) -> Interval:
    """What is left of numbers in half precision; if none is too large, but for `beyond`."""
    most = math.inf if beyond else LARGEST_HALF
    low, high = (max(min(end, most), -most) for end in (value.low, value.high))
    if value.empty:
        return value
    return between(half(low), half(high), value.nan, value.integral)


@lru_cache(1 << 14)
def half(x: float) -> float:
    """The number nearest to x in half precision."""
    return number(from_half(to_half(pattern(x)))).high
