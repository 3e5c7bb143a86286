"""Decimal text of floats in executables: read as the nearest float, and written to be read back.

Powers of two are taken out of decimal digits by halving and doubling: that is exact, and short. A
float is written with as few digits as give it again.
"""

from __future__ import annotations

from lanework.engines.llvm.nativetext import Function, Variable, Word
from lanework.machines.register.native.digits import (
    COUNT,
    DOUBLE,
    HALVE,
    POINT,
    REST,
    SIZE,
    Kept,
    double,
    flag,
    halve,
    rounded,
)

READ, WRITE = "decimal_read", "decimal_write"
"""`READ(text, bits)` puts the bits of a float there, and returns 0 if the text was one.
`WRITE(bits, text)` writes a float and a zero byte, and returns the number of bytes before it."""

LEAST = -1021  # the exponent of the smallest normal float, as a fraction from 1/2 to 1
BIAS, INFINITE = 1021, 0x7FF << 52


class _Text:
    """Text that is read, byte by byte."""

    def __init__(self, f: Function, at: Word) -> None:
        self.f, self.at = f, f.variable(at)

    @property
    def char(self) -> Word:
        """The next byte."""
        return self.f.load(self.at.get(), 1)

    def skip(self, chars: str, to: Variable) -> None:
        """Go over one of these, and say which it was, from 1."""
        here = self.char
        to.set(0)
        for n, char in enumerate(chars, 1):
            with self.f.when(here.is_("eq", ord(char))):
                to.set(n)
        with self.f.when(to.get().is_("ne", 0)):
            self.at.add(1)

    def word(self, word: str, to: Variable) -> None:
        """Go over a word, in small letters or large ones, if it is the next; 1 if it is."""
        f = self.f
        same = f.variable(1)
        for n, char in enumerate(word):  # a zero byte ends it before what is beyond is looked at
            with f.when(same.get().is_("ne", 0)):
                small = f.load(self.at.get() + n, 1) | 32
                same.set(flag(f, small.is_("eq", ord(char))))
        to.set(same.get())
        with f.when(same.get().is_("ne", 0)):
            self.at.add(len(word))


def _read() -> Function:
    f = Function(READ, ("text", "bits"))
    kept, text, matched = Kept(f, f.array(SIZE)), _Text(f, f["text"]), f.variable(0)
    for field in (COUNT, POINT, REST):
        kept.set(field, 0)
    sign = f.variable(0)
    text.skip("+-", sign)
    minus = f.variable(flag(f, sign.get().is_("eq", 2)))
    for word, bits in (("infinity", INFINITE), ("inf", INFINITE), ("nan", INFINITE + (1 << 51))):
        text.word(word, matched)
        with f.when(matched.get().is_("ne", 0)), f.when(text.char.is_("eq", 0)):
            f.store(f["bits"], (minus.get() << 63) | bits)
            f.give(0)
    _read_digits(f, kept, text)
    with f.when(text.char.is_("ne", 0)):
        f.give(1)
    exponent = f.variable(0)
    _normalise(f, kept, exponent)
    value = f.variable(0)
    with f.when(kept.get(COUNT).is_("ne", 0)):
        n = f.variable(53)
        with f.loop() as done:
            f.leave(done, n.get().is_("eq", 0))
            f.call(DOUBLE, kept.at)
            n.add(-1)
        value.set(rounded(f, kept, kept.get(POINT)) + ((exponent.get() + BIAS) << 52))
    with f.when(value.get().is_("uge", INFINITE)):
        f.give(2)
    f.store(f["bits"], (minus.get() << 63) | value.get())
    f.give(0)
    return f


