"""From a loop nest to a tape of vector instructions.

What does not change is made once, what differs between lanes once a block, and a walk over time is
a piece of its own, at whose end is copied what the next period needs to where it looks for it.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from functools import cached_property
from typing import Any

from lanework.core.ops.bodies.arithmetic import add, max_, mul
from lanework.engines.loops import (
    Apply,
    Column,
    Ends,
    Fold,
    Interpolate,
    Lookup,
    LoopNest,
    Shift,
    Stage,
    Step,
    Store,
)
from lanework.engines.ordering import in_order
from lanework.engines.vector.isa import NONE, Kind
from lanework.engines.vector.tape import Tape

_bits = struct.Struct("<d").pack
ALL_ONES = b"\xff" * 8  # a mask of all lanes
_ZERO, _NAN = _bits(0.0), _bits(float("nan"))


class TapeWriter:
    """Writes one nest.

    Attributes:
        tape: the instructions.
        constants: the bit patterns of constants, by index.
        totals: where the slots of totals are: those over time, and those without.
    """

    def __init__(self, nest: LoopNest, numbers: dict[str, int], *, ordered: bool = False) -> None:
        self.nest, self.ordered = nest, ordered
        self.tape = Tape(numbers)
        self.constants: dict[bytes, int] = {}  # bit pattern -> value
        self.totals: tuple[list[int], list[int]] = ([], [])
        self._known: dict[int, int] = {}  # value of the nest -> value of the tape
        self._passing: list[int] = []  # the values of the nest that are known for one period only
        self._active: int | None = None
        self._walking = False
        self._ragged = nest.horizon is not None and nest.horizon in nest.varying
        self._nexts: list[tuple[int, int]] = []  # to, from: what the next period finds

    def write(self) -> Tape:
        """The whole nest."""
        nest, tape = self.nest, self.tape
        for store in nest.stores:
            if store.total:
                self.totals[0 if store.layout == "both" else 1].append(8 * store.slot)
        tested = nest.tested  # lanes that are not there were read as 0
        for first, second in zip(tested[::2], tested[1::2] + tested[-1:], strict=False):
            tape.act("flag_either", self.get(first), self.get(second), piece=tape.first)
        for stage in nest.stages:
            if stage.direction:
                self._walk(stage)
            else:
                tape.begin(Kind.BLOCK)
                for step in stage.steps:
                    self._known[step.target] = self._step(step)
        tape.begin(Kind.BLOCK)
        for store in nest.stores:
            if store.layout in ("lane", "scalar"):
                self._store(store)
        if len(tape.pieces) == 2:  # no walk over time
            tape.first.kind = Kind.FLAT
        return tape

    # Values -----------------------------------------------------------------------------------

    def constant(self, bits: bytes) -> int:
        """The value with this bit pattern in every lane."""
        value = self.constants.get(bits)
        if value is None:
            numbers = (8 * len(self.constants), 0, 0)
            value = self.tape.make("number", numbers=numbers, piece=self.tape.once)
            self.constants[bits] = value
        return value

    @cached_property
    def mask(self) -> int:
        """Which lanes of the block there are."""
        return self.tape.make("mask", varying=True, piece=self.tape.first)

    @cached_property
    def order(self) -> int:
        """The lanes' numbers; NONE if lanes run in the order in which they lie."""
        if not self.ordered:
            return NONE
        return self.tape.make("order", self.mask, piece=self.tape.first)

    @cached_property
    def length(self) -> int:
        """How many periods lanes have; the blocks run as long as the longest."""
        tape, horizon = self.tape, self.nest.horizon
        if horizon is None:
            return tape.make("whole_length", piece=tape.once)
        mask = self.mask if self._ragged else self.constant(ALL_ONES)
        value = tape.make("length", self.get(horizon), mask)
        tape.act("longest", value)
        return value

    def active(self) -> int:
        """Which lanes run now."""
        if not self._walking or not self._ragged:
            return self.mask
        if self._active is None:
            self._active = self.tape.make("active", self.length)
        return self._active

    def get(self, value: int) -> int:
        """A value of the nest as it is now."""
        known = self._known.get(value)
        return self._first(value) if known is None else known

    def _first(self, value: int) -> int:
        """A value that was not asked for before."""
        nest = self.nest
        if value in nest.constants:
            known = self.constant(_bits(nest.constants[value]))
        elif value in nest.periods:
            known = self.length
        elif self._still(value):
            known = self._column(nest.columns[value])
        elif value in nest.time:
            known = self.tape.make("period")
            self._passing.append(value)
        else:
            known = self._at(value, None)
            self._passing.append(value)
        self._known[value] = known
        return known

    def _still(self, value: int) -> bool:
        """Whether a column holds the same in all periods, as what is declared over time may."""
        column = self.nest.columns.get(value)
        return column is not None and column.layout in ("scalar", "lane")

    def _column(self, column: Column) -> int:
        tape, numbers = self.tape, (8 * column.slot, 0, 0)
        if column.layout == "scalar":
            return tape.make("scalar", numbers=numbers, piece=tape.once)
        name = "lanes_by" if self.ordered else "lanes"
        return tape.make(name, self.mask, self.order, numbers=numbers, piece=tape.first)

    def _at(self, value: int, lag: int | None) -> int:
        """A column or a saved value now, or some periods ago, as far as there are periods."""
        tape, column = self.tape, self.nest.columns.get(value)
        then, back = ("", 0) if lag is None else ("_at", lag & 0xFFFFFFFF)
        if column is None:
            numbers = (self.nest.saved[value], back, 0)
            varying = value in self.nest.varying
            return tape.make(f"saved{then}", numbers=numbers, varying=varying)
        numbers = (8 * column.slot, back, 0)
        if column.layout == "time":
            return tape.make(f"over_time{then}", numbers=numbers)
        name = f"both{then}_by" if self.ordered else f"both{then}"
        return tape.make(name, self.mask, self.order, numbers=numbers)

    # Walks ------------------------------------------------------------------------------------

    def _walk(self, stage: Stage) -> None:
        tape, nest = self.tape, self.nest
        tape.begin(Kind.BLOCK)
        if nest.horizon is not None:
            _ = self.length  # before the walk
        self._nexts = []
        chains = {
            step.target: self._chain(step)
            for step in stage.steps
            if type(step) is Shift and step.carried
        }
        folds = {step.target: self._fold_place(step) for step in stage.steps if type(step) is Fold}
        tape.begin(Kind.FORWARD if stage.direction > 0 else Kind.BACKWARD)
        self._walking, self._active = True, None
        known, saved = self._known, nest.saved
        ended: list[tuple[list[int], int]] = []
        stores = self._results(stage)
        for step in in_order(stage):
            target = step.target
            if type(step) is Fold:
                tape.store(self._fold(step, folds[target]), folds[target])
                continue
            if type(step) is Shift and step.carried:
                known[target] = self._carried(step, chains[target][-1])
                ended.append((chains[target], step.source))
            else:
                known[target] = self._step(step)
            self._passing.append(target)
            if target in saved:
                numbers = (saved[target], 0, 0)
                tape.act("save", known[target], numbers=numbers, varying=target in nest.varying)
            for store in stores.pop(target, ()):
                self._store(store)
        for store in itertools.chain(*stores.values()):
            self._store(store)
        for chain, source in ended:
            self._nexts += zip(chain, (self.get(source), *chain), strict=False)
        self._finish()
        self._walking = False
        for value in self._passing:
            del known[value]
        self._passing = []
        known.update(folds)

    def _results(self, stage: Stage) -> dict[int, list[Store]]:
        """What a walk writes over time, by value: it is written as soon as it is there."""
        stores: dict[int, list[Store]] = {}
        for store in self.nest.stores:
            timed = store.layout in ("time", "both")
            if timed and self.nest.stages[self.nest.home[store.value]] is stage:
                stores.setdefault(store.value, []).append(store)
        return stores

    def _finish(self) -> None:
        """Copy what the next period needs; what would be overwritten before is copied first."""
        late = {to for to, _ in self._nexts}
        moved = {value: self.tape.make("move", value) for _, value in self._nexts if value in late}
        for to, value in self._nexts:
            self.tape.store(moved.get(value, value), to)

    def _chain(self, step: Shift) -> list[int]:
        """Places for the last values of a row, the newest first, and what is there at first."""
        varying = step.target in self.nest.varying
        timed = step.fill in self.nest.timed
        start = self.constant(_ZERO) if timed else self.get(step.fill)
        chain = [self.tape.place(varying) for _ in range(abs(step.lag))]
        for place in chain:
            self.tape.store(start, place)
        return chain

    def _fold_place(self, step: Fold) -> int:
        place = self.tape.place(step.target in self.nest.varying)
        self.tape.store(self.constant(_ZERO if step.how == "sum" else _NAN), place)
        return place

    # Steps ------------------------------------------------------------------------------------

    def _step(self, step: Step) -> int:
        return STEPS[type(step)](self, step)

    def _apply(self, step: Apply) -> int:
        a, b, c = (*map(self.get, step.args), NONE, NONE)[:3]
        return self.tape.make(step.op.name, a, b, c)

    def _carried(self, step: Shift, value: int) -> int:
        """The oldest value of a chain, or the fill where there is none yet."""
        if step.fill not in self.nest.timed and not (step.lag < 0 and self._ragged):
            return value
        return self._inside(step, value)

    def _inside(self, step: Shift, value: int) -> int:
        """The value if period t - lag exists, else the fill."""
        fill = self.get(step.fill)
        if step.lag > 0:
            return self.tape.make("since", value, fill, numbers=(step.lag, 0, 0))
        return self.tape.make("ahead", value, fill, self.length, (-step.lag, 0, 0))

    def _shift(self, step: Shift) -> int:
        source = step.source
        if source in self.nest.time:
            value = self.tape.make("period_at", numbers=(0, step.lag & 0xFFFFFFFF, 0))
        elif source in self.nest.timed and (source not in self._known or source in self._passing):
            value = self.get(source) if self._still(source) else self._at(source, step.lag)
        else:
            value = self.get(source)
        return self._inside(step, value)

    def _lookup(self, step: Lookup) -> int:
        tape = self.tape
        index: int | None = None
        exact: list[tuple[int, int]] = []
        for key, dim in zip(step.keys, step.dims, strict=True):
            base, high = (self.constant(_bits(float(n))) for n in (dim.base, dim.size - 1))
            how = "exact" if dim.exact else "key"
            given = self.get(key)
            place = tape.make(f"{how}_{'clamped' if dim.clamp else 'strict'}", given, base, high)
            if dim.exact:
                exact.append((place, given))
            if index is not None:
                size = self.constant(_bits(float(dim.size)))
                place = tape.make(add.name, tape.make(mul.name, index, size), place)
            index = place
        assert index is not None
        value = tape.make("element", index, numbers=(8 * step.slot, 0, 0))
        if step.strict or exact:
            varying = step.target in self.nest.varying
            mask = self.active() if varying else self.constant(ALL_ONES)
            if step.strict:
                tape.act("flag", value, mask)
            for place, given in [] if step.strict else exact:
                tape.act("flag_between", place, given, mask)
        return value

    def _interpolate(self, step: Interpolate) -> int:
        key, slot = self.get(step.key), 8 * step.slot
        place = self.constant(_ZERO)
        reach = 1
        while reach * 2 < step.size:
            reach *= 2
        while reach >= 1:
            place = self.tape.make("halve", place, key, numbers=(slot, reach, step.size))
            reach //= 2
        last = max(step.size - 2, 0)
        return self.tape.make("line", place, key, numbers=(slot, step.size, last))

    def _ends(self, step: Ends) -> int:
        tape, given = self.tape, self.get(step.source)
        most = tape.make("whole_length", piece=tape.once)
        if step.most:
            most = tape.make(max_.name, most, self.constant(_bits(float(step.most))))
        value = tape.make("exact_strict", given, self.constant(_ZERO), most)
        varying = step.target in self.nest.varying
        tape.act("flag", value, self.mask if varying else self.constant(ALL_ONES))
        return value

    def _fold(self, step: Fold, old: int) -> int:
        value = FOLDS[step.how](self, step, old, self.get(step.source))
        if self._ragged and step.target in self.nest.varying:
            value = self.tape.make("where", self.active(), value, old)
        return value

    def _sum(self, step: Fold, old: int, now: int) -> int:
        return self.tape.make(add.name, old, now)

    def _joined(self, step: Fold, old: int, now: int) -> int:
        assert step.op is not None
        tape = self.tape
        return tape.make("in_period", now, tape.make(step.op.name, old, now))

    def _last(self, step: Fold, old: int, now: int) -> int:
        return now

    def _at_period(self, step: Fold, old: int, now: int) -> int:
        return self.tape.make("in_period", now, old, numbers=(step.period, 0, 0))

    # Results ----------------------------------------------------------------------------------

    def _store(self, store: Store) -> None:
        tape, value, slot = self.tape, self.get(store.value), 8 * store.slot
        timed = store.layout in ("time", "both")
        if store.total and timed:
            which = self.totals[0].index(slot)
            tape.act("total", value, self.active(), numbers=(which, 0, 0))
        elif store.total:
            numbers = (len(self.totals[0]), self.totals[1].index(slot), 0)
            tape.act("total_flat", value, self.active(), numbers=numbers)
        elif store.layout in ("time", "scalar"):
            tape.act(f"put_{store.layout}", value, numbers=(slot, 0, 0))
        else:
            name = ("put" if timed else "put_lanes") + ("_by" if self.ordered else "")
            tape.act(name, value, self.active(), self.order, numbers=(slot, 0, 0))


STEPS: dict[type[Step], Callable[[TapeWriter, Any], int]] = {
    Apply: TapeWriter._apply,
    Shift: TapeWriter._shift,
    Lookup: TapeWriter._lookup,
    Interpolate: TapeWriter._interpolate,
    Ends: TapeWriter._ends,
}
"""Steps that make a value by themselves; a `Fold` has one when its walk has ended."""

FOLDS: dict[str, Callable[[TapeWriter, Fold, int, int], int]] = {
    "sum": TapeWriter._sum,
    "fold": TapeWriter._joined,
    "last": TapeWriter._last,
    "at": TapeWriter._at_period,
}
"""What a fold makes of what it had and the value of a period."""
