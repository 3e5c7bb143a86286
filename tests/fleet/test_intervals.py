"""What programs are found to hold is what they hold, however they run."""

import math

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.core.evaluate import evaluate as run_graph
from lanework.core.isa import OperandKind
from lanework.core.single import SINGLE
from lanework.machines.fleet import compile as fleet
from lanework.machines.fleet.bounds import bounds
from lanework.machines.fleet.interval import ANY, Interval, between, point
from lanework.machines.fleet.intervals import Intervals
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices import evaluate, linear_row, pattern
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan, Routine
from lanework.machines.fleet.precision import halves, refuse
from lanework.machines.fleet.state import PROFILES, Convention
from lanework.machines.fleet.transfer import LARGEST_HALF

S22 = PROFILES["S22"]
OPS = {
    info.elementwise.name: info.elementwise
    for info in FLEET.by_name.values()
    if info.elementwise is not None
}
FLOATS = [0, -0.0, 1, -1, 2, 3, -3, 0.5, 7, 1e-45, -1e-40, 1e-38, 1e38, 3.4e38, -3.4e38, 65504]
FLOATS = np.array([*FLOATS, 100, 255, 1e10, 2**24, 2**23, np.inf, -np.inf, np.nan], np.float32)


def inside(value, found):
    """Whether all numbers of an array are in an interval."""
    value = np.asarray(value, np.float32)
    nan = np.isnan(value)
    held = nan & found.nan | ~nan & (value >= found.low) & (value <= found.high)
    if found.whole:
        held &= nan | np.isinf(value) | (value == np.floor(value))
    return held


# Ops ----------------------------------------------------------------------------------------------


def some(rng):
    """An interval around a few numbers, and numbers of it."""
    kinds = (
        lambda: rng.choice(FLOATS, rng.integers(1, 4)),
        lambda: rng.integers(-20, 300, rng.integers(1, 4)),
        lambda: rng.normal(size=rng.integers(1, 4)) * 10.0 ** rng.integers(-3, 4),
        lambda: rng.integers(0, 1 << 23, 2),
        lambda: np.abs(rng.normal(size=2) * 10.0 ** rng.integers(-30, 30)),
        lambda: rng.integers(0, 2**32, 2, dtype=np.uint32).view(np.float32),
    )
    with np.errstate(all="ignore"):
        ends = np.asarray(kinds[rng.integers(len(kinds))](), np.float32).tolist()
    found = point(ends[0])
    for end in ends[1:]:
        found = found.join(point(end))
    low, high = (max(min(end, 3.4e38), -3.4e38) for end in (found.low, found.high))
    within = low + (high - low) * rng.random(64) if low <= high else np.zeros(0)
    spread = np.exp(rng.uniform(-100, 88, 64)) * rng.choice([-1, 1], 64)
    near = np.arange(8)
    all_of = np.concatenate(
        [ends, within, spread, FLOATS, np.rint(within), low + near, high - near]
    )
    with np.errstate(all="ignore"):
        numbers = all_of.astype(np.float32)
    numbers = numbers[inside(numbers, found)]
    return found, rng.choice(numbers, 128)


@pytest.mark.parametrize("name", OPS)
def test_ops(name):
    op = OPS[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    for _ in range(300):
        pairs = [some(rng) for _ in op.operands]
        found = bounds(op, [each for each, _ in pairs])
        numbers = [each for _, each in pairs]
        with np.errstate(all="ignore"):
            if "f32" in op.dtypes:
                made = op.evaluate(*numbers)
            else:
                patterns = [each.view(np.int32) for each in numbers]
                made = run_graph(op.graph("i32"), patterns).astype(np.int32).view(np.float32)
        wrong = np.flatnonzero(~inside(made, found))
        assert not wrong.size, (pairs, made[wrong[0]], found, [each[wrong[0]] for each in numbers])


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("mul", (between(-2, 3), between(4, 5)), between(-10, 15)),
        ("div", (between(1, 2), between(4, 8)), between(0.125, 0.5)),
        ("div", (between(1, 2), between(0, 8)), Interval(-math.inf, math.inf)),
        ("sub", (between(1, 2), point(math.inf)), Interval(-math.inf, -math.inf)),
        ("sub", (between(0, math.inf), between(0, math.inf)), ANY),
        ("pow", (between(0, 2), between(-1, 1)), ANY),
        ("pow", (between(0, 2), between(0, 1)), between(0, 2.000002)),
        ("abs", (between(-3, 2),), between(0, 3)),
        ("sqrt", (between(-1, 4),), between(0, 2, True)),
        ("fmin", (between(0, 9), between(-4, 5)), between(-4, 5)),
        ("fmax", (ANY, between(0, 0)), between(0, math.inf)),
        ("floor", (between(0.5, 2.5),), between(0, 2, whole=True)),
        ("rem", (between(0, 1000, whole=True), point(10)), between(0, 9, whole=True)),
        ("fmod", (ANY, between(2, 3)), between(-3, 3, True)),
        ("icmp", (ANY, ANY), between(-1, 1, whole=True)),
        ("iadd", (ANY, ANY), ANY),
    ],
)  # fmt: skip
def test_tight(name, args, expected):
    found = bounds(OPS[name], args)
    assert (found.low, found.high, found.nan) == (expected.low, expected.high, expected.nan)
    assert found.whole or not expected.whole


