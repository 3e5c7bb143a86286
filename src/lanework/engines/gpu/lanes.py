"""A program of lanes as WGSL: what one lane does, in a function.

A lane knows by `pc` at which block it is, and goes over the blocks in their order: those that it is
not at it passes by. So lanes that were apart are together again where their ways meet, and only
what leads back to an earlier block is a loop. Such loops lie within one another, as the stretches
of blocks do that they go back over.

A lane may go round loops only so often at a time (`turns`): a device that is kept busy for too
long is taken away. It then stays before a loop, and another call goes on from there.

What is computed in floats is held (see `wgsl`), and constants are hidden, since all of a program is
one function to a compiler, which could merge what are ops of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lanework.core.ops.expr import Graph
from lanework.engines.gpu import wgsl
from lanework.engines.lanes.program import (
    Block,
    Blocks4,
    Branch,
    Compute,
    Copy,
    Jump,
    LaneProgram,
    Later,
    Load,
    Operand,
    Refill,
    Step,
    Stop,
    Store,
    Tally,
    Update,
    Word,
)
from lanework.engines.lanes.webs import live

ENDED = 0xFFFFFFFF
"""What `pc` is of a lane that has ended."""


class Lane:
    """Writes what one lane does.

    The text that it stands in has `memory`, words as i32, atomic ones if `updates`; `size`, their
    number; `zero`, which is 0 and no compiler knows it; `key`, of random numbers; and variables
    `turns`, those of loops that are left, `reads` and `writes`, the accesses outside, and one for
    each of `tallies`.

    Args:
        program: what it does.
        stopped: what is written where a lane stops, in lines.
        later: the same for what is done later, from the step, and index, operand and age.
        half: the function `lw_half`, if there is half precision (`halves`).

    Attributes:
        kept: the variables of a lane that goes on in another call.
        updates: whether it updates words of memory, which are atomic then.
        tallies: what lanes are counted for.
        classes: the classes of instructions that it counts, each in a variable `n`.
    """

    def __init__(
        self,
        program: LaneProgram,
        stopped: Callable[[Stop], list[str]],
        later: Callable[[Later, tuple[str, ...]], list[str]],
        half: str = "",
    ) -> None:
        self.program, self.stopped, self.later, self.half = program, stopped, later, half
        self.functions: dict[int, tuple[str, Graph]] = {}
        self.loops = loops(program)
        lives = live(program)
        self.kept = sorted(set().union(*(lives[each] for each in entered(program, self.loops))))
        steps = [step for block in program.blocks for step in block.steps]
        self.updates = any(isinstance(step, Update) for step in steps)
        self.tallies = sorted({step.what for step in steps if isinstance(step, Tally)})
        inner = [each for step in steps if isinstance(step, Refill) for each in step.steps]
        self.draws = any(isinstance(step, Blocks4) for step in [*steps, *inner])
        self.classes = sorted({int(kind) for block in program.blocks for kind in block.counts})

    def text(self) -> list[str]:
        """The lines from the block `pc` to where it has ended, or is before a loop."""
        return self._stretch(0, len(self.program.blocks) - 1, {})

    def rendered(self) -> str:
        """The functions that `text` calls."""
        parts = [wgsl.PREAMBLE, *[wgsl.PHILOX] * self.draws, self.half]
        return "\n".join(
            [*parts, *(wgsl.render_graph(name, graph) for name, graph in self.functions.values())]
        )

    @property
    def age(self) -> str:
        """The instructions that a lane has executed before the block."""
        return " + ".join(f"n{kind}" for kind in self.classes) or "0u"

    # Blocks ---------------------------------------------------------------------------------------

    def _stretch(self, low: int, high: int, inside: Mapping[int, int]) -> list[str]:
        """Blocks in their order; `inside` are the loops that this is in, by their first block."""
        out, number = [], low
        while number <= high:
            last = self.loops.get(number)
            if last is None or number in inside:
                out += [f"if (pc == {number}u) {{", *indented(self._block(number)), "}"]
                number += 1
                continue
            if last == number:
                here, body = f"pc == {number}u", self._block(number)
            else:
                here = f"pc - {number}u <= {last - number}u"
                body = self._stretch(number, last, {**inside, number: last})
            body.append("turns -= 1i;")
            out += [f"while ({here} && turns > 0i) {{", *indented(body), "}"]
            number = last + 1
        return out

    def _block(self, number: int) -> list[str]:
        block = self.program.blocks[number]
        lines = [line for step in block.steps for line in self.step(step)]
        lines += [f"n{int(kind)} += {count}u;" for kind, count in sorted(block.counts.items())]
        return [*lines, *self._end(block)]

    def _end(self, block: Block) -> list[str]:
        end = block.end
        if isinstance(end, Jump):
            return [f"pc = {end.to}u;"]
        if isinstance(end, Branch):
            return [f"pc = select({end.other}u, {end.taken}u, {self._call(end.graph, end.args)});"]
        return [*self.stopped(end), f"pc = {ENDED}u;"]

    # Steps ----------------------------------------------------------------------------------------

    def step(self, step: Step) -> list[str]:
        """The lines of a step."""
        return RULES[type(step)](self, step)

    def read(self, operand: Operand) -> str:
        """An operand, as i32."""
        return word(operand.bits) if isinstance(operand, Word) else f"x{operand}"

    def _call(self, graph: Graph, args: tuple[Operand, ...]) -> str:
        """What an op makes of operands."""
        name, _ = self.functions.setdefault(id(graph), (f"g{len(self.functions)}", graph))
        given = []
        for dtype, operand in zip(graph.dtypes, args, strict=True):
            text = self.read(operand)
            if dtype == "f32":
                bits = wgsl.pattern(operand.bits) if isinstance(operand, Word) else text
                text = f"bitcast<f32>({bits})"
            given.append(text)
        return f"{name}({', '.join(given)})"

    def _compute(self, step: Compute) -> list[str]:
        value, dtype = self._call(step.graph, step.args), step.graph.result.dtype
        forms = {"f32": "bitcast<i32>({}) ^ zero", "i32": "{}", "bool": "select(0i, 1i, {})"}
        return [f"x{step.dest} = {forms[dtype].format(value)};"]

    def _copy(self, step: Copy) -> list[str]:
        if step.half:
            return [f"x{step.dest} = lw_half({self.read(step.source)});"]
        hides = " ^ zero" if isinstance(step.source, Word) else ""
        return [f"x{step.dest} = {self.read(step.source)}{hides};"]

    def _load(self, step: Load) -> list[str]:
        index = f"bitcast<u32>({self.read(step.index)})"
        value = f"atomicLoad(&memory[{index}])" if self.updates else f"memory[{index}]"
        if step.inside:
            return [f"x{step.dest} = {value};"]
        other = f"x{step.dest} = 0i;{' reads += 1u;' if step.counted else ''}"
        return [f"if ({index} < size) {{ x{step.dest} = {value}; }} else {{ {other} }}"]

    def _store(self, step: Store) -> list[str]:
        index, value = f"bitcast<u32>({self.read(step.index)})", self.read(step.source)
        put = f"memory[{index}] = {value};"
        if self.updates:
            put = f"atomicStore(&memory[{index}], {value});"
        return [put if step.inside else f"if ({index} < size) {{ {put} }} else {{ writes += 1u; }}"]

    def _update(self, step: Update) -> list[str]:
        index, value = f"bitcast<u32>({self.read(step.index)})", self.read(step.source)
        put = f"atomic{step.how.capitalize()}(&memory[{index}], {value});"
        return [f"if ({index} < size) {{ {put} }} else {{ writes += 1u; }}"]

    def _later(self, step: Later) -> list[str]:
        index, value = (f"bitcast<u32>({self.read(each)})" for each in (step.index, step.source))
        lines = self.later(step, (index, value, f"{self.age} + {step.after}u"))
        return [f"if ({index} < size) {{", *indented(lines), "} else { writes += 1u; }"]

    def _tally(self, step: Tally) -> list[str]:
        return [f"{step.what} += select(0u, 1u, {self.read(step.test)} != 0i);"]

    def _refill(self, step: Refill) -> list[str]:
        inner = [line for each in step.steps for line in self.step(each)]
        return [f"if ({self.read(step.when)} != 0i) {{", *indented(inner), "}"]

    def _philox(self, step: Blocks4) -> list[str]:
        counter = ", ".join(f"bitcast<u32>({self.read(each)})" for each in step.counter)
        lines = [f"let words = philox(vec4<u32>({counter}), key);"]
        lines += [f"x{d} = bitcast<i32>(words[{n}]);" for n, d in enumerate(step.dests)]
        return ["{", *indented(lines), "}"]


RULES: dict[type, Callable[[Lane, Any], list[str]]] = {
    Compute: Lane._compute,
    Copy: Lane._copy,
    Load: Lane._load,
    Store: Lane._store,
    Update: Lane._update,
    Later: Lane._later,
    Tally: Lane._tally,
    Refill: Lane._refill,
    Blocks4: Lane._philox,
}
"""How each step is written."""


def word(bits: int) -> str:
    """A constant word as i32."""
    bits &= 0xFFFFFFFF
    return f"{bits}i" if bits < 1 << 31 else f"bitcast<i32>({bits:#010x}u)"


def indented(lines: list[str]) -> list[str]:
    """Lines two places to the right."""
    return [f"  {line}" for line in lines]


def loops(program: LaneProgram) -> dict[int, int]:
    """Stretches of blocks that are gone over again: the first block of each, and the last.

    What goes back from within one to before it makes both one.

    Example:
        >>> from lanework.engines.lanes.program import Block
        >>> blocks = [Block([], Jump(1)), Block([], Jump(2)), Block([], Branch(None, (), 1, 0))]
        >>> loops(LaneProgram(blocks, 0, {}))
        {0: 2, 1: 2}
    """
    out: dict[int, int] = {}
    for number, block in enumerate(program.blocks):
        for to in block.next:
            if to <= number:
                out[to] = max(out.get(to, to), number)
    changed = True
    while changed:
        changed = False
        for first, last in sorted(out.items()):
            reach = max([last, *(out[each] for each in out if first < each <= last)])
            if reach > last:
                out[first], changed = reach, True
    return dict(sorted(out.items()))


def entered(program: LaneProgram, loops: dict[int, int]) -> set[int]:
    """The blocks at which lanes may be before a turn of a loop."""
    out = set()
    for number, block in enumerate(program.blocks):
        for to in block.next:
            inside = [(a, b) for a, b in loops.items() if a <= to <= b]
            if to <= number or any(not a <= number <= b for a, b in inside):
                out.add(to)
    return out
