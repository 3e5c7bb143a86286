"""What each instruction does, as LLVM IR, once for all native engines.

An engine says through a `Host` where registers live, what a number in the instruction is, and how
the program goes on: a stencil jumps to a hole, the interpreter back to its loop, the optimised
program to a block. The bodies say the rest. Values of ops come from the op table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lanework.core.ops.bodies import words64
from lanework.core.ops.op import Op
from lanework.core.program.isa import Dispatch
from lanework.engines.llvm.ir import Writer, emit_graph
from lanework.machines.register.isa import LINK, REGISTER, RegisterInstr
from lanework.machines.register.layout import rest
from lanework.machines.register.state import (
    COUNTER,
    EXTERNAL_COUNT,
    EXTERNALS,
    FAILED,
    LANE,
    LAST,
    MAP,
    MAP_COUNT,
    SEED,
    Status,
)

BITS = {"b": 8, "h": 16, "w": 32, "d": 64}


class Host(Protocol):
    """How an engine writes what is around a body. Values are names or literals of i64."""

    writer: Writer
    unlikely: str = ""  # what a branch says of a way that is rarely taken

    def __init__(self) -> None:
        self.writer = Writer()

    def read(self, field: str) -> str:
        """The register in the field rs1, rs2 or rd."""

    def write(self, value: str) -> None:
        """Set the register in the field rd."""

    def number(self) -> str:
        """The instruction's number."""

    def after(self) -> str:
        """The address of the next instruction."""

    def memory(self) -> str:
        """A pointer to the program's memory."""

    def next(self) -> None:
        """End the body: go on with the next instruction."""

    def target(self, *, paid: bool = False) -> None:
        """End the body: go to the instruction's own target; backwards at a cost, unless paid."""

    def spend(self) -> None:
        """Take one from the fuel, or trap."""

    def arrive(self, address: str, *, link: bool = False) -> None:
        """End the body: trap if there is no instruction at an address, spend, link, go there."""

    def trap(self, status: Status) -> None:
        """End the body: stop."""

    def call(self, function: str) -> str:
        """Call an external function, with all registers in the state; what it returns."""

    def complex(self, op: Op, args: list[str]) -> str | None:
        """The value of an op by other means than in place, or None."""
        return None

    def give(self, value: str) -> None:
        """End the body: rd becomes a value."""
        self.write(value)
        self.next()

    def word(self, index: int | str) -> str:
        """A pointer to a word of the state."""
        return self.writer.emit(f"getelementptr i64, ptr %state, i64 {index}")

    def link(self, value: str) -> None:
        """Set the link register."""
        self.writer.line(f"store i64 {value}, ptr {self.word(LINK)}")

    def linked(self) -> str:
        """The link register."""
        return self.writer.emit(f"load i64, ptr {self.word(LINK)}")

    def look_up(self, address: str) -> str:
        """What the map has for an address; trap if no instruction is there."""
        w = self.writer
        limit = w.emit(f"load i64, ptr {self.word(MAP_COUNT)}")
        far = w.emit(f"icmp ugt i64 {address}, {limit}")
        low = w.emit(f"and i64 {address}, 3")
        odd = w.emit(f"icmp ne i64 {low}, 0")
        bad = w.emit(f"or i1 {far}, {odd}")
        label = w.name()[1:]
        w.line(f"br i1 {bad}, label %lost.{label}, label %look.{label}{self.unlikely}")
        w.label(f"look.{label}")
        offsets = w.emit(f"load ptr, ptr {self.word(MAP)}")
        at = w.emit(f"getelementptr i8, ptr {offsets}, i64 {address}")
        offset = w.emit(f"load i32, ptr {at}")
        none = w.emit(f"icmp eq i32 {offset}, -1")
        w.line(f"br i1 {none}, label %lost.{label}, label %known.{label}{self.unlikely}")
        w.label(f"lost.{label}")
        self.trap(Status.JUMP)
        w.label(f"known.{label}")
        return offset


