"""In which order the blocks run that lanes come to apart from each other.

Of the blocks that lanes wait for the earliest runs first, but that within a loop all lanes come
round before it begins again; so lanes that fell behind catch up with the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lanework.engines.lanes.shape import Shape


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
    """

    def __init__(self, shape: Shape) -> None:
        self.shape, self.program = shape, shape.program
        self.chains = components(shape)

    def chain(self, block: int) -> Chain:
        """The chain of a masked block."""
        return next(chain for chain in self.chains if block in chain.blocks)

    def after(self, number: int) -> list[int]:
        """Masked blocks in the order in which they may run after one.

        Within a loop lanes wait for each other before it begins again.
        """
        chain, out = self.chain(number).blocks, dict[int, None]()
        later = [each for each in chain if each > number]
        for head, body in self.shape.loops:
            if number in body and head in chain:
                out.update(dict.fromkeys(each for each in later if each in body))
                out[head] = None
        out.update(dict.fromkeys(later))
        return list(out)

    def needed(self, number: int) -> set[int]:
        """Variables that are of use after a block."""
        block, out = self.program.blocks[number], set(self.program.outputs.values())
        for each in block.next:
            out |= self.shape.live[each]
        return out

    def waited(self, number: int) -> set[int]:
        """Variables of use to lanes that may be elsewhere while a masked block runs."""
        chain = self.chain(number)
        out = set(self.program.outputs.values())
        for each in (*chain.meets, *self.after(number)):
            if each is not None:
                out |= self.shape.live[each]
        return out
