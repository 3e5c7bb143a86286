"""Programs compiled ahead of time: machine code, an object for C, an executable of its own.

All three come from the same optimised code as the engine `llvm`. The object has two functions:
one fills a block of memory with the program's data, one runs the program on it. The executable
takes its inputs as arguments and prints its outputs; it needs neither a library nor Python.
"""

from __future__ import annotations

import re
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.options import choice, text
from lanework.core.program.program import Program
from lanework.engines.llvm.nativetext import Function
from lanework.engines.stencil import elf
from lanework.engines.stencil.building import Target, declared_once
from lanework.machines.register.codes import NO_AOT
from lanework.machines.register.isa import LINK, STACK, ZERO
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import decimals
from lanework.machines.register.native.executable import (
    START,
    STOPPED,
    SYSCALL,
    Main,
    constant,
)
from lanework.machines.register.native.optimised import NAME, PLAIN, STEPPING, alone_text
from lanework.machines.register.state import (
    EXTERNAL_COUNT,
    FUEL,
    LAST,
    MEMORY,
    NO_LIMIT,
    PC,
    SIZE,
    STATUS,
    WORDS,
    Status,
)
from lanework.machines.register.traps import CODES

TARGETS = {
    "x86_64": Target("x86_64-unknown-linux-gnu", "x86-64-v2"),
    "aarch64": Target("aarch64-unknown-linux-gnu", "generic"),
}
# mov rax,rdi; mov rdi,rsi; mov rsi,rdx; mov rdx,rcx; mov r10,r8; mov r8,r9; mov r9,[rsp+8];
# syscall; ret
_SYSCALL = bytes.fromhex("4889f84889f74889d64889ca4d89c24d89c84c8b4c24080f05c3")
# mov rdi,rsp; and rsp,-16; call start
_START = bytes.fromhex("4889e74883e4f0e800000000")


def c_name(name: str) -> str:
    """A name as C allows it."""
    name = text("name", name)
    label = re.sub(r"\W", "_", name)
    return label if label and not label[0].isdigit() else f"p_{label}"


def _functions(program: Program, name: str, place: str = "") -> str:
    """The program and what C calls, as IR; `place` is a global word for where it stopped."""
    view = RegisterView.of(program)
    parts = [constant("data", view.data), alone_text(view)]
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
    if place:
        run.line(f"store i64 {run.load(state + 8 * PC).name}, ptr @{place}")
    for n in range(ZERO):
        run.store(run["registers"] + 8 * n, run.load(state + 8 * n))
    with run.when(status.get().is_("eq", Status.HALT)):
        run.give(0)
    run.give(status.get())
    parts.append(run.definition(PLAIN))
    return "\n".join(parts)


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
    choice("machine", machine, tuple(TARGETS))
    return _compile(_functions(program, c_name(name)), machine)


def header(program: Program, name: str) -> str:
    """The C header of `object_file`."""
    view, label = RegisterView.of(program), c_name(name)
    guard = f"LANEWORK_{label.upper()}_H"
    ports = [f" * {p.direction}: {p.name} is registers[{p.row}]\n" for p in program.ports]
    known = sorted((int(n), code) for n, code in CODES.items() if n is not Status.EXTERNAL)
    traps = "".join(f" * {n}: {code.title} ({code.ident})\n" for n, code in known)
    return (
        f"#ifndef {guard}\n#define {guard}\n#include <stdint.h>\n\n"
        f"/* Compiled from program {program.hash[:16]}.\n{''.join(ports)} */\n"
        f"#define {label.upper()}_MEMORY {view.memory}\n\n"
        f"/* Fill {label.upper()}_MEMORY bytes with the program's data. */\n"
        f"int64_t {label}_init(void *memory);\n\n"
        "/* Run on 31 registers, which it changes. 0 when it came to its end, else the number of a"
        f" trap:\n{traps} */\n"
        f"int64_t {label}(uint64_t registers[31], void *memory);\n\n#endif\n"
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
    text = f"{_functions(program, 'program', STOPPED)}\n{Main(program, 'program').text()}"
    text += decimals.functions(PLAIN) * floats
    symbols = {"_start": 0, f"call:{START}": 8, SYSCALL: 16}
    extra = _START + bytes(16 - len(_START)) + _SYSCALL
    return elf.link(_compile(text, "x86_64"), extra, symbols)
