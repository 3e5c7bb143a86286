"""`lanework fuzz`: random programs on every engine against the reference."""

from __future__ import annotations

import time

from lanework.app import render
from lanework.app.codes import DIVERGENCE
from lanework.app.progress import Bar
from lanework.base.errors import InternalFault


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
    seconds = time.perf_counter() - began
    if as_json and not found:
        render.json_out({"programs": count, "first": start, "divergences": 0, "seconds": seconds})
    elif not found:
        print(f"{count:,} programs from seed {start}: 0 divergences")
        render.message(f"took {seconds:.1f} s")
    else:
        first = found[0]
        periods, lanes = fuzz.shape_of(first.seed)
        program = random_program(first.seed)
        inputs = random_inputs(program, first.seed, periods, lanes)
        small = fuzz.shrink(program, inputs, periods, first.width)
        raise InternalFault(
            DIVERGENCE,
            f"{len(found)} of {count:,} programs differ between engines; the first is {first}",
            help=f"lanework fuzz series --seed {first.seed} --count 1 makes it again",
            notes=[*(str(divergence) for divergence in found[1:10]), *small.dis().splitlines()],
        )
