"""Lanes side by side: the same as one after another and as the reference, to the bit."""

import dataclasses
import itertools
import random
import threading
import warnings

import numpy as np
import pytest
from campaigns import campaign

from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.core.program.asm import assemble
from lanework.engines.lanes.convert import converted
from lanework.engines.lanes.shape import shape
from lanework.engines.lanes.webs import split
from lanework.machines.register import runner as runners
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.check import fuzz
from lanework.machines.register.isa import LINK, REGISTER
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native.execute import ReferenceExecutor
from lanework.machines.register.simd import engine
from lanework.machines.register.simd.engine import Simd
from lanework.machines.register.simd.lower import Form, Lowering
from lanework.machines.register.state import FUEL, RegisterBank, Status
from lanework.machines.register.traps import Meter

pytestmark = pytest.mark.timeout(60, method="thread")

WORDS = [0, 1, 2, 63, 64, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
WORDS += [int(np.float64(x).view(np.uint64)) for x in (1.0, -1.5, 5e-324, 1e308, np.inf, np.nan)]
WORDS += [0x8000000000000000 ^ 0x7FF0000000000000, 0x43E0000000000000, 0xFFF8000000000001]
PURE = [i for i in REGISTER.by_name.values() if i.elementwise is not None]
APART = ("ext", "store", "atomic", "jmpr", "callr")
SEED, MOST = 7, 300


@pytest.fixture
def always(monkeypatch):
    """Lanes run side by side however few there are."""
    monkeypatch.setattr(runners, "SIDE", 1)


def same(program, seed=0, fuel=None, **inputs):
    """Run lanes side by side and in a native loop: outputs, and fuel."""
    limits = Limits(fuel=fuel)
    one, other = (program.bind(name, limits, seed=seed)(**inputs) for name in ("llvm", "stencil"))
    assert one.stats["tiers"] == ("simd",)
    assert one.stats["fuel"] == other.stats["fuel"]
    for name in other:
        assert one[name].tobytes() == other[name].tobytes(), name
    return one


@pytest.mark.parametrize("info", PURE, ids=lambda info: info.name)
def test_op_at_special_values(info, always):
    op = info.elementwise
    rows = np.array(list(itertools.product(WORDS, WORDS)), np.uint64)
    if info.name in ("div", "mod"):
        rows = rows[rows[:, 1] != 0]
    a, b, z = rows[:, 0], rows[:, 1], np.resize(np.array(WORDS[1:], np.uint64), len(rows))
    if info.group == "branch":
        program = assemble(f"{info.name} r0, r1, yes\nmov r2, 5\nhalt\nyes: mov r2, 6\nhalt")
        got = program.bind("llvm")(r0=a, r1=b)["r2"]
        assert got.tolist() == [5 + _value(op, x, y) for x, y in rows.tolist()]
        return
    if info.wide:
        for number in (0, 1, -1, 63, 64, 2**31 - 1, -(2**31)):
            got = assemble(f"{info.name} r2, r0, {number}\nhalt").bind("llvm")(r0=a)["r2"]
            assert got.tolist() == [_value(op, x, number) for x in a.tolist()], number
        return
    names = ", ".join(f"r{n}" for n in (2, 0, 1)[: 1 + len(info.operands)])
    program = assemble(f"{info.name} {names}\nhalt")
    values = {"r0": a, "r1": b, "r2": z}
    given = {port.name: values[port.name] for port in program.inputs}
    got = program.bind("llvm")(**given)["r2"]
    columns = [a, b][: len(info.operands)]
    columns += [z] * (len(op.operands) - len(columns))
    assert got.tolist() == [
        _value(op, *words) for words in zip(*(c.tolist() for c in columns), strict=True)
    ]


def _value(op, *words):
    signed = [word - 2**64 if word >= 2**63 else word for word in words]
    return int(op.evaluate(*signed)) % 2**64


# Random programs ----------------------------------------------------------------------------------


def reference(view, rows):
    """How each lane ends, with what fuel and registers."""
    executor, out = ReferenceExecutor(view, ExternalTable({})), []
    bank = RegisterBank(view, SEED)
    for lane, words in enumerate(rows):
        bank.reset(SEED, lane)
        for register, word in words.items():
            bank.words[register] = word
        bank.words[FUEL] = MOST
        while (status := executor.run(bank)) is Status.YIELD:
            pass
        out.append((status, MOST - bank.fuel, list(bank.words[:LINK])))
    return out


def check(seed):
    """One program; whether it ran side by side."""
    rand = random.Random(seed)
    program = fuzz.random_program(seed, rand.choice((3, 8, 16, 30)), APART)
    code = [
        dataclasses.replace(each, target=28) if each.target == LINK else each
        for each in REGISTER.decode(program.tape)
    ]
    program = dataclasses.replace(program, tape=REGISTER.encode(code))
    view = RegisterView.of(program)
    common = rand.choice(((), (0,), (1, 2), (0, 1, 2, 3)))
    registers = [n for n in range(30) if n not in common]
    form = Form(tuple(registers), common, tuple(range(30)))
    simd = Simd(view, 1, pytest.fail)
    if simd.why_not(form):
        return False
    pool = [dict(enumerate(fuzz.random_words(seed * 1000 + n))) | {29: 8 * n} for n in range(40)]
    for words in pool[1:]:
        words.update({n: pool[0][n] for n in common})
    rows = pool
    while True:
        ends = reference(view, rows)
        good = [row for row, end in zip(rows, ends, strict=True) if end[0] is Status.HALT]
        if len(good) == len(rows):
            break
        rows = good
    code = simd.code(form)
    bank = RegisterBank(view, SEED)
    for lanes in (pool, rows):
        if not lanes:
            continue
        columns = [(n, np.array([row[n] for row in lanes], np.uint64)) for n in registers]
        columns += [(n, np.array([lanes[0][n]], np.uint64)) for n in common]
        outputs = [(n, np.zeros(len(lanes), np.uint64)) for n in range(30)]
        meter = Meter(Limits(fuel=MOST * len(lanes)))
        bank.reset(SEED)
        done = simd.run(code, bank, SEED, range(len(lanes)), columns, outputs, meter)
        if len(lanes) > len(rows):
            assert done in (0, len(lanes))
            continue
        assert done == len(lanes)
        assert meter.used == sum(end[1] for end in ends)
        for n, words in outputs:
            assert words.tolist() == [end[2][n] for end in ends], f"r{n}"
    return len(rows) > 1


@pytest.mark.parametrize("seeds", campaign(400, 100, daily=60, quick=20))
def test_random_programs_agree(seeds):
    ran = [check(seed) for seed in seeds]
    assert sum(ran) > len(ran) / 6  # of the others no two lanes halt


# Programs -----------------------------------------------------------------------------------------

COUNT = assemble("""
.loop:
    addi r1, r1, 3
    subi r0, r0, 1
    bne r0, zero, .loop
    halt
""")
COLLATZ = assemble("""
.loop:
    movi r4, 1
    ble r0, r4, .done
    addi r1, r1, 1
    andi r3, r0, 1
    bne r3, zero, .odd
    shri r0, r0, 1
    b .loop
.odd:
    movi r3, 3
    mul r0, r0, r3
    addi r0, r0, 1
    b .loop
.done:
    halt
""")
MANY = 3000


@pytest.mark.parametrize("count", [0, 1, 7, 31, 32, 33, 1023, 1024, 1025, 3000])
def test_lanes_that_go_apart(count, always):
    lanes = np.arange(1, count + 1)
    if not count:
        result = COLLATZ.bind("llvm")(r0=lanes)
        assert result["r1"].shape == (0,)
        return
    same(COLLATZ, r0=lanes)
    assert same(COUNT, r0=lanes)["r1"].tolist() == (3 * lanes).tolist()


def test_what_lanes_have_in_common():
    """One number for all lanes: a loop that all of them run together, and one that is changed."""
    program = assemble("""
    .loop:
        add r2, r2, r1
        xor r3, r3, r0
        subi r0, r0, 1
        bne r0, zero, .loop
        halt
    """)
    lanes = np.arange(MANY)
    assert same(program, r0=9, r1=lanes)["r2"].tolist() == (9 * lanes).tolist()
    same(program, r0=lanes + 1, r1=2**63)


def test_random_numbers_memory_and_calls():
    program = assemble("""
    .memory 128
    .entry main
    twice:
        add r1, r1, r1
        rand r5
        ret
    main:
        load.d r1, [r0]
        load.b r2, [r0 + 1]
        load.h r3, [r0 + 118]
        load.w r4, [r0 + 3]
        call twice
        add r8, lr, sp
        yield
        beq r2, r0, skip
        call twice
        fence
    skip:
        rand r6
        movh r7, r6, -5
        halt
    .data
    .quad 0x1122334455667788, -1
    .double 0.5
    """)
    result = same(program, seed=11, r0=np.resize([0, 1, 8], MANY))
    words = (0x1122334455667788, 0xFF11223344556677, 2**64 - 1)
    assert result["r1"].tolist() == [4 * word % 2**64 for word in words] * (MANY // 3)
    assert result["r2"].tolist() == [0x77, 0x66, 0xFF] * (MANY // 3)


def test_a_short_way_backwards_costs_fuel():
    """Although it is no loop, and what is there could be done by all lanes."""
    program = assemble("""
        b .start
    .more:
        addi r1, r1, 5
        b .on
    .start:
        bltu r0, r2, .more
    .on:
        halt
    """)
    result = same(program, r0=np.arange(MANY), r2=100)
    assert result.stats["fuel"] == 100
    assert result["r1"].sum() == 500


def test_inputs_and_outputs_of_every_type():
    program = assemble("""
    .input "x" r0 f64
    .input "n" r1 i64 = -3
    .input "top" r2 = 7
    .output "y" r0 f64
    .output "m" r1 i64
    .output "again" r0
    .output "top" r2
        fmul r0, r0, r0
        itof r3, r1
        fadd r0, r0, r3
        halt
    """)
    values = np.resize([0.5, -0.0, np.inf, np.nan, 1e308], MANY)
    result = same(program, x=values)
    assert result["m"].dtype == np.int64
    assert result["m"].tolist() == [-3] * MANY
    assert result["again"].tobytes() == result["y"].tobytes()
    strided = np.arange(2 * MANY, dtype=np.int32)[::2]
    assert same(program, x=1.0, n=strided)["m"].tolist() == strided.tolist()


@pytest.mark.parametrize("engine", ["llvm", "auto"])
@pytest.mark.parametrize("lane", [0, 5, 1500, MANY - 1])
def test_the_first_lane_that_traps_is_named(engine, lane, monkeypatch):
    program = assemble("div r2, r0, r1\nload.d r3, [r2]\nbgt r1, r0, l\nhalt\nl:\ntrap 5")
    runner = program.bind(engine)
    fine = {"r0": np.full(MANY, 64), "r1": np.full(MANY, 8)}
    heat(runner, monkeypatch, **fine)
    for given, code, instruction in (({"r1": 0}, "LW4011", 0), ({"r0": 2**40}, "LW4010", 1)):
        inputs = {name: values.copy() for name, values in fine.items()}
        for name, value in given.items():
            inputs[name][[lane, MANY - 1]] = value
        with pytest.raises(Trap) as caught:
            runner(**inputs)
        assert (caught.value.code.ident, caught.value.lane) == (code, lane)
        assert caught.value.instruction == instruction
    inputs["r0"], inputs["r1"] = fine["r0"], fine["r1"].copy()
    inputs["r1"][lane] = 65
    with pytest.raises(Trap, match="trap 5") as caught:
        runner(**inputs)
    assert caught.value.lane == lane


def heat(runner, monkeypatch, **inputs):
    """Let `auto` make code for lanes side by side."""
    if runner.tiers:
        monkeypatch.setattr(engine, "HOT", 0.0)
        runner(**inputs)
        for thread in list(runner._simd._making.values()):
            thread.join()
    assert "simd" in runner(**inputs).stats["tiers"]


@pytest.mark.timeout(60, method="thread")
def test_a_trap_ends_later_lanes_that_have_no_end():
    program = assemble("div r2, r2, r0\n.l: bne r1, zero, .l\nhalt")
    r0, r1 = np.ones(2 * MANY, int), np.zeros(2 * MANY, int)
    r0[1500], r1[2500:] = 0, 1
    with pytest.raises(Trap) as caught:
        program.bind("llvm")(r0=r0, r1=r1, r2=1)
    assert caught.value.lane == 1500


@pytest.mark.timeout(60, method="thread")
def test_a_trap_ends_lanes_that_another_thread_has_begun():
    program = assemble(".w:\n subi r3, r3, 1\n bne r3, zero, .w\n div r2, r2, r0\n"
                       ".l: bne r1, zero, .l\n halt")  # fmt: skip
    r0, r1, r3 = np.ones(MANY, int), np.zeros(MANY, int), np.ones(MANY, int)
    r0[1000], r1[1024:], r3[1000] = 0, 1, 3 * 10**7
    with pytest.raises(Trap) as caught:
        program.bind("llvm", Limits(threads=2, deadline=30))(r0=r0, r1=r1, r2=1, r3=r3)
    assert (caught.value.code.ident, caught.value.lane) == ("LW4011", 1000)


@pytest.mark.parametrize("lane", [0, 1, 57, 1023, 1024, MANY - 1])
def test_fuel_of_lanes_ends_at_one_instruction_of_one_lane(lane):
    turns = np.random.default_rng(1).integers(2, 60, MANY)
    spent = np.cumsum(turns - 1)
    enough = Limits(fuel=int(spent[-1]))
    assert COUNT.bind("llvm", enough)(r0=turns).stats["fuel"] == spent[-1]
    with pytest.raises(Trap) as caught:
        COUNT.bind("llvm", Limits(fuel=int(spent[lane]) - 1))(r0=turns)
    assert caught.value.code.ident == "LW2002"
    assert (caught.value.lane, caught.value.instruction) == (lane, 2)


def test_fuel_that_is_just_enough_is_enough_for_lanes_side_by_side():
    """Also for a loop that looks at it when all is used, and for units that need none of it."""
    turns = np.ones(MANY, int)
    turns[0] = 1025
    result = COUNT.bind("llvm", Limits(fuel=1024))(r0=turns)
    assert (result.stats["tiers"], result.stats["fuel"]) == (("simd",), 1024)


ENDLESS = assemble(".loop:\n addi r1, r1, 1\n bne r0, zero, .loop\n halt")
ITSELF = assemble(".loop: bne r0, zero, .loop\n halt")


@pytest.mark.timeout(60, method="thread")
@pytest.mark.parametrize("limits", [Limits(fuel=10**6), Limits(deadline=0.3)])
@pytest.mark.parametrize("program", [ENDLESS, ITSELF], ids=["loop", "itself"])
def test_lanes_without_an_end_are_stopped(program, limits):
    with pytest.raises(Trap) as caught:
        program.bind("llvm", limits)(r0=np.arange(MANY))
    assert caught.value.code.ident == ("LW2002" if limits.fuel else "LW2001")


@pytest.mark.timeout(60, method="thread")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_lanes_side_by_side(ctrl_c, threads):
    runner = ENDLESS.bind("llvm", Limits(threads=threads))
    runner(r0=np.zeros(MANY, int))
    ctrl_c.press(0.3)
    with pytest.raises(KeyboardInterrupt):
        runner(r0=np.arange(MANY))
    assert ctrl_c.work_since() < 0.2


def test_auto_goes_over_in_the_middle(monkeypatch):
    """Also where a lane runs by itself, and with fuel that all of them share."""
    monkeypatch.setattr(engine, "HOT", 0.0)
    monkeypatch.setitem(runners.WORK, "stencil", 1)
    runner = COUNT.bind(limits=Limits(fuel=10**9))
    joined = threading.Event()
    real = Simd.ready

    def ready(self, form):
        for thread in list(self._making.values()):
            thread.join()
            joined.set()
        return real(self, form)

    monkeypatch.setattr(Simd, "ready", ready)
    lanes = np.resize([5, 7, 6000], MANY)
    result = runner(r0=lanes)
    assert joined.is_set()
    assert result["r1"].tolist() == (3 * lanes).tolist()
    assert result.stats["fuel"] == (lanes - 1).sum()
    assert "simd" in result.stats["tiers"]
    assert "lanes: side by side, made in" in runner.explain()


def test_what_cannot_be_compiled_runs_one_after_another(monkeypatch):
    def fail(*_):
        raise RuntimeError("no memory for LLVM")

    monkeypatch.setattr(engine.Simd, "_compile", fail)
    monkeypatch.setattr(engine, "HOT", 0.0)
    runner = COUNT.bind()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        for _ in range(2):
            assert runner(r0=np.arange(1, MANY))["r1"].tolist() == list(range(3, 3 * MANY, 3))
            next(iter(runner._simd._making.values())).join()
    assert "no memory for LLVM" in runner.notice
    assert "lanes: one after another (it could not be compiled" in runner.explain()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("store.d r0, [r1]\nhalt", "memory of their own"),
        ("atomic.add r2, [r1], r0\nhalt", "memory of their own"),
        ("callr r0\nhalt", "addresses in registers"),
        ("jmpr r0", "addresses in registers"),
        ("mov lr, r0\nret", "return addresses"),
        (".output lr\nmov r1, r0\nhalt", "link register"),
        ("ext 0\nhalt", "functions outside"),
        ("f:\n" + "call g\n" * 3 + "halt\ng:\n" + "addi r0, r0, 1\n" * 2000 + "ret", "4,096"),
    ],
)
def test_what_lanes_cannot_do_side_by_side_is_said(source, reason):
    runner = assemble(source).bind(externals={0: lambda registers: None})
    said = next(line for line in runner.explain().splitlines() if line.startswith("lanes: one"))
    assert reason in said
    assert not runner._simd.tiers


def test_a_host_that_looks_up_has_lanes_one_after_another():
    seen = []
    program = assemble("yield\nmov r1, r0\nhalt")
    lanes = np.arange(600)
    result = program.bind("llvm", on_yield=lambda r: seen.append(r[0]))(r0=lanes)
    assert seen == lanes.tolist()
    assert "the host looks up" in program.bind(on_yield=print).explain()
    assert result["r1"].tolist() == same(program, r0=lanes)["r1"].tolist()


def test_threads_share_a_runner():
    runner, lanes = COLLATZ.bind("llvm"), np.arange(1, 20 * MANY)
    wanted, seen = runner(r0=lanes)["r1"], []
    threads = [
        threading.Thread(target=lambda: seen.append(runner(r0=lanes)["r1"])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert all((each == wanted).all() for each in seen)


def test_loops_without_an_end_have_a_way_to_it():
    """A way to a loop without an end is none where lanes come together again."""
    lanes = np.arange(MANY)
    program = assemble("bge r0, r1, .x\n addi r0, r0, 1\n ret\n.x: b .x")
    assert same(program, r0=lanes, r1=MANY).stats["fuel"] == MANY


def test_short_ways_are_one():
    """Both ways of Collatz lead back to its loop, at the same cost."""
    view = RegisterView.of(COLLATZ)
    program = Lowering(view, Form((0,), (), (1,))).program()
    assert len(converted(program).masked) < len(shape(split(program)).masked)


@pytest.mark.parametrize("first", [0, 1, 700])
def test_lanes_may_begin_anywhere(first):
    """With their own random numbers, and their own place in every column."""
    program = assemble("rand r1\nadd r2, r0, r1\nadd r3, r4, r4\nhalt")
    inputs = {"r0": np.arange(MANY), "r4": 21}
    expected = program.bind("stencil", seed=3)(**inputs)
    view, bank = RegisterView.of(program), RegisterBank(RegisterView.of(program), 3)
    form = Form((0,), (4,), (1, 2, 3))
    simd = Simd(view, 2, pytest.fail)
    given = [(0, np.arange(MANY, dtype=np.uint64)), (4, np.array([21], np.uint64))]
    taken = [(n, np.zeros(MANY, np.uint64)) for n in (1, 2, 3)]
    lanes = range(first, MANY)
    assert simd.run(simd.code(form), bank, 3, lanes, given, taken, Meter(Limits())) == MANY
    for n, words in taken:
        assert not words[:first].any()
        assert (words[first:] == expected[f"r{n}"][first:]).all()
