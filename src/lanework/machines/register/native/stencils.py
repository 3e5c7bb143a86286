"""Stencils of register instructions as LLVM IR: machine code with holes for operands.

Every stencil is a function of the state, memory, the fuel and the pinned registers, in
a calling convention that keeps all of them in machine registers; it ends in tail calls to holes.
Holes are absolute symbols, so that an operand becomes part of an instruction's bytes.

There are two sets. With no register pinned, every operand is in the state. With eight pinned, the
common instructions have a stencil for each combination of r0 to r7, and all others read and write
the state, with stencils before and after that move pinned registers there and back.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from lanework.core.ops.bodies import words64
from lanework.core.ops.op import Op
from lanework.core.ops.prims import ROUNDING
from lanework.core.ops.table import INTEGER, offered
from lanework.core.program.isa import OperandKind
from lanework.engines.llvm.ir import Writer
from lanework.machines.register.isa import REGISTER, ZERO, RegisterInstr
from lanework.machines.register.native import bodies
from lanework.machines.register.state import CODE, FUEL, MEMORY, PC, STATUS, Status
from lanework.machines.register.state import HELPERS as HELPER_WORD

PINNED = 8
CC = "preserve_nonecc"
BACK = 512  # added to the code of a jump that leads backwards
IN_STATE, AS_ZERO = "m", "z"
SHORT = 6  # primitives of an op that is written in place, in a stencil
LIBRARY = frozenset(ROUNDING)  # what older processors call a library for


def _outlined(op: Op) -> bool:
    """Whether an op is a function beside the stencils: it has much code, or needs a library."""
    graph = op.graph("i64")
    return graph.cost > SHORT or not LIBRARY.isdisjoint(value.prim for value in graph.values)


HELPER_NAMES = tuple(name for name, op in INTEGER.items() if _outlined(op))

_CODES = {name: info.code for name, info in REGISTER.by_name.items()}

# What may be pinned: instructions whose every operand then is.
_THREE = tuple(op.name for op, offer in offered("register") if offer.common)
PINNED_COMMUTES = {name for name in _THREE if INTEGER[name].commutes}
_TWO = (*(name for name, each in REGISTER.by_name.items() if each.group == "alui"), "mov")
_LOADS = ("load.b", "load.h", "load.w", "load.d")
_STORES = ("store.b", "store.h", "store.w", "store.d")
_BRANCHES = tuple(
    each.name for each in REGISTER.by_name.values() if each.group == "branch" and each.elementwise
)

HOLES = ("rd", "was", "rs1", "rs2", "imm", "minus", "after", "pc", "status")  # numbers
DESTINATIONS = ("next", "target", "exit")  # what a stencil goes to
ABSOLUTE = "!absolute_symbol !1"


@dataclass(frozen=True)
class Form:
    """A stencil's place in the table: the code, and where its operands are."""

    code: int
    rd: int | str | None = None
    rs1: int | str | None = None
    rs2: int | str | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        parts = (self.code, self.rd, self.rs1, self.rs2)
        return "s_" + "_".join("x" if part is None else str(part) for part in parts)


