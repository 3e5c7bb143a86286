"""The op: one Python function that everything else derives from.

`@op(...)` above a function over traced scalars makes an `Op`. Its docstring is the op's
documentation, its `special` cases are checked on every engine, its `derivative` feeds the
adjoint, its traced body becomes the reference evaluation, LLVM IR, WGSL and the fuel cost.
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
        partials: for each operand the derivative as a `Term`, or None where it is zero
            everywhere it exists.
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
    partials: Callable[..., tuple[Term | None, ...]] | None = None

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

    def derivative(
        self, function: Callable[..., tuple[Term | None, ...]]
    ) -> Callable[..., tuple[Term | None, ...]]:
        """Decorator: `function(*operand terms, result term)` gives one partial an operand."""
        self.partials = function
        return function

    def gradient(self) -> tuple[Term | None, ...]:
        """The partial derivatives over leaf terms; all None for ops that are flat."""
        if self.partials is None:
            return (None,) * len(self.operands)
        leaves = [Term(None, index=i) for i in range(len(self.operands))]
        return self.partials(*leaves, Term(None, index=-1))

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
    commutes: bool = False,
    name: str | None = None,
    dtypes: tuple[str, ...] = FLOATS,
) -> Callable[[Callable[..., Value]], Op]:
    """Make an `Op` of a function over traced scalars; operand names are its parameters."""

    def wrap(body: Callable[..., Value]) -> Op:
        if not body.__doc__:
            raise TypeError(f"op {body.__name__} has no documentation")
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
        )

    return wrap