def _read_digits(f: Function, kept: Kept, text: _Text) -> None:
    """Digits, with a point among them, and a power of ten after them."""
    seen, after, mark = f.variable(0), f.variable(0), f.variable(0)
    with f.loop() as done:
        text.skip("0123456789.", mark)
        f.leave(done, mark.get().is_("eq", 0))
        with f.when(mark.get().is_("eq", 11)):
            with f.when(after.get().is_("ne", 0)):  # a second point
                f.give(1)
            after.set(1)
        with f.when(mark.get().is_("ne", 11)):
            seen.set(1)
            digit = mark.get() - 1
            leads = flag(f, kept.get(COUNT).is_("eq", 0)) & flag(f, digit.is_("eq", 0))
            with f.when(leads.is_("eq", 0)):
                kept.append(digit)
                kept.set(POINT, kept.get(POINT) + 1)
            kept.set(POINT, kept.get(POINT) - after.get())
    with f.when(seen.get().is_("eq", 0)):
        f.give(1)
    text.skip("eE", mark)
    with f.when(mark.get().is_("ne", 0)):
        sign, power = f.variable(0), f.variable(0)
        text.skip("+-", sign)
        seen.set(0)
        with f.loop() as done:
            text.skip("0123456789", mark)
            f.leave(done, mark.get().is_("eq", 0))
            seen.set(1)
            with f.when(power.get().is_("ult", 1 << 20)):
                power.set(power.get() * 10 + mark.get() - 1)
        with f.when(seen.get().is_("eq", 0)):
            f.give(1)
        with f.when(sign.get().is_("eq", 2)):
            power.set(f.emit(f"sub i64 0, {power.get().name}"))
        kept.set(POINT, kept.get(POINT) + power.get())


def _normalise(f: Function, kept: Kept, exponent: Variable) -> None:
    """As a fraction from 1/2 to 1 times a power of two, or less at the smallest power."""
    with f.when(kept.get(COUNT).is_("ne", 0)):
        with f.when(kept.get(POINT).is_("sgt", 400)):
            f.give(2)
        with f.when(kept.get(POINT).is_("slt", -400)):
            kept.set(COUNT, 0)
    with f.when(kept.get(COUNT).is_("ne", 0)):
        with f.loop() as done:
            f.leave(done, kept.get(POINT).is_("sle", 0))
            f.call(HALVE, kept.at)
            exponent.add(1)
        with f.loop() as done:
            small = flag(f, kept.digit(0).is_("ult", 5))
            near = flag(f, kept.get(POINT).is_("eq", 0))
            less = flag(f, kept.get(POINT).is_("slt", 0))
            f.leave(done, (less | (small & near)).is_("eq", 0))
            f.call(DOUBLE, kept.at)
            exponent.add(-1)
        with f.loop() as done:
            f.leave(done, exponent.get().is_("sge", LEAST))
            f.call(HALVE, kept.at)
            exponent.add(1)


def _write() -> Function:
    f = Function(WRITE, ("bits", "text"))
    kept, at, back = Kept(f, f.array(SIZE)), f.variable(f["text"]), f.array(1)
    absolute = f["bits"] & ((1 << 63) - 1)

    def put(char: object) -> None:
        f.store(at.get(), char, 1)
        at.add(1)

    def words(word: str) -> None:
        for char in word:
            put(ord(char))
        f.store(at.get(), 0, 1)
        f.give(at.get() - f["text"])

    with f.when(absolute.is_("ugt", INFINITE)):
        words("nan")
    with f.when((f["bits"] >> 63).is_("ne", 0)):
        put(ord("-"))
    with f.when(absolute.is_("eq", INFINITE)):
        words("inf")
    with f.when(absolute.is_("eq", 0)):
        words("0.0")
    _digits_of(f, kept, absolute)
    begin, digits, more = f.variable(at.get()), f.variable(1), f.variable(0)
    with f.loop() as done:
        at.set(begin.get())
        point = f.variable(kept.get(POINT))
        # above a power of two floats lie wider apart than below: the next one up may be read back
        number = f.variable(rounded(f, kept, digits.get()) + more.get())
        power = f.variable(1)
        n = f.variable(digits.get())
        with f.loop() as over:
            f.leave(over, n.get().is_("eq", 0))
            power.set(power.get() * 10)
            n.add(-1)
        with f.when(number.get().is_("eq", power.get())):  # 9.99 is 10.0
            point.add(1)
            number.set(f.emit(f"udiv i64 {number.get().name}, 10"))
        power.set(f.emit(f"udiv i64 {power.get().name}, 10"))
        _lay_out(f, put, number, power, point, digits)
        f.store(at.get(), 0, 1)
        f.call(READ, begin.get(), back)
        f.leave(done, f.load(back).is_("eq", absolute))
        f.leave(done, digits.get().is_("uge", 17))
        digits.add(more.get())
        more.set((more.get() + 1) & 1)
    f.give(at.get() - f["text"])
    return f


