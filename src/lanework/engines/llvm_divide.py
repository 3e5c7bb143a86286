"""Division by what does not change in the loop, with the same bits and a fifth of the time.

A SIMD division keeps a port busy for 16 cycles. With the reciprocal y = RN(1/b) made once before
the loop, five multiply-adds give the correctly rounded a/b: a quotient that is faithful after one
correction becomes the correctly rounded one by the next (P. Markstein, "Computation of elementary
functions on the IBM RISC System/6000 processor", IBM Journal of Research and Development 34(1),
1990, theorem on division). That holds while no intermediate result overflows or loses bits below
the normal range, so each block looks whether all of its lanes are well inside, and divides if one
is not. This is the only place where engines fuse; the result is that of the division.
"""

from __future__ import annotations

from lanework.core.arith import ARITH
from lanework.engines.llvm_ir import constant, literal, suffix, type_of
from lanework.engines.llvm_lookup import LookupWriter
from lanework.engines.loops import Apply, Stage, Step

DIVISOR = 2.0**100  # divisors between this and its reciprocal
QUOTIENT = 2.0**600  # quotients between this and its reciprocal: dividends then are within 2**701


class DivideWriter(LookupWriter):
    """Writes divisions in a loop over time by values that are known before it."""

    fused = False  # whether the processor has a fused multiply-add

    def prepare_divisors(self, stage: Stage) -> None:
        """Before a loop: the reciprocals of what its steps divide by."""
        self.reciprocals: dict[int, tuple[str, str, str]] = {}
        for step in stage.steps:
            if self._by_invariant(step):
                divisor = step.reads[1]
                if divisor not in self.reciprocals:
                    self.reciprocals[divisor] = self._reciprocal(self.wide(divisor))

    def _by_invariant(self, step: Step) -> bool:
        if not (self.fused and self.width > 1 and isinstance(step, Apply)):
            return False
        if step.op is not ARITH["div"]:
            return False
        dividend, divisor = step.args
        varying = dividend in self.nest.varying or divisor in self.nest.varying
        return divisor not in self.nest.timed and varying

    def _reciprocal(self, divisor: str) -> tuple[str, str, str]:
        """RN(1/b), -b, and in which lanes b is in range."""
        w = self.writer
        kind = type_of("f64", self.width)
        one = constant(1.0, "f64", self.width)
        inverse = w.emit(f"fdiv {kind} {one}, {divisor}")
        return inverse, w.emit(f"fneg {kind} {divisor}"), self._within(divisor, DIVISOR)

    def _within(self, value: str, limit: float) -> str:
        """In which lanes 1/limit < abs(value) < limit."""
        w, n = self.writer, self.width
        kind = type_of("f64", n)
        size = w.intrinsic(f"llvm.fabs.{suffix('f64', n)}", kind, [(kind, value)])
        above = w.emit(f"fcmp ogt {kind} {size}, splat (double {literal(1 / limit, 'f64')})")
        below = w.emit(f"fcmp olt {kind} {size}, splat (double {literal(limit, 'f64')})")
        return w.emit(f"and <{n} x i1> {above}, {below}")

    def divide(self, step: Apply) -> bool:
        """Write the step if it is a division by something prepared."""
        if self.period is None or step.reads[-1] not in self.reciprocals:
            return False
        if not self._by_invariant(step):
            return False
        w, n = self.writer, self.width
        kind = type_of("f64", n)
        dividend, divisor = (self.wide(value) for value in step.args)
        inverse, negative, fine = self.reciprocals[step.args[1]]

        def fma(a: str, b: str, c: str) -> str:
            name = f"llvm.fma.{suffix('f64', n)}"
            return w.intrinsic(name, kind, [(kind, a), (kind, b), (kind, c)])

        first = quotient = w.emit(f"fmul {kind} {dividend}, {inverse}")
        for _ in range(2):
            rest = fma(negative, quotient, dividend)
            quotient = fma(rest, inverse, quotient)
        zero = w.emit(f"fcmp oeq {kind} {dividend}, zeroinitializer")
        quotient = w.emit(f"select <{n} x i1> {zero}, {kind} {first}, {kind} {quotient}")
        good = w.emit(f"or <{n} x i1> {zero}, {self._within(first, QUOTIENT)}")
        good = w.emit(f"and <{n} x i1> {good}, {fine}")
        every = w.intrinsic(f"llvm.vector.reduce.and.v{n}i1", "i1", [(f"<{n} x i1>", good)])
        label = w.name()[1:]
        w.line(f"br label %try.{label}")
        w.label(f"try.{label}")
        w.line(f"br i1 {every}, label %quotient.{label}, label %divide.{label}")
        w.label(f"divide.{label}")
        plain = w.emit(f"fdiv {kind} {dividend}, {divisor}")
        w.line(f"br label %quotient.{label}")
        w.label(f"quotient.{label}")
        result = w.emit(f"phi {kind} [ {quotient}, %try.{label} ], [ {plain}, %divide.{label} ]")
        self.define(step.target, result, True)
        return True
