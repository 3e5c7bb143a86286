"""Every code with which the series machine rejects a model, its tables or its inputs.

`lanework explain LW3001` prints the explanation.
"""

from __future__ import annotations

from lanework.base.errors import code

BAD_FORMULA = code(
    "LW3001",
    "a formula is not a Python expression",
    "A formula is one Python expression over node names, such as `opening + draw - repay`. This "
    "text does not parse. Look at the caret: a bracket or an operand is usually missing there.",
)
UNSUPPORTED = code(
    "LW3002",
    "a formula uses Python that formulas do not have",
    "Formulas have numbers, names, arithmetic, comparisons, `and`/`or`/`not`, `a if c else b` and "
    "calls of the series functions and tables. Loops, lambdas, attributes, lists, f-strings and "
    "assignments inside a formula are not part of it: write another node for a step in between.",
)
UNKNOWN_NAME = code(
    "LW3003",
    "a formula names something that the model does not have",
    "Every name in a formula is an input, another formula, `t`, `periods` or a column of the "
    "calendar. Nodes may be defined in any order, but each must be defined before compiling.",
)
UNKNOWN_FUNCTION = code(
    "LW3004",
    "a formula calls something that is neither a function nor a table",
    "Only the series functions (`prev`, `cumsum`, `where`, `exp`...) and the tables of the model "
    "can be called.",
)
BAD_CALL = code(
    "LW3005",
    "a function is called with the wrong arguments",
    "The number or the names of the arguments do not fit the function, or an argument that must "
    "be a plain number (the lag of `prev`, the digits of `round`) is an expression.",
)
DUPLICATE = code(
    "LW3006",
    "a name is defined twice, or is reserved",
    "Inputs, formulas and tables share one set of names, and each name is defined once. `t` and "
    "`periods` are the machine's own, and a table cannot have the name of a function.",
)
BAD_NAME = code(
    "LW3007",
    "a node's name is not a Python identifier",
    "Formulas are Python expressions, so a node needs a name that Python can read: letters, "
    "digits and underscores, not starting with a digit, and not a Python keyword.",
)
NO_TRUTH = code(
    "LW3008",
    "Python tried to branch on a node",
    "A node stands for a whole column of numbers, so it is neither true nor false while the "
    "model is being built. `if`, `and`, `or`, `min` and `max` of Python ask for a truth value; "
    "`where`, `&`, `|`, and the `min` and `max` of the series functions do not.",
)
CYCLE = code(
    "LW3009",
    "nodes need each other within one period",
    "The nodes in this loop each need another's value of the same period, so none can be computed "
    "first. Nearly always one of them should look at the period before: `prev(closing)` in place "
    "of `closing`.",
)
CYCLE_OVER_TIME = code(
    "LW3010",
    "a loop of nodes runs both ways through time",
    "A recurrence runs forwards (through `prev`) or backwards (through `lead`). A loop through "
    "both, or through a value of the whole of time (`total`, `last`, `at`...), would need "
    "periods that are not computed yet.",
)
NOT_PER_LANE = code(
    "LW3011",
    "a value that must not vary over time does",
    "The horizon, and a node of kind constant, have one value a lane. This expression depends on "
    "the period. Take one period of it with `first`, `last` or `at`, or aggregate it.",
)
UNIT_CLASH = code(
    "LW3012",
    "units do not fit together",
    "Adding, comparing, choosing between and storing values needs values of one dimension: money "
    "with money, energy with energy. Values of the same dimension in other units are converted. "
    "A bare number has no unit, but 0 fits every unit.",
)
KIND_CLASH = code(
    "LW3013",
    "temporal kinds do not fit together",
    "A stock is an amount at a moment, a flow an amount over a period, a rate a share per period, "
    "an index a pure factor or a price, a count a number of things, a constant never varies. A "
    "stock plus a flow is a stock, a stock times a rate a flow; a price is not added to a volume.",
)
PERIOD_CLASH = code(
    "LW3014",
    "a rate or flow is per another period than the model's",
    "The model's calendar says how long a period is. A value per month belongs to monthly "
    "periods, a value per year must be turned into one per period first: `per_period(x)` divides "
    "by the number of periods a year, `compound_per_period(x)` takes the compound root.",
)
BAD_UNIT = code(
    "LW3015",
    "a unit or a kind is not known",
    "Units are written as pint reads them (`USD`, `EUR/MWh`, `1/year`, `percent`); kinds are "
    "stock, flow, rate, index, count and constant.",
)
BAD_CALENDAR = code(
    "LW3016",
    "a calendar does not make sense",
    "A calendar has a start date (YYYY-MM-DD), a frequency (day, month, quarter or year) and a "
    "number of periods of at least 1.",
)
NO_CALENDAR = code(
    "LW3017",
    "a formula needs a calendar and the model has none",
    "`year`, `month`, `days_in_period`, `year_fraction`, `per_period` and units per month or year "
    "need to know how long a period is: give the model `start=` and `freq=`.",
)
BAD_TABLE = code(
    "LW3018",
    "a table cannot be read",
    "A table has one or two key columns and columns of numbers, every row of the same length and "
    "every key once. The message says in which row and column it stopped.",
)
BAD_KEYS = code(
    "LW3019",
    "a table is looked up with keys that do not fit it",
    "The number of keys, or their kind (numbers against names), is not what the table has; or its "
    "keys have gaps that the chosen rule for outside keys cannot fill.",
)
BAD_INPUT_NODE = code(
    "LW3021",
    "an input is declared in a way that does not make sense",
    "An input has a name, axes (among them at most one `time`), and a default that is one finite "
    "or infinite number.",
)
NO_PERIODS = code(
    "LW3022",
    "the model does not say how many periods it has",
    "Give `periods=` to the model, or to the file's `model(...)` line. A run has one period at "
    "least, and those that `at(x, period)` reads, counted from 0.",
)
BAD_MODEL_FILE = code(
    "LW3023",
    "a model file has a line that is not part of a model",
    "A model file has a docstring, `model(...)`, inputs, tables, formulas as assignments, "
    "`output(...)` and `horizon(...)`. It is read, never run: `def`, `for`, `import` and the like "
    "have no meaning in it.",
)
TOO_DEEP = code(
    "LW3024",
    "a formula is nested too deeply",
    "A formula may be nested 200 levels deep. Give the inner part a name of its own.",
)
NO_FILE = code(
    "LW3025",
    "a file of the model cannot be opened",
    "The model file or one of its tables is missing or unreadable. A table's path is taken "
    "relative to the model file.",
)
NO_OUTPUT = code(
    "LW3026",
    "the model has nothing to compute",
    "A model needs at least one formula, or one declared output.",
)
BAD_AXIS = code(
    "LW3027",
    "an axis is not one of the output's",
    "An output can be summed over lane axes that its inputs have.",
)
BAD_CONVERSION = code(
    "LW3028",
    "values cannot be converted to this frequency",
    "Values are converted to a coarser calendar whose periods are made of whole periods of the "
    "finer one: days into months, months into quarters or years, quarters into years.",
)

