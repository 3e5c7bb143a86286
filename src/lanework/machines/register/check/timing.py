"""How long code takes to be made: 32 mixed instructions, stage by stage, beside LLVM."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from ctypes import c_void_p
from typing import Any

import numpy as np

from lanework.core.program.asm import assemble
from lanework.core.program.program import Program
from lanework.engines.stencil import arena
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import patcher
from lanework.machines.register.native.execute import StencilExecutor, patch_job
from lanework.machines.register.native.loader import native
from lanework.machines.register.native.optimised import LLVMExecutor

Row = tuple[str, float, str]
MIXED = """
    mov r1, 100
    mov r2, 7
    add r3, r1, r2
    sub r4, r3, r2
    xor r5, r3, r4
    shli r6, r5, 3
    shri r7, r6, 2
    andi r0, r7, 255
    or r1, r0, r3
    mul r2, r1, r4
    addi r2, r2, 17
    store.d r2, [r0 + 8]
    load.d r3, [r0 + 8]
    sub r3, r3, r1
    mov r4, r3
    sari r5, r4, 1
    mov r6, 3
loop:
    add r7, r7, r6
    xor r0, r7, r5
    andi r0, r0, 127
    add r1, r1, r0
    subi r6, r6, 1
    bne r6, zero, loop
    mov r2, r1
    shl r3, r2, r0
    or r4, r3, r1
    and r5, r4, r7
    blt r5, r4, done
    addi r5, r5, 1
    xori r5, r5, 42
done:
    add r0, r5, r1
    halt
"""


def mixed() -> Program:
    """32 instructions of many kinds."""
    return assemble(MIXED, "mixed")


def timed(call: Callable[[], Any], count: int, repeats: int = 9) -> float:
    """Seconds of one call: the median of several runs of many calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(count):
            call()
        times.append((time.perf_counter() - start) / count)
    return statistics.median(times)


class PatchJob:
    """A program ready to be patched again and again into one buffer."""

    def __init__(self, program: Program, stencils: str = "pinned") -> None:
        self.helpers = native()
        size = len(program.tape)
        tape = np.frombuffer(program.tape + bytes(8), np.uint8)
        offsets = np.zeros(size // 4 + 1, np.uint32)
        self.job, scratch = patch_job(self.helpers, tape, size, offsets, stencils)
        self.keep = (tape, offsets, scratch)
        self.buffer = arena.code_pool().acquire(2)
        self.job[patcher.OUT], self.job[patcher.CAPACITY] = self.buffer.write, self.buffer.size
        self.address = c_void_p(int(self.job.ctypes.data))

    def once(self) -> int:
        """Patch: one Python call."""
        return self.helpers.patch(self.address, 0, 0)

    def in_loop(self, count: int, stage: str = "patch") -> float:
        """Seconds of one patch, or of its stages up to one, of so many in a native loop."""
        start = time.perf_counter()
        self.helpers.repeat[stage](self.address, count, 0)
        return (time.perf_counter() - start) / count


def measure() -> list[Row]:
    """Rows of what, seconds, and a note; the first is what the others are compared with."""
    program = mixed()
    view = RegisterView.of(program)
    rows: list[Row] = []
    for stencils in ("pinned", "memory"):
        job = PatchJob(program, stencils)
        with job.buffer.mapping.writable():
            job.once()
            loop = statistics.median(job.in_loop(20_000) for _ in range(9))
            call = timed(job.once, 20_000)
            parts = _stages(job)
        code = int(job.job[patcher.LENGTH])
        rows.append((f"copy and patch, {stencils}", loop, f"native loop, {code} bytes of code"))
        rows += [(f"  of it: {what}", time, stencils) for what, time in parts]
        rows.append((f"the same as a Python call, {stencils}", call, "ctypes"))
        job.buffer.release()
    rows.append(
        (
            "buffer from the pool and back",
            timed(lambda: arena.code_pool().acquire().release(), 5_000),
            "wiped",
        )
    )
    given = (view, program.tape, ExternalTable({}))
    bind = timed(lambda: StencilExecutor(*given), 500)
    rows.append(("program object, ready to run", bind, "all of Python included"))
    optimise = timed(lambda: LLVMExecutor(*given, disk=False), 3, 3)
    rows.append(("LLVM, optimised", optimise, "llvmlite, text to code"))
    return rows


def _stages(job: PatchJob) -> list[tuple[str, float]]:
    """What the parts of a patch take, as differences between loops over more and more of it."""
    loops = ([job.in_loop(20_000, stage) for _ in range(9)] for stage in patcher.STAGES)
    took = [0.0, *map(statistics.median, loops)]
    names = ("decode", "look up", "copy, patch and epilogue")
    return [(name, b - a) for name, (a, b) in zip(names, itertools.pairwise(took), strict=True)]