class StencilHost(bodies.Host):
    """Writes one stencil."""

    unlikely = ", !prof !0"

    def __init__(self, pinned: int, form: Form) -> None:
        super().__init__()
        self.pinned, self.form = pinned, form
        self.start = {f"p{n}": f"%p{n}" for n in range(pinned)}
        self.values = {"fuel": "%fuel"} | self.start

    # Registers --------------------------------------------------------------------------------

    def read(self, field: str) -> str:
        """The register in a field."""
        where = getattr(self.form, field)
        if where == AS_ZERO:
            return "0"
        if where == IN_STATE:
            # rd is read where it is, but written elsewhere if it is r31, which stays zero
            hole = "was" if field == "rd" else field
            return self.writer.emit(f"load i64, ptr {self._hole_in_state(hole)}")
        return self.values[f"p{where}"]

    def write(self, value: str) -> None:
        """Set rd."""
        where = self.form.rd
        if where == IN_STATE:
            self.writer.line(f"store i64 {value}, ptr {self._hole_in_state('rd')}")
        else:
            self.values[f"p{where}"] = value

    def _hole_in_state(self, field: str) -> str:
        offset = self.hole(field)
        return self.writer.emit(f"getelementptr i8, ptr %state, i64 {offset}")

    def hole(self, name: str) -> str:
        """The number that the patch loop writes into a hole."""
        return self.writer.emit(f"ptrtoint ptr @hole_{name} to i64")

    def number(self) -> str:
        """The instruction's number."""
        return self.hole("imm")

    def after(self) -> str:
        """The address of the next instruction."""
        return self.hole("after")

    def memory(self) -> str:
        """The program's memory."""
        return "%memory"

    # Going on ---------------------------------------------------------------------------------

    def go(self, to: str) -> None:
        """A tail call with the values as they are now."""
        args = ["ptr %state", "ptr %memory"]
        args += [f"i64 {value}" for value in self.values.values()]
        self.writer.line(f"musttail call {CC} void {to}({', '.join(args)})")
        self.writer.line("ret void")

    def next(self) -> None:
        """On to what follows."""
        self.go("@hole_next")

    def trap(self, status: Status) -> None:
        """On to a trap, with the registers as they were."""
        before = dict(self.values)
        self.values |= self.start  # a trap leaves the registers as they were
        self.go(f"@hole_trap{int(status)}")
        self.values = before

    def spend(self) -> None:
        """Take one from the fuel."""
        w = self.writer
        self.values["fuel"] = w.emit("sub i64 %fuel, 1")
        bodies.spend(self, self.values["fuel"])

    def target(self, *, paid: bool = False) -> None:
        """Go to the target; backwards at a cost."""
        before = dict(self.values)
        if self.form.code >= BACK and not paid:
            self.spend()
        self.go("@hole_target")
        self.values = before

    def arrive(self, address: str, *, link: bool = False) -> None:
        """Go to an address, if an instruction is there."""
        w, offset = self.writer, self.look_up(address)
        self.spend()
        if link:
            self.link(self.after())
        code = w.emit(f"load ptr, ptr {self.word(CODE)}")
        wide = w.emit(f"zext i32 {offset} to i64")
        self.go(w.emit(f"getelementptr i8, ptr {code}, i64 {wide}"))

    # Functions --------------------------------------------------------------------------------

    def _has_number(self) -> bool:
        return REGISTER.by_code[self.form.code % BACK].wide

    def call(self, function: str) -> str:
        """Call an external function with every register in the state."""
        w = self.writer
        for n in range(self.pinned):
            w.line(f"store i64 {self.values[f'p{n}']}, ptr {self.word(n)}")
        w.line(f"store i64 %fuel, ptr {self.word(FUEL)}")
        failed = w.emit(f"call i64 {function}(ptr %state)")
        w.line(f"store i64 0, ptr {self.word(ZERO)}")
        for n in range(self.pinned):
            self.start[f"p{n}"] = self.values[f"p{n}"] = w.emit(f"load i64, ptr {self.word(n)}")
        return failed

    def complex(self, op: Op, args: list[str]) -> str | None:
        """A function beside the stencils, for what needs constants in memory."""
        w = self.writer
        if op is words64.sub and self.form.rd != IN_STATE and self._has_number():
            return w.emit(f"add i64 {args[0]}, {self.hole('minus')}")  # one lea
        if op.name not in HELPER_NAMES:
            return None
        table = w.emit(f"load ptr, ptr {self.word(HELPER_WORD)}")
        at = w.emit(f"getelementptr ptr, ptr {table}, i64 {HELPER_NAMES.index(op.name)}")
        function = w.emit(f"load ptr, ptr {at}")
        return w.emit(f"call i64 {function}({', '.join(f'i64 {arg}' for arg in args)})")


def _signature(pinned: int, named: bool) -> str:
    parts = [("ptr", "%state"), ("ptr", "%memory"), ("i64", "%fuel")]
    parts += [("i64", f"%p{n}") for n in range(pinned)]
    return ", ".join(f"{kind} {name}" if named else kind for kind, name in parts)


def function_text(pinned: int, name: str, lines: list[str]) -> str:
    """A stencil's definition."""
    body = "\n".join(lines)
    return f"define {CC} void @{name}({_signature(pinned, True)}) nounwind optsize {{\n{body}\n}}\n"


def forms(pinned: int) -> Iterator[Form]:
    """Every stencil of a set."""
    for info in REGISTER.by_name.values():
        yield in_state(info)
        if info.group in ("branch", "jump") and info.wide:
            yield in_state(info, BACK)
    if pinned:
        yield from _pinned_values(range(pinned))
        yield from _pinned_effects(range(pinned))


