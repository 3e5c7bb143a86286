"""Programs that are run one instruction after another, and compared with their intervals."""

import math

import numpy as np
from readers import evaluate

from lanework.core.ops.evaluate import evaluate as run_graph
from lanework.core.ops.table import SINGLE
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet import compile as fleet
from lanework.machines.fleet.analysis.forms import GAVE, ROUNDS, beginning
from lanework.machines.fleet.analysis.transfer import LARGEST_HALF
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.maps import linear_row, pattern
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan, Routine
from lanework.machines.fleet.state import PROFILES, Convention

FLOATS = [0, -0.0, 1, -1, 2, 3, -3, 0.5, 7, 1e-45, -1e-40, 1e-38, 1e38, 3.4e38, -3.4e38, 65504]
FLOATS = np.array([*FLOATS, 100, 255, 1e10, 2**24, 2**23, np.inf, -np.inf, np.nan], np.float32)


FOUR = (Launch(0, 4),)
MAP = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "SYSCALL_WRITE 0 1"]
S22 = PROFILES["S22"]


def either(bits, actual):
    """Whether an integer of these bits, signed or not, is in an interval."""
    return any(actual.low <= each <= actual.high for each in (bits, bits - 2**32))


def inside(value, actual):
    """Whether all numbers of an array are in an interval."""
    value = np.asarray(value, np.float32)
    nan = np.isnan(value)
    held = nan & actual.nan | ~nan & (value >= actual.low) & (value <= actual.high)
    if actual.integral:
        with np.errstate(invalid="ignore"):
            held &= nan | np.isinf(value) | (value == np.floor(value))
    return held


class Machine:
    """Programs run one instruction after another, and everything is compared with intervals."""

    def __init__(self, view, intervals, rng, shared, half=False):
        self.view, self.intervals, self.rng, self.half = view, intervals, rng, half
        self.shared = shared.astype(np.float32)
        self.lanes = []
        for step in view.allocation.steps:
            for batch in step:
                for n in range(batch.launch.count):
                    self.begin(view.routines[batch.launch.routine].entry, batch, n)
        self.left = []  # instructions that made numbers which half precision has not

    def begin(self, ip, batch, n, source=None):
        words = np.zeros(self.view.profile.length, np.uint32)
        words[-1] = pattern(1.0)
        if source is not None:
            words[1] = source
        base = batch.launch.base + n * batch.launch.stride
        lane = {"ip": ip, "words": words, "batch": batch, "stack": [], "took": {}, "gave": {}}
        lane["rounds"] = dict.fromkeys(self.intervals.loops, 0)
        lane["numbers"] = (base, batch.slot + n, batch.launch.count)
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
        known = self.intervals.known[lane["ip"]]
        assert known is not None, self.view.where(lane["ip"])
        floats = lane["words"].view(np.float32)
        for element in range(1, self.view.profile.length):
            value = known.values[element]
            assert inside(floats[element], value), (
                self.view.where(lane["ip"]), element, floats[element], value
            )  # fmt: skip
        for element, form in known.forms.items():
            held = int(lane["words"][~element]) if element < 0 else float(floats[element])
            where = self.view.where(lane["ip"]), element, held, form
            assert (self.total(lane, form) - int(held)) % 2**32 == 0 == held % 1, where
        for element, value in known.integers.items():
            bits = int(lane["words"][element])
            assert either(bits, value), (self.view.where(lane["ip"]), element, bits, value)

        for name, value in known.numbers.items():
            assert lane["numbers"][OWN.index(name)] in value, (name, value)

    def total(self, lane, form):
        """What a sum of integers comes to, modulo 2**32."""
        return form.constant + sum(n * self.number(lane, each) for each, n in form.terms)

    def number(self, lane, symbol):
        """The integer of a symbol."""
        if symbol.name:
            return lane["numbers"][OWN.index(symbol.name)]
        if symbol.element == ROUNDS:
            rounds = lane["rounds"][beginning(symbol.ip)]
            assert rounds in self.intervals.bounds(symbol), (symbol, rounds)
            return rounds
        integer = symbol.element < 0
        element = ~symbol.element if integer else symbol.element
        gave = element == GAVE
        bits = lane["gave"][symbol.ip] if gave else lane["took"][symbol.ip][element]
        value = int(bits) if integer else float(np.uint32(bits).view(np.float32))
        known = self.intervals.bounds(symbol)
        assert either(value, known) if integer else inside(value, known), (symbol, value, known)
        assert value % 1 == 0, (symbol, value)
        if symbol.of is not None:
            assert (value - self.total(lane, symbol.of)) % symbol.modulus == 0, symbol
        return int(value)

    def check_shared(self):
        words = self.intervals.words
        for n, start in enumerate(words.starts):
            end = (words.starts + [words.count])[n + 1]
            assert inside(self.shared[start:end], words.values[n]).all()

    def put(self, lane, element, bits):
        value = np.uint32(bits).view(np.float32)
        assert inside(value, self.intervals.results[lane["ip"]]), self.view.where(lane["ip"])
        if self.half:
            if abs(value) > LARGEST_HALF:
                self.left.append(lane["ip"])
            bits = np.float32(np.float16(value)).view(np.uint32)
        lane["words"][element] = bits
        lane["gave"][lane["ip"]] = bits

    def step(self, lane):
        ip, words = lane["ip"], lane["words"]
        info, instr = self.view.infos[ip], self.view.instructions[ip]
        lane["took"][ip] = words.copy()
        values = info.values(instr)
        bits = {
            spec.name: values[spec.name]
            if spec.kind is OperandKind.PATTERN
            else words[self.view.profile.register(values[spec.name])]
            for spec in info.operands
            if spec.kind in (OperandKind.REGISTER, OperandKind.PATTERN)
        }
        floats = {name: np.uint32(each).view(np.float32) for name, each in bits.items()}
        after = ip + 1
        if info.kernel is Kernel.LINEAR:
            row = linear_row(self.view.profile, instr)
            self.put(lane, row.element, evaluate(row, words[:, None])[0])
        elif info.kernel is Kernel.ORACLE:
            self.put(
                lane, self.view.profile.register(values["dest"]), self.oracle(info, bits, floats)
            )
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
                self.put(lane, self.view.profile.register(values["dest"]), out)
        lane["ip"] = after
        if after in lane["rounds"]:
            again = ip in self.intervals.loops[after].body
            lane["rounds"][after] = (lane["rounds"][after] + 1) * again

    def test(self, name, x):
        zero = x == 0 or abs(x) < np.float32(self.view.epsilon)
        tests = {"EQ": zero, "NE": not zero, "LT": x < 0, "GT": x > 0, "LE": x <= 0, "GE": x >= 0}
        return tests[name.removeprefix("BRANCH_")]

    def oracle(self, info, bits, floats):
        op = info.elementwise
        if op is None and info.name in ("RAND", "RAND1"):
            return pattern(self.rng.integers(0, 1 << 24) * 2.0**-24)
        if op is None:
            return bits["src1"] if floats["cond"] > 0 else bits["src2"]
        names = [spec.name for spec in info.operands if spec.name != "dest"]
        if "f32" in op.dtypes:
            return np.float32(op.evaluate(*(floats[name] for name in names))).view(np.uint32)
        patterns = [np.uint32(bits[name]).view(np.int32) for name in names]
        return np.int32(run_graph(op.graph("i32"), patterns)).view(np.uint32)

    def io(self, lane, name, values, bits, floats):
        if name in OWN:
            return pattern(lane["numbers"][OWN.index(name)])
        if name == "IVMID":
            return lane["numbers"][0]
        if name == "SYSCALL_SPAWN":
            room = self.view.slots - self.view.allocation.slots
            if sum(each.get("spawned", False) for each in self.lanes) >= room:
                return pattern(-1.0)
            place = self.view.allocation.slots + int(self.rng.integers(room))
            self.begin(values["target"], lane["batch"], 0, bits["src"])
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


