"""What a fleet program does, one VM and one instruction after another, in plain Python.

Written from the description of the machine and not from any engine: words are Python integers,
floats are NumPy scalars, shared memory is a dictionary. Slow, and meant to be read. Only the
transcendental functions are those of the op table, whose bits nothing else knows.
"""

import math
import struct
from dataclasses import dataclass, field

import numpy as np

from lanework.machines.fleet.analysis.kinds import stores
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.state import Fault, Status

F32 = np.float32
WORD = 2**32
WAITING = {"SYSCALL_YIELD", "WAIT"}


def real(word):
    """The float of a word."""
    return F32(struct.unpack("<f", struct.pack("<I", word))[0])


def bits(number):
    """The word of a float."""
    return int(F32(number).view(np.uint32))


def signed(word):
    return word - WORD if word >= WORD // 2 else word


def clamped(number, low, high):
    """A float as an integer: its integer part, the nearest that there is, 0 for NaN."""
    if math.isnan(number):
        return 0
    if math.isinf(number):
        return high if number > 0 else low
    return min(max(int(number), low), high)


def lesser(a, b, which):
    if math.isnan(a) or math.isnan(b):
        return b if math.isnan(a) else a
    if a == b:
        return b
    return a if (a < b) == which else b


def remainder(a, b):
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or b == 0:
        return F32(math.nan)
    return F32(math.fmod(a, b))


def order(a, b):
    return bits(-1.0 if a < b else 0.0 if a == b else 1.0)


FLOATS = {
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "sub": lambda a, b: a - b,
    "rem": lambda a, b: a - b * np.trunc(a / b),
    "fmin": lambda a, b: lesser(a, b, True),
    "fmax": lambda a, b: lesser(a, b, False),
    "fmod": remainder,
    "abs": lambda a: real(bits(a) & 0x7FFFFFFF),
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.rint,
}
WORDS = {
    "iadd": lambda a, b: a + b,
    "isub": lambda a, b: a - b,
    "imul": lambda a, b: a * b,
    "iquo": lambda a, b: a // b if b else WORD - 1,
    "irem": lambda a, b: a % b if b else a,
    "iand": lambda a, b: a & b,
    "ior": lambda a, b: a | b,
    "ixor": lambda a, b: a ^ b,
    "ishl": lambda a, b: a << b % 32,
    "ishr": lambda a, b: a >> b % 32,
    "isar": lambda a, b: signed(a) >> b % 32,
    "icmp": lambda a, b: order(signed(a), signed(b)),
    "ucmp": order,
    "inot": lambda a: ~a,
    "itof": lambda a: bits(signed(a)),
    "utof": bits,
    "ftoi": lambda a: clamped(real(a), -(2**31), 2**31 - 1),
    "ftou": lambda a: clamped(real(a), 0, 2**32 - 1),
    "irotl": lambda a, b: a << b % 32 | a >> (32 - b % 32),
    "irotr": lambda a, b: a >> b % 32 | a << (32 - b % 32),
    "ipopcount": int.bit_count,
    "iclz": lambda a: 32 - a.bit_length(),
    "ictz": lambda a: (a & -a).bit_length() - 1 if a else 32,
    "ibswap": lambda a: int.from_bytes(a.to_bytes(4, "big"), "little"),
}


def philox(counter, key):
    """Philox4x32-10."""
    a, b, c, d = counter
    k, m = key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q // WORD) ^ b ^ k, q % WORD, (p // WORD) ^ d ^ m, p % WORD
        k, m = (k + 0x9E3779B9) % WORD, (m + 0xBB67AE85) % WORD
    return a, b, c, d


@dataclass
class VM:
    """One virtual machine."""

    place: int
    r: list[int]
    memory: list[int]
    one: int = bits(1.0)
    vm_id: int = 0
    status: Status = Status.FREE
    fault: Fault = Fault.NONE
    ip: int = 0
    batch: int = 0
    counter: int = 0
    generation: int = 0
    swept: int = 0
    stack: list = field(default_factory=list)

    @property
    def live(self):
        return self.status in (Status.RUNNING, Status.BLOCKED, Status.YIELDED)


class Faulted(Exception):
    """The instruction cannot be done."""


