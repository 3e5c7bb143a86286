"""`lanework fuzz`: random programs on every engine against the reference."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, NoReturn

from lanework.base.errors import Diagnostic, InternalFault
from lanework.core import terminal
from lanework.core.codes import DIVERGENCE
from lanework.core.runner import check_engine
from lanework.core.terminal import Bar
from lanework.engines.codes import NO_ADAPTER

Run = Callable[[int, int, int, Callable[[int], None]], list[Any]]


def fuzz_belief(count: int, start: int, jobs: int, as_json: bool) -> None:
    """Check the factor graphs of seeds ``start`` to ``start + count`` against enumeration.

    Raises:
        InternalFault: LW8901, with the shrunk graph of the first divergence in the notes.
    """
    from lanework.machines.belief.check import fuzz
    from lanework.machines.belief.check.generate import random_case

    found, seconds = _checked("graphs", fuzz.run, count, start, jobs, as_json)
    if found:
        first = found[0]
        small = fuzz.shrink(random_case(first.seed), first)
        text = fuzz.script(small, first.way)
        _fail("belief", count, [str(each) for each in found], first.seed, text, "graphs are wrong")
    _say(count, start, seconds, as_json, "graphs")
    if not as_json:
        terminal.message("each as: " + "; ".join(map(str, fuzz.ways())))


def fuzz_fleet(count: int, start: int, jobs: int, as_json: bool, engine: str = "all") -> None:
    """Check the fleet programs of seeds ``start`` to ``start + count``.

    Args:
        count: how many.
        start: the first seed.
        jobs: processes.
        as_json: print a JSON object.
        engine: compare only the ways of this engine; all that can run here otherwise.

    Raises:
        Diagnostic: LW2003 for an engine that does not exist, LW2201 for one that cannot run here.
        InternalFault: LW8901, with the shrunk program of the first divergence in the notes.
    """
    from lanework.machines.fleet.check import fuzz
    from lanework.machines.fleet.runtime.choice import ENGINES

    if engine != "all":
        check_engine(engine, ENGINES)
    every = fuzz.ways(engine)
    if not every:
        raise Diagnostic(NO_ADAPTER, f"engine {engine!r} cannot run: {fuzz.why_not(engine)}")
    run = functools.partial(fuzz.run, name=engine)
    found, seconds = _checked("programs", run, count, start, jobs, as_json)
    if found:
        first = found[0]
        small = fuzz.shrunk(fuzz.case_of(first.seed), first)
        text = fuzz.script(small, first.way)
        _fail("fleet", count, [str(each) for each in found], first.seed, text)
    _say(count, start, seconds, as_json)
    if not as_json:
        terminal.message("each in one of these ways, in turn: " + "; ".join(map(str, every)))


def fuzz_register(count: int, start: int, jobs: int, as_json: bool) -> None:
    """Check the register programs of seeds ``start`` to ``start + count``.

    Raises:
        InternalFault: LW8901, with the shrunk program of the first divergence in the notes.
    """
    from lanework.machines.register.check import fuzz

    found, seconds = _checked("programs", fuzz.run, count, start, jobs, as_json)
    if found:
        first = found[0]
        small = fuzz.shrink(fuzz.program_of(first.seed), first.seed, first.engine)
        _fail("register", count, [str(each) for each in found], first.seed, small.dis())
    _say(count, start, seconds, as_json)


def fuzz_series(count: int, start: int, jobs: int, as_json: bool) -> None:
    """Check the programs of seeds ``start`` to ``start + count``.

    Raises:
        InternalFault: LW8901, with the shrunk program of the first divergence in the notes.
    """
    from lanework.machines.series.check import fuzz
    from lanework.machines.series.check.generate import random_inputs, random_program

    found, seconds = _checked("programs", fuzz.run, count, start, jobs, as_json)
    if found:
        first = found[0]
        periods, lanes = fuzz.shape_of(first.seed)
        program = random_program(first.seed)
        inputs = random_inputs(program, first.seed, periods, lanes)
        small = fuzz.shrink(program, inputs, periods, first.way)
        _fail("series", count, [str(each) for each in found], first.seed, small.dis())
    _say(count, start, seconds, as_json)


def _checked(
    what: str, run: Run, count: int, start: int, jobs: int, as_json: bool
) -> tuple[list[Any], float]:
    """The divergences and the seconds; an interrupted run says where to go on."""
    began = time.perf_counter()
    done = 0
    with Bar(what, shown=not as_json) as bar:

        def report(number: int) -> None:
            nonlocal done
            done = number
            bar.update(number, count)

        try:
            found = run(count, start, jobs, report)
        except KeyboardInterrupt:
            rest = f"--seed {start + done} --count {count - done}"
            terminal.message(f"{done:,} of {count:,} {what} were checked; {rest} goes on")
            raise
    return found, time.perf_counter() - began


def _say(count: int, start: int, seconds: float, as_json: bool, what: str = "programs") -> None:
    if as_json:
        terminal.json_out({what: count, "first": start, "divergences": 0, "seconds": seconds})
    else:
        print(f"{count:,} {what} from seed {start}: 0 divergences")
        terminal.message(f"took {seconds:.1f} s")


def _fail(
    machine: str,
    count: int,
    found: list[str],
    seed: int,
    listing: str,
    what: str = "programs differ between engines",
) -> NoReturn:
    raise InternalFault(
        DIVERGENCE,
        f"{len(found)} of {count:,} {what}; the first is {found[0]}",
        help=f"lanework fuzz {machine} --seed {seed} --count 1 makes it again",
        notes=[*found[1:10], *listing.splitlines()],
    )
