"""The native interpreter as LLVM IR: one loop around the bodies of all instructions."""

from __future__ import annotations

from lanework.machines.register.isa import LONG, REGISTER, ZERO
from lanework.machines.register.native import bodies
from lanework.machines.register.state import DISCARD, FUEL, MEMORY, PC, STATUS, Status

_SHIFT = {"rd": 21, "rs1": 16, "rs2": 11}


class InterpreterHost(bodies.Host):
    """Reads operands out of the word at hand."""

    def _register(self, field: str) -> str:
        w = self.writer
        shifted = w.emit(f"lshr i64 %word, {_SHIFT[field]}")
        return w.emit(f"and i64 {shifted}, 31")

    def read(self, field: str) -> str:
        """A register, by its number."""
        return self.writer.emit(f"load i64, ptr {self.word(self._register(field))}")

    def write(self, value: str) -> None:
        """Set rd, unless it is r31."""
        w = self.writer
        number = self._register("rd")
        zero = w.emit(f"icmp eq i64 {number}, {ZERO}")
        slot = w.emit(f"select i1 {zero}, i64 {DISCARD}, i64 {number}")
        w.line(f"store i64 {value}, ptr {self.word(slot)}")

    def number(self) -> str:
        """The number, decoded before."""
        return "%number"

    def after(self) -> str:
        """The address of the next instruction."""
        return "%after"

    def memory(self) -> str:
        """The program's memory."""
        return self.writer.emit(f"load ptr, ptr {self.word(MEMORY)}")

    def _go(self, address: str) -> None:
        self.writer.line(f"store i64 {address}, ptr %at.p")
        self.writer.line("br label %loop")

    def next(self) -> None:
        """On to the next instruction."""
        self._go("%after")

    def trap(self, status: Status) -> None:
        """Say where and why, and leave."""
        w = self.writer
        pc = "%after" if status is Status.YIELD else "%at"
        w.line(f"store i64 {pc}, ptr {self.word(PC)}")
        w.line(f"store i64 {int(status)}, ptr {self.word(STATUS)}")
        w.line("ret i64 0")

    def spend(self) -> None:
        """Take one from the fuel."""
        w = self.writer
        fuel = self.word(FUEL)
        less = w.emit(f"sub i64 {w.emit(f'load i64, ptr {fuel}')}, 1")
        w.line(f"store i64 {less}, ptr {fuel}")
        bodies.spend(self, less, self.unlikely)

    def target(self, *, paid: bool = False) -> None:
        """Go to the target; backwards at a cost."""
        w = self.writer
        label = w.name()[1:]
        if not paid:
            back = w.emit("icmp sle i64 %number, 0")
            w.line(f"br i1 {back}, label %back.{label}, label %ahead.{label}")
            w.label(f"back.{label}")
            self.spend()
            w.line(f"br label %ahead.{label}")
            w.label(f"ahead.{label}")
        self._go(w.emit("add i64 %at, %number"))

    def arrive(self, address: str, *, link: bool = False) -> None:
        """Go to an address, if an instruction is there."""
        self.look_up(address)
        self.spend()
        if link:
            self.link("%after")
        self._go(address)

    def call(self, function: str) -> str:
        """Call an external function."""
        w = self.writer
        failed = w.emit(f"call i64 {function}(ptr %state)")
        w.line(f"store i64 0, ptr {self.word(ZERO)}")
        return failed


def interpreter_text() -> str:
    """`interpret(state, tape, bytes)`: runs from the state's pc until the program stops."""
    host = InterpreterHost()
    w = host.writer
    w.line("%at.p = alloca i64")
    first = w.emit(f"load i64, ptr {host.word(PC)}")
    w.line(f"store i64 {first}, ptr %at.p")
    w.line(f"store i64 0, ptr {host.word(STATUS)}")
    w.line("br label %loop")
    w.label("loop")
    w.line("%at = load i64, ptr %at.p")
    w.line("%over = icmp uge i64 %at, %bytes")
    w.line("br i1 %over, label %end, label %decode")
    w.label("end")
    w.line("%after.end = add i64 %at, 0")
    w.line(f"store i64 %after.end, ptr {host.word(PC)}")
    w.line(f"store i64 {int(Status.HALT)}, ptr {host.word(STATUS)}")
    w.line("ret i64 0")
    w.label("decode")
    w.line("%word.p = getelementptr i8, ptr %tape, i64 %at")
    w.line("%word.n = load i32, ptr %word.p")
    w.line("%word = zext i32 %word.n to i64")
    w.line(f"%long.b = and i64 %word, {LONG}")
    w.line("%long = icmp ne i64 %long.b, 0")
    w.line("%size = select i1 %long, i64 8, i64 4")
    w.line("%after = add i64 %at, %size")
    w.line("%more = select i1 %long, i64 4, i64 0")  # a short word has no number: read, then drop
    w.line("%number.p = getelementptr i8, ptr %word.p, i64 %more")
    w.line("%number.n = load i32, ptr %number.p")
    w.line("%number.s = sext i32 %number.n to i64")
    w.line("%number = select i1 %long, i64 %number.s, i64 0")
    w.line("%high = lshr i64 %word, 23")
    w.line("%opcode = and i64 %high, 504")
    w.line("%mode.s = lshr i64 %word, 8")
    w.line("%mode = and i64 %mode.s, 7")
    w.line("%code = or i64 %opcode, %mode")
    cases = " ".join(f"i64 {code}, label %op.{code}" for code in sorted(REGISTER.by_code))
    w.line(f"switch i64 %code, label %unknown [ {cases} ]")
    w.label("unknown")
    w.line("unreachable")
    for code, info in sorted(REGISTER.by_code.items()):
        w.label(f"op.{code}")
        bodies.emit(host, info)
    declares = "\n".join(sorted(w.declares))
    body = "\n".join(w.lines)
    return (
        f"{declares}\ndefine i64 @interpret(ptr %state, ptr %tape, i64 %bytes) nounwind"
        f" {{\n{body}\n}}\n"
    )
