"""Contractions: products of up to four operands, summed, or their largest."""

from __future__ import annotations

from lanework.engines.tensors.layout import OPERANDS, SHAPES, Word, kernel_name, tile
from lanework.engines.tensors.writer import Kernel


def contractions(width: int, lanes: int) -> list[str]:
    """All contractions of blocks of `lanes`, for SIMD registers of `width` f64."""
    kernels = []
    vectors = max(1, lanes // width)
    for laned, spread in SHAPES:
        for largest in (False, True):
            for step in sorted({1, tile(laned + spread, vectors)}):
                name = kernel_name(
                    largest=largest, laned=laned, spread=spread, outputs=step, vectors=vectors
                )
                kernels.append(
                    _contract(f"{name}_{lanes}", width, lanes, laned, spread, step, largest)
                )
    return kernels


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
    bases = [[_moved(k, p, at, f"%o{t}") for p, at, _ in operands] for t in _tiles(k, step)]
    k.begin("inner", "k", "outer")
    zero = "zeroinitializer"
    for t in range(step):
        for n in range(vectors):
            w.line(f"%s{t}.{n} = phi {k.kind} [ {zero}, %outer ], [ %new{t}.{n}, %inner ]")
    apart = [_offset(k, apart, "%k") for _, _, apart in operands]
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


def _tiles(k: Kernel, step: int) -> range:
    for t in range(step):
        k.w.line(f"%o{t} = add i64 %o, {t}")
    return range(step)


def _offset(k: Kernel, offsets: str, index: str) -> str:
    at = k.w.emit(f"getelementptr i32, ptr {offsets}, i64 {index}")
    return k.w.emit(f"zext i32 {k.w.emit(f'load i32, ptr {at}')} to i64")


def far(k: Kernel, base: str, offset: str) -> str:
    """An address, so many numbers further."""
    return k.w.emit(f"getelementptr double, ptr {base}, i64 {offset}")


def _moved(k: Kernel, base: str, offsets: str, index: str) -> str:
    return far(k, base, _offset(k, offsets, index))


def add_term(
    k: Kernel, bases: list[str], apart: list[str], laned: int, name: str, *, largest: bool
) -> None:
    """One more term of an output, in all its lanes: `%new` from `%s`."""
    numbers = [
        k.w.emit(f"load double, ptr {far(k, *where)}")
        for where in zip(bases[laned:], apart[laned:], strict=True)
    ]
    shared = [k.splat(number) for number in numbers]
    for n in range(k.vectors):
        factors = list(shared)
        for where in zip(bases[:laned], apart[:laned], strict=True):
            place = far(k, far(k, *where), str(n * k.width))
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