def test_functions_know_where_their_results_lie():
    assert bounds(OPS["sin"], [between(-1e30, 1e30)]).size < 1.00001
    assert not bounds(OPS["sin"], [between(-1e30, 1e30)]).nan
    assert bounds(OPS["exp"], [between(0.0, 1.0)]).high == pytest.approx(math.e, rel=1e-5)
    assert bounds(OPS["log"], [between(0.0, 1.0)]).low == -math.inf
    assert bounds(OPS["pow"], [between(1.0, 2.0), between(-1.0, 3.0)]).high < 8.001


# Programs -----------------------------------------------------------------------------------------


class Machine:
    """Programs run one instruction after another, and everything is compared with intervals."""

    def __init__(self, view, found, rng, shared, half=False):
        self.view, self.found, self.rng, self.half = view, found, rng, half
        self.shared = shared.astype(np.float32)
        self.lanes = []
        for step in view.places.steps:
            for placed in step:
                for n in range(placed.launch.count):
                    self.begin(view.routines[placed.launch.routine].entry, placed, n)
        self.left = []  # instructions that made numbers which half precision has not

    def begin(self, ip, placed, n, source=None):
        words = np.zeros(S22.length, np.uint32)
        words[-1] = pattern(1.0)
        if source is not None:
            words[1] = source
        base = placed.launch.base + n * placed.launch.stride
        lane = {"ip": ip, "words": words, "placed": placed, "stack": []}
        lane["numbers"] = (base, placed.slot + n, placed.launch.count)
        self.lanes.append(lane)

    def end(self, lane):
        self.lanes = [each for each in self.lanes if each is not lane]

    def run(self, steps):
        with np.errstate(all="ignore"):
            for _ in range(steps):
                for lane in list(self.lanes):
                    self.check(lane)
                    self.step(lane)
                    if self.left:
                        return
            self.check_shared()

    def check(self, lane):
        known = self.found.known[lane["ip"]]
        assert known is not None, self.view.where(lane["ip"])
        floats = lane["words"].view(np.float32)
        for element in range(1, S22.length):
            value = known.values[element]
            assert inside(floats[element], value), (
                self.view.where(lane["ip"]), element, floats[element], value
            )  # fmt: skip

    def check_shared(self):
        words = self.found.words
        for n, start in enumerate(words.starts):
            end = (words.starts + [words.count])[n + 1]
            assert inside(self.shared[start:end], words.values[n]).all()

    def put(self, lane, element, bits):
        value = np.uint32(bits).view(np.float32)
        assert inside(value, self.found.made[lane["ip"]]), self.view.where(lane["ip"])
        if self.half:
            if abs(value) > LARGEST_HALF:
                self.left.append(lane["ip"])
            bits = np.float32(np.float16(value)).view(np.uint32)
        lane["words"][element] = bits

    def step(self, lane):
        ip, words = lane["ip"], lane["words"]
        info, made = self.view.infos[ip], self.view.instructions[ip]
        values = info.values(made)
        bits = {
            spec.name: values[spec.name]
            if spec.kind is OperandKind.PATTERN
            else words[S22.register(values[spec.name])]
            for spec in info.operands
            if spec.kind in (OperandKind.REGISTER, OperandKind.PATTERN)
        }
        floats = {name: np.uint32(each).view(np.float32) for name, each in bits.items()}
        after = ip + 1
        if info.kernel is Kernel.LINEAR:
            row = linear_row(S22, made)
            self.put(lane, row.element, evaluate(row, words[:, None])[0])
        elif info.kernel is Kernel.ORACLE:
            self.put(lane, S22.register(values["dest"]), self.oracle(info, bits, floats))
        elif "cond" in values:
            after = values["target"] if self.test(info.name, floats["cond"]) else after
        elif info.name == "JUMP":
            after = values["target"]
        elif info.name == "CALL":
            lane["stack"].append((after, words[1:5].copy()))
            after = values["target"]
            if len(lane["stack"]) > 4:
                self.end(lane)
                return
        elif info.name == "RETURN":
            if not lane["stack"]:
                self.end(lane)
                return
            after, saved = lane["stack"].pop()
            for number in self.view.convention.saved:
                words[1 + number] = saved[number]
        elif info.ends:
            self.end(lane)
            return
        else:
            out = self.io(lane, info.name, values, bits, floats)
            if "dest" in values:
                self.put(lane, S22.register(values["dest"]), out)
        lane["ip"] = after

    def test(self, name, x):
        zero = x == 0 or abs(x) < np.float32(self.view.epsilon)
        tests = {"EQ": zero, "NE": not zero, "LT": x < 0, "GT": x > 0, "LE": x <= 0, "GE": x >= 0}
        return tests[name.removeprefix("BRANCH_")]

    def oracle(self, info, bits, floats):
        op = info.elementwise
        if op is None and info.name == "RAND":
            return pattern(self.rng.integers(0, 1 << 24) * 2.0**-24)
        if op is None:
            return bits["src1"] if floats["cond"] > 0 else bits["src2"]
        names = [spec.name for spec in info.operands if spec.name != "dest"]
        if "f32" in op.dtypes:
            return np.float32(op.evaluate(*(floats[name] for name in names))).view(np.uint32)
        patterns = [np.uint32(bits[name]).view(np.int32) for name in names]
        return np.int32(run_graph(op.graph("i32"), patterns)).view(np.uint32)

    def io(self, lane, name, values, bits, floats):
        if name in ("SYSCALL_VMID", "VMGID", "VMCOUNT"):
            at = ("SYSCALL_VMID", "VMGID", "VMCOUNT").index(name)
            return pattern(lane["numbers"][at])
        if name == "IVMID":
            return lane["numbers"][0]
        if name == "SYSCALL_SPAWN":
            room = self.view.slots - self.view.places.slots
            if sum(each.get("spawned", False) for each in self.lanes) >= room:
                return pattern(-1.0)
            place = self.view.places.slots + int(self.rng.integers(room))
            self.begin(values["target"], lane["placed"], 0, bits["src"])
            self.lanes[-1].update(spawned=True, numbers=(place, place, lane["numbers"][2]))
            return pattern(place)
        if name == "SYSCALL_YIELD":
            return 0
        address = floats["addr"] if name not in ("IREAD", "IWRITE") else np.float64(bits["addr"])
        fits = -1 < address < len(self.shared)
        at = int(address) if fits else 0
        old = self.shared.view(np.uint32)[at] if fits else 0
        new = {
            "ATOMIC_ADD": lambda: pattern(np.uint32(old).view(np.float32) + floats["src"]),
            "ATOMIC_MIN": lambda: self.lesser("fmin", old, floats),
            "ATOMIC_MAX": lambda: self.lesser("fmax", old, floats),
            "ATOMIC_CAS": lambda: bits["src2"] if old == bits["src1"] else old,
            "SYSCALL_WRITE": lambda: bits["src"],
            "IWRITE": lambda: bits["src"],
        }.get(name)
        if fits and new is not None:
            self.shared.view(np.uint32)[at] = new()
        return old

    def lesser(self, name, old, floats):
        value = SINGLE[name].evaluate(np.uint32(old).view(np.float32), floats["src"])
        return np.float32(value).view(np.uint32)


