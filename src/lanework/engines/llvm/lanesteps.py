"""How each step of a program of lanes is written as LLVM IR, for the lanes of a mask."""

from __future__ import annotations

from collections.abc import Callable

from lanework.base.rng import M0, M1, ROUNDS, W0, W1
from lanework.engines.lanes.program import (
    Arms,
    Blocks4,
    Compute,
    Copy,
    Fetch,
    Later,
    Load,
    Note,
    Peek,
    Refill,
    Store,
    Tally,
    Unless,
    Update,
    makes,
)
from lanework.engines.llvm.ir import type_of
from lanework.engines.llvm.masked import Masked, Rules
from lanework.engines.llvm.masks import signed


def _compute(writer: Masked, step: Compute) -> None:
    wide = step.dest in writer.shape.divergent
    value = writer.compute(step.graph, step.args, wide)
    dtype, width = step.graph.result.dtype, writer.width if wide else 1
    to = type_of(writer.word, width)
    if dtype == "f32":
        value = writer.as_word(value, width)
    elif dtype == "bool":
        value = writer.emit(f"zext {type_of('bool', width)} {value} to {to}")
    writer.write(step.dest, value)


def _copy(writer: Masked, step: Copy) -> None:
    wide = step.dest in writer.shape.divergent
    value = writer.read(step.source, wide=wide)
    if step.half:
        value = writer.as_half(value, writer.width if wide else 1)
    writer.write(step.dest, value)


def _address(writer: Masked, index: str, part: int = 0) -> str:
    return writer.emit(f"getelementptr i32, ptr {writer.place(part)}, i32 {index}")


def _load(writer: Masked, step: Load) -> None:
    if step.dest not in writer.shape.divergent:
        writer.write(step.dest, _load_one(writer, step))
        return
    if not writer.shape.varies(step.index):
        writer.write(step.dest, writer.splat(_load_one(writer, step), "i32"))
        return
    index, mask = writer.read(step.index, wide=True), writer.mask
    mask = mask if step.inside else _inside(writer, index, mask, "reads" if step.counted else "")
    first = writer.emit(f"extractelement {writer.kind} {index}, i64 0")
    row = _row(writer, index, mask, step.row)
    if row == "true":
        writer.write(step.dest, _load_row(writer, first, mask, step.part))
        return
    fast, slow, both = (writer.fresh(what) for what in ("row", "gather", "loaded"))
    _fork(writer, row, fast, slow)
    writer.label(fast)
    one = _load_row(writer, first, mask, step.part)
    writer.line(f"br label %{both}")
    writer.label(slow)
    n, pointer = writer.width, writer.place(step.part)
    at = writer.emit(f"getelementptr i32, ptr {pointer}, {writer.kind} {index}")
    name = f"llvm.masked.gather.v{n}i32.v{n}p0"
    pointers = (f"<{n} x ptr>", f"align 4 {at}")
    other = writer.intrinsic(
        name, writer.kind, [pointers, (writer.mask_kind, mask), (writer.kind, "zeroinitializer")]
    )
    writer.line(f"br label %{both}")
    writer.label(both)
    writer.write(
        step.dest, writer.emit(f"phi {writer.kind} [ {one}, %{fast} ], [ {other}, %{slow} ]")
    )


def _load_row(writer: Masked, first: str, mask: str, part: int) -> str:
    """Words in a row.

    LLVM makes one of a load and of what mixes it into a variable, and puts that where the latter
    is: behind what the block stores. With `freeze` between the two it does not.
    """
    words = writer.masked_load(_address(writer, first, part), mask, "i32")
    steps = writer.program.blocks[writer.block].steps
    stores = any(isinstance(each, Store | Update) for each in steps)
    return writer.emit(f"freeze {writer.kind} {words}") if stores else words


def _row(writer: Masked, index: str, mask: str, known: bool) -> str:
    """Whether lanes have their words in a row, which may be known."""
    return "true" if known else writer.rows.row(index, writer.mask) or writer.rows.look(index, mask)


def _fork(writer: Masked, row: str, fast: str, slow: str) -> None:
    """On to what is right for rows, which words mostly are in, or for any words."""
    other = writer.emit(f"xor i1 {row}, true")
    writer.line(f"br i1 {other}, label %{slow}, label %{fast}, !prof !0")


