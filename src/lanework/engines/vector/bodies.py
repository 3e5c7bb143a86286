"""What each vector instruction does, as LLVM IR.

A stencil is a function of the frame, the nest's memory and dimensions, the period and the lane;
values come and go in vector registers. Ops are those of the one table; the rest moves values
between registers and memory, shifts them in time, folds, and looks up.

Masks are values that hold where the lane, as an integer, is negative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lanework.core.arith import ARITH
from lanework.core.op import Op
from lanework.engines.llvm_ir import constant, emit_graph, suffix
from lanework.engines.loops import COLUMNS
from lanework.engines.vector.bodywriter import BodyWriter
from lanework.engines.vector.isa import FRAME_HEAD, Word

NAN = float("nan")


Write = Callable[..., str | None]


@dataclass(frozen=True)
class Body:
    """A vector instruction: how many values it takes, whether it makes one, how it is written.

    `write(writer, *values)` returns the name of what it makes.
    """

    name: str
    arity: int
    makes: bool
    write: Write = field(repr=False)


BODIES: dict[str, Body] = {}


def _body(arity: int, *, makes: bool = True) -> Callable[[Write], Write]:
    def note(write: Write) -> Write:
        name = write.__name__.rstrip("_")
        BODIES[name] = Body(name, arity, makes, write)
        return write

    return note


# Frame --------------------------------------------------------------------------------------------


@_body(0)
def load(w: BodyWriter) -> str:
    """A value from its place in the frame."""
    pointer = w.at("%frame", w.hole("slot"))
    return w.emit(f"load {w.kind}, ptr {pointer}, align {w.level.bytes}")


@_body(1, makes=False)
def store(w: BodyWriter, a: str) -> None:
    """A value to its place in the frame, or to that of another value."""
    w.line(f"store {w.kind} {a}, ptr {w.at('%frame', w.hole('slot'))}, align {w.level.bytes}")


@_body(1)
def move(w: BodyWriter, a: str) -> str:
    """The same value once more."""
    return a


@_body(0)
def number(w: BodyWriter) -> str:
    """The constant at the first number."""
    table = w.frame_word(Word.CONSTANTS, "ptr")
    return w.splat(w.emit(f"load double, ptr {w.at(table, w.hole('n1'))}"), "double")


# Lanes --------------------------------------------------------------------------------------------


@_body(0)
def mask(w: BodyWriter) -> str:
    """Which lanes of the block there are."""
    places = ", ".join(f"i64 {i}" for i in range(w.width))
    beyond = w.emit(f"sub i64 {w.lane()}, {w.frame_word(Word.LANE_END)}")
    return w.value(w.emit(f"add {w.whole} {w.splat(beyond, 'i64')}, <{places}>"))


@_body(1)
def order(w: BodyWriter, mask: str) -> str:
    """The numbers of the block's lanes, as integers."""
    first = w.at(w.frame_word(Word.ORDER, "ptr"), w.lane(), "i64")
    return w.value(w.masked_load(first, w.holds(mask), "i64"))


@_body(0)
def scalar(w: BodyWriter) -> str:
    """A column of one number."""
    return w.splat(w.emit(f"load double, ptr {w.slot()}"), "double")


@_body(1)
def lanes(w: BodyWriter, mask: str) -> str:
    """A column over lanes."""
    return w.masked_load(w.at(w.slot(), w.lane(), "double"), w.holds(mask))


@_body(2)
def lanes_by(w: BodyWriter, mask: str, order: str) -> str:
    """A column over lanes, in another order."""
    return w.gather(w.slot(), w.bits(order), w.holds(mask))


@_body(0)
def over_time(w: BodyWriter) -> str:
    """A column over time, now."""
    return w.splat(w.emit(f"load double, ptr {w.at(w.slot(), '%t', 'double')}"), "double")


@_body(0)
def over_time_at(w: BodyWriter) -> str:
    """A column over time, the second number of periods earlier."""
    at = w.at(w.slot(), w.earlier(), "double")
    return w.splat(w.emit(f"load double, ptr {at}"), "double")


def _row(w: BodyWriter, period: str) -> str:
    offset = w.emit(f"mul i64 {period}, {w.stride()}")
    return w.at(w.slot(), offset, "double")


