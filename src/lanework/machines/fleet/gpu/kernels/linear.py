"""The second kernel: a matrix times the vector of each VM, in the formats of `formats`.

A row's value is the sum of its terms in the order of columns. A coefficient 1.0 copies bits, the
last column gives the coefficient's own bits, and one whose bits are zero is no term. Products are
held, so that no compiler fuses them into the sum.
"""

from __future__ import annotations

from lanework.core.ops.bodies import words32
from lanework.engines.gpu import wgsl
from lanework.machines.fleet.gpu.kernels.common import ENDING, head, main
from lanework.machines.fleet.gpu.kernels.table import Spec
from lanework.machines.fleet.matrices.formats import HALF, Format


def linear(spec: Spec) -> str:
    """The kernel of linear instructions."""
    formats = sorted(spec.formats) or [(Format.ROWS, False)]
    parts = [head(spec, "code states lists control"), ENDING]
    if not spec.cells.half:
        parts.append(wgsl.PREAMBLE)
        if any(half for _, half in formats):
            parts.append(wgsl.render_op(words32.from_half))
    parts.append(_SUM)
    if any(format is not Format.ROWS for format, _ in formats):
        parts.append(_IN_PLACE if spec.single else _VECTOR)
    names = [f"times_{format.name.lower()}{'_half' if half else ''}" for format, half in formats]
    for name, (format, half) in zip(names, formats, strict=True):
        parts.append(_text(format, half, spec.single).replace("NAME", name))
    times = f"  {names[0]}(vm, at, stored);\n"
    if len(names) > 1:
        numbers = [format | HALF * half for format, half in formats]
        pairs = zip(numbers, names, strict=True)
        cases = "".join(f"    case {n}u: {{ {name}(vm, at, stored); }}\n" for n, name in pairs)
        times = f"  switch (code[matrix]) {{\n{cases}    default: {{}}\n  }}\n"
    length = "1u" if spec.single else "code[matrix + 2u]"
    return "\n".join([*parts, _MAIN.replace("TIMES\n", times).replace("ADVANCE", length)])


def _text(format: Format, half: bool, single: bool) -> str:
    if format is Format.ROWS:
        loop = "if (rows > 0u) {" if single else "for (var row = 0u; row < rows; row++) {"
        return _ROWS.replace("EACH", loop).replace("TERM", _ROWS_HALF if half else _ROWS_TERM)
    text = {Format.DENSE: _DENSE, Format.CSR: _CSR}.get(format, _BLOCKS)
    coefficient = _COEFFICIENT_HALF if half else _COEFFICIENT
    return (coefficient + text).replace("SIDE", f"{format.block}u")


_SUM = """
var<private> total: u32;
var<private> terms: u32;
var<private> sound: bool;  // all of its terms are finite, with their coefficients
var<private> bad: bool;

// One more term of a row: x, the element in a column, times a coefficient.
fn add_term(column: u32, coefficient: u32, x: u32) {
  var bits = coefficient;
  if (TRAPS) { sound = sound && finite(coefficient) && finite(x); }
  if (column != LAST) {
    bits = x;
    if (coefficient != ONE) {
      let product = bitcast<f32>(coefficient) * bitcast<f32>(x);
      bits = bitcast<u32>(lw_hold(product, lw_zero(bitcast<f32>(x))));
    }
  }
  if (terms == 0u) {
    total = bits;
  } else {
    total = bitcast<u32>(bitcast<f32>(total) + bitcast<f32>(bits));
  }
  terms++;
}

fn begin_row() {
  total = 0u;
  terms = 0u;
  sound = true;
}

// A row's value to where it belongs, unless finite terms have no finite sum.
fn end_row(vm: u32, element: u32) {
  if (TRAPS && sound && !finite(rounded(total))) {
    bad = true;
  } else {
    put(vm, element, total);
  }
}
"""

_VECTOR = """
var<private> vector: array<u32, LENGTH>;

fn pack(vm: u32) {
  vector[0] = bitcast<u32>(f32(load(vm, IP)));
  for (var n = 1u; n <= params.elements; n++) { vector[n] = fetch(vm, n); }
  for (var n = params.elements + 1u; n < LAST; n++) { vector[n] = 0u; }
  vector[LAST] = ONE;
}

fn entry(vm: u32, column: u32) -> u32 { return vector[column]; }

// A row's value to where it belongs. IP is advanced by the length of the matrix.
fn unpack(vm: u32, element: u32) {
  if (element > 0u && element <= params.elements) { end_row(vm, element); }
}
"""

