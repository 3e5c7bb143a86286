"""Tables of functions, one for each instruction, step or function: that none lacks an entry."""

from typing import get_args, get_type_hints

from lanework.core.ops.table import ARITH
from lanework.engines import loops
from lanework.engines.llvm import steps as llvm
from lanework.engines.vector import writer as vector
from lanework.machines.series import verify
from lanework.machines.series.isa import AGGREGATES, ENDS, EXTREMES, LOOKUPS, OWN, SERIES, SHIFTS
from lanework.machines.series.language.functions import functions
from lanework.machines.series.layout import RowKind
from lanework.machines.series.native import integrality, nests
from lanework.machines.series.passes import emit, flatten, steprules, values
from lanework.machines.series.reference import scan


def test_instructions_of_the_machine():
    assert set(OWN) == SHIFTS | LOOKUPS | AGGREGATES | {ENDS}
    assert set(OWN) == {name for name, i in SERIES.by_name.items() if i.elementwise is None}
    assert set(scan.COLUMNS) == set(nests.STEPS) == set(OWN)
    assert set(scan.STEPS) == SHIFTS | LOOKUPS  # the gate lets no other into a loop
    assert set(EXTREMES) < AGGREGATES
    assert set(integrality.OWN) == set(OWN)
    assert set(nests.ROWS) == set(RowKind)


def test_operands_of_emitted_instructions():
    settings = {n for n in OWN if len(SERIES.by_name[n].operands) > 1}
    assert set(emit.OPERANDS) == settings


def test_operands_that_the_gate_checks():
    kinds = {spec.kind for instr in SERIES.by_name.values() for spec in instr.operands}
    assert set(verify.OPERANDS) == kinds


def test_steps_of_nests():
    steps = set(get_args(loops.Step))
    assert set(llvm.STEPS) == steps
    assert set(vector.STEPS) == steps - {loops.Fold}
    ways = set(get_args(get_type_hints(loops.Fold)["how"]))
    assert set(llvm.FOLDS) == set(vector.FOLDS) == ways


def test_functions_of_formulas():
    plain = {name for name, function in functions().items() if function.text is None}
    assert plain - set(flatten.SPECIAL) <= set(ARITH), "each is an op, or read in its own way"
    assert set(flatten.FOLD_OF.values()) == AGGREGATES
    assert plain <= set(steprules.RULES), "a rule for units and kinds"


def test_identities_of_ops():
    known = {identity.name for op in ARITH.values() for identity in op.identities}
    assert set(values.IDENTITIES) == known
