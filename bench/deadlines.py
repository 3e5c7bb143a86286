"""Deadlines: how late a call comes back that a deadline stops, on each machine, engine and step."""

from __future__ import annotations

import functools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import lanework as lw
from lanework.core.codes import DEADLINE_PASSED
from lanework.core.waiting import NAME
from lanework.engines.gpu import device as gpu

DEADLINE = 0.05  # seconds
REPEATS = 10
LANES = 1_000_000
LIMITS = lw.Limits(deadline=DEADLINE)
Call = Callable[[], object]
Case = tuple[str, str, str, Callable[[Path], Call]]
"""A machine, an engine, a step, and what makes a call of it that lasts."""


def cases() -> Iterator[Case]:
    """Everything that may be stopped."""
    for engine in lw.series.Runner.ENGINES:
        yield "series", engine, "running", functools.partial(_series, engine)
    yield "series", "", "taking", lambda _: _taking("series")
    yield "series", "llvm", "compiling", _series_compiled
    for engine in lw.belief.Runner.ENGINES:
        yield "belief", engine, "running", functools.partial(_belief, engine)
    yield "belief", "", "taking", _evidence
    yield "belief", "", "compiling", _network
    yield "belief", "", "reading", _network_file
    for engine in lw.register.Runner.ENGINES:
        yield "register", engine, "running", functools.partial(_register, engine)
        yield "register", engine, "many lanes", functools.partial(_lanes, engine)
    yield "register", "", "taking", lambda _: _taking("register")
    for engine in lw.fleet.Runner.ENGINES:
        yield "fleet", engine, "running", functools.partial(_fleet, engine)
    yield "fleet", "", "taking", lambda _: _taking("fleet")
    yield "all", "", "reading a table", _table
    for machine, (text, words) in COMMANDS.items():
        yield machine, "", "reading, on the command line", functools.partial(_command, text, words)
    yield "series", "", "writing, on the command line", _written


def _series(engine: str, _: Path) -> Call:
    model = lw.series.Model("m", periods=3000)
    model.input("rate")
    model.formula("x", "prev(x, initial=0.0) * 0.5 + sin(rate * t)")
    for n in range(30):
        model.formula(f"s{n}", f"total(x * {n + 2})")
    run = model.compile(outputs=[f"s{n}" for n in range(30)]).bind(engine)
    rate = np.linspace(0.0, 0.01, 20_000)
    run(rate=rate[:50])  # compiles it
    run.limits = LIMITS
    return lambda: run(rate=rate)


def _series_compiled(_: Path) -> Call:
    model = lw.series.Model("large", periods=3)
    model.input("rate")
    model.formula("v0", "rate")
    for n in range(1, 300):
        model.formula(f"v{n}", f"prev(v{n}, initial={n}.0) * (1 + rate) + exp(v{n - 1})")
    program = model.compile(outputs=["v299"])
    return lambda: program.bind("llvm", LIMITS, cache=False)(rate=0.1)


def _grid(size: int, states: int) -> lw.belief.FactorGraph:
    rng, graph = np.random.default_rng(1), lw.belief.FactorGraph("grid")
    for i in range(size):
        for j in range(size):
            graph.variable(f"v{i}_{j}", states)
            for a, b in ((i - 1, j), (i, j - 1)):
                if min(a, b) >= 0:
                    graph.factor([f"v{a}_{b}", f"v{i}_{j}"], rng.random((states, states)) + 0.1)
    return graph


def _belief(engine: str, _: Path) -> Call:
    size = 11 if engine == "reference" else 12  # NumPy ends no step early, of which one took 0.9 s
    return lw.belief.compile_graph(_grid(size, 3), "z", seconds=0.0).bind(engine, LIMITS)