_IN_PLACE = """
// One row at most is not the identity's, so that no row reads what another has made. No copy is
// made of the vector: a processor that plays the GPU may not give its memory back.
fn pack(vm: u32) {}

fn entry(vm: u32, column: u32) -> u32 {
  if (column == 0u) { return bitcast<u32>(f32(load(vm, IP))); }
  if (column == LAST) { return ONE; }
  if (column > params.elements) { return 0u; }
  return fetch(vm, column);
}

fn unpack(vm: u32, element: u32) {
  if (element > 0u && element <= params.elements) { end_row(vm, element); }
}
"""

_ROWS = """
fn NAME(vm: u32, begin: u32, rows: u32) {
  var at = begin;
  EACH
    let first = code[at];
    at++;
    begin_row();
    for (var n = first >> 16u; n > 0u; n--) {
TERM
      var x = ONE;
      if (column != LAST) { x = fetch(vm, column); }
      add_term(column, coefficient, x);
    }
    end_row(vm, first & 0xffffu);
  }
}
"""

_ROWS_TERM = """\
      let column = code[at];
      let coefficient = code[at + 1u];
      at += 2u;"""

_ROWS_HALF = """\
      let column = code[at] >> 16u;
      let coefficient = bitcast<u32>(lw_from_half(bitcast<i32>(code[at] & 0xffffu)));
      at++;"""

_COEFFICIENT = """
fn NAME_coefficient(at: u32, n: u32) -> u32 { return code[at + n]; }
"""

_COEFFICIENT_HALF = """
fn NAME_coefficient(at: u32, n: u32) -> u32 {
  let half = (code[at + (n >> 1u)] >> ((n & 1u) * 16u)) & 0xffffu;
  return bitcast<u32>(lw_from_half(bitcast<i32>(half)));
}
"""

_DENSE = """
fn NAME(vm: u32, at: u32, stored: u32) {
  pack(vm);
  for (var row = 0u; row < LENGTH; row++) {
    begin_row();
    for (var column = 0u; column < LENGTH; column++) {
      let coefficient = NAME_coefficient(at, row * LENGTH + column);
      if (coefficient != 0u) { add_term(column, coefficient, entry(vm, column)); }
    }
    unpack(vm, row);
  }
}
"""

_CSR = """
fn NAME(vm: u32, at: u32, stored: u32) {
  pack(vm);
  let first = at + LENGTH + 1u;
  for (var row = 0u; row < LENGTH; row++) {
    begin_row();
    let end = code[at + row + 1u];
    for (var n = code[at + row]; n < end; n++) {
      let column = code[n];
      add_term(column, NAME_coefficient(first + stored, n - first), entry(vm, column));
    }
    unpack(vm, row);
  }
}
"""

_BLOCKS = """
fn NAME(vm: u32, at: u32, stored: u32) {
  pack(vm);
  let first = at + (LENGTH + SIDE - 1u) / SIDE + 1u;
  for (var row = 0u; row < LENGTH; row++) {
    begin_row();
    let block_row = row / SIDE;
    let inside = row % SIDE;
    let end = code[at + block_row + 1u];
    for (var n = code[at + block_row]; n < end; n++) {
      for (var c = 0u; c < SIDE; c++) {
        let place = ((n - first) * SIDE + inside) * SIDE + c;
        let coefficient = NAME_coefficient(first + stored, place);
        let column = code[n] * SIDE + c;
        if (coefficient != 0u) { add_term(column, coefficient, entry(vm, column)); }
      }
    }
    unpack(vm, row);
  }
}
"""

_MAIN = main(
    "LINEAR",
    """\
  let matrix = 4u * code[params.index_at + ip];
  let at = code[matrix + 1u];
  let stored = code[matrix + 3u];
TIMES
  if (bad) {
    fault_vm(vm, FAULT_BAD_VALUE);
    return;
  }
  go(vm, ip + ADVANCE);
}
""",
)
