"""Random register programs on every engine against the reference: registers, memory, traps, fuel.

The seed names everything: program, inputs and fuel. A divergence is shrunk to fewer instructions.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.codes import ENGINE_UNAVAILABLE
from lanework.core.fuzzing import Campaign, Divergence
from lanework.core.program.isa import Instruction
from lanework.core.program.program import Program
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.check.generate import random_program, random_words
from lanework.machines.register.isa import REGISTER
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import execute
from lanework.machines.register.native.loader import why_not
from lanework.machines.register.state import COUNTER, FUEL, PC, STATUS, RegisterBank, Status

Snapshot = tuple[Any, ...]
ENGINES = ("native", "memory", "pinned", "llvm")


def _bump(registers: memoryview) -> None:
    registers[1] = (registers[1] * 3 + 1) % (1 << 64)


def _fail(registers: memoryview) -> None:
    registers[2] = 5
    raise ValueError("on purpose")


FUNCTIONS = {0: _bump, 2: _fail}


def engine_of(name: str, program: Program, table: ExternalTable) -> execute.Executor:
    """A program on an engine, by the names that this module gives them."""
    view = RegisterView.of(program)
    if name == "reference":
        return execute.ReferenceExecutor(view, FUNCTIONS)
    if name == "native":
        return execute.NativeExecutor(view, program.tape, table)
    if name == "llvm":
        from lanework.machines.register.native.optimised import LLVMExecutor

        return LLVMExecutor(view, program.tape, table, disk=False)
    return execute.StencilExecutor(view, program.tape, table, name)


def outcome(engine: execute.Executor, view: RegisterView, words: list[int], fuel: int) -> Snapshot:
    """Everything there is after a run that goes on after yields."""
    bank = RegisterBank(view, seed=7)
    for row, word in enumerate(words):
        bank.words[row] = word
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
        engine.close()
        if got != expected:
            return Divergence(seed, name, _difference(expected, got))
    return None


def _difference(expected: Snapshot, got: Snapshot) -> str:
    names = ("status", "pc", "fuel", "counter", "yields", "registers", "memory")
    for name, a, b in zip(names, expected, got, strict=True):
        if a != b:
            if name == "registers":
                n = next(i for i in range(32) if a[i] != b[i])
                return f"r{n} is {b[n]:#x} and not {a[n]:#x}"
            if name == "memory":
                n = next(i for i in range(len(a)) if a[i] != b[i])
                return f"byte {n} is {b[n]} and not {a[n]}"
            return f"{name} is {b} and not {a}"
    return "nothing"


def shrink(program: Program, seed: int, engine: str) -> Program:
    """The program with as many instructions made `nop` as still diverge."""
    code = REGISTER.decode(program.tape)
    for n in range(len(code) - 1):
        size = REGISTER.size(code[n])
        rest = [Instruction("nop", 0, ())] * (size // 4)
        trial = [*code[:n], *rest, *code[n + 1 :]] if size == 4 else None
        if trial is None:  # keep addresses: a long one becomes a move to zero
            trial = [*code[:n], Instruction("movi", 31, (0,)), *code[n + 1 :]]
        smaller = dataclasses.replace(program, tape=REGISTER.encode(trial))
        if compare(smaller, seed, (engine,)) is not None:
            code = trial
    return dataclasses.replace(program, tape=REGISTER.encode(code))


def campaign() -> Campaign:
    """All engines but LLVM, which takes a while for each program, on random programs.

    Raises:
        Diagnostic: LW2004 where there are no stencils.
    """
    reason = why_not()
    if reason is not None:
        raise Diagnostic(ENGINE_UNAVAILABLE, f"engine 'stencil' cannot run: {reason}")
    return Campaign("register", check_seed, _shrunk)


def _shrunk(divergence: Divergence) -> str:
    return shrink(program_of(divergence.seed), divergence.seed, divergence.way).dis()
