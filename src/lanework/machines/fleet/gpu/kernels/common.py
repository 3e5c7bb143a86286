"""What all kernels begin with: buffers, parameters, and how a VM's words are read and written.

`load` and `store` take the row of a metadata word, `fetch` and `put` an element of the vector. They
are all that knows of the layout, so that each kernel has one text for both.
"""

from __future__ import annotations

import enum
import re
from collections import Counter

from lanework.core.ops.bodies import words32
from lanework.engines.gpu import wgsl
from lanework.machines.fleet.analysis.kinds import BOTH
from lanework.machines.fleet.engine import Stop
from lanework.machines.fleet.gpu.kernels.table import (
    EACH,
    HEADER,
    PARAMETERS,
    SIZE,
    WATCH,
    Batch,
    Control,
    Dispatch,
    Spec,
)
from lanework.machines.fleet.plan import STRATEGIES
from lanework.machines.fleet.state import METADATA, Fault, Status

BUFFERS = ("code", "states", "memory", "lists", "control", "stack", "winner", "params")
"""The buffers of group 0; the numbers of workgroups are group 1, which only the plan writes."""

KINDS = ("read", "write", "write", "write", "write", "write", "write", "uniform")
"""What each of them is for a layout of bindings."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_CONSTANT = re.compile(r"const (\w+): \w+ = \w+;$")

_ATOMIC = "array<atomic<u32>>"
_TYPES = {"control": _ATOMIC, "winner": _ATOMIC, "params": "Params"}


def head(spec: Spec, buffers: str, *, indirect: bool = False) -> str:
    """Declarations, constants and accessors.

    Args:
        spec: what the text depends on.
        buffers: the buffers that the kernel uses.
        indirect: whether it writes numbers of workgroups.
    """
    lines = []
    for name in f"{buffers} params".split():
        n = BUFFERS.index(name)
        space = {"read": "storage, read", "write": "storage, read_write"}.get(KINDS[n], KINDS[n])
        kind = _TYPES.get(name, "array<u32>")
        kind = _ATOMIC if name == "memory" and spec.fast else kind
        lines.append(f"@group(0) @binding({n}) var<{space}> {name}: {kind};")
    if indirect:
        lines.append("@group(1) @binding(0) var<storage, read_write> indirect: array<u32>;")
    parts = [_PARAMS, "\n".join(lines) + "\n", constants(spec), _NUMBER]
    if "states" in buffers.split():
        parts.append(accessors(spec))
    if "control" in buffers.split():
        parts.append(_COUNT)
    return "\n".join(parts)


def constants(spec: Spec) -> str:
    """Constants of a text, from the same enumerations that the host has."""
    profile, cells = spec.profile, spec.cells
    numbers: dict[str, int] = {
        "SIZE": SIZE,
        "EACH": EACH,
        "LENGTH": profile.length,
        "LAST": profile.length - 1,
        "REGISTERS": profile.registers,
        "FIRST_ELEMENT": 1 if cells.literal else len(cells.metadata),
        "HEADER": HEADER,
        "FRAME": spec.frame,
        "NONE": 0xFFFFFFFF,
        "WRONG_EITHER": BOTH,
        "ONE": 0x3F800000,
    }
    for field in METADATA:
        if cells.literal or field in cells.metadata:
            numbers[field.upper()] = cells.row(field)
    members: dict[str, type[enum.IntEnum]] = {"STOP_": Stop, "": Status, "FAULT_": Fault}
    members |= {"C_": Control, "B_": Batch, "D_": Dispatch}
    for prefix, each in members.items():
        numbers |= {f"{prefix}{member.name}": int(member) for member in each}
    numbers |= {f"PLACED_{name.upper()}": n for n, name in enumerate(STRATEGIES)}
    flags = {
        "LITERAL": cells.literal,
        "WAITS": spec.waits,
        "YIELDS": spec.has("SYSCALL_YIELD"),
        "BLOCKS": spec.has("WAIT"),
        "FAULTS_OUTSIDE": spec.faults_outside,
        "FAULTS_CONFLICTS": spec.faults_conflicts,
        "TRAPS": spec.traps,
        "HAS_ORDERED": bool(spec.ordered),
        "SORTS": spec.sort,
    }
    text = [f"const {name}: u32 = {value}u;" for name, value in numbers.items()]
    text += [f"const {name}: bool = {str(value).lower()};" for name, value in flags.items()]
    return "\n".join(text) + "\n"


def lean(text: str) -> str:
    r"""A kernel's text without the constants that it does not use.

    What it does not depend on is then not in it, so that many programs have the same text.

    Example:
        >>> lean("const A: u32 = 1u;\nconst B: u32 = 2u;\nfn main() { x = A; }")
        'const A: u32 = 1u;\nfn main() { x = A; }'
    """
    uses = Counter(_NAME.findall(text))
    constants = [(line, _CONSTANT.match(line)) for line in text.split("\n")]
    return "\n".join(line for line, each in constants if each is None or uses[each[1]] > 1)


def parameter(name: str) -> int:
    """The word of a parameter in the uniform buffer."""
    return PARAMETERS.index(name)


WATCH_AT = len(PARAMETERS) + -len(PARAMETERS) % 4
"""The word where the bits of watched batches begin."""

_FIELDS = (*PARAMETERS, *(f"padding{n}" for n in range(WATCH_AT - len(PARAMETERS))))
_PARAMS = "".join(f"  {name}: u32,\n" for name in _FIELDS)
_PARAMS = f"struct Params {{\n{_PARAMS}  watch: array<vec4<u32>, {WATCH // 4}>,\n}}\n"

_NUMBER = """\
// The number of this invocation, whether workgroups are in one dimension or in two.
fn number(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
  return (group.y * groups.x + group.x) * SIZE + local;
}
"""

_COUNT = """\
fn count(what: u32, more: u32) { atomicAdd(&control[what], more); }
// Whether VMs at ordered instructions are left over from the round before.
fn waits_for_turns() -> bool { return HAS_ORDERED && atomicLoad(&control[C_ORDERED]) != 0u; }
fn batch_word(batch: u32, word: u32) -> u32 { return HEADER + 3u * batch + word; }
"""


def accessors(spec: Spec) -> str:
    """`load`, `store`, `fetch`, `put`, and the instruction pointer."""
    cells = spec.cells
    cell = f"vm * {cells.words}u + row" if cells.literal else "row * params.capacity + vm"
    parts = [_CELLS.replace("CELL", cell)]
    if cells.half:
        parts += [wgsl.PREAMBLE, *map(wgsl.render_op, (words32.to_half, words32.from_half))]
        parts.append(_ROUNDED)
    else:
        parts.append(_EXACT)
    elements = _HALVES if cells.packed else _ELEMENTS
    parts.append(elements.replace("FIRST", f"{cells.first}u").replace(" + 0u", ""))
    return "\n".join([*parts, _GO_LITERAL if cells.literal else _GO])


_CELLS = """\
fn cell(vm: u32, row: u32) -> u32 { return CELL; }
fn load(vm: u32, row: u32) -> u32 { return states[cell(vm, row)]; }
fn store(vm: u32, row: u32, bits: u32) { states[cell(vm, row)] = bits; }
"""

_EXACT = """\
fn rounded(bits: u32) -> u32 { return bits; }
"""

_ROUNDED = """\
// A float as it comes back when it has been stored.
fn rounded(bits: u32) -> u32 {
  return bitcast<u32>(lw_from_half(lw_to_half(bitcast<i32>(bits))));
}
"""

_ELEMENTS = """\
fn fetch(vm: u32, element: u32) -> u32 { return load(vm, element + FIRST); }
fn put(vm: u32, element: u32, bits: u32) { store(vm, element + FIRST, rounded(bits)); }
"""

_HALVES = """\
fn fetch(vm: u32, element: u32) -> u32 {
  let at = element - 1u;
  let pair = load(vm, FIRST + (at >> 1u));
  return bitcast<u32>(lw_from_half(bitcast<i32>((pair >> ((at & 1u) * 16u)) & 0xffffu)));
}

