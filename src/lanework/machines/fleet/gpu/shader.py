"""The text of a shader that runs a launch as a whole, an invocation for some of its VMs.

Invocations go over VMs in strides of all there are. A submission has many launches, one after
another, between which one invocation moves a cursor on (`ADVANCE`), or halts what is left of the
submission: where VMs have not ended in their turns, where a fault or a VM that waits ends the run,
and where more has been executed than there is fuel.
"""

from __future__ import annotations

from enum import IntEnum

from lanework.engines.gpu import halves
from lanework.engines.gpu.lanes import ENDED, Lane, indented
from lanework.engines.lanes.program import LaneProgram, Later, Stop
from lanework.engines.lanes.webs import split
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.native.abi import LISTED
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.state import Status

SIZE = 64
"""Invocations of a workgroup."""
FULL = 1 << 30
"""Instructions of a class after which an invocation hands on what it has counted."""

OLDEST = 1 << 31
"""Instructions of a VM that goes on: after as many more its age, in one word, could begin anew."""

ENTRY = tuple("count slot base stride stream last".split())
"""Words of an entry: VMs, their places, VMIDs, the stream of random numbers, and whether it is the
last of those that run at the same time."""
STOPS = ("status", "fault", "ip", "age")
"""Rows of VMs that faulted or wait; age is in instructions."""
PARAMS = tuple(
    "slots size key0 key1 most going zero strict limited fuel_low fuel_high padding".split()
)
"""Parameters: places; words of shared memory; the seed; turns of loops; the entry whose VMs go on;
0; whether the first fault ends the run; and the fuel, if there is a limit."""


class Word(IntEnum):
    """Words of the control buffer; counts that may be large have two, the lower first.

    HALT: what follows in the submission is not to run. CURSOR: the entry. LATE: VMs of it that have
    not ended. OLDEST: the age of the oldest VM of the group. LIMIT: that of the youngest that
    faulted. PAST: whether a VM that goes on is older than ages may be.
    """

    HALT = 0
    CURSOR = 1
    LATE = 2
    OLDEST = 3
    LIMIT = 4
    FAULTS = 5
    WAITING = 6
    SPENT = 7
    READS = 8
    WRITES = 10
    STALLED = 12
    MIXED = 14
    EPOCHS = 16
    CLASSES = 18
    PAST = 18 + 2 * len(Kernel)


WORDS = Word.PAST + 1
BINDINGS = ("uniform", "read", *["write"] * 6)
"""How params, entries, control, memory, states, stops, kept and later are bound."""

HEAD = f"""\
struct Params {{
{"".join(f"  {name}: u32,{chr(10)}" for name in PARAMS)}}}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> entries: array<u32>;
@group(0) @binding(2) var<storage, read_write> control: array<atomic<u32>>;

fn entry(row: u32, word: u32) -> u32 {{ return entries[row * {len(ENTRY)}u + word]; }}

// A count in two words.
fn count(at: u32, more: u32) {{
  let sum = atomicAdd(&control[at], more) + more;
  if (sum < more) {{ atomicAdd(&control[at + 1u], 1u); }}
}}
"""

_BUFFERS = """\
@group(0) @binding(3) var<storage, read_write> memory: array<WORD>;
@group(0) @binding(4) var<storage, read_write> states: array<i32>;
@group(0) @binding(5) var<storage, read_write> stops: array<u32>;
@group(0) @binding(6) var<storage, read_write> kept: array<u32>;
@group(0) @binding(7) var<storage, read_write> later: array<u32>;
"""

