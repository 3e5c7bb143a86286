"""Bodies of vector instructions that bring values, and of those that write results.

Values come from the frame, from memory, from other periods. Masks are values that hold where the
lane, as an integer, is negative.
"""

from __future__ import annotations

from lanework.engines.kernel import COLUMNS
from lanework.engines.llvm.ir import suffix
from lanework.engines.vector.body import Bodies, BodyWriter, period_row
from lanework.engines.vector.isa import FRAME_HEAD, Word

VALUES = Bodies()
assert 8 * len(Word) <= FRAME_HEAD


# Frame --------------------------------------------------------------------------------------------


@VALUES.note(0)
def load(w: BodyWriter) -> str:
    """A value from its place in the frame."""
    pointer = w.at("%frame", w.hole("slot"))
    return w.emit(f"load {w.kind}, ptr {pointer}, align {w.level.bytes}")


@VALUES.note(1, makes=False)
def store(w: BodyWriter, a: str) -> None:
    """A value to its place in the frame, or to that of another value."""
    w.line(f"store {w.kind} {a}, ptr {w.at('%frame', w.hole('slot'))}, align {w.level.bytes}")


@VALUES.note(1)
def move(w: BodyWriter, a: str) -> str:
    """The same value once more."""
    return a


@VALUES.note(0)
def number(w: BodyWriter) -> str:
    """The constant at the first number."""
    table = w.frame_word(Word.CONSTANTS, "ptr")
    return w.splat(w.emit(f"load double, ptr {w.at(table, w.hole('n1'))}"), "double")


# Lanes --------------------------------------------------------------------------------------------


@VALUES.note(0)
def mask(w: BodyWriter) -> str:
    """Which lanes of the block there are."""
    numbers = ", ".join(f"i64 {i}" for i in range(w.width))
    beyond = w.emit(f"sub i64 {w.lane()}, {w.frame_word(Word.LANE_END)}")
    return w.value(w.emit(f"add {w.integer} {w.splat(beyond, 'i64')}, <{numbers}>"))


@VALUES.note(1)
def order(w: BodyWriter, mask: str) -> str:
    """The numbers of the block's lanes, as integers."""
    first = w.at(w.frame_word(Word.ORDER, "ptr"), w.lane(), "i64")
    return w.value(w.masked_load(first, w.holds(mask), "i64"))


@VALUES.note(0)
def scalar(w: BodyWriter) -> str:
    """A column of one number."""
    return w.splat(w.emit(f"load double, ptr {w.slot()}"), "double")


@VALUES.note(1)
def lanes(w: BodyWriter, mask: str) -> str:
    """A column over lanes."""
    return w.masked_load(w.at(w.slot(), w.lane(), "double"), w.holds(mask))


@VALUES.note(2)
def lanes_by(w: BodyWriter, mask: str, order: str) -> str:
    """A column over lanes, in another order."""
    return w.gather(w.slot(), w.bits(order), w.holds(mask))


@VALUES.note(0)
def over_time(w: BodyWriter) -> str:
    """A column over time, now."""
    return w.splat(w.emit(f"load double, ptr {w.at(w.slot(), '%t', 'double')}"), "double")


@VALUES.note(0)
def over_time_at(w: BodyWriter) -> str:
    """A column over time, the second number of periods earlier."""
    at = w.at(w.slot(), w.earlier(), "double")
    return w.splat(w.emit(f"load double, ptr {at}"), "double")


@VALUES.note(1)
def both(w: BodyWriter, mask: str) -> str:
    """A column over time and lanes, now."""
    return w.masked_load(w.at(period_row(w, "%t"), w.lane(), "double"), w.holds(mask))


@VALUES.note(2)
def both_by(w: BodyWriter, mask: str, order: str) -> str:
    """The same in another order of lanes."""
    return w.gather(period_row(w, "%t"), w.bits(order), w.holds(mask))


@VALUES.note(1)
def both_at(w: BodyWriter, mask: str) -> str:
    """A column over time and lanes, the second number of periods earlier."""
    return w.masked_load(w.at(period_row(w, w.earlier()), w.lane(), "double"), w.holds(mask))


@VALUES.note(2)
def both_at_by(w: BodyWriter, mask: str, order: str) -> str:
    """The same in another order of lanes."""
    return w.gather(period_row(w, w.earlier()), w.bits(order), w.holds(mask))


# Time ---------------------------------------------------------------------------------------------


@VALUES.note(0)
def period(w: BodyWriter) -> str:
    """The period's number."""
    return w.moment()


@VALUES.note(0)
def period_at(w: BodyWriter) -> str:
    """The number of the period that lies the second number before this one."""
    return w.moment(w.emit(f"sub i64 0, {w.hole('n2')}"))


@VALUES.note(0)
def whole_length(w: BodyWriter) -> str:
    """T."""
    return w.splat(w.emit(f"sitofp i64 {w.periods()} to double"), "double")


@VALUES.note(2)
def length(w: BodyWriter, horizon: str, mask: str) -> str:
    """How many periods lanes have: the horizon's floor, at least 0 and at most T."""
    name = f"llvm.floor.{suffix('f64', w.width)}"
    periods = w.intrinsic(name, w.kind, [(w.kind, horizon)])
    zero = w.number(0.0)
    some = w.emit(f"and {w.test} {w.compare('ogt', periods, zero)}, {w.holds(mask)}")
    periods = w.select(some, periods, zero)
    top = w.splat(w.emit(f"sitofp i64 {w.periods()} to double"), "double")
    return w.select(w.compare("olt", periods, top), periods, top)


