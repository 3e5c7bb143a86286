"""From a loop nest to a tape of vector instructions.

What does not change is made once, what differs between lanes once a block, and a walk over time is
a piece of its own, at whose end is copied what the next period needs to where it looks for it.
"""

from __future__ import annotations

import struct

from lanework.engines.loops import (
    Apply,
    Column,
    Fold,
    Interpolate,
    Lookup,
    LoopNest,
    Shift,
    Stage,
    Step,
    Store,
)
from lanework.engines.vector.isa import Kind
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
        self._local: dict[int, int] = {}  # the same for one period
        self._places: dict[str, int] = {}  # mask, order, length: made when they are asked for
        self._active: int | None = None
        self._walking = False
        self._ragged = nest.horizon is not None and nest.horizon in nest.varying
        self._ends: list[tuple[int, int]] = []  # to, from: what the next period finds

    def write(self) -> Tape:
        """The whole nest."""
        nest, tape = self.nest, self.tape
        for store in nest.stores:
            if store.total:
                self.totals[0 if store.layout == "both" else 1].append(8 * store.slot)
        for value in nest.tested:
            tape.act("flag", (self.get(value), self.mask()), varying=True, piece=tape.first)
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
        return tape

    # Values -----------------------------------------------------------------------------------

    def constant(self, bits: bytes) -> int:
        """The value with this bit pattern in every lane."""
        found = self.constants.get(bits)
        if found is None:
            at = 8 * len(self.constants)
            found = self.constants[bits] = self.tape.make("number", n1=at, piece=self.tape.once)
        return found

    def mask(self) -> int:
        """Which lanes of the block there are."""
        found = self._places.get("mask")
        if found is None:
            found = self.tape.make("mask", varying=True, piece=self.tape.first)
            self._places["mask"] = found
        return found

    def order(self) -> tuple[int, ...]:
        """The lanes' numbers, if lanes run in another order than they lie."""
        if not self.ordered:
            return ()
        found = self._places.get("order")
        if found is None:
            found = self.tape.make("order", (self.mask(),), piece=self.tape.first)
            self._places["order"] = found
        return (found,)

    def length(self) -> int:
        """How many periods lanes have."""
        found = self._places.get("length")
        if found is None:
            horizon = self.nest.horizon
            if horizon is None:
                found = self.tape.make("whole_length", piece=self.tape.once)
            else:
                value = self.get(horizon)
                mask = self.mask() if self.tape.varying[value] else self.constant(ALL_ONES)
                found = self.tape.make("length", (value, mask))
                self.tape.act("longest", (found,), varying=bool(self.tape.varying[found]))
            self._places["length"] = found
        return found

    def active(self) -> int:
        """Which lanes run now."""
        if not self._walking or not self._ragged:
            return self.mask()
        if self._active is None:
            self._active = self.tape.make("active", (self.length(),))
        return self._active

    def get(self, value: int) -> int:
        """A value of the nest as it is now."""
        nest = self.nest
        found = self._local.get(value)
        if found is None:
            found = self._known.get(value)
        if found is not None:
            return found
        if value in nest.constants:
            found = self.constant(_bits(nest.constants[value]))
        elif value in nest.periods:
            found = self.length()
        elif value in nest.columns and nest.columns[value].layout in ("scalar", "lane"):
            found = self._column(nest.columns[value])
        elif not self._walking:
            raise KeyError(value)
        else:
            found = self._local[value] = self._now(value)
            return found
        self._known[value] = found
        return found

    def _column(self, column: Column) -> int:
        if column.layout == "scalar":
            return self.tape.make("scalar", n1=8 * column.slot, piece=self.tape.once)
        order = self.order()
        return self.tape.make(
            "lanes_by" if order else "lanes",
            (self.mask(), *order),
            8 * column.slot,
            piece=self.tape.first,
        )

    def _now(self, value: int) -> int:
        """What has a value for each period."""
        if value in self.nest.time:
            return self.tape.make("period")
        return self._at(value, None)

    def _at(self, value: int, lag: int | None) -> int:
        """A column or a saved value now, or some periods ago, as far as there are periods."""
        tape, column = self.tape, self.nest.columns.get(value)
        then, back = ("", 0) if lag is None else ("_at", lag)
        if column is None:
            varying = value in self.nest.varying
            return tape.make(f"saved{then}", (), self.nest.saved[value], back, varying=varying)
        slot = 8 * column.slot
        if column.layout == "time":
            return tape.make(f"over_time{then}", (), slot, back)
        order = self.order()
        name = f"both{then}_by" if order else f"both{then}"
        return tape.make(name, (self.mask(), *order), slot, back)

    # Walks ------------------------------------------------------------------------------------

    def _walk(self, stage: Stage) -> None:
        tape, nest = self.tape, self.nest
        tape.begin(Kind.BLOCK)
        if nest.horizon is not None:
            self.length()
        self._ends = []
        chains = {
            step.target: self._chain(step)
            for step in stage.steps
            if isinstance(step, Shift) and step.carried
        }
        folds = {step.target: self._fold_place(step) for step in stage.steps if type(step) is Fold}
        tape.begin(Kind.FORWARD if stage.direction > 0 else Kind.BACKWARD)
        self._walking, self._active, self._local = True, None, {}
        pending = []
        for step in stage.steps:
            if isinstance(step, Fold):
                self._ends.append((folds[step.target], self._fold(step, folds[step.target])))
                continue
            if isinstance(step, Shift) and step.carried:
                value = self._carried(step, chains[step.target][-1])
                pending.append((chains[step.target], step.source))
            else:
                value = self._step(step)
            self._local[step.target] = value
            if step.target in nest.saved:
                varying = step.target in nest.varying
                tape.act("save", (value,), nest.saved[step.target], varying=varying)
        for store in nest.stores:
            if store.layout in ("time", "both") and nest.stages[nest.home[store.value]] is stage:
                self._store(store)
        for chain, source in pending:
            self._ends += zip(chain, (self.get(source), *chain), strict=False)
        self._finish()
        self._walking, self._local = False, {}
        self._known |= folds

    def _finish(self) -> None:
        """Copy what the next period needs; what would be overwritten before is copied first."""
        places = {to for to, _ in self._ends}
        moved = {
            value: self.tape.make("move", (value,)) for _, value in self._ends if value in places
        }
        for to, value in self._ends:
            self.tape.store(moved.get(value, value), to)

    def _chain(self, step: Shift) -> list[int]:
        """Places for the last values of a row, the newest first, and what is there at first."""
        varying = step.target in self.nest.varying
        timed = step.fill in self.nest.timed
        start = self.constant(_ZERO) if timed else self.get(step.fill)
        chain = [self.tape.value(varying) for _ in range(abs(step.lag))]
        for place in chain:
            self.tape.store(start, place)
        return chain

    def _fold_place(self, step: Fold) -> int:
        place = self.tape.value(step.target in self.nest.varying)
        self.tape.store(self.constant(_ZERO if step.how == "sum" else _NAN), place)
        return place

    # Steps ------------------------------------------------------------------------------------

    def _step(self, step: Step) -> int:
        if isinstance(step, Apply):
            return self.tape.make(f"op_{step.op.name}", tuple(map(self.get, step.args)))
        if isinstance(step, Shift):
            return self._shift(step)
        if isinstance(step, Lookup):
            return self._lookup(step)
        assert isinstance(step, Interpolate)
        return self._interpolate(step)

    def _carried(self, step: Shift, value: int) -> int:
        """The oldest value of a chain, or the fill where there is none yet."""
        if step.fill not in self.nest.timed and not (step.lag < 0 and self._ragged):
            return value
        return self._inside(step, value)

    def _inside(self, step: Shift, value: int) -> int:
        """The value if period t - lag exists, else the fill."""
        fill = self.get(step.fill)
        if step.lag > 0:
            return self.tape.make("since", (value, fill), step.lag)
        return self.tape.make("ahead", (value, fill, self.length()), -step.lag)

    def _shift(self, step: Shift) -> int:
        source = step.source
        if source in self.nest.time:
            value = self.tape.make("period_at", (), 0, step.lag)
        elif source in self.nest.timed and source not in self._known:
            value = self._at(source, step.lag)
        else:
            value = self.get(source)
        return self._inside(step, value)

    def _lookup(self, step: Lookup) -> int:
        index: int | None = None
        for key, dim in zip(step.keys, step.dims, strict=True):
            base, high = (self.constant(_bits(float(n))) for n in (dim.base, dim.size - 1))
            name = "key_clamped" if dim.clamp else "key_strict"
            place = self.tape.make(name, (self.get(key), base, high))
            if index is not None:
                size = self.constant(_bits(float(dim.size)))
                index = self.tape.make("op_mul", (index, size))
                place = self.tape.make("op_add", (index, place))
            index = place
        assert index is not None
        value = self.tape.make("element", (index,), 8 * step.slot)
        if step.faults:
            varying = bool(self.tape.varying[value])
            mask = self.active() if varying else self.constant(ALL_ONES)
            self.tape.act("flag", (value, mask), varying=varying)
        return value

    def _interpolate(self, step: Interpolate) -> int:
        key, slot = self.get(step.key), 8 * step.slot
        place = self.constant(_ZERO)
        reach = 1
        while reach * 2 < step.size:
            reach *= 2
        while reach >= 1:
            place = self.tape.make("halve", (place, key), slot, reach, step.size)
            reach //= 2
        return self.tape.make("line", (place, key), slot, step.size, max(step.size - 2, 0))

    def _fold(self, step: Fold, old: int) -> int:
        tape, now = self.tape, self.get(step.source)
        varying = step.target in self.nest.varying
        if step.how == "sum":
            value = tape.make("op_add", (old, now))
        elif step.how == "last":
            value = now
        elif step.how == "at":
            value = tape.make("in_period", (now, old), step.period)
        else:
            assert step.op is not None
            value = tape.make("in_period", (now, tape.make(f"op_{step.op.name}", (old, now))), 0)
        if self._ragged and varying:
            value = tape.make("where", (self.active(), value, old))
        return value

    # Results ----------------------------------------------------------------------------------

    def _store(self, store: Store) -> None:
        tape, value, slot = self.tape, self.get(store.value), 8 * store.slot
        timed = store.layout in ("time", "both")
        if store.total:
            which = self.totals[0 if store.layout == "both" else 1].index(slot)
            if timed:
                tape.act("total", (value, self.active()), which, varying=True)
            else:
                before = len(self.totals[0])
                tape.act("total_flat", (value, self.active()), before, which, varying=True)
        elif store.layout in ("time", "scalar"):
            tape.act(f"put_{store.layout}", (value,), slot, varying=False)
        else:
            order = self.order()
            name = ("put" if timed else "put_lanes") + ("_by" if order else "")
            tape.act(name, (value, self.active(), *order), slot, varying=True)
