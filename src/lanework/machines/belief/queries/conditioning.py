"""Conditioning: a program that does not fit is made for known states of some variables, the cutset.

Every row becomes a lane for each joint state of these, and what these lanes say is recombined (J.
Pearl, Artif. Intell. 29, 1986; with elimination for the rest: R. Dechter, Artif. Intell. 113,
1999). Memory is bought with time, so it is done only where its estimate allows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Unpack

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.program.program import Program
from lanework.core.result.show import many
from lanework.core.runner import check_deadline
from lanework.machines.belief.data.answers import BEST, total_name
from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.data.posterior import Posterior
from lanework.machines.belief.graph.factor import listed
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.queries.cutset import ConditioningLanes, Cutset, Question
from lanework.machines.belief.queries.recombination import Recombination, absolute, logs_of
from lanework.machines.belief.runner import FEWER, Options, Runner
from lanework.machines.belief.semiring import WEIGHTED
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.walk import walk

F64 = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]
PATIENCE = 600.0  # seconds that may be estimated where there is no deadline
LANES, TERMS = 4096, 2e8  # of a chunk, between two looks at the deadline
HELP = (
    "raise the memory cap or the deadline, say which variables every row observes, ask for fewer"
    " variables, or ask for an approximation: lw.belief.loopy, --approximate loopy"
)


def fitting(
    question: Question,
    program: Program,
    evidence: Evidence,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Runner:
    """The program bound; if it does not fit, a few rows at a time, or conditioned until it does.

    Conditioning has to be estimated to take no longer than the deadline, without one ten minutes;
    lanes of a semiring of your own nobody can put together. `progress` hears how many lanes are
    done, and how many there are.

    Raises:
        Diagnostic: LW0101 where memory does not suffice, and conditioning would take too long.
    """
    plain = Runner(program, **options)
    rows = asked_rows(program, evidence.rows)
    refusal = plain.refusal(rows)
    if refusal is None:
        return plain
    if plain.custom is not None or plain.semiring == WEIGHTED:
        raise refusal
    cutset, within = Cutset(question, evidence), plain.limits.deadline or PATIENCE
    beside = kept_bytes(program, rows)
    plain.limits.check_memory(beside, many(rows, "row"), FEWER)
    # without a variable it only takes a few rows at a time
    runner = ConditionedRunner(program, cutset, progress, **options)
    while runner.refusal(1, beside) is not None:
        goal = cutset.terms * min(plain.limits.memory_cap / _tensors(runner), 1.0)
        grown = False
        while (not grown or cutset.terms > goal) and cutset.grow(within):
            grown = True
        if not grown or cutset.seconds > within:
            raise _refused(refusal, cutset, within)
        runner = ConditionedRunner(question.program(cutset.names), cutset, progress, **options)
    return runner


def asked_rows(program: Program, rows: int) -> int:
    """How many rows a program is run for."""
    several = 3 if program.header.get("query") == "sensitivity" else samples(program) or 1
    return rows * several


def samples(program: Program) -> int:
    """How many assignments are sampled for a row."""
    sampled = program.header.get("query") == "sample"
    return int(program.header.get("count", 1)) if sampled else 0


def _tensors(runner: Runner) -> int:
    known = walk(runner.program)
    return max(8 * (known.uniform + known.varying), 1)


def _refused(refusal: Diagnostic, cutset: Cutset, within: float) -> Diagnostic:
    """The refusal of the plain program, and why conditioning does not help."""
    if cutset.seconds > within:
        on = f" on {listed(cutset.names)}" if cutset.variables else ""
        why = f"conditioning{on} would take {duration(cutset.seconds)} or more"
    elif cutset.variables:
        why = f"conditioning does not help, not even on {listed(cutset.names)}"
    else:
        why = "what is asked cannot be answered case by case"
    return Diagnostic(refusal.code, f"{refusal.message}; {why}", help=HELP)


def duration(seconds: float) -> str:
    """A long time for people.

    Example:
        >>> [duration(x) for x in (90.0, 7200.0, 1e6, 1e9, 1e30)]
        ['90 s', '2 hours', '12 days', '32 years', '3e+22 years']
    """
    if seconds < 7200:
        return f"{seconds:.0f} s"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.0f} hours"
    if seconds < 2 * 365 * 86400:
        return f"{seconds / 86400:.0f} days"
    years = seconds / (365.25 * 86400)
    return f"{years:,.0f} years" if years < 1e6 else f"{years:.0e} years"


def entries(program: Program) -> dict[SlotKey, int]:
    """The slots of a program's answer but the total, and how many entries each has."""
    known, slots = walk(program).slots, BeliefView.of(program).slots
    keys = {port.row: slots[port.row] for port in program.outputs}
    return {key: known[row].entries for row, key in keys.items() if key != ("Z",)}


def kept_bytes(program: Program, rows: int) -> int:
    """Memory for what is put together, and for the answers made of it."""
    return 8 * rows * (3 * sum(entries(program).values()) + 4)


