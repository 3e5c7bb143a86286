"""Codes of the core: LW1xxx, and LW20xx of what every runner does."""

from __future__ import annotations

from lanework.base.errors import code

BAD_WORD = code(
    "LW1001",
    "bad instruction word",
    "The tape holds a word that is no instruction of its machine: an unknown op, a missing "
    "extension word, or a field that should be zero. The offset in bytes is given. The file is "
    "damaged, or was written by a newer version.",
)
UNKNOWN_MACHINE = code(
    "LW1002",
    "unknown machine",
    "The program is for a machine that this version does not have.",
)
BAD_SECTION = code(
    "LW1003",
    "bad section",
    "A section of the program cannot be read: it has the wrong length, or holds numbers that "
    "mean nothing. The section and the offset are given. The file is damaged.",
)
NO_PROGRAM_FILE = code(
    "LW1004",
    "no program file",
    "The file cannot be read, or does not begin as a Lanework program does. Program files are "
    "written by `lanework compile MODEL --out PROGRAM.lwp` and by `Program.save`.",
)
NEWER_FORMAT = code(
    "LW1005",
    "other format version",
    "The program file was written in a format that this version does not read. Compile the model "
    "again, or update Lanework.",
)
DAMAGED_FILE = code(
    "LW1006",
    "damaged file",
    "The program file is not as it was written: its length, its checksum or its structure does "
    "not fit. The offset says where. Nothing of it was used.",
)
BAD_PROGRAM = code(
    "LW1007",
    "program refused",
    "The verifier refused the program: a row, a port, a constant or a number in its header points "
    "to something that is not there. Programs made by the compiler pass; this one was damaged, or "
    "written by hand.",
)
ORDER_BROKEN = code(
    "LW1008",
    "order broken",
    "The verifier refused the program: an instruction reads a row before it is made, a loop looks "
    "the wrong way in time, or the segments do not cover the tape.",
)
BAD_TABLE_SECTION = code(
    "LW1009",
    "table refused",
    "The verifier refused the program: a table's cells do not fit its keys, or its knots do not "
    "rise.",
)
UNKNOWN_RESULT = code(
    "LW1020",
    "unknown output",
    "The result has no output of this name. `list(result)` names them all; a run computes the "
    "outputs that the program declares, or those asked for.",
)
AXES_DIFFER = code(
    "LW1021",
    "outputs of different axes",
    "The outputs do not all have the same axes, so they do not fit into one table. Choose those "
    "of one shape, or write to a format that keeps several.",
)
MISSING_EXTRA = code(
    "LW1022",
    "missing extra",
    "This needs an optional package that is not installed. Extras are installed with "
    "`pip install 'lanework[NAME]'`.",
)
BAD_ENDING = code(
    "LW1023",
    "unknown file ending",
    "The ending of a file's name says how it is written, and this ending is not known.",
)
ONE_OUTPUT = code(
    "LW1024",
    "one output only",
    "The file format holds a single array. Choose one output, or write .npz.",
)
BAD_ASSEMBLY = code(
    "LW1010",
    "bad assembly",
    "A line of assembly text cannot be read. `lanework dis PROGRAM` prints programs in this "
    "format, and every line of it shows how a directive or an instruction is written.",
)
DEADLINE_PASSED = code(
    "LW2001",
    "deadline passed",
    "The run took longer than the deadline that was set with `--deadline` or "
    "`Limits(deadline=...)`. It was stopped and its partial results were dropped. Raise the "
    "deadline, or run fewer lanes or periods.",
)
FUEL_SPENT = code(
    "LW2002",
    "fuel spent",
    "The run would cost more fuel than `--fuel` or `Limits(fuel=...)` allows. Fuel counts the "
    "primitive operations of a program: for a series program that is known before it starts, as "
    "instructions times periods times lanes, so nothing was computed. Raise the limit or run "
    "fewer lanes. For a register program fuel counts jumps backwards and calls while it runs, and "
    "for a fleet the instructions of all its VMs.",
)
UNKNOWN_ENGINE = code(
    "LW2003",
    "unknown engine",
    "The engine that was asked for does not exist. `auto` chooses one; `reference` is plain "
    "NumPy or Python; `llvm` compiles to machine code; `stencil` copies and patches machine code "
    "that was made before. Register programs also have `native`, an interpreter, and fleets "
    "`epoch`, kernels on a GPU.",
)
ENGINE_UNAVAILABLE = code(
    "LW2004",
    "engine unavailable",
    "The engine that was asked for by name cannot run here, for the reason given. With "
    '`engine="auto"` the next one runs instead, with one notice.',
)
BAD_OPTION = code(
    "LW2005",
    "bad engine option",
    "An option such as `lane_width` or `threads` has a value that the engine cannot use.",
)
