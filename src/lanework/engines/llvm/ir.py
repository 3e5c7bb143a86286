"""Op bodies as LLVM IR text: one rule for each primitive, for scalars and for vectors.

Text is used instead of an object builder because it is several times faster to make, and it
can be read. No fast-math flag is ever written, so LLVM neither contracts nor reorders.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from lanework.core.ops.expr import FLOATS, Graph, Value
from lanework.core.ops.fused import without_fma
from lanework.core.ops.prims import (
    ARG,
    ARITHMETIC,
    CONST,
    EQUALITY,
    LOGIC,
    ORDER,
    ROUNDING,
    SHIFTS,
    Prim,
)

_SCALAR = {"f64": "double", "f32": "float", "i64": "i64", "i32": "i32", "bool": "i1"}
_OF_INTEGERS = {
    **{prim: f"icmp s{prim}" for prim in ORDER},
    **{prim: f"icmp {prim}" for prim in (*EQUALITY, Prim.ULT)},
    **{prim: str(prim) for prim in (*ARITHMETIC, *LOGIC, *SHIFTS, Prim.UDIV, Prim.UREM)},
}
_OF_FLOATS = {
    **{prim: f"fcmp o{prim}" for prim in (*ORDER, *EQUALITY)},
    **{prim: f"f{prim}" for prim in (*ARITHMETIC, Prim.DIV)},
    Prim.NE: "fcmp une",
}
_INTRINSIC = {
    **{prim: str(prim) for prim in (Prim.SQRT, *ROUNDING, Prim.FMA, Prim.BSWAP)},
    Prim.ABS: f"f{Prim.ABS}",
    Prim.POPCOUNT: "ctpop",
    Prim.CLZ: "ctlz",
    Prim.CTZ: "cttz",
}
_ASKS = (Prim.CLZ, Prim.CTZ)  # whether zero has an answer, too
_CAST = {
    Prim.BITS: "bitcast",
    Prim.FROM_BITS: "bitcast",
    Prim.TO_INT: "fptosi",
    Prim.TO_FLOAT: "sitofp",
}


def type_of(dtype: str, width: int) -> str:
    """The LLVM type of `width` lanes of a dtype; width 1 is a scalar."""
    scalar = _SCALAR[dtype]
    return scalar if width == 1 else f"<{width} x {scalar}>"


def literal(value: float | bool, dtype: str) -> str:
    """A scalar constant as LLVM writes it; floats by bit pattern, so that none is rounded."""
    if dtype in FLOATS:
        if dtype == "f32":
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    if dtype == "bool":
        return "true" if value else "false"
    return str(int(value))


def constant(value: float | bool, dtype: str, width: int) -> str:
    """A constant in every lane."""
    text = literal(value, dtype)
    return text if width == 1 else f"splat ({_SCALAR[dtype]} {text})"


def suffix(dtype: str, width: int) -> str:
    """The overload suffix of an intrinsic, such as ``v8f64``."""
    return dtype if width == 1 else f"v{width}{dtype}"


class Writer:
    """Collects the lines of one function and names its values.

    Args:
        width: of its vectors.
        fused: whether the target has an instruction for `fma`, or a C library that has it.
    """

    def __init__(self, width: int = 1, *, fused: bool = True) -> None:
        self.width, self.fused = width, fused
        self.lines: list[str] = []
        self.declares: set[str] = set()
        self._count = 0

    def name(self) -> str:
        """A fresh value name."""
        self._count += 1
        return f"%v{self._count}"

    def emit(self, text: str) -> str:
        """Write ``%vN = text`` and return ``%vN``."""
        self._count += 1
        name = f"%v{self._count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def line(self, text: str) -> None:
        """Write a line that makes no value (a store, a branch)."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")

    def intrinsic(self, name: str, result: str, args: list[tuple[str, str]]) -> str:
        """Call an intrinsic and remember its declaration."""
        types = ", ".join(kind for kind, _ in args)
        self.declares.add(f"declare {result} @{name}({types})")
        values = ", ".join(f"{kind} {value}" for kind, value in args)
        return self.emit(f"call {result} @{name}({values})")

    def call(self, name: str, args: list[tuple[str, str]]) -> None:
        """Call an intrinsic that gives nothing."""
        self.declares.add(f"declare void @{name}({', '.join(kind for kind, _ in args)})")
        values = ", ".join(f"{kind} {value}" for kind, value in args)
        self.line(f"call void @{name}({values})")

    # Vectors of f64, but where something else is said -------------------------------------------

    def splat(self, name: str, kind: str) -> str:
        """A number in every lane."""
        n = self.width
        one = self.emit(f"insertelement <{n} x {kind}> poison, {kind} {name}, i64 0")
        zeros = f"<{n} x i32> zeroinitializer"
        return self.emit(f"shufflevector <{n} x {kind}> {one}, <{n} x {kind}> poison, {zeros}")

    def gather(self, table: str, index: str, condition: str) -> str:
        """Elements of a table where the condition holds, else zeros."""
        n, kind = self.width, f"<{self.width} x double>"
        at = self.emit(f"getelementptr double, ptr {table}, <{n} x i64> {index}")
        name = f"llvm.masked.gather.v{n}f64.v{n}p0"
        pointers = (f"<{n} x ptr>", f"align 8 {at}")
        mask = (f"<{n} x i1>", condition)
        return self.intrinsic(name, kind, [pointers, mask, (kind, "zeroinitializer")])

    def masked_load(self, pointer: str, condition: str, dtype: str = "f64") -> str:
        """Elements in a row where the condition holds, else zeros."""
        n, kind = self.width, f"<{self.width} x {_SCALAR[dtype]}>"
        mask = (f"<{n} x i1>", condition)
        align = 4 if dtype.endswith("32") else 8
        args = [("ptr", f"align {align} {pointer}"), mask, (kind, "zeroinitializer")]
        return self.intrinsic(f"llvm.masked.load.v{n}{dtype}.p0", kind, args)

    def masked_store(self, value: str, pointer: str, condition: str) -> None:
        """Store elements in a row where the condition holds."""
        n = self.width
        mask = (f"<{n} x i1>", condition)
        args = [(f"<{n} x double>", value), ("ptr", f"align 8 {pointer}"), mask]
        self.call(f"llvm.masked.store.v{n}f64.p0", args)

    def scatter(self, value: str, base: str, index: str, condition: str) -> None:
        """Store elements at their places where the condition holds."""
        n = self.width
        at = self.emit(f"getelementptr double, ptr {base}, <{n} x i64> {index}")
        pointers = (f"<{n} x ptr>", f"align 8 {at}")
        mask = (f"<{n} x i1>", condition)
        name = f"llvm.masked.scatter.v{n}f64.v{n}p0"
        self.call(name, [(f"<{n} x double>", value), pointers, mask])