# What a run of a good program can be given wrongly.

UNKNOWN_INPUT = code(
    "LW3040",
    "a run is given an input that the program does not have",
    "The name is not one of the program's input ports. `lanework inspect` lists them with their "
    "axes and units.",
)
MISSING_INPUT = code(
    "LW3041",
    "a run lacks an input",
    "Every input port without a default needs a value in every run.",
)
LENGTHS_DISAGREE = code(
    "LW3042",
    "inputs differ in length along one axis",
    "All inputs over one axis have one value for each place along it, so their lengths agree: as "
    "many values over time as periods, as many over a lane axis as lanes.",
)
INPUT_IS_NAN = code(
    "LW3043",
    "an input holds NaN",
    "A value is missing (an empty cell) or is not a number. The message says in which row and "
    "column. Fill it in before the run: a NaN would spread through every total.",
)
UNKNOWN_OUTPUT = code(
    "LW3044",
    "an output is asked for that the program does not have",
    "The name is not one of the program's output ports. Compile the model with this output, or "
    "ask for one that `lanework inspect` lists.",
)
LOOKUP_OUTSIDE = code(
    "LW3045",
    "a lookup finds nothing in its table",
    "A key has no row in a table whose rule for outside keys is `error`, or lies between two whole "
    "numbers, or its cell is missing. The message says the table, the key, the lane and the "
    "period. Add the row, clamp or round the key, or guard the lookup with `where` in the same "
    "formula.",
)

LABELS_DISAGREE = code(
    "LW3046",
    "labels of an input are not those of another, or of the calendar",
    "Where two inputs say what is at each place along an axis (an index of pandas, coordinates of "
    "xarray, a `time` column), or one does and the model has dates, labels are compared: the same "
    "in another order are put in order, different ones are refused. The message has the first "
    "that differs. Give an array (`series.to_numpy()`) where places are meant.",
)