fn put(vm: u32, element: u32, bits: u32) {
  let at = element - 1u;
  let shift = (at & 1u) * 16u;
  let half = bitcast<u32>(lw_to_half(bitcast<i32>(bits))) & 0xffffu;
  let row = FIRST + (at >> 1u);
  store(vm, row, (load(vm, row) & ~(0xffffu << shift)) | (half << shift));
}
"""

_GO = """\
fn go(vm: u32, ip: u32) { store(vm, IP, ip); }
"""

_GO_LITERAL = """\
// The instruction pointer, and its mirror in the vector.
fn go(vm: u32, ip: u32) {
  store(vm, IP, ip);
  store(vm, 0u, bitcast<u32>(f32(ip)));
}
"""

_ENTRY = """
@compute @workgroup_size(SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
"""

_LISTED = """\
  let i = number(group, groups, local);
  if (i >= atomicLoad(&control[C_LENGTHS + C_KERNEL])) { return; }
  let vm = lists[C_KERNEL * params.capacity + i];
  let ip = load(vm, IP);
"""


def main(kernel: str, body: str) -> str:
    """The main function of a kernel with an invocation for each VM.

    Args:
        kernel: that on whose list the VMs are, of which this one is `vm` at `ip`; "" without.
        body: what it does, to the end of the function.
    """
    return _ENTRY + (_LISTED.replace("KERNEL", kernel) if kernel else "") + body


ENDING = """\
fn finite(bits: u32) -> bool { return (bits & 0x7f800000u) != 0x7f800000u; }

// A VM that is no longer live; its batch knows.
fn end_vm(vm: u32, status: u32) {
  store(vm, STATUS, status);
  atomicSub(&control[batch_word(load(vm, BATCH), B_LIVE)], 1u);
}

// A VM stops where it is.
fn fault_vm(vm: u32, reason: u32) {
  store(vm, FAULT, reason);
  end_vm(vm, FAULTED);
  count(C_FAULTS, 1u);
  atomicMin(&control[C_FIRST_FAULT], vm);
}
"""
"""Functions of the kernels in which a VM can end."""

OUTSIDE = """
// An access outside shared memory: whether the VM goes no further.
fn outside(vm: u32, counter: u32) -> bool {
  if (FAULTS_OUTSIDE) { fault_vm(vm, FAULT_BAD_ADDRESS); } else { count(counter, 1u); }
  return FAULTS_OUTSIDE;
}
"""
"""Functions of the kernels that use shared memory."""

ADDRESS = """\
// The word that a float is the address of, or NONE. By its bits, as a compiler may take it that
// there is no NaN: from 2^-126 to below 2^32, or a zero of either sign.
fn float_address(bits: u32) -> u32 {
  if (bits - 0x00800000u < 0x4f000000u) { return whole_address(u32(bitcast<f32>(bits))); }
  if ((bits << 1u) == 0u) { return whole_address(0u); }
  return NONE;
}

fn whole_address(at: u32) -> u32 { return select(NONE, at, at < params.shared_words); }
"""
"""Addresses of shared memory."""


_WITHIN = """
// The address, or NONE where it is not in the buffer that the program names.
fn within(address: u32, ip: u32) -> u32 {
  let at = params.limits_at + 2u * ip;
  return select(NONE, address, address - code[at] < code[at + 1u]);
}
"""


def address(spec: Spec) -> str:
    """Functions of addresses."""
    return ADDRESS + _WITHIN * spec.limited


STORED = """
// The address, at which a word is counted that does not belong there.
fn stored(address: u32, ip: u32) -> u32 {
  let kind = code[params.stores_at + ip];
  if (kind == 0u || address == NONE) { return address; }
  let regions = params.stores_at + params.instructions;
  var low = regions + 1u;
  var high = low + code[regions];
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (code[middle] <= address) { low = middle; } else { high = middle; }
  }
  let wrong = code[low + code[regions]];
  if (wrong != 0u && (kind == WRONG_EITHER || kind == wrong)) { count(C_MIXED, 1u); }
  return address;
}
"""
"""Counts what is put where it does not belong."""


def limited(spec: Spec, text: str, *, puts: bool = False) -> str:
    r"""A text in which addresses are held to the buffers of the instruction at `ip`.

    Args:
        spec: what the text depends on.
        text: of the instruction.
        puts: whether it puts a word there, which is counted where it does not belong.

    Example:
        >>> _PLACE.sub(r"within(\1, ip)", "f(float_address(fetch(vm, 1u + code[at + 2u])), x)")
        'f(within(float_address(fetch(vm, 1u + code[at + 2u])), ip), x)'
    """
    place = r"within(\1, ip)" if spec.limited else r"\1"
    return _PLACE.sub(f"stored({place}, ip)" if puts and spec.stores else place, text)


_PLACE = re.compile(r"((?:float|whole)_address\(fetch\([^()]*\)\))")


def peek(spec: Spec) -> str:
    """Reading a word of shared memory, which other invocations may write at the same time."""
    word = "atomicLoad(&memory[at])" if spec.fast else "memory[at]"
    return f"fn peek(at: u32) -> u32 {{ return {word}; }}\n"
