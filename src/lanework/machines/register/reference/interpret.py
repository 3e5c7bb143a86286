"""The reference: a register program stepped through in plain Python.

It defines what every engine does: results, traps, fuel, to the bit. Each instruction becomes a
function of the state that gives the number of the next one, or -1 when the program stops.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from lanework.core.ops.bodies import words64
from lanework.core.ops.op import Op
from lanework.core.ops.scalar import python_function
from lanework.core.ops.table import INTEGER
from lanework.core.program.isa import Dispatch
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.isa import LINK, REGISTER, ZERO
from lanework.machines.register.layout import RegisterView, rest
from lanework.machines.register.state import (
    COUNTER,
    DISCARD,
    FUEL,
    LANE,
    MASK,
    PC,
    SEED,
    STATUS,
    RegisterBank,
    Status,
)

Step = Callable[[RegisterBank], int]
_LOW = 0xFFFFFFFF
BYTES = {"b": 1, "h": 2, "w": 4, "d": 8}


@functools.cache
def body_of(op: Op) -> Callable[..., int]:
    """The Python function of an op on words."""
    return python_function(op.graph("i64"))


class Site:
    """An instruction at its place in a program, and the functions that it may call."""

    def __init__(self, view: RegisterView, number: int, externals: ExternalTable) -> None:
        self.view, self.number, self.externals = view, number, externals
        self.info, instruction = view.infos[number], view.instructions[number]
        self.rd, self.operands = instruction.target, instruction.operands
        self.target = DISCARD if self.rd == ZERO else self.rd  # where its result goes
        self.after = number + 1  # the next one

    def stop(self, status: Status, at: int = 0) -> Step:
        """End the run at this instruction, or so many after it."""
        pc = self.view.addresses[self.number + at]

        def stop(bank: RegisterBank) -> int:
            words = bank.words
            words[PC], words[STATUS] = pc, status
            return -1

        return stop

    def spend(self, go: Step) -> Step:
        """Go on as `go` does, if there is fuel for it."""
        stop = self.stop(Status.FUEL)

        def spend(bank: RegisterBank) -> int:
            words = bank.words
            words[FUEL] = (words[FUEL] - 1) & MASK
            return stop(bank) if words[FUEL] >> 63 else go(bank)

        return spend

    def direct(self) -> Step:
        """Go to the instruction's own target; backwards at a cost."""
        to = self.view.index[self.view.target(self.number)]
        return self.spend(lambda _: to) if to <= self.number else lambda _: to

    def arrive(self, register: int, *, link: bool = False) -> Step:
        """Go to the address in a register, if an instruction is there; it costs fuel."""
        index, stop = self.view.index, self.stop(Status.JUMP)
        back = self.view.addresses[self.after]

        def go(bank: RegisterBank) -> int:
            to = index[bank.words[register]]
            if link:
                bank.words[LINK] = back
            return to

        spend = self.spend(go)
        return lambda bank: spend(bank) if bank.words[register] in index else stop(bank)


STEPS = Dispatch[Callable[[Site], Step]](
    REGISTER,
    (),
    **{
        "b": Site.direct,
        "jmp": Site.direct,
        "jmpr": lambda site: site.arrive(site.operands[0]),
        "callr": lambda site: site.arrive(site.operands[0], link=True),
        "ret": lambda site: site.arrive(LINK),
        "yield": lambda site: site.stop(Status.YIELD, 1),
        "halt": lambda site: site.stop(Status.HALT),
        "trap": lambda site: site.stop(Status.TRAP),
        "movh": lambda site: _of_number(site, lambda a, b: a & _LOW | (b & _LOW) << 32),
        "atomic.xchg": lambda site: _swap(site, lambda old, new, compared: new),
        "atomic.cas": lambda site: _swap(site, lambda a, b, rd: b if a == rd else a),
        "atomic.min": lambda site: _swap(site, lambda a, b, _: min(a, b, key=_signed)),
        "atomic.max": lambda site: _swap(site, lambda a, b, _: max(a, b, key=_signed)),
    },
)


# Values -------------------------------------------------------------------------------------------


def _apply(site: Site) -> Step:
    assert site.info.elementwise is not None
    body = body_of(site.info.elementwise)
    if site.info.wide:
        return _of_number(site, body)
    return (_of_one, _of_two, _of_three)[len(site.operands) - 1 + site.info.accumulates](site, body)


def _of_one(site: Site, body: Callable[[int], int]) -> Step:
    (source,), target, after = site.operands, site.target, site.after

    def unary(bank: RegisterBank) -> int:
        bank.words[target] = body(bank.words[source])
        return after

    return unary


def _of_two(site: Site, body: Callable[[int, int], int]) -> Step:
    (first, second), target, after = site.operands, site.target, site.after

    def binary(bank: RegisterBank) -> int:
        words = bank.words
        words[target] = body(words[first], words[second])
        return after

    return binary


def _of_number(site: Site, body: Callable[[int, int], int]) -> Step:
    (first, number), target, after = site.operands, site.target, site.after
    constant = number & MASK

    def immediate(bank: RegisterBank) -> int:
        bank.words[target] = body(bank.words[first], constant)
        return after

    return immediate


def _of_three(site: Site, body: Callable[[int, int, int], int]) -> Step:
    (first, second), third, target, after = site.operands, site.rd, site.target, site.after

    def accumulate(bank: RegisterBank) -> int:
        words = bank.words
        words[target] = body(words[first], words[second], words[third])
        return after

    return accumulate


