"""What a register program is bound to: numbers in, numbers out, and functions that it calls.

Inputs and outputs are 64-bit numbers, one or one a lane. External functions are called by number:
Python's, or native ones by address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import BAD_OPTION
from lanework.core.data.values import Given, as_array, exactly
from lanework.core.program.program import Port, Program
from lanework.machines.register.codes import BAD_INPUT
from lanework.machines.register.isa import ZERO, register_name
from lanework.machines.register.layout import TYPES
from lanework.machines.register.state import FAILED, MASK, RegisterBank

Words = npt.NDArray[np.uint64]
MOST_FUNCTIONS = 1 << 16
_NATIVE: Any = ctypes.CFUNCTYPE(None).__mro__[1]  # what every ctypes function is
_EXTERNAL = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
Function = Callable[[memoryview], object]
Externals = Mapping[int, Any]  # functions of Python and of ctypes, and addresses


def bind_inputs(
    program: Program, inputs: Mapping[str, Any]
) -> tuple[int | None, list[tuple[int, Words]]]:
    """The number of lanes (None without an array), and for each given port register and words.

    Raises:
        Diagnostic: LW4006.
    """
    ports = {port.name: port for port in program.inputs}
    columns: list[tuple[int, Words]] = []
    lanes: int | None = None
    longest = ""
    for name, value in inputs.items():
        port = ports.get(name)
        if port is None:
            known = ", ".join(ports) or "none"
            raise Diagnostic(
                BAD_INPUT,
                f"the program reads no register {name!r}",
                help=did_you_mean(name, list(ports)) or f"inputs are: {known}",
            )
        words, many = _words(port, value)
        if many:
            if lanes is not None and len(words) != lanes:
                raise Diagnostic(
                    BAD_INPUT,
                    f"input {name!r} has {len(words)} lanes and {longest!r} has {lanes}",
                    help="give as many values for each, or one number for all lanes",
                )
            lanes, longest = len(words), name
        columns.append((port.row, words))
    return lanes, columns


def _words(port: Port, value: Any) -> tuple[Words, bool]:
    """The words of an input, and whether there is one a lane; its type is the port's."""
    given = Given(f"input {port.name!r}", BAD_INPUT)
    array = as_array(value, given)
    if array.ndim > 1:
        given.refuse(f"has the shape {array.shape}", "give a number, or a column of them")
    if port.dtype != "f64" and array.size:
        _refuse_floats(port, array, given)
    array = _same_bits(array) if port.dtype == "u64" else array
    words = exactly(array, port.dtype, given).reshape(-1)
    return np.ascontiguousarray(words).view(np.uint64), array.ndim == 1


def _same_bits(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Negative numbers as words, as far as 64 bits hold them."""
    if array.dtype.kind == "i":
        return array.astype(np.int64).view(np.uint64)
    if array.dtype.kind == "O":
        items = list(array.flat)
        if all(isinstance(item, int) and -(1 << 63) <= item <= MASK for item in items):
            return np.array([item & MASK for item in items], np.uint64).reshape(array.shape)
    return np.zeros(array.shape, np.uint64) if array.size == 0 else array


def _refuse_floats(port: Port, array: npt.NDArray[Any], given: Given) -> None:
    """Refuse a float for a register of whole numbers, the whole ones too: its bits are others.

    Raises:
        Diagnostic: LW4006.
    """
    floats = (isinstance(item, float | np.floating) for item in array.reshape(-1)[:1])
    if array.dtype.kind == "O":
        floats = (isinstance(item, float | np.floating) for item in array.flat)
    place = next((n for n, is_float in enumerate(floats) if is_float), None)
    if place is not None:
        given.refuse(
            f"is the float {array.flat[place]}, and the port is {port.dtype}",
            f'declare floats: .input "{port.name}" {register_name(port.row)} f64, or'
            f' assemble(text, types={{"{port.name}": "f64"}}); else give a whole number',
            place,
            array.shape,
        )


def output_array(port: Port, words: npt.NDArray[np.uint64], lanes: int | None) -> Any:
    """An output as its port's type: one number, or one a lane."""
    typed = words.view(TYPES[port.dtype])
    return typed[0] if lanes is None else typed


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
        self._keep: list[Any] = []
        for number in functions:
            if not isinstance(number, int) or not 0 <= number < MOST_FUNCTIONS:
                what = f"the external function {number!r}"
                raise Diagnostic(BAD_OPTION, what, help="number them from 0")
        self.count = max(functions, default=-1) + 1
        self._table = np.zeros(max(self.count, 1), np.uint64)
        for number, function in functions.items():
            if isinstance(function, int) and 0 < function <= MASK:
                self._table[number] = function
            elif isinstance(function, _NATIVE):
                self._keep.append(function)
                self._table[number] = ctypes.cast(function, ctypes.c_void_p).value or 0
            elif callable(function):
                self.python[number] = function
            else:
                what = f"the external function {number} is {function!r}"
                raise Diagnostic(BAD_OPTION, what, help="give a function or its address")
        self.address = int(self._table.ctypes.data)

    def serve(self, number: int, bank: RegisterBank) -> bool:
        """Call a Python function; False if there is none, or it failed, as the bank then says."""
        function = self.python.get(number)
        if function is None:
            return False
        try:
            function(bank.words[:ZERO])
        except BaseException as failure:  # raised when the program has stopped
            bank.failure = failure
            return False
        return True

    def call(self, number: int, bank: RegisterBank) -> bool:
        """Call any function, for an engine that has no machine code to call native ones with."""
        address = int(self._table[number]) if 0 <= number < self.count else 0
        if not address:
            return self.serve(number, bank)
        bank.words[FAILED] = _EXTERNAL(address)(bank.address) & MASK
        bank.words[ZERO] = 0
        return bank.words[FAILED] == 0
