"""Register programs through LLVM's optimiser: for what runs long.

The program becomes one function with a block for each instruction; registers are variables that
the optimiser keeps where it likes. It can be entered where other engines may have stopped (at
jumps that cost fuel, after calls and yields), so a run can move here in the middle of a loop. A
jump through a register to an address that it cannot be entered at leaves it, with the state written
back, and the native interpreter goes on from there.
"""

from __future__ import annotations

import ctypes
import time

from lanework.engines.llvm import jit as llvm
from lanework.engines.llvm.ir import Writer
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.isa import LINK, ZERO
from lanework.machines.register.layout import RegisterView, direct
from lanework.machines.register.native import bodies
from lanework.machines.register.native.execute import NativeExecutor
from lanework.machines.register.state import FUEL, LAST, MEMORY, PC, STATUS, RegisterBank, Status

_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
NAME = "lanework_program"
PLAIN = '"no-builtins"'  # loops stay loops, and do not become calls of memset


class ProgramHost(bodies.Host):
    """Writes one instruction of the program."""

    def __init__(self, writer: Writer, view: RegisterView, entries: frozenset[int]) -> None:
        self.writer, self.view, self.entries = writer, view, entries
        self.at = 0

    def _register(self, field: str) -> int:
        instruction, info = self.view.instructions[self.at], self.view.infos[self.at]
        if field == "rd":
            return instruction.target
        names = [spec.name for spec in info.operands]
        return instruction.operands[names.index(field)]

    def read(self, field: str) -> str:
        """A register's variable."""
        number = self._register(field)
        return "0" if number == ZERO else self.writer.emit(f"load i64, ptr %r{number}")

    def write(self, value: str) -> None:
        """Set rd's variable."""
        number = self._register("rd")
        if number != ZERO:
            self.writer.line(f"store i64 {value}, ptr %r{number}")

    def number(self) -> str:
        """The number itself."""
        return str(self.view.instructions[self.at].operands[-1])

    def link(self, value: str) -> None:
        """Set the link register's variable."""
        self.writer.line(f"store i64 {value}, ptr %r{LINK}")

    def linked(self) -> str:
        """The link register."""
        return self.writer.emit(f"load i64, ptr %r{LINK}")

    def after(self) -> str:
        """The address of the next instruction."""
        return str(self.view.addresses[self.at + 1])

    def memory(self) -> str:
        """The program's memory, which stays where it is."""
        return "%memory"

    def word(self, index: int | str) -> str:
        """A pointer to a word of the state; limits are read once, at the beginning."""
        if isinstance(index, int) and LAST <= index < LAST + 4:
            return f"%last{index - LAST}.p"
        return super().word(index)

    def next(self) -> None:
        """On to the next block."""
        self.writer.line(f"br label %i{self.at + 1}")

    def trap(self, status: Status) -> None:
        """Leave, and say where and why."""
        number = self.at + 1 if status is Status.YIELD else self.at
        self._leave(str(self.view.addresses[number]), status)

    def _leave(self, pc: str, status: Status) -> None:
        self.writer.line(f"store i64 {pc}, ptr %pc")
        self.writer.line(f"store i64 {int(status)}, ptr %status")
        self.writer.line("br label %leave")

    def spend(self) -> None:
        """Take one from the fuel."""
        w = self.writer
        less = w.emit(f"sub i64 {w.emit('load i64, ptr %fuel')}, 1")
        w.line(f"store i64 {less}, ptr %fuel")
        bodies.spend(self, less)

    def target(self, *, paid: bool = False) -> None:
        """Go to the target; backwards at a cost."""
        to = self.view.index[self.view.target(self.at)]
        if to <= self.at and not paid:
            self.spend()
        self.writer.line(f"br label %i{to}")

    def arrive(self, address: str, *, link: bool = False) -> None:
        """Go to an address: by a switch where it can be entered, else outside."""
        w = self.writer
        label = w.name()[1:]
        entries = [
            (n, self.view.addresses[n]) for n in (*sorted(self.entries), len(self.view.infos))
        ]
        labels = " ".join(f"i64 {entry}, label %go.{label}" for _, entry in entries)
        w.line(f"switch i64 {address}, label %out.{label} [ {labels} ]")
        w.label(f"out.{label}")  # this instruction again, by one who knows every address
        self._leave(str(self.view.addresses[self.at]), Status.RUNNING)
        w.label(f"go.{label}")
        self.spend()
        if link:
            self.link(self.after())
        labels = " ".join(f"i64 {entry}, label %i{n}" for n, entry in entries)
        w.line(f"switch i64 {address}, label %never [ {labels} ]")

    def call(self, function: str) -> str:
        """Call an external function, with every register in the state."""
        self._save()
        failed = self.writer.emit(f"call i64 {function}(ptr %state)")
        self._restore()
        return failed

    def begin(self) -> None:
        """From the state into variables, and to the instruction where the program goes on."""
        w, view = self.writer, self.view
        for name in (*(f"r{n}" for n in range(ZERO)), "fuel", "pc", "status"):
            w.line(f"%{name} = alloca i64")
        self._restore()
        w.line(f"store i64 {self._load(FUEL)}, ptr %fuel")
        w.line(f"%memory = getelementptr i8, ptr {self._load(MEMORY, 'ptr')}, i64 0")
        for n in range(4):
            w.line(f"%last{n}.p = alloca i64")
            w.line(f"store i64 {self._load(LAST + n)}, ptr %last{n}.p")
        pc = self._load(PC)
        # a jump backwards is entered through a copy, or its loop would be entered in the middle
        copies = [n for n in sorted(self.entries) if _jumps_back(view, n)]
        labels = " ".join(
            f"i64 {view.addresses[n]}, label %{'e' if n in copies else 'i'}{n}"
            for n in sorted(self.entries)
        )
        w.line(f"switch i64 {pc}, label %other [ {labels} ]")
        w.label("other")
        self._leave(pc, Status.RUNNING)
        for n in copies:
            w.label(f"e{n}")
            self.at = n
            bodies.emit(self, view.infos[n])

    def end(self) -> None:
        """The end of the tape, and from variables back into the state."""
        w = self.writer
        w.label(f"i{len(self.view.infos)}")
        self._leave(str(self.view.addresses[-1]), Status.HALT)
        w.label("never")
        w.line("unreachable")
        w.label("leave")
        self._save()
        for name, index in (("pc", PC), ("status", STATUS)):
            self._store(name, index)
        w.line("ret void")

    def _load(self, index: int, kind: str = "i64") -> str:
        at = self.writer.emit(f"getelementptr i64, ptr %state, i64 {index}")
        return self.writer.emit(f"load {kind}, ptr {at}")

    def _store(self, name: str, index: int) -> None:
        at = self.word(index)
        self.writer.line(f"store i64 {self.writer.emit(f'load i64, ptr %{name}')}, ptr {at}")

    def _save(self) -> None:
        for n in range(ZERO):
            self._store(f"r{n}", n)
        self._store("fuel", FUEL)

    def _restore(self) -> None:
        for n in range(ZERO):
            self.writer.line(f"store i64 {self._load(n)}, ptr %r{n}")