NUMBERS = [0.0, 1.0, -1.0, 2.0, 3.0, -2.0, 0.5, 10.0, 100.0, -0.0, 1e-3, 40000.0]
WILD = [math.inf, -math.inf, math.nan, 1e38, 1e-40]


def soup(rng, wild, own=False):
    """A program of any instructions that lead anywhere: two routines, several launches.

    With `own` there is one launch, and addresses are the VM's number or follow from it.
    """
    counts = [int(rng.integers(6, 18)), int(rng.integers(3, 10))]
    entries = [0, counts[0]]
    infos = list(FLEET.by_name.values())
    # arithmetic and branches are more often there than the many others
    weights = np.array([3.0 if info.kernel in (Kernel.LINEAR, Kernel.BRANCH) else 1.0
                        for info in infos])  # fmt: skip
    numbers = NUMBERS + (WILD if wild else [])
    code = []
    for entry, count in zip(entries, counts, strict=True):
        for _ in range(count - 1):
            info = infos[rng.choice(len(infos), p=weights / weights.sum())]
            if info.ends and rng.random() < 0.8:
                info = FLEET.by_name["JUMP"]
            values = {}
            for spec in info.operands:
                if spec.kind is OperandKind.CODE:
                    free = info.name in ("SYSCALL_SPAWN", "CALL")
                    aims = entries if free else range(entry, entry + count)
                    values[spec.name] = int(rng.choice(aims))
                elif spec.kind is OperandKind.PATTERN:
                    values[spec.name] = pattern(rng.choice(numbers))
                else:
                    values[spec.name] = int(rng.integers(3))
                if own and spec.name == "addr":
                    values[spec.name] = 3
            code.append(info.make(**values))
        code.append(FLEET.by_name[rng.choice(["SYSCALL_HALT", "RETURN"])].make())
    routines = [Routine(f"r{n}", entries[n], counts[n]) for n in (0, 1)]
    launches = (Launch(0, 3), Launch(1, 2, "strided", 10, 7))
    if own:
        base, stride = int(rng.integers(3)), int(rng.integers(1, 4))
        launches = (Launch(0, 3, "strided", base, stride),)
        code[0] = FLEET.by_name["SYSCALL_VMID"].make(dest=3)
        code[1] = FLEET.by_name["ADDI"].make(dest=3, src=3, imm=pattern(rng.integers(3)))
        code[2] = FLEET.by_name["SYSCALL_READ"].make(dest=0, addr=3)
    buffers = [
        Buffer("a", 0, 4, "in", (), -2.0, 5.0),
        Buffer("b", 6, 4, "inout"),
    ]
    program = fleet.package(
        code, routines, Plan((Phase("none", launches),), (0,), int(rng.integers(3))), shared=12,
        buffers=buffers, epsilon=float(rng.choice([0.0, 1e-4, 2.0])),
        convention=Convention(int(rng.integers(3))),
    )  # fmt: skip
    return FleetView.of(program)