ADVANCE = (
    HEAD
    + f"""
// What all VMs have executed, low and high.
fn executed() -> vec2<u32> {{
  var sum = vec2<u32>(0u, 0u);
  for (var kind = 0u; kind < {len(Kernel)}u; kind++) {{
    let low = atomicLoad(&control[{int(Word.CLASSES)}u + 2u * kind]);
    sum.x += low;
    sum.y += atomicLoad(&control[{int(Word.CLASSES)}u + 2u * kind + 1u]) + u32(sum.x < low);
  }}
  return sum;
}}

@compute @workgroup_size(1)
fn main() {{
  if (atomicLoad(&control[{int(Word.HALT)}]) != 0u) {{ return; }}
  if (params.limited != 0u) {{
    let sum = executed();
    let over = sum.y > params.fuel_high || (sum.y == params.fuel_high && sum.x > params.fuel_low);
    if (over) {{
      atomicStore(&control[{int(Word.SPENT)}], 1u);
      atomicStore(&control[{int(Word.HALT)}], 1u);
      return;
    }}
  }}
  if (atomicLoad(&control[{int(Word.LATE)}]) != 0u) {{
    atomicStore(&control[{int(Word.HALT)}], 1u);
    return;
  }}
  let row = atomicAdd(&control[{int(Word.CURSOR)}], 1u);
  if (entry(row, {ENTRY.index("last")}u) == 0u) {{ return; }}
  let faults = params.strict != 0u && atomicLoad(&control[{int(Word.FAULTS)}]) != 0u;
  if (faults || atomicLoad(&control[{int(Word.WAITING)}]) != 0u) {{
    atomicStore(&control[{int(Word.HALT)}], 1u);
    return;
  }}
  count({int(Word.EPOCHS)}u, atomicExchange(&control[{int(Word.OLDEST)}], 0u));
}}
"""
)
"""The kernel between two launches."""


