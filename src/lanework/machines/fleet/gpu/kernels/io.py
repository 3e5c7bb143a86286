"""The fifth kernel: shared memory and scheduling.

In order, an epoch has three steps here. The I/O kernel reads shared memory as the epoch began, and
VMs that write bid for their words: the highest stays, and a bit says that there were several. Then
the commit lets the winners write. Where several are a fault nobody writes, and bids and bits are
taken back by a kernel after it, which finds them by the VMs that have faulted. Then
one invocation goes over the VMs that are at ordered instructions, by their global id: it finds them
by bits, and the words of bits by a summary.

If order does not matter, the I/O kernel does it all with atomics, but for `SERIAL`.
"""

from __future__ import annotations

from lanework.machines.fleet.gpu.kernels.common import (
    ENDING,
    OUTSIDE,
    STORED,
    address,
    head,
    limited,
    main,
    peek,
)
from lanework.machines.fleet.gpu.kernels.ordered import ATOMICS, native, operands, sources
from lanework.machines.fleet.gpu.kernels.table import Spec
from lanework.machines.fleet.isa import FLEET, FleetInstr, Kernel

WRITES = {"SYSCALL_WRITE": "float_address", "IWRITE": "whole_address"}
"""Instructions that write, and what their addresses are."""


def writes(spec: Spec) -> bool:
    """Whether winners have to be found."""
    return spec.has(*WRITES) and not spec.fast


def io(spec: Spec) -> str:
    """The kernel of shared memory and scheduling."""
    bids = writes(spec)
    declared = head(spec, "code states memory lists control" + " winner" * bids)
    parts = [declared, address(spec), peek(spec), ENDING, OUTSIDE, _READ, _REST]
    parts += [STORED] * spec.stores
    parts += [_WAIT] * spec.has("WAIT")
    parts += [_BID if bids else _WRITE_FAST] * spec.has(*WRITES)
    parts += [native(spec)] if spec.fast else []
    parts += [_MARK] if spec.ordered else []
    cases = "".join(_case(each, spec) for each in spec.used(Kernel.IO))
    text = _MAIN.replace("CASES\n", cases).replace("NO_BID\n", _NO_BID * bids)
    return "\n".join([*parts, text])


def commit(spec: Spec) -> str:
    """The kernel in which the winners write."""
    declared = head(spec, "code states memory lists control winner")
    parts = [declared, address(spec), ENDING, _CONTESTED]
    return "\n".join([*parts, _COMMIT.replace("CASES\n", _written(spec))])


def settle(spec: Spec) -> str:
    """The kernel that takes bids for contested words back, where they are faults."""
    parts = [head(spec, "code states lists control winner"), address(spec), _CONTESTED]
    return "\n".join([*parts, _SETTLE.replace("CASES\n", _written(spec))])


def _written(spec: Spec) -> str:
    cases = ""
    for info in spec.used(Kernel.IO):
        if info.name in WRITES:
            body = operands(info, f"address = {WRITES[info.name]}(ADDR); bits = SRC;")
            cases += f"    case {info.code}u: {{ {limited(spec, body)} }}\n"
    return cases


def _case(info: FleetInstr, spec: Spec) -> str:
    body = "mark(vm); stays = true;" if info in spec.ordered else BODIES[info.name]
    puts = info.name in WRITES  # atomics count once they have not faulted
    return f"    case {info.code}u: {{ {limited(spec, operands(info, body), puts=puts)} }}\n"


def _reads(address: str) -> str:
    return f"result = read_word(vm, {address}(ADDR), &stays); has = !stays;"


def _gives(bits: str) -> str:
    return f"result = {bits}; has = true;"


def _atomic(name: str) -> str:
    more = ", ".join(sources(FLEET.by_name[name])).upper()
    return f"result = {name.lower()}(vm, float_address(ADDR), {more}, &stays); has = !stays;"


_COUNT = "atomicLoad(&control[batch_word(load(vm, BATCH), B_COUNT)])"

BODIES = {
    "SYSCALL_READ": _reads("float_address"),
    "IREAD": _reads("whole_address"),
    **{name: f"stays = write_word(vm, {at}(ADDR), SRC, i);" for name, at in WRITES.items()},
    **{name: _atomic(name) for name in ATOMICS},
    "SYSCALL_VMID": _gives("bitcast<u32>(f32(load(vm, VM_ID)))"),
    "IVMID": _gives("load(vm, VM_ID)"),
    "VMCOUNT": _gives(f"bitcast<u32>(f32({_COUNT}))"),
    "VMGID": _gives("bitcast<u32>(f32(vm))"),
    "SYSCALL_YIELD": "rest(vm);",
    "SYSCALL_HALT": "end_vm(vm, HALTED); stays = true;",
    "WAIT": "stays = wait(vm, float_address(ADDR), SRC);",
}
"""What each instruction of this kernel does, unless it is one for `ordered`."""

