"""Codes of the ground floor: LW0xxx.

Each explanation says what the code means, gives an example, and says what to do.
"""

from __future__ import annotations

from lanework.base.errors import code

MEMORY_CAP = code(
    "LW0101",
    "memory cap",
    "The run was estimated to need more memory than its cap, so it was refused before anything "
    "was allocated. The cap is `--memory` or `Limits(memory=...)`, and otherwise three quarters "
    "of the memory that the process may use: the machine's, or its control group's if that is "
    "less. One output over 360 periods and 10,000,000 lanes is 28.8 GB, for example. Ask for "
    "fewer outputs, sum outputs over lanes, or stream the lanes in blocks.",
)
BAD_LIMIT = code(
    "LW0102",
    "bad limit",
    "A limit could not be read or makes no sense. Sizes are bytes with an optional unit (512M, "
    "2GB, 2GiB; K, M, G and T are powers of 1,000, Ki, Mi, Gi and Ti of 1,024); durations are "
    "seconds with an optional unit (50ms, 2s, 3min); fuel and depth are whole numbers from 0, "
    "threads from 1. `--memory much` and `Limits(threads=0)` are refused, for example. Correct "
    "the limit, or leave it out.",
)
FILE_NOT_WRITTEN = code(
    "LW0201",
    "file not written",
    "A file could not be written whole, as with `--out no/such/folder/out.csv` or on a full disk. "
    "What was there before is still there: files are written beside the old one and then replace "
    "it. Check free space and permissions.",
)
# 0202 and 0203 were of journals, which are gone; the numbers are not given again.
AXES_DISAGREE = code(
    "LW0301",
    "axes disagree",
    "Two arrays give the same axis different lengths or labels. Axes are aligned by name: "
    "everything along one axis has its length and its order. Prices over 1,000 scenarios do not "
    "go with volumes over 500, for example. Give both the same places along the axis, or name "
    "one of the axes differently.",
)
AXES_MISNAMED = code(
    "LW0302",
    "axes do not fit an array",
    "An array has one axis for each of its dimensions, each with a name of its own and, if it is "
    "labelled, one label for each place. An array of shape (360, 1000) has two axes, such as "
    "`time` and `scenario`, for example. Name as many axes as the array has dimensions.",
)
UNKNOWN_UNIT = code(
    "LW0401",
    "unknown unit",
    "A unit is neither a currency code nor known to the unit registry, or its text cannot be "
    "read. Units are written as USD, 1/month, EUR/MWh, kg*m/s**2; `USDD/month` and `3*USD` are "
    "refused, for example. Correct the spelling, and put factors into the values. Scales with an "
    "offset, such as degrees Celsius, are no units for products: use kelvin.",
)
BAD_SEED = code(
    "LW0501",
    "bad seed",
    "Random numbers depend on a seed, a lane and an index, each a whole number from 0 to "
    "2**64 - 1. `uniform(-1, 0, 0)` is refused, for example. Use numbers in that range.",
)
BAD_ENVIRONMENT = code(
    "LW0601",
    "bad environment variable",
    "An environment variable has a value that cannot be used: `LANEWORK_THREADS` is a whole "
    "number from 1, so that `LANEWORK_THREADS=many` is refused, for example, and "
    "`LANEWORK_CPU_LEVEL` is `x86-64-v4`, `x86-64-v3` or `none`. Correct it or unset it.",
)
