"""Codes of the belief machine: LW5xxx."""

from __future__ import annotations

from lanework.base.errors import code

BAD_GRAPH = code(
    "LW5001",
    "a factor graph makes no sense",
    "A variable has a name and at least one state, each of its own; a factor is over variables of "
    "the graph, each once, and its table has a place for each of their states.",
    help="give each variable one name, and each factor every variable once",
)
BAD_TABLE = code(
    "LW5002",
    "a table has a number that it cannot have",
    "The numbers of a table are finite and not negative; text makes no numbers, and integers are "
    "those that float64 has.",
    help="give finite numbers from 0 on, one for each combination of states",
)
BAD_NETWORK = code(
    "LW5003",
    "a network file cannot be read",
    "The text is not as its format wants it. The line and the column say where reading stopped.",
    help="mend the file there, or save it again from where it comes",
)
CYCLIC = code(
    "LW5004",
    "a network of conditional tables is cyclic",
    "In a Bayesian network no variable may depend on itself, however indirectly. The message names "
    "the variables of one cycle.",
    help="take one of these arcs away",
)
UNKNOWN_VARIABLE = code(
    "LW5005",
    "an unknown variable or state",
    "Evidence and queries name variables of the network and their states, as the file spells them.",
)
AXES_DISAGREE = code(
    "LW5006",
    "axes of tensors do not fit",
    "Tensors are multiplied axis by axis, matched by type and number; equal axes have equal "
    "lengths, and a result has every axis that is kept.",
    help="compile it again, or mend the assembly",
)
BAD_SLOT = code(
    "LW5007",
    "a slot or a register is used wrongly",
    "A slot is written once and before it is read; a register is made before it is read, and not "
    "read after it was freed.",
    help="compile it again, or mend the assembly",
)
BAD_EVIDENCE = code(
    "LW5008",
    "evidence makes no sense",
    "Evidence is a state of a variable, weights of its states that are finite and not negative, or "
    "a column of these with as many rows as every other column.",
    help="change that evidence, or leave it out",
)
BAD_QUERY = code(
    "LW5009",
    "a query makes no sense",
    "A query is `all`, names of variables, `z`, `mpe`, `mmap:VARS`, `joint:VARS`, `kbest:K`, "
    "`sample:N`, `gradient` or `sensitivity:VAR=STATE`.",
    help="ask for all, variables, z, mpe, mmap:A,B, joint:A,B or kbest:K",
)
TOO_WIDE = code(
    "LW5010",
    "a tensor over too many variables",
    "A product of the program is over more variables than arrays have axes. Very many variables "
    "meet in the graph, and memory only suffices since most of them have a single state: leave "
    "these out of the graph, or say which variables every row observes.",
)
BAD_SEMIRING = code(
    "LW5011",
    "a semiring makes no sense",
    "The functions of a semiring work on whole arrays and return arrays of its dtype: products of "
    "the broadcast shape, sums without the axes that are summed over. One and zero are neutral, "
    "and zero times one is zero.",
    help="compare its functions with those of plain numbers",
)
NO_TABLE = code(
    "LW5012",
    "an answer does not fit a file",
    "Posteriors, joint ones and assignments make tables; derivatives are a table for each factor. "
    "Files of UAI hold one row: PR the sum, MAR posteriors of all variables, MPE an assignment.",
)
