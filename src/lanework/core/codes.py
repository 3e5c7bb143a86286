"""Codes of the core, LW1xxx, of what every runner does, LW20xx, and of commands, LW8xxx."""

from __future__ import annotations

from lanework.base.errors import code

BAD_WORD = code(
    "LW1001",
    "bad instruction word",
    "The tape holds a word that is no instruction of its machine: an unknown op, a missing "
    "extension word, or a field that should be zero. The offset in bytes is given. The file is "
    "damaged, or was written by a newer version.",
    help="compile it again: the file is damaged, or was written by hand",
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
    help="compile it again: the file is damaged, or was written by hand",
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
    help="compile the model again, or update Lanework",
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
    help="compile it again, or mend the assembly",
)
ORDER_BROKEN = code(
    "LW1008",
    "order broken",
    "The verifier refused the program: an instruction reads a row before it is made, a loop looks "
    "the wrong way in time, or the segments do not cover the tape.",
    help="compile it again, or mend the assembly",
)
BAD_TABLE_SECTION = code(
    "LW1009",
    "table refused",
    "The verifier refused the program: a table's cells do not fit its keys, or its knots do not "
    "rise.",
    help="compile it again, or mend the assembly",
)
NEWER_SET = code(
    "LW1011",
    "other instruction set",
    "The program needs a newer version of its machine's instruction set than this version of "
    "Lanework has. Update Lanework, or compile the model again. Older programs are read, and mean "
    "what they meant.",
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
    "No output has the axes of all others, so they do not fit into one table. Choose those "
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
NOT_ONE_ARRAY = code(
    "LW1025",
    "a result is not one array",
    "NumPy, and pandas through it, asked a result for one array, and it is several by name, with "
    "axes of their own. `result['name']` is one of them, `to_pandas()` makes a DataFrame with the "
    "labels in its index, and `to_xarray()` takes all shapes together.",
)
NO_PICTURE = code(
    "LW1028",
    "an output that is no picture",
    "A `.pgm` file holds a gray picture, samples of shape (height, width), and a `.ppm` file one "
    "in colour, (height, width, 3). Samples go from 0, black, to 255; fractions are rounded. Scale "
    "what goes further, for example with `255 * x / x.max()`, or write .npy. On the command line "
    "`--width N` says how wide the picture of a fleet's buffer is, where none went in.",
)
GIVEN_TWICE = code(
    "LW1026",
    "an input given twice",
    "A run took a table of inputs and an input by name that is a column of it too, such as "
    "`run(table, rate=0.05)` with a column `rate`, or overrides a node that it also gives by name. "
    "Leave out one of them.",
)
NO_TABLE = code(
    "LW1034",
    "no table of inputs",
    "What a run takes without a name is a table, whose columns fill the inputs of their names: "
    "`run(frame, rate=0.05)`. This is no table, or one whose columns have no names of their own. "
    "Single values and columns are given by name: `run(principal=1000.0, rate=0.05)`.",
)
NO_MODEL = code(
    "LW1012",
    "nothing to compile",
    "`lanework.compile` takes a model, a graph, modules of a fleet, assembly text, or the path of "
    "a file of any of these. A string that has a line break or begins with `.machine` is assembly, "
    "and any other a path. Only models and graphs take options.",
)
NOT_BINARY = code(
    "LW1013",
    "no file of bytes",
    "Programs are bytes: they go to and come from paths, `-`, and file objects that are open for "
    "bytes. This is none of them, or a file object that is open as text. Open it with `'rb'` or "
    "`'wb'`; of standard input and output that is `sys.stdin.buffer` and `sys.stdout.buffer`.",
)
TOO_MANY_ROWS = code(
    "LW1027",
    "more rows than a sheet has",
    "A sheet of an .xlsx file has 1,048,576 rows. Write .csv or .parquet, or fewer lanes.",
)
TOO_LARGE = code(
    "LW1029",
    "a number that the format lacks",
    "Whole numbers in Arrow and Parquet have 64 bits, and this one has more. Text formats, .csv "
    "and .json, take it.",
)
TOO_LONG = code(
    "LW1030",
    "a text that is longer than a cell",
    "A cell of an .xlsx file takes 32,767 letters, and this name or label has more. Text formats, "
    ".csv and .json, take it.",
)
BAD_ASSEMBLY = code(
    "LW1010",
    "bad assembly",
    "A line of assembly text cannot be read. `lanework dis PROGRAM` prints programs in this "
    "format, and every line of it shows how a directive or an instruction is written.",
    help="lanework dis PROGRAM prints how every line is written",
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
    help="leave the engine out: auto takes one that can run",
)
BAD_OPTION = code(
    "LW2005",
    "bad option",
    "An option such as `threads`, `wide` or `strategy` has a value that it does not take. Counts "
    "are whole numbers, switches are True or False and never text such as 'no', and words are "
    "among those that the message lists.",
)

# The command line.

BAD_ARGUMENT = code(
    "LW8001",
    "an argument that is no input",
    "After the file, `lanework run` takes `name=value` for inputs and `axis=FILE` for tables. A "
    "value is a number, a list of numbers with commas, a label, `@FILE`, or `FILE:column`. Options "
    "that have no effect together with the others are refused, too.",
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
    "program (.lwp), or saved in another encoding. Names and texts of a program are what UTF-8 can "
    "write: half of a character, such as '\\ud800', is none.",
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

# Tables of data, by whatever machine they are read.

UNKNOWN_LABEL = code(
    "LW3020",
    "a label is not one of the categories",
    "A categorical input or table key has a fixed list of labels, and this is none of them.",
)
NO_DATA_FILE = code(
    "LW3051",
    "a data file cannot be opened",
    "The file with input columns is missing, is a folder, or may not be read.",
)
BAD_DATA_FILE = code(
    "LW3052",
    "a data file is not what its ending says",
    "The file is empty, damaged, or in another format. CSV is UTF-8 text with one header line; its "
    "cells are separated by commas, in .tsv by tabs, and where the header has no comma but "
    "semicolons or tabs, by those. .npy and .npz are NumPy arrays of numbers, never pickled "
    "objects; .json holds columns as lists; .parquet, .feather and .arrow need pyarrow, "
    ".xlsx openpyxl.",
)
BAD_CELL = code(
    "LW3053",
    "a cell of a data file is not a number",
    "A column that fills an input holds one number in every row, such as 1500, -0.5 or 2.5e-3, or "
    "True or False. The message names the line and the column of the first cell that is empty, "
    "missing (NA, NaN, null), infinite, too large, an integer that float64 would round, or text: a "
    "percentage, a decimal comma, thousands in groups, a currency. In files whose values have "
    "types text is never a number. Write the number, drop the row, or give the input "
    "categories if it holds names.",
)
RAGGED_ROW = code(
    "LW3054",
    "a row of a data file has too few or too many cells",
    "Every row has as many cells as the header has names. A comma inside a name or a number "
    "needs quotes around the cell.",
)
MISSING_COLUMN = code(
    "LW3055",
    "a data file lacks a column",
    "The columns of a table fill the inputs of the same names. One that is needed, or was asked "
    "for, is not in the header. Rename it, or give that input by itself: `name=FILE:column`.",
)
BAD_DATA_ENDING = code(
    "LW3056",
    "a data file has an ending that is not read",
    "Inputs are read from .csv and .tsv (also .csv.gz, .tsv.gz), .npy, .npz and .json; with "
    "pyarrow from .parquet, .feather and .arrow; with openpyxl from .xlsx.",
)
