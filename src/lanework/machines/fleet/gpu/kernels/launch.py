"""Kernels beside the five: VMs begin, places become free, and a VM is traced."""

from __future__ import annotations

from lanework.machines.fleet.gpu.kernels.common import ADDRESS, head, main, peek
from lanework.machines.fleet.gpu.kernels.table import Spec


def launch(spec: Spec) -> str:
    """The kernel that starts the VMs of a launch."""
    literal = _LITERAL if spec.cells.literal else ""
    parts = [head(spec, "states memory"), ADDRESS, peek(spec), VECTOR]
    return "\n".join([*parts, _LAUNCH.replace("LITERALLY\n", literal)])


def clear(spec: Spec) -> str:
    """The kernel that frees places."""
    return head(spec, "states") + _CLEAR


def fresh(spec: Spec) -> str:
    """The kernel that makes VMs which were never started, in the array of structures."""
    return head(spec, "states") + _FRESH


def trace(spec: Spec) -> str:
    """The kernel that copies the words of one VM after each epoch."""
    declared = "@group(1) @binding(0) var<storage, read_write> traced: array<u32>;\n"
    return head(spec, "states control") + declared + _TRACE


VECTOR = """
// Registers and memory of a VM as they are when it begins.
fn zero_vector(vm: u32) {
  for (var row = FIRST_ELEMENT; row < FIRST_ELEMENT + params.rows; row++) { store(vm, row, 0u); }
  if (LITERAL) { store(vm, LAST, ONE); }
}
"""

_LITERAL = """\
  store(vm, 0u, bitcast<u32>(f32(params.entry)));
  store(vm, GLOBAL_ID, vm);
"""

_LAUNCH = """
fn vm_number(i: u32) -> u32 {
  switch (params.strategy) {
    case PLACED_STRIDED: { return params.base + i * params.stride; }
    case PLACED_CUSTOM: {
      let at = whole_address(params.base + i);
      if (at == NONE) { return 0u; }
      let bits = peek(at);
      if (bits < 0x4f800000u) { return u32(bitcast<f32>(bits)); }  // from 0 to below 2^32
      return 0u;
    }
    default: { return params.base + i; }
  }
}
""" + main(
    "",
    """\
  let i = number(group, groups, local);
  if (i >= params.count) { return; }
  let vm = params.slot + i;
  store(vm, VM_ID, vm_number(i));
  store(vm, STACK_POINTER, 0u);
  store(vm, STATUS, RUNNING);
  store(vm, FAULT, 0u);
  store(vm, IP, params.entry);
  store(vm, BATCH, params.batch);
  store(vm, SWEPT, 0u);
LITERALLY
  if (params.resume == 0u) {
    zero_vector(vm);
    store(vm, COUNTER, 0u);
    store(vm, GENERATION, 0u);
  }
}
""",
)

_CLEAR = main(
    "",
    """\
  let i = number(group, groups, local);
  if (i >= params.count) { return; }
  let vm = params.slot + i;
  store(vm, STATUS, FREE);
  store(vm, GENERATION, 0u);
}
""",
)

_FRESH = main(
    "",
    """\
  let vm = number(group, groups, local);
  if (vm >= params.capacity) { return; }
  store(vm, GLOBAL_ID, vm);
  store(vm, LAST, ONE);
}
""",
)

_TRACE = """
@compute @workgroup_size(1)
fn main() {
  let n = params.traced + atomicLoad(&control[C_EPOCHS]) - 1u;
  if (n >= params.trace_most) { return; }
  for (var row = 0u; row < params.words; row++) {
    traced[n * params.words + row] = load(params.trace_vm, row);
  }
}
"""