@VALUES.note(1, makes=False)
def longest(w: BodyWriter, length: str) -> None:
    """Let the blocks run for as long as the longest lane."""
    name = f"llvm.vector.reduce.fmax.{suffix('f64', w.width)}"
    most = w.intrinsic(name, "double", [(w.kind, length)])
    steps = w.emit(f"fptosi double {most} to i64")
    known = w.frame_word(Word.STEPS)
    more = w.intrinsic("llvm.smax.i64", "i64", [("i64", steps), ("i64", known)])
    w.line(f"store i64 {more}, ptr {w.at('%frame', str(int(Word.STEPS)), 'i64')}")


@VALUES.note(1)
def active(w: BodyWriter, length: str) -> str:
    """Which lanes still run."""
    return w.mask(w.compare("olt", w.moment(), length))


@VALUES.note(2)
def since(w: BodyWriter, a: str, b: str) -> str:
    """A from the period on that the first number says, b before."""
    return w.choose(w.emit(f"icmp sge i64 %t, {w.hole('n1')}"), a, b)


@VALUES.note(3)
def ahead(w: BodyWriter, a: str, b: str, length: str) -> str:
    """A where the period that lies the first number ahead exists, else b."""
    return w.select(w.compare("olt", w.moment(w.hole("n1")), length), a, b)


@VALUES.note(2)
def in_period(w: BodyWriter, a: str, b: str) -> str:
    """A in the period that the first number says, else b."""
    return w.choose(w.emit(f"icmp eq i64 %t, {w.hole('n1')}"), a, b)


@VALUES.note(3)
def where(w: BodyWriter, mask: str, a: str, b: str) -> str:
    """A in the lanes of a mask, else b."""
    return w.select(w.holds(mask), a, b)


def _saved(w: BodyWriter, period: str) -> str:
    first = w.emit(f"mul i64 {w.hole('n1')}, {w.periods()}")
    row = w.emit(f"add i64 {first}, {period}")
    lanes = w.emit(f"mul i64 {row}, {w.hole('reach')}")
    place = w.emit(f"add i64 {lanes}, {w.hole('block')}")
    return w.at(w.frame_word(Word.SAVED, "ptr"), place, "double")


@VALUES.note(1, makes=False)
def save(w: BodyWriter, a: str) -> None:
    """Keep a value of this period in the row that the first number says."""
    w.line(f"store {w.kind} {a}, ptr {_saved(w, '%t')}, align {w.level.bytes}")


@VALUES.note(0)
def saved(w: BodyWriter) -> str:
    """A kept value of this period."""
    return w.emit(f"load {w.kind}, ptr {_saved(w, '%t')}, align {w.level.bytes}")


@VALUES.note(0)
def saved_at(w: BodyWriter) -> str:
    """A kept value, the second number of periods earlier."""
    return w.emit(f"load {w.kind}, ptr {_saved(w, w.earlier())}, align {w.level.bytes}")


# Results: columns, and totals over lanes ----------------------------------------------------------

RESULTS = Bodies()


@RESULTS.note(2, makes=False)
def put(w: BodyWriter, a: str, mask: str) -> None:
    """A value of this period to memory over time and lanes."""
    w.masked_store(a, w.at(period_row(w, "%t"), w.lane(), "double"), w.holds(mask))


@RESULTS.note(3, makes=False)
def put_by(w: BodyWriter, a: str, mask: str, order: str) -> None:
    """The same in another order of lanes."""
    w.scatter(a, period_row(w, "%t"), order, w.holds(mask))


@RESULTS.note(2, makes=False)
def put_lanes(w: BodyWriter, a: str, mask: str) -> None:
    """A value to memory over lanes."""
    w.masked_store(a, w.at(w.slot(), w.lane(), "double"), w.holds(mask))


@RESULTS.note(3, makes=False)
def put_lanes_by(w: BodyWriter, a: str, mask: str, order: str) -> None:
    """The same in another order of lanes."""
    w.scatter(a, w.slot(), order, w.holds(mask))


@RESULTS.note(1, makes=False)
def put_time(w: BodyWriter, a: str) -> None:
    """A value that is the same in all lanes to memory over time."""
    one = w.emit(f"extractelement {w.kind} {a}, i64 0")
    w.line(f"store double {one}, ptr {w.at(w.slot(), '%t', 'double')}")


@RESULTS.note(1, makes=False)
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


@RESULTS.note(2, makes=False)
def total(w: BodyWriter, a: str, mask: str) -> None:
    """Add a value of this period to its totals over lanes."""
    row = w.emit(f"mul i64 {w.hole('n1')}, {w.periods()}")
    _add_total(w, a, mask, w.emit(f"add i64 {row}, %t"))


@RESULTS.note(2, makes=False)
def total_flat(w: BodyWriter, a: str, mask: str) -> None:
    """Add a value to its total over lanes; totals over time, the first number, come before it."""
    row = w.emit(f"mul i64 {w.hole('n1')}, {w.periods()}")
    _add_total(w, a, mask, w.emit(f"add i64 {row}, {w.hole('n2')}"))
