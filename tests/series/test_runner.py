"""Running: axes, lanes, totals, limits, interruption, and what is refused."""

import threading
import time

import numpy as np
import pytest
from refusals import refused
from stopping import over

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core import runner as runners
from lanework.engines.llvm import jit
from lanework.engines.vector import loader
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.data.labels import along
from lanework.machines.series.native import compiled

ENGINES = ("reference", "llvm", "stencil")


def loan(**options):
    model = lw.series.Model("loan", **({"periods": 12} | options))
    model.input("rate")
    model.input("draw", axes=("time",), default=0.0)
    model.formula("debt", "prev(debt, initial=100.0) * (1 + rate) + draw")
    model.formula("interest", "prev(debt, initial=100.0) * rate")
    model.formula("paid", "total(interest)")
    return model


@pytest.mark.parametrize("engine", ENGINES)
def test_axes_align_by_name(engine):
    program = loan().compile()
    rates, draws = np.array([0.01, 0.02, 0.03]), np.arange(12.0)
    result = program.run(engine=engine, rate=rates, draw=draws)
    assert result.axes("debt") == ("time", "scenario")
    for lane, rate in enumerate(rates):
        alone = program.run(engine=engine, rate=float(rate), draw=draws)
        assert same_bits(result["debt"][:, lane], alone["debt"])
        assert same_bits(result["paid"][lane], alone["paid"])


@pytest.mark.parametrize("engine", ENGINES)
def test_two_lane_axes(engine):
    program = loan().compile()
    rates = along("scenario", np.array([0.01, 0.02]))
    draws = along(("point", "time"), np.arange(60.0).reshape(5, 12))
    result = program.run(engine=engine, rate=rates, draw=draws)
    assert set(result.axes("debt")) == {"time", "scenario", "point"}
    order = [result.axes("debt").index(axis) for axis in ("scenario", "point", "time")]
    cube = np.transpose(result["debt"], order)
    for i, rate in enumerate((0.01, 0.02)):
        for j in range(5):
            alone = program.run(engine=engine, rate=rate, draw=np.arange(60.0).reshape(5, 12)[j])
            assert same_bits(cube[i, j], alone["debt"])


def test_the_short_way_gives_the_same():
    runner = loan().compile().bind()
    draws = np.arange(12.0)
    first = runner(rate=0.01, draw=draws)
    for rate in (0.01, 0.05, 1):
        short = runner(rate=rate, draw=draws)
        fresh = loan().compile().run(rate=rate, draw=draws)
        assert all(same_bits(short[name], fresh[name]) for name in fresh)
    assert runner._direct, "the short way was not prepared"
    assert same_bits(first["debt"], runner(rate=0.01, draw=draws)["debt"])
    held = runner(rate=0.5)["debt"].copy()
    runner(rate=0.25)
    assert same_bits(held, runner(rate=0.5)["debt"])


def test_the_short_way_still_complains():
    runner = loan().compile().bind()
    runner(rate=0.01, draw=np.zeros(12))
    refused(lambda: runner(rate=float("nan"), draw=np.zeros(12)), "LW3043", "rate")
    bad = np.zeros(12)
    bad[7] = np.nan
    refused(lambda: runner(rate=0.1, draw=bad), "LW3043", "draw", "time 7")
    refused(lambda: runner(rate=0.1, draw=np.zeros(11)), "LW3042", "11")


@pytest.mark.parametrize("engine", ENGINES)
def test_bad_inputs(engine):
    runner = loan().compile().bind(engine)
    refused(lambda: runner(), "LW3041", "rate")
    refused(lambda: runner(rate=0.1, drow=1.0), "LW3040", "did you mean 'draw'")
    refused(lambda: runner(rate=np.array([0.1, np.nan])), "LW3043", "scenario 1")
    refused(
        lambda: runner(rate=np.zeros(3), draw=along(("time", "scenario"), np.zeros((12, 4)))),
        "LW0301",
        "'draw' has 4",
    )
    refused(lambda: loan().compile().bind(engine, outputs=["dept"]), "LW3044", "'debt'")
    refused(lambda: loan(periods=None).compile().run(engine=engine, rate=0.1), "LW3041", "periods")


