"""The fourth kernel: branches, calls and returns.

Conditions look at bits, since a compiler for GPUs may take it that there is no NaN, and that
subnormals are zero.
"""

from __future__ import annotations

from lanework.machines.fleet.gpu.kernels.common import ENDING, head, main
from lanework.machines.fleet.gpu.kernels.table import Spec
from lanework.machines.fleet.isa import FleetInstr, Kernel
from lanework.machines.fleet.state import FRAME

BODIES = {
    "BRANCH_EQ": "taken = zero;",
    "BRANCH_NE": "taken = !zero;",
    "BRANCH_LT": "taken = ordered && negative && size > 0u;",
    "BRANCH_GT": "taken = ordered && !negative && size > 0u;",
    "BRANCH_LE": "taken = ordered && (negative || size == 0u);",
    "BRANCH_GE": "taken = ordered && (!negative || size == 0u);",
    "JUMP": "taken = true;",
    "CALL": "taken = call(vm, ip); failed = !taken;",
    "RETURN": "next = back(vm); failed = next == NONE;",
}
"""What each instruction of this kernel does."""


def branch(spec: Spec) -> str:
    """The kernel of control flow."""
    used = spec.used(Kernel.BRANCH)
    parts = [head(spec, "code states lists control stack")]
    if spec.has("CALL", "RETURN"):
        parts += [ENDING, _calls(spec)]
    cases = "".join(_case(each) for each in used)
    return "\n".join([*parts, _MAIN.replace("CASES\n", cases)])


def _case(info: FleetInstr) -> str:
    return f"    case {info.code}u: {{ {BODIES[info.name]} }}\n"


def _calls(spec: Spec) -> str:
    """`call` and `back`, with the frame that the layout has."""
    saved = spec.convention.saved
    if spec.cells.literal:
        cell = "(vm * params.depth + level) * FRAME + word"
        save = "  set_frame(vm, level, 0u, load(vm, GLOBAL_ID));\n"
        kept = {n: FRAME.index(f"saved{n}") for n in range(4)}
        return_ip = FRAME.index("return_ip")
    else:
        cell = "(level * FRAME + word) * params.capacity + vm"
        save, return_ip = "", 0
        kept = {register: 1 + n for n, register in enumerate(saved)}
    save += f"  set_frame(vm, level, {return_ip}u, ip + 1u);\n"
    save += "".join(
        f"  set_frame(vm, level, {w}u, fetch(vm, {1 + n}u));\n" for n, w in kept.items()
    )
    bring = "".join(f"  put(vm, {1 + n}u, frame(vm, level, {kept[n]}u));\n" for n in saved)
    text = _FRAMES.replace("CELL", cell).replace("SAVE\n", save).replace("BRING\n", bring)
    return text.replace("RETURN_IP", f"{return_ip}u")


_FRAMES = """
fn frame_cell(vm: u32, level: u32, word: u32) -> u32 { return CELL; }
fn frame(vm: u32, level: u32, word: u32) -> u32 { return stack[frame_cell(vm, level, word)]; }
fn set_frame(vm: u32, level: u32, word: u32, bits: u32) {
  stack[frame_cell(vm, level, word)] = bits;
}

// Whether there was room for one more frame.
fn call(vm: u32, ip: u32) -> bool {
  let level = load(vm, STACK_POINTER);
  if (level >= params.depth) {
    fault_vm(vm, FAULT_STACK_OVERFLOW);
    return false;
  }
SAVE
  store(vm, STACK_POINTER, level + 1u);
  return true;
}

// Where the VM was called from, or NONE.
fn back(vm: u32) -> u32 {
  let open = load(vm, STACK_POINTER);
  if (open == 0u) {
    fault_vm(vm, FAULT_STACK_UNDERFLOW);
    return NONE;
  }
  let level = open - 1u;
BRING
  store(vm, STACK_POINTER, level);
  return frame(vm, level, RETURN_IP);
}
"""

_MAIN = main(
    "BRANCH",
    """\
  let at = params.program_at + 5u * ip;
  let bits = fetch(vm, 1u + code[at + 1u]);
  let negative = (bits >> 31u) != 0u;
  let size = bits & 0x7fffffffu;
  let ordered = size <= 0x7f800000u;
  let zero = size == 0u || size < params.epsilon;
  var next = ip + 1u;
  var taken = false;
  var failed = false;
  switch (code[at]) {
CASES
    default: {}
  }
  if (failed) { return; }
  if (taken) { next = code[at + 2u]; }
  go(vm, next);
}
""",
)
