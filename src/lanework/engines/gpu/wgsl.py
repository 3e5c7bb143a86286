"""Op bodies as WGSL: the f32 or i32 trace of each op as a function for the GPU.

What WGSL asks for differently (W3C, WebGPU Shading Language): `select` takes the false value
first; shifts take u32 on the right, and `>>` follows the type on the left; there is no literal
for NaN or an infinity, and an expression of constants must not make one, so their patterns are
kept in private variables, which are not constants. Signed integers wrap; what is unsigned in the
trace goes through u32 and comes back as i32.

WGSL also lets a compiler reassociate sums and fuse products into them, which undoes compensated
arithmetic: ``(a + b) - a`` becomes b. So a sum that goes straight into another sum, and a product
that goes into a sum and is used elsewhere too, is held: its bits are changed by a zero of which
the compiler cannot know that it is one. Polynomials are left free to be fused. A choice
between -1 and 0 gets a zero that is hidden in the same way: Mesa makes it a negated truth value,
which gives -0.

A GPU may flush subnormals, and divides to 2.5 ULP; the functions then are that much further off
than the op table states.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from lanework.core.ops.expr import FLOATS, Graph, Value
from lanework.core.ops.fused import without_fma
from lanework.core.ops.op import Op
from lanework.core.ops.prims import ARG, CONST, ROUNDING, SELECT, SIGNS, Prim

TYPES = {"f32": "f32", "i32": "i32", "bool": "bool"}
PREAMBLE = """\
// Patterns that no constant expression may make.
var<private> lw_infinity: u32 = 0x7f800000u;
var<private> lw_nan: u32 = 0x7fc00000u;
// Zero, which kernels set where no compiler is to know it: x * 0 is not always 0.
var<private> lw_unknown: u32 = 0u;
fn lw_word(bits: u32) -> u32 { return bits ^ lw_unknown; }

// Zero, since n * n + n is even; but no compiler is to know.
fn lw_zero(x: f32) -> i32 {
  let n = bitcast<i32>(x);
  return ((n * n) + n) & 1i;
}

// x, rounded to a float and not merged with what is done to it next.
fn lw_hold(x: f32, zero: i32) -> f32 {
  return bitcast<f32>(bitcast<i32>(x) ^ zero);
}

// The upper half of the unsigned product, from four products of halves.
fn lw_upper(a: i32, b: i32) -> i32 {
  let x = bitcast<u32>(a);
  let y = bitcast<u32>(b);
  let low = (x & 0xffffu) * (y & 0xffffu);
  let one = ((x >> 16u) * (y & 0xffffu)) + (low >> 16u);
  let two = ((x & 0xffffu) * (y >> 16u)) + (one & 0xffffu);
  return bitcast<i32>((((x >> 16u) * (y >> 16u)) + (one >> 16u)) + (two >> 16u));
}

// The bytes in the opposite order.
fn lw_swapped(a: i32) -> i32 {
  let x = bitcast<u32>(a);
  let pairs = ((x & 0xff00ffu) << 8u) | ((x >> 8u) & 0xff00ffu);
  return bitcast<i32>((pairs << 16u) | (pairs >> 16u));
}
"""

PHILOX = """\
// The product of two words, low and high.
fn wide(a: u32, b: u32) -> vec2<u32> {
  return vec2<u32>(a * b, bitcast<u32>(lw_upper(bitcast<i32>(a), bitcast<i32>(b))));
}