def test_bad_options():
    program = loan().compile()
    refused(lambda: program.bind("llmv"), "LW2003", "did you mean 'llvm'")
    refused(lambda: program.bind(lane_width=3), "LW2005")
    refused(lambda: program.bind(threads=0), "LW2005")


@pytest.mark.parametrize("engine", ENGINES)
def test_lookup_outside_names_the_place(engine):
    model = lw.series.Model("m", periods=5)
    model.table("q", {18: 0.1, 19: 0.2, 20: 0.3})
    model.input("age", axes=("point",))
    model.formula("rate", "q(age + t)")
    runner = model.compile().bind(engine)
    refused(
        lambda: runner(age=np.array([15.0, 16.0, 17.0])), "LW3045", "period 0", "lane 0", "key 15"
    )
    refused(lambda: runner(age=np.array([18.0] * 300)), "LW3045", "period 3", "key 21")
    good = np.full(600, 18.0)
    good[411] = 16.5
    refused(lambda: model.compile().bind(engine, periods=2)(age=good), "LW3045", "lane 411", "16.5")


@pytest.mark.parametrize("engine", ENGINES)
def test_horizon(engine):
    model = lw.series.Model("m", periods=6)
    model.input("years", axes=("point",))
    model.horizon("min(max(years * 2, 0), 6)")
    model.formula("x", "t + 1")
    model.formula("nxt", "lead(x, 1, final=-1.0)")
    for name in ("total(x)", "last(x)", "maximum(x)"):
        model.formula(name.split("(")[0], name)
    years = np.tile([0.0, 1.0, 2.0, 3.0, 50.0, -1.0], 50)
    result = model.compile().run(engine=engine, years=years)
    assert result["x"][:, 1].tolist() == [1, 2, 0, 0, 0, 0]
    assert result["nxt"][:, 2].tolist() == [2, 3, 4, -1, 0, 0]
    assert result["total"][:6].tolist() == [0, 3, 10, 21, 21, 0]
    assert np.isnan(result["last"][0])
    assert result["last"][4] == 6


def test_totals_do_not_depend_on_engine_width_threads_or_horizon_order():
    rng = np.random.default_rng(5)
    model = lw.series.Model("m", periods=20)
    model.input("years", axes=("point",))
    model.input("sum_assured", axes=("point",))
    model.horizon("years")
    model.formula("cf", "sum_assured * 0.999 ** t")
    model.formula("pv", "total(cf)")
    model.output("cf", reduce=("point",))
    model.output("pv", reduce=("point",))
    program = model.compile()
    inputs = {"years": np.floor(rng.uniform(0, 21, 5000)), "sum_assured": rng.uniform(1, 9, 5000)}
    expected = program.run(engine="reference", **inputs)
    assert float(expected["pv"]) == pytest.approx(float(expected["cf"].sum()), rel=1e-12)
    for width in (1, 2, 4, 8, 16):
        for threads in (1, 2, 8):
            runner = program.bind("llvm", lane_width=width, threads=threads)
            result = runner(**inputs)
            assert all(same_bits(expected[name], result[name]) for name in expected)


def test_streaming_adds_up():
    program = loan()
    program.input("count", axes=("point",))
    program.formula("owed", "last(debt) * count")
    program.output("owed", reduce=("point",))
    runner = program.compile(outputs=["owed"]).bind()
    counts = np.arange(10_000.0)
    blocks = [{"count": counts[i : i + 1024]} for i in range(0, 10_000, 1024)]
    streamed = runner.stream(blocks, axis="point", rate=0.01)
    full = runner(rate=0.01, count=counts)
    assert streamed.stats["lanes"] == 10_000
    assert float(streamed["owed"]) == pytest.approx(float(full["owed"]), rel=1e-13)
    again = runner.stream(blocks, axis="point", rate=0.01)
    assert same_bits(streamed["owed"], again["owed"])


