"""Native kernels of tensor programs, a block of lanes at a time.

A tensor holds a vector of lanes for each of its entries, or one number where no lane changes it.
Where operands lie is said by lists of offsets: entry ``a[a0[o] + ae[k]]`` for output entry `o` and
term `k` of its sum. So one kernel does every contraction, at the speed of two loads a term.

All kernels are called with a record of words and the number of the block. Scaled sums multiply up
to ``m 2^e``, in two vectors of the record's last word, so that nothing underflows.
"""

from __future__ import annotations

import enum

from lanework.engines.llvm_ir import Writer

VECTORS = (1, 2, 4, 8)  # SIMD registers that a block of lanes may be wide


class Word(enum.IntEnum):
    """Words of a record."""

    KERNEL = 0  # its address
    OUT = 1
    A = 2
    B = 3
    A0 = 4  # offsets of operands for each output entry
    B0 = 5
    OUTPUTS = 6  # how many there are
    AE = 7  # and for each term of a sum
    BE = 8
    TERMS = 9
    COUNT = 10


class _Kernel:
    """Writes one kernel for blocks of so many vectors."""

    def __init__(self, name: str, width: int, vectors: int) -> None:
        self.w = Writer()
        self.name, self.width, self.vectors = name, width, vectors
        self.kind, self.lanes = f"<{width} x double>", width * vectors
        self.whole = f"<{width} x i64>"

    def word(self, word: Word, kind: str = "ptr") -> str:
        at = self.w.emit(f"getelementptr i64, ptr %record, i64 {int(word)}")
        return self.w.emit(f"load {kind}, ptr {at}")

    def offset(self, table: str, index: str) -> str:
        at = self.w.emit(f"getelementptr i32, ptr {table}, i64 {index}")
        return self.w.emit(f"zext i32 {self.w.emit(f'load i32, ptr {at}')} to i64")

    def vector(self, base: str, entry: str, n: int) -> str:
        """The address of a vector of an entry."""
        first = self.w.emit(f"mul i64 {entry}, {self.lanes}")
        at = self.w.emit(f"add i64 {first}, {n * self.width}")
        return self.w.emit(f"getelementptr double, ptr {base}, i64 {at}")

    def load(self, base: str, entry: str, n: int) -> str:
        return self.w.emit(f"load {self.kind}, ptr {self.vector(base, entry, n)}, align 8")

    def store(self, value: str, base: str, entry: str, n: int) -> None:
        self.w.line(f"store {self.kind} {value}, ptr {self.vector(base, entry, n)}, align 8")

    def splat(self, name: str) -> str:
        n = self.width
        one = self.w.emit(f"insertelement {self.kind} poison, double {name}, i64 0")
        return self.w.emit(
            f"shufflevector {self.kind} {one}, {self.kind} poison, <{n} x i32> zeroinitializer"
        )

    def text(self) -> str:
        body = "\n".join(self.w.lines)
        return f"define void @{self.name}(ptr %record, i64 %block) nounwind #0 {{\n{body}\n}}\n"


def _contract(name: str, width: int, vectors: int, *, spread: bool) -> str:
    """Sums of products; with `spread` the second operand has one number an entry."""
    k = _Kernel(name, width, vectors)
    w = k.w
    w.label("entry")
    out, a, b, a0, b0 = (k.word(n) for n in (Word.OUT, Word.A, Word.B, Word.A0, Word.B0))
    outputs, ae, be = k.word(Word.OUTPUTS, "i64"), k.word(Word.AE), k.word(Word.BE)
    terms = k.word(Word.TERMS, "i64")
    w.line("br label %outer")
    w.label("outer")
    w.line("%o = phi i64 [ 0, %entry ], [ %o.next, %done ]")
    first, second = k.offset(a0, "%o"), k.offset(b0, "%o")
    w.line("br label %inner")
    w.label("inner")
    w.line("%k = phi i64 [ 0, %outer ], [ %k.next, %inner ]")
    for n in range(vectors):
        w.line(f"%sum{n} = phi {k.kind} [ zeroinitializer, %outer ], [ %new{n}, %inner ]")
    at = w.emit(f"add i64 {first}, {k.offset(ae, '%k')}")
    other = w.emit(f"add i64 {second}, {k.offset(be, '%k')}")
    if spread:
        place = w.emit(f"getelementptr double, ptr {b}, i64 {other}")
        factor = k.splat(w.emit(f"load double, ptr {place}"))
    for n in range(vectors):
        y = factor if spread else k.load(b, other, n)
        product = w.emit(f"fmul {k.kind} {k.load(a, at, n)}, {y}")
        w.line(f"%new{n} = fadd {k.kind} %sum{n}, {product}")
    w.line("%k.next = add i64 %k, 1")
    w.line(f"%k.more = icmp ult i64 %k.next, {terms}")
    w.line("br i1 %k.more, label %inner, label %done")
    w.label("done")
    for n in range(vectors):
        k.store(f"%new{n}", out, "%o", n)
    w.line("%o.next = add i64 %o, 1")
    w.line(f"%o.more = icmp ult i64 %o.next, {outputs}")
    w.line("br i1 %o.more, label %outer, label %exit")
    w.label("exit")
    w.line("ret void")
    return k.text()


