"""A register program as a program of lanes: registers are variables of 64 bits.

The link register has one of a few addresses: the program's end, or what follows a call. So an
instruction stands here once for each of them that it may be executed with, and it is known where
`ret` leads. What a lane traps on ends its whole unit, which other engines run again: no lane waits
for others that have stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from lanework.core.ops.bodies import words64
from lanework.core.ops.expr import Graph, trace, ult
from lanework.core.ops.op import Op
from lanework.core.program.isa import Instruction
from lanework.engines.lanes.program import (
    Block,
    Branch,
    Compute,
    Copy,
    Jump,
    LaneProgram,
    Operand,
    Peek,
    Step,
    Stop,
    Unless,
    Word,
)
from lanework.machines.register.isa import LINK, REGISTERS, STACK, ZERO, RegisterInstr
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.reference.interpret import BYTES
from lanework.machines.register.state import MASK

MOST = 4096
"""Instructions, each as often as it stands in the program of lanes, of what is compiled."""

LANE, SEED, COUNTER, ADDRESS = range(REGISTERS, REGISTERS + 4)
"""Variables behind the registers."""

OUTERMOST = -1
"""In place of a call where none was made."""

Node = tuple[int, int]
"""The call whose return address the link register has, and an instruction."""

_TWO = ("i64", "i64")
_IS_ZERO = trace(lambda a: a.equals(0), ("i64",))
_OUTSIDE = trace(lambda at, last: ult(last, at), _TWO)
_HIGH = trace(lambda a, b: (a & 0xFFFFFFFF) | (b << 32), _TWO)
_REASONS = {
    "ext": "it calls functions outside",
    "store": "lanes write to memory of their own",
    "atomic": "lanes write to memory of their own",
    "jmpr": "it jumps to addresses in registers",
    "callr": "it jumps to addresses in registers",
}


class NotLowered(Exception):
    """Why a program is no program of lanes."""


@dataclass(frozen=True)
class Form:
    """What differs between calls of one program.

    Attributes:
        columns: registers that are given a word a lane.
        same: those that are given one word for all lanes.
        outputs: registers that come out.
        looks: whether the host looks up at a `yield`.
    """

    columns: tuple[int, ...]
    same: tuple[int, ...]
    outputs: tuple[int, ...]
    looks: bool = False


@cache
def _test(op: Op) -> Graph:
    """What a branch asks, as a bool."""
    return trace(lambda a, b: op.body(a, b).differs(0), _TWO)


@dataclass
class Lowering:
    """The program of lanes of a register program.

    Args:
        view: the program.
        form: how it is called.
    """

    view: RegisterView
    form: Form
    steps: list[Step] = field(default_factory=list)

    def program(self) -> LaneProgram:
        """The blocks, in order.

        Raises:
            NotLowered: there is something that lanes cannot do side by side.
        """
        form = self.form
        if LINK in (*form.columns, *form.same, *form.outputs):
            raise NotLowered("the link register is an input or an output")
        first = (OUTERMOST, self.view.index[self.view.entry])
        order = sorted(self._reached(first))
        leaders = {first}
        for node in order:
            if len(to := self._next(node)) != 1 or to[0] != (node[0], node[1] + 1):
                leaders.update(to)
                leaders.add((node[0], node[1] + 1))
        self.numbers = {node: n for n, node in enumerate([n for n in order if n in leaders], 1)}
        self.end = 1 + len(self.numbers)
        begin: list[Step] = []
        if STACK not in (*form.columns, *form.same):
            begin.append(Copy(STACK, Word(self.view.memory)))
        blocks = [Block(begin, Jump(self.numbers[first]))]
        for node in order:
            if node in leaders:
                blocks.append(Block())
            self.steps = blocks[-1].steps
            self._instruction(blocks[-1], node, leaders)
        inputs = {register: f"column{register}" for register in form.columns}
        inputs |= {register: f"same{register}" for register in form.same}
        inputs |= {LANE: "lane", SEED: "seed"}
        same = frozenset(("seed", *(f"same{register}" for register in form.same)))
        outputs = {f"r{register}": register for register in form.outputs}
        return LaneProgram([*blocks, Block()], ADDRESS + 1, inputs, outputs, dtype="i64", same=same)

    # The ways through it --------------------------------------------------------------------------

    def _reached(self, first: Node) -> set[Node]:
        seen, waiting = {first}, [first]
        while waiting:
            node = waiting.pop()
            self._check(node[1])
            for each in self._next(node):
                if each not in seen and each[1] < len(self.view.infos):
                    seen.add(each)
                    waiting.append(each)
            if len(seen) > MOST:
                raise NotLowered(f"it has more than {MOST:,} instructions, calls written out")
        return seen

    def _check(self, number: int) -> None:
        info, instruction = self.view.infos[number], self.view.instructions[number]
        reason = _REASONS.get(info.name) or _REASONS.get(info.group)
        if info.writes and instruction.target == LINK:
            reason = "it keeps return addresses"
        if info.name == "yield" and self.form.looks:
            reason = "the host looks up at each yield"
        if reason:
            raise NotLowered(reason)

    def _next(self, node: Node) -> list[Node]:
        """Where an instruction leads to; the end of the tape is an instruction, too."""
        call, number = node
        info = self.view.infos[number]
        if info.name in ("halt", "trap"):
            return []
        if info.name == "ret":
            return [(call, len(self.view.infos) if call == OUTERMOST else call + 1)]
        after = (call, number + 1)
        if info.group not in ("branch", "call", "jump"):
            return [after]
        to = self.view.index[self.view.target(number)]
        if info.name == "call":
            return [(number, to)]
        return [(call, to)] if info.last else [(call, to), after]

    def _to(self, node: Node) -> int:
        """The block that begins with an instruction."""
        return self.end if node[1] == len(self.view.infos) else self.numbers[node]

    # Instructions ---------------------------------------------------------------------------------

    def _instruction(self, block: Block, node: Node, leaders: set[Node]) -> None:
        number = node[1]
        info, instruction = self.view.infos[number], self.view.instructions[number]
        following = self._next(node)
        if info.name == "trap":
            self.steps.append(Unless(_IS_ZERO, (Word(0),)))
        if not following:
            block.end = Stop()
        elif len(following) > 1 and following[0] != following[1]:
            assert info.elementwise is not None
            args = tuple(self._read(node, operand) for operand in instruction.operands[:2])
            to, other = map(self._to, following)
            block.end = Branch(_test(info.elementwise), args, to, other, self._paid(number))
        elif following[0] in leaders or following[0][1] == len(self.view.infos):
            paid = info.name in ("call", "ret") or self._paid(number)
            self._straight(node, info, instruction)
            block.end = Jump(self._to(following[0]), paid)
        else:
            self._straight(node, info, instruction)

    def _paid(self, number: int) -> bool:
        """Whether an instruction is a jump backwards, which costs fuel."""
        jumps = self.view.infos[number].group in ("branch", "jump")
        return jumps and self.view.target(number) <= self.view.addresses[number]

    def _read(self, node: Node, register: int) -> Operand:
        if register == ZERO:
            return Word(0)
        if register == LINK:
            return Word(self.view.addresses[node[0] + 1 if node[0] != OUTERMOST else -1])
        return register

    def _straight(self, node: Node, info: RegisterInstr, instruction: Instruction) -> None:
        """What an instruction does that leads to the next one."""
        args: list[Operand] = [
            Word(operand & MASK) if spec.name == "imm" else self._read(node, operand)
            for spec, operand in zip(info.operands, instruction.operands, strict=True)
        ]
        if info.accumulates:
            args.append(self._read(node, instruction.target))
        dest = instruction.target
        if info.group == "load":
            self._load(dest, args, info.mode)
        elif info.name == "rand":
            self._compute(dest, words64.random, (SEED, LANE, COUNTER))
            self._compute(COUNTER, words64.add, (COUNTER, Word(1)))
        elif info.name in ("mov", "movi"):
            if dest != ZERO:
                self.steps.append(Copy(dest, args[0]))
        elif info.name == "movh":
            if dest != ZERO:
                self.steps.append(Compute(dest, _HIGH, tuple(args)))
        elif info.elementwise is not None and info.group != "branch":
            if info.elementwise in (words64.div, words64.mod):
                self.steps.append(Unless(_IS_ZERO, (args[1],)))
            self._compute(dest, info.elementwise, args)

    def _compute(self, dest: int, op: Op, args: Sequence[Operand]) -> None:
        if dest != ZERO:
            self.steps.append(Compute(dest, op.graph("i64"), tuple(args)))

    def _load(self, dest: int, args: list[Operand], mode: str) -> None:
        """Bytes of memory, which is the same for all lanes where none writes to it."""
        count = BYTES[mode]
        self._compute(ADDRESS, words64.add, args)
        self.steps.append(Unless(_OUTSIDE, (ADDRESS, Word(self.view.memory - count))))
        if dest != ZERO:
            self.steps.append(Peek(dest, ADDRESS))
            if count < 8:
                self._compute(dest, words64.and_, (dest, Word((1 << 8 * count) - 1)))
