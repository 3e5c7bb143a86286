"""Codes of the register machine: LW4xxx."""

from __future__ import annotations

from lanework.base.errors import code

BAD_TARGET = code(
    "LW4001",
    "a branch leads to no instruction",
    "A branch, call or jump has to lead to the first byte of an instruction of the program. In "
    "assembly use labels, which always do.",
    help="compile it again: jumps lead to the first byte of an instruction",
)
NO_END = code(
    "LW4002",
    "the program runs past its end",
    "The last instruction must be one after which nothing follows: halt, ret, jmp, b or trap.",
    help="end it with halt, ret or a jump",
)
BAD_MEMORY = code(
    "LW4003",
    "the memory of the program makes no sense",
    "A program's memory is a multiple of 64 bytes, holds its data, and is at most 1 TiB.",
    help="make .memory larger, or the data smaller",
)
BAD_PORT = code(
    "LW4004",
    "a port is no register",
    "The inputs and outputs of a register program are registers r0 to r30.",
    help="give each port a name and a register of its own: .input r0 r0, .output r1 r1 f64",
)
TOO_LARGE = code(
    "LW4005",
    "the program is too large",
    "Code on the stencil engine may take 64 KiB a function; a program that is larger is split "
    "where functions begin, and one function that is larger still cannot run there. Use the "
    "engine llvm or native.",
)
BAD_INPUT = code(
    "LW4006",
    "an input is no number of its port's type",
    "A register holds 64 bits, and its port says what they are: u64, if nothing is said, takes "
    "whole numbers from -2**63 to 2**64 - 1, i64 those to 2**63 - 1, f64 floats. The type of a "
    "port does not hang on what is given: 1.0 is a float, and refused where the port is not f64. "
    "Columns give one number a lane.",
)
NO_AOT = code(
    "LW4009",
    "the program cannot be compiled ahead of time",
    "A program that calls external functions needs a host that has them, so it can be run but not "
    "be written as an object or an executable.",
)
OUT_OF_MEMORY = code(
    "LW4010",
    "an address is outside the program's memory",
    "The address, a register plus an offset, and all bytes that the instruction reads or writes "
    "must lie inside the memory. Look at the register, or give the program more memory.",
)
DIVIDED_BY_ZERO = code(
    "LW4011",
    "a division by zero",
    "The instructions div and mod stop the program where their second operand is 0. Test it "
    "before.",
)
BAD_JUMP = code(
    "LW4012",
    "a jump through a register leads to no instruction",
    "The register of an indirect jump, a call or a return must hold the address of an instruction. "
    "Was the link register saved and restored around a call?",
)
TRAPPED = code(
    "LW4013",
    "the program stopped itself",
    "The program came to a trap instruction. Its number says which, and its meaning is the "
    "program's own.",
)
MISALIGNED = code(
    "LW4014",
    "an atomic access is not aligned",
    "Atomic instructions work on 8 bytes at an address that is a multiple of 8.",
)
EXTERNAL_FAILED = code(
    "LW4015",
    "an external function failed or does not exist",
    "The instruction ext calls a function that was registered under its number, when the program "
    "was bound: bind(externals={0: function}). The message says what went wrong in it; a native "
    "function says so by returning something else than 0.",
)
LEFT_OUT = code(
    "LW4016",
    "an input is not given",
    "Every input has to be given, unless its declaration says what it is otherwise: "
    "`.input r0 i64 = 0`. Of a program that declares no ports, the registers that it reads and "
    "never writes are given; the others it may use for itself, and they begin as 0.",
)
DISAGREE = code(
    "LW4020",
    "a test line of the program does not hold",
    "A line `; @test: r0=5 -> r0=120` says which registers go in and what comes out. The message "
    "says which engine gave what.",
    help="mend the line of the test, or the program",
)