def inputs(rng):
    shared = rng.choice(FLOATS, 12)
    shared[:4] = rng.uniform(-2.0, 5.0, 4)
    shared[6:10] = rng.uniform(0.0, 9.0, 4)
    return shared


@pytest.mark.parametrize("seed", range(8))
def test_any_program(seed):
    rng = np.random.default_rng(seed)
    for _ in range(25):
        view = soup(rng, wild=bool(rng.integers(2)))
        found = Intervals(view, {"b": (0.0, 9.0)})
        Machine(view, found, rng, inputs(rng)).run(25)


def test_words_that_are_a_vms_own():
    rng = np.random.default_rng(50)
    own = 0
    for _ in range(100):
        view = soup(rng, wild=False, own=True)
        found = Intervals(view, {"b": (0.0, 9.0)})
        own += bool(found.own)
        Machine(view, found, rng, inputs(rng)).run(25)
    assert own > 30


@pytest.mark.parametrize("seed", range(4))
def test_any_program_in_half_precision(seed):
    rng = np.random.default_rng(100 + seed)
    left = 0
    for _ in range(25):
        view = soup(rng, wild=False)
        found = Intervals(view, {"b": (0.0, 9.0)}, half=True)
        machine = Machine(view, found, rng, inputs(rng), half=True)
        machine.run(25)
        guilty = {each.instruction for each in halves(view, {"b": (0.0, 9.0)})}
        assert guilty.issuperset(machine.left)
        left += len(machine.left)
    assert left


FOUR = (Launch(0, 4),)


def program(lines, *, shared=0, buffers=(), launches=FOUR, **options):
    """A program from words: names and operands; `name:` begins a routine, `.x` is a place in it."""
    code, routines, places = [], [], {}
    for line in lines:
        if line.endswith(":"):
            routines.append((line[:-1], len(code)))
        elif line.startswith("."):
            places[line] = len(code)
        else:
            code.append(line.split())
    ends = [entry for _, entry in routines[1:]] + [len(code)]
    places |= dict(routines)
    made = []
    for name, *operands in code:
        info = FLEET.by_name[name]
        values = {}
        for spec, word in zip(info.operands, operands, strict=True):
            if spec.kind is OperandKind.CODE:
                values[spec.name] = places[word]
            elif spec.kind is OperandKind.PATTERN:
                values[spec.name] = pattern(float(word))
            else:
                values[spec.name] = int(word)
        made.append(info.make(**values))
    routine = [Routine(name, at, end - at) for (name, at), end in zip(routines, ends, strict=True)]
    plan = options.pop("plan", None) or Plan((Phase("wait_all", launches),), (0,))
    return FleetView.of(
        fleet.package(made, routine, plan, shared=shared, buffers=buffers, **options)
    )


