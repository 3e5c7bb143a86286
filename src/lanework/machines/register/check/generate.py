"""Random register programs, drawn from the instruction table."""

from __future__ import annotations

import random

import numpy as np

from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Program
from lanework.machines.register.isa import REGISTER, RegisterInstr
from lanework.machines.register.layout import default_ports

MEMORY = 256
INTERESTING = (0, 1, 2, 3, 7, 8, 63, 64, 65, 127, 255, 256, 4095, 2**31 - 1)
WORDS: tuple[int, ...] = (0, 1, 2**63, 2**64 - 1, 2**63 - 1, 0x7FF8000000000000, 0x3FF0000000000000)
WORDS += (0x7FF0000000000000, 0xFFF0000000000000, 0x8000000000000000, 0x4340000000000000, 1 << 32)
# Instructions that end a program early are rare; those that walk and compute are not.
_WEIGHTS = {
    "halt": 0.1,
    "trap": 0.1,
    "ext": 0.3,
    "ret": 0.4,
    "callr": 0.3,
    "jmpr": 0.3,
    "yield": 0.3,
}


def random_program(seed: int, size: int = 24) -> Program:
    """The program of a seed; its memory has 256 bytes, so that many addresses are inside."""
    rand = random.Random(seed)
    infos = list(REGISTER.by_name.values())
    weights = [_WEIGHTS.get(info.name, 1.0) for info in infos]
    chosen = rand.choices(infos, weights, k=max(size - 1, 0))
    chosen.append(rand.choice([info for info in infos if info.last]))
    drafts = [_draft(rand, info) for info in chosen]
    sizes = [REGISTER.size(draft) for draft in drafts]
    places = [sum(sizes[:n]) for n in range(len(sizes))]
    code: list[Instruction] = []
    for n, (info, draft) in enumerate(zip(chosen, drafts, strict=True)):
        if info.operands and info.operands[-1].kind is OperandKind.CODE:
            near = (
                rand.randint(n - 6, n + 6) if rand.random() < 0.8 else rand.randrange(len(code) + 1)
            )
            to = places[min(max(near, 0), len(places) - 1)]
            draft = Instruction(draft.name, draft.target, (*draft.operands[:-1], to - places[n]))
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