def spend(host: Host, fuel: str, unlikely: str = ", !prof !0") -> None:
    """Trap if this is what is left of the fuel after a step, and it is too little."""
    _unless(host, host.writer.emit(f"icmp slt i64 {fuel}, 0"), Status.FUEL, unlikely)


BODIES = Dispatch[Callable[[Host, RegisterInstr], None]](
    REGISTER,
    (),
    **{
        "mov": lambda host, _: host.give(host.read("rs1")),
        "movi": lambda host, _: host.give(host.number()),
        "b": lambda host, _: host.target(),
        "jmp": lambda host, _: host.target(),
        "jmpr": lambda host, _: host.arrive(host.read("rs1")),
        "callr": lambda host, _: host.arrive(host.read("rs1"), link=True),
        "ret": lambda host, _: host.arrive(host.linked()),
        "nop": lambda host, _: host.next(),
        "yield": lambda host, _: host.trap(Status.YIELD),
        "halt": lambda host, _: host.trap(Status.HALT),
        "trap": lambda host, _: host.trap(Status.TRAP),
    },
)


def emit(host: Host, info: RegisterInstr) -> None:
    """Write the body of an instruction."""
    BODIES[info.name](host, info)


def value_of(host: Host, op: Op, args: list[str]) -> str:
    """The value of an op on words."""
    value = host.complex(op, args)
    return emit_graph(host.writer, op.graph("i64"), args, 1) if value is None else value


def _unless(host: Host, bad: str, status: Status, unlikely: str = ", !prof !0") -> None:
    """Trap if a condition holds, else go on writing."""
    w = host.writer
    label = w.name()[1:]
    w.line(f"br i1 {bad}, label %bad.{label}, label %good.{label}{unlikely}")
    w.label(f"bad.{label}")
    host.trap(status)
    w.label(f"good.{label}")


def _pointer(host: Host, size: int, offset: bool) -> str:
    """A pointer into memory, after the check."""
    w = host.writer
    at = host.read("rs1")
    if offset:
        at = w.emit(f"add i64 {at}, {host.number()}")
    last = w.emit(f"load i64, ptr {host.word(LAST + size.bit_length() - 1)}")
    _unless(host, w.emit(f"icmp ugt i64 {at}, {last}"), Status.MEMORY)
    if not offset:  # atomics work on aligned words only
        low = w.emit(f"and i64 {at}, 7")
        _unless(host, w.emit(f"icmp ne i64 {low}, 0"), Status.ALIGN)
    return w.emit(f"getelementptr i8, ptr {host.memory()}, i64 {at}")


# Values -------------------------------------------------------------------------------------------


def _apply(host: Host, info: RegisterInstr) -> None:
    assert info.elementwise is not None
    args = [host.number() if spec.name == "imm" else host.read(spec.name) for spec in info.operands]
    if info.accumulates:
        args.append(host.read("rd"))
    host.give(value_of(host, info.elementwise, args))


_DIVISIONS = {words64.div.name: "udiv", words64.mod.name: "urem"}


@BODIES.register(*_DIVISIONS)
def _divide(host: Host, info: RegisterInstr) -> None:
    """Without the op's own care for zero, which ends in a trap before."""
    a, b = host.read("rs1"), host.read("rs2")
    _unless(host, host.writer.emit(f"icmp eq i64 {b}, 0"), Status.DIVIDE)
    host.give(host.writer.emit(f"{_DIVISIONS[info.name]} i64 {a}, {b}"))


@BODIES.register("movh")
def _move_high(host: Host, info: RegisterInstr) -> None:
    w = host.writer
    low = w.emit(f"and i64 {host.read('rs1')}, 4294967295")
    high = w.emit(f"shl i64 {host.number()}, 32")
    host.give(w.emit(f"or i64 {low}, {high}"))


