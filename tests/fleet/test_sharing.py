"""Words that several VMs write, counters that stop, VMs without a place, and who only waits."""

import numpy as np
import pytest

import lanework as lw

pytestmark = pytest.mark.filterwarnings(  # what is lost is what is tested
    "ignore::lanework.machines.fleet.runtime.losses.LossNotice"
)


def program(body, count=1, head="", plan=""):
    text = f".machine fleet\n{head}\n.routine main\n{body}\n.phase\n.launch main, {count}\n{plan}"
    return lw.fleet.assemble(text, "test.lasm")


@pytest.fixture(params=["reference", "epoch"])
def engine(request):
    if request.param == "epoch":
        request.getfixturevalue("gpu")
    return request.param


def run(subject, engine, **more):
    with subject.bind(engine, **more) as runner:
        return runner()


LOST = """
    READ r1, r0
    ADDI r1, r1, 1
    WRITE r0, r1
    HALT
"""


@pytest.mark.parametrize(("count", "words"), [(1, 0), (2, 1), (1000, 1)])
def test_lost_updates_are_counted(engine, count, words):
    result = run(program(LOST, count, ".buffer total, 3, 1, out"), engine)
    assert result.stats["conflicts"] == words
    assert result["shared"][0] == 1.0


@pytest.mark.parametrize("write", ["WRITE", "IWRITE"])
def test_each_word_and_epoch_counts(engine, write):
    """Six VMs write three words, twice; then each writes its own."""
    body = f"""
    IVMID r0
    SETI r1, int:3
    IREM r1, r0, r1
    {"" if write == "IWRITE" else "UTOF r1, r1"}
    {write} r1, r0
    {write} r1, r0
    IWRITE r0, r0
    HALT
"""
    result = run(program(body, 6, ".shared 6"), engine)
    assert result.stats["conflicts"] == 6
    assert result["shared"].view(np.uint32).tolist() == list(range(6))


def test_a_conflict_is_a_fault_if_asked(engine):
    body = """
    VMID r0
    SUBI r1, r0, 2
    BRANCH_LT r1, other
    SETI r2, sums + 2
    NEG r3, r3
    WRITE r2, r0
    HALT
other:
    ADDI r2, r0, sums
    ADDI r2, r2, 1
    WRITE r2, r0
    HALT
"""
    subject = program(body, 3, ".buffer free, 0, 4, out\n.buffer sums, auto, 8, out")
    # VM 1 and VM 2 write sums[2], from two lines, and VM 0 sums[1]
    with subject.bind(engine, conflicts="fault") as runner, pytest.raises(lw.Trap) as caught:
        runner()
    assert caught.value.code.ident == "LW6027"
    for part in ("VM 1", "VM 2", "sums[2]", "line 11", "line 16"):
        assert part in caught.value.message, caught.value.message
    with subject.bind(engine, conflicts="fault", on_fault="go on") as runner:
        result = runner()
        assert result.stats["faults"] == 2
        assert result.stats["conflicts"] == 1
        assert result["sums"].tolist() == [0.0] * 8  # VM 0 writes its 0
        again = runner()  # nothing is left of bids
        assert again.stats["conflicts"] == 1


def test_after_a_conflict_others_write_the_word(engine):
    body = """
    VMID r0
    SUBI r1, r0, 2
    BRANCH_EQ r1, late
    SETI r2, 5
    WRITE r3, r2
    HALT
late:
    NEG r2, r2
    NEG r2, r2
    SETI r2, 7
    WRITE r3, r2
    HALT
"""
    subject = program(body, 3, ".shared 4")
    result = run(subject, engine, conflicts="fault", on_fault="go on")
    assert result.stats["faults"] == 2
    assert result["shared"].tolist() == [7, 0, 0, 0]


def test_conflicts_are_not_counted_where_order_is_free(gpu):
    subject = program(LOST, 10, ".shared 1")
    assert run(subject, "epoch", io="fast").stats["conflicts"] is None
    with pytest.raises(lw.Diagnostic, match="any order"):
        subject.bind("epoch", io="fast", conflicts="fault")


