"""`lanework fuzz`: random programs on every engine against the reference."""

from __future__ import annotations

import time
from typing import NoReturn

from lanework.app import render
from lanework.app.codes import DIVERGENCE
from lanework.app.progress import Bar
from lanework.base.errors import InternalFault


def fuzz_register(count: int, start: int, jobs: int, as_json: bool) -> None:
    """Check the register programs of seeds ``start`` to ``start + count``.

    Raises:
        InternalFault: LW8901, with the shrunk program of the first divergence in the notes.
    """
    from lanework.machines.register import fuzz

    began = time.perf_counter()
    with Bar("programs", shown=not as_json) as bar:
        found = fuzz.run(count, start, jobs, lambda done: bar.update(done, count))
    if found:
        first = found[0]
        small = fuzz.shrink(fuzz.program_of(first.seed), first.seed, first.engine)
        _fail("register", count, [str(each) for each in found], first.seed, small.dis())
    _say(count, start, time.perf_counter() - began, as_json)


def fuzz_series(count: int, start: int, jobs: int, as_json: bool) -> None:
    """Check the programs of seeds ``start`` to ``start + count``.

    Raises:
        InternalFault: LW8901, with the shrunk program of the first divergence in the notes.
    """
    from lanework.machines.series import fuzz
    from lanework.machines.series.generate import random_inputs, random_program

    began = time.perf_counter()
    with Bar("programs", shown=not as_json) as bar:
        found = fuzz.run(count, start, jobs, lambda done: bar.update(done, count))
    if found:
        first = found[0]
        periods, lanes = fuzz.shape_of(first.seed)
        program = random_program(first.seed)
        inputs = random_inputs(program, first.seed, periods, lanes)
        small = fuzz.shrink(program, inputs, periods, first.way)
        _fail("series", count, [str(each) for each in found], first.seed, small.dis())
    _say(count, start, time.perf_counter() - began, as_json)


def _say(count: int, start: int, seconds: float, as_json: bool) -> None:
    if as_json:
        render.json_out({"programs": count, "first": start, "divergences": 0, "seconds": seconds})
    else:
        print(f"{count:,} programs from seed {start}: 0 divergences")
        render.message(f"took {seconds:.1f} s")


def _fail(machine: str, count: int, found: list[str], seed: int, listing: str) -> NoReturn:
    raise InternalFault(
        DIVERGENCE,
        f"{len(found)} of {count:,} programs differ between engines; the first is {found[0]}",
        help=f"lanework fuzz {machine} --seed {seed} --count 1 makes it again",
        notes=[*found[1:10], *listing.splitlines()],
    )
