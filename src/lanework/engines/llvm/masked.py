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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lanework.core.ops.expr import Graph
from lanework.engines.lanes.program import (
    Block,
    Blocks4,
    Branch,
    Compute,
    Copy,
    Jump,
    LaneProgram,
    Load,
    Operand,
    Refill,
    Step,
    Stop,
    Store,
    Update,
    Word,
    makes,
)
from lanework.engines.lanes.shape import Shape
from lanework.engines.llvm.ir import Writer, emit_graph, type_of

CHECKS = 1024
"""Turns of loops between looks at whether to stop: a power of 2."""


@dataclass(frozen=True)
class Target:
    """What code is made for.

    Attributes:
        width: lanes of a vector.
        bits: whether the processor has masks of bits; else masks are words of all ones.
        fused: whether it has an instruction for `fma`.
    """

    width: int
    bits: bool
    fused: bool = True


class Masked(Writer):
    """Writes the body of a function for the lanes of one vector.

    Args:
        shape: the program, and what its lanes have in common.
        target: what for.
        memory: the pointer to shared memory, and the number of its words, as i32.

    Attributes:
        all: the mask of lanes that there are.
        stopped: called where lanes stop in a way that is to be written down: the stop, the mask.
        late: the condition, of a number of turns of loops, under which to give up.
    """

    def __init__(self, shape: Shape, target: Target, memory: tuple[str, str]) -> None:
        super().__init__(target.width, fused=target.fused)
        self.shape, self.target = shape, target
        self.program: LaneProgram = shape.program
        self.pointer, self.size = memory
        self.kind = f"<{self.width} x i32>"
        self.mask_kind = f"<{self.width} x i1>"
        self.kept_mask = self.mask_kind if target.bits else self.kind
        self.values: dict[int, str] = {}  # of variables, within a block
        self.changed: set[int] = set()
        self.all = ""
        self.mask = ""
        self.stopped: Callable[[Stop, str], None] = lambda stop, mask: None
        self.late: Callable[[str], str] = lambda turns: "false"
        self.chains = components(shape)
        self.labels = 0

    # Variables ------------------------------------------------------------------------------------

    def declare(self, inputs: Mapping[int, str]) -> None:
        """Give every variable its memory, and what it begins with.

        Args:
            inputs: values of the program's inputs.
        """
        for number in range(self.program.variables):
            kind = self._type(number)
            self.line(f"%x{number} = alloca {kind}")
            self.line(f"store {kind} {inputs.get(number, 'zeroinitializer' if '<' in kind else '0')}, ptr %x{number}")
        for number in sorted(self.shape.masked):
            self.line(f"%m{number} = alloca {self.kept_mask}")
            self._set_mask(number, None)
        for name in ("turns", "age", "exit"):
            self.line(f"%{name} = alloca i32")
            self.line(f"store i32 0, ptr %{name}")
        self.line(f"%ages = alloca {self.kind}")
        self.line(f"store {self.kind} zeroinitializer, ptr %ages")

    def _type(self, variable: int) -> str:
        return self.kind if variable in self.shape.divergent else "i32"

    def read(self, operand: Operand, *, wide: bool) -> str:
        """An operand, for all lanes or for each."""
        if isinstance(operand, Word):
            return str(_signed(operand.bits)) if not wide else f"splat (i32 {_signed(operand.bits)})"
        known = self.values.get(operand)
        if known is None:
            known = self.emit(f"load {self._type(operand)}, ptr %x{operand}")
            self.values[operand] = known
        return self.splat(known, "i32") if wide and not self.shape.varies(operand) else known

    def write(self, variable: int, value: str) -> None:
        """A variable becomes something else."""
        self.values[variable] = value
        self.changed.add(variable)

    # Masks ----------------------------------------------------------------------------------------

    def _set_mask(self, block: int, mask: str | None) -> None:
        """The lanes that wait for a block."""
        if mask is None:
            mask = "zeroinitializer"
        elif not self.target.bits:
            mask = self.emit(f"sext {self.mask_kind} {mask} to {self.kind}")
        self.line(f"store {self.kept_mask} {mask}, ptr %m{block}")

    def _get_mask(self, block: int) -> str:
        kept = self.emit(f"load {self.kept_mask}, ptr %m{block}")
        if self.target.bits:
            return kept
        return self.emit(f"icmp slt {self.kind} {kept}, zeroinitializer")

    def any(self, mask: str) -> str:
        """Whether a lane is in a mask."""
        n = self.width
        bits = self.emit(f"bitcast {self.mask_kind} {mask} to i{n}")
        return self.emit(f"icmp ne i{n} {bits}, 0")

    def count(self, mask: str) -> str:
        """How many lanes are in a mask, as i64."""
        n = self.width
        bits = self.emit(f"bitcast {self.mask_kind} {mask} to i{n}")
        number = self.intrinsic(f"llvm.ctpop.i{n}", f"i{n}", [(f"i{n}", bits)])
        return number if n == 64 else self.emit(f"zext i{n} {number} to i64")

    def fresh(self, what: str) -> str:
        """A new label."""
        self.labels += 1
        return f"{what}.{self.labels}"

    # Blocks ---------------------------------------------------------------------------------------

    def blocks(self) -> None:
        """Write all blocks; lanes end at the label `done`."""
        for number, block in enumerate(self.program.blocks):
            self.label(f"b{number}")
            self.values, self.changed = {}, set()
            masked = number in self.shape.masked
            self.mask = self._get_mask(number) if masked else self.all
            if masked:
                self._set_mask(number, None)
            for step in block.steps:
                self.step(step)
            self._age(block, masked)
            self._end(number, block, masked)

    def _age(self, block: Block, masked: bool) -> None:
        """Count the instructions that lanes have executed."""
        if not block.count:
            return
        if not masked:
            old = self.emit("load i32, ptr %age")
            self.line(f"store i32 {self.emit(f'add i32 {old}, {block.count}')}, ptr %age")
            return
        old = self.emit(f"load {self.kind}, ptr %ages")
        new = self.emit(f"add {self.kind} {old}, splat (i32 {block.count})")
        mixed = self.emit(f"select {self.mask_kind} {self.mask}, {self.kind} {new}, {self.kind} {old}")
        self.line(f"store {self.kind} {mixed}, ptr %ages")

    def _end(self, number: int, block: Block, masked: bool) -> None:
        end = block.end
        test = ""
        if isinstance(end, Branch):
            wide = masked or any(map(self.shape.varies, end.args))
            test = self.compute(end.graph, end.args, wide)
        self._store(number, masked)
        if isinstance(end, Stop):
            if end.fault or not end.quiet:
                self.stopped(end, self.mask)
            self._onward(number) if masked else self.line("br label %done")
        elif isinstance(end, Jump):
            if masked:
                self._arrive(end.to, self.mask)
                self._onward(number, end.to)
            else:
                self._go(number, end.to)
        elif not masked and not any(map(self.shape.varies, end.args)):
            one, other = self.fresh("t"), self.fresh("o")
            self.line(f"br i1 {test}, label %{one}, label %{other}")
            for label, to in ((one, end.taken), (other, end.other)):
                self.label(label)
                self._go(number, to)
        else:
            self._part(number, end, test, masked)

    def _part(self, number: int, end: Branch, test: str, masked: bool) -> None:
        """Lanes go apart."""
        both = self.emit(f"and {self.mask_kind} {self.mask}, {test}")
        flipped = self.emit(f"xor {self.mask_kind} {test}, splat (i1 true)")
        rest = self.emit(f"and {self.mask_kind} {self.mask}, {flipped}")
        self._arrive(end.taken, both)
        self._arrive(end.other, rest)
        if masked:
            self._onward(number)
            return
        self._enter(number, end.taken if end.taken in self.shape.masked else end.other)

    def _enter(self, number: int, block: int) -> None:
        """From where all lanes are together to masked blocks, of which lanes wait for some."""
        chain = self._chain(block)
        if len(chain.meets) > 1:
            self.line(f"store i32 {chain.meets.index(self.shape.meet(number))}, ptr %exit")
        self._search(chain, [each for each in chain.blocks if each in self.program.blocks[number].next])

    def _chain(self, block: int) -> Chain:
        return next(chain for chain in self.chains if block in chain.blocks)

    def _store(self, number: int, masked: bool) -> None:
        """Variables keep what a block has made of them, where anybody needs it."""
        needed = self._needed(number)
        waited = self._waited(number) if masked else set()
        for variable in sorted(self.changed & needed):
            value, kind = self.values[variable], self._type(variable)
            if masked and variable in waited:
                old = self.emit(f"load {kind}, ptr %x{variable}")
                value = self.emit(f"select {self.mask_kind} {self.mask}, {kind} {value}, {kind} {old}")
            self.line(f"store {kind} {value}, ptr %x{variable}")

    def _needed(self, number: int) -> set[int]:
        block, out = self.program.blocks[number], set(self.program.outputs.values())
        for each in block.next:
            out |= self.shape.live[each]
        return out

    def _waited(self, number: int) -> set[int]:
        """Variables of use to lanes that may be elsewhere while a masked block runs."""
        chain = self._chain(number)
        out = set(self.program.outputs.values())
        for each in (*chain.meets, *self._order(number)):
            if each is not None:
                out |= self.shape.live[each]
        return out

    # The order of blocks --------------------------------------------------------------------------

    def _arrive(self, block: int, mask: str) -> None:
        """Lanes wait for a block; where all lanes come together nothing is to be kept."""
        if block in self.shape.masked:
            old = self._get_mask(block)
            self._set_mask(block, self.emit(f"or {self.mask_kind} {old}, {mask}"))

    def _go(self, number: int, to: int) -> None:
        """All lanes go on together."""
        if to in self.shape.masked:
            self._arrive(to, self.mask)
            if len(self._chain(to).meets) > 1:
                meets = self._chain(to).meets
                self.line(f"store i32 {meets.index(self.shape.meet(to))}, ptr %exit")
        if to <= number:
            self._turn(f"b{to}")
        else:
            self.line(f"br label %b{to}")

    def _turn(self, to: str) -> None:
        """Once more through a loop, if it is not too late."""
        old = self.emit("load i32, ptr %turns")
        new = self.emit(f"add i32 {old}, 1")
        self.line(f"store i32 {new}, ptr %turns")
        look, low = self.fresh("look"), self.emit(f"and i32 {new}, {CHECKS - 1}")
        often = self.emit(f"icmp eq i32 {low}, 0")
        self.line(f"br i1 {often}, label %{look}, label %{to}, !prof !0")
        self.label(look)
        self.line(f"br i1 {self.late(new)}, label %late, label %{to}")

    def _onward(self, number: int, to: int | None = None) -> None:
        """After a masked block, which may have let all its lanes go to one other."""
        order = self._order(number)
        if order and to == order[0]:  # where lanes are now
            self._turn(f"b{to}") if to <= number else self.line(f"br label %b{to}")
            return
        self._search(self._chain(number), order, number)

    def _order(self, number: int) -> list[int]:
        """Masked blocks in the order in which they may run after one.

        Within a loop lanes wait for each other before it begins again.
        """
        chain, out = self._chain(number).blocks, dict[int, None]()
        later = [each for each in chain if each > number]
        for head, body in self.shape.loops:
            if number in body and head in chain:
                out.update(dict.fromkeys(each for each in later if each in body))
                out[head] = None
        out.update(dict.fromkeys(later))
        return list(out)

    def _search(self, chain: Chain, blocks: list[int], number: int = -1) -> None:
        """On to the first of some blocks that a lane waits for, or to where all come together."""
        for block in blocks:
            yes, no = self.fresh("go"), self.fresh("next")
            self.line(f"br i1 {self.any(self._get_mask(block))}, label %{yes}, label %{no}")
            self.label(yes)
            if block <= number:
                self._turn(f"b{block}")
            else:
                self.line(f"br label %b{block}")
            self.label(no)
        names = ["done" if each is None else f"b{each}" for each in chain.meets]
        if len(names) == 1:
            self.line(f"br label %{names[0]}")
            return
        which = self.emit("load i32, ptr %exit")
        cases = " ".join(f"i32 {n}, label %{name}" for n, name in enumerate(names))
        self.line(f"switch i32 {which}, label %{names[0]} [ {cases} ]")

    # Steps ----------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Write a step."""
        RULES[type(step)](self, step)

    def compute(self, graph: Graph, args: tuple[Operand, ...], wide: bool) -> str:
        """What an op makes of operands; the result has its own dtype."""
        width = self.width if wide else 1
        given = []
        for dtype, operand in zip(graph.dtypes, args, strict=True):
            value = self.read(operand, wide=wide)
            if dtype == "f32":
                value = self.emit(f"bitcast {type_of('i32', width)} {value} to {type_of('f32', width)}")
            given.append(value)
        return emit_graph(self, graph, given, width)


