"""What VMs do one after another: atomic instructions, and starting and ending VMs.

One invocation goes over them by their global id. It finds them by the bits that the I/O kernel has
set, and words of bits by a summary of them.
"""

from __future__ import annotations

from lanework.core.ops.bodies import arithmetic
from lanework.core.program.isa import OperandKind
from lanework.engines.gpu import wgsl
from lanework.machines.fleet.gpu.kernels.common import (
    ENDING,
    OUTSIDE,
    STORED,
    address,
    head,
    limited,
)
from lanework.machines.fleet.gpu.kernels.launch import VECTOR
from lanework.machines.fleet.gpu.kernels.oracle import call
from lanework.machines.fleet.gpu.kernels.table import Spec
from lanework.machines.fleet.isa import FLEET, FleetInstr, Kernel

ATOMICS = {
    info.name: call(info.updates, "word", "src")
    if info.updates
    else "select(word, src2, word == src1)"
    for info in FLEET.by_name.values()
    if info.atomic
}
"""What an atomic instruction makes of a word, from the word and its operands."""


def operands(info: FleetInstr, body: str) -> str:
    """A body with its operands' names, in capitals, as what they hold.

    Example:
        >>> from lanework.machines.fleet.isa import FLEET
        >>> operands(FLEET.by_name["SYSCALL_READ"], "f(ADDR)")
        'f(fetch(vm, 1u + code[at + 2u]))'
    """
    for spec in sorted(info.operands, key=lambda one: -len(one.name)):
        word = f"code[at + {1 + info.field(spec.name)}u]"
        if spec.kind is OperandKind.REGISTER:
            word = f"fetch(vm, 1u + {word})"
        body = body.replace(spec.name.upper(), word)
    return body


def sources(info: FleetInstr) -> list[str]:
    """The operands of an atomic instruction beside its address."""
    return [spec.name for spec in info.operands if spec.name.startswith("src")]


def functions(spec: Spec) -> str:
    """The ops that the program's atomics use."""
    used = [info.updates for info in spec.used(Kernel.IO) if info.updates]
    preamble = [] if spec.cells.half else [wgsl.PREAMBLE]  # accessors of halves bring it
    return "\n".join([*preamble, *(wgsl.render_op(op) for op in used), _STALLS])


def native(spec: Spec) -> str:
    """Functions that do the atomics at once, in any order: try until no other was between."""
    out = ""
    for info in spec.used(Kernel.IO):
        if info.name in ATOMICS:
            given = "".join(f", {each}: u32" for each in sources(info))
            text = _NATIVE.replace("NAME", info.name.lower()).replace(", SOURCES", given)
            text = text.replace("TRAPS\n", _traps(info, "*stays = true; return 0u;"))
            text = text.replace("STORES\n", "  stored(address, load(vm, IP));\n" * spec.stores)
            out += text.replace("UPDATED", ATOMICS[info.name]).replace("STALLS\n", _stalls(info))
    return functions(spec) + out if out else ""


def ordered(spec: Spec) -> str:
    """The kernel of one invocation."""
    atomic = not spec.fast and spec.has(*ATOMICS)
    parts = [head(spec, f"code states{' memory' if atomic else ''} control"), address(spec), ENDING]
    if atomic:
        parts += [functions(spec)] + [STORED] * spec.stores
    parts.append(OUTSIDE)
    if spec.has("SYSCALL_SPAWN"):
        parts += [VECTOR, _SPAWN.replace("LITERALLY\n", _LITERAL if spec.cells.literal else "")]
    if spec.has("SYSCALL_KILL"):
        parts.append(_KILL)
    cases = "".join(
        f"    case {info.code}u: {{\n      {operands(info, BODIES[info.name])}\n    }}\n"
        for info in spec.ordered
    )
    cases = cases.replace("STORES", "stored(address, ip);" * spec.stores)
    return "\n".join([*parts, _MAIN.replace("CASES\n", limited(spec, cases))])


_STALLS = """
// Whether finite operands have no finite result.
fn overflows(word: u32, src: u32, result: u32) -> bool {
  return finite(word) && finite(src) && !finite(result);
}

// Whether a whole number was added to a float that is so large that it stayed the same.
fn stalls(word: u32, more: u32, sum: u32) -> bool {
  let exponent = (more >> 23u) & 0xffu;
  let whole = exponent >= 127u && exponent < 255u
    && (exponent >= 150u || (more & ((1u << ((150u - exponent) & 31u)) - 1u)) == 0u);
  return whole && word == sum && (word & 0x7f800000u) != 0x7f800000u;
}
"""