BAD_HORIZON = code(
    "LW3047",
    "a lane has no whole number of periods",
    "The horizon says how many periods each lane has: a whole number from 0 to the periods that "
    "are run, or that the model has. A number within a few units of the last place of one is that. "
    "Anything else is refused with the lane: a fraction (write floor or round, as it is meant), a "
    "negative number (write max(..., 0) for lanes that have ended), NaN, and more periods than "
    "there are (run more, or write min(..., 120) to stop after 120).",
)

BAD_MARK = code(
    "LW3029",
    "a mark of a circular node that makes no sense",
    "A node is marked as circular by its name, with a finite guess, 2 to 200 iterations, and what "
    "happens where no solution is reached: `failures='fault'` or `'nan'`. Of nodes that need each "
    "other one on each loop is marked, and 6 at most.",
)
NO_SOLUTION = code(
    "LW3061",
    "a circular node has no solution",
    "In a period of a lane Newton's method did not come to a value that the formula gives back, or "
    "came to one where its slope is 1, near which nothing tells solutions apart. The message names "
    "the nodes, and the first lanes. Check the formulas at that period, give guess= near the "
    "solution or more iterations=, or mark such lanes with failures='nan': result.residuals() then "
    "says how much is left of the loop in each period and lane.",
)
BAD_PROBLEM = code(
    "LW3062",
    "a problem that cannot be solved as it is put",
    "Solving finds inputs (the unknowns) such that outputs are 0 or within bounds, or one of them "
    "is least. Without an objective there are as many equations as unknowns; every unknown changes "
    "an output that is asked for; no lower bound is above its upper one; lanes are problems of "
    "their own, so that outputs are not summed over them.",
)
NOT_SOLVED = code(
    "LW3063",
    "a value is asked for of a problem that is not solved",
    "The solver stopped before a solution: the status says why. What it had then is in `variables` "
    "and `result`, and the way there in `solver_trace`. Begin elsewhere (give the unknowns as "
    "inputs), widen bounds, or look at the outputs that the message names.",
)
BAD_OVERRIDE = code(
    "LW3070",
    "a node that cannot be overridden",
    'Any node with a formula can be overridden: `model.run(override={"name": value})`, or '
    '`model.compile(overrides=["name"])` for a program that takes values for it. Inputs are given '
    "as inputs, and tables as tables.",
)
NOT_IN_SHEETS = code(
    "LW3081",
    "a model that no workbook can say",
    "`model.to_xlsx` writes formulas that a spreadsheet computes as the engines do. It has no "
    "`fma`, no exact `//` and `%` by a number such as 0.1, solves no loop within a period exactly, "
    "holds one lane, and has at most 16,384 columns and formulas of 8,192 letters. "
    "Leave such outputs out, or write results: `result.save`.",
)
NO_NAMED_CELLS = code(
    "LW3082",
    "a workbook whose named cells are no inputs of the model",
    "Inputs come from the cells that a workbook has named like them: one cell for a number, a row "
    "or a column for one over time. They hold numbers, or names of categories; formulas count as "
    "the spreadsheet last saved them.",
)
NO_DERIVATIVE = code(
    "LW3060",
    "a derivative that a program cannot give",
    "A gradient is of outputs with one value a lane, by inputs that are numbers. Of an output over "
    "time take a total, the last period or another one, or ask for `program.jacobian(...)` by "
    "inputs without the axis time. The names `d_output_d_input` and `along_input` must be free.",
)

UNEXPLAINED = code(
    "LW3071",
    "a number that cannot be explained",
    "An explanation runs one lane again with the inputs that the result was given, on a program "
    "that was compiled from a model in this process: a program from a file has no formulas, and a "
    "stream keeps no inputs. It is of one period (t=) and one lane (scenario=, by place from 0 or "
    "by label), and only of numbers that the inputs still give. Two runs are compared if they are "
    "of the same program, periods and lanes.",
)

# Data that a run is given, as arrays and as files.

BAD_INPUT = code(
    "LW3050",
    "an input's value does not fit its port",
    "An input is a number, an array of numbers, or labels where the port has categories. A plain "
    "array says nothing about its axes, so it fits a port only where that leaves no doubt: one "
    "dimension for one declared axis, the axes in the order of their declaration for several, "
    "(periods, scenarios) for a port over time, scenarios for a port without axes. "
    "Everything else is labelled: `lanework.series.along(axes, array)`.",
)
