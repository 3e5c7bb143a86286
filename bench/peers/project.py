"""projfin40 for the peers: spelled out from the model's own text, so that all compute the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.data import DATA, F64
from bench.harness import Answer
from bench.oracles import projfin40 as oracle

BLOCK = 32
STARTS = {"infl_idx": 1.0, "degr": 1.0, "df": 1.0}


def _lines() -> list[tuple[str, str]]:
    text = (DATA / "projfin40/model.txt").read_text()
    pairs = [line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#"]
    return [(name.strip(), formula.strip()) for name, formula in pairs]


def _states() -> list[str]:
    return sorted({m for _, f in _lines() for m in re.findall(r"\bp_(\w+)", f)})


def _read(formula: str, suffix: str) -> str:
    """A formula with MIN and MAX as conditionals, inputs and states with an index."""
    text = formula.replace("MIN(", "mn(").replace("MAX(", "mx(")
    for name in sorted(oracle.INPUTS, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.]){name}\b", f"{name}{suffix}", text)
    for place, name in enumerate(oracle.TIME_INPUTS):
        text = re.sub(rf"(?<![\w.]){name}\b", f"c{place}", text)
    return text


_HEAD = """
import numba, numpy as np
@numba.njit(inline="always")
def mn(a, b):
    return a if a < b else b
@numba.njit(inline="always")
def mx(a, b):
    return a if a > b else b
"""


def _compile(source: str) -> Any:
    names: dict[str, Any] = {}
    exec(_HEAD + source, names)  # text made above, from a file of this repository
    return names["run"]


def numba_prange() -> Any:
    """A scenario an iteration, a scalar loop over time: the obvious way."""
    args = ", ".join(oracle.INPUTS)
    body = ["@numba.njit(parallel=True)", f"def run(series, {args}, out):"]
    body += ["    for i in numba.prange(out.shape[1]):"]
    body += [f"        p_{name} = {STARTS.get(name, 0.0)}" for name in _states()]
    body += ["        for t in range(series.shape[0]):"]
    body += [f"            c{n} = series[t, {n}]" for n in range(len(oracle.TIME_INPUTS))]
    body += [f"            {name} = {_read(formula, '[i]')}" for name, formula in _lines()]
    body += [f"            p_{name} = {name}" for name in _states()]
    body += [f"        out[{n}, i] = p_{name}" for n, name in enumerate(oracle.OUTPUTS)]
    return _compile("\n".join(body))


def numba_blocked() -> Any:
    """Blocks of scenarios, an inner loop over the block that LLVM turns into SIMD.

    States and inputs of a block are rows of one array each: with an array of its own for every
    name, LLVM gives up on proving that they do not overlap, and the loop stays scalar.
    """
    args = ", ".join(oracle.INPUTS)
    states = _states()
    body = ["@numba.njit(parallel=True, error_model='numpy')", f"def run(series, {args}, out):"]
    body += ["    lanes = out.shape[1]"]
    body += [f"    for b in numba.prange((lanes + {BLOCK - 1}) // {BLOCK}):"]
    body += [f"        first = b * {BLOCK}", f"        count = min({BLOCK}, lanes - first)"]
    body += [f"        S = np.empty(({len(states)}, {BLOCK}))"]
    body += [f"        V = np.ones(({len(oracle.INPUTS)}, {BLOCK}))"]
    body += [f"        S[{k}, :] = {STARTS.get(name, 0.0)}" for k, name in enumerate(states)]
    for k, name in enumerate(oracle.INPUTS):
        body += ["        for j in range(count):", f"            V[{k}, j] = {name}[first + j]"]
    body += ["        for t in range(series.shape[0]):"]
    body += [f"            c{n} = series[t, {n}]" for n in range(len(oracle.TIME_INPUTS))]
    body += [f"            for j in range({BLOCK}):"]
    body += [f"                p_{name} = S[{k}, j]" for k, name in enumerate(states)]
    rows = {name: k for k, name in enumerate(oracle.INPUTS)}
    for name, formula in _lines():
        text = _read(formula, "[j]")
        for given in sorted(rows, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.]){given}\[j\]", f"V[{rows[given]}, j]", text)
        body.append(f"                {name} = {text}")
    body += [f"                S[{k}, j] = {name}" for k, name in enumerate(states)]
    for k, name in enumerate(oracle.OUTPUTS):
        body += ["        for j in range(count):"]
        body += [f"            out[{k}, first + j] = S[{states.index(name)}, j]"]
    return _compile("\n".join(body))


def numba_single() -> Any:
    """One scenario: a scalar loop over time, arguments as numbers."""
    args = ", ".join(oracle.INPUTS)
    columns = ", ".join(f"k{n}" for n in range(len(oracle.TIME_INPUTS)))
    body = ["@numba.njit", f"def run({columns}, {args}):"]
    body += [f"    p_{name} = {STARTS.get(name, 0.0)}" for name in _states()]
    body += ["    for t in range(len(k0)):"]
    body += [f"        c{n} = k{n}[t]" for n in range(len(oracle.TIME_INPUTS))]
    body += [f"        {name} = {_read(formula, '')}" for name, formula in _lines()]
    body += [f"        p_{name} = {name}" for name in _states()]
    body += [f"    return {', '.join(f'p_{name}' for name in oracle.OUTPUTS)}"]
    return _compile("\n".join(body))


def as_job(function: Any, lanes: dict[str, F64], series: F64) -> Callable[[], Answer]:
    """A numba function over lanes as a contestant's job."""
    given = [lanes[name] for name in oracle.INPUTS]
    count = len(given[0])

    def job() -> Answer:
        out = np.empty((len(oracle.OUTPUTS), count))
        function(series, *given, out)
        return dict(zip(oracle.OUTPUTS, out, strict=True))

    return job


