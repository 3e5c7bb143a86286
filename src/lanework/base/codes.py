"""Codes of the ground floor: LW0xxx."""

from __future__ import annotations

from lanework.base.errors import code

MEMORY_CAP = code(
    "LW0101",
    "memory cap",
    "The run was estimated to need more memory than its cap, so it was refused before anything "
    "was allocated. The cap is `--memory` or `Limits(memory=...)`, and three quarters of the "
    "machine's memory otherwise. Ask for fewer outputs, sum outputs over lanes, or stream the "
    "lanes in blocks.",
)
BAD_LIMIT = code(
    "LW0102",
    "bad limit",
    "A size or a duration could not be read. Sizes are bytes with an optional unit (512M, 2GB, "
    "2GiB); durations are seconds with an optional unit (50ms, 2s, 3min).",
)
FILE_NOT_WRITTEN = code(
    "LW0201",
    "file not written",
    "A file could not be written whole. What was there before is still there: files are written "
    "beside the old one and then replace it. Check free space and permissions.",
)
AXES_DISAGREE = code(
    "LW0301",
    "axes disagree",
    "Two arrays give the same axis different lengths. Axes are aligned by name: everything along "
    "one axis has its length.",
)
UNKNOWN_UNIT = code(
    "LW0401",
    "unknown unit",
    "A unit is neither a currency code nor known to the unit registry. Units are written as "
    "USD, 1/month, EUR/MWh, kg*m/s**2.",
)
UNITS_CLASH = code(
    "LW0402",
    "units clash",
    "Two quantities of different dimensions were added, compared or converted into each other.",
)
