"""Assembly text of register programs.

::

    .memory 65536
    .entry main
    .input "n" r0
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

from lanework.core.program.asmtext import Line, show_string
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Program
from lanework.machines.register.isa import register_name
from lanework.machines.register.layout import RegisterView, direct
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
            yield word + (f" {port.dtype}" if port.dtype != "u64" else "")
        if view.data:
            yield ".data"
            for start in range(0, len(view.data), 16):
                yield "    .byte " + ", ".join(map(str, view.data[start : start + 16]))
        yield ".code"
        for number, instruction in enumerate(view.instructions):
            if view.addresses[number] in targets:
                yield f"L{view.addresses[number]}:"
            yield f"    {show(view, number, instruction)}"


def show(view: RegisterView, number: int, instruction: Instruction) -> str:
    """An instruction as it is written."""
    info = view.infos[number]
    if info.group in ("load", "store"):
        *others, base, offset = instruction.operands
        first = others[0] if others else instruction.target
        where = register_name(base)
        if offset:
            where += f" {'-' if offset < 0 else '+'} {abs(offset)}"
        return f"{info.name} {register_name(first)}, [{where}]"
    words = [register_name(instruction.target)] if info.writes else []
    for spec, operand in zip(info.operands, instruction.operands, strict=True):
        if spec.kind is OperandKind.REGISTER:
            text = register_name(operand)
            words.append(f"[{text}]" if info.group == "atomic" and spec.name == "rs1" else text)
        elif spec.kind is OperandKind.CODE:
            words.append(f"L{view.target(number)}")
        else:
            words.append(str(operand))
    return f"{info.name} {', '.join(words)}".rstrip()
