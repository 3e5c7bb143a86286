"""One function an instruction: tables in place of ladders over mnemonics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from lanework.core.program.isa import ISA

F = TypeVar("F", bound=Callable[..., Any])


class Dispatch(dict[str, F]):
    """Functions by mnemonic.

    Attributes:
        isa: whose instructions have one each.
        never: instructions that do not come to this table.

    Example:
        >>> from lanework.core.program.isa import ISA, Instr
        >>> isa = ISA("toy", [Instr("neg", 0, (), "", 1), Instr("halt", 1, (), "", 1)])
        >>> table = Dispatch[Callable[[int], int]](isa, neg=lambda x: -x)
        >>> table["neg"](3), table.missing
        (-3, ['halt'])
        >>> @table.register("halt")
        ... def halted(x: int) -> int:
        ...     return x
        >>> table.missing
        []
    """

    def __init__(self, isa: ISA, never: Iterable[str] = (), **functions: F) -> None:
        super().__init__()
        self.isa, self.never = isa, frozenset(never)
        for name, function in functions.items():
            self.register(name)(function)

    def register(self, *names: str) -> Callable[[F], F]:
        """Let a function stand for some instructions.

        Raises:
            ValueError: for one that the set does not have, or that has a function already.
        """

        def add(function: F) -> F:
            for name in names:
                if name in self or name in self.never or name not in self.isa.by_name:
                    raise ValueError(f"{name} is no instruction that lacks a function")
                self[name] = function
            return function

        return add

    @property
    def missing(self) -> list[str]:
        """The instructions that have no function, none in a table that is whole."""
        return [name for name in self.isa.by_name if name not in self and name not in self.never]
