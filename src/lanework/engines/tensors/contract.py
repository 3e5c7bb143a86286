"""Contractions: products of up to four operands, summed, or their largest."""

from __future__ import annotations

from lanework.engines.tensors.layout import (
    HEADS,
    OPERANDS,
    PLACES,
    SHAPES,
    STEPS,
    Word,
    dense,
    grouped_name,
    tile,
)
from lanework.engines.tensors.writer import Kernel


def contractions(width: int, lanes: int) -> list[str]:
    """All contractions of blocks of `lanes`, for SIMD registers of `width` f64."""
    return [
        _contract(f"{name}_{lanes}", width, lanes, laned, spread, step, largest)
        for name, laned, spread, step, largest in dense(max(1, lanes // width))
    ]


def _contract(
    name: str, width: int, lanes: int, laned: int, spread: int, step: int, largest: bool
) -> str:
    """Operands with lanes come first. The last outputs of a tile may be done twice."""
    k = Kernel(name, width, lanes)
    vectors, w = k.vectors, k.w
    count = laned + spread
    assert count <= OPERANDS
    out, outputs, terms = k.word(Word.OUT), k.word(Word.OUTPUTS, "i64"), k.word(Word.TERMS, "i64")
    operands = [tuple(k.word(Word.P0 + 3 * i + j) for j in range(3)) for i in range(count)]
    last = w.emit(f"sub i64 {outputs}, {step}")
    w.line("br label %outer")
    w.label("outer")
    w.line("%o = phi i64 [ 0, %entry ], [ %o.next, %done ]")
    for t in range(step):
        w.line(f"%o{t} = add i64 %o, {t}")
    bases = [[k.at(p, k.offset(at, f"%o{t}")) for p, at, _ in operands] for t in range(step)]
    k.begin("inner", "k", "outer")
    zero = "zeroinitializer"
    for t in range(step):
        for n in range(vectors):
            w.line(f"%s{t}.{n} = phi {k.kind} [ {zero}, %outer ], [ %new{t}.{n}, %inner ]")
    apart = [k.offset(apart, "%k") for _, _, apart in operands]
    for t in range(step):
        add_term(k, bases[t], apart, laned, f"{t}.", largest=largest)
    k.again("k", terms, "inner", "done")
    w.label("done")
    for t in range(step):
        for n in range(vectors):
            k.store(f"%new{t}.{n}", out, f"%o{t}", n)
    w.line(f"%o.far = add i64 %o, {step}")
    w.line(f"%o.over = icmp ugt i64 %o.far, {last}")
    w.line(f"%o.next = select i1 %o.over, i64 {last}, i64 %o.far")
    w.line(f"%o.end = icmp eq i64 %o, {last}")
    w.line("br i1 %o.end, label %exit, label %outer")
    return k.finish()


def add_term(
    k: Kernel, bases: list[str], apart: list[str], laned: int, name: str, *, largest: bool
) -> None:
    """One more term of an output, in all its lanes: `%new` from `%s`."""
    numbers = [
        k.w.emit(f"load double, ptr {k.at(*where)}")
        for where in zip(bases[laned:], apart[laned:], strict=True)
    ]
    shared = [k.splat(number) for number in numbers]
    for n in range(k.vectors):
        factors = list(shared)
        for where in zip(bases[:laned], apart[:laned], strict=True):
            place = k.at(k.at(*where), n * k.width)
            factors.append(k.w.emit(f"load {k.kind}, ptr {place}, align 8"))
        _add(k, factors, f"{name}{n}", largest)


def _add(k: Kernel, factors: list[str], name: str, largest: bool) -> None:
    """One more term."""
    w = k.w
    *rest, last = factors
    product = rest[0] if rest else last
    for factor in rest[1:]:
        product = w.emit(f"fmul {k.kind} {product}, {factor}")
    if largest:
        term = w.emit(f"fmul {k.kind} {product}, {last}") if rest else last
        more = w.emit(f"fcmp ogt {k.kind} {term}, %s{name}")
        w.line(f"%new{name} = select {k.mask} {more}, {k.kind} {term}, {k.kind} %s{name}")
    elif rest:
        function = f"@llvm.fmuladd.v{k.width}f64"
        operands = ", ".join(f"{k.kind} {value}" for value in (product, last, f"%s{name}"))
        w.line(f"%new{name} = call {k.kind} {function}({operands})")
    else:
        w.line(f"%new{name} = fadd {k.kind} %s{name}, {last}")


# Many zeros: which terms are zero whatever the evidence follows mostly from a few of the axes, so a
# few lists of terms serve all outputs. These come in groups that have the same terms, within which
# the loops are as regular as above.


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
    heads, cells, steps = k.word(HEADS), k.word(PLACES), k.word(STEPS)
    w.line("br label %group")
    w.label("group")
    w.line("%g = phi i64 [ 0, %entry ], [ %g.next, %next ]")
    w.line(f"%places = phi ptr [ {cells}, %entry ], [ %places.next, %next ]")
    head = w.emit(f"getelementptr [3 x i32], ptr {heads}, i64 %g")
    tiles, terms, start = (k.offset(head, n) for n in range(3))
    w.line(f"%steps = getelementptr [{count} x i32], ptr {steps}, i64 {start}")
    w.line("br label %tile")
    w.label("tile")
    w.line("%n = phi i64 [ 0, %group ], [ %n.next, %done ]")
    w.line("%place = phi ptr [ %places, %group ], [ %places.next, %done ]")
    goals, bases = [], []
    for t in range(step):
        first = t * (1 + count)
        goals.append(k.offset("%place", first))
        offsets = [k.offset("%place", first + 1 + i) for i in range(count)]
        bases.append([k.at(p, at) for p, at in zip(operands, offsets, strict=True)])
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
    apart = [k.offset("%step", i) for i in range(count)]
    w.line(f"%step.next = getelementptr i32, ptr %step, i64 {count}")
    for t in range(step):
        add_term(k, bases[t], apart, laned, f"{t}.", largest=largest)
    w.line("%k.next = add i64 %k, 1")
    w.line("br label %more")
    w.label("done")
    for t in range(step):
        for n in range(vectors):
            at = k.at(k.at(out, goals[t]), n * width)
            w.line(f"store {k.kind} %s{t}.{n}, ptr {at}, align 8")
    k.again("n", tiles, "tile", "next")
    w.label("next")
    k.again("g", groups, "group", "exit")
    return k.finish()