@STEPS.register(words64.div.name, words64.mod.name)
def _divide(site: Site) -> Step:
    step, divisor, stop = _apply(site), site.operands[1], site.stop(Status.DIVIDE)
    return lambda bank: step(bank) if bank.words[divisor] else stop(bank)


@STEPS.register("mov")
def _move(site: Site) -> Step:
    target, after, source = site.target, site.after, site.operands[0]

    def move(bank: RegisterBank) -> int:
        bank.words[target] = bank.words[source]
        return after

    return move


@STEPS.register("movi")
def _move_number(site: Site) -> Step:
    target, after, constant = site.target, site.after, site.operands[0] & MASK

    def move(bank: RegisterBank) -> int:
        bank.words[target] = constant
        return after

    return move


@STEPS.register("rand")
def _rand(site: Site) -> Step:
    body, target, after = body_of(words64.random), site.target, site.after

    def rand(bank: RegisterBank) -> int:
        words = bank.words
        words[target] = body(words[SEED], words[LANE], words[COUNTER])
        words[COUNTER] = (words[COUNTER] + 1) & MASK
        return after

    return rand


# Memory -------------------------------------------------------------------------------------------


@STEPS.register(*rest(STEPS, "load"))
def _load(site: Site) -> Step:
    (base, offset), target, after = site.operands, site.target, site.after
    count, stop = BYTES[site.info.mode], site.stop(Status.MEMORY)

    def load(bank: RegisterBank) -> int:
        at = (bank.words[base] + offset) & MASK
        if at > len(bank.memory) - count:
            return stop(bank)
        bank.words[target] = int.from_bytes(bank.memory[at : at + count], "little")
        return after

    return load


@STEPS.register(*rest(STEPS, "store"))
def _store(site: Site) -> Step:
    (source, base, offset), after = site.operands, site.after
    count, stop = BYTES[site.info.mode], site.stop(Status.MEMORY)

    def store(bank: RegisterBank) -> int:
        at = (bank.words[base] + offset) & MASK
        if at > len(bank.memory) - count:
            return stop(bank)
        bank.memory[at : at + count] = bank.words[source].to_bytes(8, "little")[:count]
        return after

    return store


def _signed(word: int) -> int:
    return word - (word >> 63 << 64)


def _swap(site: Site, join: Callable[[int, int, int], int]) -> Step:
    """Replace a word by what is joined of it, of rs2 and of rd, which becomes what was there."""
    (base, source), target, compared, after = site.operands, site.target, site.rd, site.after
    outside, crooked = site.stop(Status.MEMORY), site.stop(Status.ALIGN)

    def atomic(bank: RegisterBank) -> int:
        words, memory = bank.words, bank.memory
        at = words[base]
        if at > len(memory) - 8:
            return outside(bank)
        if at % 8:
            return crooked(bank)
        old = int.from_bytes(memory[at : at + 8], "little")
        memory[at : at + 8] = join(old, words[source], words[compared]).to_bytes(8, "little")
        words[target] = old
        return after

    return atomic


@STEPS.register(*rest(STEPS, "atomic"))
def _atomic(site: Site) -> Step:
    body = body_of(INTEGER[site.info.mode])
    return _swap(site, lambda old, new, _: body(old, new))


# Control ------------------------------------------------------------------------------------------


@STEPS.register(*rest(STEPS, "branch"))
def _branch(site: Site) -> Step:
    assert site.info.elementwise is not None
    body, go, after = body_of(site.info.elementwise), site.direct(), site.after
    first, second, _ = site.operands

    def branch(bank: RegisterBank) -> int:
        return go(bank) if body(bank.words[first], bank.words[second]) else after

    return branch


@STEPS.register("call")
def _call(site: Site) -> Step:
    back, to = site.view.addresses[site.after], site.view.index[site.view.target(site.number)]

    def call(bank: RegisterBank) -> int:
        bank.words[LINK] = back
        return to

    return site.spend(call)


# The host -----------------------------------------------------------------------------------------


@STEPS.register("nop", "fence")
def _nothing(site: Site) -> Step:
    after = site.after
    return lambda _: after


@STEPS.register("ext")
def _external(site: Site) -> Step:
    stop, after, call = site.stop(Status.EXTERNAL), site.after, site.externals.call
    number = site.operands[0]
    return lambda bank: after if call(number, bank) else stop(bank)


STEPS.register(*rest(STEPS))(_apply)


# The loop -----------------------------------------------------------------------------------------


class Interpreter:
    """A program ready to be stepped through."""

    def __init__(self, view: RegisterView, externals: ExternalTable | None = None) -> None:
        self.view = view
        numbers, table = range(len(view.instructions)), externals or ExternalTable({})
        sites = (Site(view, number, table) for number in numbers)
        self.steps = [STEPS[site.info.name](site) for site in sites]

    def run(self, bank: RegisterBank, most: int | None = None) -> Status:
        """Go on from where the bank stands, for at most so many instructions."""
        words, steps = bank.words, self.steps
        words[STATUS] = Status.RUNNING
        at = self.view.index.get(words[PC], -1)
        end = len(steps)
        left = -1 if most is None else most
        while at >= 0:
            if at == end:  # a return from the outermost level
                words[PC], words[STATUS] = self.view.addresses[end], Status.HALT
                break
            if left == 0:
                words[PC] = self.view.addresses[at]
                break
            left -= 1
            at = steps[at](bank)
        return bank.status
