"""Codes of the command line: LW8xxx."""

from __future__ import annotations

from lanework.base.errors import code

BAD_ARGUMENT = code(
    "LW8001",
    "an argument that is no input",
    "After the file, `lanework run` takes `name=value` for inputs and `axis=FILE` for tables. A "
    "value is a number, a list of numbers with commas, a label, `@FILE`, or `FILE:column`.",
)
UNKNOWN_ARGUMENT = code(
    "LW8002",
    "an argument names neither an input nor an axis",
    "The name before `=` is one of the program's inputs, or an axis (time, scenario, point, or one "
    "that an input declares) whose table fills the inputs along it. `lanework inspect FILE` lists "
    "them.",
)
NO_SUCH_FILE = code(
    "LW8003",
    "no such file",
    "The file given on the command line is not there, is a folder, or may not be read.",
)
UNKNOWN_ENDING = code(
    "LW8004",
    "a file that is no model or program",
    "Models end in .series, assembly text in .lasm, compiled programs in .lwp. The ending says "
    "how a file is read.",
)
NO_COLUMN_FITS = code(
    "LW8005",
    "a table fills no input",
    "The columns of a table fill inputs of the same names along the table's axis, and none of "
    "them is the name of an input there.",
)
NO_ROWS = code(
    "LW8006",
    "a table without rows",
    "The table has a header and no rows, so there is no lane to run.",
)
UNKNOWN_CODE = code(
    "LW8007",
    "no such error code",
    "Codes are LW and four digits, as errors print them. `lanework explain` lists them all.",
)
NOT_TEXT = code(
    "LW8008",
    "a source file that is not text",
    "Models and assembly are UTF-8 text. This file holds other bytes: it may be a compiled "
    "program (.lwp), or saved in another encoding.",
)
OUT_OF_MEMORY = code(
    "LW8009",
    "out of memory",
    "The machine had no more memory to give. Ask for fewer outputs, sum outputs over lanes, give "
    "a smaller `--block`, or set `--memory` so that such runs are refused before they start.",
)
FAULT = code(
    "LW8900",
    "an internal fault",
    "Lanework itself failed; nothing is wrong with your input. Run the command again with "
    "LANEWORK_DEBUG=1 to see the traceback, and report it with the command and the file.",
)
DIVERGENCE = code(
    "LW8901",
    "engines disagree",
    "Two engines gave different bits for one program: a defect of Lanework. The seed makes the "
    "program again.",
)
