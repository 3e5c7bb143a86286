"""Decimal text of floats in executables: read as the nearest float, and written to be read back.

Numbers are kept as decimal digits, as many as it takes, and are halved and doubled: that is exact,
and short. A float is written with as few digits as give it again.
"""

from __future__ import annotations

from lanework.engines.llvm.nativetext import Function, Variable, Word

READ, WRITE = "decimal_read", "decimal_write"
"""`READ(text, bits)` puts the bits of a float there, and returns 0 if the text was one.
`WRITE(bits, text)` writes a float and a zero byte, and returns the number of bytes before it."""

MOST = 800  # digits that are kept; every float has fewer, and of others one counts as being there
# What is kept: the number is 0.d0 d1 d2... times ten to the power of the point.
COUNT, POINT, REST, DIGITS = 0, 8, 16, 24
SIZE = (DIGITS + MOST + 8) // 8 + 1
LEAST = -1021  # the exponent of the smallest normal float, as a fraction from 1/2 to 1
BIAS, INFINITE = 1021, 0x7FF << 52
_HALVE, _DOUBLE = "decimal_halve", "decimal_double"


class _Kept:
    """A number in decimal digits, in memory."""

    def __init__(self, f: Function, at: Word) -> None:
        self.f, self.at = f, at

    def get(self, field: int) -> Word:
        """One of its words."""
        return self.f.load(self.at + field)

    def set(self, field: int, value: object) -> None:
        """Make it something else."""
        self.f.store(self.at + field, value)

    def add(self, field: int, value: int) -> None:
        """Add to it."""
        self.set(field, self.get(field) + value)

    def digit(self, n: object) -> Word:
        """A digit."""
        return self.f.load(self.at + DIGITS + n, 1)

    def put(self, n: object, digit: object) -> None:
        """Make a digit something else."""
        self.f.store(self.at + DIGITS + n, digit, 1)

    def append(self, digit: object) -> None:
        """A digit more; beyond those that are kept, whether it is none."""
        f = self.f
        with f.when(self.get(COUNT).is_("uge", MOST)):
            self.set(REST, self.get(REST) | digit)
        with f.when(self.get(COUNT).is_("ult", MOST)):
            self.put(self.get(COUNT), digit)
            self.add(COUNT, 1)


def _flag(f: Function, condition: str) -> Word:
    return f.emit(f"zext i1 {condition} to i64")


def _halve() -> Function:
    f = Function(_HALVE, ("at",))
    kept, n, carry = _Kept(f, f["at"]), f.variable(0), f.variable(0)
    with f.loop() as done:
        f.leave(done, n.get().is_("uge", kept.get(COUNT)))
        digit = carry.get() * 10 + kept.digit(n.get())
        kept.put(n.get(), digit >> 1)
        carry.set(digit & 1)
        n.add(1)
    with f.when(carry.get().is_("ne", 0)):
        kept.append(5)
    with f.when(kept.digit(0).is_("eq", 0)):
        n.set(1)
        with f.loop() as done:
            f.leave(done, n.get().is_("uge", kept.get(COUNT)))
            kept.put(n.get() - 1, kept.digit(n.get()))
            n.add(1)
        kept.add(COUNT, -1)
        kept.add(POINT, -1)
    return f


def _double() -> Function:
    f = Function(_DOUBLE, ("at",))
    kept, carry = _Kept(f, f["at"]), f.variable(0)
    n = f.variable(kept.get(COUNT))
    with f.loop() as done:
        f.leave(done, n.get().is_("eq", 0))
        n.add(-1)
        digit = kept.digit(n.get()) * 2 + carry.get()
        above = _flag(f, digit.is_("uge", 10))
        kept.put(n.get(), digit - above * 10)
        carry.set(above)
    with f.when(carry.get().is_("ne", 0)):
        last = f.variable(kept.get(COUNT))
        with f.when(last.get().is_("uge", MOST)):
            last.set(MOST - 1)
            kept.set(REST, kept.get(REST) | kept.digit(MOST - 1))
        kept.set(COUNT, last.get() + 1)
        with f.loop() as done:
            f.leave(done, last.get().is_("eq", 0))
            kept.put(last.get(), kept.digit(last.get() - 1))
            last.add(-1)
        kept.put(0, 1)
        kept.add(POINT, 1)
    with f.loop() as done:
        count = kept.get(COUNT)
        f.leave(done, count.is_("eq", 0))
        f.leave(done, kept.digit(count - 1).is_("ne", 0))
        kept.add(COUNT, -1)
    return f


