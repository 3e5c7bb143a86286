"""A little language for native helpers: Python that writes LLVM IR over 64-bit words.

Loops such as the one that patches stencils are too long to be readable as IR text. Here they are
written as Python with structured control; variables become stack slots, which the optimiser makes
registers of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lanework.core.ops.prims import ARITHMETIC, Prim


def _operator(prim: Prim) -> Callable[[Word, Any], Word]:
    return lambda word, other: word.function.emit(f"{prim} i64 {word.name}, {text(other)}")


@dataclass(frozen=True)
class Word:
    """A value of 64 bits in a function that is being written."""

    function: Function
    name: str

    __add__, __sub__, __mul__ = map(_operator, ARITHMETIC)
    __and__, __or__ = _operator(Prim.AND), _operator(Prim.OR)
    __lshift__, __rshift__ = _operator(Prim.SHL), _operator(Prim.LSHR)

    def is_(self, how: str, other: Any) -> str:
        """A condition: `how` is eq, ne, ult, ule, ugt, uge, slt, sle, sgt or sge."""
        return self.function.emit(f"icmp {how} i64 {self.name}, {text(other)}").name


def text(value: Any) -> str:
    """A word or a number as IR."""
    return value.name if isinstance(value, Word) else str(int(value))


class Variable:
    """A word that changes."""

    def __init__(self, function: Function, slot: str) -> None:
        self.function, self.slot = function, slot

    def get(self) -> Word:
        """What it holds now."""
        return self.function.emit(f"load i64, ptr {self.slot}")

    def set(self, value: Any) -> None:
        """Make it hold something else."""
        self.function.line(f"store i64 {text(value)}, ptr {self.slot}")

    def add(self, value: Any) -> None:
        """Add to it."""
        self.set(self.get() + value)


class Function:
    """One function over words, which it may return; pointers are words too."""

    def __init__(self, name: str, parameters: tuple[str, ...]) -> None:
        self.name, self.parameters = name, parameters
        self._slots: list[str] = []
        self._lines: list[str] = []
        self._count = 0

    def __getitem__(self, parameter: str) -> Word:
        return Word(self, f"%{parameter}")

    def fresh(self) -> str:
        """A name that is not in use."""
        self._count += 1
        return f"n{self._count}"

    def line(self, what: str) -> None:
        """Write a line."""
        self._lines.append(f"  {what}")

    def emit(self, what: str) -> Word:
        """Write a line that makes a value."""
        name = f"%{self.fresh()}"
        self.line(f"{name} = {what}")
        return Word(self, name)

    def label(self, name: str) -> None:
        """Begin a block."""
        self._lines.append(f"{name}:")

    def variable(self, value: Any = 0) -> Variable:
        """A variable that begins with a value."""
        slot = f"%{self.fresh()}"
        self._slots.append(f"  {slot} = alloca i64")
        variable = Variable(self, slot)
        variable.set(value)
        return variable

    def array(self, words: int) -> Word:
        """The address of so many words on the stack."""
        slot = f"%{self.fresh()}"
        self._slots.append(f"  {slot} = alloca [{words} x i64], align 16")
        return self.emit(f"ptrtoint ptr {slot} to i64")

    # Memory -----------------------------------------------------------------------------------

    def pointer(self, address: Any) -> str:
        """A word as a pointer."""
        return self.emit(f"inttoptr i64 {text(address)} to ptr").name

    def load(self, address: Any, size: int = 8, *, signed: bool = False) -> Word:
        """The bytes at an address, zeros (or the sign) above."""
        bits = size * 8
        value = self.emit(f"load i{bits}, ptr {self.pointer(address)}, align 1")
        if bits == 64:
            return value
        return self.emit(f"{'sext' if signed else 'zext'} i{bits} {value.name} to i64")

    def store(self, address: Any, value: Any, size: int = 8) -> None:
        """Write the lowest bytes of a value."""
        bits, name = size * 8, text(value)
        if bits < 64:
            name = self.emit(f"trunc i64 {name} to i{bits}").name
        self.line(f"store i{bits} {name}, ptr {self.pointer(address)}, align 1")

    def copy16(self, to: Any, source: Any) -> None:
        """Copy sixteen bytes."""
        value = self.emit(f"load <2 x i64>, ptr {self.pointer(source)}, align 1")
        self.line(f"store <2 x i64> {value.name}, ptr {self.pointer(to)}, align 1")

    def call(self, name: str, *args: Any) -> Word:
        """Call another function over words."""
        values = ", ".join(f"i64 {text(arg)}" for arg in args)
        return self.emit(f"call i64 @{name}({values})")

    def call_at(self, address: Any, *args: Any) -> Word:
        """Call a function over words by its address."""
        values = ", ".join(f"i64 {text(arg)}" for arg in args)
        return self.emit(f"call i64 {self.pointer(address)}({values})")

    # Control ----------------------------------------------------------------------------------

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """The block runs if the condition holds."""
        name = self.fresh()
        self.line(f"br i1 {condition}, label %then.{name}, label %end.{name}")
        self.label(f"then.{name}")
        yield
        self.line(f"br label %end.{name}")
        self.label(f"end.{name}")

    @contextmanager
    def loop(self) -> Iterator[str]:
        """The block runs again and again until `leave`; gives the label to leave to."""
        name = self.fresh()
        self.line(f"br label %loop.{name}")
        self.label(f"loop.{name}")
        yield f"left.{name}"
        self.line(f"br label %loop.{name}")
        self.label(f"left.{name}")

    def leave(self, label: str, condition: str) -> None:
        """Leave a loop if the condition holds."""
        name = self.fresh()
        self.line(f"br i1 {condition}, label %{label}, label %on.{name}")
        self.label(f"on.{name}")

    def give(self, value: Any) -> None:
        """Return a value; what is written after it is never reached."""
        self.line(f"ret i64 {text(value)}")
        self.label(f"after.{self.fresh()}")

    def definition(self, attributes: str = "") -> str:
        """The function's IR."""
        parameters = ", ".join(f"i64 %{name}" for name in self.parameters)
        body = "\n".join([*self._slots, *self._lines])
        head = f"define i64 @{self.name}({parameters}) nounwind {attributes}"
        return f"{head} {{\n{body}\n  ret i64 0\n}}\n"