def _normalize(name: str, width: int, vectors: int, *, keep: bool) -> str:
    """A tensor over its sum in each lane; with `keep` the sum goes to the product of all sums."""
    k = _Kernel(name, width, vectors)
    w = k.w
    w.label("entry")
    out, a, scale = k.word(Word.OUT), k.word(Word.A), k.word(Word.B)
    count = k.word(Word.OUTPUTS, "i64")
    w.line("br label %sums")
    w.label("sums")
    w.line("%i = phi i64 [ 0, %entry ], [ %i.next, %sums ]")
    for n in range(vectors):
        w.line(f"%sum{n} = phi {k.kind} [ zeroinitializer, %entry ], [ %new{n}, %sums ]")
    for n in range(vectors):
        w.line(f"%new{n} = fadd {k.kind} %sum{n}, {k.load(a, '%i', n)}")
    w.line("%i.next = add i64 %i, 1")
    w.line(f"%i.more = icmp ult i64 %i.next, {count}")
    w.line("br i1 %i.more, label %sums, label %scale")
    w.label("scale")
    mask, one = f"<{width} x i1>", "splat (double 1.0)"
    inverse = []
    for n in range(vectors):
        some = w.emit(f"fcmp ogt {k.kind} %new{n}, zeroinitializer")
        safe = w.emit(f"select {mask} {some}, {k.kind} %new{n}, {k.kind} {one}")
        inverse.append(w.emit(f"fdiv {k.kind} {one}, {safe}"))
        if keep:
            product = w.emit(f"fmul {k.kind} {k.load(scale, '0', n)}, %new{n}")
            bits = w.emit(f"bitcast {k.kind} {product} to {k.whole}")
            exponent = w.emit(f"lshr {k.whole} {bits}, splat (i64 52)")
            small = w.emit(f"and {k.whole} {bits}, splat (i64 4503599627370495)")
            unit = w.emit(f"or {k.whole} {small}, splat (i64 4607182418800017408)")
            mantissa = w.emit(f"bitcast {k.whole} {unit} to {k.kind}")
            zero = w.emit(f"fcmp oeq {k.kind} {product}, zeroinitializer")
            moved = w.emit(f"sub {k.whole} {exponent}, splat (i64 1023)")
            number = w.emit(f"sitofp {k.whole} {moved} to {k.kind}")
            sum_ = w.emit(f"fadd {k.kind} {k.load(scale, '1', n)}, {number}")
            k.store(
                w.emit(f"select {mask} {zero}, {k.kind} {product}, {k.kind} {mantissa}"),
                scale, "0", n,
            )  # fmt: skip
            k.store(sum_, scale, "1", n)
    w.line("br label %divide")
    w.label("divide")
    w.line("%j = phi i64 [ 0, %scale ], [ %j.next, %divide ]")
    for n in range(vectors):
        k.store(w.emit(f"fmul {k.kind} {k.load(a, '%j', n)}, {inverse[n]}"), out, "%j", n)
    w.line("%j.next = add i64 %j, 1")
    w.line(f"%j.more = icmp ult i64 %j.next, {count}")
    w.line("br i1 %j.more, label %divide, label %exit")
    w.label("exit")
    w.line("ret void")
    return k.text()


