"""The first kernel, which sorts VMs by what will run them, and the plan of an epoch.

Classification wakes VMs, looks at the instruction of each that runs, and puts it on the list of
its kernel. A workgroup counts together and asks for its part of each list once. The plan is one
invocation: it looks whether the run has to stop, and otherwise says how many workgroups each kernel
has in this epoch, so that the host need not read anything back.

An epoch may take more than one round of this: VMs at ordered instructions have their turns a few
thousand at a time, so that no kernel takes too long, and until all had theirs nothing else is done.

Where VMs are sorted, classification counts them by buckets instead, of one instruction each (or of
a few, if there are more than `BUCKETS`). The plan adds up where buckets begin, and a further kernel
puts the VMs there.
"""

from __future__ import annotations

from lanework.machines.fleet.gpu.kernels.common import (
    ENDING,
    address,
    head,
    limited,
    main,
    peek,
)
from lanework.machines.fleet.gpu.kernels.table import Spec


def classify(spec: Spec) -> str:
    """The kernel that sorts VMs."""
    declared = head(spec, "code states memory lists control")
    return declared + address(spec) + peek(spec) + ENDING + limited(spec, _CLASSIFY)


def scatter(spec: Spec) -> str:
    """The kernel that lists VMs by instruction, once it is known where each bucket begins."""
    return head(spec, "code states lists control") + _SCATTER


def compact(spec: Spec) -> str:
    """The kernel that lists VMs that are live."""
    return head(spec, "states lists control") + _COMPACT


def plan(spec: Spec) -> str:
    """The kernel of one invocation that looks at counts."""
    return head(spec, "control", indirect=True) + _PLAN


_CLASSIFY = """
var<workgroup> counts: array<atomic<u32>, 6>;
var<workgroup> bases: array<u32, 4>;

// Whether the word that a blocked VM waits for has changed.
fn wakes(vm: u32) -> bool {
  let ip = load(vm, IP);
  let at = params.program_at + 5u * ip;
  let address = float_address(fetch(vm, 1u + code[at + 1u]));
  var word = 0u;
  if (address != NONE) { word = peek(address); }
  return word != fetch(vm, 1u + code[at + 2u]);
}

// What runs a VM, after waking it; NONE where it does not run.
fn kind_of(vm: u32) -> u32 {
  var status = load(vm, STATUS);
  if (YIELDS && status == YIELDED) {
    status = RUNNING;
    store(vm, STATUS, status);
  }
  if (BLOCKS && status == BLOCKED) {
    if (wakes(vm)) {
      status = RUNNING;
      store(vm, STATUS, status);
    } else {
      atomicAdd(&counts[C_BLOCKED], 1u);
      atomicAdd(&counts[C_IDLE], 1u);
    }
  }
  if (status != RUNNING) { return NONE; }
  let ip = load(vm, IP);
  if (ip >= params.instructions) {
    fault_vm(vm, FAULT_PAST_END);
    return NONE;
  }
  if (YIELDS && load(vm, SWEPT) == atomicLoad(&control[C_SWEEP])) {
    atomicAdd(&counts[C_IDLE], 1u);
  }
  return code[params.kinds_at + ip];
}

// Room for an invocation's VMs of a kind, among those of its workgroup.
fn claim(kind: u32, tally: u32) -> u32 {
  let many = (tally >> (8u * kind)) & 0xffu;
  if (many == 0u) { return 0u; }
  return atomicAdd(&counts[kind], many);
}

fn number_of(i: u32) -> u32 {
  if (params.listed != 0u) { return lists[4u * params.capacity + i]; }
  return params.first + i;
}
""" + main(
    "",
    """\
  if (local < 6u) { atomicStore(&counts[local], 0u); }
  workgroupBarrier();
  let begin = EACH * number(group, groups, local);
  var end = min(begin + EACH, params.count);
  if (waits_for_turns() || atomicLoad(&control[C_EPOCHS]) >= params.most) { end = begin; }
  var kinds = 0u;  // four bits for each VM, its kind and one more
  var tally = 0u;  // eight bits for each kind
  for (var i = begin; i < end; i++) {
    let vm = number_of(i);
    let kind = kind_of(vm);
    if (SORTS && kind != NONE) {
      let bucket = code[params.bucket_at + load(vm, IP)];
      lists[5u * params.capacity + i] = atomicAdd(&control[params.tally_at + bucket], 1u);
    } else if (kind != NONE) {
      kinds |= (kind + 1u) << (4u * (i - begin));
      tally += 1u << (8u * kind);
    }
  }
  // No arrays here: what they are indexed by differs between invocations.
  let place0 = claim(0u, tally);
  let place1 = claim(1u, tally);
  let place2 = claim(2u, tally);
  let place3 = claim(3u, tally);
  workgroupBarrier();
  if (local < 6u) {
    let many = atomicLoad(&counts[local]);
    if (many > 0u) {
      let base = atomicAdd(&control[local], many);
      if (local < 4u) { bases[local] = base + local * params.capacity; }
    }
  }
  workgroupBarrier();
  let at0 = bases[0] + place0;
  let at1 = bases[1] + place1;
  let at2 = bases[2] + place2;
  let at3 = bases[3] + place3;
  tally = 0u;
  for (var i = begin; i < end; i++) {
    let kind = ((kinds >> (4u * (i - begin))) & 15u) - 1u;
    if (kind < 4u) {
      let at = select(select(at0, at1, kind == 1u), select(at2, at3, kind == 3u), kind >= 2u);
      lists[at + ((tally >> (8u * kind)) & 0xffu)] = number_of(i);
      tally += 1u << (8u * kind);
    }
  }
}
""",
)

