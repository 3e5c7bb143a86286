"""Results as UAI inference competitions have them: PR, MAR and MPE.

PR is the decimal logarithm of the sum, MAR the marginals of all variables, MPE the states of the
most probable assignment; variables and states have the numbers that the model gives them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.graph.uai import Words


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
        out += ["PR", repr(float(ln_z) / math.log(10))]
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