// Philox4x32-10.
fn philox(counter: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
  var x = counter;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let p = wide(0xd2511f53u, x.x);
    let q = wide(0xcd9e8d57u, x.z);
    x = vec4<u32>(q.y ^ x.y ^ key.x, q.x, p.y ^ x.w ^ key.y, p.x);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return x;
}
"""
"""Random words; goes with the preamble."""


def literal(value: float | int | bool, dtype: str) -> str:
    """A constant as WGSL writes it, exactly.

    Example:
        >>> literal(0.1, "f32"), literal(float("-inf"), "f32"), literal(-1, "i32")
        ('0x1.99999ap-4f', '-bitcast<f32>(lw_infinity)', 'bitcast<i32>(0xffffffffu)')
    """
    if dtype == "bool":
        return "true" if value else "false"
    if dtype == "i32":
        number = int(value)
        return f"{number}i" if number >= 0 else f"bitcast<i32>({number & 0xFFFFFFFF:#010x}u)"
    if math.isnan(value):
        return "bitcast<f32>(lw_nan)"
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}bitcast<f32>(lw_infinity)"
    pattern = struct.unpack("<I", struct.pack("<f", value))[0]
    single = struct.unpack("<f", struct.pack("<f", value))[0]
    if pattern & 0x7F800000 == 0 and pattern:  # subnormal, or minus zero
        return f"bitcast<f32>({pattern:#010x}u)"
    if single == int(single) and abs(single) < 2**24:
        return f"{single:.1f}f"
    mantissa, exponent = float(single).hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}f"


def function_name(op: Op) -> str:
    """The name of an op's function, clear of the language's own names.

    Example:
        >>> from lanework.core.ops.table import ARITH
        >>> function_name(ARITH["exp"])
        'lw_exp'
    """
    return f"lw_{op.name}"


def render_graph(name: str, graph: Graph) -> str:
    """A traced body as a function of f32 (and i32) arguments.

    Raises:
        TypeError: the body uses 64-bit values, which WGSL does not have.
    """
    graph = without_fma(graph)  # WGSL may round its fma twice
    names: dict[int, str] = {}
    lines: list[str] = []
    held, hiding = _held(graph), {id(value) for value in graph.values if _hides_zero(value)}
    if held or hiding:
        first = "a0" if graph.dtypes[0] == "f32" else "bitcast<f32>(a0)"
        lines.append(f"  let zero = lw_zero({first});\n")
    for value in graph.values:
        if value.dtype not in TYPES:
            raise TypeError(f"WGSL has no {value.dtype}; trace the body in f32")
        if value.prim is ARG:
            names[id(value)] = f"a{value.payload}"
        elif value.prim is CONST:
            assert value.payload is not None
            names[id(value)] = literal(value.payload, value.dtype)
        else:
            known = f"v{len(lines)}"
            args = [names[id(arg)] for arg in value.args]
            if id(value) in hiding:
                hidden = "bitcast<f32>(zero)" if value.dtype == "f32" else "zero"
                args = [hidden if arg in ("0.0f", "0i") else arg for arg in args]
            text = RULES[value.prim](value, args)
            if id(value) in held:
                text = f"lw_hold({text}, zero)"
            lines.append(f"  let {known} = {text};\n")
            names[id(value)] = known
    params = ", ".join(f"a{i}: {TYPES[kind]}" for i, kind in enumerate(graph.dtypes))
    body = "".join(lines)
    result = graph.result
    return (
        f"fn {name}({params}) -> {TYPES[result.dtype]} {{\n{body}"
        f"  return {names[id(result)]};\n}}\n"
    )


SUMS, PRODUCT = frozenset((Prim.ADD, Prim.SUB)), Prim.MUL


def _held(graph: Graph) -> set[int]:
    """The values that no compiler may merge with the sum they go into."""
    uses: dict[int, int] = {}
    in_sums: set[int] = set()
    for value in graph.values:
        for arg in value.args:
            uses[id(arg)] = uses.get(id(arg), 0) + 1
        if value.prim in SUMS and value.dtype in FLOATS:
            in_sums.update(map(id, value.args))
    return {
        id(value)
        for value in graph.values
        if id(value) in in_sums
        and (value.prim in SUMS or (value.prim is PRODUCT and uses[id(value)] > 1))
    }


def _hides_zero(value: Value) -> bool:
    """Whether it is a choice between the patterns of -1.0 and 0.0."""
    arms = value.args[1:]
    if value.prim is not SELECT or value.dtype == "bool" or {a.prim for a in arms} != {CONST}:
        return False
    patterns = set()
    for arm in arms:
        number = arm.payload or 0
        if value.dtype == "f32":
            number = struct.unpack("<I", struct.pack("<f", number))[0]
        patterns.add(int(number) & 0xFFFFFFFF)
    return patterns == {0xBF800000, 0}


# What is written for each primitive ---------------------------------------------------------------

Rule = Callable[[Value, list[str]], str]
"""From a value and its arguments' texts to its own."""


