"""Register fields: where in a stencil's code the numbers of its registers are.

An instruction has a few bits for each of its registers. They are found by compiling a stencil with
other registers and comparing: a bit of a register's number turns the same bits of the code over,
whatever the rest is. So one stencil serves every choice of registers. That this holds is checked
on further choices; a stencil for which it does not is refused when the package is built.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lanework.engines.stencil.stencil import Stencil

Choice = tuple[int, ...]  # the number of each register, operands first, then the target
CHECKS = 6


class NotPatchable(Exception):
    """The code depends on its registers in another way than through their fields."""


@dataclass(frozen=True)
class Field:
    """Bits of one byte that are turned over where a bit of a register's number is set."""

    offset: int
    operand: int
    bit: int
    mask: int


@dataclass(frozen=True)
class Patchable:
    """A stencil for registers that are all number 0, and where their fields are.

    Attributes:
        early: whether the target must be another register than every operand.
    """

    stencil: Stencil
    fields: tuple[Field, ...]
    early: bool

    def code(self, choice: Choice) -> bytes:
        """The code for other registers."""
        return _turned(self.stencil.code, self.fields, choice)

    def then(self, other: Patchable | Stencil) -> Patchable:
        """Itself and another after it."""
        if isinstance(other, Stencil):
            other = Patchable(other, (), early=False)
        start = len(self.stencil.code)
        holes = [replace(hole, offset=hole.offset + start) for hole in other.stencil.holes]
        fields = [replace(field, offset=field.offset + start) for field in other.fields]
        stencil = Stencil(self.stencil.code + other.stencil.code, (*self.stencil.holes, *holes))
        return Patchable(stencil, (*self.fields, *fields), self.early or other.early)


def samples(count: int, bits: int) -> Iterator[Choice]:
    """The choices of `count` different registers that must be compiled to find the fields."""
    for bit in range(bits):
        base = _base(count, bit)
        yield base
        for n in range(count):
            yield _with(base, n, bit)


def checks(name: str, count: int, registers: int) -> list[Choice]:
    """Further choices, of so many registers, on which the fields are tried."""
    rng = random.Random(name)
    return [tuple(rng.sample(range(registers), count)) for _ in range(CHECKS)]


def shared(count: int) -> list[Choice]:
    """Choices in which the target, which comes last, is one of the operands."""
    first = tuple(range(count - 1))
    return [(*first, n) for n in first]


def _base(count: int, bit: int) -> Choice:
    numbers = (n for n in itertools.count() if not n >> bit & 1)
    return tuple(itertools.islice(numbers, count))


def _with(choice: Choice, operand: int, bit: int) -> Choice:
    return tuple(n | 1 << bit if place == operand else n for place, n in enumerate(choice))


def find(
    compiled: Mapping[Choice, Stencil], count: int, bits: int, operands: tuple[int, ...]
) -> list[Field]:
    """The fields of a stencil from its samples.

    Args:
        compiled: the stencil for each choice of `samples`.
        count: how many registers it has.
        bits: of a register's number.
        operands: the place of each register among the operands.

    Raises:
        NotPatchable: it has not the same length or holes for all choices.
    """
    fields = []
    for bit in range(bits):
        base = compiled[_base(count, bit)]
        for n in range(count):
            other = compiled[_with(_base(count, bit), n, bit)]
            if len(other.code) != len(base.code) or other.holes != base.holes:
                raise NotPatchable
            for offset, (a, b) in enumerate(zip(base.code, other.code, strict=True)):
                if a != b:
                    fields.append(Field(offset, operands[n], bit, a ^ b))
    return fields


def patchable(
    compiled: Mapping[Choice, Stencil],
    name: str,
    count: int,
    registers: int,
    operands: tuple[int, ...],
) -> Patchable:
    """A stencil with its fields, checked.

    Raises:
        NotPatchable: the fields do not give the code that was compiled.
    """
    bits = (registers - 1).bit_length()
    fields = find(compiled, count, bits, operands)
    first = compiled[_base(count, 0)]

    def full(choice: Choice) -> Choice:
        wide = [0] * 4
        for n, operand in enumerate(operands):
            wide[operand] = choice[n]
        return tuple(wide)

    code = _turned(first.code, fields, full(_base(count, 0)))
    result = Patchable(Stencil(code, first.holes), tuple(fields), early=False)

    def same(choice: Choice) -> bool:
        wanted = compiled[choice]
        return wanted.code == result.code(full(choice)) and wanted.holes == first.holes

    if not all(map(same, [*samples(count, bits), *checks(name, count, registers)])):
        raise NotPatchable
    makes = bool(operands) and operands[-1] == 3
    early = makes and not all(map(same, shared(count)))
    return Patchable(result.stencil, result.fields, early)


def _turned(code: bytes, fields: list[Field] | tuple[Field, ...], choice: Choice) -> bytes:
    out = bytearray(code)
    for field in fields:
        if choice[field.operand] >> field.bit & 1:
            out[field.offset] ^= field.mask
    return bytes(out)
