"""Contractions of tensors with many zeros: outputs in groups that have the same terms.

Which terms are zero whatever the evidence follows mostly from a few of the axes, so a few lists of
terms serve all outputs. Within a group the loops are as regular as those of dense contractions.
"""

from __future__ import annotations

from lanework.engines.tensors.contract import add_term, far
from lanework.engines.tensors.layout import (
    HEADS,
    PLACES,
    SHAPES,
    STEPS,
    Word,
    grouped_name,
    tile,
)
from lanework.engines.tensors.writer import Kernel


def grouped(width: int, lanes: int) -> list[str]:
    """All contractions by groups of blocks of `lanes`, for SIMD registers of `width` f64."""
    return [
        _grouped(width, lanes, laned, spread, largest)
        for laned, spread in SHAPES
        for largest in (False, True)
    ]


def _grouped(width: int, lanes: int, laned: int, spread: int, largest: bool) -> str:
    """Operands with lanes come first. A group without terms is filled with zeros."""
    name = grouped_name(largest=largest, laned=laned, spread=spread)
    k = Kernel(f"{name}_{lanes}", width, lanes)
    width, vectors, w = k.width, k.vectors, k.w
    count = laned + spread
    step = tile(count, vectors)
    out, groups = k.word(Word.OUT), k.word(Word.OUTPUTS, "i64")
    operands = [k.word(Word.P0 + 3 * i) for i in range(count)]
    heads, places, steps = k.word(HEADS), k.word(PLACES), k.word(STEPS)
    w.line("br label %group")
    w.label("group")
    w.line("%g = phi i64 [ 0, %entry ], [ %g.next, %next ]")
    w.line(f"%places = phi ptr [ {places}, %entry ], [ %places.next, %next ]")
    head = w.emit(f"getelementptr [3 x i32], ptr {heads}, i64 %g")
    tiles, terms, start = (_number(k, head, n) for n in range(3))
    w.line(f"%steps = getelementptr [{count} x i32], ptr {steps}, i64 {start}")
    w.line("br label %tile")
    w.label("tile")
    w.line("%n = phi i64 [ 0, %group ], [ %n.next, %done ]")
    w.line("%place = phi ptr [ %places, %group ], [ %places.next, %done ]")
    goals, bases = [], []
    for t in range(step):
        first = t * (1 + count)
        goals.append(_number(k, "%place", first))
        offsets = [_number(k, "%place", first + 1 + i) for i in range(count)]
        bases.append([far(k, p, at) for p, at in zip(operands, offsets, strict=True)])
    w.line(f"%places.next = getelementptr i32, ptr %place, i64 {step * (1 + count)}")
    w.line("br label %more")
    w.label("more")
    w.line("%k = phi i64 [ 0, %tile ], [ %k.next, %term ]")
    w.line("%step = phi ptr [ %steps, %tile ], [ %step.next, %term ]")
    for t in range(step):
        for n in range(vectors):
            w.line(f"%s{t}.{n} = phi {k.kind} [ zeroinitializer, %tile ], [ %new{t}.{n}, %term ]")
    w.line(f"%k.more = icmp ult i64 %k, {terms}")
    w.line("br i1 %k.more, label %term, label %done")
    w.label("term")
    apart = [_number(k, "%step", i) for i in range(count)]
    w.line(f"%step.next = getelementptr i32, ptr %step, i64 {count}")
    for t in range(step):
        add_term(k, bases[t], apart, laned, f"{t}.", largest=largest)
    w.line("%k.next = add i64 %k, 1")
    w.line("br label %more")
    w.label("done")
    for t in range(step):
        for n in range(vectors):
            at = far(k, far(k, out, goals[t]), str(n * width))
            w.line(f"store {k.kind} %s{t}.{n}, ptr {at}, align 8")
    k.again("n", tiles, "tile", "next")
    w.label("next")
    k.again("g", groups, "group", "exit")
    return k.finish()


def _number(k: Kernel, base: str, n: int) -> str:
    """A number of a list."""
    at = k.w.emit(f"getelementptr i32, ptr {base}, i64 {n}")
    return k.w.emit(f"zext i32 {k.w.emit(f'load i32, ptr {at}')} to i64")