def _text(form: str) -> Rule:
    write = form.format
    return lambda value, args: write(*args)


def _words(sign: str) -> Rule:
    """Of unsigned integers."""

    def rule(value: Value, args: list[str]) -> str:
        left, right = (_unsigned(*pair) for pair in zip(value.args, args, strict=True))
        text = f"{left} {sign} {right}"
        return text if value.dtype == "bool" else f"bitcast<i32>({text})"

    return rule


def _shift(sign: str) -> Rule:
    return lambda value, args: f"{args[0]} {sign} {_unsigned(value.args[1], args[1])}"


def _compared(sign: str, otherwise: str) -> Rule:
    """Whether it is NaN, where a float is compared with itself.

    That is told by its bits, since a compiler may rule NaN out and drop x == x.
    """

    def rule(value: Value, args: list[str]) -> str:
        if value.args[0] is value.args[1] and value.args[0].dtype == "f32":
            return f"(bitcast<u32>({args[0]}) & 0x7fffffffu) {sign} 0x7f800000u"
        return otherwise.format(*args)

    return rule


def _unsigned(value: Value, text: str) -> str:
    if value.prim is CONST:
        return f"{int(value.payload or 0) & 0xFFFFFFFF}u"
    return f"bitcast<u32>({text})"


def _pattern(value: Value, text: str) -> str:
    """The bits of a float."""
    return text if value.prim is not CONST else pattern(int(value.payload or 0))


def pattern(bits: int) -> str:
    """The bits of a constant float, of which no compiler knows that it is one.

    Example:
        >>> pattern(0x3F800000)
        'lw_word(0x3f800000u)'
    """
    return f"lw_word({bits & 0xFFFFFFFF:#010x}u)"


RULES: dict[Prim, Rule] = {
    **{prim: _text(f"{{}} {sign} {{}}") for prim, sign in SIGNS.items()},
    **{prim: _text(f"{prim}({{}})") for prim in (Prim.SQRT, Prim.ABS, *ROUNDING)},
    Prim.XOR: lambda value, args: f"{args[0]} {'!=' if value.dtype == 'bool' else '^'} {args[1]}",
    Prim.DIV: _text("{} / {}"),
    Prim.NEG: _text("-({})"),
    Prim.NOT: _text("!({})"),
    Prim.EQ: _compared("<=", "{} == {}"),
    Prim.NE: _compared(">", "!({} == {})"),  # still true for NaN where a compiler rules it out
    Prim.SELECT: _text("select({2}, {1}, {0})"),
    Prim.RINT: _text("round({})"),
    Prim.BITS: _text("bitcast<i32>({})"),
    Prim.FROM_BITS: lambda value, args: f"bitcast<f32>({_pattern(value.args[0], args[0])})",
    Prim.TO_INT: _text("i32({})"),
    Prim.TO_FLOAT: _text("f32({})"),
    Prim.POPCOUNT: _text("countOneBits({})"),
    Prim.CLZ: _text("countLeadingZeros({})"),
    Prim.CTZ: _text("countTrailingZeros({})"),
    Prim.UMULH: _text("lw_upper({}, {})"),
    Prim.BSWAP: _text("lw_swapped({})"),
    Prim.ULT: _words("<"),
    Prim.UDIV: _words("/"),
    Prim.UREM: _words("%"),
    Prim.SHL: _shift("<<"),
    Prim.ASHR: _shift(">>"),
    Prim.LSHR: _words(">>"),
}


def render_op(op: Op) -> str:
    """One op as a WGSL function over f32, or over i32 where that is all it is traced in.

    Raises:
        TypeError: an op on 64-bit words, which WGSL does not have.

    Example:
        >>> from lanework.core.ops.table import ARITH
        >>> print(render_op(ARITH["min"]), end="")
        // `a` if a < b, else `b`.
        fn lw_min(a0: f32, a1: f32) -> f32 {
          let v0 = a0 < a1;
          let v1 = select(a1, a0, v0);
          return v1;
        }
    """
    summary = op.doc.strip().splitlines()[0]
    dtype = "f32" if "f32" in op.dtypes else op.dtypes[0]
    return f"// {summary}\n{render_graph(function_name(op), op.graph(dtype))}"
