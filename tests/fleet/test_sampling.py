"""Random numbers of VMs: which words of which blocks they are, however VMs come to draw them."""

import numpy as np
import pytest
from oracle import philox

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.program import container
from lanework.core.program.program import loads
from lanework.engines.gpu import device as gpu
from lanework.machines.fleet.reference import sampling
from lanework.machines.fleet.runtime.debugging import Debugger

SEED = 0x0123456789ABCDEF
KEY = (SEED % 2**32, SEED >> 32)


def number(n, vm, stream=0, generation=0, each=4):
    """Number n of a VM, of Philox written a second time, with whole numbers of Python."""
    return (philox((n // each, stream, vm, generation), KEY)[n % each] >> 8) * 2.0**-24


def final(text, count, engine="reference"):
    return lw.fleet.assemble(text).bind(engine, seed=SEED)()["shared"][:count].tolist()


@pytest.fixture(params=["reference", "epoch"])
def engine(request):
    if request.param == "epoch":
        try:
            gpu.device()
        except Diagnostic as problem:
            pytest.skip(f"no Vulkan, not even in software: {problem}")
    return request.param


ALIKE = """
.shared 90
.routine main
    VMID r0
    SETI r1, 9
again:
    RAND r2
    WRITE r0, r2
    ADDI r0, r0, 10
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    HALT
.phase
    .launch main, 10
"""


@pytest.mark.parametrize(("each", "name"), [(4, "RAND"), (1, "RAND1")])
def test_every_number_is_a_word_of_its_block(engine, each, name):
    expected = [number(n, vm, each=each) for n in range(9) for vm in range(10)]
    assert final(ALIKE.replace("RAND", name), 90, engine) == expected


def test_four_numbers_cost_one_block(monkeypatch):
    shapes, rounds = [], sampling.rounds

    def counted(state, *key):
        shapes.append(state.shape)
        rounds(state, *key)

    monkeypatch.setattr(sampling, "rounds", counted)
    final(ALIKE, 90)
    assert shapes == [(4, 10)] * 3


def test_vms_that_have_drawn_more_than_others(engine):
    """VM n has drawn n numbers before all draw one together, and four more."""
    text = """
    .shared 110
    .routine main
        VMID r0
        MOV r1, r0
        BRANCH_EQ r1, on
    before:
        RAND r2
        SUBI r1, r1, 1
        BRANCH_GT r1, before
    on:
        SETI r1, 99
    wait:
        SUBI r1, r1, 1
        BRANCH_GT r1, wait
        SETI r1, 5
    again:
        RAND r2
        WRITE r0, r2
        ADDI r0, r0, 22
        SUBI r1, r1, 1
        BRANCH_GT r1, again
        HALT
    .phase
        .launch main, 22
    """
    expected = [number(vm + n, vm) for n in range(5) for vm in range(22)]
    assert final(text, 110, engine) == expected


KEPT = """
.shared 9
.routine main
    VMID r0
    RAND r1
    WRITE r0, r1
    HALT
.routine more
    IVMID r0
    UTOF r0, r0
    ADDI r0, r0, 3
    RAND r1
    WRITE r0, r1
    ADDI r0, r0, 3
    RAND r1
    WRITE r0, r1
    HALT
.phase
    .launch main, 3, keep them
.phase
    .launch more, resume them
"""


def test_kept_vms_go_on_within_a_block_in_the_stream_of_the_step(engine):
    expected = [number(n, vm, min(n, 1)) for n in range(3) for vm in range(3)]
    assert final(KEPT, 9, engine) == expected


def test_a_place_that_is_used_again_has_numbers_of_its_own(engine):
    text = """
    .shared 4
    .spawn 1
    .routine main
        SETI r1, 0
        SPAWN r0, child, r1
        NOP r2
        SETI r1, 2
        SPAWN r0, child, r1
        HALT
    .routine child
        RAND r1
        WRITE r0, r1
        ADDI r0, r0, 1
        RAND r1
        WRITE r0, r1
        KILL
    .phase
        .launch main, 1
    """.replace("        NOP r2\n", "        CLEAR r2\n" * 9)
    expected = [number(n, 1, 0, generation) for generation in (1, 2) for n in range(2)]
    assert final(text, 4, engine) == expected


def test_both_kinds_count_the_numbers_of_one_stream(engine):
    names = ["RAND", "RAND1", "RAND", "RAND1", "RAND1", "RAND", "RAND"]
    body = "".join(f"{name} r1\nWRITE r0, r1\nADDI r0, r0, 1\n" for name in names)
    expected = [number(n, 0, each=1 if "1" in name else 4) for n, name in enumerate(names)]
    assert final(f".shared 7\n{body}HALT", 7, engine) == expected


def test_going_back_to_a_stream_before():
    runner = lw.fleet.assemble(KEPT).bind("reference", seed=SEED)
    debugger = Debugger(runner.runtime(np.zeros(9, np.uint32)), every=1)
    debugger.run()
    debugger.goto(1)
    debugger.step(1)
    assert debugger.vms.floats[2].tolist() == [number(0, vm) for vm in range(3)]


def test_which_programs_earlier_versions_read():
    old, new = (lw.fleet.assemble(f"{name} r0\nHALT") for name in ("RAND1", "RAND"))
    assert (old.needs, new.needs) == (1, 4)
    for program in (old, new):
        assert lw.fleet.assemble(program.dis()).hash == program.hash
        assert loads(container.dumps(program, program.needs)).hash == program.hash


def test_numbers_are_even():
    """In [0, 1), each half of the digits as often as the other, and draws without a relation."""
    program = lw.fleet.assemble(ALIKE.replace("90", "90000").replace("10\n", "10000\n"))
    drawn = program.bind("reference", seed=3)()["shared"].reshape(9, -1).astype(float)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert np.abs(drawn.mean(1) - 0.5).max() < 0.02
    assert np.abs(np.corrcoef(drawn) - np.eye(9)).max() < 0.06
