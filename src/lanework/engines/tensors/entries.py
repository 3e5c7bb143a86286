"""Single entries: chosen or sampled by lanes, copied for all lanes, picked from tables."""

from __future__ import annotations

from lanework.engines.tensors.layout import Word
from lanework.engines.tensors.writer import Kernel


def choose(name: str, width: int, lanes: int) -> str:
    """The largest entry; the first of several."""
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    a, count = k.word(Word.P0), k.word(Word.OUTPUTS, "i64")
    k.begin("search")
    for n in range(vectors):
        w.line(f"%best{n} = phi {k.kind} [ splat (double -1.0), %entry ], [ %top{n}, %search ]")
        w.line(f"%at{n} = phi {k.integer} [ zeroinitializer, %entry ], [ %now{n}, %search ]")
    here = k.splat("%i", "i64")
    for n in range(vectors):
        x = k.load(a, "%i", n)
        more = w.emit(f"fcmp ogt {k.kind} {x}, %best{n}")
        w.line(f"%top{n} = select {k.mask} {more}, {k.kind} {x}, {k.kind} %best{n}")
        w.line(f"%now{n} = select {k.mask} {more}, {k.integer} {here}, {k.integer} %at{n}")
    k.again("i", count, "search", "write")
    return _one(k, [f"%now{n}" for n in range(vectors)])


def sample(name: str, width: int, lanes: int) -> str:
    """An entry with a chance in proportion to its size, by a number from 0 to 1 of each lane."""
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    a, b, count = k.word(Word.P0), k.word(Word.P1), k.word(Word.OUTPUTS, "i64")
    first = w.emit(f"mul i64 %block, {k.lanes}")
    k.begin("sums")
    for n in range(vectors):
        w.line(f"%sum{n} = phi {k.kind} [ zeroinitializer, %entry ], [ %new{n}, %sums ]")
    for n in range(vectors):
        w.line(f"%new{n} = fadd {k.kind} %sum{n}, {k.load(a, '%i', n)}")
    k.again("i", count, "sums", "bound")
    w.label("bound")
    bounds = []
    for n in range(vectors):
        at = w.emit(f"add i64 {first}, {n * width}")
        chance = w.emit(f"load {k.kind}, ptr {k.at(b, at)}, align 8")
        bounds.append(w.emit(f"fmul {k.kind} {chance}, %new{n}"))
    k.begin("search", "j", "bound")
    for n in range(vectors):
        w.line(f"%part{n} = phi {k.kind} [ zeroinitializer, %bound ], [ %more{n}, %search ]")
        w.line(f"%at{n} = phi {k.integer} [ zeroinitializer, %bound ], [ %now{n}, %search ]")
    here = k.splat("%j", "i64")
    for n in range(vectors):
        # it stays where the sum so far passed the bound, and never goes to an entry of zero
        x = k.load(a, "%j", n)
        before = w.emit(f"fcmp ole {k.kind} %part{n}, {bounds[n]}")
        some = w.emit(f"fcmp ogt {k.kind} {x}, zeroinitializer")
        on = w.emit(f"and {k.mask} {before}, {some}")
        w.line(f"%more{n} = fadd {k.kind} %part{n}, {x}")
        w.line(f"%now{n} = select {k.mask} {on}, {k.integer} {here}, {k.integer} %at{n}")
    k.again("j", count, "search", "write")
    return _one(k, [f"%now{n}" for n in range(vectors)])


def _one(k: Kernel, offsets: list[str]) -> str:
    """Zeros, and a one at each lane's place."""
    w = k.w
    w.label("write")
    out, count = k.word(Word.OUT), k.word(Word.OUTPUTS, "i64")
    k.begin("ones", "o", "write")
    here = k.splat("%o", "i64")
    for n, place in enumerate(offsets):
        same = w.emit(f"icmp eq {k.integer} {place}, {here}")
        k.store(k.select(same, "splat (double 1.0)", "zeroinitializer"), out, "%o", n)
    k.again("o", count, "ones", "exit")
    return k.finish()


def copy(name: str, width: int, lanes: int, *, into: bool) -> str:
    """A block's lanes of each entry from a table of all lanes, or to one.

    The table's entries are `TERMS` numbers apart.
    """
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    out, a = k.word(Word.OUT), k.word(Word.P0)
    count, apart = k.word(Word.OUTPUTS, "i64"), k.word(Word.TERMS, "i64")
    first = w.emit(f"mul i64 %block, {k.lanes}")
    k.begin("loop")
    row = w.emit(f"mul i64 %i, {apart}")
    begin = w.emit(f"add i64 {row}, {first}")
    for n in range(vectors):
        at = w.emit(f"add i64 {begin}, {n * width}")
        far = k.at(a if into else out, at)
        if into:
            k.store(w.emit(f"load {k.kind}, ptr {far}, align 8"), out, "%i", n)
        else:
            w.line(f"store {k.kind} {k.load(a, '%i', n)}, ptr {far}, align 8")
    k.again("i", count, "loop", "exit")
    return k.finish()


def pick(name: str, width: int, lanes: int) -> str:
    """Entries of a table at places that lanes say: ``a[o * TERMS + b[lane]]``."""
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    out, a, b = k.word(Word.OUT), k.word(Word.P0), k.word(Word.P1)
    count, apart = k.word(Word.OUTPUTS, "i64"), k.word(Word.TERMS, "i64")
    first = w.emit(f"mul i64 %block, {k.lanes}")
    offsets = []
    for n in range(vectors):
        at = w.emit(f"add i64 {first}, {n * width}")
        pointer = w.emit(f"getelementptr i64, ptr {b}, i64 {at}")
        offsets.append(w.emit(f"load {k.integer}, ptr {pointer}, align 8"))
    k.begin("loop")
    row = k.at(a, w.emit(f"mul i64 %i, {apart}"))
    for n in range(vectors):
        at = w.emit(f"getelementptr double, ptr {row}, {k.integer} {offsets[n]}")
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
    return k.finish()
