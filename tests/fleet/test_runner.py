"""Runs: inputs, outputs, limits, settings, barriers, faults and deadlocks as people see them."""

import copy
import hashlib
import pickle
import threading
import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import lanework as lw
from lanework.machines.fleet.engine import Progress
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.reference.engine import ReferenceEngine
from lanework.machines.fleet.runtime import choice, traps
from lanework.machines.fleet.runtime.memory import Memories
from lanework.machines.fleet.state import Fault, Status, VMState

DOUBLE = """
.machine fleet
.shared 64
.buffer numbers, 0, 32, in
.buffer doubled, 32, 32, out
.routine double
    SYSCALL_VMID r0
    SYSCALL_READ r1, r0
    MULI r1, r1, 2.0
    ADDI r0, r0, doubled
    SYSCALL_WRITE r0, r1
    HALT
.phase wait_all
    .launch double, 32
"""
ONE = """
.machine fleet
.shared {shared}
.routine main
{body}
.phase
    .launch main, {count}
"""
FOREVER = """
.machine fleet
.shared 4
.routine spin
again:
    ADDI r0, r0, 1
    JUMP again
.phase wait_all
    .launch spin, 1000
"""


def assemble(text):
    program = lw.fleet.assemble(text, "test.lasm")
    program.verify()
    return program


def refused(call, code):
    with pytest.raises(lw.LaneworkError) as caught:
        call()
    assert caught.value.code.ident == code, caught.value
    return caught.value


def test_buffers_are_ports():
    runner = assemble(DOUBLE).bind("reference")
    result = runner(numbers=np.arange(32))
    assert result["doubled"].tolist() == (2.0 * np.arange(32)).tolist()
    assert result["shared"].shape == (64,)
    assert result["shared"].dtype == np.float32
    assert result.stats["ended"]
    assert result.stats["epochs"] == 6
    assert result.stats["instructions"] == 32 * 6
    assert result.stats["by_kernel"] == {"linear": 32, "oracle": 32, "branch": 0, "io": 128}


@pytest.mark.parametrize("engine", ["reference", "llvm", "wgsl"])
def test_outputs_are_the_callers_own(engine):
    """Who changes them changes nothing that the runner shows, and no other result."""
    runner = lw.fleet.assemble(DOUBLE).bind(engine)
    results = [runner(numbers=np.arange(32) + n) for n in range(3)]
    expected = [2.0 * (np.arange(32) + n) for n in range(3)]
    shown = runner.shared
    for result, values in zip(results, expected, strict=True):
        assert np.array_equal(result["doubled"], values)
        result["shared"][:] = -1
    assert np.array_equal(runner.shared, shown)
    assert np.array_equal(runner(numbers=np.arange(32))["doubled"], expected[0])


@pytest.mark.parametrize("engine", ["reference", "llvm", "wgsl"])
def test_results_that_are_looked_at_later(engine):
    """All of shared memory is copied when somebody looks, and is of that call whatever follows."""
    runner = lw.fleet.assemble(DOUBLE).bind(engine)
    given, results = np.zeros(32, np.float32), []
    for n in range(5):
        given[:] = np.arange(32) + n
        results.append(runner(numbers=given))
        given[:] = -1
    one, *_ = copies = copy.deepcopy(results[0]), pickle.loads(pickle.dumps(results[0]))
    for n, result in [*enumerate(results), *((0, each) for each in copies)]:
        numbers = np.arange(32) + n
        assert np.array_equal(result["shared"], np.concatenate([numbers, 2 * numbers]))
    assert result["shared"] is result["shared"]
    assert one["shared"] is not results[0]["shared"]


def test_memory_of_results_that_are_gone_is_used_again():
    runner, seen = lw.fleet.assemble(DOUBLE).bind("llvm"), set()
    for _ in range(6):
        result = runner(numbers=np.ones(32))
        seen.add(runner._last().words.ctypes.data)
    assert len(seen) == 2
    kept = [result, *(runner(numbers=np.ones(32)) for _ in range(4))]
    assert all(each["shared"].sum() == 96 for each in kept)


def test_memory_of_the_last_call_is_not_that_of_the_next():
    memories = Memories(2)
    first = memories.take().words
    second = memories.take().words
    assert first is not second