@_body(1)
def both(w: BodyWriter, mask: str) -> str:
    """A column over time and lanes, now."""
    return w.masked_load(w.at(_row(w, "%t"), w.lane(), "double"), w.holds(mask))


@_body(2)
def both_by(w: BodyWriter, mask: str, order: str) -> str:
    """The same in another order of lanes."""
    return w.gather(_row(w, "%t"), w.bits(order), w.holds(mask))


@_body(1)
def both_at(w: BodyWriter, mask: str) -> str:
    """A column over time and lanes, the second number of periods earlier."""
    return w.masked_load(w.at(_row(w, w.earlier()), w.lane(), "double"), w.holds(mask))


@_body(2)
def both_at_by(w: BodyWriter, mask: str, order: str) -> str:
    """The same in another order of lanes."""
    return w.gather(_row(w, w.earlier()), w.bits(order), w.holds(mask))


# Time ---------------------------------------------------------------------------------------------


@_body(0)
def period(w: BodyWriter) -> str:
    """The period's number."""
    return w.moment()


@_body(0)
def period_at(w: BodyWriter) -> str:
    """The number of the period that lies the second number before this one."""
    return w.moment(w.emit(f"sub i64 0, {w.hole('n2')}"))


@_body(0)
def whole_length(w: BodyWriter) -> str:
    """T."""
    return w.splat(w.emit(f"sitofp i64 {w.periods()} to double"), "double")


@_body(2)
def length(w: BodyWriter, horizon: str, mask: str) -> str:
    """How many periods lanes have: the horizon's floor, at least 0 and at most T."""
    name = f"llvm.floor.{suffix('f64', w.width)}"
    whole = w.intrinsic(name, w.kind, [(w.kind, horizon)])
    zero = w.number(0.0)
    some = w.emit(f"and {w.test} {w.compare('ogt', whole, zero)}, {w.holds(mask)}")
    whole = w.select(some, whole, zero)
    top = w.splat(w.emit(f"sitofp i64 {w.periods()} to double"), "double")
    return w.select(w.compare("olt", whole, top), whole, top)


@_body(1, makes=False)
def longest(w: BodyWriter, length: str) -> None:
    """Let the blocks run for as long as the longest lane."""
    name = f"llvm.vector.reduce.fmax.{suffix('f64', w.width)}"
    most = w.intrinsic(name, "double", [(w.kind, length)])
    steps = w.emit(f"fptosi double {most} to i64")
    known = w.frame_word(Word.STEPS)
    more = w.intrinsic("llvm.smax.i64", "i64", [("i64", steps), ("i64", known)])
    w.line(f"store i64 {more}, ptr {w.at('%frame', str(int(Word.STEPS)), 'i64')}")


@_body(1)
def active(w: BodyWriter, length: str) -> str:
    """Which lanes still run."""
    return w.mask(w.compare("olt", w.moment(), length))


@_body(2)
def since(w: BodyWriter, a: str, b: str) -> str:
    """A from the period on that the first number says, b before."""
    return w.choose(w.emit(f"icmp sge i64 %t, {w.hole('n1')}"), a, b)


@_body(3)
def ahead(w: BodyWriter, a: str, b: str, length: str) -> str:
    """A where the period that lies the first number ahead exists, else b."""
    return w.select(w.compare("olt", w.moment(w.hole("n1")), length), a, b)


@_body(2)
def in_period(w: BodyWriter, a: str, b: str) -> str:
    """A in the period that the first number says, else b."""
    return w.choose(w.emit(f"icmp eq i64 %t, {w.hole('n1')}"), a, b)


@_body(3)
def where(w: BodyWriter, mask: str, a: str, b: str) -> str:
    """A in the lanes of a mask, else b."""
    return w.select(w.holds(mask), a, b)


def _saved(w: BodyWriter, period: str) -> str:
    first = w.emit(f"mul i64 {w.hole('n1')}, {w.periods()}")
    row = w.emit(f"add i64 {first}, {period}")
    lanes = w.emit(f"mul i64 {row}, {w.hole('reach')}")
    place = w.emit(f"add i64 {lanes}, {w.hole('block')}")
    return w.at(w.frame_word(Word.SAVED, "ptr"), place, "double")


@_body(1, makes=False)
def save(w: BodyWriter, a: str) -> None:
    """Keep a value of this period in the row that the first number says."""
    w.line(f"store {w.kind} {a}, ptr {_saved(w, '%t')}, align {w.level.bytes}")


