"""Traps of register programs: why and where a program stopped by itself."""

from __future__ import annotations

from lanework.base.errors import Code, Trap
from lanework.core.program.program import Program
from lanework.machines.register import codes
from lanework.machines.register.asm import show
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.state import LANE, PC, RegisterBank, Status

_TRAPS: dict[Status, tuple[Code, str]] = {
    Status.MEMORY: (codes.OUT_OF_MEMORY, "an address is outside the memory"),
    Status.DIVIDE: (codes.DIVIDED_BY_ZERO, "a division by zero"),
    Status.JUMP: (codes.BAD_JUMP, "a jump to an address where no instruction begins"),
    Status.TRAP: (codes.TRAPPED, "the program stopped itself"),
    Status.ALIGN: (codes.MISALIGNED, "an atomic access that is not aligned"),
    Status.EXTERNAL: (codes.EXTERNAL_FAILED, "an external function failed"),
}


def trap(
    program: Program, bank: RegisterBank, status: Status, failure: BaseException | None
) -> Trap:
    """The trap for a program that stopped by itself.

    Args:
        program: the program.
        bank: its registers where it stopped.
        status: why it stopped.
        failure: what an external function raised, if one did.
    """
    view = RegisterView.of(program)
    number = view.at(bank.words[PC])
    instruction, info = view.instructions[number], view.infos[number]
    code, sentence = _TRAPS[status]
    text = show(view, number, instruction)
    words = bank.words
    if status in (Status.MEMORY, Status.ALIGN):
        base = instruction.operands[-2 if info.optional else 0]
        offset = instruction.operands[-1] if info.optional else 0
        address = (words[base] + offset) % (1 << 64)
        sentence = f"address {address:#x}, and the memory has {len(bank.memory):#x} bytes"
    elif status is Status.TRAP:
        sentence = f"the program stopped itself with trap {instruction.operands[0]}"
    elif status is Status.EXTERNAL:
        why = "there is none" if failure is None else f"{type(failure).__name__}: {failure}"
        sentence = f"external function {instruction.operands[0]}: {why}"
    entry = next((e for e in program.listing if e.instruction == number), None)
    return Trap(
        code,
        f"{sentence}, at `{text}` (byte {view.addresses[number]})",
        span=None if entry is None else entry.span,
        instruction=number,
        lane=int(words[LANE]),
    )
