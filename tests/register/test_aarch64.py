"""The tables for aarch64 on an emulated processor: the patch loop and what it makes.

Unicorn runs the shipped helpers and the code that they make of random programs; the reference says
what has to come out. So the tables are held on every machine that runs the tests.
"""

import random
import struct

import pytest
from unicorn import UC_ARCH_ARM64, UC_MODE_ARM, Uc
from unicorn.arm64_const import (
    UC_ARM64_REG_CPACR_EL1,
    UC_ARM64_REG_LR,
    UC_ARM64_REG_SP,
    UC_ARM64_REG_X0,
    UC_ARM64_REG_X1,
    UC_CPU_ARM64_MAX,
)

from lanework.core.program.asm import assemble
from lanework.engines.stencil.shipped import unpack
from lanework.engines.stencil.stencil import Relocation
from lanework.machines.register import state as words_of
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.check import fuzz
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import build
from lanework.machines.register.native.stencils import HELPER_NAMES
from lanework.machines.register.state import RegisterBank, Status

HEAD, PARTS = unpack((build.FOLDER / "aarch64.bin").read_bytes())
NAMES = "BLOB TABLE JOB TAPE OUT MAP FIXES COLDS STATE MEMORY STACK HELPERS BACK".split()
AT = {name: 0x100000 * number for number, name in enumerate(NAMES, 1)}
NOTHING = ExternalTable({})


class Arm:
    """A processor with the helpers in its memory."""

    def __init__(self):
        self.cpu = Uc(UC_ARCH_ARM64, UC_MODE_ARM)
        self.cpu.ctl_set_cpu_model(UC_CPU_ARM64_MAX)
        for place in AT.values():
            self.cpu.mem_map(place, 0x100000)
        self.cpu.reg_write(UC_ARM64_REG_CPACR_EL1, 3 << 20)  # floats are allowed
        self.cpu.mem_write(AT["BLOB"], PARTS["blob"])
        ways = [AT["BLOB"] + HEAD["functions"][f"help_{name}"] for name in HELPER_NAMES]
        self.cpu.mem_write(AT["HELPERS"], struct.pack(f"<{len(ways)}Q", *ways))

    def call(self, name, first, second=0):
        self.cpu.reg_write(UC_ARM64_REG_X0, first)
        self.cpu.reg_write(UC_ARM64_REG_X1, second)
        self.cpu.reg_write(UC_ARM64_REG_SP, AT["STACK"] + 0x80000)
        self.cpu.reg_write(UC_ARM64_REG_LR, AT["BACK"])
        start = AT["BLOB"] + HEAD["functions"][name]
        self.cpu.emu_start(start, AT["BACK"], timeout=20_000_000)
        return self.cpu.reg_read(UC_ARM64_REG_X0)

    def words(self, place, count, form="Q"):
        size = struct.calcsize(form)
        return struct.unpack(f"<{count}{form}", self.cpu.mem_read(AT[place], size * count))

    def outcome(self, program, pinned, registers, fuel):
        view, tape = RegisterView.of(program), program.tape
        self.cpu.mem_write(AT["TABLE"], PARTS[f"table_{pinned}"])
        self.cpu.mem_write(AT["TAPE"], tape + bytes(8))
        job = [AT["TAPE"], len(tape), AT["TABLE"], AT["OUT"], 0x100000, AT["MAP"], AT["FIXES"]]
        self.cpu.mem_write(AT["JOB"], struct.pack("<16Q", *job, AT["COLDS"], *([0] * 8)))
        assert self.call("patch", AT["JOB"]) == 0
        addresses = self.words("MAP", len(tape) // 4 + 1, "I")
        bank = RegisterBank(view, seed=7)
        for row, word in enumerate(registers):
            bank.words[row] = word
        fixed = {"FUEL": fuel, "MEMORY": AT["MEMORY"], "MAP": AT["MAP"], "MAP_COUNT": len(tape)}
        fixed |= {"CODE": AT["OUT"], "HELPERS": AT["HELPERS"], "EXTERNAL_COUNT": 0}
        for name, value in fixed.items():
            bank.words[getattr(words_of, name)] = value
        self.cpu.mem_write(AT["MEMORY"], bytes(bank.memory))
        self.cpu.mem_write(AT["STATE"], bytes(bank.words))
        yields = 0
        while True:
            pc = self.words("STATE", words_of.WORDS)[words_of.PC]
            self.call(f"enter_{pinned}", AT["STATE"], AT["OUT"] + addresses[pc // 4])
            state = self.words("STATE", words_of.WORDS)
            yielded = state[words_of.STATUS] == Status.YIELD
            yields += yielded and yields < 50
            if not yielded or yields >= 50:
                break
        left = state[words_of.FUEL]
        return (
            Status(state[words_of.STATUS]).name,
            state[words_of.PC],
            max(left - 2**64 if left >> 63 else left, -1),
            state[words_of.COUNTER],
            yields,
            state[:32],
            bytes(self.cpu.mem_read(AT["MEMORY"], view.memory)),
        )


@pytest.mark.slow
@pytest.mark.parametrize("pinned", [0, 8])
@pytest.mark.parametrize("start", range(0, 600, 100))
def test_random_programs_agree(start, pinned):
    arm = Arm()
    ran = 0
    for seed in range(start, start + 100):
        program = fuzz.program_of(seed)
        view = RegisterView.of(program)
        if any(info.group == "ext" for info in view.infos):
            continue  # there is no host in the emulator that could serve it
        registers, fuel = fuzz.random_words(seed), random.Random(seed).choice((0, 1, 5, 40))
        reference = fuzz.engine_of("reference", program, NOTHING)
        expected = fuzz.outcome(reference, view, registers, fuel)
        assert arm.outcome(program, pinned, registers, fuel) == expected, seed
        ran += 1
    assert ran > 50


@pytest.mark.parametrize("number", [0, 1, -1, 65535, 65536, -65536, -65537, 2**31 - 1, -(2**31)])
def test_numbers_of_both_signs(number):
    program = assemble(f"mov r0, {number}\nmov r9, {number}\naddi r1, r2, {number}\nhalt")
    actual = Arm().outcome(program, 8, [0] * 29, 5)[5]
    assert (actual[0], actual[9], actual[1]) == (number % 2**64,) * 3


def test_holes_are_where_instructions_with_numbers_are():
    table = build.make_stencils("aarch64", 0)
    masks = {
        Relocation.LOW16: (0x9F000000, 0x90000000),
        Relocation.JUMP26: (0xFC000000, 0x14000000),
    }
    masks[Relocation.HIGH16] = (0xFFC00000, 0xF9400000)  # adrp, b, ldr
    for stencil in table.values():
        assert len(stencil.code) % 4 == 0
        for hole in stencil.holes:
            mask, bits = masks[hole.relocation]
            (word,) = struct.unpack_from("<I", stencil.code, hole.offset)
            assert hole.offset % 4 == 0
            assert word & mask == bits
