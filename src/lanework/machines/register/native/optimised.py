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
from typing import ClassVar

from lanework.engines.llvm import jit as llvm
from lanework.engines.llvm.ir import Writer
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.isa import LINK, ZERO
from lanework.machines.register.layout import RegisterView, direct
from lanework.machines.register.native import bodies
from lanework.machines.register.native.execute import NativeExecutor
from lanework.machines.register.state import FUEL, LAST, MEMORY, PC, STATUS, RegisterBank, Status

_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
NAME, STEPPING = "lanework_program", "lanework_stepping"
JOINED = 64
"""Places to return to from which on registers stay in the state."""
WEIGHTS = '!0 = !{!"branch_weights", i32 1, i32 1000000}\n'
PLAIN = '"no-builtins"'  # loops stay loops, and do not become calls of memset


class ProgramHost(bodies.Host):
    """Writes one instruction of the program."""

    elsewhere = Status.RUNNING  # for another engine, which knows every address
    variables: ClassVar = {"fuel": FUEL} | {f"r{n}": n for n in range(ZERO)}  # and their words

    def __init__(self, view: RegisterView, fused: bool) -> None:
        self.writer, self.view = Writer(fused=fused), view
        self.entries, self.reached = entries_of(view), reached_of(view)
        self.joined = len(self.reached or ()) > JOINED
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
        self._stop(status)

    def _stop(self, status: Status) -> None:
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
        """Go to an address by the one switch of the program, or outside if that has it not."""
        w = self.writer
        back = self.after() if link else self.linked()
        w.line(f"store i64 {self.view.addresses[self.at]}, ptr %pc")
        w.line(f"store i64 {address}, ptr %to")
        w.line(f"store i64 {back}, ptr %back")
        w.line("br label %arrive")

    def arrivals(self) -> None:
        """The one switch: a jump finds its target, pays, links, and goes there.

        One for each jump would take time in the square of them, and LLVM more.
        """
        w = self.writer
        targets = [
            (self.view.addresses[n], n) for n in (*sorted(self.reached or ()), len(self.view.infos))
        ]
        w.label("arrive")
        to = w.emit("load i64, ptr %to")
        labels = " ".join(f"i64 {address}, label %arrived" for address, _ in targets)
        w.line(f"switch i64 {to}, label %astray [ {labels} ]")
        w.label("astray")
        self._stop(self.elsewhere)
        w.label("arrived")
        fuel = w.emit(f"sub i64 {w.emit('load i64, ptr %fuel')}, 1")
        w.line(f"store i64 {fuel}, ptr %fuel")
        short = w.emit(f"icmp slt i64 {fuel}, 0")
        w.line(f"br i1 {short}, label %unpaid, label %paid, !prof !0")
        w.label("unpaid")
        self._stop(Status.FUEL)
        w.label("paid")
        self.link(w.emit("load i64, ptr %back"))
        self.enter(to, targets)

    def enter(self, address: str, targets: list[tuple[int, int]]) -> None:
        """Go to one of these targets."""
        labels = " ".join(f"i64 {known}, label %i{n}" for known, n in targets)
        self.writer.line(f"switch i64 {address}, label %never [ {labels} ]")
        self.writer.label("never")
        self.writer.line("unreachable")

    def call(self, function: str) -> str:
        """Call an external function, with every register in the state."""
        self._save()
        failed = self.writer.emit(f"call i64 {function}(ptr %state)")
        self._restore()
        return failed

    def begin(self) -> None:
        """From the state into variables, and to the instruction where the program goes on."""
        w, view = self.writer, self.view
        for name in ("pc", "status", "to", "back"):
            w.line(f"%{name} = alloca i64")
        for name, word in self.variables.items():
            w.line(f"%{name} = {self.place(word)}")
        self._restore()
        w.line(f"%memory = getelementptr i8, ptr {self._load(MEMORY, 'ptr')}, i64 0")
        for n in range(4):
            w.line(f"%last{n}.p = alloca i64")
            w.line(f"store i64 {self._load(LAST + n)}, ptr %last{n}.p")
        pc = self._load(PC)
        # a jump backwards is entered through a copy, or its loop would be entered in the middle
        copies = [n for n in sorted(self.entries) if self.copied(n)]
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
        if self.reached is not None:
            self.arrivals()
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

    def place(self, word: int) -> str:
        """Where a variable is that has a word of the state.

        Of many returns to many places it stays in the state, and the optimiser has it in a register
        between: to join as many registers at each of them takes time in the square of their number.
        """
        return f"getelementptr i64, ptr %state, i64 {word}" if self.joined else "alloca i64"

    def copied(self, number: int) -> bool:
        """Whether an instruction is entered through a copy."""
        jumps = direct(info := self.view.infos[number]) and info.group in ("branch", "jump")
        return jumps and self.view.target(number) <= self.view.addresses[number]

    def _save(self) -> None:
        for name, word in () if self.joined else self.variables.items():
            self._store(name, word)

    def _restore(self) -> None:
        for name, word in () if self.joined else self.variables.items():
            self.writer.line(f"store i64 {self._load(word)}, ptr %{name}")