_SCATTER = main(
    "",
    """\
  let i = number(group, groups, local);
  if (i >= params.count) { return; }
  var vm = params.first + i;
  if (params.listed != 0u) { vm = lists[4u * params.capacity + i]; }
  if (load(vm, STATUS) != RUNNING) { return; }
  let ip = load(vm, IP);
  let bucket = code[params.bucket_at + ip];
  let begin = atomicLoad(&control[params.tally_at + params.tally_count + bucket]);
  let kind = code[params.kinds_at + ip];
  lists[kind * params.capacity + begin + lists[5u * params.capacity + i]] = vm;
}
""",
)

_COMPACT = """
var<workgroup> counted: atomic<u32>;
var<workgroup> base: u32;
""" + main(
    "",
    """\
  if (local == 0u) { atomicStore(&counted, 0u); }
  workgroupBarrier();
  let i = number(group, groups, local);
  let vm = params.first + i;
  var live = false;
  var place = 0u;
  if (i < params.count) {
    let status = load(vm, STATUS);
    live = status == RUNNING || status == BLOCKED || status == YIELDED;
    if (live) { place = atomicAdd(&counted, 1u); }
  }
  workgroupBarrier();
  if (local == 0u) { base = atomicAdd(&control[C_LISTED], atomicLoad(&counted)); }
  workgroupBarrier();
  if (live) { lists[4u * params.capacity + base + place] = vm; }
}
""",
)

_PLAN = """
fn dispatch(kernel: u32, many: u32) {
  let groups = (many + SIZE - 1u) / SIZE;
  let limit = params.group_limit;
  indirect[3u * kernel] = min(groups, limit);
  indirect[3u * kernel + 1u] = (groups + limit - 1u) / limit;
  indirect[3u * kernel + 2u] = 1u;
}

// Whether a batch that is watched has no live VM.
fn over() -> bool {
  for (var batch = 0u; batch < params.batches; batch++) {
    let bits = params.watch[batch >> 7u][(batch >> 5u) & 3u];
    if (((bits >> (batch & 31u)) & 1u) != 0u
        && atomicLoad(&control[batch_word(batch, B_LIVE)]) == 0u) {
      return true;
    }
  }
  return false;
}

// Whether all VMs have yielded or wait, and have yielded so often that the host has to look.
fn still(live: u32, idle: u32) -> bool {
  if (idle < live) { return false; }
  atomicAdd(&control[C_SWEEP], 1u);
  return atomicAdd(&control[C_QUIET], 1u) + 1u >= params.patience;
}

// How many VMs a kernel has, and where each of its buckets begins.
fn tally(first: u32, end: u32) -> u32 {
  var sum = 0u;
  for (var bucket = first; bucket < end; bucket++) {
    atomicStore(&control[params.tally_at + params.tally_count + bucket], sum);
    sum += atomicExchange(&control[params.tally_at + bucket], 0u);
  }
  return sum;
}

@compute @workgroup_size(1)
fn main() {
  var counts: array<u32, 6>;
  for (var n = 0u; n < 6u; n++) {
    counts[n] = atomicLoad(&control[n]);
    atomicStore(&control[n], 0u);
  }
  if (atomicLoad(&control[C_STOP]) != 0u) { return; }  // nothing is dispatched since
  if (waits_for_turns() || atomicLoad(&control[C_EPOCHS]) >= params.most) {
    for (var n = D_LINEAR; n <= D_SCATTER; n++) { dispatch(n, 0u); }
    if (waits_for_turns()) {
      dispatch(D_ORDERED, 1u);
      dispatch(D_TRACE, 1u);
    }
    return;
  }
  if (SORTS) {
    counts[C_LINEAR] = tally(0u, params.bucket_end0);
    counts[C_ORACLE] = tally(params.bucket_end0, params.bucket_end1);
    counts[C_BRANCH] = tally(params.bucket_end1, params.bucket_end2);
    counts[C_IO] = tally(params.bucket_end2, params.bucket_end3);
  }
  let moving = counts[0] + counts[1] + counts[2] + counts[3];
  let live = moving + counts[C_BLOCKED];
  var stop = 0u;
  if (params.fault_stops != 0u && atomicLoad(&control[C_FAULTS]) > 0u) {
    stop = STOP_FAULT;
  } else if (live == 0u) {
    stop = STOP_DONE;
  } else if (params.watching != 0u && over()) {
    stop = STOP_BATCH;
  } else if (WAITS && counts[C_BLOCKED] == live) {
    stop = STOP_DEADLOCK;
  } else if (WAITS && still(live, counts[C_IDLE])) {
    stop = STOP_STILL;
  } else if (moving > atomicLoad(&control[C_FUEL])) {
    stop = STOP_FUEL;
  }
  if (stop != 0u) {
    atomicStore(&control[C_STOP], stop);
    for (var n = 0u; n <= D_SCATTER; n++) { dispatch(n, 0u); }
    return;
  }
  atomicSub(&control[C_FUEL], moving);
  atomicAdd(&control[C_EPOCHS], 1u);
  for (var n = 0u; n < 4u; n++) {
    atomicStore(&control[C_LENGTHS + n], counts[n]);
    atomicAdd(&control[C_BY_KERNEL + n], counts[n]);
    dispatch(D_LINEAR + n, counts[n]);
  }
  dispatch(D_ORDERED, min(counts[C_IO], 1u));
  dispatch(D_TRACE, 1u);
  if (SORTS) { dispatch(D_SCATTER, params.count); }
}
"""