@BODIES.register("rand")
def _rand(host: Host, info: RegisterInstr) -> None:
    w = host.writer
    seed, lane, counter = (w.emit(f"load i64, ptr {host.word(n)}") for n in (SEED, LANE, COUNTER))
    value = value_of(host, words64.random, [seed, lane, counter])
    more = w.emit(f"add i64 {counter}, 1")
    w.line(f"store i64 {more}, ptr {host.word(COUNTER)}")
    host.give(value)


# Memory -------------------------------------------------------------------------------------------


@BODIES.register(*rest(BODIES, "load"))
def _load(host: Host, info: RegisterInstr) -> None:
    w, bits = host.writer, BITS[info.mode]
    value = w.emit(f"load i{bits}, ptr {_pointer(host, bits // 8, True)}, align 1")
    host.give(value if bits == 64 else w.emit(f"zext i{bits} {value} to i64"))


@BODIES.register(*rest(BODIES, "store"))
def _store(host: Host, info: RegisterInstr) -> None:
    w, bits = host.writer, BITS[info.mode]
    value, at = host.read("rs2"), _pointer(host, bits // 8, True)
    if bits < 64:
        value = w.emit(f"trunc i64 {value} to i{bits}")
    w.line(f"store i{bits} {value}, ptr {at}, align 1")
    host.next()


@BODIES.register("atomic.cas")
def _compare_and_swap(host: Host, info: RegisterInstr) -> None:
    w = host.writer
    at, value = _pointer(host, 8, False), host.read("rs2")
    pair = w.emit(f"cmpxchg ptr {at}, i64 {host.read('rd')}, i64 {value} seq_cst seq_cst")
    host.give(w.emit(f"extractvalue {{ i64, i1 }} {pair}, 0"))


@BODIES.register(*rest(BODIES, "atomic"))
def _atomic(host: Host, info: RegisterInstr) -> None:
    at, value = _pointer(host, 8, False), host.read("rs2")
    host.give(host.writer.emit(f"atomicrmw {info.mode} ptr {at}, i64 {value} seq_cst"))


@BODIES.register("fence")
def _fence(host: Host, info: RegisterInstr) -> None:
    host.writer.line("fence seq_cst")
    host.next()


# Control ------------------------------------------------------------------------------------------


@BODIES.register(*rest(BODIES, "branch"))
def _branch(host: Host, info: RegisterInstr) -> None:
    w = host.writer
    assert info.elementwise is not None
    truth = value_of(host, info.elementwise, [host.read("rs1"), host.read("rs2")])
    taken = w.emit(f"icmp ne i64 {truth}, 0")
    label = w.name()[1:]
    w.line(f"br i1 {taken}, label %taken.{label}, label %not.{label}")
    w.label(f"taken.{label}")
    host.target()
    w.label(f"not.{label}")
    host.next()


@BODIES.register("call")
def _call(host: Host, info: RegisterInstr) -> None:
    host.spend()
    host.link(host.after())
    host.target(paid=True)


# The host -----------------------------------------------------------------------------------------


@BODIES.register("ext")
def _ext(host: Host, info: RegisterInstr) -> None:
    w = host.writer
    number = host.number()
    count = w.emit(f"load i64, ptr {host.word(EXTERNAL_COUNT)}")
    _unless(host, w.emit(f"icmp uge i64 {number}, {count}"), Status.EXTERNAL)
    table = w.emit(f"load ptr, ptr {host.word(EXTERNALS)}")
    at = w.emit(f"getelementptr ptr, ptr {table}, i64 {number}")
    function = w.emit(f"load ptr, ptr {at}")
    missing = w.emit(f"icmp eq ptr {function}, null")
    _unless(host, missing, Status.EXTERNAL)
    failed = host.call(function)
    w.line(f"store i64 {failed}, ptr {host.word(FAILED)}")
    _unless(host, w.emit(f"icmp ne i64 {failed}, 0"), Status.EXTERNAL)
    host.next()


BODIES.register(*rest(BODIES))(_apply)
