"""Lanes that branch, as SIMD code: a mask for each block, and the earliest block goes first.

A vector has a lane in each of its places. Blocks that all lanes run together are as they would be
for one lane, with vectors for what differs (`lanes.shape`). Where lanes go apart each block has a
mask of the lanes that wait for it. Of the blocks that lanes wait for the earliest runs, until none
is left before the one where all come together: so lanes that fell behind catch up with the others
(Coon and Lindholm's minimum program counter, as GPUs have it; see Fung et al., "Dynamic warp
formation", MICRO 2007, section 3).

Variables are memory of the function until LLVM makes registers of them. What a masked block makes
is mixed into a variable only if a lane that is elsewhere still needs what it has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from lanework.core.ops.expr import Graph
from lanework.engines.lanes.counts import END, Edge, arms, counts
from lanework.engines.lanes.order import Chain
from lanework.engines.lanes.program import (
    Block,
    Branch,
    Jump,
    Later,
    Note,
    Operand,
    Step,
    Stop,
)
from lanework.engines.lanes.shape import Shape
from lanework.engines.llvm.ir import emit_graph
from lanework.engines.llvm.lanerows import LaneRows
from lanework.engines.llvm.lanetarget import Target
from lanework.engines.llvm.turns import Turns


class Masked(Turns):
    """Writes the body of a function for the lanes of one vector.

    Args:
        shape: the program, and what its lanes have in common.
        target: what for.
        memory: the pointer to shared memory, and the number of its words, as a word.
        rules: how each step is written.

    Attributes:
        stopped: called where lanes stop in a way that is to be written down: the stop, the mask.
        later: called for what is written down: the step, a mask, and index, operand and age.
        noted: the same for what a lane does, with operand and age.
        counts: which lanes are counted.
        arms: the two ways that are one in this block, those that are still to be written.
        more: how many instructions each lane executes of two ways that are one, in this block.
        tallies: what lanes are counted for, and where, as i64.
        rows: what is known of which vectors have words one after another.
    """

    def __init__(self, shape: Shape, target: Target, memory: tuple[str, str], rules: Rules) -> None:
        super().__init__(shape, target)
        self.pointer, self.size = memory
        self.rules = rules
        self.mask = ""
        self.stopped: Callable[[Stop, str], None] = lambda stop, mask: None
        self.later: Callable[[Later, str, tuple[str, ...]], None] = lambda step, mask, values: None
        self.noted: Callable[[Note, str, tuple[str, ...]], None] = lambda step, mask, values: None
        self.fetched: Callable[[str], None] = lambda mask: None
        self.block = 0
        self.elsewhere = lambda: (
            {
                *self.order.waits.get(self.block, ()),
                *self.program.blocks[self.block].next,
            }.intersection(self.shape.masked)
            - {self.exit}
        )
        self.counts = counts(shape)
        self.more: str | None = None
        self.arms = arms(self.program.blocks, 0)
        self._counters: dict[Edge, str] = {}
        self.tallies: dict[str, str] = {}
        self.rows = LaneRows(self)

    def vectors(self, inputs: Callable[[], Mapping[int, str]], finish: Callable[[], None]) -> str:
        """The function's text, of which the lines before its loop over vectors are written.

        Args:
            inputs: writes what variables begin with, and which lanes there are.
            finish: writes what is left of a vector, and of all.
        """
        entry = len(self.lines)
        self.line("br label %group")
        self.label("group")
        self.line("%at = phi i64 [ %unit.first, %entry ], [ %at.next, %ended ]")
        values = inputs()
        self.all = self.join(self.split(self.all))
        before = len(self.lines)
        self.declare(values)
        declared = self.lines[before:]
        # LLVM makes registers of what has its place in the first block
        self.lines[before:] = [line for line in declared if " alloca " not in line]
        self.take((END, 0), None)
        self.line("br label %b0")
        self.blocks()
        finish()
        first = [line for line in declared if " alloca " in line]
        first += [f"  {place}.aside = alloca {kind}" for place, kind in self.aside.items()]
        for place in (*self._counters.values(), *(f"%{n}" for n in self.tallies.values())):
            first += [f"  {place} = alloca i64", f"  store i64 0, ptr {place}"]
        self.lines[entry:entry] = first
        return "\n".join(self.lines) + "\n}\n"

    def place(self, part: int) -> str:
        """The pointer to a part of memory, as if all of it were there."""
        return f"{self.pointer}{part or ''}"

    # Blocks ---------------------------------------------------------------------------------------

    def blocks(self) -> None:
        """Write all blocks; lanes end at the label `done`."""
        for number, block in enumerate(self.program.blocks):
            self.label(f"b{number}")
            self.block = number
            self.values, self.changed, self.more = {}, set(), None
            self.rows.begin()
            masked = number in self.shape.masked
            self.mask = self.get_mask(number) if masked else self.here()
            if masked and number != self.exit:
                self.set_mask(number, None)
            self.arms = arms(self.program.blocks, number)
            for step in block.steps:
                self.step(step)
            self._end(number, block, masked)

    def take(self, edge: Edge, mask: str | None) -> None:
        """Count the lanes that take an edge, where that is counted: those of a mask, or all."""
        if edge in self.counts.counted:
            place = self._counters.setdefault(edge, f"%n{len(self._counters)}")
            lanes = self.everyone() if mask is None else self.count(mask)
            old = self.emit(f"load i64, ptr {place}")
            self.line(f"store i64 {self.emit(f'add i64 {old}, {lanes}')}, ptr {place}")

    def classes(self, executed: str) -> dict[int, str]:
        """How many instructions of each class lanes have executed, as i64.

        Args:
            executed: how many in all.
        """
        counts = self.counts
        lanes = {edge: self.emit(f"load i64, ptr {at}") for edge, at in self._counters.items()}

        def total(edges: Mapping[Edge, int]) -> str:
            terms = [self.emit(f"mul i64 {lanes[edge]}, {n}") for edge, n in edges.items()]
            return functools.reduce(lambda a, b: self.emit(f"add i64 {a}, {b}"), terms, "0")

        if rest := counts.rest:
            left = self.emit(f"sub i64 {executed}, {total(rest.others)}")
            lanes[rest.edge] = self.emit(f"sdiv i64 {left}, {rest.factor}")
        return {kind: total(edges) for kind, edges in counts.classes.items() if edges}

    def age(self, after: int) -> str:
        """How many instructions each lane has executed, so many of this block among them."""
        return self.lifetimes(self.order.ages[self.block] + after, self.more)

    def pay(self, more: int, mask: str | None) -> None:
        """Lanes have executed more instructions: those of a mask, or all."""
        if mask is not None:
            if more or self.more is not None:
                self._paid(f"splat (i32 {more})", mask)
            return
        if more:
            old = self.emit("load i32, ptr %age")
            self.line(f"store i32 {self.emit(f'add i32 {old}, {more}')}, ptr %age")
        if self.more is not None:
            self._paid("zeroinitializer", None)

    def _paid(self, more: str, mask: str | None) -> None:
        kind = self.ages_kind
        if self.more is not None:
            more = self.emit(f"add {kind} {self.more}, {more}")
        old = self.emit(f"load {kind}, ptr %ages")
        new = self.emit(f"add {kind} {old}, {more}")
        if mask is not None:
            new = self.mixed(mask, new, old, "i32")
        self.line(f"store {kind} {new}, ptr %ages")

    def _spend(self, end: Jump | Branch, mask: str) -> None:
        """Count the lanes that take a way that is paid for."""
        if end.paid:
            old = self.emit("load i64, ptr %spent")
            self.line(f"store i64 {self.emit(f'add i64 {old}, {self.count(mask)}')}, ptr %spent")

    def _end(self, number: int, block: Block, masked: bool) -> None:
        end, test, some = block.end, "", self.mask if masked else None
        if isinstance(end, Branch) and end.taken == end.other:
            end = Jump(end.taken)
        if isinstance(end, Branch):
            wide = masked or any(map(self.shape.varies, end.args))
            test = (self.test if wide else self.condition)(end.graph, end.args)
        self._store(number, masked)
        if isinstance(end, Stop):
            self.take((number, END), some)
            self.pay(self.order.ages[number] + block.length, some)
            if end.fault or not end.quiet:
                self.stopped(end, self.mask)
            self._onward(number) if masked else self.line("br label %done")
        elif isinstance(end, Jump):
            self.take((number, end.to), some)
            self._spend(end, self.mask)
            if masked:
                self.pay(self.order.cost(number, end.to), self.mask)
                self._arrive(end.to, self.mask)
                self._onward(number, end.to)
            else:
                self._go(number, end.to)
        elif not masked and not any(map(self.shape.varies, end.args)):
            one, other = self.fresh("t"), self.fresh("o")
            self.line(f"br i1 {test}, label %{one}, label %{other}")
            for label, to in ((one, end.taken), (other, end.other)):
                self.label(label)
                self.take((number, to), None)
                if label == one:
                    self._spend(end, self.mask)
                self._go(number, to)
        else:
            self._part(number, end, test, masked)

    def _part(self, number: int, end: Branch, test: str, masked: bool) -> None:
        """Lanes go apart."""
        both = self.both(self.mask, test)
        rest = self.rest(self.mask, both)
        self._spend(end, both)
        costs = [self.order.cost(number, to) for to in (end.taken, end.other)]
        if self.more is not None or 0 not in costs:
            a, b = (f"splat (i32 {cost})" for cost in costs)
            kind = self.ages_kind
            self._paid(
                self.emit(f"select {self.mask_kind} {test}, {kind} {a}, {kind} {b}"), self.mask
            )
            self.more, costs = None, [0, 0]
        for to, mask, cost in zip((end.taken, end.other), (both, rest), costs, strict=True):
            self.take((number, to), mask)
            self.pay(cost, mask)
            self._arrive(to, mask)
        if masked:
            self._onward(number)
            return
        self._enter(number, end.taken if end.taken in self.shape.masked else end.other)

    def _enter(self, number: int, block: int) -> None:
        """From where all lanes are together to masked blocks, of which lanes wait for some."""
        chain = self.order.chain(block)
        if len(chain.meets) > 1:
            self.line(f"store i32 {chain.meets.index(self.shape.meet(number))}, ptr %exit")
        self._search(chain, self.order.entered(self.program.blocks[number].next))

    def _store(self, number: int, masked: bool) -> None:
        """Variables keep what a block has made of them, where anybody needs it."""
        needed = self.order.needed(number)
        waited = self.order.waited(number) if masked else set()
        for variable in sorted(self.changed & needed):
            value, kind = self.values[variable], self.type_of(variable)
            if masked and variable in waited:
                old = self.emit(f"load {kind}, ptr %x{variable}")
                value = self.mixed(self.mask, value, old, self.word)
            self.line(f"store {kind} {value}, ptr %x{variable}")

    # The order of blocks --------------------------------------------------------------------------

    def _arrive(self, block: int, mask: str) -> None:
        """Lanes wait for a block; where all lanes come together nothing is to be kept."""
        if block == self.exit:
            return
        if self.exit is not None and block not in self.shape.masked:
            self._keep("%live", self.rest(self._kept("%live"), mask))
        if block in self.order.waits.get(self.block, ()):
            self.set_mask(block, self.either(self.get_mask(block), mask))
        elif block in self.shape.masked:
            self.set_mask(block, mask)

    def _go(self, number: int, to: int) -> None:
        """All lanes go on together."""
        self.pay(self.order.cost(number, to), None)
        if to in self.shape.masked:
            self._arrive(to, self.mask)
            if len(self.order.chain(to).meets) > 1:
                meets = self.order.chain(to).meets
                self.line(f"store i32 {meets.index(self.shape.meet(to))}, ptr %exit")
        if to <= number:
            self._turn(to)
        else:
            self.line(f"br label %b{to}")

    def _onward(self, number: int, to: int | None = None) -> None:
        """After a masked block, which may have let all its lanes go to one other."""
        order = self.order.after(number)
        if order and to == order[0]:  # where lanes are now
            self._back(number, to) if to <= number else self.line(f"br label %b{to}")
            return
        self._search(self.order.chain(number), order, number)

    def _search(self, chain: Chain, blocks: list[int], number: int = -1) -> None:
        """On to the first of some blocks that a lane waits for, or to where all come together."""
        for block in blocks:
            self._if_waiting(block, number)
        self._meet(chain)

    def _back(self, number: int, to: int) -> None:
        """To the beginning of a loop, unless lanes that have left it had better begin anew."""
        if early := self.order.early(number, to):
            few, on = self.fresh("few"), self.fresh("many")
            here = self.count(self.get_mask(to))
            some = self.emit(f"icmp ult i64 {here}, {self.width * self.order.least // 8}")
            left = self.emit(f"icmp slt i64 {self.emit('load i64, ptr %next')}, %unit.last")
            self.line(f"br i1 {self.emit(f'and i1 {some}, {left}')}, label %{few}, label %{on}")
            self.label(few)
            for block in early:
                self._if_waiting(block, number)
            self.line(f"br label %{on}")
            self.label(on)
        self._turn(to)

    def _if_waiting(self, block: int, number: int) -> None:
        """On to a block if a lane waits for it."""
        yes, no = self.fresh("go"), self.fresh("next")
        self.line(f"br i1 {self.any(self.get_mask(block))}, label %{yes}, label %{no}")
        self.label(yes)
        if block > number:
            self.line(f"br label %b{block}")
        elif block in self.program.blocks[number].next:
            self._back(number, block)
        else:
            self._turn(block)
        self.label(no)

    def read(self, operand: Operand, *, wide: bool) -> str:
        """An operand, for all lanes or for each."""
        value = super().read(operand, wide=wide)
        if wide:
            self.rows.read(operand, value)
        return value

    # Steps ----------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Write a step."""
        self.rules[type(step)](self, step)

    def condition(self, graph: Graph, args: tuple[Operand, ...]) -> str:
        """A test that is the same for all lanes."""
        return self.compute(graph, args, wide=False)

    def test(self, graph: Graph, args: tuple[Operand, ...]) -> str:
        """The mask of lanes for which a test holds, made for each register by itself."""
        given = []
        for dtype, operand in zip(graph.dtypes, args, strict=True):
            parts = self._split(self.read(operand, wide=True), self.word)
            given.append([self.as_float(p, self.lanes) for p in parts] if dtype == "f32" else parts)
        parts = [
            self.as_mask(emit_graph(self, graph, [each[part] for each in given], self.lanes))
            for part in range(self.parts)
        ]
        return self.join(parts)

    def compute(self, graph: Graph, args: tuple[Operand, ...], wide: bool) -> str:
        """What an op makes of operands; the result has its own dtype."""
        width = self.width if wide else 1
        given = []
        for dtype, operand in zip(graph.dtypes, args, strict=True):
            value = self.read(operand, wide=wide)
            if dtype == "f32":
                value = self.as_float(value, width)
            given.append(value)
        out = emit_graph(self, graph, given, width)
        if wide and self.word == "i32":
            self.rows.computed(graph, given, out)
        return out


Rules = Mapping[type, Callable[[Masked, Any], None]]
