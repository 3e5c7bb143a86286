"""Codes of the fleet machine: LW6xxx."""

from __future__ import annotations

from lanework.base.errors import code

BAD_TARGET = code(
    "LW6001",
    "a branch leads out of its routine",
    "A branch or a jump has to lead to an instruction of its own routine, a call to one of its own "
    "routine or to the first of another, and SYSCALL_SPAWN to the first of a routine. In assembly "
    "use labels and the names of routines.",
    help="lead to a label of the same routine, or CALL the name of another",
)
NO_END = code(
    "LW6002",
    "a routine runs past its end",
    "Some path through the routine comes to its last instruction and goes on from there. End it "
    "with HALT, RETURN, SYSCALL_KILL or a JUMP.",
    help="end each routine with HALT, RETURN or a jump",
)
BAD_OPERAND = code(
    "LW6003",
    "an operand that is not there",
    "An instruction names a register or a word of memory that VMs of this profile do not have. S22 "
    "has 4 registers and 16 words, S32 8 and 22, S64 16 and 46. The last element of the vector, "
    "the constant 1, is never a destination.",
    help="name a register and a word that the profile has (.state)",
)
TOO_LARGE = code(
    "LW6004",
    "the program is too large",
    "A program has at most 2**24 instructions, because the instruction pointer is also an element "
    "of the vector, a float, which is exact up to there. There are at most 2**20 steps in a "
    "schedule (`.repeat` counts as often as it says), 256 batches at one time, and 2**28 VMs.",
    help="launch fewer VMs, several times over, or make the program smaller",
)
BAD_PLAN = code(
    "LW6005",
    "the execution plan makes no sense",
    "A phase launches a routine that is not there, no VM at all, or goes on with VMs that no phase "
    "before it kept; or the schedule names a phase that is not there.",
    help="write phases as .phase wait_all, and below it .launch NAME, 1000",
)
BAD_HEADER = code(
    "LW6006",
    "the header of the program makes no sense",
    "Words of shared memory, epsilon, call depth or calling convention are out of range, or a "
    "number that the header repeats, such as the number of instructions, is not the right one.",
    help="compile it again: the file is damaged, or was written by hand",
)
BAD_BUFFER = code(
    "LW6007",
    "a buffer lies outside shared memory, or in another one",
    "A buffer is a region of shared memory with a name of its own, and ports are buffers or all of "
    "shared memory. Two buffers share no words, unless `steps` say that they are in use in "
    "different steps of the schedule.",
    help="write .buffer NAME, auto, WORDS, in, and leave .shared out: it is as large as needed",
)
BAD_MATRICES = code(
    "LW6008",
    "the matrices are not those of the instructions",
    "The matrices that the program stores must be the ones that its linear instructions have. The "
    "file was damaged, or written by hand.",
    help="compile it again: the file is damaged, or was written by hand",
)
BAD_LINK = code(
    "LW6009",
    "modules cannot be linked",
    "A routine or a symbol is used and defined nowhere, or is defined twice, or the modules ask "
    "for different profiles, conventions or sizes.",
    help="give each name to one routine of one file, and the same head to all files",
)
BAD_INPUT = code(
    "LW6010",
    "an input does not fit shared memory",
    "An input is an array of as many numbers as its buffer has words; with `pad` in its "
    "declaration it may be shorter or left out, and an `inout` buffer that is left out begins as "
    "zeros. Words are floats of single precision, or u32 or i32 if the buffer is declared so, and "
    "hold exactly what is given; of fractions the nearest float.",
)
BAD_SETTING = code(
    "LW6011",
    "an option that the engine does not have",
    "An option of the run, such as layout, format, storage, io or bounds, has a value that there "
    "is not, that does not go with another one, or that has no effect on the engine.",
)
LEAVES_HALF = code(
    "LW6012",
    "values may leave half precision",
    "With storage in half precision every register and word of memory must stay between -65504 and "
    "65504, and whole numbers that are addresses below 2048. The intervals that the verifier knows "
    "do not say so. Declare ranges of inputs, or store single precision.",
    help="declare ranges of buffers (range -1 1), or store f32",
)
MIXED = code(
    "LW6013",
    "a float in a buffer of integers, or an integer in one of floats",
    "Words are only bits: a float in a buffer of u32 is a large integer, and an integer in a "
    "buffer of floats is next to nothing. The words of a buffer are floats, unless it is declared "
    "u32 or i32. FTOU and FTOI make integers of floats, UTOF and ITOF floats of integers; "
    "ATOMIC_IADD adds integers where ATOMIC_ADD adds floats. ISETI r1, 5 sets an integer where "
    "SETI r1, 5 sets a float. A saved program is not refused, as its numbers are bits alone.",
    help="convert it with FTOU, FTOI, UTOF or ITOF, or declare the buffer otherwise",
)
STACK_OVERFLOW = code(
    "LW6020",
    "calls within calls are too deep",
    "A VM called while as many calls were open as the program allows. Does the recursion end? "
    "`.depth N` in assembly allows more; each level takes 24 bytes a VM.",
)
STACK_UNDERFLOW = code(
    "LW6021",
    "RETURN without a call",
    "A VM came to RETURN with no call open. A routine that is launched ends with HALT.",
    help="end what is launched with HALT",
)
BAD_ADDRESS = code(
    "LW6022",
    "an address outside shared memory",
    "With bounds='fault' a VM stops that reads or writes outside shared memory, or outside the "
    "buffer whose name its address is made of. Without it such a read gives 0, such a write does "
    "nothing, and both are counted.",
)
BAD_OPCODE = code(
    "LW6023",
    "an instruction that is none",
    "A VM came to a word of the tape that is no instruction. The verifier refuses such programs, "
    "so this is damage, or a defect of Lanework.",
)
PAST_END = code(
    "LW6024",
    "a VM ran past the end of the program",
    "The instruction pointer left the program. The verifier refuses such programs, so this is "
    "damage, or a defect of Lanework.",
)
BAD_VALUE = code(
    "LW6025",
    "an operation without a finite result",
    "With arithmetic='trap' a VM stops where finite operands give an infinity or NaN, such as a "
    "division by zero or the root of a negative number. Without it the result is that of IEEE 754.",
)
DEADLOCK = code(
    "LW6026",
    "every VM waits",
    "All VMs that still run wait for a word of shared memory that none of them can change any "
    "more, or do nothing but yield: no register, no word of memory and no word of shared memory is "
    "other than before. Look at what they wait for. How many times they have yielded when that is "
    "looked at, `patience` says.",
)
CONFLICT = code(
    "LW6027",
    "several VMs write one word",
    "With conflicts='fault' VMs stop that write one word of shared memory in the same epoch, and "
    "none of them writes. Without it the write of the VM with the highest number stays, and "
    "`stats` counts such words. To count or add up use ATOMIC_ADD, or ATOMIC_IADD for integers.",
)
BAD_NUMBER = code(
    "LW6028",
    "a table of VM numbers holds something else",
    "`.launch routine, 10, custom table` numbers its VMs by ten words of shared memory, which are "
    "whole numbers from 0 on, as floats.",
)
BAD_VM = code(
    "LW6030",
    "no such VM, or no such field of it",
    "VMs are numbered from 0 in the order of their launches. `runner.vms.row` takes the name of "
    "what they have: a register `r0`, a word of their own memory `mem0`, or `status`, `fault`, "
    "`ip` and their like.",
)
BAD_STEP = code(
    "LW6032",
    "a debugger cannot go or stop there",
    "Epochs are counted from 0; a breakpoint is a line with an instruction, a routine, or an "
    "instruction as listings name it, such as `main+3`; a watchpoint is a word of a buffer.",
)
PUSHED_ASIDE = code(
    "LW6031",
    "another run has begun",
    "A runner has one engine, and what can be looked at is its last run. Threads may call one "
    "runner, one after another; to look at VMs, or to go step by step, bind a runner for each.",
)
