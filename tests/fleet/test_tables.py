"""What is registered by instruction is total: none is missing, and none is there that is not."""

import pytest

from lanework.machines.fleet.analysis import abstract, controlflow, transfer
from lanework.machines.fleet.gpu.kernels import branch, io, oracle, ordered
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.reference import control, steps
from lanework.machines.fleet.reference import ordered as turns

INFOS = list(FLEET.by_name.values())
COMPUTED = [info for info in INFOS if info.kernel is Kernel.ORACLE and info.elementwise is None]
BRANCHES = [info for info in INFOS if info.kernel is Kernel.BRANCH]
SHARED = [info for info in INFOS if info.kernel is Kernel.IO]
ORDERED = [info for info in INFOS if info.ordered]
ATOMICS = [info for info in ORDERED if "addr" in {spec.name for spec in info.operands}]


@pytest.mark.parametrize(
    ("table", "infos"),
    [
        (steps.COMPUTED, COMPUTED),
        (transfer.EFFECTS, COMPUTED + SHARED),
        (transfer.BRANCHES, BRANCHES),
        (control.HANDLERS, BRANCHES + [info for info in SHARED if not info.ordered]),
        (turns.TURNS, ORDERED),
        (oracle.BODIES, COMPUTED),
        (branch.BODIES, BRANCHES),
        (io.BODIES, [info for info in SHARED if not info.ordered or info in ATOMICS]),
        (ordered.BODIES, ORDERED),
        (ordered.ATOMICS, ATOMICS),
        (
            controlflow.ELSEWHERE,
            [info for info in INFOS if info.target is not None and (info.ordered or not info.ends)
             and info.name[:6] != "BRANCH"],
        ),
    ],
)  # fmt: skip
def test_tables_are_total(table, infos):
    assert set(table) == {info.name for info in infos}


def test_comparisons_of_branches():
    tests = {info.test for info in BRANCHES} - {None}
    assert set(abstract.TESTS) == tests
    for test, of in abstract.TESTS.items():
        assert abstract.TESTS[of.opposite].opposite is abstract.TESTS[of.mirror].mirror is test


def test_every_instruction_has_a_meaning():
    for info in INFOS:
        linear = info.kernel is Kernel.LINEAR
        assert (info.linear is not None) is linear, info.name
        assert not (linear and info.elementwise), info.name
