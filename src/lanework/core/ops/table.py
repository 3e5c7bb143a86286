"""The op table: every op of every machine, each defined once, collected from their files.

To add one, write its function in a file of `core.ops.bodies`, with its documentation, special
cases, derivative, example and rules, and the numbers under which machines offer it. Nothing else
names it: files are found by themselves, and machines read this table.

Example:
    >>> from lanework.core.ops.table import ARITH
    >>> ARITH["max"](2.0, 3.0)
    array(3.)
    >>> list(ARITH)[:5]
    ['add', 'sub', 'mul', 'div', 'neg']
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from lanework.core.ops import bodies
from lanework.core.ops.bodies.words64 import I64, lift
from lanework.core.ops.expr import FLOATS
from lanework.core.ops.op import Offer, Op


def _collect() -> Iterator[Op]:
    seen: set[int] = set()
    for info in pkgutil.iter_modules(bodies.__path__):
        for value in vars(import_module(f"{bodies.__name__}.{info.name}")).values():
            if isinstance(value, Op) and id(value) not in seen:
                seen.add(id(value))
                yield value


def _by_name(ops: list[Op]) -> dict[str, Op]:
    named = {op.name: op for op in ops}
    if len(named) < len(ops):
        raise ValueError(
            f"two ops of one name: {[op.name for op in ops if op is not named[op.name]]}"
        )
    return named


_OPS = list(_collect())
_WORDS = {machine for op in _OPS if op.dtypes == I64 for machine in op.offers}

ARITH = _by_name(
    sorted(
        (op for op in _OPS if op.dtypes == FLOATS and "series" in op.offers),
        key=lambda op: op.offers["series"].code,
    )
)
"""Ops on floats that formulas have, by name, in the order of their numbers in series programs."""

IN_FORMULAS = {op.called or op.name: op for op in ARITH.values()}
"""The same by their names in formulas."""

INTEGER = _by_name(
    [
        *(op for op in _OPS if op.dtypes == I64),
        *(lift(op) for op in _OPS if op.dtypes == FLOATS and _WORDS & op.offers.keys()),
    ]
)
"""Ops on 64-bit words by name; machines with such ops hold floats by their bits."""

SINGLE = _by_name([op for op in _OPS if op.dtypes != I64 and "series" not in op.offers])
"""Other ops that are traced in f32 or i32, by name."""


def offered(machine: str) -> list[tuple[Op, Offer]]:
    """The ops that a machine has, by their numbers there.

    Example:
        >>> [(op.name, offer.code) for op, offer in offered("register")][:2]
        [('add', 0), ('sub', 1)]
    """
    words = INTEGER if machine in _WORDS else ARITH | SINGLE
    return sorted(
        ((op, op.offers[machine]) for op in words.values() if machine in op.offers),
        key=lambda pair: pair[1].code,
    )