def _inside(writer: Masked, index: str, mask: str, what: str) -> str:
    """The lanes of a mask whose index is inside; the others are counted."""
    size = writer.splat(writer.size, "i32")
    ok = writer.emit(f"icmp ult {writer.kind} {index}, {size}")
    inside = writer.both(mask, ok)
    if what:
        out = writer.rest(mask, inside)
        _outside(writer, writer.count(out), what)
    return inside


def _outside(writer: Masked, number: str, what: str) -> None:
    old = writer.emit(f"load i64, ptr %{what}")
    writer.line(f"store i64 {writer.emit(f'add i64 {old}, {number}')}, ptr %{what}")


def _load_one(writer: Masked, step: Load) -> str:
    """The word that all lanes read."""
    index = writer.read(step.index, wide=False)
    if step.inside:
        return writer.emit(f"load i32, ptr {_address(writer, index, step.part)}")
    ok = writer.emit(f"icmp ult i32 {index}, {writer.size}")
    yes, no, both = (writer.fresh(what) for what in ("in", "out", "read"))
    writer.line(f"br i1 {ok}, label %{yes}, label %{no}")
    writer.label(yes)
    value = writer.emit(f"load i32, ptr {_address(writer, index, step.part)}")
    writer.line(f"br label %{both}")
    writer.label(no)
    if step.counted:
        _outside(writer, writer.count(writer.mask), "reads")
    writer.line(f"br label %{both}")
    writer.label(both)
    return writer.emit(f"phi i32 [ {value}, %{yes} ], [ 0, %{no} ]")


def _store(writer: Masked, step: Store) -> None:
    index, mask = writer.read(step.index, wide=True), writer.mask
    value = writer.read(step.source, wide=True)
    mask = mask if step.inside else _inside(writer, index, mask, "writes")
    first = writer.emit(f"extractelement {writer.kind} {index}, i64 0")
    row = _row(writer, index, mask, step.row)
    if row == "true":
        _store_row(writer, value, first, mask)
        return
    fast, slow, both = (writer.fresh(what) for what in ("row", "scatter", "stored"))
    _fork(writer, row, fast, slow)
    writer.label(fast)
    _store_row(writer, value, first, mask)
    writer.line(f"br label %{both}")
    writer.label(slow)
    _each(writer, mask, index, value, lambda at, one: f"store i32 {one}, ptr {at}")
    writer.line(f"br label %{both}")
    writer.label(both)


def _store_row(writer: Masked, value: str, first: str, mask: str) -> None:
    at = _address(writer, first)
    args = [(writer.kind, value), ("ptr", f"align 4 {at}"), (writer.mask_kind, mask)]
    writer.call(f"llvm.masked.store.v{writer.width}i32.p0", args)


def _update(writer: Masked, step: Update) -> None:
    """Each lane at once: other threads may be at the same word."""
    index, value = (writer.read(each, wide=True) for each in (step.index, step.source))
    mask = _inside(writer, index, writer.mask, "writes")

    def update(at: str, one: str) -> str:
        return f"{writer.name()} = atomicrmw {step.how} ptr {at}, i32 {one} monotonic, align 4"

    _each(writer, mask, index, value, update)


def _each(
    writer: Masked, mask: str, index: str, value: str, body: Callable[[str, str], str]
) -> None:
    """One lane of a mask after another: a line for its address and its word.

    A processor's own instructions for that are no quicker where few lanes are in the mask.
    """
    vectors = {"%indices": index, "%words": value}
    for name, vector in vectors.items():
        writer.aside[name] = writer.kind
        writer.line(f"store {writer.kind} {vector}, ptr {name}.aside")
    for first, bits in writer.words(mask):
        n, before = writer.together, writer.fresh("before")
        loop, one, end = (writer.fresh(what) for what in ("lanes", "lane", "all"))
        writer.line(f"br label %{before}")
        writer.label(before)
        writer.line(f"br label %{loop}")
        writer.label(loop)
        left, less = writer.name(), writer.name()
        writer.line(f"{left} = phi i{n} [ {bits}, %{before} ], [ {less}, %{one} ]")
        none = writer.emit(f"icmp eq i{n} {left}, 0")
        writer.line(f"br i1 {none}, label %{end}, label %{one}")
        writer.label(one)
        lane = writer.intrinsic(f"llvm.cttz.i{n}", f"i{n}", [(f"i{n}", left), ("i1", "true")])
        lane = writer.emit(f"add i64 {writer.as_i64(lane)}, {first}")
        words = [
            writer.emit(
                f"load i32, ptr {writer.emit(f'getelementptr i32, ptr {name}.aside, i64 {lane}')}"
            )
            for name in vectors
        ]
        writer.line(body(_address(writer, words[0]), words[1]))
        lower = writer.emit(f"sub i{n} {left}, 1")
        writer.line(f"{less} = and i{n} {left}, {lower}")
        writer.line(f"br label %{loop}")
        writer.label(end)