LOOPS = {
    "up, tested below": (
        ["main:", "SETI 0 0", ".top", "ADDI 0 0 1", "CMPI 1 0 1000", "BRANCH_LT 1 .top",
         "SYSCALL_HALT"],
        1, (0.0, 1000.0)),
    "up, tested above": (
        ["main:", ".top", "CMPI 1 0 1000", "BRANCH_GE 1 .end", "ADDI 0 0 1", "JUMP .top", ".end",
         "SYSCALL_HALT"],
        1, (0.0, 1000.0)),
    "down to zero": (
        ["main:", "SETI 0 500", ".top", "SUBI 0 0 1", "BRANCH_NE 0 .top", "SYSCALL_HALT"],
        1, (0.0, 500.0)),
    "down while positive": (
        ["main:", "SETI 0 500", ".top", "ADDI 0 0 -1", "BRANCH_GT 0 .top", "SYSCALL_HALT"],
        1, (0.0, 500.0)),
    "the counter in memory": (
        ["main:", ".top", "LOAD 0 5", "ADDI 0 0 1", "STORE 0 5", "SUBI 1 0 300",
         "BRANCH_LT 1 .top", "SYSCALL_HALT"],
        S22.own(5), (0.0, 300.0)),
    "to a number in a register": (
        ["main:", "SETI 3 77", ".top", "ADDI 0 0 1", "SUB 1 0 3", "BRANCH_LE 1 .top",
         "SYSCALL_HALT"],
        1, (0.0, 78.0)),
    "from the VM's number by strides": (
        ["main:", "SYSCALL_VMID 0", ".top", "CMPI 1 0 1000", "BRANCH_GE 1 .end", "ADDI 0 0 64",
         "JUMP .top", ".end", "SYSCALL_HALT"],
        1, (0.0, 1063.0)),
    "two loops": (
        ["main:", ".outer", "CLEAR 1", ".inner", "ADDI 1 1 1", "CMPI 2 1 8", "BRANCH_LT 2 .inner",
         "ADDI 0 0 1", "CMPI 2 0 30", "BRANCH_LT 2 .outer", "SYSCALL_HALT"],
        2, (0.0, 8.0)),
    "a counter that a call changes": (
        ["main:", ".top", "CALL more", "CMPI 1 0 20", "BRANCH_LT 1 .top", "SYSCALL_HALT",
         "more:", "ADDI 0 0 2", "RETURN"],
        1, (0.0, 21.0)),
    "a value that decays": (
        ["main:", "SETI 0 100.5", ".top", "SCALE 0 0 0.5", "CMPI 1 0 0.25", "BRANCH_GT 1 .top",
         "SYSCALL_HALT"],
        1, (0.0, 100.5)),
    "never more than a limit": (
        ["main:", ".top", "ADDI 0 0 3.5", "SETI 1 50", "MIN 0 0 1", "JUMP .top"],
        1, (0.0, 53.5)),
    "a logistic map": (
        ["main:", "SETI 0 0.3", ".top", "SETI 1 1", "SUB 1 1 0", "MUL 0 0 1", "MULI 0 0 3.5",
         "SETI 1 1", "MIN 0 0 1", "CLEAR 1", "MAX 0 0 1", "JUMP .top"],
        1, (-0.0, 3.5)),
}  # fmt: skip


@pytest.mark.parametrize("case", LOOPS)
def test_loops_have_bounds(case):
    lines, element, expected = LOOPS[case]
    found = Intervals(program(lines)).element(element)
    assert not found.nan
    assert expected[0] <= found.low
    assert found.high <= expected[1]


@pytest.mark.parametrize("case", LOOPS)
def test_loops_stay_in_their_bounds(case):
    view = program(LOOPS[case][0])
    rng = np.random.default_rng(3)
    machine = Machine(view, Intervals(view), rng, np.zeros(0))
    machine.run(300)


def test_a_loop_without_end_has_no_bound():
    view = program(["main:", ".top", "ADDI 0 0 1", "JUMP .top"])
    assert Intervals(view).element(1) == Interval(0.0, math.inf, False, True)


def test_ranges_of_inputs():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "SYSCALL_WRITE 0 1",
             "SYSCALL_READ 2 0", "SYSCALL_HALT"]  # fmt: skip
    buffers = [Buffer("x", 0, 4, "inout")]
    assert Intervals(program(lines, shared=8, buffers=buffers)).before(3, 2) == ANY
    view = program(lines, shared=8, buffers=[Buffer("x", 0, 4, "inout", (), -1.0, 2.0)])
    found = Intervals(view)
    assert found.before(2, 2) == between(-1.0, 2.0)
    assert found.before(5, 3) == between(-10.0, 20.0)
    assert found.words.read(point(1.0)) == between(-10.0, 20.0)
    assert found.words.read(point(4.0)) == ANY
    once = program([*lines[:3], "SYSCALL_HALT"], shared=8, buffers=buffers)
    assert Intervals(once, {"x": (-1, 2)}).before(2, 2) == between(-1.0, 2.0)
    assert Intervals(once, {"shared": (0, 3)}).before(2, 2) == between(0.0, 3.0)
    # outside it is 0
    far = program(lines[:4], shared=4, buffers=buffers, launches=(Launch(0, 5),))
    assert Intervals(far, {"x": (1, 2)}).before(2, 2) == between(0.0, 2.0)


def test_what_another_vm_wrote():
    """Each word may have been scaled before, by any number of VMs."""
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "ADDI 0 0 1",
             "SYSCALL_WRITE 0 1", "SYSCALL_HALT"]  # fmt: skip
    found = Intervals(program(lines, shared=8), {"shared": (1, 2)})
    assert found.own == []
    assert found.before(2, 2) == Interval(1.0, math.inf)
    alone = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "SYSCALL_WRITE 0 1",
             "SYSCALL_HALT"]  # fmt: skip
    one = {"shared": (1, 2)}
    for launches, own in (
        (FOUR, [[0]]),
        ((Launch(0, 4, "strided", 0, 2),), [[0]]),
        ((Launch(0, 4, "strided", 0, 0),), []),
        ((Launch(0, 4, "custom"),), []),
        ((Launch(0, 2), Launch(0, 2)), []),
        ((Launch(0, 2), Launch(0, 2, "contiguous", 2)), []),
    ):
        found = Intervals(program(alone, shared=8, launches=launches), one)
        assert found.own == own
        assert (found.words.read(point(1.0)).high == 20.0) is bool(own)
    twice = Plan((Phase("wait_all", FOUR),), (0, 0))
    assert Intervals(program(alone, shared=8, plan=twice), one).own == []


