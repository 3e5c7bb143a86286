"""What each instruction does to what is known of a VM."""

from __future__ import annotations

import struct
from functools import lru_cache

from lanework.core.isa import Instruction, OperandKind
from lanework.core.single import SINGLE
from lanework.machines.fleet import interval
from lanework.machines.fleet.bounds import bounds
from lanework.machines.fleet.formats import from_half, to_half
from lanework.machines.fleet.interval import ANY, ZERO, Interval, between, point
from lanework.machines.fleet.isa import FleetInstr, Kernel
from lanework.machines.fleet.knowledge import Difference, Known
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices import ONE, Row, linear_row, pattern
from lanework.machines.fleet.reach import Reach
from lanework.machines.fleet.wordranges import WordRanges

LARGEST_HALF = 65504.0
"""The largest number in half precision."""

RANDOM = between(0.0, 1.0 - 2.0**-24)

Edge = tuple[int, Known | None]
"""Where a VM goes on, and what is known of it there; None if it cannot."""


class Transfer:
    """The meaning of a program's instructions on intervals.

    Attributes:
        made: for instructions, by number, what they may write to a register or word of the VM's
            memory, before it is rounded to half precision.
        addresses: for instructions with an address, what it may be.
        writes: for instructions that write to shared memory, the address and the value.
    """

    def __init__(self, reach: Reach, words: WordRanges, half: bool) -> None:
        self.reach, self.words, self.half = reach, words, half
        self.view: FleetView = reach.view
        self.made: dict[int, Interval] = {}
        self.addresses: dict[int, Interval] = {}
        self.writes: dict[int, tuple[Interval, Interval]] = {}
        self.news = False

    def run(self, ip: int, known: Known) -> list[Edge]:
        """What is known after an instruction, for each way that it may go on."""
        info, instruction = self.view.infos[ip], self.view.instructions[ip]
        if info.kernel is Kernel.BRANCH:
            return self._branch(ip, info, instruction, known)
        after = known.copy()
        if info.kernel is Kernel.LINEAR:
            row = linear_row(self.view.profile, instruction)
            self._put(ip, after, row.element, combine(row, known), difference(row, known))
        elif info.kernel is Kernel.ORACLE:
            self._oracle(ip, info, instruction, known, after)
        else:
            self._io(ip, info, instruction, known, after)
        out: list[Edge] = [] if info.ends else [(ip + 1, after)]
        if info.target is not None and self.view.plan.spawn:
            begun = Known.start(self.view.profile)
            source = info.values(instruction)["src"]
            first = self.view.profile.register(0)
            begun.values[first] = known.values[self.view.profile.register(source)]
            out.append((self.reach.target(ip), begun))
        return out

    def _put(self, ip: int, known: Known, element: int, value: Interval,
             of: Difference | None = None) -> None:  # fmt: skip
        self.made[ip] = value
        if self.half:
            value = halved(value)
            if of is not None and any(type(side) is Interval and not _kept(side) for side in of):
                of = None  # what is left of a small difference may be 0
        known.put(element, value, of)

    def _register(self, values: dict[str, int], name: str) -> int:
        return self.view.profile.register(values[name])

    def _oracle(self, ip: int, info: FleetInstr, instruction: Instruction, known: Known,
                after: Known) -> None:  # fmt: skip
        values, op = info.values(instruction), info.elementwise
        dest, of = self._register(values, "dest"), None
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
        self._put(ip, after, dest, made, of)

    def _io(self, ip: int, info: FleetInstr, instruction: Instruction, known: Known,
            after: Known) -> None:  # fmt: skip
        values = info.values(instruction)
        of = {
            spec.name: known.values[self._register(values, spec.name)]
            for spec in info.operands
            if spec.kind is OperandKind.REGISTER and spec.name != "dest"
        }
        integer = info.name in INTEGER_ADDRESSES
        if "addr" in of:
            self.addresses[ip] = ANY if integer else of["addr"]
            of["addr"] = between(0.0, max(self.view.shared, 1), True) if integer else of["addr"]
        word = None
        if "addr" in of and info.name != "WAIT":
            word = self.words.read(of["addr"])
            written = of.get("src2", of.get("src"))
            if info.name in SHARED_OPS:
                assert written is not None
                written = bounds(SHARED_OPS[info.name], [word, written])
            elif info.name == "ATOMIC_ADD":
                assert written is not None
                written = interval.add(word, written)
            if written is not None:
                self.writes[ip] = of["addr"], written
                self.news |= self.words.write(of["addr"], written)
        if "dest" in values:
            made = word if word is not None else self._numbered(ip, info)
            self._put(ip, after, self._register(values, "dest"), made)

    def _numbered(self, ip: int, info: FleetInstr) -> Interval:
        """What an instruction gives that reads no memory."""
        if info.name == "SYSCALL_SPAWN":
            room = self.view.plan.spawn
            return between(-1.0, self.view.slots - 1 if room else -1.0, whole=True)
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


def combine(row: Row, known: Known) -> Interval:
    """What a row of a matrix makes."""
    last = len(known.values) - 1
    total: Interval | None = None
    for column, bits in row.terms:
        term = number(bits) if column == last else known.values[column]
        if column != last and bits != ONE:
            term = interval.mul(number(bits), term)
        total = term if total is None else interval.add(total, term)
    return ZERO if total is None else total


def difference(row: Row, known: Known) -> Difference | None:
    """The two operands of which a row is the difference, if it is one."""
    last = len(known.values) - 1
    plus = [column for column, bits in row.terms if column != last and bits == ONE]
    minus = [column for column, bits in row.terms if column != last and bits == MINUS_ONE]
    constants = [bits for column, bits in row.terms if column == last]
    if len(plus) + len(minus) + len(constants) != len(row.terms) or len(row.terms) > 2:
        return None
    if len(plus) == 1 and len(minus) == 1:
        return plus[0], minus[0]
    if len(plus) == 1 and not minus:
        return plus[0], interval.neg(number(constants[0])) if constants else ZERO
    if len(minus) == 1 and not plus:
        return number(constants[0]) if constants else ZERO, minus[0]
    return None


MINUS_ONE = pattern(-1.0)
INTEGER_ADDRESSES = ("IREAD", "IWRITE")
NUMBERS = ("SYSCALL_VMID", "VMGID", "VMCOUNT")
SHARED_OPS = {"ATOMIC_MIN": SINGLE["fmin"], "ATOMIC_MAX": SINGLE["fmax"]}


def number(bits: int) -> Interval:
    """The float of a bit pattern."""
    return point(_float(bits))


def halved(value: Interval) -> Interval:
    """What is left of numbers in half precision, if none is too large."""
    low, high = (max(min(end, LARGEST_HALF), -LARGEST_HALF) for end in (value.low, value.high))
    if value.empty:
        return value
    return between(half(low), half(high), value.nan, value.whole)


@lru_cache(1 << 14)
def half(x: float) -> float:
    """The number nearest to x in half precision."""
    return _float(from_half(to_half(pattern(x))))


def _float(bits: int) -> float:
    (out,) = struct.unpack("<f", bits.to_bytes(4, "little"))
    return float(out)


def _kept(side: Interval) -> bool:
    return side.fixed and half(side.low) == side.low
