"""Two blocks of lanes in the walks over time, for nests that wait more than they compute.

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
MANY = 32  # registers
NEAR = 24  # rows kept from walk to walk, of which twice as many are still in L2
_NAME = re.compile(r"%v(\d+)")
_DEFINED = re.compile(r"^  %v(\d+) = ", re.MULTILINE)
_LABEL = re.compile(r"\.v(\d+)\b")
_LANE = re.compile(r"%lane\b(?!\.)")
_SCRATCH = re.compile(r"%scratch\b")


def suits(nest: LoopNest, width: int, registers: int) -> bool:
    """Whether a nest is of straight walks over time with a recurrence, the same for all lanes.

    Several walks have more values than one: two blocks take turns in them where there are many
    registers and a block's value takes one, and where what both keep for the walk back is near.
    """
    walks = [stage for stage in nest.stages if stage.direction]
    if width < 8 or not walks or nest.horizon is not None:
        return False
    several = len(walks) > 1
    if several != bool(nest.saved):
        return False
    if several and (width > 8 or registers < MANY or len(nest.saved) > NEAR):
        return False
    steps = [step for stage in walks for step in stage.steps]
    if len(steps) > MOST:
        return False
    plain = all(isinstance(step, Apply | Shift | Fold) for step in steps)
    return plain and any(isinstance(step, Shift) and step.target in nest.varying for step in steps)


def jam(lines: list[str], walks: list[str], width: int, kept: int) -> list[str]:
    """The function's lines with two blocks in each turn of the loop over blocks.

    Args:
        lines: a whole function, with the blocks ``block.begin`` to ``block.end`` in it.
        walks: the names of the stages that walk time: their blocks are ``WALK.check`` and so on.
        width: lanes in a block.
        kept: doubles that a block keeps of a period; the second block's follow the first's.
    """
    begin, end = lines.index("block.begin:"), lines.index("block.end:")
    renamed = _Names(lines[begin:end])
    out = [
        *lines[: begin + 1],
        f"  %lane2 = add i64 %lane, {width}",
        f"  %scratch2 = getelementptr double, ptr %scratch, i64 {kept}",
    ]
    start = begin + 1
    for walk in walks:
        at = {part: lines.index(f"{walk}.{part}:") for part in ("check", "body", "latch", "done")}
        body = lines[at["body"] + 1 : at["latch"] - 1]
        if any(line.endswith(":") for line in body):
            return lines  # there are branches in it, which cannot take turns
        header = lines[at["check"] - 1 : at["body"] + 1]
        out += _begun(lines[start : at["check"] - 1], header, renamed)
        second = renamed(body)
        for turn in range(0, len(body), CHUNK):
            out += body[turn : turn + CHUNK] + second[turn : turn + CHUNK]
        out += lines[at["latch"] - 1 : at["done"] + 1]
        start = at["done"] + 1
    after = lines[start : end - 1]
    step = f"  %lane.next = add i64 %lane, {width}"
    return [
        *out,
        *after,
        *renamed(after),
        *lines[end - 1 : end + 1],
        *(
            f"  %lane.next = add i64 %lane, {2 * width}" if line == step else line
            for line in lines[end + 1 :]
        ),
    ]


def _begun(before: list[str], header: list[str], renamed: _Names) -> list[str]:
    """What both blocks do before a walk, and the walk's header with the values of both."""
    phis = [line for line in header if " phi " in line]
    labels = [line[:-1] for line in before if line.endswith(":")]
    rest = [line for line in header[2:] if " phi " not in line]
    if labels:  # the walk is entered from where the second block's lines end
        last, there = labels[-1], _LABEL.sub(r".w\1", labels[-1])
        phis = [line.replace(f"%{last} ", f"%{there} ") for line in phis]
    # all but the period, which they share
    return [*before, *renamed(before), *header[:2], *phis, *renamed(phis[1:]), *rest]


class _Names:
    """Gives what a block defines other names; what was there before it keeps its own."""

    def __init__(self, lines: list[str]) -> None:
        self.own = set(_DEFINED.findall("\n".join(lines)))

    def __call__(self, lines: list[str]) -> list[str]:
        """The same lines for the second block."""
        if not lines:
            return []
        text = _NAME.sub(self._name, "\n".join(lines))
        text = _LANE.sub("%lane2", _LABEL.sub(r".w\1", text))
        return _SCRATCH.sub("%scratch2", text).split("\n")

    def _name(self, match: re.Match[str]) -> str:
        return f"%w{match[1]}" if match[1] in self.own else match[0]