@dataclass
class Chain:
    """Masked blocks that lanes go through from one to another, in order, and where they meet."""

    blocks: list[int] = field(default_factory=list)
    meets: list[int | None] = field(default_factory=list)


def components(shape: Shape) -> list[Chain]:
    """The masked blocks, those together that are connected."""
    near: dict[int, set[int]] = {each: set() for each in shape.masked}
    for number, block in enumerate(shape.program.blocks):
        to = [each for each in block.next if each in shape.masked]
        group = [*to, *([number] if number in shape.masked else [])]
        for each in group:
            near[each].update(group)
    out, seen = [], set()
    for first in sorted(near):
        if first in seen:
            continue
        seen.add(first)
        waiting, inside = [first], {first}
        while waiting:
            for each in near[waiting.pop()] - inside:
                inside.add(each)
                seen.add(each)
                waiting.append(each)
        meets = {shape.meet(each) for each in inside}
        out.append(Chain(sorted(inside), sorted(meets, key=lambda m: -1 if m is None else m)))
    return out


def _signed(bits: int) -> int:
    return bits - (1 << 32) if bits >> 31 else bits


def _compute(writer: Masked, step: Compute) -> None:
    wide = step.dest in writer.shape.divergent
    value = writer.compute(step.graph, step.args, wide)
    dtype, width = step.graph.result.dtype, writer.width if wide else 1
    to = type_of("i32", width)
    if dtype == "f32":
        value = writer.emit(f"bitcast {type_of('f32', width)} {value} to {to}")
    elif dtype == "bool":
        value = writer.emit(f"zext {type_of('bool', width)} {value} to {to}")
    writer.write(step.dest, value)


