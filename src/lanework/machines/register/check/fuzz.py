"""Random register programs on every engine against the reference: registers, memory, traps, fuel.

Programs are drawn from the instruction table. The seed names everything: program, inputs and fuel.
A divergence is shrunk to fewer instructions.
"""

from __future__ import annotations

import dataclasses
import random
from array import array
from collections.abc import Container
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import ENGINE_UNAVAILABLE
from lanework.core.fuzzing import Campaign, Divergence
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Program
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.isa import REGISTER, RegisterInstr
from lanework.machines.register.layout import RegisterView, default_ports
from lanework.machines.register.native import execute
from lanework.machines.register.native.choice import NATIVE
from lanework.machines.register.native.loader import why_not
from lanework.machines.register.state import COUNTER, FUEL, PC, STATUS, RegisterBank, Status

Snapshot = tuple[Any, ...]
ENGINES = ("native", "memory", "pinned", "llvm")
MEMORY = 256
INTERESTING = (0, 1, 2, 3, 7, 8, 63, 64, 65, 127, 255, 256, 4095, 2**31 - 1)
WORDS: tuple[int, ...] = (0, 1, 2**63, 2**64 - 1, 2**63 - 1, 0x7FF8000000000000, 0x3FF0000000000000)
WORDS += (0x7FF0000000000000, 0xFFF0000000000000, 0x8000000000000000, 0x4340000000000000, 1 << 32)
# Instructions that end a program early are rare; those that walk and compute are not.
_WEIGHTS = {"halt": 0.1, "trap": 0.1, "ret": 0.4}
_WEIGHTS |= dict.fromkeys(("ext", "callr", "jmpr", "yield"), 0.3)