def jax_scan(lanes: dict[str, F64], series: F64) -> Callable[[], Answer]:
    """`lax.scan` over time, all scenarios in each step, compiled by XLA."""
    import jax

    run = jax.jit(_scan(len(next(iter(lanes.values())))))
    given, now = _arrays(lanes, series)

    def job() -> Answer:
        out = jax.block_until_ready(run(given, now))
        return {name: np.asarray(value) for name, value in zip(oracle.OUTPUTS, out, strict=True)}

    return job


def jax_gradient(lanes: dict[str, F64], series: F64) -> Callable[[], Answer]:
    """The sum of npv over scenarios, and its derivatives, by `jax.value_and_grad`.

    The answers have the names of ours.
    """
    import jax

    run = _scan(np.size(next(iter(lanes.values()))), ties=True)
    at = oracle.OUTPUTS.index("npv")
    both = jax.jit(jax.value_and_grad(lambda given, now: run(given, now)[at].sum(), (0, 1)))
    given, now = _arrays(lanes, series)
    names = {name: f"d_sum_d_{name}" for name in lanes}
    columns = [f"d_sum_d_{name}" for name in oracle.TIME_INPUTS]

    def job() -> Answer:
        value, (by_lane, by_time) = jax.block_until_ready(both(given, now))
        slopes = {names[name]: slope for name, slope in by_lane.items()}
        return {"sum": value, **slopes, **dict(zip(columns, np.asarray(by_time).T, strict=True))}

    return job


def _arrays(lanes: dict[str, F64], series: F64) -> tuple[dict[str, Any], Any]:
    import jax.numpy as jnp

    return {name: jnp.asarray(value) for name, value in lanes.items()}, jnp.asarray(series)


def _scan(count: int, ties: bool = False) -> Callable[[Any, Any], list[Any]]:
    """All scenarios in each step; with `ties`, the derivative at one is that of a branch.

    JAX itself takes half of both there, and there are many: balances that stay at zero.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    states = _states()
    body = [f"def step(x, carry, now):\n    {', '.join('p_' + s for s in states)} = carry"]
    body += [f"    c{n} = now[{n}]" for n in range(len(oracle.TIME_INPUTS))]
    for name, formula in _lines():
        text = _read(formula, "")
        for given in sorted(oracle.INPUTS, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.]){given}\b", f'x["{given}"]', text)
        body.append(f"    {name} = {text}")
    body += [f"    return ({', '.join(states)}), None"]
    names: dict[str, Any] = {"mn": jnp.minimum, "mx": jnp.maximum}
    if ties:
        names["mn"] = lambda a, b: jnp.where(a < b, a, b)
        names["mx"] = lambda a, b: jnp.where(a > b, a, b)
    exec("\n".join(body), names)  # text made above, from a file of this repository

    def run(x: Any, now: Any) -> list[Any]:
        carry = tuple(jnp.full(count, STARTS.get(name, 0.0)) for name in states)
        last, _ = jax.lax.scan(lambda c, t: names["step"](x, c, t), carry, now)
        return [last[states.index(name)] for name in oracle.OUTPUTS]

    return run