_READ = """
fn read_word(vm: u32, address: u32, stays: ptr<function, bool>) -> u32 {
  if (address != NONE) { return peek(address); }
  *stays = outside(vm, C_READS_OUTSIDE);
  return 0u;
}
"""

_REST = """
// A VM that goes on in the next epoch.
fn rest(vm: u32) {
  store(vm, STATUS, YIELDED);
  store(vm, SWEPT, atomicLoad(&control[C_SWEEP]));
}
"""

_WAIT = """
// Whether a VM stays at its WAIT.
fn wait(vm: u32, address: u32, expected: u32) -> bool {
  var word = 0u;
  if (address == NONE) {
    if (outside(vm, C_READS_OUTSIDE)) { return true; }
  } else {
    word = peek(address);
  }
  if (word == expected) { store(vm, STATUS, BLOCKED); }
  return word == expected;
}
"""

_BID = """
// Bid for a word; the VM goes on when the winners have written. The list of linear instructions
// is done with in this epoch and takes the bids.
fn write_word(vm: u32, address: u32, bits: u32, i: u32) -> bool {
  if (address == NONE) { return outside(vm, C_WRITES_OUTSIDE); }
  if (atomicMax(&winner[address], vm + 1u) != 0u) {
    let bit = 1u << (address & 31u);
    let known = atomicOr(&winner[params.shared_words + (address >> 5u)], bit);
    if ((known & bit) == 0u) { count(C_CONFLICTS, 1u); }
  }
  lists[i] = vm;
  return true;
}
"""

_NO_BID = "  lists[i] = NONE;\n"

_WRITE_FAST = """
fn write_word(vm: u32, address: u32, bits: u32, i: u32) -> bool {
  if (address == NONE) { return outside(vm, C_WRITES_OUTSIDE); }
  atomicStore(&memory[address], bits);
  return false;
}
"""

_MARK = """
// A VM that the ordered kernel will find.
fn mark(vm: u32) {
  atomicOr(&control[params.marks_at + (vm >> 5u)], 1u << (vm & 31u));
  atomicOr(&control[params.summary_at + (vm >> 10u)], 1u << ((vm >> 5u) & 31u));
  atomicStore(&control[C_ORDERED], 1u);
}
"""

_MAIN = main(
    "IO",
    """\
NO_BID
  let at = params.program_at + 5u * ip;
  var result = 0u;
  var has = false;
  var stays = false;
  switch (code[at]) {
CASES
    default: {}
  }
  if (has) { put(vm, 1u + code[at + 1u], result); }
  if (!stays) { go(vm, ip + 1u); }
}
""",
)

_CONTESTED = """
// Whether several VMs bid for a word.
fn contested(address: u32) -> bool {
  let bits = atomicLoad(&winner[params.shared_words + (address >> 5u)]);
  return ((bits >> (address & 31u)) & 1u) != 0u;
}

fn take_back(address: u32) {
  atomicStore(&winner[address], 0u);
  if (contested(address)) {
    atomicAnd(&winner[params.shared_words + (address >> 5u)], ~(1u << (address & 31u)));
  }
}
"""

_BIDDER = """\
  let i = number(group, groups, local);
  if (i >= atomicLoad(&control[C_LENGTHS + C_IO])) { return; }
  let vm = lists[i];
  if (vm == NONE) { return; }
  let ip = load(vm, IP);
  let at = params.program_at + 5u * ip;
  var address = NONE;
  var bits = 0u;
  switch (code[at]) {
CASES
    default: {}
  }
"""

_COMMIT = main(
    "",
    _BIDDER
    + """\
  if (FAULTS_CONFLICTS && contested(address)) {
    fault_vm(vm, FAULT_CONFLICT);
    return;
  }
  if (atomicLoad(&winner[address]) == vm + 1u) {
    memory[address] = bits;
    take_back(address);
  }
  go(vm, ip + 1u);
}
""",
)

_SETTLE = main(
    "",
    _BIDDER.replace(
        "  let ip =", "  if (load(vm, FAULT) != FAULT_CONFLICT) { return; }\n  let ip ="
    )
    + """\
  take_back(address);
}
""",
)
