"""Programs compiled ahead of time: machine code, an object for C, an executable of its own.

All three come from the same optimised code as the engine `llvm`. The object has two functions:
one fills a block of memory with the program's data, one runs the program on it. The executable
takes its inputs as arguments and prints its outputs; it needs neither a library nor Python.
"""

from __future__ import annotations

import re
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.program.program import Port, Program
from lanework.engines.llvm.nativetext import Function, Variable, Word
from lanework.engines.stencil import elf
from lanework.engines.stencil.building import Target, declared_once
from lanework.machines.register.binding import default_words
from lanework.machines.register.codes import NO_AOT
from lanework.machines.register.isa import LINK, STACK, ZERO
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import decimals
from lanework.machines.register.native.optimised import NAME, PLAIN, STEPPING, alone_text
from lanework.machines.register.state import (
    EXTERNAL_COUNT,
    FUEL,
    LAST,
    MASK,
    MEMORY,
    NO_LIMIT,
    PC,
    SIZE,
    STATUS,
    WORDS,
    Status,
)

TARGETS = {
    "x86_64": Target("x86_64-unknown-linux-gnu", "x86-64-v2"),
    "aarch64": Target("aarch64-unknown-linux-gnu", "generic"),
}
# mov rax,rdi; mov rdi,rsi; mov rsi,rdx; mov rdx,rcx; syscall; ret
_SYSCALL = bytes.fromhex("4889f84889f74889d64889ca0f05c3")
# mov rdi,rsp; and rsp,-16; call start
_START = bytes.fromhex("4889e74883e4f0e800000000")
_WRITE, _EXIT = 1, 60  # Linux x86-64 system calls
TRAPPED = 3  # exit status of an executable that a trap stopped


def _bytes(name: str, data: bytes) -> str:
    text = "".join(f"\\{byte:02x}" for byte in data)
    return f'@{name} = internal constant [{max(len(data), 1)} x i8] c"{text or chr(92) + "00"}"\n'


def c_name(name: str) -> str:
    """A name as C allows it."""
    label = re.sub(r"\W", "_", name)
    return label if label and not label[0].isdigit() else f"p_{label}"


def _functions(program: Program, name: str) -> str:
    """The program and what C calls, as IR."""
    view = RegisterView.of(program)
    parts = [_bytes("data", view.data), alone_text(view)]
    fill = Function(f"{name}_init", ("memory",))
    data = fill.emit("ptrtoint ptr @data to i64")
    at = fill.variable()
    with fill.loop() as done:
        fill.leave(done, at.get().is_("uge", view.memory))
        byte = fill.variable(0)
        with fill.when(at.get().is_("ult", len(view.data))):
            byte.set(fill.load(data + at.get(), 1))
        fill.store(fill["memory"] + at.get(), byte.get(), 1)
        at.add(1)
    parts.append(fill.definition(PLAIN))
    run = Function(name, ("registers", "memory"))
    state = run.array(WORDS)
    for n in range(LINK):
        run.store(state + 8 * n, run.load(run["registers"] + 8 * n))
    fixed: dict[int, Any] = {
        STACK: view.memory,
        LINK: view.addresses[-1],
        ZERO: 0,
        FUEL: NO_LIMIT,
        MEMORY: run["memory"],
        SIZE: view.memory,
        PC: view.entry,
        **dict.fromkeys(range(STATUS, EXTERNAL_COUNT + 1), 0),
        **{LAST + n: view.memory - (1 << n) for n in range(4)},
    }
    for index, value in fixed.items():
        run.store(state + 8 * index, value)
    status = run.variable()
    with run.loop() as stopped:
        run.line(f"call void @{NAME}(ptr {run.pointer(state)})")
        status.set(run.load(state + 8 * STATUS))
        if f"@{STEPPING}" in parts[1]:
            with run.when(status.get().is_("eq", Status.RUNNING)):
                run.line(f"call void @{STEPPING}(ptr {run.pointer(state)})")
                status.set(run.load(state + 8 * STATUS))
        with run.when(status.get().is_("eq", Status.YIELD)):  # nobody looks: the program goes on
            status.set(Status.RUNNING)
        run.leave(stopped, status.get().is_("ne", Status.RUNNING))
    for n in range(ZERO):
        run.store(run["registers"] + 8 * n, run.load(state + 8 * n))
    with run.when(status.get().is_("eq", Status.HALT)):
        run.give(0)
    run.give(status.get())
    parts.append(run.definition(PLAIN))
    return "\n".join(parts)