@pytest.mark.parametrize("engine", ["reference", "llvm", "wgsl"])
@pytest.mark.parametrize("outputs", [None, "counts"])
def test_what_nothing_is_given_for_begins_at_nought_in_every_run(outputs, engine):
    """Also where memory is used again, and in words of no buffer."""
    runner = lw.fleet.assemble("""
.shared 96
.buffer counts, 0, 64, out
.routine main
    VMID r0
    READ r1, r0
    ADDI r2, r0, 64
    READ r3, r2
    ADDI r3, r3, 1
    WRITE r2, r3
    ADD r1, r1, r3
    WRITE r0, r1
    HALT
.phase wait_all
    .launch main, 32
""").bind(engine, outputs=outputs)
    for _ in range(5):
        assert runner()["counts"].tolist() == [1] * 32 + [0] * 32


@pytest.mark.parametrize("engine", ["reference", "llvm", "wgsl"])
def test_numbers_from_a_table_that_is_an_input_and_read(engine):
    runner = lw.fleet.assemble("""
.shared 48
.buffer table, 0, 16, in
.buffer seen, 16, 32, out
.routine main
    VMID r0
    VMGID r1
    READ r2, r1
    ADDI r1, r1, 16
    WRITE r1, r0
    ADDI r1, r1, 16
    WRITE r1, r2
    HALT
.phase wait_all
    .launch main, 16, custom table
""").bind(engine, outputs="seen")
    rng = np.random.default_rng(3)
    for _ in range(3):
        table = rng.permutation(16).astype(np.float32)
        assert runner(table=table)["seen"].tolist() == [*table, *table]


@pytest.mark.parametrize("first", [0, 19])
@pytest.mark.parametrize("engine", ["reference", "llvm", "wgsl"])
def test_an_input_of_which_vms_write_one_word(engine, first):
    """The first of it, or the last."""
    runner = lw.fleet.assemble(f"""
.shared 50
.buffer x, 10, 10, in
.buffer y, 40, 10, out
.routine before
    VMID r0
    SETI r1, 5
    WRITE r0, r1
    HALT
.routine main
    VMID r0
    ADDI r1, r0, 10
    READ r2, r1
    ADDI r1, r0, 40
    WRITE r1, r2
    HALT
.phase wait_all
    .launch before, 11, contiguous {first}
.phase wait_all
    .launch main, 10
""").bind(engine, outputs="y")
    changed = 0 if first else 9
    for n in range(3):
        expected = np.arange(10.0) + n
        given = expected.copy()
        expected[9 - changed] = 5
        assert runner(x=given)["y"].tolist() == expected.tolist()


@pytest.mark.parametrize("engine", ["reference", "llvm", "wgsl"])
def test_some_of_the_outputs(engine):
    """What was given stays as it is and may change, and results are their callers'."""
    runner = lw.fleet.assemble(DOUBLE).bind(engine, outputs="doubled")
    given, results = np.zeros(32, np.float32), []
    for n in range(4):
        given[:] = np.arange(32) + n
        results.append(runner(numbers=given))
        assert np.array_equal(given, np.arange(32) + n)
        given[:] = -1
    results[0]["doubled"][:] = 5
    for n, result in enumerate(results[1:], 1):
        assert list(result) == ["doubled"]
        assert np.array_equal(result["doubled"], 2 * (np.arange(32) + n))
    message = refused(lambda: result["shared"], "LW1020")
    assert "bound with" in str(message)
    everything = refused(lambda: lw.fleet.assemble(DOUBLE).run(numbers=given)["xyz"], "LW1020")
    assert "bound with" not in str(everything)
    wide = np.arange(64)[::2]
    assert np.array_equal(runner(numbers=wide.astype(np.float32)[::-1])["doubled"], 2 * wide[::-1])
    assert np.array_equal(runner(numbers=wide)["doubled"], 2 * wide)
    if engine == "reference":
        assert runner.shared[32] == 0
        return
    for look in (lambda: runner.shared, lambda: runner.vms):
        assert "outputs have 'shared'" in refused(look, "LW6011").help
    epochs = list(runner.epochs(numbers=wide))
    assert epochs[-1].shared[:32].tolist() == wide.tolist()
    assert runner.shared[33] == 2 * wide[1]


def test_outputs_that_there_are_not():
    program = assemble(DOUBLE)
    assert "doubled" in refused(lambda: program.bind(outputs=["double"]), "LW6011").help
    refused(lambda: program.bind(outputs=5), "LW6011")
    assert "outputs" in refused(lambda: program.bind(output=["doubled"]), "LW6011").help