class ConditionedRunner(Runner):
    """A program for known states of a cutset, which is asked about all of them.

    Example:
        >>> from lanework.base.limits import Limits
        >>> from lanework.machines.belief.graph.model import FactorGraph
        >>> graph = FactorGraph()
        >>> for name in "abcd":
        ...     _ = graph.variable(name, 100)
        >>> for scope in ("ab", "bc", "cd", "da"):
        ...     _ = graph.factor(scope, np.eye(100) + 1.0)
        >>> question = Question(graph, "z", ["a", "b"], (), "prob")
        >>> nothing = Evidence({}, 1, single=True)
        >>> small = Limits(memory=1_000_000)
        >>> runner = fitting(question, question.program(), nothing, limits=small)
        >>> runner.explain().splitlines()[-1]
        'conditioned on d: 100 lanes for 1 row, 1 times the work'
        >>> float(runner({"a": "7"})["ln_p_evidence"].round(6))
        13.855313
    """

    def __init__(
        self,
        program: Program,
        cutset: Cutset,
        progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Bind a program that was made with the cutset among the observed variables."""
        super().__init__(program, **options)
        self.conditioned = cutset.variables
        self._sizes = [self.view.variables[v].size for v in cutset.variables]
        self._progress = progress
        self._terms = max(cutset.terms, 1.0)
        lanes, rows = int(cutset.lanes.sum()), len(cutset.lanes)
        self.note = ""
        if cutset.variables:
            work = f"{cutset.work / max(cutset.plain, 1.0):,.3g} times the work"
            what = f"{listed(cutset.names)}: {many(lanes, 'lane')} for {many(rows, 'row')}, {work}"
            self._stats["conditioning"] = self.note = f"conditioned on {what}"
        self._short = False  # one row may be many lanes

    def explain(self) -> str:
        """What will run how, and what it is conditioned on."""
        return f"{super().explain()}\n{self.note}".rstrip()

    def _posterior(
        self, evidence: Evidence, seed: int = 0, until: float | None = None
    ) -> Posterior:
        if samples(self.program):
            return self._sampled(evidence, seed, until)
        lanes = ConditioningLanes(evidence, self.conditioned, self._sizes)
        best = total_name(self.program, self.semiring) == BEST  # of assignments, whatever is summed
        semiring = "max" if best else self.semiring
        combined = Recombination(semiring, entries(self.program), evidence.rows)
        for rows, known, logs, _ in self._chunks(lanes, np.arange(lanes.count), until):
            combined.add(rows, self._run(known, {}, until), logs)
        return combined.posterior()

    def _sampled(self, evidence: Evidence, seed: int, until: float | None) -> Posterior:
        """A lane for each sample by the lanes' totals, and then the other states by the program."""
        count = samples(self.program)
        own = evidence.at(np.arange(0, evidence.rows, count))  # every row is there `count` times
        lanes = ConditioningLanes(own, self.conditioned, self._sizes)
        sums, totals = Recombination(self.semiring, {}, own.rows), np.zeros(lanes.count)
        for rows, known, logs, these in self._chunks(lanes, np.arange(lanes.count), until):
            posterior = self._run(known, self._chances(known.rows, seed), until)
            sums.add(rows, posterior, logs)
            totals[these] = logs_of(absolute(posterior.totals, self.semiring, logs))
        positions, chosen = self._chosen(lanes, totals, count, seed)
        slots = {key: np.zeros((n, evidence.rows)) for key, n in entries(self.program).items()}
        chances = self._chances(evidence.rows, seed)
        for _, known, _, these in self._chunks(lanes, chosen, until):
            some = {variable: numbers[positions[these]] for variable, numbers in chances.items()}
            posterior = self._run(known, some, until)
            for key, kept in slots.items():
                kept[:, positions[these]] = posterior.slots[key]
        totals = np.repeat(sums.posterior().totals, count)
        return Posterior(dict(slots), totals, np.zeros(evidence.rows, bool))

    def _chosen(
        self, lanes: ConditioningLanes, totals: F64, count: int, seed: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The places of samples from rows that are possible, and the lane of each."""
        rng = np.random.default_rng([seed, 1])  # not the numbers that the states are sampled with
        positions, chosen = [], []
        for row, (start, end) in enumerate(itertools.pairwise(lanes.starts.tolist())):
            chances = rng.random(count)
            top = totals[start:end].max(initial=-np.inf)
            if top > -np.inf:
                shares = np.cumsum(np.exp(totals[start:end] - top))
                chosen.append(start + np.searchsorted(shares, chances * shares[-1], side="right"))
                positions.append(np.arange(row * count, (row + 1) * count))
        nothing = [np.zeros(0, np.int64)]
        return np.concatenate(positions or nothing), np.concatenate(chosen or nothing)

    def _chunks(
        self, lanes: ConditioningLanes, numbers: npt.NDArray[np.int64], until: float | None
    ) -> Iterator[tuple[npt.NDArray[np.int64], Evidence, F64, slice]]:
        """Lanes in chunks that fit: rows, evidence, logarithms of weights, and which lanes."""
        size = self._chunk(lanes.evidence.rows, len(numbers))
        for start in range(0, len(numbers), size):
            check_deadline(until, "raise the deadline, or run fewer rows")
            these = slice(start, min(start + size, len(numbers)))
            yield *lanes.some(numbers[these]), these
            if self._progress is not None:
                self._progress(these.stop, len(numbers))

    def _chunk(self, rows: int, lanes: int) -> int:
        """How many lanes at a time fit beside what is kept for all rows."""
        kept = kept_bytes(self.program, rows)
        size = max(1, min(lanes, LANES, int(TERMS / self._terms)))
        while refusal := self.refusal(size, kept):
            if size == 1:
                raise refusal
            size //= 2
        return size
