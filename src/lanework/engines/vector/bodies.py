"""What each vector instruction does, as LLVM IR.

A stencil is a function of the frame, the nest's memory and dimensions, the period and the lane;
values come and go in vector registers. Ops are those of the one table; the rest moves values
between registers and memory and shifts them in time (`values.py`), looks up (`lookups.py`), and
writes and folds results (`results.py`).
"""

from __future__ import annotations

from lanework.core.ops.op import Op
from lanework.core.ops.table import ARITH
from lanework.engines.llvm.ir import emit_graph
from lanework.engines.vector.body import Body
from lanework.engines.vector.bodywriter import BodyWriter
from lanework.engines.vector.lookups import LOOKUPS
from lanework.engines.vector.results import RESULTS
from lanework.engines.vector.values import VALUES


def _op(op: Op) -> Body:
    graph = op.graph("f64")

    def write(w: BodyWriter, *values: str) -> str:
        return emit_graph(w, graph, list(values), w.width)

    return Body(op.name, len(graph.dtypes), True, write)


_OWN = VALUES | LOOKUPS | RESULTS
assert not _OWN.keys() & ARITH.keys()
BODIES: dict[str, Body] = _OWN | {name: _op(op) for name, op in ARITH.items()}
