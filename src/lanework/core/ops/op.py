"""The op: one Python function that everything else derives from.

`@op(...)` above a function over traced scalars makes an `Op`. Its docstring is the op's
documentation, its `special` cases are checked on every engine, its `partials` feed the
adjoint, its traced body becomes the reference evaluation, LLVM IR, WGSL and the fuel cost. The
decorator also says which machines offer the op, under which number, and by which rules units and
intervals go through it, so that a new op is one function in one file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.ops.evaluate import NUMPY_DTYPE, evaluate
from lanework.core.ops.expr import FLOATS, Graph, Value, trace
from lanework.core.ops.interval import Interval
from lanework.core.ops.rules import Identity, UnitRule

IntervalRule = Callable[["Op", Sequence[Interval], str], Interval]
"""From an op, its operands' intervals and its dtype (f32 or f64) to an interval."""
Partials = Callable[..., tuple["Term | float | None", ...]]


@dataclass(frozen=True)
class Special:
    """One special-value rule: these arguments give this result (signed zeros count)."""

    args: tuple[float, ...]
    result: float


@dataclass(frozen=True)
class Term:
    """An op applied to terms, without evaluating it: what derivatives are written in.

    A leaf has no op: it is an argument (`index`), the op's own result (`index` = -1) or a
    constant (`value`).
    """

    op: Op | None
    args: tuple[Term, ...] = ()
    index: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class Offer:
    """How a machine has an op.

    Attributes:
        code: its number there. Numbers are written down, and never moved or given again.
        name: its mnemonic there, if that is another than the op's.
        immediate: the number of the form whose last operand is a number, if there is one.
        common: it is worth code of its own for each combination of pinned registers.
        since: the version of the machine's instruction set that first had it.
    """

    code: int
    name: str = ""
    immediate: int | None = None
    common: bool = False
    since: int = 1


@dataclass(eq=False)
class Op:
    """An operation on scalars, defined once.

    Attributes:
        name: the mnemonic, lower case.
        operands: the names of its operands, in order.
        body: the function over traced scalars.
        doc: what it does, from the body's docstring.
        special: its special-value rules.
        example: ``(args, result)``, run by the tests.
        ulp: the worst error against the exact result, in units in the last place, by dtype.
            0.5 means correctly rounded; ops that are exact say 0.
        commutes: swapping the two operands gives the same bits.
        dtypes: what its operands may be; the first is what its fuel is counted in.
        offers: the machines that have it, by name.
        units: what it makes of units; None for ops on words, which have none.
        interval: what it may give for operands in intervals; None says that its graph tells.
        identities: equations that hold to the bit, for simplifying.
        symbol: how formulas write it in Python: an operator, such as ``+``, or the special method
            of a built-in function, such as ``__abs__``.
        called: its name in formulas, if that is another than the op's.
        folds: formulas may give it more than two operands.
        partials: from terms for the operands and the result to each operand's derivative: a
            `Term`, a number, or None where it is zero everywhere it exists.
    """

    name: str
    operands: tuple[str, ...]
    body: Callable[..., Value]
    doc: str
    special: tuple[Special, ...] = ()
    example: tuple[tuple[float, ...], float] | None = None
    ulp: dict[str, float] = field(default_factory=dict)
    commutes: bool = False
    dtypes: tuple[str, ...] = FLOATS
    offers: dict[str, Offer] = field(default_factory=dict)
    units: UnitRule | None = None
    interval: IntervalRule | None = None
    identities: tuple[Identity, ...] = ()
    symbol: str = ""
    called: str = ""
    folds: bool = False
    partials: Partials | None = None

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    @functools.cache  # noqa: B019 - ops live as long as the process
    def graph(self, dtype: str = "f64") -> Graph:
        """The traced body in one float dtype (f64 or f32)."""
        if dtype not in self.dtypes:
            raise TypeError(f"{self.name} is traced in {' or '.join(self.dtypes)}, not {dtype}")
        return trace(self.body, (dtype,) * len(self.operands))

    @property
    def fuel(self) -> int:
        """Fuel for one application to one lane: its primitives, at least one."""
        return max(1, self.graph(self.dtypes[0]).cost)

    def gradient(self) -> tuple[Term | None, ...]:
        """The partial derivatives over leaf terms; all None for ops that are flat."""
        if self.partials is None:
            return (None,) * len(self.operands)
        leaves = [Term(None, index=i) for i in (*range(len(self.operands)), -1)]
        return tuple(
            Term(None, value=each) if isinstance(each, float) else each
            for each in self.partials(*leaves)
        )

    def __call__(self, *args: Any) -> Any:
        """Traced values inline the body, terms build a term, numbers evaluate in NumPy."""
        if len(args) != len(self.operands):
            raise TypeError(f"{self.name} takes {len(self.operands)} operands, got {len(args)}")
        if any(isinstance(arg, Value) for arg in args):
            return self.body(*_lift_values(args))
        if any(isinstance(arg, Term) for arg in args):
            terms = (a if isinstance(a, Term) else Term(None, value=float(a)) for a in args)
            return Term(self, tuple(terms))
        return self.evaluate(*args)

    def evaluate(self, *args: npt.ArrayLike) -> npt.NDArray[Any]:
        """The reference evaluation over float64 arrays (float32 if every argument is)."""
        arrays = [np.asarray(arg) for arg in args]
        single = all(array.dtype == np.float32 for array in arrays) and "f32" in self.dtypes
        dtype = "f32" if single else self.dtypes[0]
        out = evaluate(
            self.graph(dtype), [np.asarray(array, NUMPY_DTYPE[dtype]) for array in arrays]
        )
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        return np.broadcast_to(out, shape).astype(NUMPY_DTYPE[dtype], copy=False)


