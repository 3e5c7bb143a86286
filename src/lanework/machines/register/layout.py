"""What a register program's bytes mean: instructions with their addresses, data, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.options import choice, refused
from lanework.core.program.isa import Dispatch, Instruction, OperandKind
from lanework.core.program.program import Port, Program
from lanework.machines.register.codes import BAD_PORT
from lanework.machines.register.isa import LINK, REGISTER, STACK, ZERO, RegisterInstr

MEMORY = 64 * 1024
"""Bytes of memory, where a program does not say."""

TYPES = {"u64": np.uint64, "i64": np.int64, "f64": np.float64}
"""What a port's register holds."""


@dataclass(frozen=True)
class RegisterView:
    """A program, decoded.

    Attributes:
        instructions: in the order of the tape.
        infos: the ISA's entry of each.
        addresses: where each begins, and where the tape ends, in bytes.
        index: address -> instruction; the end of the tape counts as one past the last.
        data: what memory begins with.
        memory: bytes of memory.
        entry: the address where it begins.
    """

    instructions: tuple[Instruction, ...]
    infos: tuple[RegisterInstr, ...]
    addresses: tuple[int, ...]
    index: dict[int, int]
    data: bytes
    memory: int
    entry: int

    @staticmethod
    def of(program: Program) -> RegisterView:
        """The view of a program, decoded once.

        Raises:
            Diagnostic: LW1001 for a tape that cannot be decoded.
        """
        known: RegisterView | None = program.views.get("register")
        if known is None:
            code = REGISTER.read(program)
            addresses = REGISTER.addresses(code)
            known = program.views["register"] = RegisterView(
                tuple(code),
                tuple(REGISTER.by_name[instruction.name] for instruction in code),
                tuple(addresses),
                {address: number for number, address in enumerate(addresses)},
                program.sections.get("data", b""),
                int(program.header.get("memory", MEMORY)),
                int(program.header.get("entry", 0)),
            )
        return known

    def target(self, number: int) -> int:
        """The address that a direct branch, call or jump leads to."""
        return self.addresses[number] + self.instructions[number].operands[-1]

    def at(self, address: int) -> int:
        """The instruction at an address, or the first if there is none."""
        return self.index.get(address, 0)


def rest(table: Dispatch[Any], group: str | None = None) -> list[str]:
    """Instructions without a function in a table yet: of a group, or all that apply an op."""
    infos = [REGISTER.by_name[name] for name in table.missing]
    return [i.name for i in infos if (i.group == group if group else i.elementwise is not None)]


def reads(instruction: Instruction, info: RegisterInstr) -> set[int]:
    """The registers that an instruction reads."""
    registers = {
        operand
        for spec, operand in zip(info.operands, instruction.operands, strict=True)
        if spec.kind is OperandKind.REGISTER
    }
    registers |= {instruction.target} if info.reads_target else set()
    registers |= {LINK} if info.group == "ret" else set()
    return registers - {ZERO}


def direct(info: RegisterInstr) -> bool:
    """Whether an instruction names the place that it may go to."""
    return bool(info.operands) and info.operands[-1].kind is OperandKind.CODE


def typed(program: Program[Any], types: Mapping[str, str]) -> Program[Any]:
    """The program with what its ports hold, by their names: u64, i64 or f64.

    Raises:
        Diagnostic: LW4004 for a name that no port has, and for another type.
    """
    names = [port.name for port in program.ports]
    if not isinstance(types, Mapping):
        example = f'types={{"{names[0] if names else "r0"}": "f64"}}'
        raise refused("types", types, f"give types by port: {example}", BAD_PORT)
    for name, dtype in types.items():
        if name not in names:
            known = f"there are: {', '.join(dict.fromkeys(names)) or 'none'}"
            what = f"types names {name!r}, which is no port of the program"
            raise Diagnostic(BAD_PORT, what, help=did_you_mean(str(name), names) or known)
        choice(f"the type of the port {name!r}", dtype, TYPES, BAD_PORT)
    ports = (replace(port, dtype=types.get(port.name, port.dtype)) for port in program.ports)
    return replace(program, ports=tuple(ports)) if types else program


def default_ports(code: list[Instruction]) -> tuple[Port, ...]:
    """Registers that are read can be given, and those that are written come out.

    One that is never written is nothing but an input, and has to be given. Others may be the
    program's own, and begin as 0.
    """
    read, written = set[int](), set[int]()
    for instruction in code:
        info = REGISTER.by_name[instruction.name]
        read |= reads(instruction, info)
        if info.writes and instruction.target != ZERO:
            written.add(instruction.target)
        if info.group == "ext":  # which may do what it likes
            read |= set(range(STACK))
            written |= set(range(STACK))
    inputs = (
        Port(f"r{n}", "in", n, "u64", default=0.0 if n in written else None)
        for n in sorted(read)
        if n < STACK
    )
    outputs = (Port(f"r{n}", "out", n, "u64") for n in sorted(written) if n < STACK)
    return (*inputs, *outputs)