def in_state(info: RegisterInstr, back: int = 0) -> Form:
    """The stencil that has its operands in the state."""
    fields = {s.name: IN_STATE for s in info.operands if s.kind is OperandKind.REGISTER}
    if info.writes:
        fields["rd"] = IN_STATE
    return Form(info.code + back, **fields)


def _pinned_values(registers: range) -> Iterator[Form]:
    """Of instructions that write a register."""
    pairs = list(itertools.product(registers, registers))
    for name in _THREE:
        for rd, (a, b) in itertools.product(registers, pairs):
            if a <= b or name not in PINNED_COMMUTES:
                yield Form(_CODES[name], rd, a, b)
    for name in (*_TWO, *_LOADS):
        for rd, a in pairs:
            yield Form(_CODES[name], rd, a)
    for rd in registers:
        yield Form(_CODES["movi"], rd)
        yield Form(_CODES["movh"], rd, rd)


def _pinned_effects(registers: range) -> Iterator[Form]:
    """Of those that write memory or branch."""
    for name in _STORES:
        for base, value in itertools.product(registers, (*registers, AS_ZERO)):
            yield Form(_CODES[name], None, base, value)
    for name, back in itertools.product(_BRANCHES, (0, BACK)):
        for a, b in itertools.product(registers, registers):
            yield Form(_CODES[name] + back, None, a, b)
        for a in registers:
            yield Form(_CODES[name] + back, None, a, AS_ZERO)


def module_text(pinned: int, wanted: list[Form], *, extras: bool) -> str:
    """LLVM IR of stencils; `extras` adds those that belong to no instruction."""
    writers: list[tuple[str, list[str]]] = []
    declares: set[str] = set()
    for form in wanted:
        host = StencilHost(pinned, form)
        bodies.emit(host, REGISTER.by_code[form.code % BACK])
        writers.append((form.name, host.writer.lines))
        declares |= host.writer.declares
    if extras:
        writers += _extras(pinned)
    kinds = _signature(pinned, False)
    destinations = [*DESTINATIONS, *(f"trap{int(status)}" for status in Status)]
    head = [f"@hole_{name} = external global i8, {ABSOLUTE}" for name in HOLES]
    head += [f"declare {CC} void @hole_{name}({kinds})" for name in destinations]
    text = [function_text(pinned, name, lines) for name, lines in writers]
    tail = [
        '!0 = !{!"branch_weights", i32 1, i32 1000000}',
        "!1 = !{i64 -2147483648, i64 2147483648}",
    ]
    return "\n".join([*head, *sorted(declares), *text, *tail])


def _extras(pinned: int) -> Iterator[tuple[str, list[str]]]:
    """Moves between pinned registers and the state, the way out, and what a trap does first."""
    for n in range(pinned):
        host = StencilHost(pinned, Form(0))
        host.writer.line(f"store i64 %p{n}, ptr {host.word(n)}")
        host.next()
        yield f"spill_{n}", host.writer.lines
        host = StencilHost(pinned, Form(0))
        host.values[f"p{n}"] = host.writer.emit(f"load i64, ptr {host.word(n)}")
        host.next()
        yield f"reload_{n}", host.writer.lines
    host = StencilHost(pinned, Form(0))
    for n in range(pinned):
        host.writer.line(f"store i64 %p{n}, ptr {host.word(n)}")
    host.writer.line(f"store i64 %fuel, ptr {host.word(FUEL)}")
    host.writer.line("ret void")
    yield "exit", host.writer.lines
    host = StencilHost(pinned, Form(0))
    for name, word in (("pc", PC), ("status", STATUS)):
        host.writer.line(f"store i64 {host.hole(name)}, ptr {host.word(word)}")
    host.go("@hole_exit")
    yield "cold", host.writer.lines


def entry_text(pinned: int, name: str) -> str:
    """The function that C can call: it goes from the state into a program's code."""
    w = Writer()

    def load(index: int, kind: str = "i64") -> str:
        at = w.emit(f"getelementptr i64, ptr %state, i64 {index}")
        return w.emit(f"load {kind}, ptr {at}")

    memory, fuel = load(MEMORY, "ptr"), load(FUEL)
    args = ["ptr %state", f"ptr {memory}", f"i64 {fuel}"]
    args += [f"i64 {load(n)}" for n in range(pinned)]
    w.line(f"call {CC} void %code({', '.join(args)})")
    w.line("ret void")
    body = "\n".join(w.lines)
    return f"define void @{name}(ptr %state, ptr %code) nounwind {{\n{body}\n}}\n"
