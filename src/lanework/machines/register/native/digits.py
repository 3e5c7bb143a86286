"""Decimal digits of a number in memory, all of them: halved, doubled and rounded exactly."""

from __future__ import annotations

from lanework.engines.llvm.nativetext import Function, Word

MOST = 800  # digits that are kept; every float has fewer, and of others one counts as being there
# What is kept: the number is 0.d0 d1 d2... times ten to the power of the point.
COUNT, POINT, REST, DIGITS = 0, 8, 16, 24
SIZE = (DIGITS + MOST + 8) // 8 + 1
HALVE, DOUBLE = "decimal_halve", "decimal_double"


class Kept:
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


def flag(f: Function, condition: str) -> Word:
    """A condition as 1 or 0."""
    return f.emit(f"zext i1 {condition} to i64")


def halve() -> Function:
    """Halve the digits at an address."""
    f = Function(HALVE, ("at",))
    kept, n, carry = Kept(f, f["at"]), f.variable(0), f.variable(0)
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


def double() -> Function:
    """Double the digits at an address."""
    f = Function(DOUBLE, ("at",))
    kept, carry = Kept(f, f["at"]), f.variable(0)
    n = f.variable(kept.get(COUNT))
    with f.loop() as done:
        f.leave(done, n.get().is_("eq", 0))
        n.add(-1)
        digit = kept.digit(n.get()) * 2 + carry.get()
        above = flag(f, digit.is_("uge", 10))
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


def rounded(f: Function, kept: Kept, digits: Word) -> Word:
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
        up = f.variable(flag(f, following.is_("ugt", 5)))
        with f.when(following.is_("eq", 5)):
            more = flag(f, rest.get().is_("ne", 0))
            up.set(more | (value.get() & 1))
        value.add(up.get())
    return value.get()
