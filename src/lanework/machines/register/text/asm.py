"""Assembly text of register programs.

::

    .memory 65536
    .entry main
    .input "n" r0               ; has to be given
    .input "step" r1 i64 = 1    ; if it is not, it is 1
    .output "fib" r0
    .data
    table:  .word 1, 2, 3
    text:   .ascii "hello"
    .code
    main:
        mov r1, table           ; a label is its address
    .next:                      ; labels with a dot belong to the label before them
        load.w r2, [r1 + 4]
        bne r2, zero, .next
        halt
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lanework.core.program.asmtext import Line, show_float, show_string
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Port, Program
from lanework.machines.register.isa import register_name
from lanework.machines.register.layout import RegisterView, direct
from lanework.machines.register.text.operands import in_memory
from lanework.machines.register.text.reading import Reader


class RegisterAssembler:
    """Reads and prints register programs."""

    def assemble(self, lines: Iterable[Line]) -> Program:
        """A program from its lines."""
        return Reader(list(lines)).read()

    def disassemble(self, program: Program) -> Iterator[str]:
        """The lines of a program; labels are made of addresses."""
        view = RegisterView.of(program)
        yield f".memory {view.memory}"
        targets = {view.target(n) for n, info in enumerate(view.infos) if direct(info)}
        if view.entry:
            yield f".entry L{view.entry}"
            targets.add(view.entry)
        for port in program.ports:
            word = f".{port.direction}put {show_string(port.name)} {register_name(port.row)}"
            word += f" {port.dtype}" if port.dtype != "u64" else ""
            yield word + ("" if port.default is None else f" = {_default(port.default, port)}")
        if view.data:
            yield ".data"
            for start in range(0, len(view.data), 16):
                yield "    .byte " + ", ".join(map(str, view.data[start : start + 16]))
        yield ".code"
        for number, instruction in enumerate(view.instructions):
            if view.addresses[number] in targets:
                yield f"L{view.addresses[number]}:"
            yield f"    {show(view, number, instruction)}"


def _default(value: float, port: Port) -> str:
    return show_float(value) if port.dtype == "f64" else str(int(value))


def show(view: RegisterView, number: int, instruction: Instruction) -> str:
    """An instruction as it is written."""
    info = view.infos[number]
    words = [register_name(instruction.target)] if info.writes else []
    operands = dict(zip((spec.name for spec in info.operands), instruction.operands, strict=True))
    base = operands.pop("rs1") if in_memory(info) else None
    offset = operands.pop("imm", 0) if info.optional else 0
    words += [
        (register_name if spec.kind is OperandKind.REGISTER else str)(operands[spec.name])
        for spec in info.operands
        if spec.name in operands and spec.kind is not OperandKind.CODE
    ]
    if base is not None:
        moved = f" {'-' if offset < 0 else '+'} {abs(offset)}" if offset else ""
        words.insert(1, f"[{register_name(base)}{moved}]")
    if direct(info):
        words.append(f"L{view.target(number)}")
    return f"{info.name} {', '.join(words)}".rstrip()