def _copy(writer: Masked, step: Copy) -> None:
    wide = step.dest in writer.shape.divergent
    writer.write(step.dest, writer.read(step.source, wide=wide))


def _address(writer: Masked, index: str) -> str:
    return writer.emit(f"getelementptr i32, ptr {writer.pointer}, i32 {index}")


def _load(writer: Masked, step: Load) -> None:
    if step.dest not in writer.shape.divergent:
        writer.write(step.dest, _load_one(writer, step))
        return
    if not writer.shape.varies(step.index):
        writer.write(step.dest, writer.splat(_load_one(writer, step), "i32"))
        return
    index, mask = writer.read(step.index, wide=True), writer.mask
    mask = mask if step.inside else _inside(writer, index, mask, "reads")
    first = writer.emit(f"extractelement {writer.kind} {index}, i64 0")
    fast, slow, both = (writer.fresh(what) for what in ("row", "gather", "loaded"))
    writer.line(f"br i1 {_row(writer, index, first, mask)}, label %{fast}, label %{slow}")
    writer.label(fast)
    one = writer.masked_load(_address(writer, first), mask, "i32")
    writer.line(f"br label %{both}")
    writer.label(slow)
    n = writer.width
    at = writer.emit(f"getelementptr i32, ptr {writer.pointer}, {writer.kind} {index}")
    name = f"llvm.masked.gather.v{n}i32.v{n}p0"
    pointers = (f"<{n} x ptr>", f"align 4 {at}")
    other = writer.intrinsic(
        name, writer.kind, [pointers, (writer.mask_kind, mask), (writer.kind, "zeroinitializer")]
    )
    writer.line(f"br label %{both}")
    writer.label(both)
    writer.write(step.dest, writer.emit(f"phi {writer.kind} [ {one}, %{fast} ], [ {other}, %{slow} ]"))


