"""The values of a model: what its formulas compute, each once, in an order that can be run.

A value is an op with operands, numbered from 0. Operands come before what uses them, but for one
case: what `prev` or `lead` looks at may come later, which is how a recurrence closes. Values
that compute the same are one value (hash-consing), so names and repeated terms cost nothing.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.ops.bodies import arithmetic
from lanework.core.ops.op import Op
from lanework.core.ops.rules import Identity
from lanework.core.ops.table import ARITH
from lanework.machines.series.codes import UNSUPPORTED
from lanework.machines.series.language.expression import Expr
from lanework.machines.series.language.tables import Floats, KeyDim

Key = tuple[Any, ...]

INPUT, CONST, TIME, PERIODS = "input", "const", "time", "periods"
UNKNOWN = "unknown"
"""What stands for a circular node until it is solved."""
LEAVES = frozenset((INPUT, CONST, TIME, PERIODS, UNKNOWN))
OPEN = -1
"""The operand of a `prev` or `lead` whose formula has not been read yet."""

_pack = struct.Struct("<d").pack


@dataclass(slots=True, eq=False)
class TableData:
    """One block of cells that lookups read: the keys, the cells, and the table it comes from."""

    name: str
    dims: tuple[KeyDim, ...]
    data: Floats

    @property
    def faults(self) -> bool:
        """Whether a lookup can fail."""
        return any(dim.faults for dim in self.dims)


@dataclass
class Kinds:
    """Units and temporal kinds of a model: by default, of one that declares none.

    Attributes:
        units: the unit of each node, as text; "" is none.
        kinds: the kind of each node, "" where it is open.
        factors: for a step of a formula (by id) a factor for each operand.
        scale: for a formula the factor into its declared unit.
        notes: a line for each conversion.
    """

    units: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    factors: dict[int, tuple[float, ...]] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def conversions(self, name: str, steps: Iterable[Expr]) -> list[str]:
        """By what operands of a formula's steps, and all of it, are multiplied for their units."""
        return [
            f"`{arg}` times {factor:.10g}"
            for step in steps
            for arg, factor in zip(step.args, self.factors.get(id(step), ()), strict=False)
            if factor != 1.0
        ] + ([f"all times {self.scale[name]:.10g}"] if name in self.scale else [])


class Values:
    """The value graph under construction.

    Attributes:
        ops: for each value its op, or `input`, `const`, `time`, `periods`.
        args: its operands.
        settings: an input's number, a constant, a lag, a table's number or a period.
        owners: the node whose formula made it first, "" for none.
        exprs: the piece of formula that made it, or None.
        tables: the blocks of cells that lookups read.
    """

    def __init__(self, *, simplify: bool = True) -> None:
        self.ops: list[str] = []
        self.args: list[tuple[int, ...]] = []
        self.settings: list[Any] = []
        self.owners: list[str] = []
        self.exprs: list[Expr | None] = []
        self.tables: list[TableData] = []
        self.simplify = simplify
        self.folded = 0
        self.simplified = 0
        self.owner = ""
        self._memo: dict[Key, int] = {}
        self._commutes = {name for name, op in ARITH.items() if op.commutes}

    def _new(self, op: str, args: tuple[int, ...], setting: Any, expr: Expr | None) -> int:
        self.ops.append(op)
        self.args.append(args)
        self.settings.append(setting)
        self.owners.append(self.owner)
        self.exprs.append(expr)
        return len(self.ops) - 1

    def _once(self, key: Key, op: str, args: tuple[int, ...], setting: Any, expr: Any) -> int:
        value = self._memo.get(key)
        if value is None:
            value = self._memo[key] = self._new(op, args, setting, expr)
        return value

    def const(self, value: float) -> int:
        """A constant; every NaN is one constant, and the two zeros are two."""
        key = (CONST, _pack(value if value == value else math.nan))
        known = self._memo.get(key)
        if known is None:
            known = self._memo[key] = self._new(CONST, (), value, None)
        return known

    def leaf(self, op: str, setting: Any = None) -> int:
        """An input (by its number), the period's index, or the number of periods."""
        return self._once((op, setting), op, (), setting, None)

    def apply(self, op: str, args: tuple[int, ...], expr: Expr | None = None) -> int:
        """An element-wise op; constants are folded and neutral operands dropped."""
        key: Key = (op, *args)
        value = self._memo.get(key)
        if value is not None:
            return value
        if self.simplify:
            better = self._simpler(op, args, expr)
            if better is not None:
                self._memo[key] = better
                return better
        if len(args) == 2 and op in self._commutes:
            swapped = self._memo.get((op, args[1], args[0]))
            if swapped is not None:
                return swapped
        value = self._memo[key] = self._new(op, args, None, expr)
        return value

    def lookup(self, table: int, keys: tuple[int, ...], expr: Expr | None = None) -> int:
        """A cell of a table."""
        op = "lookup1" if len(keys) == 1 else "lookup2"
        return self._once((op, table, *keys), op, keys, table, expr)

    def fold(self, op: str, x: int, setting: int | None = None, expr: Expr | None = None) -> int:
        """A value of the whole of time: tsum, tmin, tmax, last, at (with its period), ends."""
        return self._once((op, x, setting), op, (x,), setting, expr)

    def shift(self, op: str, x: int, fill: int, lag: int, expr: Expr | None = None) -> int:
        """`prev` or `lead` of a value that is there already."""
        return self._once((op, x, fill, lag), op, (x, fill), lag, expr)

    def shift_of_name(self, op: str, name: str, fill: int, lag: int, expr: Expr | None) -> int:
        """`prev` or `lead` of a node: the same one each time, whether it is there or open yet.

        An open one is closed with `close`.
        """
        return self._once((op, ".", name, fill, lag), op, (OPEN, fill), lag, expr)

    def open_shift(self, op: str, fill: int, lag: int, expr: Expr | None) -> int:
        """`prev` or `lead` of something to be given later with `close`."""
        return self._new(op, (OPEN, fill), lag, expr)

    def close(self, shift: int, x: int) -> None:
        """Say what an open `prev` or `lead` looks at."""
        fill = self.args[shift][1]
        self.args[shift] = (x, fill)
        self._memo.setdefault((self.ops[shift], x, fill, self.settings[shift]), shift)

    # Simplification: only what leaves every bit as it is ------------------------------------------

    def _simpler(self, op: str, args: tuple[int, ...], expr: Expr | None) -> int | None:
        ops, settings = self.ops, self.settings
        constants: list[Any] = [settings[arg] if ops[arg] == CONST else None for arg in args]
        if None not in constants:
            number = float(_PLAIN.get(op, ARITH[op].evaluate)(*constants))
            if math.isinf(number) and expr is not None and all(map(_finite_and_no_zero, constants)):
                raise Diagnostic(
                    UNSUPPORTED,
                    f"the constant `{expr}` is beyond 1.8e308",
                    span=expr.span,
                    help="floats end there: write a smaller number, or a logarithm of it",
                )
            if not math.isfinite(number) and all(map(math.isfinite, constants)):
                return None  # a pole: its instruction says where it is
            self.folded += 1
            return self.const(number)
        for rule in _RULES[op]:
            out = rule(self, args, constants, expr)
            if out is not None:
                self.simplified += 1
                return out
        return None