class Oracle:
    """A program with its VMs."""

    def __init__(self, program, settings):
        self.view = view = FleetView.of(program)
        self.settings, self.profile = settings, view.profile
        self.names = [each.name for each in view.instructions]
        self.ids = [
            info.values(each) for info, each in zip(view.infos, view.instructions, strict=True)
        ]
        self.waits = bool(WAITING & set(self.names))

    def given(self, result, op=None):
        """What arithmetic gives; a test may have it rounded otherwise, or another NaN."""
        return result

    # The schedule ---------------------------------------------------------------------------------

    def run(self, shared, epochs=None, fuel=None):
        """Everything, or so many epochs: why it stopped."""
        plan = self.view.plan
        self.shared = dict(enumerate(int(word) for word in shared))
        kept, self.first_free = self._kept()
        total = self.first_free
        at = self.first_free
        for number in plan.schedule:
            phase = plan.phases[number]
            at += sum(each.count for each in phase.launches if not (each.keep or each.resume))
            total = max(total, at)
            if phase.barrier == "wait_all":
                at = self.first_free
        self.launched = total
        registers, memory = self.profile.registers, self.profile.memory
        self.vms = [VM(n, [0] * registers, [0] * memory) for n in range(total + plan.spawn)]
        self.epochs = self.executed = self.reads_outside = self.writes_outside = self.faults = 0
        self.by_kernel, self.first_fault = [0, 0, 0, 0], -1
        self.conflicts = self.stalled = self.mixed = self.unborn = 0
        self.sweep, self.quiet, self.kept = 1, 0, None
        self.stop_at, self.fuel = epochs, fuel
        self.batches = {}
        at, batch = self.first_free, 0
        for step, number in enumerate(plan.schedule):
            phase, watch = plan.phases[number], []
            if not all(map(self._numbered, phase.launches)):
                return "table"
            for launch in phase.launches:
                name = launch.resume or launch.keep
                slot = kept[name] if name else at
                at += 0 if name else launch.count
                self._launch(launch, slot, batch, step)
                watch.append(batch)
                batch += 1
            last = step == len(plan.schedule) - 1
            if phase.barrier == "none" and not last:
                continue
            if phase.barrier == "wait_any" and not last:
                stopped = self._until(watch)
            else:
                stopped = self._until([])
            if stopped not in ("done", "batch"):
                return stopped
            if phase.barrier == "wait_all" and not last:
                for vm in self.vms[self.first_free :]:
                    vm.status, vm.generation = Status.FREE, 0
                at, batch = self.first_free, 0
        return "done"

    def _kept(self):
        kept, at = {}, 0
        for number in dict.fromkeys(self.view.plan.schedule):
            for launch in self.view.plan.phases[number].launches:
                if launch.keep and launch.keep not in kept:
                    kept[launch.keep] = at
                    at += launch.count
        return kept, at

    def _numbered(self, launch):
        """Whether a table holds whole numbers, if there is one."""
        if launch.strategy != "custom":
            return True
        table = range(launch.base, launch.base + launch.count)
        words = [self.shared.get(place, bits(-1.0)) for place in table]
        return all(
            real(word) == 0 or (1 <= real(word) < WORD and real(word) == np.trunc(real(word)))
            for word in words
        )

    def _launch(self, launch, slot, batch, step):
        self.batches[batch] = (launch.count, step)
        self.quiet, self.kept = 0, None
        for i in range(launch.count):
            vm = self.vms[slot + i]
            if not launch.resume:
                vm.r = [0] * len(vm.r)
                vm.memory = [0] * len(vm.memory)
                vm.counter = vm.generation = 0
            if launch.strategy == "custom":
                vm.vm_id = int(real(self.shared[launch.base + i]))
            else:
                vm.vm_id = launch.base + i * (launch.stride if launch.strategy == "strided" else 1)
            vm.status, vm.fault, vm.batch, vm.swept = Status.RUNNING, Fault.NONE, batch, 0
            vm.ip, vm.stack = self.view.routines[launch.routine].entry, []

    # An epoch -------------------------------------------------------------------------------------

    def _until(self, watch):
        while True:
            if self.epochs == self.stop_at:
                return "epochs"
            for vm in self.vms:
                if vm.status is Status.YIELDED or (
                    vm.status is Status.BLOCKED and self._differs(vm)
                ):
                    vm.status = Status.RUNNING
            live = [vm for vm in self.vms if vm.live]
            running = [vm for vm in live if vm.status is Status.RUNNING]
            if self.faults and self.settings.on_fault == "stop":
                return "fault"
            if not live:
                return "done"
            if any(all(vm.batch != batch for vm in live) for batch in watch):
                return "batch"
            if self._deadlock(live, running):
                return "deadlock"
            if self.fuel is not None and self.executed + len(running) > self.fuel:
                return "fuel"
            self._epoch(running)

    def _differs(self, vm):
        ids = self.ids[vm.ip]
        return self._word(vm.r[ids["addr"]]) != vm.r[ids["src"]]

    def _word(self, address):
        place = self._place(address)
        return 0 if place is None else self.shared[place]

    def _place(self, address):
        """The word of shared memory at a float, or None."""
        number = real(address)
        if number != 0 and not number >= 2.0**-126:
            return None
        if math.isinf(number) or int(number) >= self.view.shared:
            return None
        return int(number)

    def _deadlock(self, live, running):
        if not running:
            return True
        if not self.waits:
            return False
        idle = [vm for vm in live if vm.status is Status.BLOCKED or vm.swept == self.sweep]
        if len(idle) == len(live):
            self.quiet += 1
            self.sweep += 1
            return self._nothing_changes(self.quiet - self.settings.patience)
        return False

    def _nothing_changes(self, sweeps):
        """Whether one of eight sweeps finds what there was after `patience` of them."""
        if sweeps < 0:
            return False
        parts = "place r memory status fault ip batch counter generation stack".split()
        now = repr([[getattr(vm, part) for part in parts] for vm in self.vms] + [self.shared])
        if self.kept is None:
            self.kept = now
        elif now == self.kept:
            return True
        elif sweeps >= 8:
            self.quiet, self.kept = 0, None
        return False

    def _epoch(self, running):
        self.epochs += 1
        self.executed += len(running)
        before, self.writes, ordered = dict(self.shared), {}, []
        self.before = before
        for vm in running:
            info = self.view.infos[vm.ip]
            self.by_kernel[int(info.kernel)] += 1
            if info.ordered:
                ordered.append(vm)
            else:
                self._step(vm, getattr(self, "_do_" + info.name.lower(), None))
        for place, writers in self.writes.items():
            if len(writers) > 1:
                self.conflicts += 1
            if len(writers) > 1 and self.settings.conflicts == "fault":
                for vm, _ in writers:
                    vm.ip -= 1
                    self._step(vm, self._conflict)
            else:
                self.shared[place] = max(writers, key=lambda one: one[0].place)[1]
        for vm in ordered:
            name = self.names[vm.ip].lower()
            self._step(
                vm, self._atomic if name.startswith("atomic") else getattr(self, "_do_" + name)
            )

    def _step(self, vm, do):
        try:
            (do or self._compute)(vm, self.ids[vm.ip])
        except Faulted as fault:
            vm.status, vm.fault = Status.FAULTED, fault.args[0]
            self.faults += 1
            lowest = vm.place if self.first_fault < 0 else min(vm.place, self.first_fault)
            self.first_fault = lowest

    def _set(self, vm, ids, word):
        """A register gets a word, the VM goes on."""
        vm.r[ids["dest"]] = self._stored(word)
        vm.ip += 1

    def _stored(self, word):
        """A word as registers and memory keep it."""
        if self.settings.storage == "f16":
            if real(word) != real(word):  # one NaN of either sign
                return word & 0x80000000 | 0x7FC00000
            return bits(F32(np.float16(real(word))))
        return word % WORD

    def _compute(self, vm, ids):
        info = self.view.infos[vm.ip]
        if info.linear is not None:
            return self._linear(vm, info, ids)
        op = info.elementwise
        words = [
            ids[spec.name] if spec.name == "imm" else vm.r[ids[spec.name]]
            for spec in info.operands
            if spec.name != "dest"
        ]
        if op.dtypes == ("i32",):
            return self._set(vm, ids, WORDS[op.name](*words) % WORD)
        numbers = [real(word) for word in words]
        result = FLOATS[op.name](*numbers) if op.name in FLOATS else op.evaluate(*numbers)
        word = self._stored(bits(self.given(result, op)))
        self._trap(numbers, word)
        return self._set(vm, ids, word)

    def _trap(self, numbers, word):
        """Finite numbers without a finite result are a fault where that is asked for."""
        trapped = self.settings.arithmetic == "trap" and all(map(math.isfinite, numbers))
        if trapped and not math.isfinite(real(word)):
            raise Faulted(Fault.BAD_VALUE)

    def _linear(self, vm, info, ids):
        """The sum of coefficients times elements, in the order of the vector's elements."""
        sums, constant = {}, len(vm.r) + len(vm.memory)
        for coefficient, name in info.linear:
            if name is None:
                column, word = constant, None
            elif name in ("word", "from"):
                column = len(vm.r) + ids[name]
            else:
                column = ids[name]
            if coefficient == "imm" and name is None and len(info.linear) == 1:
                sums[column] = real(ids["imm"])
                return self._linear_end(vm, info, ids, ids["imm"])
            if isinstance(coefficient, str):
                number = real(ids["imm"])
                number = -number if coefficient.startswith("-") else number
            else:
                number = F32(coefficient)
            sums[column] = sums[column] + number if column in sums else number
        terms = []
        for column in sorted(sums):
            coefficient = sums[column]
            if bits(coefficient) == 0:
                continue
            if column == constant:
                terms.append(bits(coefficient))
                continue
            word = (vm.r + vm.memory)[column]
            one = bits(coefficient) == bits(1.0)
            terms.append(word if one else bits(self.given(coefficient * real(word))))
        if len(terms) == 2:
            terms = [bits(self.given(real(terms[0]) + real(terms[1])))]
        given = [vm.r[ids[name]] for name in ids if name.startswith("src")]
        given += [ids["imm"]] if "imm" in ids else []
        if len(info.linear) == 2 or info.name == "SCALE":
            self._trap(list(map(real, given)), self._stored(terms[0]) if terms else 0)
        return self._linear_end(vm, info, ids, terms[0] if terms else 0)

    def _linear_end(self, vm, info, ids, word):
        if info.dest is None:
            vm.memory[ids["word"]] = self._stored(word)
        else:
            vm.r[ids["dest"]] = self._stored(word)
        vm.ip += 1

    def _do_select(self, vm, ids):
        chosen = "src1" if real(vm.r[ids["cond"]]) > 0 else "src2"
        self._set(vm, ids, vm.r[ids[chosen]])

    def _do_rand(self, vm, ids, each=4):
        seed, stream = self.settings.seed, self.batches[vm.batch][1]
        counter = (vm.counter // each, stream, vm.place, vm.generation)
        word = philox(counter, (seed % WORD, seed // WORD))[vm.counter % each]
        vm.counter += 1
        self._set(vm, ids, bits(math.ldexp(word >> 8, -24)))

    def _do_rand1(self, vm, ids):
        self._do_rand(vm, ids, 1)

    # Branches -------------------------------------------------------------------------------------

    def _branch(self, vm, ids, condition):
        x = real(vm.r[ids["cond"]])
        vm.ip = ids["target"] if condition(x) else vm.ip + 1

    def _near(self, x):
        return bool(x == 0 or abs(x) < F32(self.view.epsilon))

    def _do_branch_eq(self, vm, ids):
        self._branch(vm, ids, self._near)

    def _do_branch_ne(self, vm, ids):
        self._branch(vm, ids, lambda x: not self._near(x))

    def _do_branch_lt(self, vm, ids):
        self._branch(vm, ids, lambda x: x < 0)

    def _do_branch_gt(self, vm, ids):
        self._branch(vm, ids, lambda x: x > 0)

    def _do_branch_le(self, vm, ids):
        self._branch(vm, ids, lambda x: x <= 0)

    def _do_branch_ge(self, vm, ids):
        self._branch(vm, ids, lambda x: x >= 0)

    def _do_jump(self, vm, ids):
        vm.ip = ids["target"]

    def _do_call(self, vm, ids):
        if len(vm.stack) == self.view.depth:
            raise Faulted(Fault.STACK_OVERFLOW)
        vm.stack.append((vm.ip + 1, vm.r[:4]))
        vm.ip = ids["target"]

    def _do_return(self, vm, ids):
        if not vm.stack:
            raise Faulted(Fault.STACK_UNDERFLOW)
        vm.ip, saved = vm.stack.pop()
        kept = {"CALLER": [], "HYBRID": [1], "CALLEE": [1, 2, 3]}[self.view.convention.name]
        for n in kept:
            vm.r[n] = saved[n]

    # Shared memory --------------------------------------------------------------------------------

    def _outside(self, what):
        if self.settings.bounds == "fault":
            raise Faulted(Fault.BAD_ADDRESS)
        setattr(self, what, getattr(self, what) + 1)

    def _read(self, place):
        if place is None:
            self._outside("reads_outside")
            return 0
        return self.before[place]

    def _do_syscall_read(self, vm, ids):
        self._set(vm, ids, self._read(self._place(vm.r[ids["addr"]])))

    def _do_iread(self, vm, ids):
        self._set(vm, ids, self._read(self._integer_place(vm.r[ids["addr"]])))

    def _integer_place(self, word):
        return word if word < self.view.shared else None

    def _write(self, vm, place, word):
        if place is None:
            self._outside("writes_outside")
        else:
            self.writes.setdefault(place, []).append((vm, word))
            self._store(vm.ip, place)
        vm.ip += 1

    def _store(self, ip, place):
        """Count a word that is certainly of another kind than the buffer in which it is put."""
        known = stores(self.view)
        self.mixed += 0 if known is None else known.count(ip, np.array([place]))

    def _conflict(self, vm, ids):
        raise Faulted(Fault.CONFLICT)

    def _do_syscall_write(self, vm, ids):
        self._write(vm, self._place(vm.r[ids["addr"]]), vm.r[ids["src"]])

    def _do_iwrite(self, vm, ids):
        self._write(vm, self._integer_place(vm.r[ids["addr"]]), vm.r[ids["src"]])

    def _do_wait(self, vm, ids):
        if self._read(self._place(vm.r[ids["addr"]])) != vm.r[ids["src"]]:
            vm.ip += 1
        else:
            vm.status = Status.BLOCKED

    def _atomic(self, vm, ids):
        place = self._place(vm.r[ids["addr"]])
        if place is None:
            self._outside("writes_outside")
            self._set(vm, ids, 0)
            return
        old, name = self.shared[place], self.names[vm.ip]
        if name == "ATOMIC_CAS":
            new = vm.r[ids["src2"]] if old == vm.r[ids["src1"]] else old
        else:
            word = vm.r[ids["src"]]
            a, b = real(old), real(word)
            new = {
                "ATOMIC_ADD": lambda: bits(self.given(a + b)),
                "ATOMIC_MIN": lambda: bits(lesser(a, b, True)),
                "ATOMIC_MAX": lambda: bits(lesser(a, b, False)),
                "ATOMIC_IADD": lambda: (old + word) % WORD,
                "ATOMIC_IMIN": lambda: min(old, word, key=signed),
                "ATOMIC_IMAX": lambda: max(old, word, key=signed),
                "ATOMIC_IAND": lambda: old & word,
                "ATOMIC_IOR": lambda: old | word,
                "ATOMIC_IXCH": lambda: word,
            }[name]()
            if name == "ATOMIC_ADD":
                self._trap([a, b], new)
            same = math.isfinite(a) and a + b == a
            self.stalled += name == "ATOMIC_ADD" and same and b != 0 and b == np.trunc(b)
        self._store(vm.ip, place)
        self.shared[place] = new
        self._set(vm, ids, old)

    # The VM itself --------------------------------------------------------------------------------

    def _do_syscall_vmid(self, vm, ids):
        self._set(vm, ids, bits(vm.vm_id))

    def _do_ivmid(self, vm, ids):
        self._set(vm, ids, vm.vm_id)

    def _do_vmgid(self, vm, ids):
        self._set(vm, ids, bits(vm.place))

    def _do_vmcount(self, vm, ids):
        self._set(vm, ids, bits(self.batches[vm.batch][0]))

    def _do_syscall_yield(self, vm, ids):
        vm.ip += 1
        vm.status, vm.swept = Status.YIELDED, self.sweep

    def _do_syscall_halt(self, vm, ids):
        vm.status = Status.HALTED

    def _do_syscall_kill(self, vm, ids):
        vm.status = Status.FREE

    def _do_syscall_spawn(self, vm, ids):
        free = [each for each in self.vms[self.launched :] if each.status is Status.FREE]
        if not free:
            self.unborn += 1
            self._set(vm, ids, bits(-1.0))
            return
        child = free[0]
        child.r = [self._stored(vm.r[ids["src"]])] + [0] * (len(child.r) - 1)
        child.memory = [0] * len(child.memory)
        child.vm_id, child.batch, child.counter, child.stack = child.place, vm.batch, 0, []
        child.fault, child.swept, child.ip = Fault.NONE, 0, ids["target"]
        child.generation += 1
        child.status = Status.RUNNING
        self._set(vm, ids, bits(child.place))

    # What there is --------------------------------------------------------------------------------

    def words(self):
        """All VMs as the rows of `VMState`, without the mirror of the instruction."""
        rows = [
            [0, *vm.r, *vm.memory, vm.one, vm.vm_id, vm.place, len(vm.stack), vm.status, vm.fault]
            + [vm.ip, vm.batch, vm.counter, vm.generation, vm.swept]
            for vm in self.vms
        ]
        return np.array(rows, np.uint32).T

    def counts(self):
        """Counts as `Progress` has them."""
        live = sum(vm.live for vm in self.vms)
        return (
            *(self.epochs, self.executed, tuple(self.by_kernel), live),
            *(self.reads_outside, self.writes_outside, self.conflicts, int(self.stalled)),
            *(self.mixed, self.unborn, self.faults, self.first_fault),
        )

    def memory(self):
        """Shared memory."""
        return np.array([self.shared[n] for n in range(self.view.shared)], np.uint32)
