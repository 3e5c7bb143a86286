"""The op table: every element-wise operation of every machine, each defined once.

The order is part of the binary encoding of programs: a new op goes at the end, and none is
ever moved or taken out. To add one, write its function in a file of `core.ops`, with
its documentation, special cases, derivative and example, and name it at the end of `ARITH`.

Example:
    >>> from lanework.core.ops.table import ARITH
    >>> ARITH["max"](2.0, 3.0)
    array(3.)
    >>> list(ARITH)[:5]
    ['add', 'sub', 'mul', 'div', 'neg']
"""

from __future__ import annotations

from lanework.core.ops import arctangent, basic, erf, exp, log, power, tanh, trig
from lanework.core.ops.op import Op

ARITH: dict[str, Op] = {
    op.name: op
    for op in (
        *basic.OPS,
        *(exp.exp, log.log, trig.sin, trig.cos, trig.tan, tanh.tanh),
        *(power.power, arctangent.atan2, erf.erf, erf.normcdf),
    )
}
