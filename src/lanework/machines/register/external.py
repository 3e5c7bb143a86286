"""Functions that programs call by number: Python's, or native ones by address."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.engines.codes import BAD_OPTION

MOST = 1 << 16
_NATIVE: Any = ctypes.CFUNCTYPE(None).__mro__[1]  # what every ctypes function is
Function = Callable[[memoryview], object]


class ExternalTable:
    """Functions by number.

    A native function is given as an address (an int) or a ctypes function; machine code calls it
    with a pointer to the registers, and it returns 0, or something else to stop the program. For
    a Python function machine code ends at the instruction, and goes on after it: so nothing that
    Python raises has to pass through machine code, and no page has to be written and run.

    Attributes:
        address: of the table of native functions.
        count: of its entries.
        python: the others.
    """

    def __init__(self, functions: Mapping[int, Any]) -> None:
        self.python: dict[int, Function] = {}
        self._failure: BaseException | None = None
        self._keep: list[Any] = []
        for number in functions:
            if not isinstance(number, int) or not 0 <= number < MOST:
                raise Diagnostic(
                    BAD_OPTION, f"the external function {number!r}", help="number them from 0"
                )
        self.count = max(functions, default=-1) + 1
        self._table = np.zeros(max(self.count, 1), np.uint64)
        for number, function in functions.items():
            self._place(number, function)
        self.address = int(self._table.ctypes.data)

    def _place(self, number: int, function: Any) -> None:
        if isinstance(function, int):
            self._table[number] = function
        elif isinstance(function, _NATIVE):
            self._keep.append(function)
            self._table[number] = ctypes.cast(function, ctypes.c_void_p).value or 0
        elif callable(function):
            self.python[number] = function
        else:
            raise Diagnostic(
                BAD_OPTION, f"{function!r} is no function", help="give a function or its address"
            )

    def serve(self, number: int, registers: memoryview) -> bool:
        """Call a Python function; False if there is none, or it failed."""
        function = self.python.get(number)
        if function is None:
            return False
        try:
            function(registers)
        except BaseException as failure:  # told when the program has stopped
            self._failure = failure
            return False
        return True

    def take(self) -> BaseException | None:
        """What the last call raised, once."""
        failure, self._failure = self._failure, None
        return failure
