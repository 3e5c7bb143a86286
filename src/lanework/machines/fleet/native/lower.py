"""Routines as programs of lanes: every VM is a lane, and its vector is its variables.

Calls are written out where they are made, so that a block knows where RETURN leads. Blocks stand in
the order of their instructions, those of a call between the call and what follows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lanework.base.errors import Diagnostic
from lanework.core.ops.interval import ANY
from lanework.core.ops.op import Op
from lanework.core.program.isa import Instruction
from lanework.engines.lanes.program import (
    Block,
    Blocks4,
    Branch,
    Compute,
    Copy,
    Jump,
    LaneProgram,
    Later,
    Load,
    Note,
    Operand,
    Refill,
    Step,
    Stop,
    Word,
    makes,
)
from lanework.machines.fleet.analysis.effects import effects
from lanework.machines.fleet.analysis.meanings import limits
from lanework.machines.fleet.analysis.transfer import EXACT_HALF
from lanework.machines.fleet.codes import BAD_SETTING
from lanework.machines.fleet.isa import FleetInstr, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.formats import nearest
from lanework.machines.fleet.matrices.maps import ONE, LinearMap, linear_map
from lanework.machines.fleet.native import graphs, words
from lanework.machines.fleet.native.form import MOST, Form, TooLarge
from lanework.machines.fleet.state import Fault, Status

EXTRA = ("vm_id", "global_id", "count", "stream", "counter", "generation")
"""Variables behind the vector."""

LEFT = ("status", "fault", "ip", "stack_pointer")
"""What is known of a VM when it has ended."""

ENDS = {"SYSCALL_HALT": Status.HALTED, "SYSCALL_KILL": Status.FREE}
BORN = ("vm_id", "global_id", "count", "stream", "generation")
"""What differs of VMs that others start, besides what they are given, which is in r0."""

RANDOM = ("word0", "word1", "word2", "word3")

Context = tuple[int, ...]
"""The calls that are open, by their instructions."""
Node = tuple[int, ...]
"""An instruction behind the calls that are open."""


@dataclass
class Lowering:
    """The program of lanes of one routine.

    Args:
        view: the fleet program.
        form: which routine, and how.
    """

    view: FleetView
    form: Form
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        length = self.view.profile.length
        names = (*EXTRA, *RANDOM, *LEFT, "scratch", "index", "block", "old", "tally")
        self.names = {name: length + n for n, name in enumerate(names)}
        self.saved = length + len(names)
        self.limits = limits(self.view)
        self.effects = effects(self.view, half=self.form.half)

    def program(self) -> LaneProgram:
        """The blocks, in order."""
        order = sorted(self.reached())
        leaders = self._leaders(order)
        begins = [node for node in order if node in leaders]
        self.numbers = {node: n for n, node in enumerate(begins, 1)}
        self.tail: list[Block] = []
        self.laters = 0
        self.base = 1 + len(begins)
        blocks = [Block([], Jump(self.numbers[self.form.entry,]))]
        for node in order:
            if node in leaders:
                blocks.append(Block())
            self._instruction(blocks[-1], node, leaders)
        if self.form.resume and self.view.has("RAND"):
            self.steps = blocks[0].steps
            first = Compute(self.names["block"], graphs.QUARTER, (self.names["counter"],))
            self.steps += [first, *self._block(self.names["block"])]
        blocks += self.tail
        inputs = {self.names[name]: name for name in ("vm_id", "global_id", "count", "stream")}
        elements = range(1, self.view.profile.length - 1)
        written = {v for block in blocks for step in block.steps for v in makes(step)}
        if self.form.resume:
            inputs |= {self.names[name]: name for name in ("counter", "generation")}
            inputs |= {n: f"element{n}" for n in elements}
        if self.form.born:
            inputs = {self.names[name]: name for name in BORN}
            inputs[self.view.profile.register(0)] = "element1"
        outputs = {}
        if self.form.record:
            outputs = {name: self.names[name] for name in ("vm_id", "counter", *LEFT)}
            left = written if self.form.resume else elements  # what others are they have been
            outputs |= {f"element{n}": n for n in elements if n in left}
        depth = self.view.depth * len(self.view.convention.saved) + self.saved
        same = frozenset(() if self.form.born else ("count", "stream"))
        return LaneProgram(blocks, depth, inputs, outputs, same=same)

    # The ways through it --------------------------------------------------------------------------

    def reached(self) -> set[Node]:
        """Instructions that a VM may come to, behind the calls that are open.

        Raises:
            TooLarge: there are too many.
        """
        first: Node = (self.form.entry,)
        seen, waiting = {first}, [first]
        while waiting:
            for each in self._next(waiting.pop()):
                if each not in seen and each[-1] < len(self.view.infos):
                    seen.add(each)
                    waiting.append(each)
            if len(seen) > MOST:
                raise TooLarge
        return seen

    def _next(self, node: Node) -> list[Node]:
        """Where an instruction leads to."""
        *context, ip = node
        info = self.view.infos[ip]
        after = (*context, ip + 1)
        if info.name == "RETURN":
            return [(*context[:-1], context[-1] + 1)] if context else []
        if info.name == "CALL":
            return [(*node, self._target(ip))] if len(context) < self.view.depth else []
        out = [] if info.ends else [after]
        if info.target is not None and info.name != "SYSCALL_SPAWN":
            out.append((*context, self._target(ip)))
        return out

    def _target(self, ip: int) -> int:
        return self.view.instructions[ip].operands[0]

    def _leaders(self, order: list[Node]) -> set[Node]:
        """Where blocks begin."""
        out = {order[0], (self.form.entry,)}
        for node in order:
            info = self.view.infos[node[-1]]
            if info.kernel is Kernel.BRANCH or self._tests(node[-1]):
                out.update(self._next(node))
        return out & set(order)

    def _tests(self, ip: int) -> bool:
        """Whether a VM may stop at an instruction, and others go on."""
        info, access = self.view.infos[ip], self.effects.access(ip)
        outside = self.form.bounds and any(o.name == "addr" for o in info.operands)
        return info.name == "WAIT" or (outside and (access is None or not access.inside))

    def _to(self, node: Node) -> int:
        """The block that begins with an instruction."""
        if node[-1] >= len(self.view.infos):
            return self._stop(Status.FAULTED, Fault.PAST_END, node[-1])
        return self.numbers[node]

    def _stop(self, status: Status, fault: Fault, ip: int) -> int:
        """A block at which VMs end."""
        self.tail.append(Block(self._left(status, ip, fault), Stop(status, fault, ip)))
        return self.base + len(self.tail) - 1

    def _left(self, status: Status, ip: int, fault: Fault = Fault.NONE) -> list[Step]:
        """What is written down of VMs that end, if they are kept."""
        if not self.form.record:
            return []
        values = {"status": status, "fault": fault, "ip": ip, "stack_pointer": self.open}
        return [Copy(self.names[name], Word(value)) for name, value in values.items()]

    # Instructions ---------------------------------------------------------------------------------

    def _instruction(self, block: Block, node: Node, leaders: set[Node]) -> None:
        *context, ip = node
        info, instruction = self.view.infos[ip], self.view.instructions[ip]
        block.counts[info.kernel] += 1
        self.block = block
        self.steps, self.open = block.steps, len(context)
        if info.kernel is Kernel.BRANCH or info.ends:
            block.end = self._control(node, info, instruction)
            return
        after = (*context, ip + 1)
        if self._tests(ip):
            self._guarded(block, ip, info, instruction, self._to(after))
            return
        self._straight(ip, info, instruction)
        if after in leaders or after[-1] >= len(self.view.infos):
            block.end = Jump(self._to(after))

    def _control(
        self, node: Node, info: FleetInstr, instruction: Instruction
    ) -> Jump | Branch | Stop:
        *context, ip = node
        if info.test is not None:
            return self._branch(node, info.test, info.values(instruction))
        saved = [self.view.profile.register(n) for n in self.view.convention.saved]
        if info.name == "CALL":
            if len(context) >= self.view.depth:
                return Jump(self._stop(Status.FAULTED, Fault.STACK_OVERFLOW, ip))
            for n, register in enumerate(saved):
                self.steps.append(Copy(self.saved + len(context) * len(saved) + n, register))
        elif info.name == "RETURN":
            if not context:
                return Jump(self._stop(Status.FAULTED, Fault.STACK_UNDERFLOW, ip))
            for n, register in enumerate(saved):
                self.steps.append(Copy(register, self.saved + (len(context) - 1) * len(saved) + n))
        elif info.name in ENDS:
            if self.form.born and info.name == "SYSCALL_KILL":  # another one may have its place
                self.steps.append(Note(ip, Word(0), self.block.counts.total()))
            self.steps += self._left(ENDS[info.name], ip)
            return Stop()
        (to,) = self._next(node)
        return Jump(self._to(to))

    def _branch(self, node: Node, asked: Op, values: dict[str, int]) -> Branch:
        *context, ip = node
        cond = self.view.profile.register(values["cond"])
        test, args = graphs.test(asked, self.view.epsilon), tuple[Operand, ...]((cond,))
        computed = self.steps[:-1] if self._rounds(self.steps[-1:]) else self.steps
        last = computed[-1] if computed else None
        if isinstance(last, Compute) and last.dest == cond:
            known = graphs.compared(asked, self.view.epsilon, last, half=self.form.half)
            test, args = known or (test, args)
            if known is not None and cond in args:  # where the difference is by then
                kept = self.names["scratch"]
                self.steps.insert(len(computed) - 1, Copy(kept, cond))
                args = tuple(kept if each == cond else each for each in args)
        taken, other = (*context, values["target"]), (*context, ip + 1)
        return Branch(test, args, self._to(taken), self._to(other))

    def _guarded(
        self, block: Block, ip: int, info: FleetInstr, instruction: Instruction, after: int
    ) -> None:
        """An instruction at which a VM may stop."""
        values = info.values(instruction)
        self._index(ip, info, values)
        self.row = False  # the index of a lane that is elsewhere is that of something else
        index, scratch = self.names["index"], self.names["scratch"]
        inside = self.base + len(self.tail)
        if self.form.bounds:
            self.tail.append(Block())
            bad = self._stop(Status.FAULTED, Fault.BAD_ADDRESS, ip)
            block.end = Branch(graphs.INSIDE, (index,), inside, bad)
            block = self.block = self.tail[inside - self.base]
            self.steps = block.steps
        if info.name == "WAIT":
            self.steps.append(Load(scratch, index))
            src = self.view.profile.register(values["src"])
            stay = self._stop(Status.BLOCKED, Fault.NONE, ip)
            block.end = Branch(graphs.DIFFERS, (scratch, src), after, stay)
            return
        self._shared(ip, values)
        block.end = Jump(after)

    def _straight(self, ip: int, info: FleetInstr, instruction: Instruction) -> None:
        values = info.values(instruction)
        if info.kernel is Kernel.LINEAR:
            self._linear(ip, linear_map(self.view.profile, instruction))
        elif any(spec.name == "addr" for spec in info.operands):
            self._index(ip, info, values)
            self._shared(ip, values)
        elif info.name in graphs.GIVES:
            name, graph = graphs.GIVES[info.name]
            dest = self.view.profile.register(values["dest"])
            self.steps.append(Compute(dest, graph(), (self.names[name],)))
            self._half(ip, dest)
        elif info.name in ("RAND", "RAND1"):
            self._random(info.name, self.view.profile.register(values["dest"]))
            self._half(ip, self.view.profile.register(values["dest"]))
        elif info.name == "SYSCALL_SPAWN":
            source = self.view.profile.register(values["src"])
            self.steps.append(Note(ip, source, self.block.counts.total()))
        elif info.kernel is Kernel.ORACLE:
            self._op(ip, info, values)
        elif info.name != "SYSCALL_YIELD":
            raise Diagnostic(
                BAD_SETTING, f"{info.name} cannot be compiled", help="take the engine reference"
            )

    def _half(self, ip: int, element: int) -> None:
        """An element has become something, which is stored in half precision if all are."""
        if not self.form.half:
            return
        known = self.effects.known
        value = known.results.get(ip, ANY) if known is not None else ANY
        if value.nan or not value.integral or value.size > EXACT_HALF:  # else it is as it was
            self.steps.append(Copy(element, element, half=True))

    @staticmethod
    def _rounds(steps: list[Step]) -> bool:
        """Whether that is what is done."""
        return any(isinstance(step, Copy) and step.half for step in steps)

    def _linear(self, ip: int, matrix: LinearMap) -> None:
        last = self.view.profile.length - 1
        for row in matrix.rows:
            terms = [(None if c == last else c, coefficient) for c, coefficient in row.terms]
            if not terms:
                self.steps.append(Copy(row.element, Word(0)))
            elif len(terms) == 1 and (terms[0][0] is None or terms[0][1] == ONE):
                column, coefficient = terms[0]
                bits = nearest(coefficient) if self.form.half else coefficient
                self.steps.append(Copy(row.element, Word(bits) if column is None else column))
            else:
                graph = graphs.row_sum(tuple((c is None, coefficient) for c, coefficient in terms))
                columns = tuple(c for c, _ in terms if c is not None)
                self.steps.append(Compute(row.element, graph, columns))
                self._half(ip, row.element)

    def _op(self, ip: int, info: FleetInstr, values: dict[str, int]) -> None:
        register = self.view.profile.register
        args: list[Operand] = [
            Word(values[spec.name]) if spec.name == "imm" else register(values[spec.name])
            for spec in info.operands[1:]
        ]
        if info.name == "SELECT":
            graph = graphs.SELECT
        else:
            assert info.elementwise is not None
            graph = info.elementwise.graph("i32" if info.elementwise.dtypes == ("i32",) else "f32")
        self.steps.append(Compute(register(values["dest"]), graph, tuple(args)))
        if graph is not graphs.SELECT and info.elementwise not in graphs.HALVES:
            self._half(ip, register(values["dest"]))

    def _index(self, ip: int, info: FleetInstr, values: dict[str, int]) -> None:
        """Where an address points to."""
        index, access = self.names["index"], self.effects.access(ip)
        address = self.view.profile.register(values["addr"])
        self.inside, self.row = access is not None and access.inside, False
        if access is not None and access.inside and access.affine is not None:
            name, factor, constant = access.affine
            source = {"SYSCALL_VMID": "vm_id", "VMGID": "global_id"}.get(name)
            if source is not None:
                own = source == "vm_id"
                step = factor * (self.form.stride if own else 1)
                self.row = step == 1 and not (own and self.form.table) and not self.form.born
                graph = graphs.multiple(factor, constant)
                self.steps.append(Compute(index, graph, (self.names[source],)))
                return
        if self.inside:
            self.steps.append(Compute(index, graphs.index(info.whole_address), (address,)))
            return
        buffer, end = self.limits.get(ip), self.view.shared
        low, high = (0, end) if buffer is None else (buffer.offset, buffer.offset + buffer.size)
        graph = graphs.address(info.whole_address, low, min(high, end))
        self.steps.append(Compute(index, graph, (address,)))

    def _shared(self, ip: int, values: dict[str, int]) -> None:
        """What is done with a word of shared memory."""
        self.steps += words.mixed(self.effects, ip, self.names)
        if ip in self.form.ordered:
            index, source = self.names["index"], self.view.profile.register(values["src"])
            self.steps.append(Later(self.laters, index, source, self.block.counts.total()))
            self.laters += 1
            return
        self.steps += words.accessed(self.effects, ip, self.names, inside=self.inside, row=self.row)
        if "dest" in values and not words.anyhow(self.effects, ip):
            self._half(ip, self.view.profile.register(values["dest"]))

    def _block(self, counter: Operand) -> list[Step]:
        """Four random words."""
        names = self.names
        one, two, three, four = (names[name] for name in RANDOM)
        which = (counter, names["stream"], names["global_id"], names["generation"])
        return [Blocks4((one, two, three, four), which)]

    def _random(self, name: str, dest: int) -> None:
        """The VM's next random number, of a block that four of them have or one.

        Where some are of one, the block before is another's: each number has its own made.
        """
        names, counter = self.names, self.names["counter"]
        words = tuple(names[each] for each in RANDOM)
        if name == "RAND1":
            self.steps += [*self._block(counter), Compute(dest, graphs.NUMBER, words[:1])]
        else:
            quarter = Compute(names["block"], graphs.QUARTER, (counter,))
            inner = (quarter, *self._block(names["block"]))
            if self.view.has("RAND1"):
                self.steps += inner
            else:
                self.steps.append(Compute(names["scratch"], graphs.FIRST, (counter,)))
                self.steps.append(Refill(names["scratch"], inner))
            self.steps.append(Compute(dest, graphs.ONE_OF_FOUR, (counter, *words)))
        self.steps.append(Compute(counter, graphs.NEXT, (counter,)))
