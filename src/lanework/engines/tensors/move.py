"""Lanes of tables into a block's tensors and out of them."""

from __future__ import annotations

from lanework.engines.tensors.layout import Word
from lanework.engines.tensors.writer import Kernel


def copy(name: str, width: int, lanes: int, *, into: bool) -> str:
    """A block's lanes of each entry from a table of all lanes, or to one.

    The table's entries are `TERMS` numbers apart.
    """
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    out, a = k.word(Word.OUT), k.word(Word.P0)
    count, apart = k.word(Word.OUTPUTS, "i64"), k.word(Word.TERMS, "i64")
    first = w.emit(f"mul i64 %block, {k.lanes}")
    w.line("br label %loop")
    w.label("loop")
    w.line("%i = phi i64 [ 0, %entry ], [ %i.next, %loop ]")
    row = w.emit(f"mul i64 %i, {apart}")
    begin = w.emit(f"add i64 {row}, {first}")
    for n in range(vectors):
        at = w.emit(f"add i64 {begin}, {n * width}")
        far = w.emit(f"getelementptr double, ptr {a if into else out}, i64 {at}")
        if into:
            k.store(w.emit(f"load {k.kind}, ptr {far}, align 8"), out, "%i", n)
        else:
            w.line(f"store {k.kind} {k.load(a, '%i', n)}, ptr {far}, align 8")
    k.again("i", count, "loop", "exit")
    w.label("exit")
    w.line("ret void")
    return k.text()


def pick(name: str, width: int, lanes: int) -> str:
    """Entries of a table at places that lanes say: ``a[o * TERMS + b[lane]]``."""
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    out, a, b = k.word(Word.OUT), k.word(Word.P0), k.word(Word.P1)
    count, apart = k.word(Word.OUTPUTS, "i64"), k.word(Word.TERMS, "i64")
    first = w.emit(f"mul i64 %block, {k.lanes}")
    places = []
    for n in range(vectors):
        at = w.emit(f"add i64 {first}, {n * width}")
        pointer = w.emit(f"getelementptr i64, ptr {b}, i64 {at}")
        places.append(w.emit(f"load {k.integer}, ptr {pointer}, align 8"))
    w.line("br label %loop")
    w.label("loop")
    w.line("%i = phi i64 [ 0, %entry ], [ %i.next, %loop ]")
    row = w.emit(f"getelementptr double, ptr {a}, i64 {w.emit(f'mul i64 %i, {apart}')}")
    for n in range(vectors):
        at = w.emit(f"getelementptr double, ptr {row}, {k.integer} {places[n]}")
        values = w.intrinsic(
            f"llvm.masked.gather.v{width}f64.v{width}p0",
            k.kind,
            [
                (f"<{width} x ptr>", f"align 8 {at}"),
                (k.mask, "splat (i1 true)"),
                (k.kind, "poison"),
            ],
        )
        k.store(values, out, "%i", n)
    k.again("i", count, "loop", "exit")
    w.label("exit")
    w.line("ret void")
    return k.text()
