"""Table lookups and interpolation as LLVM IR."""

from __future__ import annotations

from collections.abc import Callable

from lanework.engines.llvm.ir import constant, suffix, type_of
from lanework.engines.llvm.values import ValueWriter
from lanework.engines.loops import KEY_TOLERANCE, Dimension, Ends, Interpolate, Lookup


class LookupWriter(ValueWriter):
    """Writes lookups; a key outside its table marks the unit, and the value is NaN."""

    def lookup(self, step: Lookup) -> None:
        """Write a lookup; the position in each key is the reference's."""
        w = self.writer
        keys, width = self.together(step.keys)
        kind, integer = type_of("f64", width), type_of("i64", width)
        positions = self._positions(keys, step, width)
        index = valid = ""
        test = type_of("bool", width)
        for place, dim in zip(positions, step.dims, strict=True):
            low, high = constant(0.0, "f64", width), constant(float(dim.size - 1), "f64", width)
            if dim.clamp:
                good = w.emit(f"fcmp ord {kind} {place}, {place}")
                above = w.emit(f"fcmp ogt {kind} {place}, {low}")
                place = w.emit(f"select {test} {above}, {kind} {place}, {kind} {low}")
                below = w.emit(f"fcmp olt {kind} {place}, {high}")
                place = w.emit(f"select {test} {below}, {kind} {place}, {kind} {high}")
            else:
                above = w.emit(f"fcmp oge {kind} {place}, {low}")
                below = w.emit(f"fcmp ole {kind} {place}, {high}")
                good = w.emit(f"and {test} {above}, {below}")
                place = w.emit(f"select {test} {good}, {kind} {place}, {kind} {low}")
            number = w.emit(f"fptosi {kind} {place} to {integer}")
            if index:
                scaled = w.emit(f"mul {integer} {index}, {constant(dim.size, 'i64', width)}")
                number = w.emit(f"add {integer} {scaled}, {number}")
            index = number
            valid = w.emit(f"and {test} {valid}, {good}") if valid else good
        value = self.gather(f"%slot{step.slot}", index, constant(True, "bool", width), width)
        nan = constant(float("nan"), "f64", width)
        value = w.emit(f"select {test} {valid}, {kind} {value}, {kind} {nan}")
        if step.strict:
            self.flag(w.emit(f"fcmp uno {kind} {value}, {value}"), width)
        self.define(step.target, value, width > 1)

    def _positions(self, keys: list[str], step: Lookup, width: int) -> list[str]:
        """Where keys are in their dimensions; NaN for an exact one that is between two places.

        That is looked into only where a lane has a key that is no whole number.
        """
        w, kind, name = self.writer, type_of("f64", width), suffix("f64", width)
        exact = [n for n, dim in enumerate(step.dims) if dim.exact]
        rounded = list(keys)
        for n in exact:
            rounded[n] = w.intrinsic(f"llvm.rint.{name}", kind, [(kind, keys[n])])

        def off() -> list[str]:
            far = [self._between(keys[n], rounded[n], step.dims[n], width) for n in exact]
            if not step.strict:
                self.flag(self._any([test for _, test in far], width), width)
            return [value for value, _ in far]

        if exact:
            odd = self._any([self._differ(keys[n], rounded[n], width) for n in exact], width)
            for n, value in zip(
                exact, self._seldom(odd, [rounded[n] for n in exact], off, width), strict=True
            ):
                rounded[n] = value
        positions = []
        for value, dim in zip(rounded, step.dims, strict=True):
            if dim.base != 0.0:
                value = w.emit(f"fsub {kind} {value}, {constant(dim.base, 'f64', width)}")
            if not dim.exact:
                value = w.intrinsic(f"llvm.floor.{name}", kind, [(kind, value)])
            positions.append(value)
        return positions

    def _differ(self, key: str, rounded: str, width: int) -> str:
        return self.writer.emit(f"fcmp one {type_of('f64', width)} {key}, {rounded}")

    def _any(self, tests: list[str], width: int) -> str:
        """Where one of some tests holds."""
        out, *others = tests
        for test in others:
            out = self.writer.emit(f"or {type_of('bool', width)} {out}, {test}")
        return out

    def _seldom(
        self, test: str, values: list[str], other: Callable[[], list[str]], width: int
    ) -> list[str]:
        """These values; where a test holds in a lane, what `other` makes, which is code aside."""
        w = self.writer
        if width > 1:
            call = f"llvm.vector.reduce.or.v{width}i1"
            test = w.intrinsic(call, "i1", [(f"<{width} x i1>", test)])
        label = w.name()[1:]
        w.line(f"br label %usual.{label}")
        w.label(f"usual.{label}")
        w.line(f"br i1 {test}, label %seldom.{label}, label %both.{label}")
        w.label(f"seldom.{label}")
        others = other()
        w.line(f"br label %after.{label}")
        w.label(f"after.{label}")
        w.line(f"br label %both.{label}")
        w.label(f"both.{label}")
        if self.period is None:
            self.block = f"both.{label}"
        kind = type_of("f64", width)
        return [
            w.emit(f"phi {kind} [ {a}, %usual.{label} ], [ {b}, %after.{label} ]")
            for a, b in zip(values, others, strict=True)
        ]

    def _between(
        self, key: str, rounded: str, dim: Dimension | None, width: int
    ) -> tuple[str, str]:
        """The whole number next to a key, NaN where it is not the same, and where that is.

        What is outside a clamped dimension takes the nearest place, and is nowhere between two.
        """
        w = self.writer
        kind, test, name = type_of("f64", width), type_of("bool", width), suffix("f64", width)
        apart = w.emit(f"fsub {kind} {key}, {rounded}")
        apart = w.intrinsic(f"llvm.fabs.{name}", kind, [(kind, apart)])
        one = constant(1.0, "f64", width)
        size = w.intrinsic(f"llvm.fabs.{name}", kind, [(kind, rounded)])
        above = w.emit(f"fcmp ogt {kind} {size}, {one}")
        size = w.emit(f"select {test} {above}, {kind} {size}, {kind} {one}")
        most = w.emit(f"fmul {kind} {size}, {constant(KEY_TOLERANCE, 'f64', width)}")
        far = w.emit(f"fcmp ogt {kind} {apart}, {most}")
        if dim is not None and dim.clamp:
            start = w.emit(f"fsub {kind} {key}, {constant(dim.base, 'f64', width)}")
            ends = (("ogt", 0.0), ("olt", float(dim.size - 1)))
            for compare, end in ends:
                inside = w.emit(f"fcmp {compare} {kind} {start}, {constant(end, 'f64', width)}")
                far = w.emit(f"and {test} {far}, {inside}")
        nan = constant(float("nan"), "f64", width)
        return w.emit(f"select {test} {far}, {kind} {nan}, {kind} {rounded}"), far

    def ends(self, step: Ends) -> None:
        """Write how many periods lanes have."""
        w = self.writer
        (key,), width = self.together((step.source,))
        kind, test, name = type_of("f64", width), type_of("bool", width), suffix("f64", width)
        rounded = w.intrinsic(f"llvm.rint.{name}", kind, [(kind, key)])
        value, _ = self._between(key, rounded, None, width)
        model = constant(float(step.most), "f64", 1)
        more = w.emit(f"fcmp ogt double %Tf, {model}")
        most = w.emit(f"select i1 {more}, double %Tf, double {model}")
        if width > 1:
            most = self.splat(most, "double")
        low = w.emit(f"fcmp oge {kind} {value}, {constant(0.0, 'f64', width)}")
        high = w.emit(f"fcmp ole {kind} {value}, {most}")
        good = w.emit(f"and {test} {low}, {high}")
        nan = constant(float("nan"), "f64", width)
        value = w.emit(f"select {test} {good}, {kind} {value}, {kind} {nan}")
        self.flag(w.emit(f"fcmp uno {kind} {value}, {value}"), width)
        self.define(step.target, value, width > 1)

    def flag(self, bad: str, width: int) -> None:
        """Mark the unit if an active lane has a fault; which one, the reference finds."""
        w = self.writer
        if width > 1:
            active = self.active if self.period is not None else self.mask
            bad = w.emit(f"and <{width} x i1> {bad}, {active}")
            call = f"llvm.vector.reduce.or.v{width}i1"
            bad = w.intrinsic(call, "i1", [(f"<{width} x i1>", bad)])
        label = w.name()[1:]
        w.line(f"br i1 {bad}, label %fault.{label}, label %fine.{label}")
        w.label(f"fault.{label}")
        w.line("store i64 1, ptr %fault.p, align 8")
        w.line(f"br label %fine.{label}")
        w.label(f"fine.{label}")
        if self.period is None:
            self.block = f"fine.{label}"

    def interpolate(self, step: Interpolate) -> None:
        """Find the last knot not above the key by halving, then go along the line."""
        w = self.writer
        (key,), width = self.together((step.key,))
        kind, integer, test = (type_of(d, width) for d in ("f64", "i64", "bool"))
        table = f"%slot{step.slot}"
        every = constant(True, "bool", width)
        at = constant(0, "i64", width)
        reach = 1
        while reach * 2 < step.size:
            reach *= 2
        while reach >= 1:
            ahead = w.emit(f"add {integer} {at}, {constant(reach, 'i64', width)}")
            exists = w.emit(f"icmp slt {integer} {ahead}, {constant(step.size, 'i64', width)}")
            safe = w.emit(f"select {test} {exists}, {integer} {ahead}, {integer} {at}")
            knot = self.gather(table, safe, every, width)
            reached = w.emit(f"fcmp ole {kind} {knot}, {key}")
            at = w.emit(f"select {test} {reached}, {integer} {safe}, {integer} {at}")
            reach //= 2
        last = constant(max(step.size - 2, 0), "i64", width)
        inside = w.emit(f"icmp slt {integer} {at}, {last}")
        at = w.emit(f"select {test} {inside}, {integer} {at}, {integer} {last}")
        step_up = constant(1 if step.size > 1 else 0, "i64", width)
        after = w.emit(f"add {integer} {at}, {step_up}")
        size = constant(step.size, "i64", width)
        x0, x1 = (self.gather(table, i, every, width) for i in (at, after))
        y0, y1 = (
            self.gather(table, w.emit(f"add {integer} {i}, {size}"), every, width)
            for i in (at, after)
        )
        run = w.emit(f"fsub {kind} {x1}, {x0}")
        rise = w.emit(f"fsub {kind} {y1}, {y0}")
        slope = w.emit(f"fdiv {kind} {rise}, {run}")
        along = w.emit(f"fsub {kind} {key}, {x0}")
        value = w.emit(f"fadd {kind} {y0}, {w.emit(f'fmul {kind} {along}, {slope}')}")
        low = w.emit(f"fcmp ole {kind} {key}, {x0}")
        high = w.emit(f"fcmp oge {kind} {key}, {x1}")
        value = w.emit(f"select {test} {high}, {kind} {y1}, {kind} {value}")
        value = w.emit(f"select {test} {low}, {kind} {y0}, {kind} {value}")
        known = w.emit(f"fcmp ord {kind} {key}, {key}")
        nan = constant(float("nan"), "f64", width)
        value = w.emit(f"select {test} {known}, {kind} {value}, {kind} {nan}")
        self.define(step.target, value, width > 1)