_NATIVE = """
fn NAME(vm: u32, address: u32, SOURCES, stays: ptr<function, bool>) -> u32 {
  if (address == NONE) {
    *stays = outside(vm, C_WRITES_OUTSIDE);
    return 0u;
  }
  var word = atomicLoad(&memory[address]);
  loop {
TRAPS
    let tried = atomicCompareExchangeWeak(&memory[address], word, UPDATED);
    if (tried.exchanged) { break; }
    word = tried.old_value;
  }
STORES
STALLS
  return word;
}
"""

_UPDATE = """\
let address = float_address(ADDR);
      LETS
      if (address == NONE) {
        if (outside(vm, C_WRITES_OUTSIDE)) { return; }
      } else {
        let word = memory[address];
        TRAPS
        STORES
        memory[address] = UPDATED;
        result = word;
        STALLS
      }"""


def _update(name: str) -> str:
    lets = "".join(f"let {each} = {each.upper()}; " for each in sources(FLEET.by_name[name]))
    text = _UPDATE.replace("LETS", lets).replace("UPDATED", ATOMICS[name])
    text = text.replace("TRAPS", _traps(FLEET.by_name[name], "return;").strip())
    return text.replace("STALLS", _stalls(FLEET.by_name[name]).strip())


def _traps(info: FleetInstr, leave: str) -> str:
    """Fault where finite operands have no finite result, which changes nothing."""
    if not info.may_overflow:
        return ""
    test = f"TRAPS && overflows(word, src, {ATOMICS[info.name]})"
    return f"    if ({test}) {{ fault_vm(vm, FAULT_BAD_VALUE); {leave} }}\n"


def _stalls(info: FleetInstr) -> str:
    """Count a whole number that was added to no effect."""
    if info.updates is not arithmetic.add:
        return ""
    return f"  if (stalls(word, src, {ATOMICS[info.name]})) {{ count(C_STALLED, 1u); }}\n"


BODIES = {
    **{name: _update(name) for name in ATOMICS},
    "SYSCALL_SPAWN": "result = spawn(vm, TARGET, SRC);",
    "SYSCALL_KILL": "kill(vm); return;",
}
"""What each instruction does in the turn of a VM."""

_SPAWN = """
// A VM at the first free place, and its number as a float, or -1.
fn spawn(vm: u32, entry: u32, bits: u32) -> u32 {
  var place = atomicLoad(&control[C_HINT]);
  while (place < params.capacity && load(place, STATUS) != FREE) { place++; }
  atomicStore(&control[C_HINT], min(place + 1u, params.capacity));
  if (place >= params.capacity) {
    count(C_UNBORN, 1u);
    return bitcast<u32>(-1.0f);
  }
  zero_vector(place);
  put(place, 1u, bits);
  store(place, VM_ID, place);
  store(place, STACK_POINTER, 0u);
  store(place, STATUS, RUNNING);
  store(place, FAULT, 0u);
  store(place, BATCH, load(vm, BATCH));
  store(place, COUNTER, 0u);
  store(place, GENERATION, load(place, GENERATION) + 1u);
  store(place, SWEPT, 0u);
LITERALLY
  go(place, entry);
  count(batch_word(load(vm, BATCH), B_LIVE), 1u);
  return bitcast<u32>(f32(place));
}
"""

_LITERAL = "  store(place, GLOBAL_ID, place);\n"

_KILL = """
// A VM is no more, and its place may be given to another.
fn kill(vm: u32) {
  end_vm(vm, FREE);
  if (vm >= params.spawn_first) { atomicMin(&control[C_HINT], vm); }
}
"""

_MAIN = """
fn take_turn(vm: u32) {
  let ip = load(vm, IP);
  let at = params.program_at + 5u * ip;
  var result = 0u;
  switch (code[at]) {
CASES
    default: {}
  }
  put(vm, 1u + code[at + 1u], result);
  go(vm, ip + 1u);
}

@compute @workgroup_size(1)
fn main() {
  if (atomicLoad(&control[C_ORDERED]) == 0u) { return; }
  var left = params.turns;
  for (var s = 0u; s < params.summary_count; s++) {
    var words = atomicLoad(&control[params.summary_at + s]);
    while (words != 0u) {
      let w = 32u * s + countTrailingZeros(words);
      var bits = atomicLoad(&control[params.marks_at + w]);
      while (bits != 0u && left > 0u) {
        take_turn(32u * w + countTrailingZeros(bits));
        bits &= bits - 1u;
        left--;
      }
      atomicStore(&control[params.marks_at + w], bits);
      if (bits != 0u) {
        atomicStore(&control[params.summary_at + s], words);
        return;  // the others have their turns in the next round
      }
      words &= words - 1u;
    }
    atomicStore(&control[params.summary_at + s], 0u);
  }
  atomicStore(&control[C_ORDERED], 0u);
}
"""