MAP = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "SYSCALL_WRITE 0 1"]


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (["main:", "SYSCALL_VMID 0", "SETI 0 3", *MAP[2:], "SYSCALL_HALT"], {}),
        ([*MAP, "SYSCALL_SPAWN 2 other 3", "SYSCALL_HALT", "other:", *MAP[1:], "SYSCALL_HALT"],
         {"plan": Plan((Phase("wait_all", FOUR),), (0,), 2)}),
        ([*MAP, "SYSCALL_HALT"], {"launches": (Launch(0, 2**24 + 2),), "shared": 2**25}),
        ([*MAP, "IREAD 2 0", "SYSCALL_HALT"], {}),
        ([*MAP, "WAIT 0 0", "SYSCALL_HALT"], {}),
        ([*MAP, "VMGID 0", "SYSCALL_READ 1 0", "SYSCALL_HALT"], {}),
        ([*MAP, "ADDI 0 0 1", "SYSCALL_READ 1 0", "SYSCALL_HALT"], {}),
    ],
)  # fmt: skip
def test_words_that_are_no_vms_own(lines, options):
    options = {"shared": 8} | options
    found = Intervals(program(lines, **options), {"shared": (1, 2)})
    assert found.own == []
    assert found.words.read(point(1.0)).high == math.inf


def test_own_words_by_other_ways():
    """Multiples, copies in memory, differences, and what a comparison leaves."""
    lines = ["main:", "VMGID 0", "MULI 0 0 3", "SETI 2 9", "SUB 0 2 0", "NEG 0 0", "STORE 0 1",
             "CMPI 3 0 5", "LOAD 3 1", "SYSCALL_READ 1 3", "MULI 1 1 10", "CMPI 3 3 -2",
             "SUBI 3 3 2", "SYSCALL_WRITE 3 1", "SYSCALL_READ 2 3", "SYSCALL_HALT"]  # fmt: skip
    found = Intervals(program(lines, shared=8), {"shared": (1, 2)})
    assert found.own == [[0]]
    assert found.before(14, 3) == between(0.0, 20.0)


def test_half_precision_has_few_whole_numbers():
    view = program([*MAP, "SYSCALL_HALT"], shared=5000, launches=(Launch(0, 2049),))
    one = {"shared": (1, 2)}
    assert Intervals(view, one).own == [[0]]
    assert Intervals(view, one, half=True).own == []
    fewer = program([*MAP, "SYSCALL_HALT"], shared=5000, launches=(Launch(0, 2048),))
    assert Intervals(fewer, one, half=True).own == [[0]]
    assert halves(fewer, one) == []


def test_an_own_word_may_stay():
    lines = ["main:", "SYSCALL_VMID 0", "SETI 3 7", "ATOMIC_CAS 1 0 2 3", "SYSCALL_READ 2 0",
             "SYSCALL_HALT"]  # fmt: skip
    found = Intervals(program(lines, shared=8), {"shared": (1, 2)})
    assert found.own
    assert found.before(4, 3) == between(1.0, 7.0)


def test_a_number_of_before():
    """VMs that go on have another number, and a register may still have the one of before."""
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_HALT", "again:", "SYSCALL_VMID 1",
             "SYSCALL_READ 2 0", "MULI 2 2 10", "SYSCALL_WRITE 1 2", "SYSCALL_HALT"]  # fmt: skip
    phases = (
        Phase("wait_all", (Launch(0, 3, keep="a"),)),
        Phase("wait_all", (Launch(1, 3, "contiguous", 1, resume="a"),)),
    )
    found = Intervals(program(lines, shared=8, plan=Plan(phases, (0, 1))), {"shared": (1, 2)})
    assert found.own == []


def test_addresses_between_words():
    view = program(["main:", "SYSCALL_READ 1 0", "SYSCALL_HALT"], shared=8)
    words = Intervals(view, {"shared": (1, 2)}).words
    for low, high, expected in (
        (-0.5, -0.25, "1 to 2"),
        (-1.0, -0.5, "0 to 2"),
        (7.5, 7.75, "1 to 2"),
        (7.5, 8.0, "0 to 2"),
        (8.0, 9.0, "0 to 0"),
        (-3.0, -1.0, "0 to 0"),
    ):
        assert str(words.read(between(low, high))) == expected
    assert str(words.read(between(3.0, 4.0, True))) == "0 to 2"


def test_ranges_that_are_none():
    view = program(["main:", "SYSCALL_HALT"], shared=4, buffers=[Buffer("x", 0, 4, "in")])
    with pytest.raises(Diagnostic, match="LW6010"):
        Intervals(view, {"y": (0, 1)})
    with pytest.raises(Diagnostic, match="LW6007"):
        Intervals(view, {"x": (2, 1)})


