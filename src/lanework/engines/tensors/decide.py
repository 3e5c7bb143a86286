"""One entry of each lane, as a tensor of zeros and a one."""

from __future__ import annotations

from lanework.engines.tensors.layout import Word
from lanework.engines.tensors.writer import Kernel


def choose(name: str, width: int, lanes: int) -> str:
    """The largest entry; the first of several."""
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    a, count = k.word(Word.P0), k.word(Word.OUTPUTS, "i64")
    w.line("br label %search")
    w.label("search")
    w.line("%i = phi i64 [ 0, %entry ], [ %i.next, %search ]")
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


def draw(name: str, width: int, lanes: int) -> str:
    """An entry with a chance in proportion to its size, by a number from 0 to 1 of each lane."""
    k = Kernel(name, width, lanes)
    w, width, vectors = k.w, k.width, k.vectors
    a, b, count = k.word(Word.P0), k.word(Word.P1), k.word(Word.OUTPUTS, "i64")
    first = w.emit(f"mul i64 %block, {k.lanes}")
    w.line("br label %sums")
    w.label("sums")
    w.line("%i = phi i64 [ 0, %entry ], [ %i.next, %sums ]")
    for n in range(vectors):
        w.line(f"%sum{n} = phi {k.kind} [ zeroinitializer, %entry ], [ %new{n}, %sums ]")
    for n in range(vectors):
        w.line(f"%new{n} = fadd {k.kind} %sum{n}, {k.load(a, '%i', n)}")
    k.again("i", count, "sums", "bound")
    w.label("bound")
    bounds = []
    for n in range(vectors):
        at = w.emit(f"add i64 {first}, {n * width}")
        chance = w.emit(
            f"load {k.kind}, ptr {w.emit(f'getelementptr double, ptr {b}, i64 {at}')}, align 8"
        )
        bounds.append(w.emit(f"fmul {k.kind} {chance}, %new{n}"))
    w.line("br label %search")
    w.label("search")
    w.line("%j = phi i64 [ 0, %bound ], [ %j.next, %search ]")
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


def _one(k: Kernel, places: list[str]) -> str:
    """Zeros, and a one at each lane's place."""
    w = k.w
    w.label("write")
    out, count = k.word(Word.OUT), k.word(Word.OUTPUTS, "i64")
    w.line("br label %ones")
    w.label("ones")
    w.line("%o = phi i64 [ 0, %write ], [ %o.next, %ones ]")
    here = k.splat("%o", "i64")
    for n, place in enumerate(places):
        same = w.emit(f"icmp eq {k.integer} {place}, {here}")
        k.store(k.select(same, "splat (double 1.0)", "zeroinitializer"), out, "%o", n)
    k.again("o", count, "ones", "exit")
    w.label("exit")
    w.line("ret void")
    return k.text()
