"""An executable's own function: arguments to registers, outputs and errors to the terminal.

It speaks with Linux alone, by system calls. What it says has the codes that errors have elsewhere,
and its exit status is that of the command line: 1 for what it could not do, 2 for arguments, 3 for
a trap.
"""

from __future__ import annotations

import struct

from lanework.base.codes import FILE_NOT_WRITTEN, MEMORY_CAP
from lanework.base.errors import Code
from lanework.base.limits import show_size
from lanework.core.program.program import Port, Program
from lanework.engines.llvm.nativetext import Function, Variable, Word
from lanework.machines.register.binding import default_words
from lanework.machines.register.codes import BAD_INPUT, LEFT_OUT
from lanework.machines.register.isa import STACK
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import decimals
from lanework.machines.register.native.optimised import PLAIN
from lanework.machines.register.state import MASK
from lanework.machines.register.traps import CODES

FAILED, MISUSED, TRAPPED = 1, 2, 3
"""Exit statuses."""

START, SYSCALL, STOPPED = "start", "syscall", "stopped"
"""Its own function, what calls Linux, and the global word with the address of a trap."""

_WRITE, _MAP, _EXIT = 1, 9, 60  # system calls of Linux on x86-64
_READ_WRITE, _PRIVATE_ANONYMOUS = 3, 0x22
_INTERRUPTED, _ERRORS = -4, -4095
_OUT = "write_all"


def constant(name: str, data: bytes) -> str:
    """Bytes as a global constant."""
    text = "".join(f"\\{byte:02x}" for byte in data)
    return f'@{name} = internal constant [{max(len(data), 1)} x i8] c"{text or chr(92) + "00"}"\n'


def _message(code: Code, what: str = "") -> str:
    return f"error[{code.ident}]: {what or code.title}"