def test_a_program_carries_its_ranges():
    made = fleet.package(
        [FLEET.by_name["SYSCALL_HALT"].make()], [Routine("main", 0, 1)],
        Plan((Phase("wait_all", (Launch(0, 1),)),), (0,)), shared=4,
        buffers=[Buffer("x", 0, 2, "in", (), -1.0, 1.0), Buffer("y", 2, 2, "out", (0, 0))],
    )  # fmt: skip
    x, y = FleetView.of(made).buffers
    assert (x.low, x.high, y.low, y.high, y.lifetime) == (-1.0, 1.0, None, None, (0, 0))


def test_numbers_of_vms():
    lines = ["main:", "SYSCALL_VMID 0", "VMGID 1", "VMCOUNT 2", "SYSCALL_HALT",
             "other:", "SYSCALL_VMID 0", "VMGID 1", "VMCOUNT 2", "SYSCALL_HALT"]  # fmt: skip
    launches = (Launch(0, 10, "contiguous", 5), Launch(1, 4, "strided", 100, -10))
    found = Intervals(program(lines, launches=launches))
    known = [[(v.low, v.high) for v in found.known[ip].values[1:4]] for ip in (3, 7)]
    assert known == [[(5, 14), (0, 9), (10, 10)], [(70, 100), (10, 13), (4, 4)]]
    custom = program(lines[:3], launches=(Launch(0, 1, "custom"),))
    assert Intervals(custom).before(1, 1).high == 2.0**32


def test_vms_that_others_start():
    lines = ["main:", "SETI 1 7", "SYSCALL_SPAWN 0 other 1", "SYSCALL_HALT",
             "other:", "SYSCALL_VMID 2", "SYSCALL_HALT"]  # fmt: skip
    plan = Plan((Phase("wait_all", (Launch(0, 3),)),), (0,), 5)
    found = Intervals(program(lines, plan=plan))
    assert (found.before(2, 1).low, found.before(2, 1).high) == (-1.0, 7.0)
    assert found.before(3, 1) == point(7.0)
    assert (found.before(4, 3).low, found.before(4, 3).high) == (3.0, 7.0)
    none = Intervals(program(lines))
    assert none.before(2, 1) == point(-1.0)
    assert none.before(3, 1) is None


def test_vms_that_go_on():
    lines = ["main:", "SETI 1 7", "SYSCALL_HALT", "again:", "ADDI 1 1 1", "SYSCALL_HALT"]
    phases = (
        Phase("wait_all", (Launch(0, 3, keep="a"),)),
        Phase("wait_all", (Launch(1, 3, resume="a"),)),
    )
    once = Intervals(program(lines, plan=Plan(phases, (0, 1))))
    assert once.before(2, 2).high >= 7.0
    assert once.before(3, 2).high >= 9.0  # the plan may go on with them again and again
    assert Intervals(program(lines, plan=Plan(phases[:1], (0,)))).before(2, 2) is None


def test_conventions():
    lines = ["main:", "SETI 1 5", "CALL sub", "SYSCALL_HALT", "sub:", "SETI 1 9", "SETI 0 3",
             "RETURN"]  # fmt: skip
    for convention, kept in ((Convention.CALLER, 9.0), (Convention.HYBRID, 5.0)):
        found = Intervals(program(lines, convention=convention))
        assert found.before(2, 2) == point(kept)
        assert found.before(2, 1) == point(3.0)


def test_a_call_is_known_anew():
    """What a call keeps changes, though nothing in what is called does."""
    lines = ["main:", ".top", "ADDI 1 1 1", "CALL sub", "CMPI 2 1 10", "BRANCH_LT 2 .top",
             "SYSCALL_HALT", "sub:", "CLEAR 1", "CLEAR 2", "RETURN"]  # fmt: skip
    view = program(lines, convention=Convention.HYBRID)
    found = Intervals(view)
    assert (found.before(2, 2).low, found.before(2, 2).high) == (1.0, 10.0)
    Machine(view, found, np.random.default_rng(1), np.zeros(0)).run(80)


def test_branches_refine():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "BRANCH_LT 1 .low", "SYSCALL_HALT",
             ".low", "SYSCALL_HALT"]  # fmt: skip
    view = program(lines, shared=8)
    found = Intervals(view)
    assert found.before(3, 2) == Interval(0.0, math.inf, True)
    assert found.before(4, 2) == Interval(-math.inf, 0.0)
    known = Intervals(view, {"shared": (1, 2)})
    assert known.before(4, 2) is None


def test_epsilon():
    lines = ["main:", "SYSCALL_READ 1 0", "BRANCH_EQ 1 .zero", "SYSCALL_HALT", ".zero",
             "SYSCALL_HALT"]  # fmt: skip
    found = Intervals(program(lines, shared=8, epsilon=0.5), {"shared": (0, 4)})
    assert found.before(2, 2) == between(0.5, 4.0)
    assert found.before(3, 2) == between(0.0, 0.5)