def _digits_of(f: Function, kept: Kept, absolute: Word) -> None:
    """All decimal digits of a float."""
    for field in (COUNT, POINT, REST):
        kept.set(field, 0)
    exponent = f.variable(absolute >> 52)
    value = f.variable(absolute & ((1 << 52) - 1))
    with f.when(exponent.get().is_("ne", 0)):
        value.add(1 << 52)
        exponent.add(-1)
    exponent.add(-1074)
    power = f.variable(10**15)
    with f.loop() as done:
        f.leave(done, power.get().is_("eq", 0))
        digit = f.emit(f"udiv i64 {value.get().name}, {power.get().name}")
        value.set(f.emit(f"urem i64 {value.get().name}, {power.get().name}"))
        leads = flag(f, kept.get(COUNT).is_("eq", 0)) & flag(f, digit.is_("eq", 0))
        with f.when(leads.is_("eq", 0)):
            kept.append(digit)
            kept.add(POINT, 1)
        power.set(f.emit(f"udiv i64 {power.get().name}, 10"))
    with f.loop() as done:
        f.leave(done, exponent.get().is_("sle", 0))
        f.call(DOUBLE, kept.at)
        exponent.add(-1)
    with f.loop() as done:
        f.leave(done, exponent.get().is_("sge", 0))
        f.call(HALVE, kept.at)
        exponent.add(1)


def _lay_out(
    f: Function, put: object, number: Variable, power: Variable, point: Variable, digits: Variable
) -> None:
    """Digits with a point among them, and with a power of ten where that is shorter."""
    assert callable(put)
    large = flag(f, point.get().is_("sgt", 16)) | flag(f, point.get().is_("slt", -3))
    shift = f.variable(point.get())
    with f.when(large.is_("ne", 0)):
        shift.set(1)
    with f.when(shift.get().is_("sle", 0)):
        put(ord("0"))
        put(ord("."))
        n = f.variable(shift.get())
        with f.loop() as done:
            f.leave(done, n.get().is_("eq", 0))
            put(ord("0"))
            n.add(1)
    n = f.variable(0)
    with f.loop() as done:
        out = flag(f, n.get().is_("uge", digits.get())) & flag(f, n.get().is_("sge", shift.get()))
        f.leave(done, out.is_("ne", 0))
        digit = f.variable(0)
        with f.when(power.get().is_("ne", 0)):
            digit.set(f.emit(f"udiv i64 {number.get().name}, {power.get().name}"))
            number.set(f.emit(f"urem i64 {number.get().name}, {power.get().name}"))
            power.set(f.emit(f"udiv i64 {power.get().name}, 10"))
        put(digit.get() + ord("0"))
        n.add(1)
        with f.when(n.get().is_("eq", shift.get())):
            more = flag(f, n.get().is_("ult", digits.get())) | (large + (-1))
            with f.when(more.is_("ne", 0)):
                put(ord("."))
                with f.when(n.get().is_("uge", digits.get())):
                    put(ord("0"))
    with f.when(large.is_("ne", 0)):
        put(ord("e"))
        exponent = f.variable(point.get() - 1)
        sign = f.variable(ord("+"))
        with f.when(exponent.get().is_("slt", 0)):
            sign.set(ord("-"))
            exponent.set(f.emit(f"sub i64 0, {exponent.get().name}"))
        put(sign.get())
        with f.when(exponent.get().is_("uge", 100)):
            hundreds = f.emit(f"udiv i64 {exponent.get().name}, 100")
            put(hundreds + ord("0"))
            exponent.set(f.emit(f"urem i64 {exponent.get().name}, 100"))
        tens = f.emit(f"udiv i64 {exponent.get().name}, 10")
        put(tens + ord("0"))
        put(f.emit(f"urem i64 {exponent.get().name}, 10") + ord("0"))


def functions(attributes: str) -> str:
    """All of it as IR."""
    return "\n".join(f.definition(attributes) for f in (halve(), double(), _read(), _write()))