def _row(writer: Masked, index: str, first: str, mask: str) -> str:
    """Whether lanes have their words in a row."""
    iota = ", ".join(f"i32 {n}" for n in range(writer.width))
    want = writer.emit(f"add {writer.kind} {writer.splat(first, 'i32')}, <{iota}>")
    off = writer.emit(f"icmp ne {writer.kind} {index}, {want}")
    bad = writer.any(writer.emit(f"and {writer.mask_kind} {off}, {mask}"))
    return writer.emit(f"xor i1 {bad}, true")


def _inside(writer: Masked, index: str, mask: str, what: str) -> str:
    """The lanes of a mask whose index is inside; the others are counted."""
    size = writer.splat(writer.size, "i32")
    ok = writer.emit(f"icmp ult {writer.kind} {index}, {size}")
    inside = writer.emit(f"and {writer.mask_kind} {mask}, {ok}")
    out = writer.emit(f"xor {writer.mask_kind} {mask}, {inside}")
    _outside(writer, writer.count(out), what)
    return inside


def _outside(writer: Masked, number: str, what: str) -> None:
    old = writer.emit(f"load i64, ptr %{what}")
    writer.line(f"store i64 {writer.emit(f'add i64 {old}, {number}')}, ptr %{what}")


def _load_one(writer: Masked, step: Load) -> str:
    """The word that all lanes read."""
    index = writer.read(step.index, wide=False)
    if step.inside:
        return writer.emit(f"load i32, ptr {_address(writer, index)}")
    ok = writer.emit(f"icmp ult i32 {index}, {writer.size}")
    yes, no, both = (writer.fresh(what) for what in ("in", "out", "read"))
    writer.line(f"br i1 {ok}, label %{yes}, label %{no}")
    writer.label(yes)
    value = writer.emit(f"load i32, ptr {_address(writer, index)}")
    writer.line(f"br label %{both}")
    writer.label(no)
    _outside(writer, writer.count(writer.mask), "reads")
    writer.line(f"br label %{both}")
    writer.label(both)
    return writer.emit(f"phi i32 [ {value}, %{yes} ], [ 0, %{no} ]")