def halved(emit: Callable[[str], str], vector: str, width: int) -> str:
    """The sum of a vector, of one lane: halves onto each other until one is left."""
    while width > 1:
        half, parts = width // 2, []
        for first in (0, half):
            indices = ", ".join(f"i32 {first + n}" for n in range(half))
            both = f"<{width} x double> {vector}, <{width} x double> poison"
            parts.append(emit(f"shufflevector {both}, <{half} x i32> <{indices}>"))
        vector = emit(f"fadd <{half} x double> {parts[0]}, {parts[1]}")
        width = half
    return vector


def emit_graph(writer: Writer, graph: Graph, args: list[str], width: int) -> str:
    """Write a traced body inline; `args` are LLVM values of `width` lanes; returns the result."""
    names: dict[int, str] = {}
    graph = graph if writer.fused else without_fma(graph)
    for value in graph.values:
        if value.prim is ARG:
            names[id(value)] = args[int(value.payload or 0)]
        elif value.prim is CONST:
            assert value.payload is not None
            names[id(value)] = constant(value.payload, value.dtype, width)
        else:
            operands = [names[id(arg)] for arg in value.args]
            names[id(value)] = RULES[value.prim](writer, value, operands, width)
    return names[id(graph.result)]


def _binary(writer: Writer, value: Value, args: list[str], width: int) -> str:
    source = value.args[0].dtype
    words = _OF_FLOATS if source in FLOATS else _OF_INTEGERS
    return writer.emit(f"{words[value.prim]} {type_of(source, width)} {args[0]}, {args[1]}")


def _call(writer: Writer, value: Value, args: list[str], width: int) -> str:
    source, prim = value.args[0].dtype, value.prim
    kind = type_of(source, width)
    flag = [("i1", "false")] if prim in _ASKS else []
    name = f"llvm.{_INTRINSIC[prim]}.{suffix(source, width)}"
    return writer.intrinsic(name, kind, [*((kind, arg) for arg in args), *flag])


def _upper(writer: Writer, value: Value, args: list[str], width: int) -> str:
    """The upper half of a product, through integers of twice the width."""
    dtype = value.args[0].dtype
    size = int(dtype[1:])
    kind = type_of(dtype, width)
    wide = f"i{2 * size}" if width == 1 else f"<{width} x i{2 * size}>"
    a, b = (writer.emit(f"zext {kind} {arg} to {wide}") for arg in args)
    product = writer.emit(f"mul {wide} {a}, {b}")
    by = str(size) if width == 1 else f"splat (i{2 * size} {size})"
    upper = writer.emit(f"lshr {wide} {product}, {by}")
    return writer.emit(f"trunc {wide} {upper} to {kind}")


def _select(writer: Writer, value: Value, args: list[str], width: int) -> str:
    chosen = type_of(value.dtype, width)
    return writer.emit(
        f"select {type_of('bool', width)} {args[0]}, {chosen} {args[1]}, {chosen} {args[2]}"
    )


def _cast(writer: Writer, value: Value, args: list[str], width: int) -> str:
    source, result = type_of(value.args[0].dtype, width), type_of(value.dtype, width)
    return writer.emit(f"{_CAST[value.prim]} {source} {args[0]} to {result}")


RULES: dict[Prim, Callable[[Writer, Value, list[str], int], str]] = {
    **dict.fromkeys((*_OF_INTEGERS, *_OF_FLOATS), _binary),
    **dict.fromkeys(_INTRINSIC, _call),
    **dict.fromkeys(_CAST, _cast),
    Prim.UMULH: _upper,
    Prim.SELECT: _select,
    Prim.NEG: lambda w, value, args, width: w.emit(f"fneg {type_of(value.dtype, width)} {args[0]}"),
    Prim.NOT: lambda w, _, args, width: w.emit(
        f"xor {type_of('bool', width)} {args[0]}, {constant(True, 'bool', width)}"
    ),
}
"""How each primitive is written."""


def op_function(name: str, graph: Graph, width: int, attributes: str) -> tuple[str, set[str]]:
    """A body as a private function, for bodies too long to write out at each use."""
    writer = Writer()
    kinds = [type_of(dtype, width) for dtype in graph.dtypes]
    result = emit_graph(writer, graph, [f"%a{i}" for i in range(len(kinds))], width)
    kind = type_of(graph.result.dtype, width)
    params = ", ".join(f"{k} %a{i}" for i, k in enumerate(kinds))
    body = "\n".join(writer.lines)
    head = f"define internal {kind} @{name}({params}) {attributes} {{"
    return f"{head}\n{body}\n  ret {kind} {result}\n}}\n", writer.declares