OWN = ("SYSCALL_VMID", "VMGID", "VMCOUNT")
OF_INTEGERS = "IADD ISUB IMUL IAND IOR ISHL ISHR IREM IQUO ICMP UCMP UTOF FTOU MOD FMOD".split()
NUMBERS = [0.0, 1.0, -1.0, 2.0, 3.0, -2.0, 0.5, 10.0, 100.0, -0.0, 1e-3, 40000.0]
WILD = [math.inf, -math.inf, math.nan, 1e38, 1e-40]


def soup(rng, wild, own=False, integers=False):
    """A program of any instructions that lead anywhere: two routines, several launches.

    With `own` there is one launch, and addresses are the VM's number or follow from it. With
    `integers` much is known to be one, of floats and of bits.
    """
    counts = [int(rng.integers(6, 18)) * (1 + integers), int(rng.integers(3, 10))]
    entries = [0, counts[0]]
    infos = list(FLEET.by_name.values())
    # arithmetic and branches are more often there than the many others
    weights = np.array([3.0 if info.kernel in (Kernel.LINEAR, Kernel.BRANCH) else 1.0
                        for info in infos])  # fmt: skip
    if integers:
        often = ("SYSCALL_VMID", "IVMID", "SETI", "MODI", "ADDI", "SUB", "ADD", "FTOI", "ITOF")
        weights *= 0.2
        weights += [5.0 * (info.name in often) + 2.0 * (info.name in OF_INTEGERS) for info in infos]
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
                elif integers and (info.name, spec.name) == ("SETI", "imm") and rng.random() < 0.6:
                    small = rng.choice([0, 1, 2, 3, 5, 7, 15, 8, 16, 31, 2**24, 2**31, 2**32 - 1])
                    values[spec.name] = int(small)
                elif spec.kind is OperandKind.PATTERN:
                    some = [2.0, 3.0, 5.0, 8.0] if integers and rng.random() < 0.8 else numbers
                    values[spec.name] = pattern(rng.choice(some))
                else:
                    values[spec.name] = int(rng.integers(3 + integers))
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


def program(lines, *, shared=0, buffers=(), launches=FOUR, **options):
    """A program from words: names and operands; `name:` begins a routine, `.x` is a place in it."""
    code, routines, addresses = [], [], {}
    for line in lines:
        if line.endswith(":"):
            routines.append((line[:-1], len(code)))
        elif line.startswith("."):
            addresses[line] = len(code)
        else:
            code.append(line.split())
    ends = [entry for _, entry in routines[1:]] + [len(code)]
    addresses |= dict(routines)
    collected = []
    for name, *operands in code:
        info = FLEET.by_name[name]
        values = {}
        for spec, word in zip(info.operands, operands, strict=True):
            if spec.kind is OperandKind.CODE:
                values[spec.name] = addresses[word]
            elif spec.kind is OperandKind.PATTERN:
                values[spec.name] = pattern(float(word))
            else:
                values[spec.name] = int(word)
        collected.append(info.make(**values))
    routine = [Routine(name, at, end - at) for (name, at), end in zip(routines, ends, strict=True)]
    plan = options.pop("plan", None) or Plan((Phase("wait_all", launches),), (0,))
    return FleetView.of(
        fleet.package(collected, routine, plan, shared=shared, buffers=buffers, **options)
    )
