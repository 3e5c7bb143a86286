"""Why a register program stops: the limits of a run, and what the program runs into."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lanework.base.errors import Code, Trap
from lanework.base.limits import Limits
from lanework.base.span import Span
from lanework.core.codes import FUEL_SPENT
from lanework.core.data.labels import shown
from lanework.core.program.isa import Instruction
from lanework.core.program.program import Program
from lanework.core.runner import LOOPS, check_deadline
from lanework.machines.register import codes
from lanework.machines.register.isa import RegisterInstr
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.state import FAILED, LANE, PC, RegisterBank, Status
from lanework.machines.register.text.asm import show


def _address(bank: RegisterBank, at: Instruction, info: RegisterInstr) -> str:
    base, offset = at.operands[-2:] if info.optional else (at.operands[0], 0)
    address = (bank.words[base] + offset) % (1 << 64)
    return f"address {address:#x}, and the memory has {len(bank.memory):#x} bytes"


def _external(bank: RegisterBank, at: Instruction, info: RegisterInstr) -> str:
    number, failure = at.operands[0], bank.failure
    if failure is not None:
        return f"external function {number}: {type(failure).__name__}: {failure}"
    if bank.words[FAILED]:
        returned = bank.words[FAILED] - (bank.words[FAILED] >> 63 << 64)
        return f"external function {number} returned {returned}, which is not 0"
    return f"external function {number}: there is none"


_TRAPS: dict[Status, tuple[Code, Callable[..., str]]] = {
    Status.MEMORY: (codes.OUT_OF_MEMORY, _address),
    Status.ALIGN: (codes.MISALIGNED, _address),
    Status.DIVIDE: (codes.DIVIDED_BY_ZERO, lambda *_: "a division by zero"),
    Status.JUMP: (codes.BAD_JUMP, lambda *_: "a jump to an address where no instruction begins"),
    Status.TRAP: (
        codes.TRAPPED,
        lambda _, at, info: f"the program stopped itself with trap {at.operands[0]}",
    ),
    Status.EXTERNAL: (codes.EXTERNAL_FAILED, _external),
}


_HELP = {
    Status.MEMORY: "look at the register of the address, or raise .memory",
    Status.DIVIDE: "test the divisor before: beq r1, zero, label",
    Status.JUMP: "jump to labels, or to addresses that mov took from labels",
    Status.EXTERNAL: "functions are given by their numbers: bind(externals={0: function})",
}

CODES = {status: code for status, (code, _) in _TRAPS.items()}
"""Of what stops a program by itself, the code."""


def trap(program: Program, bank: RegisterBank, status: Status) -> Trap:
    """The trap for a program that stopped by itself.

    Args:
        program: the program.
        bank: its registers where it stopped.
        status: why it stopped.
    """
    view = RegisterView.of(program)
    number = view.at(bank.words[PC])
    instruction, info = view.instructions[number], view.infos[number]
    code, sentence = _TRAPS[status]
    what = sentence(bank, instruction, info)
    place = f"`{show(view, number, instruction)}` (byte {view.addresses[number]})"
    return Trap(
        code,
        f"{what}, at {place}",
        span=span_of(program, number),
        help=_HELP.get(status),
        instruction=number,
        lane=int(bank.words[LANE]),
    )


def span_of(program: Program, instruction: int) -> Span | None:
    """Where an instruction stands in the source, if that is known."""
    entry = next((e for e in program.listing if e.instruction == instruction), None)
    return None if entry is None else entry.span


def in_lane(stopped: Trap, lane: int, labels: Any) -> Trap:
    """What stopped one of several lanes, with its number and its label.

    Example:
        >>> in_lane(Trap(FUEL_SPENT, "no fuel"), 1, ["a", "b"]).message
        "no fuel, in lane 1 ('b')"
    """
    label = "" if labels is None else f" ({shown(labels[lane])})"
    return Trap(
        stopped.code,
        f"{stopped.message}, in lane {lane}{label}",
        span=stopped.span,
        help=stopped.help,
        notes=stopped.notes,
        instruction=stopped.instruction,
        lane=lane,
        listing=stopped.listing,
    )


class Meter:
    """What a run has used, and what is left.

    Attributes:
        left: fuel, or None where there is no limit.
        used: fuel.
        start: when the run began, on the monotonic clock.
        compiling: seconds in which code was made for it.
    """

    def __init__(self, limits: Limits) -> None:
        self.left = limits.fuel
        self.used, self.compiling = 0, 0.0
        self.start = time.monotonic()
        self.deadline, self.until = limits.deadline, limits.until()

    def slice(self, most: int) -> int:
        """Fuel for the next slice, at most this much."""
        return most if self.left is None else min(most, self.left)

    def spend(self, amount: int) -> None:
        """Note fuel as used."""
        self.used += amount
        if self.left is not None:
            self.left -= amount

    def check(self, instruction: int) -> None:
        """Stop a run that is at its limit.

        Raises:
            Trap: LW2002 for fuel, LW2001 for the deadline, at this instruction.
        """
        if self.left == 0:
            raise Trap(
                FUEL_SPENT,
                f"the program used its fuel of {self.used:,} back edges and calls",
                help="raise the fuel limit, or look for a loop that does not end",
                instruction=instruction,
            )
        self.look(instruction)

    def look(self, instruction: int = 0) -> None:
        """Stop a run that is at its deadline.

        Raises:
            Trap: LW2001.
        """
        if self.until is not None:
            check_deadline(
                self.until,
                LOOPS,
                f"the program ran longer than {self.deadline:g} s",
                instruction,
            )