def _store(writer: Masked, step: Store) -> None:
    index, mask = writer.read(step.index, wide=True), writer.mask
    value = writer.read(step.source, wide=True)
    mask = mask if step.inside else _inside(writer, index, mask, "writes")
    first = writer.emit(f"extractelement {writer.kind} {index}, i64 0")
    fast, slow, both = (writer.fresh(what) for what in ("row", "scatter", "stored"))
    writer.line(f"br i1 {_row(writer, index, first, mask)}, label %{fast}, label %{slow}")
    n = writer.width
    writer.label(fast)
    at = _address(writer, first)
    args = [(writer.kind, value), ("ptr", f"align 4 {at}"), (writer.mask_kind, mask)]
    writer.call(f"llvm.masked.store.v{n}i32.p0", args)
    writer.line(f"br label %{both}")
    writer.label(slow)
    at = writer.emit(f"getelementptr i32, ptr {writer.pointer}, {writer.kind} {index}")
    args = [(writer.kind, value), (f"<{n} x ptr>", f"align 4 {at}"), (writer.mask_kind, mask)]
    writer.call(f"llvm.masked.scatter.v{n}i32.v{n}p0", args)
    writer.line(f"br label %{both}")
    writer.label(both)


def _update(writer: Masked, step: Update) -> None:
    """One lane after another, each at once: other threads may be at the same word."""
    index, value = (writer.read(each, wide=True) for each in (step.index, step.source))
    mask = _inside(writer, index, writer.mask, "writes")
    n, before = writer.width, writer.fresh("before")
    bits = writer.emit(f"bitcast {writer.mask_kind} {mask} to i{n}")
    loop, body, end = (writer.fresh(what) for what in ("lanes", "lane", "updated"))
    writer.line(f"br label %{before}")
    writer.label(before)
    writer.line(f"br label %{loop}")
    writer.label(loop)
    left, less = writer.name(), writer.name()
    writer.line(f"{left} = phi i{n} [ {bits}, %{before} ], [ {less}, %{body} ]")
    none = writer.emit(f"icmp eq i{n} {left}, 0")
    writer.line(f"br i1 {none}, label %{end}, label %{body}")
    writer.label(body)
    lane = writer.intrinsic(f"llvm.cttz.i{n}", f"i{n}", [(f"i{n}", left), ("i1", "true")])
    at = writer.emit(f"extractelement {writer.kind} {index}, i{n} {lane}")
    given = writer.emit(f"extractelement {writer.kind} {value}, i{n} {lane}")
    writer.emit(f"atomicrmw {step.how} ptr {_address(writer, at)}, i32 {given} monotonic, align 4")
    one = writer.emit(f"sub i{n} {left}, 1")
    writer.line(f"{less} = and i{n} {left}, {one}")
    writer.line(f"br label %{loop}")
    writer.label(end)


