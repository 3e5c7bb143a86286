"""Op bodies as plain Python functions: one line for each primitive, compiled once.

For single numbers this is some fifty times as fast as NumPy, so the interpreters that step
through a program one instruction at a time use it. Integers are Python ints taken modulo their
width (0 to 2**64 - 1 for i64), floats are Python floats; what Python would refuse (division by
zero, the root of a negative number) gives what IEEE 754 says.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from lanework.core.ops.expr import COMPARE, FLOATS, ROUNDING, SIGNS, Graph, Value
from lanework.core.ops.fused import without_fma

_SIZE = {"i64": 64, "i32": 32}


def _divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or a != a or b != b:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _root(a: float) -> float:
    return math.sqrt(a) if a >= 0.0 else (a if a != a or a == 0.0 else math.nan)


def _rounded(how: Callable[[float], float]) -> Callable[[float], float]:
    def run(a: float) -> float:
        return math.copysign(float(how(a)), a) if math.isfinite(a) else a

    return run


def _integer(a: float) -> int:
    return int(a) if math.isfinite(a) else 0


def _signed(a: int, size: int) -> int:
    return a - (1 << size) if a >> (size - 1) else a


_HELPERS: dict[str, Any] = {
    "divide": _divide,
    "root": _root,
    **{prim: _rounded(getattr(math, prim, round)) for prim in ROUNDING},
    "integer": _integer,
    "signed": _signed,
    "pack": struct.pack,
    "unpack": struct.unpack,
    "fabs": math.fabs,
    "nan": math.nan,
    "inf": math.inf,
}
_LETTER = {"f64": "d", "f32": "f", "i64": "Q", "i32": "I"}


def python_function(graph: Graph) -> Callable[..., Any]:
    """A traced body over i64 and f64 as a function of Python numbers.

    Example:
        >>> from lanework.core.ops.expr import trace
        >>> python_function(trace(lambda a, b: a * b - 1, ("i64", "i64")))(2**63, 2)
        18446744073709551615
    """
    graph = without_fma(graph)
    names: dict[int, str] = {}
    lines = []
    for number, value in enumerate(graph.values):
        if value.prim == "arg":
            names[id(value)] = f"a{value.payload}"
            continue
        names[id(value)] = f"v{number}"
        lines.append(f"    v{number} = {_line(value, [names[id(arg)] for arg in value.args])}")
    parameters = ", ".join(f"a{n}" for n in range(len(graph.dtypes)))
    text = (
        f"def body({parameters}):\n" + "\n".join(lines) + f"\n    return {names[id(graph.result)]}"
    )
    space = dict(_HELPERS)
    exec(text, space)
    function: Callable[..., Any] = space["body"]
    return function


def _line(value: Value, args: list[str]) -> str:
    prim, dtype = value.prim, value.dtype
    if prim == "const":
        assert value.payload is not None
        number = value.payload
        return repr(number if dtype in FLOATS or dtype == "bool" else int(number) % (1 << 64))
    if prim == "select":
        return f"{args[1]} if {args[0]} else {args[2]}"
    if prim == "not":
        return f"not {args[0]}"
    source = value.args[0].dtype
    if prim in COMPARE:
        left, right = args
        if source in _SIZE and prim not in ("eq", "ne", "ult"):
            left, right = (f"signed({arg}, {_SIZE[source]})" for arg in args)
        return f"{left} {SIGNS.get(prim, '<')} {right}"
    if prim in ("bits", "from_bits"):
        return f"unpack('<{_LETTER[dtype]}', pack('<{_LETTER[source]}', {args[0]}))[0]"
    if prim == "to_int":
        return f"integer({args[0]}) & {(1 << _SIZE[dtype]) - 1}"
    if prim == "to_float":
        return f"float(signed({args[0]}, {_SIZE[source]}))"
    if source in FLOATS:
        return _float_line(prim, args)
    return _integer_line(prim, args, _SIZE.get(source, 1))


def _float_line(prim: str, args: list[str]) -> str:
    if prim in SIGNS:
        return f"{args[0]} {SIGNS[prim]} {args[1]}"
    if prim == "neg":
        return f"-{args[0]}"
    name = {"div": "divide", "sqrt": "root", "abs": "fabs"}.get(prim, prim)
    return f"{name}({', '.join(args)})"


def _integer_line(prim: str, args: list[str], size: int) -> str:
    mask = (1 << size) - 1
    a, b = args[0], args[-1]
    if prim in SIGNS:
        return f"({a} {SIGNS[prim]} {b}) & {mask}"
    return {
        "shl": f"({a} << ({b} & {size - 1})) & {mask}",
        "lshr": f"{a} >> ({b} & {size - 1})",
        "ashr": f"(signed({a}, {size}) >> ({b} & {size - 1})) & {mask}",
        "udiv": f"{a} // {b} if {b} else 0",
        "urem": f"{a} % {b} if {b} else 0",
        "umulh": f"({a} * {b}) >> {size}",
        "popcount": f"{a}.bit_count()",
        "clz": f"{size} - {a}.bit_length()",
        "ctz": f"({a} & -{a}).bit_length() - 1 if {a} else {size}",
        "bswap": f"int.from_bytes({a}.to_bytes({size // 8}, 'little'), 'big')",
    }[prim]
