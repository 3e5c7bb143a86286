"""Functions that programs call by number: Python's, or native ones by address."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.engines.codes import BAD_OPTION
from lanework.machines.register.isa import ZERO

MOST = 1 << 16
_NATIVE: Any = ctypes.CFUNCTYPE(None).__mro__[1]  # what every ctypes function is
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
Function = Callable[[memoryview], object]


class ExternalTable:
    """Addresses by number, as compiled code reads them.

    A Python function gets the registers r0 to r30 as a memoryview of 64-bit words, which it may
    change. A native one is given as an address (an int) or a ctypes function; it gets a pointer
    to the registers and returns 0, or something else to stop the program.

    Attributes:
        address: of the table.
        count: of its entries.
    """

    def __init__(self, functions: Mapping[int, Any]) -> None:
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
            self._table[number] = self._place(function)
        self.address = int(self._table.ctypes.data)

    def _place(self, function: Any) -> int:
        if isinstance(function, int):
            return function
        if isinstance(function, _NATIVE):
            self._keep.append(function)
            return ctypes.cast(function, ctypes.c_void_p).value or 0
        if not callable(function):
            raise Diagnostic(
                BAD_OPTION, f"{function!r} is no function", help="give a function or its address"
            )

        def call(state: int) -> int:
            block = (ctypes.c_uint64 * ZERO).from_address(state)
            try:
                function(memoryview(block).cast("B").cast("Q"))
            except BaseException as failure:  # it cannot pass through machine code
                self._failure = failure
                return 1
            return 0

        made = _PROTOTYPE(call)
        self._keep.append(made)
        return ctypes.cast(made, ctypes.c_void_p).value or 0

    def take(self) -> BaseException | None:
        """What the last call raised, once."""
        failure, self._failure = self._failure, None
        return failure
