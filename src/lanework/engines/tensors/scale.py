"""Tensors over their sums, and over each other."""

from __future__ import annotations

from lanework.engines.tensors.layout import Word
from lanework.engines.tensors.writer import Kernel


def normalize(name: str, width: int, lanes: int, *, keep: bool, largest: bool) -> str:
    """A tensor over its sum in each lane, or over its largest entry.

    With `keep` what it was divided by goes to the product of all of them.
    """
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    out, a, scale = k.word(Word.OUT), k.word(Word.P0), k.word(Word.P1)
    count = k.word(Word.OUTPUTS, "i64")
    k.begin("sums")
    for n in range(vectors):
        w.line(f"%sum{n} = phi {k.kind} [ zeroinitializer, %entry ], [ %new{n}, %sums ]")
    for n in range(vectors):
        entry = k.load(a, "%i", n)
        if largest:
            more = w.emit(f"fcmp ogt {k.kind} {entry}, %sum{n}")
            w.line(f"%new{n} = select {k.mask} {more}, {k.kind} {entry}, {k.kind} %sum{n}")
        else:
            w.line(f"%new{n} = fadd {k.kind} %sum{n}, {entry}")
    k.again("i", count, "sums", "scale")
    w.label("scale")
    inverse = [_scaled(k, scale, n, keep) for n in range(vectors)]
    k.begin("divide", "j", "scale")
    for n in range(vectors):
        w.line(f"%low{n} = phi {k.kind} [ splat (double 1.0), %scale ], [ %lower{n}, %divide ]")
    for n in range(vectors):
        scaled = w.emit(f"fmul {k.kind} {k.load(a, '%j', n)}, {inverse[n]}")
        k.store(scaled, out, "%j", n)
        some = w.emit(f"fcmp ogt {k.kind} {scaled}, zeroinitializer")
        entry = k.select(some, scaled, "splat (double 1.0)")
        _smaller(k, f"%lower{n}", entry, f"%low{n}")
    k.again("j", count, "divide", "note")
    w.label("note")
    for n in range(vectors):
        _smaller(k, f"%lowest{n}", f"%lower{n}", k.load(scale, "3", n))
        k.store(f"%lowest{n}", scale, "3", n)
    w.line("br label %exit")
    return k.finish()


def _smaller(k: Kernel, name: str, x: str, y: str) -> None:
    less = k.w.emit(f"fcmp olt {k.kind} {x}, {y}")
    k.w.line(f"{name} = select {k.mask} {less}, {k.kind} {x}, {k.kind} {y}")


def _scaled(k: Kernel, scale: str, n: int, keep: bool) -> str:
    """One over a sum, which is noted in the lane's scale; one where the sum is zero."""
    w, one = k.w, "splat (double 1.0)"
    some = w.emit(f"fcmp ogt {k.kind} %new{n}, zeroinitializer")
    inverse = w.emit(f"fdiv {k.kind} {one}, {k.select(some, f'%new{n}', one)}")
    least = k.load(scale, "2", n)
    _smaller(k, f"%below{n}", f"%new{n}", least)
    k.store(f"%below{n}", scale, "2", n)
    if keep:
        product = w.emit(f"fmul {k.kind} {k.load(scale, '0', n)}, %new{n}")
        bits = w.emit(f"bitcast {k.kind} {product} to {k.integer}")
        exponent = w.emit(f"lshr {k.integer} {bits}, splat (i64 52)")
        small = w.emit(f"and {k.integer} {bits}, splat (i64 4503599627370495)")
        unit = w.emit(f"or {k.integer} {small}, splat (i64 4607182418800017408)")
        mantissa = w.emit(f"bitcast {k.integer} {unit} to {k.kind}")
        zero = w.emit(f"fcmp oeq {k.kind} {product}, zeroinitializer")
        moved = w.emit(f"sub {k.integer} {exponent}, splat (i64 1023)")
        number = w.emit(f"sitofp {k.integer} {moved} to {k.kind}")
        total = w.emit(f"fadd {k.kind} {k.load(scale, '1', n)}, {number}")
        k.store(k.select(zero, product, mantissa), scale, "0", n)
        k.store(total, scale, "1", n)
    return inverse


def divide(name: str, width: int, lanes: int) -> str:
    """Entry over entry; over nothing it is nothing."""
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    out, a, b, at = (k.word(n) for n in (Word.OUT, Word.P0, Word.P1, Word.AT1))
    count = k.word(Word.OUTPUTS, "i64")
    k.begin("loop")
    offset = k.offset(at, "%i")
    for n in range(vectors):
        far = w.emit(f"add i64 {offset}, {n * width}")
        below = w.emit(f"load {k.kind}, ptr {k.at(b, far)}, align 8")
        nothing = w.emit(f"fcmp oeq {k.kind} {below}, zeroinitializer")
        quotient = w.emit(f"fdiv {k.kind} {k.load(a, '%i', n)}, {below}")
        k.store(k.select(nothing, "zeroinitializer", quotient), out, "%i", n)
    k.again("i", count, "loop", "exit")
    return k.finish()