@pytest.mark.parametrize("engine", ENGINES)
def test_fuel_is_counted_before_anything_runs(engine):
    program = loan().compile()
    needed = program.run(rate=0.1).stats["fuel"]
    assert program.run(engine=engine, limits=Limits(fuel=needed), rate=0.1)["paid"] > 0
    with pytest.raises(Trap) as caught:
        program.run(engine=engine, limits=Limits(fuel=needed - 1), rate=0.1)
    assert caught.value.code.ident == "LW2002"
    assert caught.value.instruction == 0


def test_memory_is_refused_before_it_is_allocated():
    program = loan().compile()
    with pytest.raises(Diagnostic) as caught:
        program.run(limits=Limits(memory=10_000_000), rate=np.full(1_000_000, 0.1))
    assert caught.value.code.ident == "LW0101"
    assert "MB" in caught.value.message


def slow():
    model = lw.series.Model("slow", periods=2_000_000)
    model.input("x")
    model.formula("y", "sin(prev(y, initial=x)) + exp(-prev(y, initial=x))")
    model.formula("z", "last(y)")
    return model.compile(outputs=["z"])


@pytest.mark.timeout(120, method="thread")
@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_deadline(engine):
    seen = []
    runner = slow().bind(
        engine,
        threads=2,
        limits=Limits(deadline=0.2),
        progress=lambda done, lanes: seen.append(done < lanes),
    )
    for _ in range(2):
        over()  # LLVM may be at work behind the first deadline
        start = time.process_time()
        with pytest.raises(Trap) as caught:
            runner(x=np.linspace(0, 1, 20_000))
        assert caught.value.code.ident == "LW2001"
        assert all(seen)
    worked = time.process_time() - start  # compiled by now, so this is the deadline alone
    assert worked < 2 * (0.2 + 0.05 + 0.2)


@pytest.mark.timeout(120, method="thread")
@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_ctrl_c_inside_compiled_code(engine, ctrl_c):
    """It ends soon, far from the end, and leaves the runner usable."""
    seen = []

    def progress(done, lanes):
        if not seen:  # the first report comes from within the run
            ctrl_c.press(0.1)
        seen.append(done < lanes)

    runner = slow().bind(engine, threads=2, progress=progress)
    runner(x=0.5)
    with pytest.raises(KeyboardInterrupt):
        runner(x=np.linspace(0, 1, 50_000))
    assert ctrl_c.work_since() < 2 * (0.1 + 0.2)
    assert seen
    assert all(seen)
    assert np.isfinite(runner(x=0.5)["z"])


@pytest.mark.timeout(60, method="thread")
def test_the_gil_is_released():
    runner = slow().bind(threads=1)
    runner(x=1.0)
    beats = []
    done = threading.Event()

    def beat():
        while not done.is_set():
            beats.append(1)
            time.sleep(0.002)

    thread = threading.Thread(target=beat)
    thread.start()
    before = len(beats)
    runner(x=np.linspace(0, 1, 16))  # half a second or so
    inside = len(beats) - before
    done.set()
    thread.join()
    assert inside >= 10