@_body(0)
def saved(w: BodyWriter) -> str:
    """A kept value of this period."""
    return w.emit(f"load {w.kind}, ptr {_saved(w, '%t')}, align {w.level.bytes}")


@_body(0)
def saved_at(w: BodyWriter) -> str:
    """A kept value, the second number of periods earlier."""
    return w.emit(f"load {w.kind}, ptr {_saved(w, w.earlier())}, align {w.level.bytes}")


# Tables -------------------------------------------------------------------------------------------


def _place(w: BodyWriter, key: str, base: str) -> str:
    moved = w.emit(f"fsub {w.kind} {key}, {base}")
    return w.intrinsic(f"llvm.floor.{suffix('f64', w.width)}", w.kind, [(w.kind, moved)])


@_body(3)
def key_clamped(w: BodyWriter, key: str, base: str, high: str) -> str:
    """The place of a key in a table's dimension, the nearest there is; NaN for NaN."""
    place = _place(w, key, base)
    good = w.compare("ord", place, place)
    low = w.number(0.0)
    place = w.select(w.compare("ogt", place, low), place, low)
    place = w.select(w.compare("olt", place, high), place, high)
    return w.select(good, place, w.number(NAN))


@_body(3)
def key_strict(w: BodyWriter, key: str, base: str, high: str) -> str:
    """The place of a key in a table's dimension; NaN where there is none."""
    place = _place(w, key, base)
    above, below = w.compare("oge", place, w.number(0.0)), w.compare("ole", place, high)
    return w.select(w.emit(f"and {w.test} {above}, {below}"), place, w.number(NAN))


@_body(1)
def element(w: BodyWriter, place: str) -> str:
    """The table's element at a place; NaN for NaN."""
    good = w.compare("ord", place, place)
    there = w.select(good, place, w.number(0.0))
    index = w.emit(f"fptosi {w.kind} {there} to {w.whole}")
    return w.select(good, w.gather(w.slot(), index, good), w.number(NAN))


def _mark(w: BodyWriter, bad: str) -> None:
    """Mark the unit if a condition holds in a lane."""
    found = w.emit(f"bitcast {w.test} {bad} to i{w.width}")
    w.line(f"br i1 {w.emit(f'icmp ne i{w.width} {found}, 0')}, label %bad, label %good")
    w.label("bad")
    w.line(f"store i64 1, ptr {w.frame_word(Word.FAULT, 'ptr')}")
    w.line("br label %good")
    w.label("good")


@_body(2, makes=False)
def flag(w: BodyWriter, a: str, mask: str) -> None:
    """Mark the unit if a lane of a mask is NaN."""
    _mark(w, w.emit(f"and {w.test} {w.compare('uno', a, a)}, {w.holds(mask)}"))


@_body(2, makes=False)
def flag_either(w: BodyWriter, a: str, b: str) -> None:
    """Mark the unit if a lane is NaN in one of two values."""
    _mark(w, w.compare("uno", a, b))


@_body(2)
def halve(w: BodyWriter, place: str, key: str) -> str:
    """Go on by the second number of knots if that knot exists (of the third) and is not above."""
    at = w.bits(place)
    ahead = w.emit(f"add {w.whole} {at}, {w.splat(w.hole('n2'), 'i64')}")
    exists = w.emit(f"icmp slt {w.whole} {ahead}, {w.splat(w.hole('n3'), 'i64')}")
    knot = w.gather(w.slot(), ahead, exists)
    reached = w.emit(f"and {w.test} {exists}, {w.compare('ole', knot, key)}")
    return w.value(w.emit(f"select {w.test} {reached}, {w.whole} {ahead}, {w.whole} {at}"))


