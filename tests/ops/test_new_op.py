"""A new op is one function in one file: all machines that it names have it, in text and at work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

OP = '''
from lanework.core.ops import expr
from lanework.core.ops.op import Offer, op
from lanework.core.ops.rules import KEEP


@op(special=(((-3.0,), -0.75),), example=((1.0,), 0.5), units=KEEP, series=9001, fleet=9001,
    register=187)
def softsign(a):
    """a / (1 + |a|), between -1 and 1."""
    return a / (1.0 + expr.fabs(a))


@op(example=((4.0,), 2.0), units=KEEP, fleet=9002, register=Offer(192, "fhalf"))
def half(a):
    """Half of a; formulas have no use for it."""
    return a * 0.5
'''

USE = """
import struct, sys, warnings
import numpy as np
import lanework.core.ops.bodies as bodies
bodies.__path__.append(sys.argv[1])
import lanework as lw

x = np.array([-3.0, 0.0, 1.0, 7.0])
want = x / (1 + abs(x))
model = lw.series.Model("m", periods=1)
model.input("x", unit="USD")
model.formula("y", "softsign(x)", unit="USD")
for engine in ("reference", "llvm"):
    assert lw.compile(model).run(engine=engine, x=x)["y"].tolist() == want.tolist(), engine
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    assert lw.compile(model).run(x=x)["y"].tolist() == want.tolist()

text = '''
.machine fleet
.buffer x, 0, 4, inout
.routine go
    VMID r0
    READ r1, r0
    SOFTSIGN r1, r1
    HALF r1, r1
    WRITE r0, r1
    HALT
.phase wait_all
    .launch go, 4
'''
program = lw.fleet.assemble(text)
assert "SOFTSIGN" in program.dis()
assert np.allclose(program.run(engine="reference", x=x)["x"], want / 2)

program = lw.register.assemble("fsoftsign r0, r1\\nfhalf r0, r0\\nop24.fhalf r0, r0\\nhalt")
given = struct.unpack("<q", struct.pack("<d", -3.0))[0]
with warnings.catch_warnings(record=True) as seen:  # the shipped stencils do not know it
    warnings.simplefilter("always")
    for engine in ("reference", "auto"):
        bits = int(program.run(engine=engine, r1=given)["r0"])
        assert struct.unpack("<d", struct.pack("<Q", bits % 2**64))[0] == -0.1875, engine
assert "made for another version" in str(seen[0].message)
print("held")
"""


@pytest.mark.slow
def test_a_new_op_is_one_function_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "softsign.py").write_text(OP)
    run = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert run.stdout == "held\n", run.stderr
