"""What a register program is bound to: numbers in, numbers out, and functions that it calls.

Inputs and outputs are 64-bit numbers, one or one a lane. External functions are called by number:
Python's, or native ones by address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import BAD_OPTION
from lanework.core.data.columns import Column
from lanework.core.data.labels import joined, title_of
from lanework.core.data.values import Given, as_array, exactly
from lanework.core.program.program import Port, Program
from lanework.machines.register.codes import BAD_INPUT, LEFT_OUT
from lanework.machines.register.isa import ZERO, register_name
from lanework.machines.register.layout import TYPES
from lanework.machines.register.state import FAILED, MASK, RegisterBank

Words = npt.NDArray[np.uint64]
MOST_FUNCTIONS = 1 << 16
_NATIVE: Any = ctypes.CFUNCTYPE(None).__mro__[1]  # what every ctypes function is
_EXTERNAL = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
Function = Callable[[memoryview], object]
Externals = Mapping[int, Any]  # functions of Python and of ctypes, and addresses


@dataclass(frozen=True)
class Bound:
    """Inputs of a run.

    Attributes:
        lanes: how many there are, None without an array.
        columns: for each port register and words, one for all lanes or one a lane.
        labels: of the lanes, None where no input has any.
        levels: what the levels of these are called, if anything.
    """

    lanes: int | None
    columns: list[tuple[int, Words]]
    labels: npt.NDArray[Any] | None
    levels: tuple[str, ...]


def bind_inputs(program: Program, inputs: Mapping[str, Any]) -> Bound:
    """What a run is given: lanes by their labels, and ports that are left out by their defaults.

    Raises:
        Diagnostic: LW4006 for what no port is or takes, and labels that are not the same; LW4016
            for an input that is left out.
    """
    ports = {port.name: port for port in program.inputs}
    columns: dict[str, Words] = {}
    lanes: dict[str, Any] = {}
    for name, value in inputs.items():
        port = ports.get(name)
        if port is None:
            known = ", ".join(ports) or "none"
            held = next((each for each in ports if register_name(ports[each].row) == name), "")
            near = f"{name} is the input {held!r}" if held else did_you_mean(name, list(ports))
            what = f"the program has no input {name!r}"
            raise Diagnostic(BAD_INPUT, what, help=near or f"inputs are: {known}")
        columns[name], many = _words(port, value)
        if many:
            lanes[name] = value
    labels, orders = joined(lanes, "lane", lambda name: Given(f"input {name!r}", BAD_INPUT))
    count, longest = next(((len(columns[name]), name) for name in lanes), (None, ""))
    for name in lanes:
        if len(columns[name]) != count:
            raise Diagnostic(
                BAD_INPUT,
                f"input {name!r} has {len(columns[name])} lanes and {longest!r} has {count}",
                help="give as many values for each, or one number for all lanes",
            )
    given = [
        (ports[name].row, words[orders[name]] if name in orders else words)
        for name, words in columns.items()
    ]
    titles = (title for each in lanes.values() if (title := title_of(each)) is not None)
    return Bound(count, given + defaults(program, inputs), labels, next(titles, ()))


def defaults(program: Program, given: Container[str]) -> list[tuple[int, Words]]:
    """Register and word of each input that is not given and does not begin as 0.

    Raises:
        Diagnostic: LW4016 for one that has no default.
    """
    pairs = ((port.row, default_words(port)) for port in program.inputs if port.name not in given)
    return [(row, words) for row, words in pairs if words.any()]


def default_words(port: Port) -> Words:
    """What an input is that is left out.

    Raises:
        Diagnostic: LW4016.
    """
    if port.default is None:
        register = register_name(port.row)
        raise Diagnostic(
            LEFT_OUT,
            f"the input {port.name!r} is not given",
            help=f"give {port.name}=..., or declare what it is if it is left out:"
            f' .input "{port.name}" {register} {port.dtype} = 0',
        )
    return _words(port, port.default if port.dtype == "f64" else int(port.default))[0]


def _words(port: Port, value: Any) -> tuple[Words, bool]:
    """The words of an input, and whether there is one a lane; its type is the port's."""
    given = Given(f"input {port.name!r}", BAD_INPUT)
    given = value.given(given) if isinstance(value, Column) else given
    array = as_array(value, given)
    mixed = array.dtype.kind in "US" or (array.dtype.kind == "f" and port.dtype != "f64")
    if mixed and isinstance(value, list | tuple) and array.ndim == 1:
        array = np.array(value, object)  # not what NumPy made of numbers beside others
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


def target_of(program: Program, output: str | None) -> Port:
    """The port that a function returns.

    Raises:
        Diagnostic: LW4006.
    """
    ports = program.outputs
    if output is None and len(ports) != 1:
        names = ", ".join(port.name for port in ports)
        what = f"the program has the outputs {names}, and a function returns one"
        help = f"say which: output={ports[0].name!r}" if ports else "declare one: .output r0"
        raise Diagnostic(BAD_INPUT, what if ports else "the program has no output", help=help)
    return ports[0] if output is None else port_of(ports, output)


def port_of(ports: tuple[Port, ...], name: str) -> Port:
    """The port of this name.

    Raises:
        Diagnostic: LW4006.
    """
    for port in ports:
        if isinstance(name, str) and port.name == name:
            return port
    known = ", ".join(port.name for port in ports) or "none"
    raise Diagnostic(BAD_INPUT, f"the program has no port {name!r}", help=f"there are: {known}")


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
        if not isinstance(functions, Mapping):
            what = f"externals are {functions!r}"
            raise Diagnostic(BAD_OPTION, what, help="give functions by number: {0: function}")
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