def _rounded(f: Function, kept: _Kept, digits: Word) -> Word:
    """The first digits as a whole number, rounded by those that follow, to even at a half."""
    value, n = f.variable(0), f.variable(0)
    with f.loop() as done:
        f.leave(done, n.get().is_("sge", digits))
        value.set(value.get() * 10)
        with f.when(n.get().is_("ult", kept.get(COUNT))):
            value.add(kept.digit(n.get()))
        n.add(1)
    with f.when(digits.is_("sge", 0)), f.when(digits.is_("slt", kept.get(COUNT))):
        following, rest = kept.digit(digits), f.variable(kept.get(REST))
        with f.when((digits + 1).is_("ult", kept.get(COUNT))):
            rest.set(1)
        up = f.variable(_flag(f, following.is_("ugt", 5)))
        with f.when(following.is_("eq", 5)):
            more = _flag(f, rest.get().is_("ne", 0))
            up.set(more | (value.get() & 1))
        value.add(up.get())
    return value.get()


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
                same.set(_flag(f, small.is_("eq", ord(char))))
        to.set(same.get())
        with f.when(same.get().is_("ne", 0)):
            self.at.add(len(word))


def _read() -> Function:
    f = Function(READ, ("text", "bits"))
    kept, text, matched = _Kept(f, f.array(SIZE)), _Text(f, f["text"]), f.variable(0)
    for field in (COUNT, POINT, REST):
        kept.set(field, 0)
    sign = f.variable(0)
    text.skip("+-", sign)
    minus = f.variable(_flag(f, sign.get().is_("eq", 2)))
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
            f.call(_DOUBLE, kept.at)
            n.add(-1)
        value.set(_rounded(f, kept, kept.get(POINT)) + ((exponent.get() + BIAS) << 52))
    with f.when(value.get().is_("uge", INFINITE)):
        f.give(2)
    f.store(f["bits"], (minus.get() << 63) | value.get())
    f.give(0)
    return f


def _read_digits(f: Function, kept: _Kept, text: _Text) -> None:
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
            leads = _flag(f, kept.get(COUNT).is_("eq", 0)) & _flag(f, digit.is_("eq", 0))
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


def _normalise(f: Function, kept: _Kept, exponent: Variable) -> None:
    """As a fraction from 1/2 to 1 times a power of two, or less at the smallest power."""
    with f.when(kept.get(COUNT).is_("ne", 0)):
        with f.when(kept.get(POINT).is_("sgt", 400)):
            f.give(2)
        with f.when(kept.get(POINT).is_("slt", -400)):
            kept.set(COUNT, 0)
    with f.when(kept.get(COUNT).is_("ne", 0)):
        with f.loop() as done:
            f.leave(done, kept.get(POINT).is_("sle", 0))
            f.call(_HALVE, kept.at)
            exponent.add(1)
        with f.loop() as done:
            small = _flag(f, kept.digit(0).is_("ult", 5))
            near = _flag(f, kept.get(POINT).is_("eq", 0))
            less = _flag(f, kept.get(POINT).is_("slt", 0))
            f.leave(done, (less | (small & near)).is_("eq", 0))
            f.call(_DOUBLE, kept.at)
            exponent.add(-1)
        with f.loop() as done:
            f.leave(done, exponent.get().is_("sge", LEAST))
            f.call(_HALVE, kept.at)
            exponent.add(1)


def _write() -> Function:
    f = Function(WRITE, ("bits", "text"))
    kept, at, back = _Kept(f, f.array(SIZE)), f.variable(f["text"]), f.array(1)
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
        number = f.variable(_rounded(f, kept, digits.get()) + more.get())
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


def _digits_of(f: Function, kept: _Kept, absolute: Word) -> None:
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
        leads = _flag(f, kept.get(COUNT).is_("eq", 0)) & _flag(f, digit.is_("eq", 0))
        with f.when(leads.is_("eq", 0)):
            kept.append(digit)
            kept.add(POINT, 1)
        power.set(f.emit(f"udiv i64 {power.get().name}, 10"))
    with f.loop() as done:
        f.leave(done, exponent.get().is_("sle", 0))
        f.call(_DOUBLE, kept.at)
        exponent.add(-1)
    with f.loop() as done:
        f.leave(done, exponent.get().is_("sge", 0))
        f.call(_HALVE, kept.at)
        exponent.add(1)


def _lay_out(
    f: Function, put: object, number: Variable, power: Variable, point: Variable, digits: Variable
) -> None:
    """Digits with a point among them, and with a power of ten where that is shorter."""
    assert callable(put)
    large = _flag(f, point.get().is_("sgt", 16)) | _flag(f, point.get().is_("slt", -3))
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
        out = _flag(f, n.get().is_("uge", digits.get())) & _flag(f, n.get().is_("sge", shift.get()))
        f.leave(done, out.is_("ne", 0))
        digit = f.variable(0)
        with f.when(power.get().is_("ne", 0)):
            digit.set(f.emit(f"udiv i64 {number.get().name}, {power.get().name}"))
            number.set(f.emit(f"urem i64 {number.get().name}, {power.get().name}"))
            power.set(f.emit(f"udiv i64 {power.get().name}, 10"))
        put(digit.get() + ord("0"))
        n.add(1)
        with f.when(n.get().is_("eq", shift.get())):
            more = _flag(f, n.get().is_("ult", digits.get())) | (large + (-1))
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
    return "\n".join(f.definition(attributes) for f in (_halve(), _double(), _read(), _write()))