class SteppingHost(ProgramHost):
    """The program as one that can be entered anywhere, not optimised: for where the other cannot.

    It goes as far as the next jump through a register, whose target the other may know again.
    """

    elsewhere = Status.JUMP

    def __init__(self, view: RegisterView, fused: bool) -> None:
        super().__init__(view, fused)
        self.entries = self.reached = frozenset(range(len(view.infos)))
        self.joined = True  # nothing is optimised

    def enter(self, address: str, targets: list[tuple[int, int]]) -> None:
        """Leave, to go on there."""
        self._leave(address, Status.RUNNING)

    def copied(self, number: int) -> bool:
        """Nothing is optimised, so there is nothing to keep loops from."""
        return False


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
    return frozenset(entries | _named(view)) - {end}


def reached_of(view: RegisterView) -> frozenset[int] | None:
    """Instructions that jumps through registers lead to; None if there are no such jumps.

    Returns go to what follows a call, or to an address that the program has as a number. Other
    jumps may go to the n-th of some jumps, which are entries.
    """
    infos = view.infos
    if any(info.mode == "register" for info in infos if info.group in ("call", "jump")):
        return entries_of(view)
    if all(info.group != "ret" for info in infos):
        return None
    after = {n + 1 for n, info in enumerate(infos) if info.group == "call"}
    return frozenset(after | _named(view)) - {len(infos)}


def _named(view: RegisterView) -> set[int]:
    """Instructions whose address the program has as a number, perhaps by chance."""
    moves = (n for n, info in enumerate(view.infos) if info.name == "movi")
    numbers = (view.instructions[n].operands[-1] for n in moves)
    return {view.index[number] for number in numbers if number in view.index}


def program_text(view: RegisterView) -> str:
    """LLVM IR of a program; another engine goes on where it cannot be entered."""
    return _function_text(ProgramHost(view, fused=True), "") + WEIGHTS


def alone_text(view: RegisterView) -> str:
    """LLVM IR of a program without any engine or library, as two functions if it needs them.

    With `stepping` it takes turns where a jump through a register leads to what is no entry.
    """
    parts = [_function_text(ProgramHost(view, fused=False), "internal", PLAIN)]
    if reached_of(view) is not None:
        how = f"{PLAIN} optnone noinline"
        parts.append(_function_text(SteppingHost(view, fused=False), "internal", how, STEPPING))
    return "".join(parts) + WEIGHTS


def _function_text(host: ProgramHost, linkage: str, attributes: str = "", name: str = NAME) -> str:
    host.begin()
    for n, info in enumerate(host.view.infos):
        host.writer.label(f"i{n}")
        host.at = n
        bodies.emit(host, info)
    host.end()
    body, declares = "\n".join(host.writer.lines), "\n".join(sorted(host.writer.declares))
    return (
        f"{declares}\ndefine {linkage} void @{name}(ptr noalias %state) nounwind {attributes} {{\n"
        f"{body}\n}}\n"
    )


class LLVMExecutor(NativeExecutor):
    """Optimised code, with the native interpreter for what it cannot be entered at."""

    def __init__(
        self,
        view: RegisterView,
        tape: bytes,
        table: ExternalTable,
        *,
        disk: bool = True,
        until: float | None = None,
    ) -> None:
        super().__init__(view, tape, table)
        start = time.perf_counter()
        text = program_text(view)
        self.kernel = llvm.compile_text(text, NAME, 0, disk=disk, full=True, until=until)
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