class Main:
    """Writes that function.

    Args:
        program: the program.
        name: of the function that runs it.
    """

    def __init__(self, program: Program, name: str) -> None:
        self.f = Function(START, ("stack",))
        self.program, self.name = program, name
        self.texts: list[str] = []
        self.view = RegisterView.of(program)

    def text(self) -> str:
        """The function, and what it calls, as IR."""
        f = self.f
        registers, buffer = f.array(32), f.array(8)
        for n in range(32):
            f.store(registers + 8 * n, 0)
        count = f.load(f["stack"])
        inputs = [port for port in self.program.inputs if port.row < STACK]
        least = max((n for n, port in enumerate(inputs, 1) if port.default is None), default=0)
        with f.when(count.is_("ult", least + 1)):
            names = ", ".join(port.name for port in inputs)
            self._end(MISUSED, _message(LEFT_OUT, f"give {names}"))
        for port in inputs:
            word = 0 if port.default is None else int(default_words(port)[0])
            if word:  # that of -0.0 too
                f.store(registers + 8 * port.row, word)
        for n, port in enumerate(inputs):
            with f.when(count.is_("ugt", n + 1)):
                self._argument(f.load(f["stack"] + 8 * (n + 2)), registers, port)
        with f.when(count.is_("ugt", len(inputs) + 1)):
            self._end(MISUSED, _message(BAD_INPUT, f"give at most {len(inputs)} numbers"))
        status = f.call(self.name, registers, self._memory())
        with f.when(status.is_("ne", 0)):
            self._trapped(status, buffer)
        for port in self.program.outputs:
            self._say(1, f"{port.name} = ")
            if port.dtype == "f64":
                length = f.call(decimals.WRITE, f.load(registers + 8 * port.row), buffer)
                f.store(buffer + length, 10, 1)
                f.call(_OUT, 1, buffer, length + 1)
                continue
            self._number(1, f.load(registers + 8 * port.row), buffer, signed=port.dtype == "i64")
        self._end(0)
        body, out = f.definition(PLAIN), self._writing()
        declared = f"declare i64 @{SYSCALL}({', '.join(['i64'] * 7)})"
        return "\n".join([f"@{STOPPED} = internal global i64 0", declared, *self.texts, out, body])

    def _memory(self) -> Word:
        """The program's memory, zeros but for its data; what is not touched costs nothing."""
        f, size = self.f, max(self.view.memory, 4096)
        memory = _system(f, _MAP, 0, size, _READ_WRITE, _PRIVATE_ANONYMOUS, -1, 0)
        with f.when(memory.is_("uge", _ERRORS)):
            what = f"there are no {show_size(size)} for the program's memory"
            self._end(FAILED, _message(MEMORY_CAP, what))
        data, at = f.emit("ptrtoint ptr @data to i64"), f.variable()
        with f.loop() as done:
            f.leave(done, at.get().is_("uge", len(self.view.data)))
            f.store(memory + at.get(), f.load(data + at.get(), 1), 1)
            at.add(1)
        return memory

    def _trapped(self, status: Word, buffer: Word) -> None:
        """What stopped the program, and where; of a trap of its own the number too."""
        f = self.f
        for known, code in CODES.items():
            with f.when(status.is_("eq", known)):
                self._say(2, f"{_message(code)}, at byte ")
        stopped = f.emit(f"load i64, ptr @{STOPPED}")
        self._number(2, stopped, buffer)
        pairs = [
            (self.view.addresses[n], each.operands[0])
            for n, each in enumerate(self.view.instructions)
            if each.name == "trap"
        ]
        self.texts.append(constant("traps", b"".join(struct.pack("<qq", *pair) for pair in pairs)))
        at = f.variable(f.emit("ptrtoint ptr @traps to i64"))
        end = at.get() + 16 * len(pairs)
        with f.loop() as done:
            f.leave(done, at.get().is_("uge", end))
            with f.when(f.load(at.get()).is_("eq", stopped)):
                self._say(2, "  note: trap ")
                self._number(2, f.load(at.get() + 8), buffer, signed=True)
            at.add(16)
        self._end(TRAPPED)

    def _end(self, status: int, words: str = "") -> None:
        """End the process, with a message if there is something to say."""
        if words:
            self._say(2, f"{words}\n")
        _system(self.f, _EXIT, status)

    def _say(self, file: int, words: str) -> None:
        self.f.call(_OUT, file, self._text(words), len(words.encode()))

    def _text(self, words: str, function: Function | None = None) -> Word:
        """The address of a text."""
        name = f"text{len(self.texts)}"
        self.texts.append(constant(name, words.encode()))
        return (function or self.f).emit(f"ptrtoint ptr @{name} to i64")

    def _writing(self) -> str:
        """A function that writes all of some bytes, or says that it cannot and ends."""
        f = Function(_OUT, ("file", "at", "length"))
        done = f.variable()
        with f.loop() as over:
            f.leave(over, done.get().is_("uge", f["length"]))
            at, left = f["at"] + done.get(), f["length"] - done.get()
            count = _system(f, _WRITE, f["file"], at, left)
            with f.when(count.is_("sgt", 0)):
                done.add(count)
            failed = f.variable(f.emit(f"zext i1 {count.is_('sle', 0)} to i64"))
            with f.when(count.is_("eq", _INTERRUPTED)):
                failed.set(0)
            with f.when(failed.get().is_("ne", 0)):
                words = f"{_message(FILE_NOT_WRITTEN, 'the output cannot be written')}\n"
                _system(f, _WRITE, 2, self._text(words, f), len(words))
                _system(f, _EXIT, FAILED)
        return f.definition(PLAIN)

    def _argument(self, text: Word, registers: Word, port: Port) -> None:
        """A number, decimal or with 0x before it, perhaps with a minus sign; or a float."""
        f = self.f
        if port.dtype == "f64":
            wrong = f.call(decimals.READ, text, registers + 8 * port.row)
            with f.when(wrong.is_("ne", 0)):
                self._end(MISUSED, _message(BAD_INPUT, f"{port.name} is no number of f64"))
            return
        value, at, minus = f.variable(), f.variable(text), f.variable(0)
        base, bad, most = f.variable(10), f.variable(0), f.variable(MASK)
        if port.dtype == "i64":
            most.set(MASK >> 1)
        with f.when(f.load(text, 1).is_("eq", ord("-"))):
            minus.set(1)
            at.add(1)
            most.set(1 << 63)
        zero, letter = f.load(at.get(), 1).is_("eq", ord("0")), f.variable(0)
        with f.when(zero):
            letter.set(f.load(at.get() + 1, 1) | 32)
        with f.when(letter.get().is_("eq", ord("x"))):
            base.set(16)
            at.add(2)
        with f.when(f.load(at.get(), 1).is_("eq", 0)):  # no digit at all
            bad.set(1)
        with f.loop() as done:
            char = f.load(at.get(), 1)
            f.leave(done, char.is_("eq", 0))
            digit = f.variable(char - ord("0"))
            with f.when(digit.get().is_("ugt", 9)):
                digit.set((char | 32) - (ord("a") - 10))
                with f.when(digit.get().is_("ult", 10)):
                    bad.set(1)
            with f.when(digit.get().is_("uge", base.get())):
                bad.set(1)
            room = most.get() - value.get() * base.get()
            share = f.emit(f"udiv i64 {most.get().name}, {base.get().name}")
            with f.when(value.get().is_("ugt", share)):
                bad.set(1)
            with f.when(digit.get().is_("ugt", room)):
                bad.set(1)
            f.leave(done, bad.get().is_("ne", 0))
            value.set(value.get() * base.get() + digit.get())
            at.add(1)
        with f.when(bad.get().is_("ne", 0)):
            what = f"{port.name} is no whole number of {port.dtype}"
            self._end(MISUSED, _message(BAD_INPUT, what))
        with f.when(minus.get().is_("ne", 0)):
            value.set(f.emit(f"sub i64 0, {value.get().name}"))
        f.store(registers + 8 * port.row, value.get())

    def _number(self, file: int, value: Word, buffer: Word, *, signed: bool = False) -> None:
        """A number and the end of the line."""
        f = self.f
        left: Variable = f.variable(value)
        end = buffer + 63
        at = f.variable(end)
        f.store(end, 10, 1)
        minus = f.variable(0)
        if signed:
            with f.when(value.is_("slt", 0)):
                minus.set(1)
                left.set(f.emit(f"sub i64 0, {value.name}"))
        with f.loop() as done:
            at.add(-1)
            digit = f.emit(f"urem i64 {left.get().name}, 10")
            f.store(at.get(), digit + ord("0"), 1)
            left.set(f.emit(f"udiv i64 {left.get().name}, 10"))
            f.leave(done, left.get().is_("eq", 0))
        with f.when(minus.get().is_("ne", 0)):
            at.add(-1)
            f.store(at.get(), ord("-"), 1)
        f.call(_OUT, file, at.get(), end - at.get() + 1)


def _system(function: Function, number: int, *args: int | Word) -> Word:
    """Call Linux; what it gives, an error as a number below 0."""
    return function.call(SYSCALL, number, *args, *[0] * (6 - len(args)))
