"""What registers and words of VMs mean: floats or integers, and the buffer that an address is in.

A text says which buffer an address is in where a number is made of its name: `ADDI r0, r0, image`.
What is added to that, or a copy of it, is an address in the same buffer; where a number is the way
from one to another, `ADDI r0, r0, gray-image`, it is one in the other, and where it is as large as
the buffer, nobody knows. Whether a word is a float or an integer is known from the instruction that
computed it, and from the buffer that it was read from.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lanework.core.ops.bodies import arithmetic, words32
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.isa import FleetInstr
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Buffer

NOTHING, FLOAT, INTEGER, ANYTHING = 0, 1, 2, 3
"""What a word may be: zero, which both have; then one of them, or either."""
NONE, MANY = -1, -2
"""Instead of a buffer's number: an address in no buffer by name, or nobody knows in which."""
LONGEST = 256
"""Instructions of programs of which intervals of addresses are asked for, if no VM is kept: for
others they take long."""

_SIGNS = {words32.iadd: 1, words32.isub: -1, arithmetic.sub: -1}
"""Ops that add their last operand, or take it away."""
_COPIES = ("SETI", "MOV", "LOAD", "STORE", "COPY")
_FLOATS = (words32.itof, words32.utof)
_ROUNDS = (
    *(arithmetic.floor, arithmetic.ceil, arithmetic.trunc, arithmetic.round_),
    *(words32.ftoi, words32.ftou, *_FLOATS),
)
"""Ops after which an address is still one."""
_BITS = (
    *(words32.iand, words32.ior, words32.ixor, words32.inot, words32.ishl, words32.ishr),
    *(words32.isar, words32.irotl, words32.irotr, words32.ibswap),
)
"""Ops on bits, be they those of a float."""


class Meaning(NamedTuple):
    """What a word means.

    Attributes:
        kind: `NOTHING`, `FLOAT`, `INTEGER` or `ANYTHING`.
        buffer: the number of the buffer that it is an address in, `NONE` or `MANY`.
    """

    kind: int
    buffer: int = NONE

    def join(self, other: Meaning) -> Meaning:
        """What is known if it is either."""
        buffer = self.buffer if self.buffer == other.buffer else MANY
        return Meaning(self.kind | other.kind, buffer)


BLANK, UNKNOWN = Meaning(NOTHING), Meaning(ANYTHING)
State = tuple[Meaning, ...]


def pattern_kind(bits: int, written: bool | None = None) -> int:
    """What a number in an instruction is.

    Args:
        bits: the number.
        written: whether a text says that it is a float; None without a text. What is written as an
            integer may still be the bits of a float.

    Example:
        >>> [pattern_kind(bits, False) for bits in (0, 1, 0xFFFFFFFF, 0x40000000, 0x9E3779B9)]
        [0, 2, 2, 3, 3]
        >>> pattern_kind(0x40000000, True), pattern_kind(0x40000000)
        (1, 3)
    """
    if not bits << 1 & 0xFFFFFFFF:
        return NOTHING
    if written is None:
        return ANYTHING
    small = not bits >> 23 & 0xFF or bits > 0xFFC00000
    return FLOAT if written else INTEGER if small else ANYTHING


