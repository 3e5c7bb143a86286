"""The loops around a nest's code: units, blocks of lanes, periods, and the sums of totals.

`drive` is a function of `engines.native`; the third shared word is a descriptor, which says which
pieces of code there are and how much memory they need. It takes units from the counter that
threads share, and looks at the stop flag before each block and every thousand periods.
"""

from __future__ import annotations

from lanework.engines.kernel import COLUMNS, UNIT
from lanework.engines.llvm.ir import halved
from lanework.engines.llvm.nativetext import Function, Word
from lanework.engines.vector.isa import FRAME_HEAD, Descriptor, Kind
from lanework.engines.vector.isa import Word as Head

POLL = 1024  # periods between two looks at the stop flag
SHARE, MANY = 4, 256  # units that a thread takes at once where they are short and there are many
PARAMETERS = ("columns", "dims", "shared", "scratch")


class _Driver:
    """Writes the function."""

    def __init__(self) -> None:
        self.f = f = Function("drive", PARAMETERS)
        self.columns, self.dims, self.shared = f["columns"], f["dims"], f["shared"]
        dims = self.dims
        self.descriptor = descriptor = f.load(self.shared + 16)
        self.periods, self.lanes, self.units = (f.load(dims + 8 * n) for n in range(3))
        self.step, frame, saved, self.constants = (f.load(descriptor + 8 * n) for n in range(4))
        self.all_lanes, timed, flat = (
            f.load(descriptor + 8 * n) for n in range(Descriptor.ALL_LANES, Descriptor.TIMED)
        )
        self.timed, self.flat, self.count = (
            f.load(descriptor + 8 * n) for n in range(Descriptor.TIMED, Descriptor.FAULTS)
        )
        self.entries = descriptor + 8 * Descriptor.ENTRIES
        self.slots = self.entries + (self.count << 4)
        self.frame = (f["scratch"] + (FRAME_HEAD - 1)) & -FRAME_HEAD
        self.saved = self.frame + frame
        self.totals = self.saved + saved * self.periods
        self.clear = timed * self.periods + flat

    def word(self, which: Head, value: Word | int) -> None:
        self.f.store(self.frame + 8 * which, value)

    def text(self) -> str:
        f = self.f
        self.word(Head.SAVED, self.saved)
        self.word(Head.TOTALS, self.totals)
        self.word(Head.ORDER, f.load(self.dims + 24))
        self.word(Head.CONSTANTS, self.constants)
        self._pieces(f.variable(0).get(), once=True)
        faults = f.load(self.columns + f.load(self.descriptor + 8 * Descriptor.FAULTS))
        flat = f.load(self.descriptor + 8 * Descriptor.FLAT_CODE)
        share = f.variable(1)
        with f.when(flat.is_("ne", 0)), f.when(self.units.is_("ugt", MANY)):
            share.set(SHARE)
        at, after = f.variable(0), f.variable(0)
        with f.loop() as done:
            with f.when(at.get().is_("sge", after.get())):
                pointer = f.pointer(self.shared)
                at.set(f.emit(f"atomicrmw add ptr {pointer}, i64 {share.get().name} monotonic"))
                after.set(at.get() + share.get())
            unit = at.get()
            f.leave(done, unit.is_("sge", self.units))
            self._begin(unit, faults)
            with f.when(flat.is_("ne", 0)):
                self._poll()
                self._call(flat, 0, unit * UNIT, f.load(self.frame + 8 * Head.LANE_END))
            with f.when(flat.is_("eq", 0)):
                self._unit(unit)
            at.add(1)
        return f.definition()

    def _begin(self, unit: Word, faults: Word) -> None:
        f = self.f
        after = (unit + 1) * UNIT
        call = f"call i64 @llvm.smin.i64(i64 {after.name}, i64 {self.lanes.name})"
        self.word(Head.LANE_END, f.emit(call))
        self.word(Head.FAULT, faults + (unit << 3))

    def _unit(self, unit: Word) -> None:
        f = self.f
        first, after = unit * UNIT, f.load(self.frame + 8 * Head.LANE_END)
        place = f.variable(0)
        with f.loop() as cleared:
            f.leave(cleared, place.get().is_("uge", self.clear))
            f.store(self.totals + place.get(), 0)
            place.add(8)
        lane = f.variable(first)
        with f.loop() as over:
            f.leave(over, lane.get().is_("sge", after))
            self._poll()
            self.word(Head.STEPS, self.all_lanes * self.periods)
            self._pieces(lane.get(), once=False)
            lane.add(self.step)
        self._sums(unit)

    def _poll(self) -> None:
        f = self.f
        at = f.pointer(self.shared + 8)
        stop = f.emit(f"load atomic i64, ptr {at} monotonic, align 8")
        with f.when(stop.is_("ne", 0)):
            f.give(1)

    def _pieces(self, lane: Word, *, once: bool) -> None:
        """Run the pieces of code, each as its kind says."""
        f = self.f
        number = f.variable(0)
        with f.loop() as done:
            f.leave(done, number.get().is_("uge", self.count))
            entry = self.entries + (number.get() << 4)
            code, kind = f.load(entry), f.load(entry + 8)
            with f.when(kind.is_("eq", Kind.ONCE if once else Kind.BLOCK)):
                self._call(code, 0, lane, 0)
            if not once:
                with f.when(kind.is_("eq", Kind.FLAT)):
                    self._call(code, 0, lane, f.load(self.frame + 8 * Head.LANE_END))
                with f.when(kind.is_("eq", Kind.FORWARD)):
                    self._walk(code, lane, forward=True)
                with f.when(kind.is_("eq", Kind.BACKWARD)):
                    self._walk(code, lane, forward=False)
            number.add(1)

    def _call(self, code: Word, t: Word | int, lane: Word, end: Word | int) -> None:
        self.f.call_at(code, self.frame, self.columns, self.dims, t, lane, end)

    def _walk(self, code: Word, lane: Word, *, forward: bool) -> None:
        """Run all periods, with looks at the stop flag between."""
        f = self.f
        steps = f.load(self.frame + 8 * Head.STEPS)
        last: Word | int = steps if forward else -1
        t = f.variable(0 if forward else steps - 1)
        with f.loop() as done:
            now = t.get()
            f.leave(done, now.is_("sge", steps) if forward else now.is_("slt", 0))
            end = f.variable(t.get() + POLL if forward else t.get() - POLL)
            with f.when(end.get().is_("sgt" if forward else "slt", last)):
                end.set(last)
            self._call(code, t.get(), lane, end.get())
            t.set(end.get())
            with f.when(t.get().is_("ne", last)):
                self._poll()

    def _sums(self, unit: Word) -> None:
        """Add up the running totals of the unit, into one number each."""
        f = self.f
        which = f.variable(0)
        row, rows = unit * self.periods, self.timed * self.periods
        with f.loop() as done:
            f.leave(done, which.get().is_("uge", self.timed))
            to = f.load(self.columns + f.load(self.slots + (which.get() << 3))) + (row << 3)
            first = which.get() * self.periods
            t = f.variable(0)
            with f.loop() as summed:
                f.leave(summed, t.get().is_("sge", self.periods))
                self._sum(first + t.get(), to + (t.get() << 3))
                t.add(1)
            which.add(1)
        which.set(0)
        with f.loop() as done:
            f.leave(done, which.get().is_("uge", self.flat))
            slot = f.load(self.slots + ((self.timed + which.get()) << 3))
            self._sum(rows + which.get(), f.load(self.columns + slot) + (unit << 3))
            which.add(1)

    def _sum(self, row: Word, to: Word) -> None:
        """Fold a row of running totals: halves onto each other until one is left."""
        f = self.f
        start = f.pointer(self.totals + row * (8 * COLUMNS))
        vector = f.emit(f"load <{COLUMNS} x double>, ptr {start}, align 8").name
        vector = halved(lambda text: f.emit(text).name, vector, COLUMNS)
        f.line(f"store <1 x double> {vector}, ptr {f.pointer(to)}, align 8")


def drive_text() -> str:
    """The driver as LLVM IR."""
    return "declare i64 @llvm.smin.i64(i64, i64)\n" + _Driver().text()