@pytest.mark.parametrize(
    ("start", "step", "stalled"),
    [(2**24, 1, 4), (2**24 - 2, 1, 2), (0, 1, 0), (2**25, 1, 4), (-(2**24), -1, 4),
     (100, 1e-9, 0), (2**25, 4, 0), (np.inf, 1, 0), (np.nan, 1, 0), (2**24, 0, 0)],
)  # fmt: skip
@pytest.mark.parametrize("io", ["ordered", "fast"])
def test_a_float_counter_that_stops_is_noticed(engine, io, start, step, stalled):
    body = f"    SETI r1, {step}\n    ATOMIC_ADD r2, r0, r1\n    HALT"
    subject = program(body, 4, ".shared 1")
    with subject.bind(engine, io=io) as runner:
        result = runner(shared=np.array([start], np.float32))
    assert result.stats["stalled"] == stalled


def test_it_is_noticed_one_vm_after_another_too(engine):
    body = "    SETI r1, 1\n    VMID r3\n    BRANCH_EQ r3, other\n"
    body += "    ATOMIC_ADD r2, r0, r1\n    HALT\n"
    body += "other:\n    ATOMIC_ADD r2, r0, r1\n    HALT"
    with program(body, 4, ".shared 1").bind(engine) as runner:
        assert runner(shared=[2.0**24]).stats["stalled"] == 4


ATOMICS = {
    "ATOMIC_IADD": lambda a, b: (a + b) % 2**32,
    "ATOMIC_IMIN": lambda a, b: min(a, b, key=lambda x: (x + 2**31) % 2**32),
    "ATOMIC_IMAX": lambda a, b: max(a, b, key=lambda x: (x + 2**31) % 2**32),
    "ATOMIC_IAND": lambda a, b: a & b,
    "ATOMIC_IOR": lambda a, b: a | b,
    "ATOMIC_IXCH": lambda a, b: b,
}


@pytest.mark.parametrize("name", ATOMICS)
@pytest.mark.parametrize("io", ["ordered", "fast"])
def test_integer_atomics(engine, name, io):
    """40 VMs on 4 words, with words of all kinds; NaN patterns are words as others are."""
    body = f"""
    IVMID r0
    SETI r1, int:4
    IREM r3, r0, r1
    UTOF r3, r3
    SETI r1, int:8
    IADD r2, r0, r1
    IREAD r1, r2
    {name} r2, r3, r1
    SETI r1, int:48
    IADD r0, r0, r1
    IWRITE r0, r2
    HALT
"""
    rand = np.random.default_rng(3)
    words = rand.integers(0, 2**32, 48, np.uint32)
    words[8:16] = [0, 1, 2**31, 2**31 - 1, 2**32 - 1, 0x7F800001, 0xFFC00000, 2**24]
    shared = np.concatenate([words, np.zeros(40, np.uint32)])
    with program(body, 40, ".shared 88").bind(engine, io=io) as runner:
        got = runner(shared=shared.view(np.float32))["shared"].view(np.uint32)
    expected, seen = [int(word) for word in words], []
    for vm in range(40):
        seen.append(expected[vm % 4])
        expected[vm % 4] = ATOMICS[name](expected[vm % 4], expected[8 + vm])
    if io == "ordered" or engine == "reference":
        assert got[48:].tolist() == seen
    if (io == "ordered" or engine == "reference") or name != "ATOMIC_IXCH":
        assert got[:4].tolist() == expected[:4]


def test_integers_count_on(engine):
    body = "    SETI r1, int:1\n    ATOMIC_IADD r2, r0, r1\n    HALT"
    with program(body, 1000, ".shared 1").bind(engine) as runner:
        start = np.array([2**24 - 10], np.uint32)
        shared = runner(shared=start.view(np.float32))["shared"]
    assert shared.view(np.uint32)[0] == 2**24 + 990


def test_births_without_a_place_are_counted(engine):
    body = "    SPAWN r1, child, r0\n    HALT\n.routine child\n    HALT"
    assert run(program(body, 5, ".spawn 3"), engine).stats["unborn"] == 2
    assert run(program(body, 5, ".spawn 5"), engine).stats["unborn"] == 0


# Who only waits -----------------------------------------------------------------------------------

