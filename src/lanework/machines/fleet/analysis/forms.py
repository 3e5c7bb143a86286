"""Whole numbers as sums: so many times the VM's number, so many times others, and a constant.

A symbol stands for a whole number that a VM has: one of its own numbers, or what an instruction
took or gave when it was last executed. What is left of a division names what was divided, so that
a sum may be known to be a multiple of something: x - x % 64 is one of 64.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple

GAVE = 1 << 16
"""Instead of an element: what an instruction gave."""
ROUNDS = 1 << 17
"""The same: how many rounds of the loop that begins with it there were before."""
DEEPEST = 3
"""Remainders of sums of remainders."""
LONGEST = 6
"""Terms of a sum; longer ones are not kept."""


NUMBERS = ("SYSCALL_VMID", "VMGID")
"""Instructions that give a VM's number."""


class Symbol(NamedTuple):
    """A whole number that a VM has.

    Attributes:
        name: for a number of the VM's own the instruction that gives it; else "".
        ip: else the instruction that took or gave it, or `beginning` of one.
        element: the element of the vector that it took, or `GAVE` for what it gave; if that was an
            integer, the complement of it; or `ROUNDS`.
        modulus: for a remainder by what was divided, else 0.
        of: what was divided.
    """

    name: str
    ip: int = -1
    element: int = GAVE
    modulus: int = 0
    of: Form | None = None


class Form(NamedTuple):
    """A sum of symbols, each so many times, and a constant.

    Example:
        >>> vm = Form(0, ((Symbol("SYSCALL_VMID"), 1),))
        >>> vm.plus(vm.times(3)).plus(Form(5)) == Form(5, ((Symbol("SYSCALL_VMID"), 4),))
        True
        >>> rest = Form(0, ((Symbol("", 7, GAVE, 64, vm), 1),))
        >>> vm.plus(rest, -1).congruence
        (64, 0)
    """

    constant: int
    terms: tuple[tuple[Symbol, int], ...] = ()

    def plus(self, other: Form, times: int = 1) -> Form:
        """The sum with so many times another."""
        if not other.terms:
            return Form(self.constant + times * other.constant, self.terms)
        terms = dict(self.terms)
        for symbol, factor in other.terms:
            terms[symbol] = terms.get(symbol, 0) + times * factor
        kept = sorted(((s, n) for s, n in terms.items() if n), key=_order)
        return Form(self.constant + times * other.constant, tuple(kept))

    def times(self, factor: int) -> Form:
        """So many times this."""
        return Form(0).plus(self, factor)

    def mentions(self, ip: int) -> bool:
        """Whether it has a number that an instruction took or gave."""
        return ip in _instructions(self)

    @property
    def depth(self) -> int:
        """Remainders within remainders."""
        return max((1 + s.of.depth for s, _ in self.terms if s.of is not None), default=0)

    @property
    def congruence(self) -> tuple[int, int]:
        """A modulus, and what it is by that; modulus 0 for a constant, 1 where nothing is known."""
        return _congruence(self)


def beginning(head: int) -> int:
    """What stands for an instruction as the beginning of a loop, and not for what it takes."""
    return -2 - head


def symbol(name: str, ip: int = -1, element: int = GAVE) -> Form:
    """A symbol by itself."""
    return Form(0, ((Symbol(name, ip, element), 1),))


def remainder(ip: int, element: int, of: Form, modulus: int) -> Form:
    """What an instruction gives that divides something."""
    if of.depth == DEEPEST or of.mentions(ip):
        return symbol("", ip, element)
    return Form(0, ((Symbol("", ip, element, modulus, of), 1),))


def _order(term: tuple[Symbol, int]) -> tuple[str, int, int]:
    return term[0][:3]


@lru_cache(1 << 12)
def _instructions(form: Form) -> frozenset[int]:
    inner = [_instructions(each.of) for each, _ in form.terms if each.of is not None]
    return frozenset(each.ip for each, _ in form.terms).union(*inner)


@lru_cache(1 << 12)
def _congruence(form: Form) -> tuple[int, int]:
    modulus = 0
    while divided := [(s, n, s.of) for s, n in form.terms if s.of is not None]:
        for each, factor, of in divided:
            modulus = gcd(modulus, factor * each.modulus)
            form = form.plus(Form(0, ((each, -factor),))).plus(of, factor)
    modulus = gcd(modulus, *(factor for _, factor in form.terms))
    return modulus, form.constant % modulus if modulus else form.constant
