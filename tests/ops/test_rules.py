"""Numbers of instructions that stay, and tables of rules that are total over the op table."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from lanework.core.machine import MACHINES, find
from lanework.core.ops import op as rules
from lanework.core.ops.bounds import bounds
from lanework.core.ops.interval import Interval, between, point
from lanework.core.ops.op import Op, UnitRule
from lanework.core.ops.table import ARITH, INTEGER, SINGLE, offered
from lanework.machines.series.language.functions import functions
from lanework.machines.series.passes.steprules import OF_UNITS, RULES

NUMBERS = Path(__file__).with_name("numbers.txt")
ALL = [*ARITH.values(), *INTEGER.values(), *SINGLE.values()]


def listed() -> list[str]:
    """Machine, number, version, mnemonic and operands of every instruction."""
    return [
        " ".join(
            [
                name,
                str(each.code),
                f"v{each.since}",
                each.name,
                *(f"{spec.name}:{spec.kind.value}" for spec in each.operands),
            ]
        )
        for name in MACHINES
        for each in sorted(find(name).load("isa").by_code.values(), key=lambda each: each.code)
    ]


def test_numbers_stay() -> None:
    """What stands in the file has been saved in programs: lines are only ever added to it."""
    known = NUMBERS.read_text().splitlines()
    assert [line for line in known if line not in listed()] == [], "moved, renamed or gone"
    assert [line for line in listed() if line not in known] == [], "new: add these lines"
    numbers = [tuple(line.split()[:2]) for line in known]
    assert len(set(numbers)) == len(numbers), "a number is used twice"


def test_every_op_has_a_rule_for_units() -> None:
    known = {rule.name for rule in vars(rules).values() if isinstance(rule, UnitRule)} | {"root"}
    assert {op.units.name for op in ARITH.values() if op.units} == known
    assert all(op.units is not None for op in ARITH.values())
    assert set(OF_UNITS) == known


def test_every_function_of_formulas_has_a_rule() -> None:
    assert set(RULES) == {name for name, function in functions().items() if function.text is None}


def test_every_op_that_a_machine_has_is_its_instruction() -> None:
    for machine in ("series", "register", "fleet"):
        isa = find(machine).load("isa")
        ops = {each.elementwise.name for each in isa.by_code.values() if each.elementwise}
        assert ops == {op.name for op, _ in offered(machine)}
        for op, offer in offered(machine):
            assert isa.by_code[offer.code].elementwise is op
            assert isa.by_code[offer.code].since == offer.since
    assert all(op.offers for op in ALL if op.name not in ("random", "to_half", "from_half"))


ENDS = (
    -math.inf,
    -3e38,
    -1000.5,
    -2.0,
    -1.0,
    -0.25,
    0.0,
    1e-30,
    0.5,
    1.0,
    3.0,
    77.0,
    1e20,
    math.inf,
)


@pytest.mark.slow
@pytest.mark.parametrize("op", [op for op, _ in offered("fleet")], ids=lambda op: op.name)
def test_intervals_hold_what_ops_give(op: Op) -> None:
    """Random operands within random intervals: the result is within the bounds."""
    rng = np.random.default_rng(len(op.name))
    for _ in range(150):
        args, values = [], []
        for _ in op.operands:
            low, high = sorted(rng.choice(ENDS, 2).tolist())
            nan = bool(rng.random() < 0.1)
            args.append(between(low, high, nan) if rng.random() < 0.9 else point(low))
            few = [x for x in (*ENDS, *rng.normal(0, 30, 6)) if args[-1].low <= x <= args[-1].high]
            values.append([*few[:6], *([math.nan] if args[-1].nan else [])])
        made: Interval = bounds(op, args)
        for row in itertools.islice(itertools.product(*values), 60):
            words = [np.float32(x) for x in row]
            if "f32" not in op.dtypes:
                got = op(*(w.view(np.int32) for w in words)).astype(np.int32).view(np.float32)
            else:
                got = op(*words)
            assert float(got) in made or abs(float(got)) < 2.0**-126, (op, args, row, got, made)


def test_the_interval_of_a_sum_rounded_once_holds_ties() -> None:
    """The product is not a float, and its last bits decide how the sum is rounded."""
    for away in (-1.0, 1.0):
        a, b, c = 1 - away * 2.0**-13, (1 + away * 2.0**-13) * 2.0**-24, 1 + 2.0**-23
        got = ARITH["fma"](*map(np.float32, (a, b, c)))
        assert float(got) in bounds(ARITH["fma"], [point(x) for x in (a, b, c)])


def test_an_op_without_a_rule_is_refused() -> None:
    with pytest.raises(TypeError, match="has no rule for units"):

        @rules.op(series=9999)
        def nameless(a: object) -> object:
            """Something."""
            return a