def _evidence(_: Path) -> Call:
    run = lw.belief.compile_graph(_grid(3, 3), seconds=0.0).bind(limits=LIMITS)
    many = {f"v{i}_0": ["0", "1", None, "2"] * (LANES // 4) for i in range(3)}
    return lambda: run(many)


def _network(_: Path) -> Call:
    graph = _grid(40, 2)
    return lambda: lw.belief.infer(graph, limits=LIMITS)


def _network_file(folder: Path) -> Call:
    names, numbers = " ".join(map(str, range(19))), " ".join(["0.25"] * 2**19)
    path = folder / "long.uai"
    path.write_text(f"MARKOV 19 {'2 ' * 19} 1 19 {names} {2**19} {numbers}")
    return lambda: lw.belief.read_network(path, limits=LIMITS)


def _register(engine: str, _: Path) -> Call:
    return lw.register.assemble("loop: addi r0, r0, 1\n jmp loop").bind(engine, LIMITS)


def _lanes(engine: str, _: Path) -> Call:
    run = lw.register.assemble("loop: addi r1, r1, 1\n bltu r1, r0, loop\n halt").bind(engine)
    lanes = np.arange(LANES) % 1000 + 1000
    run(r0=lanes[:100])
    run.limits = LIMITS
    return lambda: run(r0=lanes)


FLEET = """.machine fleet
.shared 65536
.routine main
    SYSCALL_VMID r0
again:
    ADDI r1, r1, 1
    ATOMIC_IXCH r2, r0, r1
    JUMP again
.phase wait_all
    .launch main, 20000
"""


def _fleet(engine: str, _: Path) -> Call:
    run = lw.fleet.assemble(FLEET).bind(engine)
    run.epochs_limit = 1
    run()  # compiles the kernels
    run.epochs_limit, run.limits = None, LIMITS
    return run


def _taking(machine: str) -> Call:
    """Columns of which one has the labels of the other in another order."""
    order = np.random.default_rng(1).permutation(LANES)
    a = pd.Series(np.arange(LANES), index=[f"K{n}" for n in range(LANES)])
    given = {"a": a, "b": a.iloc[order]}
    run: Any
    if machine == "series":
        model = lw.series.Model("m", periods=1)
        model.input("a", axes="point")
        model.input("b", axes="point")
        model.formula("y", "a + b")
        run = model.compile().bind(limits=LIMITS)
    elif machine == "register":
        text = '.input "a" r0\n.input "b" r1\n.output "y" r2\n add r2, r0, r1\n halt'
        run = lw.register.assemble(text).bind(limits=LIMITS)
    else:
        buffers = f".buffer a, 0, {LANES}, in\n.buffer b, {LANES}, {LANES}, in\n"
        text = FLEET.replace("20000", "1").replace("65536\n", f"{2 * LANES}\n{buffers}")
        run = lw.fleet.assemble(text).bind("reference", LIMITS)
    return lambda: run(**given)


def _table(folder: Path) -> Call:
    path = folder / "table.csv"
    names = ",".join(f"c{n}" for n in range(20))
    path.write_text(names + "\n" + "".join(f"{n},{n % 7}.5{',25' * 18}\n" for n in range(LANES)))
    return lambda: lw.series.read_columns(path, limits=LIMITS)


COUNT = 60_000
BEGIN = ".machine fleet\n.shared 16\n.routine main\n"
END = "    HALT\n.phase wait_all\n    .launch main, 1\n"
COMMANDS: dict[str, tuple[Callable[[], str], list[str]]] = {
    "series": (
        lambda: (
            'model("m", periods=3)\na = input()\n'
            + "".join(f"v{n} = a * {n} + {n}.5\n" for n in range(COUNT // 4))
        ),
        ["long.series", "a=3"],
    ),
    "register": (
        lambda: ".machine register\n" + "    add r1, r2, r3\n" * COUNT + "    halt\n",
        ["long.lasm", "r2=1", "r3=1"],
    ),
    "fleet": (lambda: BEGIN + "    ADDI r1, r2, 3\n" * COUNT + END, ["long.lasm"]),
}


def _invoked(folder: Path, words: list[str]) -> None:
    from click.testing import CliRunner

    from lanework.app.cli import cli

    model, *rest = words
    done = CliRunner().invoke(cli, ["run", str(folder / model), *rest, f"--deadline={DEADLINE}"])
    if done.exit_code == 3:
        raise lw.Trap(DEADLINE_PASSED, done.stderr)


def _command(text: Callable[[], str], words: list[str], folder: Path) -> Call:
    (folder / words[0]).write_text(text())
    return lambda: _invoked(folder, words)


def _written(folder: Path) -> Call:
    (folder / "wide.series").write_text(
        'model("w", periods=200)\nx = input(axes="point")\ny = x * t\noutput(y)\n'
    )
    pd.DataFrame({"x": np.arange(20_000) / 7}).to_csv(folder / "x.csv", index=False)
    words = ["wide.series", f"point={folder / 'x.csv'}", f"--out={folder / 'out.csv'}"]
    return lambda: _invoked(folder, words)


def late(call: Call) -> float:
    """Seconds after its deadline at which a call came back."""
    begin = time.monotonic()
    try:
        call()
    except lw.Trap:
        return time.monotonic() - begin - DEADLINE
    raise AssertionError(f"{call} ended by itself")


def over() -> None:
    """Wait for what was left at its deadline."""
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join()


def table() -> str:
    """The Markdown table: the worst of some calls."""
    lines = [f"## A deadline of {1000 * DEADLINE:.0f} ms: how late, the worst of {REPEATS}", ""]
    lines += ["| machine | engine | step | ms late |", "| --- | --- | --- | ---: |"]
    for machine, engine, step, make in cases():
        if engine == "epoch" and gpu.why_not("") is not None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            call, seconds = make(Path(folder)), []
            for _ in range(REPEATS + 1):
                seconds.append(late(call))
                over()
            worst = max(seconds[1:])  # modules are loaded by the first call, before it begins
        lines.append(f"| {machine} | {engine} | {step} | {1000 * worst:.0f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"
