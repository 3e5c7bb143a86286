"""The series machine's instruction set: the op table, and what walks time or reads tables."""

from __future__ import annotations

from lanework.core.ops.bodies.arithmetic import max_, min_
from lanework.core.program.isa import ISA, Instr, OperandKind, OperandSpec, elementwise

_ROW, _LAG = OperandKind.ROW, OperandKind.LAG
_TABLE, _PERIOD = OperandKind.TABLE, OperandKind.PERIOD


def _own(name: str, code: int, doc: str, since: int = 1, **operands: OperandKind) -> Instr:
    specs = tuple(OperandSpec(n, kind) for n, kind in operands.items())
    return Instr(name, code, specs, doc, since=since)


_LEAD = "x[t + lag] where t + lag < n, the lane's number of periods, else final[t]."
_ENDS = "n, a whole number of periods of the run, for the horizon; the lane faults if it is none."
_OWN = (
    _own("prev", 4, "x[t - lag] where t >= lag, else initial[t].", x=_ROW, lag=_LAG, initial=_ROW),
    _own("lead", 5, _LEAD, x=_ROW, lag=_LAG, final=_ROW),
    _own("lookup1", 6, "The table's value at key i.", i=_ROW, table=_TABLE),
    _own("lookup2", 7, "The table's value at keys i and j.", i=_ROW, j=_ROW, table=_TABLE),
    _own("tsum", 8, "The sum of x over the lane's periods, in order from 0.0.", x=_ROW),
    _own("tmin", 9, "The op min folded over the lane's periods; NaN if none.", x=_ROW),
    _own("tmax", 10, "The op max folded over the lane's periods; NaN if none.", x=_ROW),
    _own("last", 11, "x in the lane's last period; NaN if it has none.", x=_ROW),
    _own("at", 12, "x in the given period; NaN if the lane has fewer.", x=_ROW, period=_PERIOD),
    _own("ends", 13, _ENDS, since=4, n=_ROW),
)

AGGREGATES = frozenset(("tsum", "tmin", "tmax", "last", "at"))
SHIFTS = frozenset(("prev", "lead"))
LOOKUPS = frozenset(("lookup1", "lookup2"))
ENDS = "ends"
"""What makes a horizon that is exact; any other row is one that is rounded down, as it once was."""
EXTREMES = {"tmin": min_, "tmax": max_}
"""The op that each of these folds over the lane's periods."""
OWN = tuple(instr.name for instr in _OWN)
"""The instructions that are no ops of the table."""

SERIES = ISA("series", [*elementwise("series"), *_OWN])