def _later(writer: Masked, step: Later) -> None:
    index, value = (writer.read(each, wide=True) for each in (step.index, step.source))
    mask = _inside(writer, index, writer.mask, "writes")
    writer.later(step, mask, (index, value, writer.age(step.after)))


def _note(writer: Masked, step: Note) -> None:
    value = writer.read(step.source, wide=True)
    writer.noted(step, writer.mask, (value, writer.age(step.after)))


def _arms(writer: Masked, step: Arms) -> None:
    """Count lanes of two ways, and what one has more of."""
    test = writer.emit(
        f"icmp ne {writer.kind} {writer.read(step.test, wide=True)}, zeroinitializer"
    )
    edge, _ = next(writer.arms)
    if edge in writer.counts.counted:
        writer.take(edge, writer.both(writer.mask, test))
    more = [counts.total() for counts in (step.taken, step.other)]
    if more[0] != more[1]:
        kind = writer.ages_kind
        one, other = (f"{kind} splat (i32 {each - min(more)})" for each in more)
        chosen = writer.emit(f"select {writer.mask_kind} {test}, {one}, {other}")
        before = writer.more
        writer.more = chosen if before is None else writer.emit(f"add {kind} {before}, {chosen}")


def _tally(writer: Masked, step: Tally) -> None:
    value = writer.read(step.test, wide=True)
    some = writer.emit(f"icmp ne {writer.kind} {value}, zeroinitializer")
    place = writer.tallies.setdefault(step.what, f"tally.{step.what}")
    _outside(writer, writer.count(writer.both(writer.mask, some)), place)


def _refill(writer: Masked, step: Refill) -> None:
    when = writer.read(step.when, wide=True)
    some = writer.emit(f"icmp ne {writer.kind} {when}, zeroinitializer")
    some = writer.any(writer.both(some, writer.mask))
    wanted = sorted(makes(step))
    old = {each: writer.read(each, wide=True) for each in wanted}
    before, body, end = (writer.fresh(what) for what in ("before", "fill", "filled"))
    writer.line(f"br label %{before}")
    writer.label(before)
    writer.line(f"br i1 {some}, label %{body}, label %{end}")
    writer.label(body)
    values = dict(writer.values)
    for inner in step.steps:
        writer.step(inner)
    new = {each: writer.read(each, wide=True) for each in wanted}
    last = writer.fresh("last")
    writer.line(f"br label %{last}")
    writer.label(last)
    writer.line(f"br label %{end}")
    writer.label(end)
    writer.values = values
    for each in wanted:
        phi = writer.emit(f"phi {writer.kind} [ {old[each]}, %{before} ], [ {new[each]}, %{last} ]")
        writer.write(each, phi)


def _philox(writer: Masked, step: Blocks4) -> None:
    """Four words of a block; see `base.rng`."""
    x = [writer.read(each, wide=True) for each in step.counter]
    keys = ["%key0", "%key1"]
    for _ in range(ROUNDS):
        (low0, high0), (low1, high1) = (
            _product(writer, x[0], int(M0)),
            _product(writer, x[2], int(M1)),
        )
        ks = [writer.splat(key, "i32") for key in keys]
        a = writer.emit(f"xor {writer.kind} {high1}, {x[1]}")
        b = writer.emit(f"xor {writer.kind} {high0}, {x[3]}")
        x[0], x[1] = writer.emit(f"xor {writer.kind} {a}, {ks[0]}"), low1
        x[2], x[3] = writer.emit(f"xor {writer.kind} {b}, {ks[1]}"), low0
        keys = [
            writer.emit(f"add i32 {key}, {signed(int(more))}")
            for key, more in zip(keys, (W0, W1), strict=True)
        ]
    for dest, value in zip(step.dests, x, strict=True):
        writer.write(dest, value)


