"""Table lookups and interpolation as LLVM IR."""

from __future__ import annotations

from lanework.engines.llvm.ir import constant, suffix, type_of
from lanework.engines.llvm.values import ValueWriter
from lanework.engines.loops import KEY_TOLERANCE, Dimension, Interpolate, Lookup


class LookupWriter(ValueWriter):
    """Writes lookups; a key outside its table marks the unit, and the value is NaN."""

    def lookup(self, step: Lookup) -> None:
        """Write a lookup; the position in each key is the reference's."""
        w = self.writer
        keys, width = self.together(step.keys)
        kind, integer = type_of("f64", width), type_of("i64", width)
        index = valid = between = ""
        test = type_of("bool", width)
        for key, dim in zip(keys, step.dims, strict=True):
            place, far = self._place(key, dim, width)
            if far:
                between = w.emit(f"or {test} {between}, {far}") if between else far
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
            between = w.emit(f"fcmp uno {kind} {value}, {value}")
        if between:
            self.flag(between, width)
        self.define(step.target, value, width > 1)

    def _place(self, key: str, dim: Dimension, width: int) -> tuple[str, str]:
        """Where a key is in a dimension, and whether an exact one is between two ("": it is not).

        Where it is between, the place is NaN.
        """
        w = self.writer
        kind, test, name = type_of("f64", width), type_of("bool", width), suffix("f64", width)
        moved, far = key, ""
        if dim.exact:
            rounded = w.intrinsic(f"llvm.rint.{name}", kind, [(kind, key)])
            off = w.intrinsic(
                f"llvm.fabs.{name}", kind, [(kind, w.emit(f"fsub {kind} {key}, {rounded}"))]
            )
            one = constant(1.0, "f64", width)
            size = w.intrinsic(f"llvm.fabs.{name}", kind, [(kind, rounded)])
            above = w.emit(f"fcmp ogt {kind} {size}, {one}")
            size = w.emit(f"select {test} {above}, {kind} {size}, {kind} {one}")
            most = w.emit(f"fmul {kind} {size}, {constant(KEY_TOLERANCE, 'f64', width)}")
            far = w.emit(f"fcmp ogt {kind} {off}, {most}")
            if dim.clamp:  # what is outside takes the nearest
                start = w.emit(f"fsub {kind} {key}, {constant(dim.base, 'f64', width)}")
                zero, high = (constant(n, "f64", width) for n in (0.0, float(dim.size - 1)))
                inside = w.emit(f"fcmp ogt {kind} {start}, {zero}")
                far = w.emit(f"and {test} {far}, {inside}")
                inside = w.emit(f"fcmp olt {kind} {start}, {high}")
                far = w.emit(f"and {test} {far}, {inside}")
            nan = constant(float("nan"), "f64", width)
            moved = w.emit(f"select {test} {far}, {kind} {nan}, {kind} {rounded}")
        if dim.base != 0.0:
            moved = w.emit(f"fsub {kind} {moved}, {constant(dim.base, 'f64', width)}")
        if dim.exact:
            return moved, far
        return w.intrinsic(f"llvm.floor.{name}", kind, [(kind, moved)]), far

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