class Shader:
    """The shader of a form of a routine.

    Args:
        program: the routine.
        form: of which this is.
        rows: where fields are in the state.
        own_halves: whether half precision, if there is any, is by numbers of 16 bits.

    Attributes:
        text: it.
        keeps: words of a VM that goes on in another dispatch; 0 if all end in one.
        size: steps, as a measure of how long a turn takes.
    """

    def __init__(
        self, program: LaneProgram, form: Form, rows: dict[str, int], *, own_halves: bool = False
    ) -> None:
        self.form, self.rows = form, rows
        self.program = split(program)
        half = (halves.OWN if own_halves else halves.BY_INTEGERS) if form.half else ""
        self.lane = Lane(self.program, self._stopped, self._later, half)
        self.size = sum(len(block.steps) for block in self.program.blocks)
        self.fields = [*(f"x{n}" for n in self.lane.kept), *(f"n{n}" for n in self.lane.classes)]
        self.keeps = 1 + len(self.fields) if self.lane.loops else 0
        word = "atomic<i32>" if self.lane.updates else "i32"
        body = self._body()
        parts = [HEAD, _BUFFERS.replace("WORD", word), self.lane.rendered(), body, self._main()]
        self.text = halves.ENABLE * own_halves + "\n".join(parts)

    def _body(self) -> str:
        """The function for one VM, of the number `vm` among those of its launch."""
        lane = self.lane
        lines = ["let size = params.size;", "lw_unknown = params.zero;"]
        lines.append("let zero = bitcast<i32>(params.zero);")
        lines += ["let key = vec2<u32>(params.key0, params.key1);"] * lane.draws
        lines += ["let place = entry(row, 1u) + vm;", "var pc = 0u;", "var reads = 0u;"]
        lines += ["var writes = 0u;", *(f"var {what} = 0u;" for what in lane.tallies)]
        lines += [f"var n{kind} = 0u;" for kind in lane.classes]
        lines += [f"var x{n} = zero;" for n in range(self.program.variables)]
        inputs = [f"x{n} = {self._input(what)};" for n, what in self.program.inputs.items()]
        if self.keeps:
            lines += ["var turns = bitcast<i32>(params.most);"]
            lines += [f"let stands = vm * {self.keeps}u;", "if (going) {"]
            lines += indented(self._resumed())
            lines += ["} else {", *indented(inputs), "}"]
        else:
            lines += inputs
        lines += [f"let begin{kind} = n{kind};" for kind in lane.classes]
        lines += lane.text()
        for kind in lane.classes:
            lines.append(f"t{kind} += n{kind} - begin{kind};")
            lines.append(f"if (t{kind} > {FULL}u) {{ hand_on(); }}")
        if self.keeps:
            lines += [f"if (pc == {ENDED}u) {{", *indented(self._ended())]
            lines += ["  kept[stands] = pc;", "} else {", *indented(self._late()), "}"]
        else:
            lines += self._ended()
        for name in ("reads", "writes", *lane.tallies):
            number = Word[name.upper()]
            lines.append(f"if ({name} != 0u) {{ count({int(number)}u, {name}); }}")
        return "\n".join(["fn run(vm: u32, row: u32, going: bool) {", *indented(lines), "}\n"])

    def _input(self, what: str) -> str:
        """What a VM begins with."""
        numbers = {
            "vm_id": "entry(row, 2u) + vm * entry(row, 3u)",
            "global_id": "place",
            "count": "entry(row, 0u)",
            "stream": "entry(row, 4u)",
        }
        if what in numbers and not (what == "vm_id" and self.form.table):
            return f"bitcast<i32>({numbers[what]})"
        return self._state(what)

    def _state(self, name: str) -> str:
        """A field of the VM in its state."""
        number = int(name[7:]) if name.startswith("element") else self.rows[name]
        return f"states[{number}u * params.slots + place]"

    def _resumed(self) -> list[str]:
        """Go on where the VM was, unless another has faulted before."""
        lines = ["pc = kept[stands];", f"if (pc == {ENDED}u) {{ return; }}"]
        for n, name in enumerate(self.fields, 1):
            text = f"kept[stands + {n}u]"
            lines.append(f"{name} = {f'bitcast<i32>({text})' if name[0] == 'x' else text};")
        given_up = f"if ({self.lane.age} > atomicLoad(&control[{int(Word.LIMIT)}]))"
        return [*lines, f"{given_up} {{ kept[stands] = {ENDED}u; return; }}"]

    def _late(self) -> list[str]:
        """Write down what the VM has."""
        lines = ["kept[stands] = pc;"]
        for n, name in enumerate(self.fields, 1):
            lines.append(
                f"kept[stands + {n}u] = {f'bitcast<u32>({name})' if name[0] == 'x' else name};"
            )
        past = f"{{ atomicStore(&control[{int(Word.PAST)}], 1u); }}"
        return [*lines, f"if ({self.lane.age} >= {OLDEST}u) {past}", "late += 1u;"]

    def _ended(self) -> list[str]:
        """What is left of a VM."""
        outputs = self.program.outputs.items()
        lines = [f"{self._state(name)} = x{variable};" for name, variable in outputs]
        return [*lines, f"oldest = max(oldest, {self.lane.age});"]

    def _stopped(self, stop: Stop) -> list[str]:
        """Where VMs fault, or wait."""
        if stop.status not in (Status.FAULTED, Status.BLOCKED):
            return []
        values = (int(stop.status), int(stop.fault), stop.at)
        lines = [f"stops[{n}u * params.slots + place] = {v}u;" for n, v in enumerate(values)]
        lines.append(f"let age = {self.lane.age};")
        lines.append(f"stops[{STOPS.index('age')}u * params.slots + place] = age;")
        faulted = stop.status == Status.FAULTED
        event = Word.FAULTS if faulted else Word.WAITING
        lines.append(f"atomicAdd(&control[{int(event)}], 1u);")
        limit = f"atomicMin(&control[{int(Word.LIMIT)}], age);"
        return [*lines, *[f"if (params.strict != 0u) {{ {limit} }}"] * faulted]

    def _later(self, step: Later, values: tuple[str, ...]) -> list[str]:
        """Where a word is, what is done with it, and when."""
        row = LISTED * step.number
        return [
            f"later[{row + n}u * params.slots + place] = {value};" for n, value in enumerate(values)
        ]

    def _main(self) -> str:
        """The function of an invocation, which hands on what its VMs have counted."""
        kinds = self.lane.classes
        totals = [f"var<private> t{kind}: u32;" for kind in kinds]
        totals += ["var<private> oldest: u32;", "var<private> late: u32;"]
        counts = [
            f"if (t{kind} != 0u) {{ count({Word.CLASSES + 2 * kind}u, t{kind}); t{kind} = 0u; }}"
            for kind in kinds
        ]
        return "\n".join([*totals, "", *["fn hand_on() {", *indented(counts), "}"], _MAIN])


_MAIN = f"""
@compute @workgroup_size({SIZE})
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {{
  if (atomicLoad(&control[{int(Word.HALT)}]) != 0u) {{ return; }}
  let row = atomicLoad(&control[{int(Word.CURSOR)}]);
  let going = row == params.going;
  let all = entry(row, 0u);
  for (var vm = id.x; vm < all; vm += groups.x * {SIZE}u) {{ run(vm, row, going); }}
  hand_on();
  if (oldest != 0u) {{ atomicMax(&control[{int(Word.OLDEST)}], oldest); }}
  if (late != 0u) {{ atomicAdd(&control[{int(Word.LATE)}], late); }}
}}
"""
