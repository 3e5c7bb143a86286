"""The reference: a register program stepped through in plain Python.

It defines what every engine does: results, traps, fuel, to the bit. Each instruction becomes a
function of the state that gives the number of the next one, or -1 when the program stops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lanework.core.ops.scalar import python_function
from lanework.core.ops.table import INTEGER
from lanework.core.program.isa import Instruction
from lanework.machines.register.isa import LINK, ZERO, RegisterInstr
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.state import (
    COUNTER,
    DETAIL,
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
Externals = Mapping[int, Callable[[memoryview], object]]
BYTES = {"b": 1, "h": 2, "w": 4, "d": 8}
_BODIES: dict[str, Callable[..., int]] = {}


def body_of(name: str) -> Callable[..., int]:
    """The Python function of an op on words."""
    if name not in _BODIES:
        _BODIES[name] = python_function(INTEGER[name].graph("i64"))
    return _BODIES[name]


class Interpreter:
    """A program ready to be stepped through."""

    def __init__(self, view: RegisterView, externals: Externals | None = None) -> None:
        self.view = view
        self.externals = externals or {}
        self.failure: BaseException | None = None
        self.steps = [self._step(n) for n in range(len(view.instructions))]

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

    def _step(self, number: int) -> Step:
        instruction, info = self.view.instructions[number], self.view.infos[number]
        target = DISCARD if instruction.target == ZERO else instruction.target
        maker = getattr(self, f"_{info.group}", None)
        if maker is not None:
            step: Step = maker(number, instruction, info, target)
            return step
        return self._pure(number, instruction, info, target)

    def _stop(self, number: int, status: Status, detail: int = 0) -> Step:
        pc = self.view.addresses[number]

        def stop(bank: RegisterBank) -> int:
            words = bank.words
            words[PC], words[STATUS], words[DETAIL] = pc, status, detail & MASK
            return -1

        return stop

    # Values -----------------------------------------------------------------------------------

    def _pure(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        assert info.elementwise is not None
        body = body_of(info.elementwise.name)
        after, operands = number + 1, instruction.operands
        if len(operands) == 1:
            source = operands[0]

            def unary(bank: RegisterBank) -> int:
                bank.words[target] = body(bank.words[source])
                return after

            return unary
        first, second = operands
        if info.wide:
            constant = second & MASK

            def immediate(bank: RegisterBank) -> int:
                bank.words[target] = body(bank.words[first], constant)
                return after

            return immediate

        if info.accumulates:
            before = instruction.target

            def accumulate(bank: RegisterBank) -> int:
                words = bank.words
                words[target] = body(words[first], words[second], words[before])
                return after

            return accumulate

        def binary(bank: RegisterBank) -> int:
            words = bank.words
            words[target] = body(words[first], words[second])
            return after

        return binary

    def _muldiv(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        step = self._pure(number, instruction, info, target)
        if info.mode not in ("div", "mod"):
            return step
        divisor, stop = instruction.operands[1], self._stop(number, Status.DIVIDE)
        return lambda bank: step(bank) if bank.words[divisor] else stop(bank)

    def _mov(self, number: int, instruction: Instruction, info: RegisterInstr, target: int) -> Step:
        after, operands = number + 1, instruction.operands
        source, constant = operands[0], operands[-1] & MASK
        high = (operands[-1] & 0xFFFFFFFF) << 32

        def register(bank: RegisterBank) -> int:
            bank.words[target] = bank.words[source]
            return after

        def immediate(bank: RegisterBank) -> int:
            bank.words[target] = constant
            return after

        def upper(bank: RegisterBank) -> int:
            bank.words[target] = bank.words[source] & 0xFFFFFFFF | high
            return after

        return {"register": register, "immediate": immediate, "high": upper}[info.mode]

    def _rand(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        body, after = body_of("random"), number + 1

        def rand(bank: RegisterBank) -> int:
            words = bank.words
            words[target] = body(words[SEED], words[LANE], words[COUNTER])
            words[COUNTER] = (words[COUNTER] + 1) & MASK
            return after

        return rand

    # Memory -----------------------------------------------------------------------------------

    def _load(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        base, offset = instruction.operands
        count, after, stop = BYTES[info.mode], number + 1, self._stop(number, Status.MEMORY)

        def load(bank: RegisterBank) -> int:
            at = (bank.words[base] + offset) & MASK
            if at > len(bank.memory) - count:
                return stop(bank)
            bank.words[target] = int.from_bytes(bank.memory[at : at + count], "little")
            return after

        return load

    def _store(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        source, base, offset = instruction.operands
        count, after, stop = BYTES[info.mode], number + 1, self._stop(number, Status.MEMORY)

        def store(bank: RegisterBank) -> int:
            at = (bank.words[base] + offset) & MASK
            if at > len(bank.memory) - count:
                return stop(bank)
            bank.memory[at : at + count] = bank.words[source].to_bytes(8, "little")[:count]
            return after

        return store

    def _atomic(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        base, source = instruction.operands
        after, mode = number + 1, info.mode
        outside, crooked = self._stop(number, Status.MEMORY), self._stop(number, Status.ALIGN)
        compared = instruction.target
        less = body_of("lt")

        def join(old: int, new: int) -> int:
            if mode == "xchg":
                return new
            if mode in ("min", "max"):
                return old if bool(less(old, new)) == (mode == "min") else new
            return body_of(mode)(old, new)

        def atomic(bank: RegisterBank) -> int:
            words, memory = bank.words, bank.memory
            at = words[base]
            if at > len(memory) - 8:
                return outside(bank)
            if at % 8:
                return crooked(bank)
            old = int.from_bytes(memory[at : at + 8], "little")
            if mode == "cas":
                new = words[source] if old == words[compared] else old
            else:
                new = join(old, words[source])
            memory[at : at + 8] = new.to_bytes(8, "little")
            words[target] = old
            return after

        return atomic

    # Control ----------------------------------------------------------------------------------

    def _spend(self, number: int, go: Step) -> Step:
        """Take the way that `go` takes, if there is fuel for it."""
        stop = self._stop(number, Status.FUEL)

        def spend(bank: RegisterBank) -> int:
            words = bank.words
            words[FUEL] = (words[FUEL] - 1) & MASK
            return stop(bank) if words[FUEL] >> 63 else go(bank)

        return spend

    def _direct(self, number: int) -> Step:
        """Go to the instruction's own target; backwards at a cost."""
        to = self.view.index[self.view.target(number)]
        return self._spend(number, lambda _: to) if to <= number else lambda _: to

    def _indirect(self, number: int, register: int) -> Step:
        index, stop = self.view.index, self._stop(number, Status.JUMP)

        def go(bank: RegisterBank) -> int:
            return index[bank.words[register]]

        spend = self._spend(number, go)

        def jump(bank: RegisterBank) -> int:
            return spend(bank) if bank.words[register] in index else stop(bank)

        return jump

    def _branch(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        go, after = self._direct(number), number + 1
        if info.elementwise is None:
            return go
        body = body_of(info.elementwise.name)
        first, second, _ = instruction.operands

        def branch(bank: RegisterBank) -> int:
            return go(bank) if body(bank.words[first], bank.words[second]) else after

        return branch

    def _call(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        back = self.view.addresses[number + 1]
        if info.mode == "direct":
            to = self.view.index[self.view.target(number)]

            def call(bank: RegisterBank) -> int:
                bank.words[LINK] = back
                return to

            return self._spend(number, call)
        register, stop = instruction.operands[0], self._stop(number, Status.JUMP)
        index = self.view.index

        def link(bank: RegisterBank) -> int:
            to = index[bank.words[register]]
            bank.words[LINK] = back
            return to

        spend = self._spend(number, link)
        return lambda bank: spend(bank) if bank.words[register] in index else stop(bank)

    def _ret(self, number: int, instruction: Instruction, info: RegisterInstr, target: int) -> Step:
        return self._indirect(number, LINK)

    def _jump(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        if info.mode == "direct":
            return self._direct(number)
        return self._indirect(number, instruction.operands[0])

    # The host ---------------------------------------------------------------------------------

    def _nop(self, number: int, instruction: Instruction, info: RegisterInstr, target: int) -> Step:
        after = number + 1
        return lambda _: after

    _fence = _nop

    def _yield(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        pc = self.view.addresses[number + 1]

        def stop(bank: RegisterBank) -> int:
            bank.words[PC], bank.words[STATUS] = pc, Status.YIELD
            return -1

        return stop

    def _halt(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        return self._stop(number, Status.HALT)

    def _trap(
        self, number: int, instruction: Instruction, info: RegisterInstr, target: int
    ) -> Step:
        return self._stop(number, Status.TRAP)

    def _ext(self, number: int, instruction: Instruction, info: RegisterInstr, target: int) -> Step:
        function = self.externals.get(instruction.operands[0])
        stop, after = self._stop(number, Status.EXTERNAL), number + 1

        def call(bank: RegisterBank) -> int:
            if function is None:
                return stop(bank)
            try:
                function(bank.words[:ZERO])
            except BaseException as failure:  # told when the program has stopped
                self.failure = failure
                return stop(bank)
            return after

        return call
