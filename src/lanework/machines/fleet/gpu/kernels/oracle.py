"""The third kernel: every op that is not linear, from its graph in the op table."""

from __future__ import annotations

from lanework.core.ops.op import Op
from lanework.core.program.isa import OperandKind
from lanework.engines.gpu import wgsl
from lanework.machines.fleet.gpu.kernels.common import ENDING, head, main
from lanework.machines.fleet.gpu.kernels.table import Spec
from lanework.machines.fleet.isa import FleetInstr, Kernel


def oracle(spec: Spec) -> str:
    """The kernel of the other computations."""
    used = spec.used(Kernel.ORACLE)
    ops = {each.elementwise.name: each.elementwise for each in used if each.elementwise is not None}
    parts = [head(spec, "code states lists control")]
    if not spec.cells.half:
        parts.append(wgsl.PREAMBLE)
    parts += [wgsl.render_op(op) for op in ops.values()]
    parts.append(ENDING)
    if spec.has("RAND", "RAND1"):
        parts += [wgsl.PHILOX, SAMPLE]
    cases = "".join(f"    case {each.code}u: {{\n{_case(each, spec)}    }}\n" for each in used)
    return "\n".join([*parts, _MAIN.replace("CASES\n", cases)])


def call(op: Op, *names: str) -> str:
    """An op applied to words, as an expression over their bits.

    Example:
        >>> from lanework.core.ops.bodies import words32
        >>> call(words32.iadd, "a", "b")
        'bitcast<u32>(lw_iadd(bitcast<i32>(a), bitcast<i32>(b)))'
    """
    kind = "f32" if "f32" in op.dtypes else "i32"
    inputs = ", ".join(f"bitcast<{kind}>({name})" for name in names)
    return f"bitcast<u32>({wgsl.function_name(op)}({inputs}))"


def _case(info: FleetInstr, spec: Spec) -> str:
    """The body of an instruction; that of an op calls it on operands that are words."""
    op = info.elementwise
    if op is None:
        return BODIES[info.name]
    names, text = [], ""
    for n, (operand, field) in enumerate(zip(info.operands, info.fields, strict=True)):
        if operand.name == "dest":
            continue
        if operand.kind is OperandKind.PATTERN:
            names.append(f"field{field}")
        elif field == 1:
            names.append("a")
        else:
            names.append(f"b{n}")
            text += f"      let b{n} = fetch(vm, 1u + field{field});\n"
    text += f"      result = {call(op, *names)};\n"
    if spec.traps and "f32" in op.dtypes:
        given = " && ".join(f"finite({name})" for name in names)
        text += f"      bad = {given} && !finite(rounded(result));\n"
    return text


BODIES = {
    "SELECT": """\
      let yes = fetch(vm, 1u + field2);
      let no = fetch(vm, 1u + field3);
      result = select(no, yes, a - 1u < 0x7f800000u);  // a > 0, by its bits
""",
    "RAND": "      result = sample(vm, 4u);\n",
    "RAND1": "      result = sample(vm, 1u);\n",
}
"""What the instructions of this kernel do that have no op."""

SAMPLE = """
// The VM's next random number in [0, 1), so many of each block.
fn sample(vm: u32, each: u32) -> u32 {
  let index = load(vm, COUNTER);
  store(vm, COUNTER, index + 1u);
  let stream = atomicLoad(&control[batch_word(load(vm, BATCH), B_STREAM)]);
  let counter = vec4<u32>(index / each, stream, vm, load(vm, GENERATION));
  let words = philox(counter, vec2<u32>(params.seed_low, params.seed_high));
  return bitcast<u32>(f32(words[index % each] >> 8u) * 0x1p-24f);
}
"""

_MAIN = main(
    "ORACLE",
    """\
  let at = params.program_at + 5u * ip;
  let field0 = code[at + 1u];
  let field1 = code[at + 2u];
  let field2 = code[at + 3u];
  let field3 = code[at + 4u];
  let a = fetch(vm, 1u + field1);
  var result = 0u;
  var bad = false;
  switch (code[at]) {
CASES
    default: {}
  }
  if (bad) {
    fault_vm(vm, FAULT_BAD_VALUE);
    return;
  }
  put(vm, 1u + field0, result);
  go(vm, ip + 1u);
}
""",
)