@_body(2)
def line(w: BodyWriter, place: str, key: str) -> str:
    """The value on the line from a knot to the next; the second number is how many there are."""
    size, last = w.hole("n2"), w.splat(w.hole("n3"), "i64")
    at = w.bits(place)
    inside = w.emit(f"icmp slt {w.whole} {at}, {last}")
    at = w.emit(f"select {w.test} {inside}, {w.whole} {at}, {w.whole} {last}")
    more = w.emit(f"icmp sgt i64 {size}, 1")
    after = w.emit(f"add {w.whole} {at}, {w.splat(w.emit(f'zext i1 {more} to i64'), 'i64')}")
    table, every = w.slot(), constant(True, "bool", w.width)
    values = w.at(table, size, "double")
    x0, x1 = w.gather(table, at, every), w.gather(table, after, every)
    y0, y1 = w.gather(values, at, every), w.gather(values, after, every)
    run = w.emit(f"fsub {w.kind} {x1}, {x0}")
    rise = w.emit(f"fsub {w.kind} {y1}, {y0}")
    slope = w.emit(f"fdiv {w.kind} {rise}, {run}")
    along = w.emit(f"fsub {w.kind} {key}, {x0}")
    value = w.emit(f"fadd {w.kind} {y0}, {w.emit(f'fmul {w.kind} {along}, {slope}')}")
    value = w.select(w.compare("oge", key, x1), y1, value)
    value = w.select(w.compare("ole", key, x0), y0, value)
    return w.select(w.compare("ord", key, key), value, w.number(NAN))


# Results ------------------------------------------------------------------------------------------


@_body(2, makes=False)
def put(w: BodyWriter, a: str, mask: str) -> None:
    """A value of this period to memory over time and lanes."""
    w.masked_store(a, w.at(_row(w, "%t"), w.lane(), "double"), w.holds(mask))


@_body(3, makes=False)
def put_by(w: BodyWriter, a: str, mask: str, order: str) -> None:
    """The same in another order of lanes."""
    w.scatter(a, _row(w, "%t"), order, w.holds(mask))


@_body(2, makes=False)
def put_lanes(w: BodyWriter, a: str, mask: str) -> None:
    """A value to memory over lanes."""
    w.masked_store(a, w.at(w.slot(), w.lane(), "double"), w.holds(mask))


@_body(3, makes=False)
def put_lanes_by(w: BodyWriter, a: str, mask: str, order: str) -> None:
    """The same in another order of lanes."""
    w.scatter(a, w.slot(), order, w.holds(mask))


@_body(1, makes=False)
def put_time(w: BodyWriter, a: str) -> None:
    """A value that is the same in all lanes to memory over time."""
    one = w.emit(f"extractelement {w.kind} {a}, i64 0")
    w.line(f"store double {one}, ptr {w.at(w.slot(), '%t', 'double')}")


@_body(1, makes=False)
def put_scalar(w: BodyWriter, a: str) -> None:
    """A value that is the same in all lanes to memory."""
    one = w.emit(f"extractelement {w.kind} {a}, i64 0")
    w.line(f"store double {one}, ptr {w.slot()}")


def _add_total(w: BodyWriter, a: str, mask: str, row: str) -> None:
    """Add lanes to the running totals of a row; a block's lanes lie side by side in it."""
    first = w.emit(f"mul i64 {row}, {COLUMNS}")
    column = w.emit(f"and i64 {w.lane()}, {COLUMNS - 1}")
    place = w.emit(f"add i64 {first}, {column}")
    pointer = w.at(w.frame_word(Word.TOTALS, "ptr"), place, "double")
    added = w.select(w.holds(mask), a, w.number(0.0))
    old = w.emit(f"load {w.kind}, ptr {pointer}, align 8")
    w.line(f"store {w.kind} {w.emit(f'fadd {w.kind} {old}, {added}')}, ptr {pointer}, align 8")


@_body(2, makes=False)
def total(w: BodyWriter, a: str, mask: str) -> None:
    """Add a value of this period to its totals over lanes."""
    row = w.emit(f"mul i64 {w.hole('n1')}, {w.periods()}")
    _add_total(w, a, mask, w.emit(f"add i64 {row}, %t"))


@_body(2, makes=False)
def total_flat(w: BodyWriter, a: str, mask: str) -> None:
    """Add a value to its total over lanes; totals over time, the first number, come before it."""
    row = w.emit(f"mul i64 {w.hole('n1')}, {w.periods()}")
    _add_total(w, a, mask, w.emit(f"add i64 {row}, {w.hole('n2')}"))


def _op(op: Op) -> Body:
    graph = op.graph("f64")

    def write(w: BodyWriter, *values: str) -> str:
        return emit_graph(w, graph, list(values), w.width)

    return Body(op.name, len(graph.dtypes), True, write)


assert not BODIES.keys() & ARITH.keys()
BODIES |= {name: _op(op) for name, op in ARITH.items()}
assert 8 * len(Word) <= FRAME_HEAD