def random_program(seed: int, size: int = 24, without: Container[str] = ()) -> Program:
    """The program of a seed; its memory has 256 bytes, so that many addresses are inside.

    Args:
        seed: it names everything.
        size: instructions.
        without: names and groups of instructions that are not drawn.
    """
    rand = random.Random(seed)
    every = REGISTER.by_name.values()
    infos = [i for i in every if i.name not in without and i.group not in without]
    weights = [_WEIGHTS.get(info.name, 1.0) for info in infos]
    chosen = rand.choices(infos, weights, k=max(size - 1, 0))
    chosen.append(rand.choice([info for info in infos if info.last]))
    drafts = [_draft(rand, info) for info in chosen]
    sizes = [REGISTER.size(draft) for draft in drafts]
    addresses = [sum(sizes[:n]) for n in range(len(sizes))]
    code: list[Instruction] = []
    for n, (info, draft) in enumerate(zip(chosen, drafts, strict=True)):
        if info.operands and info.operands[-1].kind is OperandKind.CODE:
            near = (
                rand.randint(n - 6, n + 6) if rand.random() < 0.8 else rand.randrange(len(code) + 1)
            )
            to = addresses[min(max(near, 0), len(addresses) - 1)]
            draft = Instruction(draft.name, draft.target, (*draft.operands[:-1], to - addresses[n]))
        code.append(draft)
    return Program(
        machine="register",
        header={"memory": MEMORY, "entry": 0},
        tape=REGISTER.encode(code),
        ports=default_ports(code),
        constants=np.zeros(0),
        sections={"data": rand.randbytes(MEMORY // 2)},
    )


def _draft(rand: random.Random, info: RegisterInstr) -> Instruction:
    operands = []
    for spec in info.operands:
        if spec.kind is OperandKind.REGISTER:
            operands.append(_register(rand))
        elif spec.kind is OperandKind.CODE:
            operands.append(4)
        elif info.name == "ext":
            operands.append(rand.choice((0, 0, 1, 2, -1, 9)))
        elif info.optional:
            operands.append(rand.choice((0, rand.randint(-16, MEMORY + 8), rand.randint(0, 63))))
        else:
            operands.append(rand.choice((rand.choice(INTERESTING), -rand.randint(1, 300))))
    return Instruction(info.name, _register(rand) if info.writes else 0, tuple(operands))


def _register(rand: random.Random) -> int:
    """Mostly few registers, so that values meet; about half of them pinned, and the zero."""
    if rand.random() < 0.6:
        return rand.randrange(5)
    return rand.choice((5, 6, 7, 8, 9, 20, 28, 29, 30, 31))


def random_words(seed: int) -> list[int]:
    """Values of r0 to r28 to begin with: small ones, addresses, bit patterns of floats."""
    rand = random.Random(seed ^ 0x5EED)
    words = []
    for _ in range(29):
        how = rand.random()
        if how < 0.5:
            words.append(rand.randrange(MEMORY))
        elif how < 0.7:
            words.append(rand.choice(WORDS))
        elif how < 0.9:
            words.append(int(np.float64(rand.uniform(-1e3, 1e3)).view(np.uint64)))
        else:
            words.append(rand.getrandbits(64))
    return words


def _bump(registers: memoryview) -> None:
    registers[1] = (registers[1] * 3 + 1) % (1 << 64)


def _fail(registers: memoryview) -> None:
    registers[2] = 5
    raise ValueError("on purpose")


FUNCTIONS = {0: _bump, 2: _fail}


def engine_of(name: str, program: Program, table: ExternalTable) -> execute.Executor:
    """A program on an engine, by the names that this module gives them.

    Raises:
        Diagnostic: LW2004 for native code where there is none.
    """
    view = RegisterView.of(program)
    if name == "reference":
        return execute.ReferenceExecutor(view, table)
    _check()
    options = {"disk": False} if name == "llvm" else {}
    return NATIVE[name](view, program.tape, table, **options)


def outcome(engine: execute.Executor, view: RegisterView, words: list[int], fuel: int) -> Snapshot:
    """Everything there is after a run that goes on after yields."""
    bank = RegisterBank(view, seed=7)
    bank.words[: len(words)] = array("Q", words)
    bank.words[FUEL] = fuel
    yields = 0
    while engine.run(bank) is Status.YIELD and yields < 50:
        yields += 1
    state = bank.words
    return (
        Status(state[STATUS]).name,
        state[PC],
        max(bank.fuel, -1),
        state[COUNTER],
        yields,
        tuple(state[:32]),
        bytes(bank.memory),
    )


def check_seed(
    seed: int, engines: tuple[str, ...] = ("native", "memory", "pinned")
) -> Divergence | None:
    """Run the program of a seed on these engines."""
    return compare(program_of(seed), seed, engines)


def program_of(seed: int) -> Program:
    """The program of a seed, of one of several sizes."""
    return random_program(seed, random.Random(seed).choice((3, 8, 24, 60)))


def compare(program: Program, seed: int, engines: tuple[str, ...]) -> Divergence | None:
    """Run a program on these engines against the reference."""
    program.verify()
    view = RegisterView.of(program)
    words, fuel = random_words(seed), random.Random(seed).choice((0, 1, 5, 40))
    table = ExternalTable(FUNCTIONS)
    expected = outcome(engine_of("reference", program, table), view, words, fuel)
    for name in engines:
        engine = engine_of(name, program, table)
        got = outcome(engine, view, words, fuel)
        if got != expected:
            return Divergence(seed, name, _difference(expected, got))
    return None


def _difference(expected: Snapshot, got: Snapshot) -> str:
    names = ("status", "pc", "fuel", "counter", "yields", "registers", "memory")
    triples = zip(names, expected, got, strict=True)
    name, a, b = next(triple for triple in triples if triple[1] != triple[2])
    if name not in ("registers", "memory"):
        return f"{name} is {b} and not {a}"
    n = next(n for n, pair in enumerate(zip(a, b, strict=True)) if pair[0] != pair[1])
    where, base = (f"r{n}", "#x") if name == "registers" else (f"byte {n}", "d")
    return f"{where} is {b[n]:{base}} and not {a[n]:{base}}"


def shrink(program: Program, seed: int, engine: str) -> Program:
    """The program with as many instructions made `nop` as still diverge."""
    code = REGISTER.decode(program.tape)
    for n in range(len(code) - 1):
        long = REGISTER.size(code[n]) > 4  # it becomes a move to zero, to keep addresses
        nothing = Instruction("movi", 31, (0,)) if long else Instruction("nop", 0, ())
        trial = [*code[:n], nothing, *code[n + 1 :]]
        smaller = dataclasses.replace(program, tape=REGISTER.encode(trial))
        if compare(smaller, seed, (engine,)) is not None:
            code = trial
    return dataclasses.replace(program, tape=REGISTER.encode(code))


def campaign() -> Campaign:
    """All engines but LLVM, which takes a while for each program, on random programs.

    Raises:
        Diagnostic: LW2004 where there are no stencils.
    """
    _check()
    return Campaign("register", check_seed, _shrunk)


def _check() -> None:
    reason = why_not()
    if reason is not None:
        raise Diagnostic(ENGINE_UNAVAILABLE, f"engine 'stencil' cannot run: {reason}")


def _shrunk(divergence: Divergence) -> str:
    return shrink(program_of(divergence.seed), divergence.seed, divergence.way).dis()
