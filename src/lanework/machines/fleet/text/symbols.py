"""Symbols of linked modules, and where their buffers lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.fleet.codes import BAD_LINK
from lanework.machines.fleet.plan import Buffer, Symbol
from lanework.machines.fleet.text.expression import Expression, Number, integer
from lanework.machines.fleet.text.module import Module, ModuleBuffer
from lanework.machines.fleet.text.words import Position

_DEEP = 100  # symbols that are defined through each other


def conflict(message: str, position: Position, help: str | None = None) -> Diagnostic:
    """A diagnostic of modules that do not go together, LW6009."""
    return Diagnostic(BAD_LINK, message, span=position.line.span(position.word), help=help)


@dataclass
class Symbols:
    """Symbols and buffers of modules.

    Attributes:
        defined: what symbols are, a constant's expression or a buffer's number, and where.
        values: of those that are known.
        buffers: of all modules, in order.
        allocated: the same with offset and size.
        depth: how many symbols are being found, one through the other.
    """

    defined: dict[str, tuple[Expression | int, Position]] = field(default_factory=dict)
    values: dict[str, Number] = field(default_factory=dict)
    buffers: list[ModuleBuffer] = field(default_factory=list)
    allocated: list[Buffer] = field(default_factory=list)
    depth: int = 0

    def define(self, modules: Sequence[Module]) -> None:
        """Take the symbols of all modules, and place their buffers."""
        for module in modules:
            for name, expression in module.symbols.items():
                self._symbol(name, expression, expression.place)
            for buffer in module.buffers:
                number = len(self.buffers)
                self.buffers.append(buffer)
                self._symbol(buffer.name, number, buffer.place)
                self._symbol(f"{buffer.name}.size", buffer.size, buffer.place)
        at = highest = 0
        starts = {sum(len(m.buffers) for m in modules[:n]) for n in range(len(modules))}
        for number, buffer in enumerate(self.buffers):
            at = highest if number in starts else at
            size = self.integer(buffer.size)
            offset = at if buffer.offset is None else self.integer(buffer.offset)
            self.values[buffer.name] = offset
            steps = [self.integer(each) for each in buffer.lifetime]
            lifetime = (steps[0], steps[1]) if steps else ()
            low, high = (
                None if each is None else float(each.value(self.value)) for each in buffer.ends
            )
            self.allocated.append(
                Buffer(
                    buffer.name,
                    offset,
                    size,
                    buffer.direction,
                    lifetime,
                    low,
                    high,
                    buffer.dtype,
                    buffer.pad,
                )
            )
            at = offset + size
            highest = max(highest, at)
        for name, (value, position) in self.defined.items():
            if isinstance(value, Expression):
                self.value(name, position)

    def _symbol(self, name: str, value: Expression | int, position: Position) -> None:
        if name in self.defined:
            known, first = self.defined[name]
            same = [each.items for each in (known, value) if isinstance(each, Expression)]
            if len(same) == 2 and same[0] == same[1]:
                return
            raise conflict(
                f"the symbol {name!r} is defined twice, in {first.line.source} and in"
                f" {position.line.source}",
                position,
                f"define it once, and declare it elsewhere: .extern {name}",
            )
        self.defined[name] = value, position

    def value(self, name: str, position: Position) -> Number:
        """The value of a symbol."""
        if name in self.values:
            return self.values[name]
        if name not in self.defined:
            near = did_you_mean(name, list(self.defined))
            help = near or "no module defines it with .const or .buffer"
            raise conflict(f"the symbol {name!r} is defined nowhere", position, help)
        expression, _ = self.defined[name]
        self.depth += 1
        if self.depth > _DEEP or isinstance(expression, int):
            raise position.fault(
                f"the symbol {name!r} depends on itself, or on too many others",
                "define symbols before they are used",
            )
        self.values[name] = expression.value(self.value)
        self.depth -= 1
        return self.values[name]

    def place(self, expression: Expression) -> Symbol | None:
        """What an expression is that is made of names of buffers; None for one without."""
        numbers = {each.name: n for n, each in enumerate(self.buffers)}
        here, steps = expression.value(self.value), dict[float, list[int]]()
        for name in numbers.keys() & set(expression.names):

            def moved(each: str, at: Position, name: str = name) -> Number:
                return self.value(each, at) + (each == name)

            there = expression.value(moved)
            if there != here:
                steps.setdefault(there - here, []).append(numbers[name])
        if not steps:
            return None
        to, away = steps.pop(1, []), steps.pop(-1, [])
        if steps or len(to) != 1 or len(away) > 1:
            return Symbol(-1)
        if away:
            return Symbol(to[0], away[0])
        buffer = self.allocated[to[0]]
        return Symbol(to[0] if here < buffer.offset + buffer.size else -1)

    def integer(self, expression: Expression, least: int = 0) -> int:
        """The value of an expression that has to be a whole number."""
        return integer(expression.value(self.value), expression.place, least=least)