def _product(writer: Masked, value: str, factor: int) -> tuple[str, str]:
    """The lower and upper halves of a product, even and odd lanes apart.

    Processors multiply every second word of a register to words of twice the width.
    """
    wide = f"<{writer.width // 2} x i64>"
    low, high = "splat (i64 4294967295)", "splat (i64 -4294967296)"
    pairs = writer.emit(f"bitcast {writer.kind} {value} to {wide}")
    even = writer.emit(f"and {wide} {pairs}, {low}")
    odd = writer.emit(f"lshr {wide} {pairs}, splat (i64 32)")
    one, other = (writer.emit(f"mul {wide} {each}, splat (i64 {factor})") for each in (even, odd))
    lower = writer.emit(f"and {wide} {one}, {low}")
    shifted = writer.emit(f"shl {wide} {other}, splat (i64 32)")
    upper = writer.emit(f"lshr {wide} {one}, splat (i64 32)")
    masked = writer.emit(f"and {wide} {other}, {high}")
    halves = (writer.emit(f"or {wide} {a}, {b}") for a, b in ((lower, shifted), (upper, masked)))
    first, second = (writer.emit(f"bitcast {wide} {each} to {writer.kind}") for each in halves)
    return first, second


def _peek(writer: Masked, step: Peek) -> None:
    wide = step.dest in writer.shape.divergent
    address, n = writer.read(step.address, wide=wide), writer.width
    if not wide:
        at = writer.emit(f"getelementptr i8, ptr {writer.pointer}, i64 {address}")
        writer.write(step.dest, writer.emit(f"load i64, ptr {at}, align 1"))
        return
    at = writer.emit(f"getelementptr i8, ptr {writer.pointer}, {writer.kind} {address}")
    args = [(f"<{n} x ptr>", f"align 1 {at}"), (writer.mask_kind, writer.mask)]
    args.append((writer.kind, "zeroinitializer"))
    name = f"llvm.masked.gather.v{n}i64.v{n}p0"
    writer.write(step.dest, writer.intrinsic(name, writer.kind, args))


def _unless(writer: Masked, step: Unless) -> None:
    wide = any(map(writer.shape.varies, step.args))
    test, on = writer.compute(step.graph, step.args, wide), writer.fresh("fine")
    if wide:
        test = writer.any(writer.both(test, writer.mask))
    writer.line(f"br i1 {test}, label %late, label %{on}, !prof !0")
    writer.label(on)


def _fetch(writer: Masked, step: Fetch) -> None:
    """Numbers for the lanes of the mask, one after another; their ages begin anew."""
    mask, kind, n = writer.mask, writer.kind, writer.width
    writer.fetched(mask)
    for place, of in (("%ages", "i32"), ("%elder", "i64")):
        vector = f"<{n} x {of}>"
        old = writer.emit(f"load {vector}, ptr {place}")
        new = writer.mixed(mask, "zeroinitializer", old, of)
        writer.line(f"store {vector} {new}, ptr {place}")
    ones = rank = writer.emit(f"zext {writer.mask_kind} {mask} to {kind}")
    step_ = 1
    while step_ < n:
        lanes = ", ".join(f"i32 {n if lane < step_ else lane - step_}" for lane in range(n))
        picked = f"<{n} x i32> <{lanes}>"
        moved = writer.emit(f"shufflevector {kind} {rank}, {kind} zeroinitializer, {picked}")
        rank = writer.emit(f"add {kind} {rank}, {moved}")
        step_ *= 2
    before = writer.emit("load i64, ptr %next")
    first = writer.splat(writer.emit(f"trunc i64 {before} to i32"), "i32")
    rank = writer.emit(f"sub {kind} {rank}, {ones}")
    writer.write(step.dest, writer.emit(f"add {kind} {rank}, {first}"))
    after = writer.emit(f"add i64 {before}, {writer.count(mask)}")
    writer.line(f"store i64 {after}, ptr %next")


RULES: Rules = {
    Compute: _compute,
    Copy: _copy,
    Load: _load,
    Store: _store,
    Update: _update,
    Later: _later,
    Note: _note,
    Arms: _arms,
    Tally: _tally,
    Refill: _refill,
    Blocks4: _philox,
    Peek: _peek,
    Unless: _unless,
    Fetch: _fetch,
}
"""How each step is written."""
