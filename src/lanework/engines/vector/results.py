"""Bodies of vector instructions that write results: columns, and totals over lanes."""

from __future__ import annotations

from lanework.engines.kernel import COLUMNS
from lanework.engines.vector.body import Bodies, BodyWriter, period_row
from lanework.engines.vector.isa import Word

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