def entries_of(view: RegisterView) -> frozenset[int]:
    """Instructions at which the function can be entered."""
    end = len(view.infos)
    entries = {view.index[view.entry]}
    for n, info in enumerate(view.infos):
        if direct(info):
            to = view.index[view.target(n)]
            entries |= {to, n} if to <= n else {to}
        if info.group in ("call", "ret", "jump", "yield", "ext"):
            entries |= {n, n + 1}
        if info.name == "movi":  # perhaps a function's address
            entries.add(view.index.get(view.instructions[n].operands[-1], end))
    return frozenset(entries - {end})


def _jumps_back(view: RegisterView, number: int) -> bool:
    info = view.infos[number]
    jumps = info.group in ("branch", "jump") and direct(info)
    return jumps and view.target(number) <= view.addresses[number]


def program_text(view: RegisterView, *, alone: bool = False) -> str:
    """LLVM IR of a program.

    Args:
        view: the program.
        alone: whether there is no interpreter to go on where it cannot be entered, and no library
            of C; then every instruction is an entry if any jump goes through a register.
    """
    entries = entries_of(view)
    if alone and any(i.group == "ret" or i.mode == "register" for i in view.infos):
        entries = frozenset(range(len(view.infos)))
    host = ProgramHost(Writer(fused=not alone), view, entries)
    host.begin()
    for n, info in enumerate(view.infos):
        host.writer.label(f"i{n}")
        host.at = n
        bodies.emit(host, info)
    host.end()
    w = host.writer
    body, declares = "\n".join(w.lines), "\n".join(sorted(w.declares))
    return (
        f"{declares}\ndefine {'internal ' if alone else ''}void @{NAME}(ptr noalias %state)"
        f" nounwind {PLAIN if alone else ''} {{\n{body}\n}}\n"
        '!0 = !{!"branch_weights", i32 1, i32 1000000}\n'
    )


class LLVMExecutor(NativeExecutor):
    """Optimised code, with the native interpreter for what it cannot be entered at."""

    def __init__(
        self, view: RegisterView, tape: bytes, table: ExternalTable, *, disk: bool = True
    ) -> None:
        super().__init__(view, tape, table)
        start = time.perf_counter()
        text = program_text(view)
        self.kernel = llvm.compile_text(text, NAME, 0, disk=disk, full=True)
        self._program = _PROTOTYPE(self.kernel.address)
        self.seconds = time.perf_counter() - start

    def entry(self, bank: RegisterBank) -> tuple[int, int, int]:
        """The compiled program itself."""
        return self.kernel.address, 0, 0

    def _once(self, bank: RegisterBank) -> None:
        """Run, and interpret where the optimised code ends."""
        self._program(bank.address)
        if bank.words[STATUS] == Status.RUNNING:
            super()._once(bank)