COUNTDOWN = """
    SETI r1, {times}
again:
    YIELD
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    HALT
"""
WORKS = {
    "a register counts": COUNTDOWN,
    "a word of its own memory counts": """
    SETI r1, {times}
    STORE r1, 3
    CLEAR r1
again:
    YIELD
    LOAD r1, 3
    SUBI r1, r1, 1
    STORE r1, 3
    BRANCH_GT r1, more
    HALT
more:
    CLEAR r1
    JUMP again
""",
    "it comes on through the program": "    YIELD\n" * 60 + "    HALT",
    "where it returns to is another": "    CALL wait\n" * 60
    + "    HALT\n.routine wait\n    YIELD\n    RETURN",
    "it draws random numbers": """
again:
    YIELD
    RAND r1
    CLEAR r2
    SUBI r1, r1, 0.02
    BRANCH_GT r1, clear
    HALT
clear:
    CLEAR r1
    JUMP again
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", WORKS)
def test_who_yields_and_changes_something_is_no_deadlock(engine, what):
    subject = program(WORKS[what].format(times=60), 3)
    assert run(subject, engine, patience=5).stats["ended"]


def test_yielding_1200_times_is_no_deadlock():
    assert run(program(COUNTDOWN.format(times=1200)), "reference").stats["ended"]


STUCK = {
    "polls a word": "again:\n    YIELD\n    READ r1, r0\n    BRANCH_EQ r1, again\n    HALT",
    "writes the same each time": """
again:
    SETI r1, 7
    WRITE r0, r1
    YIELD
    CLEAR r1
    JUMP again
""",
    "goes in a circle of three": "again:\n    YIELD\n    YIELD\n    YIELD\n    JUMP again",
    "changes a register to and fro": """
again:
    YIELD
    NEG r1, r1
    ADDI r1, r1, 1
    JUMP again
""",
    "one waits and one yields": """
    VMID r1
    BRANCH_EQ r1, again
    CLEAR r1
    WAIT r0, r1
    HALT
again:
    YIELD
    JUMP again
""",
}


@pytest.mark.parametrize("what", STUCK)
def test_who_changes_nothing_is_one(engine, what):
    subject = program(STUCK[what], 2, ".shared 1")
    limits = lw.Limits(fuel=100_000)
    with subject.bind(engine, limits, patience=5) as runner, pytest.raises(lw.Trap) as caught:
        runner()
    assert caught.value.code.ident == "LW6026"


# Where addresses lead -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "place"),
    [("-0.5", "-0.5"), ("-1e-30", "-1e-30"), ("12", "1 past the end of b"), ("int:3", "integer 3"),
     ("1e20", "1.00000002e+20"), ("nan", "nan"), ("100", "89 past the end of b")],
)  # fmt: skip
@pytest.mark.parametrize("access", ["READ r1, r0", "WRITE r0, r1", "ATOMIC_ADD r2, r0, r1"])
def test_addresses_outside_are_named(engine, address, place, access):
    head = ".buffer a, 0, 4, out\n.buffer b, 4, 8, out"
    subject = program(f"    SETI r0, {address}\n    {access}\n    HALT", 2, head)
    stats = run(subject, engine).stats
    assert stats["reads_outside"] + stats["writes_outside"] == 2
    with subject.bind(engine, bounds="fault") as runner, pytest.raises(lw.Trap) as caught:
        runner()
    assert caught.value.code.ident == "LW6022"
    for part in (place, "VM 0", "line 6", access):
        assert part in caught.value.message, caught.value.message


@pytest.mark.parametrize("address", ["0", "-0.0", "0.5", "3.9"])
def test_addresses_inside(engine, address):
    subject = program(f"    SETI r0, {address}\n    READ r1, r0\n    HALT", 2, ".shared 4")
    assert run(subject, engine).stats["reads_outside"] == 0


@pytest.mark.parametrize("bad", [-1.0, np.nan, 2.5, np.inf, -0.5, 2.0**32, 1e-45])
@pytest.mark.parametrize("at", [0, 2])
def test_tables_of_numbers_hold_numbers(engine, bad, at):
    subject = lw.fleet.assemble(
        ".machine fleet\n.buffer t, 1, 3, in\n.routine main\nVMID r0\nWRITE r0, r0\nHALT\n"
        ".phase\n.launch main, 3, custom t"
    )
    table = np.array([3, 0, 2], np.float32)
    with subject.bind(engine) as runner:
        assert runner(t=table)["shared"].tolist() == [0, 3, 2, 3]
        table[at] = bad
        with pytest.raises(lw.Trap, match=rf"t\[{at}\]") as caught:
            runner(t=table)
    assert caught.value.code.ident == "LW6028"
    past = subject.dis().replace("custom 1", "custom 2")
    with (
        lw.fleet.assemble(past).bind(engine) as runner,
        pytest.raises(lw.Trap, match="outside"),
    ):
        runner(t=[0, 1, 2])
