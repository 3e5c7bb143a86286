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

from lanework.core.ops.expr import FLOATS, INTS, Graph, Value
from lanework.core.ops.fused import without_fma
from lanework.core.ops.prims import (
    ARG,
    ARITHMETIC,
    CONST,
    EQUALITY,
    LOGIC,
    ORDER,
    ROUNDING,
    SIGNS,
    Prim,
)


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
    **{prim: _rounded(getattr(math, prim, round)) for prim in map(str, ROUNDING)},
    "integer": _integer,
    "signed": _signed,
    "pack": struct.pack,
    "unpack": struct.unpack,
    "nan": math.nan,
    "inf": math.inf,
}
_FORMAT = {"f64": "d", "f32": "f", "i64": "Q", "i32": "I", "bool": "?"}
_WIDTHS = {
    dtype: {
        "source": source,
        "size": str(size),
        "last": str(size - 1),
        "mask": str((1 << size) - 1),
    }
    for (dtype, source), size in zip(_FORMAT.items(), (64, 32, 64, 32, 1), strict=True)
}


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
        if value.prim is ARG:
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


_INFIX = {prim: f"{{0}} {sign} {{1}}" for prim, sign in SIGNS.items()}
_REINTERPRET = "unpack('<{result}', pack('<{source}', {0}))[0]"
OF_FLOATS: dict[Prim, str] = {
    **{prim: _INFIX[prim] for prim in (*ARITHMETIC, *ORDER, *EQUALITY)},
    **{prim: f"{prim}({{0}})" for prim in (Prim.ABS, *ROUNDING)},
    Prim.DIV: "divide({0}, {1})",
    Prim.NEG: "-{0}",
    Prim.SQRT: "root({0})",
    Prim.BITS: _REINTERPRET,
    Prim.TO_INT: "integer({0}) & {mask}",
}
OF_WORDS: dict[Prim, str] = {
    **{prim: f"({_INFIX[prim]}) & {{mask}}" for prim in (*ARITHMETIC, *LOGIC)},
    **{prim: f"signed({{0}}, {{size}}) {SIGNS[prim]} signed({{1}}, {{size}})" for prim in ORDER},
    **{prim: _INFIX[prim] for prim in EQUALITY},
    Prim.ULT: "{0} < {1}",
    Prim.SELECT: "{1} if {0} else {2}",
    Prim.NOT: "not {0}",
    Prim.SHL: "({0} << ({1} & {last})) & {mask}",
    Prim.LSHR: "{0} >> ({1} & {last})",
    Prim.ASHR: "(signed({0}, {size}) >> ({1} & {last})) & {mask}",
    Prim.UDIV: "{0} // {1} if {1} else 0",
    Prim.UREM: "{0} % {1} if {1} else 0",
    Prim.UMULH: "({0} * {1}) >> {size}",
    Prim.POPCOUNT: "{0}.bit_count()",
    Prim.CLZ: "{size} - {0}.bit_length()",
    Prim.CTZ: "({0} & -{0}).bit_length() - 1 if {0} else {size}",
    Prim.BSWAP: "int.from_bytes({0}.to_bytes({size} // 8, 'little'), 'big')",
    Prim.FROM_BITS: _REINTERPRET,
    Prim.TO_FLOAT: "float(signed({0}, {size}))",
}
"""How each primitive is written: of floats, and of integers and truth values."""


def _line(value: Value, args: list[str]) -> str:
    if value.prim is CONST:
        number = value.payload
        assert number is not None
        return repr(int(number) % (1 << 64) if value.dtype in INTS else number)
    source = value.args[0].dtype
    form = (OF_FLOATS if source in FLOATS else OF_WORDS)[value.prim]
    return form.format(*args, **_WIDTHS[source], result=_FORMAT[value.dtype])