def _copy(name: str, width: int, vectors: int, *, into: bool) -> str:
    """A block's lanes of each entry from a table of all lanes, or to one.

    The table's entries are `TERMS` numbers apart.
    """
    k = _Kernel(name, width, vectors)
    w = k.w
    w.label("entry")
    out, a = k.word(Word.OUT), k.word(Word.A)
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
    w.line("%i.next = add i64 %i, 1")
    w.line(f"%i.more = icmp ult i64 %i.next, {count}")
    w.line("br i1 %i.more, label %loop, label %exit")
    w.label("exit")
    w.line("ret void")
    return k.text()


def _pick(name: str, width: int, vectors: int) -> str:
    """Entries of a table at places that lanes say: ``a[o * TERMS + b[lane]]``."""
    k = _Kernel(name, width, vectors)
    w = k.w
    w.label("entry")
    out, a, b = k.word(Word.OUT), k.word(Word.A), k.word(Word.B)
    count, apart = k.word(Word.OUTPUTS, "i64"), k.word(Word.TERMS, "i64")
    first = w.emit(f"mul i64 %block, {k.lanes}")
    places = []
    for n in range(vectors):
        at = w.emit(f"add i64 {first}, {n * width}")
        pointer = w.emit(f"getelementptr i64, ptr {b}, i64 {at}")
        places.append(w.emit(f"load {k.whole}, ptr {pointer}, align 8"))
    w.line("br label %loop")
    w.label("loop")
    w.line("%i = phi i64 [ 0, %entry ], [ %i.next, %loop ]")
    row = w.emit(f"getelementptr double, ptr {a}, i64 {w.emit(f'mul i64 %i, {apart}')}")
    for n in range(vectors):
        at = w.emit(f"getelementptr double, ptr {row}, {k.whole} {places[n]}")
        found = w.intrinsic(
            f"llvm.masked.gather.v{width}f64.v{width}p0",
            k.kind,
            [
                (f"<{width} x ptr>", f"align 8 {at}"),
                (f"<{width} x i1>", "splat (i1 true)"),
                (k.kind, "poison"),
            ],
        )
        k.store(found, out, "%i", n)
    w.line("%i.next = add i64 %i, 1")
    w.line(f"%i.more = icmp ult i64 %i.next, {count}")
    w.line("br i1 %i.more, label %loop, label %exit")
    w.label("exit")
    w.line("ret void")
    return k.text()


_RUN = f"""
define void @tensors(ptr %records, i64 %count, i64 %first, i64 %after) nounwind {{
entry:
  br label %blocks
blocks:
  %block = phi i64 [ %first, %entry ], [ %block.next, %over ]
  %more = icmp slt i64 %block, %after
  br i1 %more, label %ops, label %exit
ops:
  %i = phi i64 [ 0, %blocks ], [ %i.next, %ops ]
  %at = mul i64 %i, {int(Word.COUNT)}
  %record = getelementptr i64, ptr %records, i64 %at
  %kernel = load ptr, ptr %record
  call void %kernel(ptr %record, i64 %block)
  %i.next = add i64 %i, 1
  %go = icmp ult i64 %i.next, %count
  br i1 %go, label %ops, label %over
over:
  %block.next = add i64 %block, 1
  br label %blocks
exit:
  ret void
}}
"""


def tensor_text(width: int) -> str:
    """All kernels for SIMD registers of `width` f64, and the loop over blocks and records."""
    gather = f"<{width} x double> @llvm.masked.gather.v{width}f64.v{width}p0"
    parts = [f"declare {gather}(<{width} x ptr>, <{width} x i1>, <{width} x double>)", _RUN]
    for n in VECTORS:
        parts += [
            _contract(f"contract_{n}", width, n, spread=False),
            _contract(f"contract_spread_{n}", width, n, spread=True),
            _normalize(f"normalize_{n}", width, n, keep=False),
            _normalize(f"rescale_{n}", width, n, keep=True),
            _copy(f"load_{n}", width, n, into=True),
            _copy(f"store_{n}", width, n, into=False),
            _pick(f"pick_{n}", width, n),
        ]
    wide = 64 * width
    attributes = f'"prefer-vector-width"="{wide}" "min-legal-vector-width"="{wide}"'
    return "\n".join([*parts, f"attributes #0 = {{ {attributes} }}"])
