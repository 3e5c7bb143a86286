"""Numbers of instructions that stay, and tables of rules that are total over the op table."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from lanework.core.machine import MACHINES, find
from lanework.core.ops import expr, rules
from lanework.core.ops.bounds import bounds
from lanework.core.ops.expr import Value
from lanework.core.ops.interval import ANY, Interval, between, number, point
from lanework.core.ops.op import Op
from lanework.core.ops.op import op as define
from lanework.core.ops.rules import UnitRule
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
    assert {op.units.name for op in ALL if op.units} == known
    for op in ALL:
        assert (op.units is not None) == ("f32" in op.dtypes), op
    assert set(OF_UNITS) == known


@pytest.mark.parametrize("op", ALL, ids=lambda op: f"{op.name} {op.dtypes[0]}")
def test_every_op_has_a_rule_for_intervals(op: Op) -> None:
    """Its own, or a rule for each primitive of its graph."""
    for dtype in op.dtypes:
        bounds(op, [ANY] * len(op.operands), dtype)  # an op that lacks one is refused


def test_an_op_whose_graph_takes_numbers_apart_names_a_rule() -> None:
    @define(units=rules.KEEP)
    def bare(a: Value) -> Value:
        """Something."""
        return expr.from_bits(expr.bits(a))

    with pytest.raises(TypeError, match="op bare takes numbers apart, and has no rule"):
        bounds(bare, [ANY])


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


def held(value: float, within: Interval) -> bool:
    """Whether a result is where it was said to be: whole, with whole ends, if that was said."""
    ends = (value, within.low, within.high) if within.integral else ()
    return value in within and all(not math.isfinite(x) or x.is_integer() for x in ends)


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

WIDE = (*ENDS, -1e300, 1e300, 5e-324, -3e-310, 0.1, 12.0, 2.0**53 + 2)


@pytest.mark.slow
@pytest.mark.parametrize("op", ARITH.values(), ids=lambda op: op.name)
def test_intervals_of_f64_hold_what_ops_give(op: Op) -> None:
    """As below, in double precision, of whole numbers and others."""
    rng = np.random.default_rng(len(op.name))
    for _ in range(150):
        args, values = [], []
        for _ in op.operands:
            integral, nan = rng.random() < 0.5, bool(rng.random() < 0.1)
            round_ = np.trunc if integral else np.array
            low, high = sorted(round_(rng.choice(WIDE, 2)).tolist())
            args.append(Interval(low, high, nan, bool(integral)))
            some = round_([low, high, *WIDE, *rng.normal(0, 30, 6), *rng.normal(0, 1e17, 2)])
            some = some[(some >= low) & (some <= high)][:8].tolist()
            values.append([*some, *([math.nan] if nan else [])])
        out = bounds(op, args, "f64")
        rows = np.array(list(itertools.product(*values)))
        with np.errstate(all="ignore"):
            results = op(*rows.T)
        wrong = [(row, x) for row, x in zip(rows, results, strict=True) if not held(float(x), out)]
        assert not wrong, (op, args, wrong[0], out)


@pytest.mark.parametrize(
    ("name", "args", "out"),
    [
        ("mod", (Interval(-5, 30, False, True), number(12)), Interval(0, 11, True, True)),
        ("mod", (Interval(0, 30), number(12)), ANY),
        ("floordiv", (ANY, ANY), Interval(-math.inf, math.inf, True, True)),
        ("min", (ANY, number(4)), Interval(-math.inf, 4)),
        ("max", (number(4), ANY), Interval(4, math.inf, True)),
        ("lt", (Interval(0, 3), number(3)), Interval(0, 1, False, True)),
        ("select", (number(1), number(2), ANY), number(2)),
        ("add", (number(0.1), number(0.2)), number(0.1 + 0.2)),
    ],
)
def test_intervals_of_f64_are_tight(name: str, args: tuple[Interval, ...], out: Interval) -> None:
    assert bounds(ARITH[name], args, "f64") == out


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
        ends: Interval = bounds(op, args)
        for row in itertools.islice(itertools.product(*values), 60):
            words = [np.float32(x) for x in row]
            if "f32" not in op.dtypes:
                got = op(*(w.view(np.int32) for w in words)).astype(np.int32).view(np.float32)
            else:
                got = op(*words)
            assert float(got) in ends or abs(float(got)) < 2.0**-126, (op, args, row, got, ends)


def test_the_interval_of_a_sum_rounded_once_holds_ties() -> None:
    """The product is not a float, and its last bits decide how the sum is rounded."""
    for away in (-1.0, 1.0):
        a, b, c = 1 - away * 2.0**-13, (1 + away * 2.0**-13) * 2.0**-24, 1 + 2.0**-23
        got = ARITH["fma"](*map(np.float32, (a, b, c)))
        assert float(got) in bounds(ARITH["fma"], [point(x) for x in (a, b, c)])


@pytest.mark.parametrize(("dtypes", "what"), [(("f32",), "units"), (("i32",), "intervals")])
def test_an_op_without_a_rule_is_refused(dtypes: tuple[str, ...], what: str) -> None:
    with pytest.raises(TypeError, match=f"has no rule for {what}"):

        @define(dtypes=dtypes, fleet=9999)
        def nameless(a: object) -> object:
            """Something."""
            return a
