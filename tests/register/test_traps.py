"""What an instruction may run into, on every engine: addresses, alignment, division, jumps."""

import pytest

from lanework.base.errors import Trap
from lanework.core.program.asm import assemble
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.check import fuzz
from lanework.machines.register.isa import REGISTER
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.state import PC, STATUS, RegisterBank, Status

pytestmark = pytest.mark.slow

ENGINES = ("reference", *fuzz.ENGINES)
MEMORY = 128
SIZES = {"b": 1, "h": 2, "w": 4, "d": 8, "bs": 1, "hs": 2, "ws": 4}
TABLE = ExternalTable({})
KNOWN = 0x0123456789ABCDEF


def stopped(name, line, **registers):
    """Where and why a program of this line stops, and what is then in r0."""
    program = assemble(f".memory {MEMORY}\nnop\n{line}\nhalt")
    view = RegisterView.of(program)
    bank = RegisterBank(view)
    bank.words[0] = KNOWN
    for register, word in registers.items():
        bank.words[int(register[1:])] = word % 2**64
    fuzz.engine_of(name, program, TABLE).run(bank)
    index = view.index.get(bank.words[PC])
    return Status(bank.words[STATUS]), index, bank.words[0]


def traps():
    """Each instruction that may trap: a line of it, registers, and what it runs into, if anything.

    All others are ops of the one table, whose values at every special operand are tested elsewhere.
    """
    for info in REGISTER.by_name.values():
        name = info.name
        if info.group in ("load", "store"):
            size = SIZES[info.mode]
            for at in (0, MEMORY - size, MEMORY - size + 1, MEMORY, -1, -size, 2**63, 2**40):
                bad = not 0 <= at <= MEMORY - size
                for base, more in ((at, 0), (at - 8, 8), (at + 8, -8)):
                    line = f"{name} r0, [r1 {'+' if more >= 0 else '-'} {abs(more)}]"
                    yield line, {"r1": base}, Status.MEMORY if bad else None
        elif info.group == "atomic":
            for at in (0, 8, MEMORY - 8, 4, 1, MEMORY - 4, MEMORY, -8, 2**63):
                inside = 0 <= at <= MEMORY - 8
                fault = Status.ALIGN if at % 8 else None if inside else Status.MEMORY
                yield f"{name} r0, [r1], r2", {"r1": at, "r2": 5}, fault
        elif name in ("div", "mod"):
            for a in (0, 1, 2**63, -1):
                for b in (0, 1, -1, 2**63):
                    yield f"{name} r0, r1, r2", {"r1": a, "r2": b}, None if b else Status.DIVIDE
        elif info.group in ("jump", "call") and info.mode == "register":
            for to in (1, 2, 3, 2**63, -4, 10**6):
                yield f"{name} r1", {"r1": to}, Status.JUMP
        elif info.group == "ret":
            yield name, {"r30": 3}, Status.JUMP
        elif info.group == "trap":
            yield f"{name} 9", {}, Status.TRAP


CASES = list(traps())


@pytest.mark.parametrize("name", ENGINES)
def test_every_instruction_that_may_trap(name):
    """It stops at the instruction, for its reason, and registers are as they were."""
    for line, registers, reason in CASES:
        if reason is Status.ALIGN and not 0 <= registers["r1"] <= MEMORY - 8:
            reason = (Status.ALIGN, Status.MEMORY)  # both are so
        status, index, word = stopped(name, line, **registers)
        if reason is None:
            assert (status, index) == (Status.HALT, 2), (line, registers)
        else:
            known = reason if isinstance(reason, tuple) else (reason,)
            assert status in known, (line, registers, status)
            assert (index, word) == (1, KNOWN), (line, registers)


def test_engines_give_one_reason_where_there_are_two():
    for line, registers, _ in CASES:
        seen = {stopped(name, line, **registers)[:2] for name in ENGINES}
        assert len(seen) == 1, (line, registers, seen)


def test_what_may_trap_is_what_is_no_op_and_division():
    """An instruction that may trap and is not here would be a group of its own."""
    here = {line.split()[0] for line, *_ in CASES}
    pure = {"branch", "mov", "rand", "fence", "yield", "nop", "halt", "ext"}
    rest = {
        info.name
        for info in REGISTER.by_name.values()
        if info.name not in here and info.elementwise is None and info.group not in pure
    }
    assert rest == {"jmp", "call"}  # to labels, which the verifier has seen


@pytest.mark.parametrize("engine", ["reference", "native", "stencil", "llvm", "auto"])
@pytest.mark.parametrize(("line", "code"), [
    ("div r0, r1, r2", "LW4011"), ("mod r0, r1, r2", "LW4011"),
    ("load.d r0, [r1 - 8]", "LW4010"), ("atomic.add r0, [r1 + 4], r2", "LW4014"),
])  # fmt: skip
def test_a_trap_has_a_code_and_the_place(engine, line, code):
    program = assemble(f"nop\n{line.replace('[r1 + 4]', '[r1]')}\nhalt")
    start = 4 if code == "LW4014" else 0
    given = {port.name: {"r1": start, "r2": 0}.get(port.name, 0) for port in program.inputs}
    with pytest.raises(Trap) as caught:
        program.bind(engine)(**given)
    assert caught.value.code.ident == code
    assert caught.value.instruction == 1