class _Main:
    """The executable's own function: arguments in, outputs out."""

    def __init__(self, program: Program, name: str) -> None:
        self.f = Function("start", ("stack",))
        self.program, self.name = program, name
        self.texts: list[str] = []
        self.size = RegisterView.of(program).memory

    def text(self) -> str:
        f = self.f
        registers, buffer = f.array(32), f.array(8)
        memory = f.emit("ptrtoint ptr @memory to i64")
        f.call(f"{self.name}_init", memory)
        for n in range(32):
            f.store(registers + 8 * n, 0)
        count = f.load(f["stack"])
        inputs = [port for port in self.program.inputs if port.row < STACK]
        least = max((n for n, port in enumerate(inputs, 1) if port.default is None), default=0)
        with f.when(count.is_("ult", least + 1)):
            self._say(2, f"give {', '.join(port.name for port in inputs)}\n")
            f.call("syscall", _EXIT, 2, 0, 0)
        for port in inputs:
            word = 0 if port.default is None else int(default_words(port)[0])
            if word:  # that of -0.0 too
                f.store(registers + 8 * port.row, word)
        for n, port in enumerate(inputs):
            with f.when(count.is_("ugt", n + 1)):
                self._argument(f.load(f["stack"] + 8 * (n + 2)), registers, port)
        with f.when(count.is_("ugt", len(inputs) + 1)):
            self._say(2, f"give at most {len(inputs)} numbers\n")
            f.call("syscall", _EXIT, 2, 0, 0)
        status = f.call(self.name, registers, memory)
        with f.when(status.is_("ne", 0)):
            self._say(2, "the program was stopped by a trap, number ")
            self._number(2, status, buffer)
            f.call("syscall", _EXIT, TRAPPED, 0, 0)
        for port in self.program.outputs:
            self._say(1, f"{port.name} = ")
            if port.dtype == "f64":
                length = f.call(decimals.WRITE, f.load(registers + 8 * port.row), buffer)
                f.store(buffer + length, 10, 1)
                f.call("syscall", _WRITE, 1, buffer, length + 1)
                continue
            self._number(1, f.load(registers + 8 * port.row), buffer, signed=port.dtype == "i64")
        f.call("syscall", _EXIT, 0, 0, 0)
        body = f.definition(PLAIN)
        memory_text = f"@memory = internal global [{self.size} x i8] zeroinitializer, align 64\n"
        return "\n".join(
            [memory_text, "declare i64 @syscall(i64, i64, i64, i64)", *self.texts, body]
        )

    def _say(self, file: int, words: str) -> None:
        f = self.f
        name = f"text{len(self.texts)}"
        self.texts.append(_bytes(name, words.encode()))
        at = f.emit(f"ptrtoint ptr @{name} to i64")
        f.call("syscall", _WRITE, file, at, len(words.encode()))

    def _argument(self, text: Word, registers: Word, port: Port) -> None:
        """A number, decimal or with 0x before it, perhaps with a minus sign; or a float."""
        f = self.f
        if port.dtype == "f64":
            wrong = f.call(decimals.READ, text, registers + 8 * port.row)
            with f.when(wrong.is_("ne", 0)):
                self._say(2, f"{port.name} is no number of f64\n")
                f.call("syscall", _EXIT, 2, 0, 0)
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
            say = f"{port.name} is no whole number of {port.dtype}\n"
            self._say(2, say)
            f.call("syscall", _EXIT, 2, 0, 0)
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
        f.call("syscall", _WRITE, file, at.get(), end - at.get() + 1)


def _compile(text: str, machine: str) -> bytes:
    declares, body = declared_once(text)
    text = "\n".join([*declares, *body])
    return TARGETS[machine].object_code(text, pic=True, optimise=True, vectors=True)


def _check(program: Program) -> None:
    if getattr(program, "machine", None) != "register":
        what = f"a {type(program).__name__} is no register program"
        raise Diagnostic(NO_AOT, what, help="give what lanework.register.assemble gives")
    program.verify()
    if any(info.group == "ext" for info in RegisterView.of(program).infos):
        raise Diagnostic(
            NO_AOT, "the program calls external functions", help="run it with externals instead"
        )


def object_file(program: Program, name: str, machine: str = "x86_64") -> bytes:
    """A relocatable ELF object with ``NAME`` and ``NAME_init``; `header` declares them.

    Raises:
        Diagnostic: LW4009 for a program that cannot be compiled ahead of time.
    """
    _check(program)
    return _compile(_functions(program, c_name(name)), machine)


def header(program: Program, name: str) -> str:
    """The C header of `object_file`."""
    view, label = RegisterView.of(program), c_name(name)
    guard = f"LANEWORK_{label.upper()}_H"
    ports = [f" * {p.direction}: {p.name} is registers[{p.row}]\n" for p in program.ports]
    return (
        f"#ifndef {guard}\n#define {guard}\n#include <stdint.h>\n\n"
        f"/* Compiled from program {program.hash[:16]}.\n{''.join(ports)} */\n"
        f"#define {label.upper()}_MEMORY {view.memory}\n\n"
        f"/* Fill {label.upper()}_MEMORY bytes with the program's data. */\n"
        f"int64_t {label}_init(void *memory);\n\n"
        "/* Run on 31 registers, which it changes. 0 when it came to its end, else the number of a"
        f" trap. */\nint64_t {label}(uint64_t registers[31], void *memory);\n\n#endif\n"
    )


def raw(program: Program) -> bytes:
    """Machine code of ``int64_t run(uint64_t registers[31], void *memory)`` at its first byte.

    It runs wherever it lies. Memory is filled by the caller.
    """
    _check(program)
    blob, functions = elf.flatten("x86_64", _compile(_functions(program, "run"), "x86_64"))
    jump = functions["run"] + 11  # over itself and the padding that keeps sections aligned
    return b"\xe9" + jump.to_bytes(4, "little") + bytes(11) + blob


def executable(program: Program) -> bytes:
    """A static ELF executable for Linux on x86-64.

    Its arguments are the inputs, whole numbers, decimal or hexadecimal, or decimal text of floats,
    which becomes the nearest; outputs of floats are printed with as few digits as give them again.

    Raises:
        Diagnostic: LW4009.
    """
    _check(program)
    floats = any(port.dtype == "f64" for port in program.ports)
    text = _functions(program, "program") + "\n" + _Main(program, "program").text()
    text += decimals.functions(PLAIN) * floats
    symbols = {"_start": 0, "call:start": 8, "syscall": 16}
    extra = _START + bytes(16 - len(_START)) + _SYSCALL
    return elf.link(_compile(text, "x86_64"), extra, symbols)