def test_shared_and_a_buffer_over_it():
    text = DOUBLE.replace("32, in", "32, in, pad")
    result = assemble(text).run(engine="reference", shared=np.ones(64), numbers=[5.0])
    assert result["doubled"][:2].tolist() == [10.0, 2.0]


def test_two_runs_of_one_runner_are_alike():
    runner = assemble(DOUBLE).bind("reference")
    first = runner(numbers=np.arange(32))["shared"]
    runner(numbers=np.ones(32))
    assert np.array_equal(runner(numbers=np.arange(32))["shared"], first)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"number": [1]}, "numbers"),
        ({"numbers": np.ones(33)}, "32"),
        ({"numbers": ["a"]}, "numbers"),
        ({"numbers": [*range(31), 2**25 + 1]}, "33554433"),
        ({"numbers": [[1, 2], [3]]}, "rows"),
    ],
)
def test_inputs_that_do_not_fit(given, hint):
    problem = refused(lambda: assemble(DOUBLE).bind("reference")(**given), "LW6010")
    assert hint in f"{problem.message} {problem.help}"


@pytest.mark.parametrize(
    "settings",
    [
        {"layout": "sao"},
        {"format": "coo"},
        {"lay": "soa"},
        {"patience": 0},
        {"seed": -1},
        {"storage": "f16", "layout": "aos"},
    ],
)
def test_settings_that_there_are_not(settings):
    refused(lambda: assemble(DOUBLE).bind("reference", **settings), "LW6011")


def test_an_engine_that_there_is_not():
    assert "epoch" in str(refused(lambda: assemble(DOUBLE).bind("epohc"), "LW2003").help)


@pytest.mark.timeout(60)
def test_fuel_stops_before_the_epoch_that_it_does_not_suffice_for():
    runner = assemble(FOREVER).bind("reference", lw.Limits(fuel=10_500))
    problem = refused(runner, "LW2002")
    assert problem.exit_status == 3
    assert runner.vms.floats[1, 0] == 5  # ten epochs of 1,000 instructions
    assert problem.message.endswith("instructions of all VMs, in epoch 10")


@pytest.mark.timeout(60)
def test_fuel_of_whole_phases_names_no_epoch():
    problem = refused(assemble(FOREVER).bind("llvm", lw.Limits(fuel=10_500)), "LW2002")
    assert problem.message.endswith("its fuel of 10,500 instructions of all VMs")


@pytest.mark.timeout(60)
def test_deadline():
    runner = assemble(FOREVER).bind("reference", lw.Limits(deadline=0.2))
    began = time.process_time()
    refused(runner, "LW2001")
    assert time.process_time() - began < 0.6
    assert runner.vms.floats[1, 0] > 0  # it did not end before it began


@pytest.mark.timeout(60)
def test_a_deadline_holds_while_kernels_are_compiled(gpu, monkeypatch):
    compiled, began = threading.Event(), []

    def make(*args, **more):
        began.append(1)
        compiled.wait()
        return real(*args, **more)

    real = choice.make
    monkeypatch.setattr(choice, "make", make)
    program = assemble(FOREVER.replace("JUMP again", "HALT"))
    runner = program.bind("epoch", lw.Limits(deadline=0.1))
    refused(runner, "LW2001")
    refused(runner, "LW2001")  # it is still being compiled, once
    compiled.set()
    runner.limits = lw.Limits(deadline=50)
    assert runner().stats["ended"]
    assert began == [1]


@pytest.mark.timeout(60)
def test_interrupt(ctrl_c):
    runner = assemble(FOREVER).bind("reference")
    ctrl_c.press(0.3)
    with pytest.raises(KeyboardInterrupt):
        runner()
    assert ctrl_c.work_since() < 0.6
    assert runner.vms.count == 1000  # what was reached can be looked at


@pytest.mark.timeout(60)
def test_interrupt_while_one_operation_is_done_on_very_many_vms(ctrl_c, monkeypatch):
    long = partial(hashlib.pbkdf2_hmac, "sha256", b"", b"", 4_000_000)
    monkeypatch.setattr(ReferenceEngine, "_epoch", lambda engine: long())
    runner = assemble(FOREVER.replace("1000", "200000")).bind("reference")
    ctrl_c.press(0.3)
    with pytest.raises(KeyboardInterrupt):
        runner()
    assert ctrl_c.work_since() < 0.2


