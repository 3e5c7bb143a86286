"""UAI, the format of the UAI inference competitions: models, evidence and results.

A model is words: its kind, the sizes of variables, the scopes of factors, and their tables, in
which the last variable of a scope is the fastest. Variables and states have numbers, not names.
What follows a `#` on a line is a comment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.base.span import Span, span_at
from lanework.core.data.values import Given, exactly
from lanework.core.options import text_of
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_claim, check_graph, error_context
from lanework.machines.belief.graph.words import floats_of, split_words

_COMMENT = re.compile(r"#[^\n]*")
DIGITS = 18  # of whole numbers: nothing is counted that has more


class Words:
    """The words of a text, with places for messages.

    All that read words raise LW5003, at the word that was read last.
    """

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        if "#" in text:  # comments become blanks, so that words stay where they are
            text = _COMMENT.sub(lambda comment: " " * len(comment[0]), text)
        self._plain = text
        self.words = split_words(text)
        self.at = 0

    def span(self) -> Span:
        """The word that was read last."""
        read = islice(re.finditer(r"\S+", self._plain), max(self.at, 1))
        start = max((word.start() for word in read), default=0)
        return span_at(self.text, self.source, start)

    def wrong(self, message: str) -> Diagnostic:
        """A diagnostic at the word that was read last."""
        return Diagnostic(BAD_NETWORK, message, span=self.span())

    def word(self) -> str:
        """The next word."""
        if self.at >= len(self.words):
            raise self.wrong("the text ends too soon")
        self.at += 1
        return self.words[self.at - 1]

    def integer(self, what: str, most: float = math.inf) -> int:
        """The next word as a whole number, at most so large."""
        word = self.word()
        if not word.isdecimal() or len(word) > DIGITS or int(word) > most:
            raise self.wrong(f"{word!r} is no {what}")
        return int(word)

    def numbers(self, count: int) -> npt.NDArray[np.float64]:
        """The next words as numbers."""
        part = self.words[self.at : self.at + count]
        if len(part) < count:
            self.at = len(self.words)
            raise self.wrong(f"a table of {count} numbers ends too soon")
        try:
            numbers = floats_of(part)
        except ValueError:
            for word in part:
                self.at += 1
                try:
                    floats_of([word])
                except ValueError:
                    break
            raise self.wrong("a table holds numbers") from None
        self.at += count
        return numbers


def read_uai(text: str, source: str = "model.uai") -> FactorGraph:
    """A model; its variables are named 0, 1, 2..., and so are their states.

    Raises:
        Diagnostic: LW5003, LW5001, LW5002 or LW5004, with line and column.

    Example:
        >>> read_uai("MARKOV 2 2 3 1 2 0 1 6 1 2 3 4 5 6").factors[0].table.shape
        (2, 3)
    """
    text = text_of(text)
    words = Words(text, source)
    kind = words.word()
    if kind not in ("MARKOV", "BAYES"):
        raise words.wrong(f"{kind!r} is no kind of model; there is MARKOV and BAYES")
    graph = FactorGraph(source)
    count, states = words.integer("number of variables"), 0
    for number in range(count):
        size = words.integer("number of states")
        if size == 0:
            raise words.wrong("a variable has states")
        states += size
        check_claim(states, text, words.span)
        with error_context(words.span):
            graph.variable(str(number), size)
    scopes = []
    for _ in range(words.integer("number of factors")):
        length = words.integer("length of a scope", count)
        scopes.append([words.integer("variable", count - 1) for _ in range(length)])
    for scope in scopes:
        with error_context(words.span):
            shape = graph.shape([str(v) for v in scope])
        if words.integer("number of entries") != math.prod(shape):
            raise words.wrong(f"a table over {scope} has {math.prod(shape)} entries")
        start, table = words.at, words.numbers(math.prod(shape))
        child = str(scope[-1]) if kind == "BAYES" and scope else None
        bad = np.flatnonzero(~(np.isfinite(table) & (table >= 0)))
        if bad.size:
            words.at = start + int(bad[0]) + 1
        with error_context(words.span):
            graph.factor([str(v) for v in scope], table.reshape(shape), child=child)
    if words.at < len(words.words):
        words.at += 1
        raise words.wrong("the text goes on after the last table")
    with error_context(words.span):
        graph.check()
    return graph


def read_evid(text: str, source: str = "model.evid") -> dict[str, int]:
    """Evidence: how many variables, and then each with its state.

    Raises:
        Diagnostic: LW5003.

    Example:
        >>> read_evid("2  0 1  3 0")
        {'0': 1, '3': 0}
    """
    text = text_of(text)
    words = Words(text, source)
    if not words.words:
        return {}
    count = words.integer("number of observed variables")
    states: dict[str, int] = {}
    for _ in range(count):
        variable = str(words.integer("variable"))
        if variable in states:
            raise words.wrong(f"the variable {variable} is observed twice")
        states[variable] = words.integer("state")
    if words.at < len(words.words):
        words.at += 1
        raise words.wrong("the text goes on after the last variable")
    return states


def write_uai(graph: FactorGraph) -> str:
    """A model as text; what variables and states are called is lost.

    Raises:
        Diagnostic: what `graph.check` says.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("a", 2)
        >>> _ = graph.factor(["a"], [0.25, 0.75])
        >>> print(write_uai(graph), end="")
        MARKOV
        1
        2
        1
        1 0
        2
         0.25 0.75
    """
    check_graph(graph)
    graph.check()
    number = {name: n for n, name in enumerate(graph.variables)}
    last = all(f.child is not None and f.scope[-1] == f.child for f in graph.factors)
    lines = ["BAYES" if graph.directed and last else "MARKOV", str(len(number))]
    lines.append(" ".join(str(v.size) for v in graph.variables.values()))
    lines.append(str(len(graph.factors)))
    scopes = ([number[name] for name in factor.scope] for factor in graph.factors)
    lines += [" ".join(map(str, [len(scope), *scope])) for scope in scopes]
    for factor in graph.factors:
        lines.append(str(factor.table.size))
        lines.append("".join(f" {value!r}" for value in factor.table.ravel().tolist()))
    return "\n".join(lines) + "\n"


@dataclass
class Results:
    """What a file of results holds; None for what it does not.

    Attributes:
        ln_z: the natural logarithm of the sum, -inf where it is zero.
        marginals: for each variable the probabilities of its states.
        best: variable -> state.
    """

    ln_z: float | None = None
    marginals: list[list[float]] | None = None
    best: dict[int, int] | None = None


def write_results(
    ln_z: float | None = None,
    marginals: Sequence[Sequence[float]] | None = None,
    best: Mapping[int, int] | None = None,
) -> str:
    """Results as text, with numbers that read back to the same bits.

    Args:
        ln_z: the natural logarithm of the sum; it is written as a decimal one.
        marginals: one for each variable.
        best: a state for each variable 0, 1, 2...

    Raises:
        Diagnostic: LW5003 for an assignment that lacks a variable.

    Example:
        >>> print(write_results(marginals=[[0.25, 0.75]], best={0: 1}), end="")
        MAR
        1 2 0.25 0.75
        MPE
        1 1
    """
    out = []
    if ln_z is not None:
        number = exactly(ln_z, "f64", Given("ln_z", BAD_NETWORK))
        if number.ndim:
            Given("ln_z", BAD_NETWORK).refuse("is an array", "give one number, float(...)")
        out += ["PR", repr(float(number) / math.log(10))]
    if marginals is not None:
        parts = [" ".join([str(len(m)), *(repr(float(p)) for p in m)]) for m in marginals]
        out += ["MAR", " ".join([str(len(parts)), *parts])]
    if best is not None:
        if sorted(best) != list(range(len(best))):
            raise Diagnostic(
                BAD_NETWORK,
                f"an assignment to the variables {sorted(best)} lacks some",
                help="results of MPE have a state for every variable of the model",
            )
        out += ["MPE", " ".join(map(str, [len(best), *(best[v] for v in sorted(best))]))]
    return "\n".join(out) + "\n"


def read_results(text: str, source: str = "model.uai.MAR") -> Results:
    """Results from text.

    Raises:
        Diagnostic: LW5003 with line and column.

    Example:
        >>> read_results("PR -1.5 MAR 1 2 0.25 0.75 MPE 1 1").marginals
        [[0.25, 0.75]]
    """
    text = text_of(text)
    words = Words(text, source)
    results = Results()
    while words.at < len(words.words):
        kind = words.word()
        if kind == "PR":
            results.ln_z = float(words.numbers(1)[0]) * math.log(10)
        elif kind == "MAR":
            count = words.integer("number of variables")
            sizes = (words.integer("number of states") for _ in range(count))
            results.marginals = [words.numbers(size).tolist() for size in sizes]
        elif kind == "MPE":
            count = words.integer("number of variables")
            results.best = {variable: words.integer("state") for variable in range(count)}
        else:
            raise words.wrong(f"{kind!r} is no kind of result; there is PR, MAR and MPE")
    return results
