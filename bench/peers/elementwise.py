"""Element-wise formulas: one description, spelled for each contestant."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.data import F64
from bench.harness import Answer

INPUTS = tuple("abcdef")


def formulas(count: int = 200, seed: int = 7) -> list[tuple[str, str]]:
    """(name, expression) in +, -, *, sqrt, abs, min and max; the last depends on nearly all.

    Every formula uses the one before it, so that nothing can be left out, and stays of size one.
    """
    rand = random.Random(seed)
    out: list[tuple[str, str]] = []
    for n in range(count):
        last = f"x{n - 1}" if n else "a"
        pool = [*INPUTS, *(f"x{k}" for k in range(max(0, n - 8), n))]
        other, third = rand.choice(pool), rand.choice(pool)
        shape = rand.randrange(5)
        scale = round(rand.uniform(0.2, 0.8), 3)
        text = (
            f"{last} * {scale} + {other}",
            f"{last} - {other} * {third} * {scale}",
            f"sqrt(abs({last})) + {other} * {scale}",
            f"max({last}, {other}) * {scale}",
            f"min({last}, {third}) + {scale}",
        )[shape]
        out.append((f"x{n}", f"({text}) * 0.5"))
    return out


def columns(periods: int, seed: int = 3) -> dict[str, F64]:
    """The six inputs."""
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1.0, 1.0, periods) for name in INPUTS}


def numba_job(given: dict[str, F64]) -> Callable[[], Answer]:
    """One loop over periods with everything in it, `prange`, fused by hand."""
    import numba

    body = [
        "@numba.njit(parallel=True, error_model='numpy')",
        f"def run({', '.join(INPUTS)}, out):",
    ]
    body += ["    for i in numba.prange(len(out)):"]
    body += [f"        {name}_ = {name}[i]" for name in INPUTS]
    for name, text in formulas():
        code = text.replace("sqrt(", "np.sqrt(").replace("min(", "mn(").replace("max(", "mx(")
        for given_name in INPUTS:
            code = _rename(code, given_name)
        body.append(f"        {name} = {code}")
    body += [f"        out[i] = {formulas()[-1][0]}"]
    head = (
        "@numba.njit(inline='always')\ndef mn(a, b):\n    return a if a < b else b\n"
        "@numba.njit(inline='always')\ndef mx(a, b):\n    return a if a > b else b\n"
    )
    names: dict[str, Any] = {"numba": numba, "np": np}
    exec(head + "\n".join(body), names)  # text made above
    run, arrays = names["run"], [given[name] for name in INPUTS]

    def job() -> Answer:
        out = np.empty(len(arrays[0]))
        run(*arrays, out)
        return {"last": out}

    return job


def _rename(code: str, name: str) -> str:
    import re

    return re.sub(rf"\b{name}\b", f"{name}_", code)


def numexpr_job(given: dict[str, F64]) -> Callable[[], Answer]:
    """numexpr: a call for each formula, as its expressions are limited in length.

    It has no min and max of two columns, so `where` stands in.
    """
    import re

    import numexpr

    def spell(text: str) -> str:
        text = re.sub(r"max\((\w+), (\w+)\)", r"where(\1 > \2, \1, \2)", text)
        return re.sub(r"min\((\w+), (\w+)\)", r"where(\1 < \2, \1, \2)", text)

    lines = [(name, spell(text)) for name, text in formulas()]

    def job() -> Answer:
        known: dict[str, Any] = dict(given)
        for name, text in lines:
            known[name] = numexpr.evaluate(text, known)
        return {"last": known[lines[-1][0]]}

    return job


def numpy_job(given: dict[str, F64]) -> Callable[[], Answer]:
    """NumPy, a temporary for each step."""
    lines = [
        (name, text.replace("min(", "np.minimum(").replace("max(", "np.maximum("))
        for name, text in formulas()
    ]
    code = [
        (name, compile(text.replace("sqrt(", "np.sqrt(").replace("abs(", "np.abs("), name, "eval"))
        for name, text in lines
    ]

    def job() -> Answer:
        known: dict[str, Any] = {**given, "np": np}
        for name, expression in code:
            known[name] = eval(expression, {}, known)
        return {"last": known[lines[-1][0]]}

    return job
