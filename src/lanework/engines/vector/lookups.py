"""Bodies of vector instructions that look up values in tables, and of those that mark faults.

A table's cells lie at its slot; one whose keys are interpolated has its knots before them. A key
that has no place is NaN, which `flag` reports.
"""

from __future__ import annotations

from collections.abc import Callable

from lanework.engines.llvm.ir import constant, suffix
from lanework.engines.loops import KEY_TOLERANCE
from lanework.engines.vector.body import NAN, Bodies, BodyWriter
from lanework.engines.vector.isa import Word

LOOKUPS = Bodies()


def _place(w: BodyWriter, key: str, base: str) -> str:
    moved = w.emit(f"fsub {w.kind} {key}, {base}")
    return w.intrinsic(f"llvm.floor.{suffix('f64', w.width)}", w.kind, [(w.kind, moved)])


def _integral(w: BodyWriter, key: str, inside: Callable[[], str] | None = None) -> str:
    """The whole number nearest to a key; NaN where it is not the same within the tolerance.

    That is looked into only where a lane has another number, and then counts `inside` alone.
    """
    f64 = suffix("f64", w.width)
    rounded = w.intrinsic(f"llvm.rint.{f64}", w.kind, [(w.kind, key)])
    bits = w.emit(f"bitcast {w.test} {w.compare('one', key, rounded)} to i{w.width}")
    w.line("br label %usual")
    w.label("usual")
    w.line(f"br i1 {w.emit(f'icmp ne i{w.width} {bits}, 0')}, label %seldom, label %both")
    w.label("seldom")
    off = w.intrinsic(
        f"llvm.fabs.{f64}", w.kind, [(w.kind, w.emit(f"fsub {w.kind} {key}, {rounded}"))]
    )
    size, one = w.intrinsic(f"llvm.fabs.{f64}", w.kind, [(w.kind, rounded)]), w.number(1.0)
    size = w.select(w.compare("ogt", size, one), size, one)
    far = w.compare("ogt", off, w.emit(f"fmul {w.kind} {size}, {w.number(KEY_TOLERANCE)}"))
    if inside is not None:
        far = w.emit(f"and {w.test} {far}, {inside()}")
    other = w.select(far, w.number(NAN), rounded)
    w.line("br label %both")
    w.label("both")
    return w.emit(f"phi {w.kind} [ {rounded}, %usual ], [ {other}, %seldom ]")


@LOOKUPS.note(3)
def key_clamped(w: BodyWriter, key: str, base: str, high: str) -> str:
    """The place of a key in a table's dimension, the nearest there is; NaN for NaN."""
    return _clamped(w, _place(w, key, base), high)


def _clamped(w: BodyWriter, place: str, high: str) -> str:
    good, low = w.compare("ord", place, place), w.number(0.0)
    place = w.select(w.compare("ogt", place, low), place, low)
    place = w.select(w.compare("olt", place, high), place, high)
    return w.select(good, place, w.number(NAN))


@LOOKUPS.note(3)
def key_strict(w: BodyWriter, key: str, base: str, high: str) -> str:
    """The place of a key in a table's dimension; NaN where there is none."""
    return _strict(w, _place(w, key, base), high)


def _strict(w: BodyWriter, place: str, high: str) -> str:
    above, below = w.compare("oge", place, w.number(0.0)), w.compare("ole", place, high)
    return w.select(w.emit(f"and {w.test} {above}, {below}"), place, w.number(NAN))


@LOOKUPS.note(3)
def exact_clamped(w: BodyWriter, key: str, base: str, high: str) -> str:
    """The place of a whole key, the nearest there is; NaN for NaN and between two places."""

    def inside() -> str:
        moved = w.emit(f"fsub {w.kind} {key}, {base}")
        above, below = w.compare("ogt", moved, w.number(0.0)), w.compare("olt", moved, high)
        return w.emit(f"and {w.test} {above}, {below}")

    rounded = _integral(w, key, inside)
    return _clamped(w, w.emit(f"fsub {w.kind} {rounded}, {base}"), high)


@LOOKUPS.note(3)
def exact_strict(w: BodyWriter, key: str, base: str, high: str) -> str:
    """The place of a whole key; NaN where there is none."""
    return _strict(w, w.emit(f"fsub {w.kind} {_integral(w, key)}, {base}"), high)


@LOOKUPS.note(1)
def element(w: BodyWriter, place: str) -> str:
    """The table's element at a place; NaN for NaN."""
    good = w.compare("ord", place, place)
    there = w.select(good, place, w.number(0.0))
    index = w.emit(f"fptosi {w.kind} {there} to {w.integer}")
    return w.select(good, w.gather(w.slot(), index, good), w.number(NAN))


def _mark(w: BodyWriter, bad: str) -> None:
    """Mark the unit if a condition holds in a lane."""
    bits = w.emit(f"bitcast {w.test} {bad} to i{w.width}")
    w.line(f"br i1 {w.emit(f'icmp ne i{w.width} {bits}, 0')}, label %bad, label %good")
    w.label("bad")
    w.line(f"store i64 1, ptr {w.frame_word(Word.FAULT, 'ptr')}")
    w.line("br label %good")
    w.label("good")


@LOOKUPS.note(2, makes=False)
def flag(w: BodyWriter, a: str, mask: str) -> None:
    """Mark the unit if a lane of a mask is NaN."""
    _mark(w, w.emit(f"and {w.test} {w.compare('uno', a, a)}, {w.holds(mask)}"))


@LOOKUPS.note(3, makes=False)
def flag_between(w: BodyWriter, place: str, key: str, mask: str) -> None:
    """Mark the unit if a lane of a mask has a key that is a number and has no place."""
    lost = w.emit(f"and {w.test} {w.compare('uno', place, place)}, {w.compare('ord', key, key)}")
    _mark(w, w.emit(f"and {w.test} {lost}, {w.holds(mask)}"))


@LOOKUPS.note(2, makes=False)
def flag_either(w: BodyWriter, a: str, b: str) -> None:
    """Mark the unit if a lane is NaN in one of two values."""
    _mark(w, w.compare("uno", a, b))


@LOOKUPS.note(2)
def halve(w: BodyWriter, place: str, key: str) -> str:
    """Go on by the second number of knots if that knot exists (of the third) and is not above."""
    at = w.bits(place)
    ahead = w.emit(f"add {w.integer} {at}, {w.splat(w.hole('n2'), 'i64')}")
    exists = w.emit(f"icmp slt {w.integer} {ahead}, {w.splat(w.hole('n3'), 'i64')}")
    knot = w.gather(w.slot(), ahead, exists)
    reached = w.emit(f"and {w.test} {exists}, {w.compare('ole', knot, key)}")
    return w.value(w.emit(f"select {w.test} {reached}, {w.integer} {ahead}, {w.integer} {at}"))


@LOOKUPS.note(2)
def line(w: BodyWriter, place: str, key: str) -> str:
    """The value on the line from a knot to the next; the second number is how many there are."""
    size, last = w.hole("n2"), w.splat(w.hole("n3"), "i64")
    at = w.bits(place)
    inside = w.emit(f"icmp slt {w.integer} {at}, {last}")
    at = w.emit(f"select {w.test} {inside}, {w.integer} {at}, {w.integer} {last}")
    more = w.emit(f"icmp sgt i64 {size}, 1")
    after = w.emit(f"add {w.integer} {at}, {w.splat(w.emit(f'zext i1 {more} to i64'), 'i64')}")
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