def _refill(writer: Masked, step: Refill) -> None:
    when = writer.read(step.when, wide=True)
    some = writer.emit(f"icmp ne {writer.kind} {when}, zeroinitializer")
    some = writer.any(writer.emit(f"and {writer.mask_kind} {some}, {writer.mask}"))
    wanted = sorted(makes(step))
    old = {each: writer.read(each, wide=True) for each in wanted}
    before, body, end = (writer.fresh(what) for what in ("before", "fill", "filled"))
    writer.line(f"br label %{before}")
    writer.label(before)
    writer.line(f"br i1 {some}, label %{body}, label %{end}")
    writer.label(body)
    values = dict(writer.values)
    for each in step.steps:
        writer.step(each)
    new = {each: writer.read(each, wide=True) for each in wanted}
    last = writer.fresh("last")
    writer.line(f"br label %{last}")
    writer.label(last)
    writer.line(f"br label %{end}")
    writer.label(end)
    writer.values = values
    for each in wanted:
        phi = writer.emit(f"phi {writer.kind} [ {old[each]}, %{before} ], [ {new[each]}, %{last} ]")
        writer.write(each, phi)


def _philox(writer: Masked, step: Blocks4) -> None:
    """Four words of a block; see `base.rng`."""
    n = writer.width
    wide = f"<{n} x i64>"
    x = [writer.read(each, wide=True) for each in step.counter]
    keys = ["%key0", "%key1"]
    for _ in range(10):
        ks = [writer.splat(key, "i32") for key in keys]
        parts = []
        for factor, value in ((0xD2511F53, x[0]), (0xCD9E8D57, x[2])):
            long = writer.emit(f"zext {writer.kind} {value} to {wide}")
            product = writer.emit(f"mul {wide} {long}, splat (i64 {factor})")
            low = writer.emit(f"trunc {wide} {product} to {writer.kind}")
            up = writer.emit(f"lshr {wide} {product}, splat (i64 32)")
            parts.append((low, writer.emit(f"trunc {wide} {up} to {writer.kind}")))
        (low0, high0), (low1, high1) = parts
        a = writer.emit(f"xor {writer.kind} {high1}, {x[1]}")
        c = writer.emit(f"xor {writer.kind} {high0}, {x[3]}")
        x = [
            writer.emit(f"xor {writer.kind} {a}, {ks[0]}"), low1,
            writer.emit(f"xor {writer.kind} {c}, {ks[1]}"), low0,
        ]  # fmt: skip
        keys = [
            writer.emit(f"add i32 {keys[0]}, {_signed(0x9E3779B9)}"),
            writer.emit(f"add i32 {keys[1]}, {_signed(0xBB67AE85)}"),
        ]
    for dest, value in zip(step.dests, x, strict=True):
        writer.write(dest, value)


RULES: dict[type, Callable[[Masked, Step], None]] = {
    Compute: _compute,
    Copy: _copy,
    Load: _load,
    Store: _store,
    Update: _update,
    Refill: _refill,
    Blocks4: _philox,
}  # type: ignore[dict-item]
"""How each step is written."""
