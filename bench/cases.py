"""The cases: what is timed, against whom, and what we want."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import lanework as lw
from bench import fleetcases, fleets, networks, scenarios, solving, tables
from bench.data import DATA
from bench.harness import SECONDS, Answer, Case, Contestant, Job, clock
from bench.oracles import basicterm_me, projfin40
from bench.peers import elementwise, loops, portfolio, project
from lanework.engines.vector import loader
from lanework.engines.vector.kernel import compile_nest

EXAMPLES = DATA.parent
OURS = "Lanework"
CODE = "Lanework, in compiled code"


def _code_only(run: Callable[[], Any]) -> Job:
    """A job that takes only the time spent in compiled code."""

    def job() -> Answer:
        return {SECONDS: run().stats["code_seconds"]}

    return job


def basicterm() -> Case:
    """The main job: 10,000 policies, 277 months."""
    points = basicterm_me.load()

    def ours(code_only: bool = False) -> Job:
        program = lw.series.load_model(EXAMPLES / "basicterm_me.series").compile()
        names = [port.name for port in program.inputs if "point" in port.axes]
        columns = lw.series.read_columns(DATA / "basicterm_me/model_point_table.csv", names)
        runner = program.bind(cache=False)
        if code_only:
            return _code_only(lambda: runner(**columns))
        return lambda: dict(runner(**columns))

    return Case(
        "basicterm",
        "BasicTerm_ME, 10,000 policies, 277 months, totals of five present values",
        (
            Contestant(OURS, ours),
            Contestant(CODE, lambda: ours(code_only=True)),
            Contestant("numba prange, early exit", lambda: portfolio.numba_job(points), "numba"),
            Contestant(
                "numba prange, restructured by policy year",
                lambda: portfolio.numba_by_year_job(points),
                "numba",
            ),
            Contestant("JAX lax.scan", lambda: portfolio.jax_job(points), "jax"),
            Contestant("NumPy by month", lambda: portfolio.numpy_job(points)),
        ),
        goals={"numba prange, early exit": 1.0},
    )


def _project(count: int) -> tuple[dict[str, Any], dict[str, Any], Any]:
    lanes = scenarios.sample(count)
    series = projfin40.time_inputs()
    columns = {
        name: np.ascontiguousarray(series[:, n]) for n, name in enumerate(projfin40.TIME_INPUTS)
    }
    return lanes, columns, series


def _ours(given: dict[str, Any], code_only: bool = False, engine: str = "auto") -> Job:
    program = lw.series.load_model(EXAMPLES / "projfin40.series").compile()
    runner = program.bind(engine, cache=False)
    if code_only:
        return _code_only(lambda: runner(**given))
    names = {"npv_end": "npv", "short_end": "short_cum", "cash_end": "cash"}

    def job() -> Answer:
        result = runner(**given)
        return {theirs: result[mine] for mine, theirs in names.items()}

    return job


def project_many(count: int) -> Case:
    """projfin40 over scenarios."""
    lanes, columns, series = _project(count)
    contestants = [
        Contestant(OURS, lambda: _ours({**lanes, **columns})),
        Contestant(CODE, lambda: _ours({**lanes, **columns}, code_only=True)),
        *(
            Contestant(
                f"{CODE}, {engine}",
                functools.partial(_ours, {**lanes, **columns}, code_only=True, engine=engine),
            )
            for engine in ("llvm", "stencil")
        ),
        Contestant(
            "numba prange",
            lambda: project.as_job(project.numba_prange(), lanes, series),
            "numba",
        ),
        Contestant(
            "numba blocked by hand",
            lambda: project.as_job(project.numba_blocked(), lanes, series),
            "numba",
        ),
        Contestant("JAX lax.scan", lambda: project.jax_scan(lanes, series), "jax"),
        Contestant("NumPy over scenarios", lambda: lambda: projfin40.run(lanes, series)),
    ]
    goals = {"numba prange": 7.0}
    if count == 100_000:
        goals |= {"JAX lax.scan": 10.0, "numba blocked by hand": 0.9, "NumPy over scenarios": 40.0}
    return Case(
        f"project_{count}",
        f"projfin40, 40 nodes, 360 months, {count:,} scenarios",
        tuple(contestants),
        repeats=9,
        goals=goals,
    )


def project_one() -> Case:
    """projfin40 for one scenario, as a Python call."""
    _, columns, series = _project(1)
    base = projfin40.base_inputs()

    def numba() -> Job:
        run = project.numba_single()
        columns_ = [np.ascontiguousarray(series[:, n]) for n in range(series.shape[1])]
        numbers = [base[name] for name in projfin40.INPUTS]

        def job() -> Answer:
            return dict(zip(projfin40.OUTPUTS, run(*columns_, *numbers), strict=True))

        return job

    return Case(
        "project_1",
        "projfin40, one scenario, a Python call with 20 arguments (goals: at most 1.2 times numba's"
        " time, at most 50 us)",
        (
            Contestant(OURS, lambda: _ours({**base, **columns})),
            Contestant(CODE, lambda: _ours({**base, **columns}, code_only=True)),
            Contestant("numba", numba, "numba"),
        ),
        repeats=31,
        goals={"numba": 1 / 1.2},
    )


def gradient(count: int) -> Case:
    """projfin40 with its derivatives by 15 numbers a scenario and 5 series of 360 months."""
    lanes, columns, series = _project(count)
    if count == 1:
        lanes = projfin40.base_inputs()
    model = lw.series.load_model(EXAMPLES / "projfin40.series")
    model.output("sum", "npv_end", reduce="scenario")
    program = model.compile(outputs=["sum"])

    def ours() -> Job:
        runner = program.gradient("sum").bind(cache=False)

        def job() -> Answer:
            start = clock()
            result = runner(**lanes, **columns)
            return {SECONDS: clock() - start, **dict(result.items())}

        return job

    def plain() -> Job:
        runner = program.bind(cache=False)

        def job() -> Answer:
            start = clock()
            runner(**lanes, **columns)
            return {SECONDS: clock() - start}

        return job

    return Case(
        f"gradient_{count}",
        f"projfin40, npv and its derivatives by 15 numbers and 5 series, {count:,} scenarios (goal:"
        f" at most {3 if count == 1 else 4} times npv alone)",
        (
            Contestant(OURS, ours),
            Contestant("Lanework, npv alone", plain),
            Contestant("JAX value_and_grad", lambda: project.jax_gradient(lanes, series), "jax"),
        ),
        repeats=9,
        goals={"JAX value_and_grad": 30.0, "Lanework, npv alone": 0.33 if count == 1 else 0.25},
    )


def fused() -> Case:
    """200 element-wise formulas over a million periods, the last asked for."""
    periods = 1_000_000
    given = elementwise.columns(periods)

    def ours() -> Job:
        model = lw.series.Model("fused", periods=periods)
        for name in elementwise.INPUTS:
            model.input(name, axes=("time",))
        for name, text in elementwise.formulas():
            model.formula(name, text)
        last = elementwise.formulas()[-1][0]
        runner = model.compile(outputs=[last]).bind(cache=False)
        return lambda: {"last": runner(**given)[last]}

    return Case(
        "fused",
        "200 element-wise formulas over 1,000,000 periods, the last one asked for",
        (
            Contestant(OURS, ours),
            Contestant("numba prange, fused", lambda: elementwise.numba_job(given), "numba"),
            Contestant("numexpr", lambda: elementwise.numexpr_job(given), "numexpr"),
            Contestant("NumPy", lambda: elementwise.numpy_job(given)),
        ),
        goals={"numba prange, fused": 0.95, "numexpr": 6.0},
        repeats=7,
    )


def registers() -> Case:
    """A polynomial: all values fit in registers."""
    lanes, terms = 400_000, 18
    rng = np.random.default_rng(7)
    given = {name: lw.series.along("lane", rng.random(lanes)) for name in "xy"}
    text = "x"
    for n in range(terms):
        text = f"({text} * y + {0.1 * n})"

    def ours(engine: str) -> Job:
        model = lw.series.Model("polynomial", periods=1)
        model.input("x")
        model.input("y")
        model.formula("p", text)
        runner = model.compile().bind(engine, threads=1, cache=False)
        return _code_only(lambda: runner(**given))

    def peer(blocked: int) -> Job:
        x, y = (np.asarray(value.array) for value in given.values())

        def job() -> Answer:
            out = np.empty(lanes)
            for start in range(0, lanes, blocked):
                part = slice(start, start + blocked)
                value, factor = x[part].copy(), y[part]
                for n in range(terms):
                    value *= factor
                    value += 0.1 * n
                out[part] = value
            return {"p": out}

        return job

    return Case(
        "registers",
        "36 element-wise ops whose values fit in registers, 400,000 lanes, one thread, in compiled"
        " code (goal: stencils at least 0.85 as fast as LLVM)",
        (
            Contestant("Lanework, stencils", lambda: ours("stencil")),
            Contestant("Lanework, LLVM", lambda: ours("llvm")),
            Contestant("NumPy, blocked by hand", lambda: peer(2048)),
        ),
        repeats=15,
        goals={"Lanework, LLVM": 0.85},
    )


def compiling() -> Case:
    """From a program to its first answer, without and with the cache of compiled code."""
    base = projfin40.base_inputs()
    lanes, columns, series = _project(16)
    program = lw.series.load_model(EXAMPLES / "projfin40.series").compile()

    def cold(cache: bool, engine: str) -> Callable[[], Job]:
        def setup() -> Job:
            program.bind(engine)(**lanes, **columns)  # fills the cache

            def job() -> Answer:
                result = program.bind(engine, cache=cache)(**lanes, **columns)
                return {"npv": result["npv_end"]}

            return job

        return setup

    def patching() -> Job:
        """A tape of vector instructions to code that can be run."""
        runner = program.bind("stencil")
        runner(**lanes, **columns)
        (variant,) = runner._executor._variants.values()
        nest, ordered = variant.nests.lanes.nest, variant.loop.ordered
        tables, tapes = loader.helpers(loader.level().name), {}

        def job() -> Answer:
            start = clock()
            compile_nest(nest, tables, tapes, ordered=ordered, many=True)
            return {SECONDS: clock() - start}

        return job

    def from_text() -> Job:
        path = EXAMPLES / "projfin40.series"

        def job() -> Answer:
            compiled = lw.series.load_model(path).compile()
            return {"npv": compiled.bind(cache=False)(**lanes, **columns)["npv_end"]}

        return job

    def numba() -> Job:
        return lambda: project.as_job(project.numba_prange(), lanes, series)()

    def jax() -> Job:
        return lambda: project.jax_scan(lanes, series)()

    del base
    return Case(
        "compiling",
        "projfin40 from program to first answer, 16 scenarios",
        (
            Contestant(OURS, cold(False, "auto")),
            Contestant("Lanework, from a nest's tape to code, on stencils", patching),
            Contestant("Lanework, LLVM", cold(False, "llvm")),
            Contestant("Lanework, LLVM, code from the cache", cold(True, "llvm")),
            Contestant("Lanework, from the model's text", from_text),
            Contestant("numba", numba, "numba"),
            Contestant("JAX", jax, "jax"),
        ),
        repeats=5,
    )


def wide() -> Case:
    """5,000 nodes, every one of them stored."""
    nodes = 5000
    model = lw.series.Model("wide", periods=120)
    model.input("a", axes=("time",))
    model.input("b")
    for n in range(nodes):
        one = f"n{n - 1}" if n else "a"
        model.formula(f"n{n}", f"{one} * 0.5 + " + (f"prev(n{n})" if n % 7 == 0 else "b"))
    given = {"a": np.linspace(0.0, 1.0, 120), "b": 0.25}

    def ours() -> Job:
        program = model.compile()

        def job() -> Answer:
            return {"last": program.bind(cache=False)(**given)[f"n{nodes - 1}"]}

        return job

    def text() -> Job:
        def job() -> Answer:
            start = time.perf_counter()
            program = model.compile()
            assert time.perf_counter() > start
            return {"last": program.bind("reference")(**given)[f"n{nodes - 1}"]}

        return job

    return Case(
        "wide",
        "5,000 nodes over 120 periods, all stored: program to first answer (goal: at most 300 ms)",
        (
            Contestant(OURS, ours),
            Contestant("Lanework reference, from the model", text),
        ),
        repeats=5,
    )


def loop(name: str) -> Case:
    """An integer loop on every engine of the register machine, and its peers."""
    turns = loops.TURNS[name]
    program = lw.register.assemble(loops.SOURCES[name]["asm"], name)
    given = {"r0": turns, **loops.GIVEN.get(name, {})}

    def ours(engine: str, **options: str) -> Callable[[], Job]:
        def setup() -> Job:
            runner = program.bind(engine, **options)
            return lambda: {"result": int(runner(**given)["r0"])}

        return setup

    def peer(make: Callable[[str], Callable[[int], int] | None]) -> Callable[[], Job]:
        def setup() -> Job:
            function = make(name)
            assert function is not None
            return lambda: {"result": function(turns)}

        return setup

    contestants = [
        Contestant("Lanework, stencils, registers pinned", ours("stencil")),
        Contestant("Lanework, stencils, registers in memory", ours("stencil", stencils="memory")),
        Contestant("Lanework, LLVM", ours("llvm")),
        Contestant("Lanework, native interpreter", ours("native")),
        Contestant("numba", peer(loops.numba_function), "numba"),
        Contestant("wasmtime, Cranelift", peer(loops.wasm_function), "wasmtime"),
    ]
    if loops.c_function(name) is not None:
        contestants.append(Contestant("gcc -O2", peer(loops.c_function)))
    return Case(
        f"loop_{name}",
        f"The loop {name}, {turns:,} turns (goal against gcc: at most 1.6 times its time)",
        tuple(contestants),
        repeats=5,
        goals={"gcc -O2": 1 / 1.6},
    )


def lanes(kind: str) -> Case:
    """A filter over ten million lanes of the register machine."""
    from bench.peers import filters

    given = filters.columns(kind)
    program = lw.register.assemble(filters.TEXTS[kind], f"filter of {kind}")

    def ours(engine: str) -> Job:
        runner = program.bind(engine)
        return lambda: {"keep": runner(**given)["keep"]}

    return Case(
        f"lanes_{kind}",
        f"a * 3 + b > 10 and c < 7 over {filters.LANES:,} lanes of {kind} (goal: at most 1.3 times"
        " numba's time)",
        (
            Contestant("Lanework", functools.partial(ours, "auto")),
            Contestant("Lanework, LLVM", functools.partial(ours, "llvm")),
            Contestant("numba.vectorize, parallel", lambda: filters.numba_job(kind), "numba"),
            Contestant(
                "numba.vectorize, parallel, words out",
                lambda: filters.numba_job(kind, words=True),
                "numba",
            ),
            Contestant("NumPy", lambda: filters.numpy_job(kind)),
        ),
        repeats=7,
        goals={"numba.vectorize, parallel": 1 / 1.3},
    )


def jit() -> Case:
    """32 instructions to code that can be run."""
    import llvmlite.binding as llvm

    from lanework.engines.llvm.jit import _machine, _object_code
    from lanework.machines.register.binding import ExternalTable
    from lanework.machines.register.check.timing import PatchJob, mixed
    from lanework.machines.register.layout import RegisterView
    from lanework.machines.register.native.optimised import LLVMExecutor, program_text

    program = mixed()
    view = RegisterView.of(program)

    def in_loop(stencils: str) -> Callable[[], Job]:
        def setup() -> Job:
            patch = PatchJob(program, stencils)

            def job() -> Answer:
                with patch.buffer.mapping.writable():
                    return {SECONDS: patch.in_loop(20_000)}

            return job

        return setup

    def call() -> Job:
        patch = PatchJob(program)
        patch.buffer.mapping.writable().__enter__()

        def job() -> Answer:
            patch.once()
            return {}

        return job

    def optimised() -> Job:
        def job() -> Answer:
            LLVMExecutor(view, program.tape, ExternalTable({}), disk=False)
            return {}

        return job

    def llvm_o1() -> Job:
        text = program_text(view)

        def job() -> Answer:
            _object_code(text, 1, False)
            return {}

        assert llvm.llvm_version_info
        assert _machine(1)
        return job

    def wasm() -> Job:
        import wasmtime

        engine = wasmtime.Engine()
        code = wasmtime.wat2wasm(loops.wat("xorshift"))

        def job() -> Answer:
            wasmtime.Module(engine, code)
            return {}

        return job

    def numba() -> Job:
        def job() -> Answer:
            loops.numba_function("xorshift")(3)
            return {}

        return job

    return Case(
        "jit",
        "32 mixed instructions to machine code (goals: 0.5 us in a native loop, 2 us as a call)",
        (
            Contestant("Lanework, registers pinned, native loop", in_loop("pinned")),
            Contestant("Lanework, registers in memory, native loop", in_loop("memory")),
            Contestant("Lanework, registers pinned, a Python call", call),
            Contestant("llvmlite, the same program, -O1", llvm_o1),
            Contestant("Lanework on LLVM, -O2, ready to run", optimised),
            Contestant("wasmtime, Cranelift, the loop xorshift", wasm, "wasmtime"),
            Contestant("numba, the loop xorshift", numba, "numba"),
        ),
        repeats=7,
        goals={"llvmlite, the same program, -O1": 2000.0},
    )


CASES: dict[str, Callable[[], Case]] = {
    "basicterm": basicterm,
    "project_100000": lambda: project_many(100_000),
    "project_1000": lambda: project_many(1_000),
    "project_1": project_one,
    **{f"gradient_{count}": functools.partial(gradient, count) for count in (1, 1_000, 100_000)},
    "fused": fused,
    "registers": registers,
    "compiling": compiling,
    "wide": wide,
    "csv": tables.csv,
    **networks.CASES,
    **fleets.CASES,
    **fleetcases.CASES,
    **solving.CASES,
    "jit": jit,
    **{f"lanes_{kind}": functools.partial(lanes, kind) for kind in ("integers", "floats")},
    **{f"loop_{name}": functools.partial(loop, name) for name in loops.SOURCES},
}