@pytest.mark.timeout(60)
def test_a_run_that_was_stopped_within_an_epoch_does_not_go_on(ctrl_c):
    runtime = assemble(FOREVER).bind("reference").runtime(np.zeros(4, np.uint32))
    before = runtime.save()
    ctrl_c.press(0.3)
    with pytest.raises(KeyboardInterrupt):
        runtime.run()
    refused(runtime.run, "LW6031")
    runtime.restore(before)
    assert not runtime.run(5)
    debugger = assemble(FOREVER).bind("reference").debug()
    ctrl_c.press(0.5)
    with pytest.raises(KeyboardInterrupt):
        debugger.run()
    assert debugger.epoch % debugger.every == 0  # an epoch that is whole
    assert debugger.step(2) > 0
    assert set(debugger.vms.floats[1]) == {debugger.epoch // 2}


def test_progress_may_run_a_program_itself():
    inner, seen = assemble(DOUBLE).bind("reference", lw.Limits(deadline=50)), []

    def progress(done, steps):
        seen.append((inner(numbers=np.ones(32))["doubled"][0], done, steps))

    for limits in (lw.Limits(), lw.Limits(deadline=50)):
        assemble(DOUBLE).bind("reference", limits, progress=progress)(numbers=np.ones(32))
    assert seen == [(2.0, 1, 1)] * 2


def test_memory_cap_refuses_before_anything_is_allocated():
    text = FOREVER.replace("1000", "100000000")
    began = time.process_time()
    problem = refused(lambda: assemble(text).bind("reference", lw.Limits(memory=10**9)), "LW0101")
    assert "100,000,000 VMs" in problem.message
    assert time.process_time() - began < 1.0


@pytest.mark.timeout(60)
def test_epochs_stop_a_run_and_say_so():
    result = assemble(FOREVER).bind("reference", epochs=7)()
    assert result.stats["epochs"] == 7
    assert not result.stats["ended"]


BARRIERS = """
.machine fleet
.shared 8
.routine slow
    SETI r1, {loops}
again:
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    SETI r0, 0
    SETI r2, 1
    WRITE r0, r2
    HALT
.routine quick
    SETI r0, 1
    SETI r2, 1
    WRITE r0, r2
    HALT
.routine look
    SETI r0, 0
    READ r1, r0
    SETI r0, 2
    WRITE r0, r1
    SETI r0, 1
    READ r1, r0
    SETI r0, 3
    WRITE r0, r1
    HALT
.phase {barrier}
    .launch slow, 1
    .launch quick, 1
.phase wait_all
    .launch look, 1
"""


@pytest.mark.parametrize(
    ("barrier", "seen"),
    [("wait_all", [1.0, 1.0]), ("wait_any", [0.0, 1.0]), ("none", [0.0, 1.0])],
)
def test_what_the_next_phase_sees(barrier, seen):
    program = assemble(BARRIERS.format(barrier=barrier, loops=40))
    shared = program.run(engine="reference")["shared"]
    assert shared[2:4].tolist() == seen
    assert shared[:2].tolist() == [1.0, 1.0]  # the end waits for everybody


def test_wait_any_goes_on_in_the_very_epoch():
    program = assemble(BARRIERS.format(barrier="wait_any", loops=40))
    seen = [epoch.live for epoch in program.bind("reference").epochs()]
    assert seen[:6] == [2, 2, 2, 1, 2, 2]  # `quick` ends with epoch 4, `look` begins with 5


FAULTS = {
    "LW6020": ("    CALL main\n    HALT", {}),
    "LW6022": ("    SETI r0, 99\n    READ r1, r0\n    HALT", {"bounds": "fault"}),
    "LW6025": (
        "    CLEAR r0\n    SETI r1, 1\n    DIV r2, r1, r0\n    HALT",
        {"arithmetic": "trap"},
    ),
}


@pytest.mark.parametrize("code", FAULTS)
def test_faults_name_vm_routine_and_line(code):
    body, settings = FAULTS[code]
    text = f".machine fleet\n.shared 4\n.depth 3\n.routine main\n{body}\n.phase\n.launch main, 5\n"
    runner = assemble(text).bind("reference", **settings)
    problem = refused(runner, code)
    assert problem.lane == 0
    assert problem.exit_status == 3
    assert "VM 0, and 4 others" in problem.message
    assert "main+" in problem.message
    assert "(line " in problem.message
    assert problem.span.source == "test.lasm"
    assert (runner.vms.row("status") == Status.FAULTED).all()


@pytest.mark.parametrize("engine", ["reference", "epoch"])
def test_a_program_that_was_not_verified_stops_at_its_end(engine, request):
    if engine == "epoch":
        request.getfixturevalue("gpu")
    program = lw.fleet.assemble(ONE.format(shared=1, body="JUMP 2\nHALT", count=5))
    refused(program.verify, "LW6001")
    program.views["problems"] = []  # as if the gate had a hole
    problem = refused(program.bind(engine), "LW6024")
    assert "VM 0, and 4 others: the end of the program" in problem.message


def test_every_fault_has_its_code():
    view = FleetView.of(assemble(DOUBLE))
    state, two = VMState(view.profile, 1), VMState(view.profile, 2)
    two.row("ip")[:] = 4
    state.row("ip")[:] = 4  # a WRITE
    engine = SimpleNamespace(vm=lambda number: state, vms=lambda: two)
    codes = []
    for kind in [kind for kind in Fault if kind]:
        state.row("fault")[:] = kind
        two.row("fault")[:] = kind
        codes.append(traps.fault(view, engine, Progress(first_fault=0, faults=1)).code.ident)
    assert codes == ["LW6020", "LW6021", "LW6022", "LW6023", "LW6024", "LW6025", "LW6027"]


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_faults_may_leave_the_others_alone():
    text = """
.machine fleet
.shared 8
.routine main
    VMID r0
    SUBI r1, r0, 2
    BRANCH_EQ r1, bad
    WRITE r0, r0
    HALT
bad:
    DIV r1, r0, r1
    HALT
.phase
    .launch main, 5
"""
    runner = assemble(text).bind("reference", arithmetic="trap", on_fault="go on")
    result = runner()
    assert result.stats["faults"] == 1
    assert result["shared"].tolist() == [0, 1, 0, 3, 4, 0, 0, 0]


def test_deadlocks():
    blocked = ONE.format(shared=4, count=3, body="    WAIT r0, r1\n    HALT")
    problem = refused(assemble(blocked).bind("reference"), "LW6026")
    assert "3 VMs blocked at main+0" in problem.notes[0]
    spinning = blocked.replace(
        "    WAIT r0, r1\n", "again:\n    YIELD\n    READ r1, r0\n    BRANCH_EQ r1, again\n"
    )
    problem = refused(assemble(spinning).bind("reference", patience=10), "LW6026")
    assert problem.message.startswith("all 3 VMs")


def test_a_vm_that_yields_for_long_is_no_deadlock_while_another_works():
    text = """
.machine fleet
.shared 4
.routine waiter
again:
    YIELD
    READ r1, r0
    BRANCH_EQ r1, again
    HALT
.routine worker
    SETI r1, 500
again:
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    SETI r1, 1
    WRITE r0, r1
    HALT
.phase
    .launch waiter, 1
    .launch worker, 1
"""
    assert assemble(text).bind("reference", patience=3)().stats["ended"]


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_out_of_range_is_counted():
    text = DOUBLE.replace(".shared 64", ".shared 48").replace("32, 32, out", "32, 16, out")
    result = assemble(text).run(engine="reference", numbers=np.ones(32))
    assert result.stats["writes_outside"] == 16
    assert result.stats["reads_outside"] == 0


def test_a_notebook_and_explain():
    runner = assemble(DOUBLE).bind("reference")
    assert "32 VMs of 128 bytes" in runner.explain()
    assert "fleet program" in assemble(DOUBLE)._repr_html_()
    facts = assemble(DOUBLE).inspect()
    assert facts["routines"]["double"].startswith("from 0, 6 instructions")
    assert facts["estimated epochs"] == 6


def test_seeds_give_other_random_numbers():
    body = "    VMID r0\n    RAND r1\n    WRITE r0, r1\n    HALT"
    program = assemble(ONE.format(shared=50, count=50, body=body))
    one, two, again = (program.bind("reference", seed=s)()["shared"] for s in (1, 2, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, two)
    assert len(set(one.tolist())) == 50
    assert 0.3 < one.mean() < 0.7