class Meanings:
    """What the words of a program's VMs mean before each instruction.

    Args:
        view: the program, which is verified as far as its plan.

    Attributes:
        states: for each instruction what the elements of the vector mean; None if none comes there.
    """

    def __init__(self, view: FleetView) -> None:
        self.view, self.flow, profile = view, ControlFlow.of(view), view.profile
        self.states: list[State | None] = [None] * len(view.infos)
        self._addressed = self._intervals()
        self._waiting: list[int] = []
        start = (UNKNOWN, *[BLANK] * (profile.length - 2), Meaning(FLOAT))
        for entry in self.flow.begun:
            self._push(entry, start)
        while self._waiting:
            ip = self._waiting.pop()
            state = self.states[ip]
            assert state is not None
            self._step(ip, state, start)

    @staticmethod
    def of(view: FleetView) -> Meanings:
        """Of a program; of one of which intervals are asked for it is kept."""
        known: Meanings | None = vars(view).get("meanings")
        if known is None:
            known = Meanings(view)
            if len(view.infos) <= LONGEST:
                vars(view)["meanings"] = known
        return known

    def buffer(self, ip: int) -> Buffer | None:
        """The buffer that the address of an instruction is in by name."""
        state, values = self.states[ip], self.view.infos[ip].values(self.view.instructions[ip])
        if state is None or "addr" not in values:
            return None
        number = state[self.view.profile.register(values["addr"])].buffer
        return self.view.buffers[number] if number >= 0 else None

    def dtypes(self, ip: int) -> set[str]:
        """Of which types words are that an instruction may access; with "" for undeclared ones."""
        buffer = self.buffer(ip)
        return self._addressed.get(ip, {""}) if buffer is None else {buffer.dtype}

    def _intervals(self) -> dict[int, set[str]]:
        """The same from intervals of addresses, where types matter."""
        view = self.view
        if not distinguishes(view) or len(view.infos) > LONGEST or self.flow.resumed:
            return {}
        known, out = Intervals(view), dict[int, set[str]]()
        for ip, (address, _) in known.accesses.items():
            starts = [known.words.starts[region] for region in known.words.regions(address)]
            out[ip] = {
                dtype
                for at in starts
                for dtype in (
                    [each.dtype for each in view.buffers if 0 <= at - each.offset < each.size]
                    or [""]
                )
            }
        return out

    def _push(self, ip: int, state: State) -> None:
        old = self.states[ip] if ip < len(self.states) else state
        if old is state:
            return
        new = state if old is None else _joined(old, state)
        if new != old:
            self.states[ip] = new
            self._waiting.append(ip)

    def _step(self, ip: int, state: State, start: State) -> None:
        """Say what is known after an instruction, wherever it leads to."""
        info, profile = self.view.infos[ip], self.view.profile
        for entry in self.flow.resumed.get(ip, ()):
            self._push(entry, state)
        leads = self.flow.leads(ip)
        for target in leads.started:
            child = list(start)
            values = info.values(self.view.instructions[ip])
            child[profile.register(0)] = state[profile.register(values["src"])]
            self._push(target, tuple(child))
        for target in leads.called:
            self._push(target, state)
            for end in self.flow.returns.get(ip, ()):
                self._back(end, ip)
        for call in self.flow.callers.get(ip, ()):
            self._back(ip, call)
        if not leads.called:
            after = self._after(ip, info, state)
            for target in leads.next:
                self._push(target, after)

    def _back(self, end: int, call: int) -> None:
        """What is known after a call that has come to its end, if both have been reached."""
        state, before = self.states[end], self.states[call]
        if state is not None and before is not None:
            after = list(state)
            for saved in self.view.convention.saved:
                element = self.view.profile.register(saved)
                after[element] = before[element]
            self._push(call + 1, tuple(after))

    def _after(self, ip: int, info: FleetInstr, state: State) -> State:
        values, profile = info.values(self.view.instructions[ip]), self.view.profile
        names = [spec.name for spec in info.operands]
        if "dest" in names:
            element = profile.register(values["dest"])
        elif info.name in ("STORE", "COPY"):
            element = profile.own(values["word"])
        else:
            return state
        given = [self._given(ip, spec.kind, values[spec.name], state) for spec in info.operands
                 if spec.name not in ("dest", "cond", "addr", "target")
                 and not (spec.name == "word" and info.name != "LOAD")]  # fmt: skip
        out = list(state)
        out[element] = self._result(ip, info, given)
        return tuple(out)

    def _given(self, ip: int, kind: OperandKind, value: int, state: State) -> Meaning:
        """What an operand means."""
        if kind is OperandKind.PATTERN:
            symbol = self.view.symbols.get(ip)
            far = symbol is not None and (symbol.buffer < 0 or symbol.away >= 0)
            number = NONE if symbol is None else MANY if far else symbol.buffer
            floats = self.view.floats
            return Meaning(pattern_kind(value, None if floats is None else ip in floats), number)
        place = self.view.profile.own if kind is OperandKind.WORD else self.view.profile.register
        return state[place(value)]

    def _result(self, ip: int, info: FleetInstr, given: Sequence[Meaning]) -> Meaning:
        """What an instruction makes."""
        name = info.name
        if name in _COPIES:
            return given[0]
        if name == "CLEAR":
            return BLANK
        if name == "SELECT":
            return given[0].join(given[1])
        if name in ("SYSCALL_READ", "IREAD") or info.atomic:
            dtypes = self.dtypes(ip)
            return Meaning(
                FLOAT if dtypes == {"f32"} else INTEGER if integers(dtypes) else ANYTHING
            )
        kind = FLOAT
        if info.elementwise in _BITS and any(each.kind & FLOAT for each in given):
            kind = ANYTHING
        elif (integral(info) and info.elementwise not in _FLOATS) or name == "IVMID":
            kind = INTEGER
        return Meaning(
            kind, self._moved(ip, name, _address(info, [each.buffer for each in given]), given)
        )

    def _moved(self, ip: int, name: str, buffer: int, given: Sequence[Meaning]) -> int:
        """The buffer that a sum is an address in, where a number takes it from one to another."""
        if name not in ("ADDI", "SUBI"):
            return buffer
        symbol, before = self.view.symbols.get(ip), given[0].buffer
        if symbol is not None and symbol.away >= 0:
            return symbol.buffer if name == "ADDI" and before == symbol.away else MANY
        if symbol is None and before >= 0:
            (step,) = struct.unpack("<f", struct.pack("<I", self.view.instructions[ip].operands[1]))
            return buffer if abs(step) < self.view.buffers[before].size else MANY
        return buffer


