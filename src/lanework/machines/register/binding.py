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
from lanework.core.program.program import Port, Program
from lanework.machines.register.codes import BAD_INPUT

_TYPES = {"u64": np.uint64, "i64": np.int64, "f64": np.float64}
Words = npt.NDArray[np.uint64]
MOST_FUNCTIONS = 1 << 16
_NATIVE: Any = ctypes.CFUNCTYPE(None).__mro__[1]  # what every ctypes function is
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
    if type(value) is int and port.dtype != "f64":
        if -(1 << 63) <= value < 1 << 64:
            return np.array([value % (1 << 64)], np.uint64), False
        raise _bad(port, value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        raise _bad(port, value) from None
    if array.ndim > 1 or array.dtype.kind not in "iufb":
        raise _bad(port, value)
    flat = array.reshape(-1)
    if port.dtype == "f64" or not _integral(flat):
        flat = flat.astype(np.float64)
    else:
        flat = flat.astype(np.uint64 if array.dtype.kind == "u" else np.int64)
    return np.ascontiguousarray(flat).view(np.uint64), array.ndim == 1


def _integral(flat: npt.NDArray[Any]) -> bool:
    """Whether numbers are integers, as floats on the command line may be."""
    if flat.dtype.kind != "f":
        return True
    return bool(np.all(np.abs(flat) < 2.0**53) and np.all(flat == np.floor(flat)))


def _bad(port: Port, value: Any) -> Diagnostic:
    text = repr(value)
    return Diagnostic(
        BAD_INPUT,
        f"input {port.name!r} is {text if len(text) < 40 else type(value).__name__}",
        help="give a number of 64 bits, or a column of them",
    )


def output_array(port: Port, words: npt.NDArray[np.uint64], lanes: int | None) -> Any:
    """An output as its port's type: one number, or one a lane."""
    typed = words.view(_TYPES[port.dtype])
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
        self._failure: BaseException | None = None
        self._keep: list[Any] = []
        for number in functions:
            if not isinstance(number, int) or not 0 <= number < MOST_FUNCTIONS:
                what = f"the external function {number!r}"
                raise Diagnostic(BAD_OPTION, what, help="number them from 0")
        self.count = max(functions, default=-1) + 1
        self._table = np.zeros(max(self.count, 1), np.uint64)
        for number, function in functions.items():
            if isinstance(function, int):
                self._table[number] = function
            elif isinstance(function, _NATIVE):
                self._keep.append(function)
                self._table[number] = ctypes.cast(function, ctypes.c_void_p).value or 0
            elif callable(function):
                self.python[number] = function
            else:
                what = f"{function!r} is no function"
                raise Diagnostic(BAD_OPTION, what, help="give a function or its address")
        self.address = int(self._table.ctypes.data)

    def serve(self, number: int, registers: memoryview) -> bool:
        """Call a Python function; False if there is none, or it failed."""
        function = self.python.get(number)
        if function is None:
            return False
        try:
            function(registers)
        except BaseException as failure:  # raised when the program has stopped
            self._failure = failure
            return False
        return True

    def take(self) -> BaseException | None:
        """What the last call raised, once."""
        failure, self._failure = self._failure, None
        return failure