@pytest.mark.timeout(60, method="thread")
def test_one_runner_from_many_threads():
    runner = loan().compile().bind()
    runner(rate=0.01)
    expected = {rate: runner(rate=rate)["debt"].copy() for rate in (0.01, 0.02, 0.03, 0.04)}
    wrong = []

    def work(rate):
        for _ in range(200):
            if not same_bits(runner(rate=rate)["debt"], expected[rate]):
                wrong.append(rate)

    threads = [threading.Thread(target=work, args=(rate,)) for rate in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_fallback_with_one_notice(monkeypatch):
    program = loan().compile()
    expected = program.run(rate=0.1)
    monkeypatch.setattr(runners, "_noticed", set())
    missing = {"llvm", "stencil"}
    for name, module in (("llvm", jit), ("stencil", loader)):
        reason = lambda name=name: f"no {name}" if name in missing else None  # noqa: E731
        monkeypatch.setattr(module, "why_not", reason)
    with pytest.warns(runners.EngineNotice, match="no llvm") as caught:
        runner = program.bind()
        program.bind()
    assert len(caught) == 1
    assert runner.engine == "reference"
    result = runner(rate=0.1)
    assert all(same_bits(result[name], expected[name]) for name in expected)
    missing.remove("stencil")
    monkeypatch.setattr(compiled, "WORTH", 1)
    monkeypatch.setattr(compiled, "LOADING", 0)
    runner = program.bind()
    with pytest.warns(runners.EngineNotice, match="staying on stencils") as caught:
        results = [runner(rate=0.1) for _ in range(10)]
    assert len(caught) == 1
    for result in results:
        assert result.stats["engine"] == "stencil"
        assert all(same_bits(result[name], expected[name]) for name in expected)
    with pytest.raises(Diagnostic) as refusal:
        program.bind("llvm")
    assert refusal.value.code.ident == "LW2004"


def test_unused_nodes_cost_nothing():
    model = loan()
    for n in range(50):
        model.formula(f"extra{n}", f"exp(debt) + {n}")
    small = model.compile(outputs=["paid"])
    assert len(small.tape) == len(loan().compile(outputs=["paid"]).tape)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_lanes_and_no_periods(engine):
    program = loan(periods=None).compile()
    nothing = program.bind(engine, periods=3)(rate=np.zeros(0))
    assert nothing["debt"].shape == (3, 0)
    assert nothing["paid"].shape == (0,)
    refused(lambda: program.bind(engine, periods=0)(rate=0.1), "LW3022", "at least one")
    refused(
        lambda: program.bind(engine, periods=2**31)(rate=0.1), "LW2005", "periods is 2147483648"
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("summed", ["scenario", "point"])
def test_totals_over_either_lane_axis(engine, summed):
    model = lw.series.Model("m", periods=2)
    model.input("a", axes=("point",))
    model.input("b", axes=("scenario",))
    model.formula("c", "a * b + t")
    model.output("c", reduce=(summed,))
    a, b = np.arange(5.0), np.array([1.0, 10.0])
    result = model.compile().run(engine=engine, a=a, b=b)
    cube = a[:, None] * b[None, :] + np.arange(2.0)[:, None, None]
    expected = cube.sum(axis=2 if summed == "scenario" else 1)
    assert result.axes("c") == ("time", "point" if summed == "scenario" else "scenario")
    assert result["c"].tolist() == expected.tolist()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("lanes", [1, 5, 64, 131])
@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("name", ["a", "b", "c", "idle"])
def test_nan_in_one_lane_is_found_by_whoever_reads_it(engine, lanes, place, name):
    """Compiled code looks for NaN as it reads; what it does not read is looked at before."""
    model = lw.series.Model("sum", periods=4)
    for each in ("a", "b", "c", "idle"):
        model.input(each)
    model.formula("value", "prev(value, initial=a) + where(b > 0, c, 0)")
    model.formula("other", "idle * 2")
    runner = model.compile(outputs=["value", "other"]).bind(engine, outputs=["value"])
    given = {each: np.full(lanes, -1.0) for each in ("a", "b", "c", "idle")}
    runner(**given)
    given[name][place] = np.nan
    where = f"scenario {place % lanes}"
    refused(lambda: runner(**given), "LW3043", name, where)
    given[name][place] = np.inf
    runner(**given)


def test_nan_is_named_before_the_lookup_that_it_spoils():
    model = lw.series.Model("look", periods=2)
    model.input("age")
    model.table("q", {0: 0.1, 1: 0.2, 2: 0.3})
    model.formula("value", "q(age)")
    runner = model.compile(outputs=["value"]).bind("llvm")
    refused(lambda: runner(age=np.array([0.0, np.nan, 7.0])), "LW3043", "age", "scenario 1")
    refused(lambda: runner(age=np.array([0.0, 1.0, 7.0])), "LW3045", "lookup")
