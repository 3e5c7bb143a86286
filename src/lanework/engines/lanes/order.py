"""In which order the blocks run that lanes come to apart from each other.

Of the blocks that lanes wait for the earliest runs first, but that within a loop all lanes come
round before it begins again; so lanes that fell behind catch up with the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lanework.engines.lanes.program import (
    Blocks4,
    Compute,
    Fetch,
    LaneProgram,
    Load,
    Refill,
    Store,
    Update,
)
from lanework.engines.lanes.shape import Shape, shape


def first_ages(program: LaneProgram) -> list[int]:
    """For every block the instructions before it on one of the ways to it."""
    blocks = program.blocks
    out, waiting = {0: 0}, [0]
    for number in waiting:
        for each in blocks[number].next:
            if each not in out:
                out[each] = out[number] + blocks[number].length
                waiting.append(each)
    return [out.get(number, 0) for number in range(len(blocks))]


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


class Order:
    """The order of a program's masked blocks.

    Attributes:
        chains: masked blocks, those together that lead to one another.
        waits: for each masked block those at which lanes may wait while it runs.
        fetching, least: the block at which lanes begin anew, if they do, and see `Fetch`.
        ages: for each block the instructions before it on one of the ways to it.
    """

    def __init__(self, shape: Shape, most: int | None = None) -> None:
        """Find it.

        Args:
            shape: the program, and what its lanes have in common.
            most: pairs of a block that runs and one where lanes wait, at most.

        Raises:
            OverflowError: there are more.
        """
        self.shape, self.program, self.most = shape, shape.program, most
        self.chains = components(shape)
        self.ages = first_ages(self.program)
        steps = ((n, s) for n, block in enumerate(self.program.blocks) for s in block.steps)
        fetches = ((n, s.least) for n, s in steps if isinstance(s, Fetch))
        self.fetching: int | None
        self.fetching, self.least = next(fetches, (None, 0))
        self.waits: dict[int, set[int]] = {}
        self._settle()

    def chain(self, block: int) -> Chain:
        """The chain of a masked block."""
        return next(chain for chain in self.chains if block in chain.blocks)

    def _settle(self) -> None:
        """Let lanes run in all ways that they may go, until nothing new comes of it."""
        changed, pairs = list[int](), [0]

        def run(blocks: list[int]) -> None:
            """The first at which lanes wait is next; that may be any, if those before are empty."""
            for n, block in enumerate(blocks):
                known = self.waits.get(block)
                waits = (known or set()) | (set(blocks[n + 1 :]) - {block})
                if waits != known:
                    pairs[0] += len(waits) - len(known or ())
                    if self.most is not None and pairs[0] > self.most:
                        raise OverflowError
                    self.waits[block] = waits
                    changed.append(block)

        for number, block in enumerate(self.program.blocks):
            if number not in self.shape.masked:
                run(self.entered(block.next))
        while changed:
            number = changed.pop()
            run(self.after(number))
            for head in self.program.blocks[number].next:
                if early := self.early(number, head):
                    run([*early, head])

    def cost(self, number: int, to: int) -> int:
        """The instructions that are counted on the way from a block to another.

        Those of most ways are in what is known of where they lead to (`ages`), as in Ball and
        Larus, "Optimally profiling and tracing programs" (TOPLAS 16(4), 1994).
        """
        return self.ages[number] + self.program.blocks[number].length - self.ages[to]

    def entered(self, to: Sequence[int]) -> list[int]:
        """Of blocks that lanes go to from where all were together those that are masked."""
        return sorted({each for each in to if each in self.shape.masked})

    def after(self, number: int) -> list[int]:
        """Masked blocks that may run after one, in the order in which they are looked at.

        Within a loop lanes wait for each other before it begins again.
        """
        following = set(self.program.blocks[number].next)
        wanted = self.waits.get(number, set()) | (following & self.shape.masked)
        out: dict[int, None] = {}
        later = sorted(each for each in wanted if each > number)
        for head, body in self.shape.loops:
            if number in body:
                out.update(dict.fromkeys(each for each in later if each in body))
                if head in wanted:
                    out[head] = None
        out.update(dict.fromkeys(later))
        out.update(dict.fromkeys(sorted(wanted)))
        return list(out)

    def early(self, number: int, head: int) -> list[int]:
        """Where lanes may wait that have left a loop, while others begin it again.

        They go on before these if that lets them begin anew.
        """
        body = next((body for each, body in self.shape.loops if each == head), set())
        if self.fetching is None or self.fetching in body or number not in body:
            return []
        return [each for each in self.after(number) if each not in body]

    def last_exit(self) -> int | None:
        """The one block at which lanes wait for others to leave the innermost loop, if it is one.

        They are those that are nowhere else.
        """
        for head, body in self.shape.loops:
            for number in sorted(body):
                if head in self.program.blocks[number].next and (out := self.early(number, head)):
                    return out[0] if len(out) == 1 and self.waits[head] == set(out) else None
        return None

    def needed(self, number: int) -> set[int]:
        """Variables that are of use after a block."""
        block, out = self.program.blocks[number], set(self.program.outputs.values())
        for each in block.next:
            out |= self.shape.live[each]
        return out

    def waited(self, number: int) -> set[int]:
        """Variables of use to lanes that may be elsewhere while a masked block runs."""
        out = set(self.program.outputs.values())
        for each in (*self.chain(number).meets, *self.waits.get(number, ())):
            if each is not None:
                out |= self.shape.live[each]
        return out


COSTS = {Refill: 150, Blocks4: 150, Load: 15, Store: 15, Update: 15}
"""Operations of steps that are no ops, about."""


def weight(program: LaneProgram, most: int) -> int:
    """About how many operations code for lanes has, or some number above `most`.

    Where lanes may wait at many blocks each way out of one has a test for each of these, at which
    vectors and masks of all of them come together.
    """
    total = 0
    for step in (step for block in program.blocks for step in block.steps):
        ops = len(step.graph.values) if isinstance(step, Compute) else 1
        total += COSTS.get(type(step), ops)
    if total > most:
        return total
    known = shape(program)
    try:
        order = Order(known, most)
    except OverflowError:
        return most + 1
    for number in known.masked:
        kept = len(order.waits.get(number, ())) + len(known.live[number] & known.divergent)
        total += len(order.after(number)) * kept
    return total