def _finite_and_no_zero(x: float) -> bool:
    """Whether what is made of it is infinite only where it overflows, and not at a pole."""
    return math.isfinite(x) and x != 0.0


Args = tuple[int, ...]
Known = Sequence[float | None]  # for each operand its value, if it is a constant
Rule = Callable[[Values, Args, Known, Expr | None], int | None]


def _selection(values: Values, args: Args, known: Known, expr: Expr | None) -> int | None:
    condition, (_, yes, no) = known[0], args
    if condition is not None:
        return yes if condition != 0.0 else no
    return yes if yes == no else None


def _idempotent(values: Values, args: Args, known: Known, expr: Expr | None) -> int | None:
    return args[0] if args[0] == args[1] else None


def _involution(op: Op) -> Rule:
    def rule(values: Values, args: Args, known: Known, expr: Expr | None) -> int | None:
        return values.args[args[0]][0] if values.ops[args[0]] == op.name else None

    return rule


def _neutral(value: float, side: int) -> Rule:
    wanted = _pack(value)  # zeros have signs

    def rule(values: Values, args: Args, known: Known, expr: Expr | None) -> int | None:
        x = known[side]
        return args[1 - side] if x == value and _pack(x) == wanted else None

    return rule


def _reciprocal(product: str) -> Rule:
    def rule(values: Values, args: Args, known: Known, expr: Expr | None) -> int | None:
        divisor = known[1]
        if divisor is None:
            return None
        mantissa, exponent = math.frexp(divisor)
        if abs(mantissa) != 0.5 or abs(exponent) >= 1000:
            return None  # it, or its reciprocal, is no normal power of two
        return values.apply(product, (args[0], values.const(1.0 / divisor)), expr)

    return rule


IDENTITIES: dict[str, Callable[[Op, Identity], Rule]] = {
    "idempotent": lambda op, identity: _idempotent,
    "involution": lambda op, identity: _involution(op),
    "selection": lambda op, identity: _selection,
    "neutral": lambda op, identity: _neutral(identity.value, identity.side),
    "reciprocal": lambda op, identity: _reciprocal(identity.product),
}
"""What gives the value that an equation makes of an op, if it applies to the operands."""

_RULES = {
    name: [IDENTITIES[each.name](op, each) for each in op.identities] for name, op in ARITH.items()
}

_PLAIN: dict[str, Callable[[float, float], float]] = {
    arithmetic.add.name: operator.add,
    arithmetic.sub.name: operator.sub,
    arithmetic.mul.name: operator.mul,
}
"""What is the same in Python as in the op table, and much faster there."""