def _lift_values(args: Sequence[Any]) -> list[Value]:
    from lanework.core.ops.expr import const

    dtype = next(arg.dtype for arg in args if isinstance(arg, Value))
    return [arg if isinstance(arg, Value) else const(arg, dtype) for arg in args]


def op(
    *,
    special: Sequence[tuple[tuple[float, ...], float]] = (),
    example: tuple[tuple[float, ...], float] | None = None,
    ulp: float | dict[str, float] = 0.5,
    name: str | None = None,
    dtypes: tuple[str, ...] = FLOATS,
    series: int | Offer | None = None,
    fleet: int | Offer | None = None,
    register: int | Offer | None = None,
    units: UnitRule | None = None,
    interval: IntervalRule | None = None,
    identities: tuple[Identity, ...] = (),
    commutes: bool = False,
    symbol: str = "",
    called: str = "",
    folds: bool = False,
    partials: Partials | None = None,
) -> Callable[[Callable[..., Value]], Op]:
    """Make an `Op` of a function over traced scalars; operand names are its parameters.

    Raises:
        TypeError: it has no documentation, or an op on floats says nothing of units, or one on
            words nothing of intervals.
    """

    def wrap(body: Callable[..., Value]) -> Op:
        if not body.__doc__:
            raise TypeError(f"op {body.__name__} has no documentation")
        floats = not set(dtypes).isdisjoint(FLOATS)
        if floats and units is None:
            raise TypeError(f"op {body.__name__} has no rule for units")
        if not floats and interval is None:
            raise TypeError(f"op {body.__name__} has no rule for intervals")
        given = {"series": series, "fleet": fleet, "register": register}
        code = body.__code__
        return Op(
            name=name or body.__name__.rstrip("_"),
            operands=code.co_varnames[: code.co_argcount],
            body=body,
            doc=body.__doc__,
            special=tuple(Special(args, result) for args, result in special),
            example=example,
            ulp=ulp if isinstance(ulp, dict) else dict.fromkeys(dtypes, ulp),
            commutes=commutes,
            dtypes=dtypes,
            offers={
                machine: offer if isinstance(offer, Offer) else Offer(offer)
                for machine, offer in given.items()
                if offer is not None
            },
            units=units,
            interval=interval,
            identities=identities,
            symbol=symbol,
            called=called,
            folds=folds,
            partials=partials,
        )

    return wrap


def exact(
    dtypes: tuple[str, ...] = FLOATS, **common: Any
) -> Callable[..., Callable[[Callable[..., Value]], Op]]:
    """As `op`, for exact ops that have something in common: `made(example, special, **others)`."""

    def make(
        example: tuple[tuple[float, ...], float],
        special: Sequence[tuple[tuple[float, ...], float]] = (),
        **more: Any,
    ) -> Callable[[Callable[..., Value]], Op]:
        more = common | more
        return op(example=example, special=special, ulp=0.0, dtypes=dtypes, **more)

    return make