def _joined(old: State, new: State) -> State:
    return tuple(a if a == b else a.join(b) for a, b in zip(old, new, strict=True))


def _address(info: FleetInstr, given: Sequence[int]) -> int:
    """The buffer that a result is an address in."""
    known = [each for each in given if each != NONE]
    if not known:
        return NONE
    sign = _sign(info)
    if sign and len(given) == 2:
        if len(known) == 1 and (sign > 0 or given[0] != NONE):
            return known[0]
        return NONE if sign < 0 and given[0] == given[1] != MANY else MANY
    return given[0] if info.elementwise in _ROUNDS else MANY


def _sign(info: FleetInstr) -> int:
    """Whether an instruction adds its last operand, 1, or takes it away, -1; else 0."""
    if info.linear is not None and len(info.linear) == 2:
        return {1.0: 1, "imm": 1, -1.0: -1, "-imm": -1}.get(info.linear[-1][0], 0)
    return 0 if info.elementwise is None else _SIGNS.get(info.elementwise, 0)


def distinguishes(view: FleetView) -> bool:
    """Whether a program may put floats or integers where the other belongs.

    One that has floats only, in its buffers and its instructions, cannot.
    """
    typed = any(each.dtype != "f32" for each in view.buffers)
    return bool(view.buffers) and (typed or any(map(_of_integers, _numbered(view), view.infos)))


def _numbered(view: FleetView) -> Iterator[int]:
    """For each instruction what kind of number stands in it."""
    for ip, (info, each) in enumerate(zip(view.infos, view.instructions, strict=True)):
        written = None if view.floats is None else ip in view.floats
        yield pattern_kind(info.values(each)["imm"], written) if info.name == "SETI" else NOTHING


def _of_integers(number: int, info: FleetInstr) -> bool:
    """Whether an instruction makes an integer, or works on a word of shared memory."""
    computed = info.name == "IVMID" or integral(info)
    return computed or number == INTEGER or info.updates is not None


def integers(dtypes: set[str]) -> bool:
    """Whether these are types of integers."""
    return bool(dtypes) and dtypes <= {"u32", "i32"}


def integral(info: FleetInstr) -> bool:
    """Whether an instruction works on integers."""
    op = info.elementwise or info.updates
    return op is not None and op.dtypes == ("i32",)


def limits(view: FleetView) -> dict[int, Buffer]:
    """For instructions whose address is in a buffer by name: that buffer."""
    if not view.symbols:
        return {}
    known: dict[int, Buffer] | None = vars(view).get("limits")  # found once
    if known is None:
        meanings = Meanings.of(view)
        pairs = ((ip, meanings.buffer(ip)) for ip in range(len(view.infos)))
        known = {ip: buffer for ip, buffer in pairs if buffer is not None}
        vars(view)["limits"] = known
    return known
