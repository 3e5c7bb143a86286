"""Two blocks of lanes in one walk over time, for nests that wait more than they compute.

A recurrence is a chain: each period needs the one before, so however many ports a processor has,
a block takes the chain's latency a period. A second block's chain is independent. But the
processor looks only some hundred operations ahead, so the two must take turns within a period:
a few dozen lines of one, then of the other. (Making blocks twice as wide would interleave every
single operation, and then values do not fit in registers.)

This is unroll-and-jam (S. Carr and K. Kennedy, "Improving the ratio of memory operations to
floating-point operations in loops", ACM TOPLAS 16(6), 1994, section 2), done on the text of a
finished block: the second block is the first with other names, as many lanes further.
"""

from __future__ import annotations

import re

from lanework.engines.loops import Apply, Fold, LoopNest, Shift

CHUNK = 64  # lines of one block before the other has its turn
MOST = 400  # steps; larger nests take longer to compile than they gain
_NAME = re.compile(r"%v(\d+)")
_DEFINED = re.compile(r"^  %v(\d+) = ", re.MULTILINE)
_LABEL = re.compile(r"\.v(\d+)\b")
_LANE = re.compile(r"%lane\b(?!\.)")


def suits(nest: LoopNest, width: int) -> bool:
    """Whether a nest is one straight walk over time with a recurrence, the same for all lanes."""
    walks = [stage for stage in nest.stages if stage.direction]
    if width < 8 or len(walks) != 1 or nest.horizon is not None or nest.saved:
        return False
    steps = walks[0].steps
    if len(steps) > MOST:
        return False
    plain = all(isinstance(step, Apply | Shift | Fold) for step in steps)
    return plain and any(isinstance(step, Shift) and step.target in nest.varying for step in steps)


def jam(lines: list[str], walk: str, width: int) -> list[str]:
    """The function's lines with two blocks in each turn of the loop over blocks.

    Args:
        lines: a whole function, with the blocks ``block.begin`` to ``block.end`` in it.
        walk: the name of the stage that walks time: its blocks are ``WALK.check`` and so on.
        width: lanes in a block.
    """
    at = {name: lines.index(f"{name}:") for name in ("block.begin", "block.end")}
    at |= {part: lines.index(f"{walk}.{part}:") for part in ("check", "body", "latch", "done")}
    renamed = _Names(lines[at["block.begin"] : at["block.end"]])
    before = lines[at["block.begin"] + 1 : at["check"] - 1]
    header = lines[at["check"] + 1 : at["body"]]
    count = sum(" phi " in line for line in header)
    phis, rest = header[:count], header[count:]
    body = lines[at["body"] + 1 : at["latch"] - 1]
    after = lines[at["done"] + 1 : at["block.end"] - 1]
    if any(line.endswith(":") for line in body):
        return lines  # there are branches in it, which cannot take turns
    labels = [line[:-1] for line in before if line.endswith(":")]
    if labels:  # the walk is entered from where the second block's lines end
        last, there = labels[-1], _LABEL.sub(r".w\1", labels[-1])
        phis = [line.replace(f"%{last} ", f"%{there} ") for line in phis]
    turns = []
    second = renamed(body)
    for start in range(0, len(body), CHUNK):
        turns += body[start : start + CHUNK] + second[start : start + CHUNK]
    step = f"  %lane.next = add i64 %lane, {width}"
    return [
        *lines[: at["block.begin"] + 1],
        f"  %lane2 = add i64 %lane, {width}",
        *before,
        *renamed(before),
        *lines[at["check"] - 1 : at["check"] + 1],
        *phis,
        *renamed(phis[1:]),  # but for the period, which they share
        *rest,
        *lines[at["body"] : at["body"] + 1],
        *turns,
        *lines[at["latch"] - 1 : at["done"] + 1],
        *after,
        *renamed(after),
        *lines[at["block.end"] - 1 : at["block.end"] + 1],
        *(
            f"  %lane.next = add i64 %lane, {2 * width}" if line == step else line
            for line in lines[at["block.end"] + 1 :]
        ),
    ]


class _Names:
    """Gives what a block defines other names; what was there before it keeps its own."""

    def __init__(self, lines: list[str]) -> None:
        self.own = set(_DEFINED.findall("\n".join(lines)))

    def __call__(self, lines: list[str]) -> list[str]:
        """The same lines for the second block."""
        if not lines:
            return []
        text = _NAME.sub(self._name, "\n".join(lines))
        return _LANE.sub("%lane2", _LABEL.sub(r".w\1", text)).split("\n")

    def _name(self, match: re.Match[str]) -> str:
        return f"%w{match[1]}" if match[1] in self.own else match[0]
