"""A campaign of the fuzzer: the case of each seed is held to an oracle, and what differs is shrunk.

Generator, oracle and shrinker are a machine's own, in its room `check`; the seed names everything
that they do. Going through seeds on several processes, progress, stopping and going on, and the
report are the same for all.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from lanework.base.errors import InternalFault
from lanework.core import terminal
from lanework.core.codes import DIVERGENCE

EVERY = 60.0
"""Seconds after which a campaign without a bar says how far it is."""


@dataclass(frozen=True)
class Divergence:
    """A case that is not what the oracle says.

    Attributes:
        seed: of the case.
        way: how it was run, as the machine says that.
        what: what is wrong with it, in words.
        kind: of what kind that is, where a machine tells such apart.
    """

    seed: int
    way: Any
    what: str
    kind: str = ""

    def __str__(self) -> str:
        return f"seed {self.seed}, on {self.way}: {self.what}"


@dataclass(frozen=True)
class Campaign:
    """What a machine says of its fuzzer.

    Attributes:
        machine: its name.
        check: a function from a seed to what is wrong there, or in a few words how it ran, which
            are counted; processes must be able to import it.
        shrunk: the text of a small case that is wrong as a divergence is.
        cases: what the seeds name, in words.
        fault: what a divergence is, likewise.
        ways: how cases are run, likewise, if there is more to say than the engines' names.
        options: what the command line says besides, for the same campaign.
        block: how many seeds a process takes at a time.
        process: how processes are started, as `multiprocessing` calls it.
    """

    machine: str
    check: Callable[[int], Divergence | str | None]
    shrunk: Callable[[Divergence], str]
    cases: str = "programs"
    fault: str = "programs differ between engines"
    ways: str = ""
    options: str = ""
    block: int = 50
    process: str | None = None

    def run(
        self,
        count: int,
        start: int = 0,
        jobs: int = 1,
        *,
        seconds: float | None = None,
        progress: Callable[[int, int], None] | None = None,
        heard: Callable[[Divergence | str], None] = lambda outcome: None,
    ) -> list[Divergence]:
        """Check the seeds ``start`` to ``start + count``.

        Args:
            count: how many.
            start: the first.
            jobs: processes; one is this process.
            seconds: begin no further seed after so many; by default all are checked.
            progress: called with the seeds that are done, and all there are.
            heard: called with each divergence, and with how others ran where the machine says so.

        Returns:
            The divergences, in the order of their seeds.
        """
        until = None if seconds is None else time.monotonic() + seconds
        seeds = range(start, start + count)
        divergences: list[Divergence] = []
        with ExitStack() as stack:
            outcomes: Iterable[Divergence | str | None] = map(self.check, seeds)
            if jobs > 1:
                pool = ProcessPoolExecutor(jobs, multiprocessing.get_context(self.process))
                stack.callback(pool.shutdown, cancel_futures=True)
                outcomes = pool.map(self.check, seeds, chunksize=self.block)
            for done, outcome in enumerate(outcomes, 1):
                if isinstance(outcome, Divergence):
                    divergences.append(outcome)
                if outcome is not None:
                    heard(outcome)
                if progress is not None:
                    progress(done, count)
                if until is not None and time.monotonic() > until:
                    break
        return divergences

    def report(self, count: int, start: int, jobs: int, as_json: bool) -> None:
        """Run, with a bar, and print what came of it; an interrupted run says where to go on.

        Raises:
            InternalFault: LW8901, with the shrunk case of the first divergence in the notes.
        """
        began = time.perf_counter()
        with terminal.Bar(self.cases, shown=not as_json) as bar:
            account = _Account(self, count, start, bar)
            try:
                divergences = self.run(
                    count, start, jobs, progress=account.progress, heard=account.heard
                )
            except KeyboardInterrupt:
                account.reached(bar.done)
                account.counted()
                raise
        seconds = time.perf_counter() - began
        if divergences:
            first, *others = divergences
            raise InternalFault(
                DIVERGENCE,
                f"{len(divergences)} of {count:,} {self.fault}; the first is {first}",
                help=f"lanework fuzz {self.machine} {self.options}--seed {first.seed} --count 1 "
                "makes it again",
                notes=[*map(str, others[:9]), *self.shrunk(first).splitlines()],
            )
        if as_json:
            terminal.json_out(
                {self.cases: count, "first": start, "divergences": 0, "seconds": seconds}
                | ({"ran": dict(account.ran)} if account.ran else {})
            )
            return
        print(f"{count:,} {self.cases} from seed {start}: 0 divergences")
        terminal.message(f"took {seconds:.1f} s")
        account.counted()
        if self.ways:
            terminal.message(self.ways)


class _Account:
    """How far a campaign is, and what it says of that.

    Args:
        campaign: it.
        count: how many seeds.
        start: the first.
        bar: what shows how far it is, where it is shown.

    Attributes:
        ran: how many cases ran in which way.
    """

    def __init__(self, campaign: Campaign, count: int, start: int, bar: terminal.Bar) -> None:
        self.campaign, self.count, self.start, self.bar = campaign, count, start, bar
        self.ran, self._said = Counter[str](), time.monotonic()

    def heard(self, outcome: Divergence | str) -> None:
        """Count how a case ran; say at once what is wrong, as a long campaign may be ended."""
        if isinstance(outcome, str):
            self.ran[outcome] += 1
        else:
            terminal.message(str(outcome))

    def progress(self, done: int, total: int) -> None:
        """So many are done."""
        self.bar.update(done, total)
        if not self.bar.shown and time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            self.reached(done)

    def reached(self, done: int) -> None:
        """Say how many are done, and how to go on from there."""
        what, rest = self.campaign, f"--seed {self.start + done} --count {self.count - done}"
        terminal.message(
            f"{done:,} of {self.count:,} {what.cases} were checked; {what.options}{rest} goes on"
        )

    def counted(self) -> None:
        """Say how cases ran, the most first."""
        for way, count in self.ran.most_common():
            terminal.message(f"{count:,} ran as {way}")