def test_epsilon_of_a_difference():
    lines = ["main:", "SYSCALL_READ 1 0", "CMPI 2 1 2", "BRANCH_EQ 2 .zero", "SYSCALL_HALT",
             ".zero", "SYSCALL_HALT"]  # fmt: skip
    found = Intervals(program(lines, shared=8, epsilon=0.5), {"shared": (0, 4)})
    assert 1.6 in found.before(4, 2)
    assert 1.6 not in Intervals(program(lines, shared=8), {"shared": (0, 4)}).before(4, 2)


def test_a_difference_may_vanish_in_half_precision():
    x = np.float32(np.float16(0.1))
    above = float(np.nextafter(x, np.float32(1.0)))
    lines = ["main:", "SYSCALL_READ 1 0", f"CMPI 2 1 {above!r}", "BRANCH_LT 2 .low",
             "SYSCALL_HALT", ".low", "SYSCALL_HALT"]  # fmt: skip
    view = program(lines, shared=8)
    assert x not in Intervals(view, {"shared": (0, 4)}).before(3, 2)
    assert x in Intervals(view, {"shared": (0, 4)}, half=True).before(3, 2)


def test_a_choice_is_a_branch():
    lines = ["main:", "SYSCALL_READ 1 0", "CLEAR 2", "SELECT 3 1 1 2", "SYSCALL_HALT"]
    found = Intervals(program(lines, shared=8))
    assert found.before(3, 4) == Interval(0.0, math.inf)


# Half precision -----------------------------------------------------------------------------------


def whys(lines, ranges=None, **options):
    return [each.message for each in halves(program(lines, **options), ranges)]


def test_numbers_that_leave_half_precision():
    lines = ["main:", "SETI 0 300", "MUL 1 0 0", "ADD 2 1 1", "SYSCALL_HALT"]
    expected = [(1, "90000 to 90000"), (2, "131008 to 131008")]
    assert whys(lines) == [
        f"main+{n}: it may give {what}, and numbers go up to 65504" for n, what in expected
    ]
    assert whys(["main:", "SETI 0 250", "MUL 1 0 0", "SYSCALL_HALT"]) == []


def test_inputs_need_ranges():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 2", "SYSCALL_HALT"]
    assert len(whys(lines, shared=8)) == 2
    assert whys(lines, {"shared": (0, 30000)}, shared=8) == []
    assert len(whys(lines, {"shared": (0, 40000)}, shared=8)) == 1
    view = program(lines, shared=8, buffers=[Buffer("x", 0, 8, "in", (), 0.0, 1.0)])
    assert halves(view) == []
    refuse(view)


def test_addresses_and_numbers_need_eleven_bits():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "SYSCALL_HALT"]
    one = {"shared": (0, 1)}
    assert whys(lines, one, shared=5000, launches=(Launch(0, 2049),)) == []
    many = whys(lines, one, shared=5000, launches=(Launch(0, 2050),))
    assert many == ["main+0: it may give 0 to 2049, and whole numbers are exact up to 2048"]
    add = ["main:", "SETI 0 2000", "ADDI 0 0 100", "SYSCALL_READ 1 0", "SYSCALL_HALT"]
    assert "its address may be 2100" in whys(add, one, shared=5000)[0]
    assert whys(add, one, shared=2048) == []


def test_bits_of_integers_are_not_kept():
    found = whys(["main:", "IVMID 0", "IADD 0 0 0", "IREAD 1 0", "ITOF 2 0", "SYSCALL_HALT"],
                 {"shared": (0, 1)}, shared=8)  # fmt: skip
    assert [each.split(":")[0] for each in found] == ["main+0", "main+1", "main+2", "main+3"]
    assert "bits of an integer" in found[0]
    assert "address" in found[2]
    assert "numbers go up to" in found[3]


def test_loops_that_stay():
    lines = ["main:", ".top", "ADDI 0 0 1", "ADDI 2 2 3", "CMPI 1 0 1000", "BRANCH_LT 1 .top",
             "SYSCALL_HALT"]  # fmt: skip
    found = whys(lines)
    assert [each.split(":")[0] for each in found] == ["main+1"]  # only r2 is not counted


def test_the_error():
    with pytest.raises(Diagnostic) as caught:
        refuse(program(["main:", *["SETI 0 1e6"] * 7, "SYSCALL_HALT"]))
    assert caught.value.code.ident == "LW6012"
    assert caught.value.message.startswith("main+0: it may give 1e+06")
    assert caught.value.notes[-1] == "and 2 more"
    assert "ranges" in caught.value.help


def test_every_io_instruction_is_known_here():
    """Each says something of its result, but those that give the bits of integers."""
    for info in FLEET.by_name.values():
        if info.kernel is not Kernel.IO or info.dest is None or info.name == "IVMID":
            continue
        words = [info.name]
        words += ["main" if s.kind is OperandKind.CODE else "0" for s in info.operands]
        found = Intervals(program(["main:", " ".join(words), "SYSCALL_HALT"], shared=2),
                          {"shared": (0, 1)})  # fmt: skip
        assert found.before(1, 1).low >= -1.0, info.name
