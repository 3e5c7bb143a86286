"""Accesses stay in the buffers that a text names; floats and integers are told apart."""

from dataclasses import replace

import numpy as np
import pytest

import lanework as lw
from lanework.core.program import container
from lanework.core.program.program import loads
from lanework.machines.fleet.analysis.meanings import limits
from lanework.machines.fleet.check import fuzz
from lanework.machines.fleet.check.generate import random_program
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Symbol, encode_names

pytestmark = pytest.mark.filterwarnings(  # what is lost is what is tested
    "ignore::lanework.machines.fleet.runtime.losses.LossNotice"
)

HEAD = """
.buffer a, 0, 4, in
.buffer b, auto, 4, in
.buffer c, auto, 8, inout
.routine main
"""
A, B = np.arange(1.0, 5), np.arange(11.0, 15)


def program(body, count=8, head=HEAD, more=""):
    text = f"{head}{body}\n    HALT\n{more}\n.phase\n.launch main, {count}\n"
    subject = lw.fleet.assemble(text, "test.lasm")
    assert lw.fleet.assemble(subject.dis()).hash == subject.hash
    return subject


def limited(subject):
    """For instructions that are held to a buffer, its name."""
    return {ip: buffer.name for ip, buffer in limits(FleetView.of(subject)).items()}


@pytest.fixture(params=["reference", "epoch"])
def engine(request):
    if request.param == "epoch":
        request.getfixturevalue("gpu")
    return request.param


WAYS = {
    "added": "ADDI r1, r0, {0}",
    "a register": "SETI r1, {0}\n    ADD r1, r0, r1",
    "copied": "ADDI r2, r0, {0}\n    MOV r1, r2",
    "own memory": "ADDI r2, r0, {0}\n    STORE r2, 3\n    CLEAR r2\n    LOAD r1, 3",
    "there and back": "ADDI r1, r0, {0}+3\n    SUBI r1, r1, 3",
    "between": "ADDI r1, r0, <{0}>",
    "rounded": "ADDI r1, r0, {0}+0\n    FLOOR r1, r1",
    "from another": "ADDI r1, r0, a\n    ADDI r1, r1, {0}-a",
    "called": "CALL place",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["a", "b"])
def test_reads_stay_in_the_buffer_that_is_named(engine, way, name):
    body = f"    VMID r0\n    {WAYS[way].format(name)}\n    READ r2, r1\n    VMID r0\n"
    body += "    ADDI r1, r0, c\n    WRITE r1, r2"
    place = f".routine place\n    ADDI r1, r0, {name}\n    RETURN" if way == "called" else ""
    subject = program(body, more=place)
    given = {"a": A, "b": B}
    with subject.bind(engine) as runner:
        result = runner(**given)
    assert result["c"].tolist() == [*given[name], 0, 0, 0, 0]
    assert result.stats["reads_outside"] == 4
    with subject.bind(engine, bounds="fault") as runner, pytest.raises(lw.Trap) as caught:
        runner(**given)
    assert caught.value.code.ident == "LW6022"
    for part in ("VM 4", f"outside {name}", f"{name}[4]", "4 words", "READ r2, r1", "line"):
        assert part in caught.value.message, caught.value.message


def test_writes_and_atomics_stay_in_the_buffer_too(engine):
    body = """
    VMID r0
    ADDI r1, r0, b-1
    WRITE r1, r0
    SETI r2, 100
    ATOMIC_ADD r3, r1, r2
    SETI r2, 7
    ATOMIC_IXCH r3, r1, r2
    ISETI r2, b
    IVMID r0
    IADD r1, r2, r0
    IWRITE r1, r0
    WAIT r1, r1
"""
    subject = program(body.replace("    IWRITE r1, r0\n    WAIT r1, r1\n", "    IREAD r2, r1\n"), 6)
    with subject.bind(engine) as runner:
        result = runner(a=A, b=B, c=np.arange(8))
    assert result["shared"].tolist() == [*A, 7, 7, 7, 7, *range(8)]
    assert result.stats["writes_outside"] == 6
    assert result.stats["reads_outside"] == 2


def test_who_waits_past_the_end_waits_for_a_change_of_nothing(engine):
    subject = program("    SETI r1, a+3\n    ADDI r1, r1, 1\n    WAIT r1, r2", 1)
    with subject.bind(engine) as runner, pytest.raises(lw.Trap, match="wait"):
        runner(a=A, b=B)


@pytest.mark.parametrize(
    "body",
    [
        "ADDI r1, r0, 4",  # no name
        "ADDI r1, r0, a\n    ADDI r1, r1, 4",  # as far as the buffer is long
        "ADDI r1, r0, a+a.size",  # past its end
        "ADDI r1, r0, a\n    ADDI r1, r1, b",  # of two buffers
        "ADDI r1, r0, a*2",  # no place in it
        "ADDI r1, r0, a\n    SCALE r1, r1, 1",
        "SETI r1, c\n    SUBI r1, r1, a",  # a number, and no address
        "ADDI r1, r0, a\n    BRANCH_GT r0, on\n    ADDI r1, r0, b\non:",  # one of two
    ],
)
def test_other_addresses_are_what_they_are(body):
    assert limited(program(f"    VMID r0\n    {body}\n    READ r2, r1")) == {}


def test_what_is_known_of_loops_spawned_and_kept_vms():
    loop = program("    SETI r1, a\nmore:\n    READ r2, r1\n    ADDI r1, r1, 1\n"
                   "    BRANCH_GT r2, more")  # fmt: skip
    assert limited(loop) == {1: "a"}
    child = ".routine child\n    READ r1, r0\n    HALT\n.spawn 8"
    assert limited(program("    SETI r1, b\n    SPAWN r2, child, r1", more=child)) == {3: "b"}
    text = f"{HEAD}    SETI r1, b\n    HALT\n.routine on\n    READ r2, r1\n    HALT\n"
    text += ".phase\n.launch main, 2, keep us\n.phase\n.launch on, resume us\n"
    kept = lw.fleet.assemble(text)
    assert limited(kept) == {}  # VMs may have been kept before they had it
    assert lw.fleet.assemble(kept.dis()).hash == kept.hash


def test_linked_files_name_buffers_of_each_other():
    main = lw.fleet.assemble_module(".extern x\nVMID r0\nADDI r1, r0, x\nREAD r2, r1\nHALT", "main")
    library = lw.fleet.assemble_module(".buffer w, 0, 3\n.buffer x, auto, 5\n", "library")
    assert limited(lw.fleet.link([main, library])) == {2: "x"}


def test_programs_without_names_are_as_before():
    plain = lw.fleet.assemble(".buffer a, 0, 4\nSETI r0, 2\nHALT")
    assert "names" not in plain.sections
    named = lw.fleet.assemble('.buffer "a-b", 0, 4\nSETI r0, 2\nHALT')
    assert lw.fleet.assemble(named.dis()).hash == named.hash


@pytest.mark.slow
def test_engines_agree_on_random_names(gpu):
    """Random programs in which random numbers are said to be made of buffers' names."""
    held = 0
    for seed in range(60):
        case = fuzz.case_of(seed)
        view = FleetView.of(case.program)
        pick = np.random.default_rng(seed)
        names = {
            ip: Symbol(int(pick.integers(-1, len(view.buffers))), -1)
            for ip, info in enumerate(view.infos)
            if "imm" in info.values(view.instructions[ip]) and pick.random() < 0.5
        }
        sections = {**case.program.sections, "names": encode_names(names)}
        subject = replace(case, program=replace(case.program, sections=sections))
        if not names or not view.buffers or subject.program.problems():
            continue
        held += bool(limits(FleetView.of(subject.program)))
        divergence = fuzz.check(subject, fuzz.ways("epoch")[seed % 3 :: 3][:2], seed)
        assert divergence is None, (seed, divergence)
        if held >= 8:
            break
    assert held > 2


# Floats and integers ------------------------------------------------------------------------------

TYPED = """
.buffer n, 0, 4, inout, {0}
.buffer x, auto, 4, inout
.routine main
"""


WORDS = TYPED.format("u32")


def refused(body, *words, head=WORDS):
    with pytest.raises(lw.Diagnostic) as caught:
        program(body, 4, head).verify()
    assert caught.value.code.ident == "LW6013"
    for word in words:
        assert word in caught.value.message, caught.value.message


@pytest.mark.parametrize("dtype", ["u32", "i32"])
@pytest.mark.parametrize("at", ["VMID r0", "VMID r0\n    ADDI r0, r0, n", "SETI r0, n+2"])
@pytest.mark.parametrize(
    "body",
    ["SETI r1, 1\n    WRITE r0, r1", "READ r1, r0\n    ADDI r1, r1, 1\n    WRITE r0, r1",
     "RAND r1\n    WRITE r0, r1", "VMID r1\n    WRITE r0, r1",
     "SETI r1, 1\n    ATOMIC_ADD r2, r0, r1",
     "ATOMIC_MAX r2, r0, r1", "SETI r1, 0.5\n    ATOMIC_CAS r2, r0, r3, r1",
     "SETI r1, 2\n    ATOMIC_IXCH r2, r0, r1", "SETI r2, x\n    READ r1, r2\n    WRITE r0, r1",
     "IVMID r1\n    UTOF r1, r1\n    WRITE r0, r1",
     "SETI r1, 1\n    ATOMIC_IADD r2, r0, r1", "RAND r1\n    ATOMIC_IMAX r2, r0, r1"],
)  # fmt: skip
def test_floats_in_buffers_of_integers(dtype, at, body):
    refused(f"    {at}\n    {body}", "a float into", dtype, head=TYPED.format(dtype))


@pytest.mark.parametrize("at", ["VMID r0\n    ADDI r0, r0, 4", "SETI r0, x"])
@pytest.mark.parametrize(
    "body",
    ["ISETI r1, 1\n    WRITE r0, r1",
     "READ r1, r0\n    ISETI r2, 1\n    IADD r1, r1, r2\n    WRITE r0, r1",
     "IVMID r1\n    WRITE r0, r1", "ATOMIC_IADD r2, r0, r1", "ATOMIC_IMAX r2, r0, r1",
     "ISETI r1, 1\n    ATOMIC_ADD r2, r0, r1", "IVMID r1\n    ATOMIC_MIN r2, r0, r1",
     "SETI r2, n\n    READ r1, r2\n    WRITE r0, r1", "FTOU r1, r0\n    WRITE r0, r1"],
)  # fmt: skip
def test_integers_in_buffers_of_floats(at, body):
    refused(f"    {at}\n    {body}", "an integer into", "f32")


def test_an_atomic_on_integers_says_what_a_buffer_should_be():
    body = "    ISETI r1, 1\n    ATOMIC_IADD r2, r0, r1"
    refused(body, "f32", head=".buffer total, 0, 1, out\n.routine main\n")
    right = program(body, 5, ".buffer total, 0, 1, out, u32\n.routine main\n")
    assert right.run(engine="reference")["total"].tolist() == [5]


@pytest.mark.parametrize(
    "body",
    ["SETI r0, n\n    ISETI r1, 1\n    WRITE r0, r1",
     "SETI r0, n\n    ISETI r1, 1073741824\n    WRITE r0, r1",
     "SETI r0, n\n    SETI r1, int:0x3f800000\n    ATOMIC_IADD r2, r0, r1",
     "SETI r0, x\n    SETI r1, bits:0x3f800000\n    WRITE r0, r1",
     "SETI r0, x\n    SETI r1, 1\n    WRITE r0, r1",
     "SETI r0, x\n    READ r1, r0\n    FTOU r1, r1\n    SETI r0, n\n    WRITE r0, r1",
     "SETI r0, n\n    READ r1, r0\n    UTOF r1, r1\n    SETI r0, x\n    WRITE r0, r1",
     "SETI r0, n\n    WRITE r0, r1", "SETI r0, x\n    WRITE r0, r1",  # zeros are both
     "SETI r0, x\n    READ r1, r0\n    ISETI r2, 0x7fffffff\n    IAND r1, r1, r2\n    WRITE r0, r1",
     "SETI r0, n\n    BRANCH_EQ r3, on\n    SETI r1, 1\n    JUMP end\non:\n    ISETI r1, 1\nend:\n"
     "    WRITE r0, r1",
     "RAND r0\n    SCALE r0, r0, 8\n    ISETI r1, 1\n    WRITE r0, r1",  # to either
     "HALT\n    SETI r1, 1\n    WRITE r0, r1"],
)  # fmt: skip
def test_what_is_right_or_not_known_is_taken(body):
    program(f"    {body}", 4, TYPED.format("i32")).verify()


@pytest.mark.parametrize(
    ("head", "body", "count"),
    [(WORDS, "ISETI r1, 1073741824\n    WRITE r0, r1", 0), (HEAD, "ATOMIC_IADD r2, r0, r1", 4)],
)
def test_what_was_saved_is_counted_and_not_refused(head, body, count):
    """Its numbers may be floats or integers, and it may have run so before."""
    subject = program(f"    SETI r0, 0\n    ISETI r1, 1\n    {body}", 4, head)
    saved = loads(container.dumps(subject, subject.needs))
    given = {port.name: np.zeros(4) for port in saved.inputs if port.name in "ab"}
    assert saved.run(engine="reference", **given).stats["mixed"] == count
    assert lw.fleet.assemble(saved.dis()).hash == saved.hash


PLAIN = ".buffer x, 0, 4, inout\n{}.routine main\n"
INTO_FLOATS = [
    "ISETI r1, 3\n    WRITE r0, r1",
    "READ r1, r0\n    IADD r1, r1, r1\n    WRITE r0, r1",
    "READ r1, r0\n    IMUL r1, r1, r1\n    WRITE r0, r1",
    "IVMID r1\n    WRITE r0, r1",
    "READ r1, r0\n    FTOI r1, r1\n    MOV r2, r1\n    WRITE r0, r2",
    "ISETI r1, 3\n    ATOMIC_IXCH r2, r0, r1",
]


@pytest.mark.parametrize("other", ["", ".buffer n, 4, 1, in, u32\n", ".buffer n, 4, 1, in\n"])
@pytest.mark.parametrize("body", INTO_FLOATS)
def test_integers_in_floats_are_refused_whatever_other_buffers_are(body, other):
    subject = program(f"    VMID r0\n    ADDI r0, r0, x\n    {body}", 4, PLAIN.format(other))
    with pytest.raises(lw.Diagnostic, match=r"an integer into .* of f32") as caught:
        subject.verify()
    assert caught.value.code.ident == "LW6013"


@pytest.mark.parametrize("body", [*INTO_FLOATS[1:3], INTO_FLOATS[3]])
def test_integers_in_floats_are_counted_in_saved_programs(body):
    subject = program(f"    VMID r0\n    ADDI r0, r0, x\n    {body}", 4, PLAIN.format(""))
    saved = loads(container.dumps(subject, subject.needs))
    with pytest.warns(lw.fleet.LossNotice, match="LW6013"):
        assert saved.run(x=np.ones(4), engine="reference").stats["mixed"] == 4
    assert lw.fleet.assemble(saved.dis()).hash == saved.hash


@pytest.mark.parametrize("body", INTO_FLOATS)
def test_bits_are_kept_in_a_buffer_that_says_so(body):
    head = PLAIN.format("").replace("inout", "inout, u32")
    program(f"    VMID r0\n    ADDI r0, r0, x\n    {body}", 4, head).verify()


@pytest.mark.slow
def test_random_programs_are_taken():
    assert [seed for seed in range(150) if random_program(seed).problems()] == []


EITHER = [
    ("ISETI r1, 1\n    WRITE r0, r1", 4),  # VMs 4 to 7 write to x
    ("SETI r1, 1\n    WRITE r0, r1", 4),
    ("SETI r1, 1\n    ATOMIC_ADD r2, r0, r1", 4),
    ("ISETI r1, 1\n    ATOMIC_IADD r2, r0, r1", 4),
    ("ISETI r1, 1\n    ATOMIC_IXCH r2, r0, r1\n    WRITE r0, r1", 8),
    ("WRITE r0, r3", 0),  # zeros
    ("READ r1, r0\n    WRITE r0, r1", 0),  # of either kind
    ("IVMID r2\n    IWRITE r2, r0", 4),
    ("FTOU r2, r0\n    SUBI r0, r0, 8\n    WRITE r0, r2", 0),  # outside
]


@pytest.mark.parametrize(("body", "count"), EITHER)
def test_words_that_go_to_either_are_counted(body, count):
    """Where it depends on a VM's number, which is a multiple of what another word says."""
    text = f"    VMID r0\n    SETI r1, 8\n    READ r1, r1\n    MUL r0, r0, r1\n    {body}"
    subject = program(
        text, 8, TYPED.format("u32").replace(".routine", ".buffer by, auto, 1, in\n.routine")
    )
    assert subject.problems() == []
    with subject.bind("reference") as runner:
        result = runner(by=[1])
    assert result.stats["mixed"] == count


SETTINGS = [{}, {"io": "fast"}, {"general": True}, {"bounds": "fault", "on_fault": "go on"},
            {"layout": "aos"}, {"sort": True}, {"conflicts": "fault"}]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_gpu_counts_them_too(gpu, settings):
    head = TYPED.format("u32").replace(".routine", ".buffer by, auto, 1, in\n.routine")
    for body, count in EITHER:
        text = f"    VMID r0\n    SETI r1, 8\n    READ r1, r1\n    MUL r0, r0, r1\n    {body}"
        with program(text, 8, head).bind("epoch", **settings) as runner:
            assert runner(by=[1]).stats["mixed"] == count, (body, settings)


@pytest.mark.parametrize("io", ["ordered", "fast"])
@pytest.mark.parametrize(
    ("body", "count", "faults"),
    [("SETI r2, 3e38\n    ATOMIC_ADD r3, r0, r2", 0, 4),  # in n, where 3e38 is; x has zeros
     ("SETI r2, 3e38\n    ATOMIC_MAX r3, r0, r2", 4, 0),
     ("SETI r2, 1\n    ATOMIC_ADD r3, r0, r2", 4, 0),
     ("ISETI r2, 1\n    ATOMIC_IADD r3, r0, r2", 4, 0)],
)  # fmt: skip
def test_what_faults_has_put_nothing(engine, io, body, count, faults):
    head = TYPED.format("u32").replace(".routine", ".buffer by, auto, 1, in\n.routine")
    text = f"    VMID r0\n    SETI r1, 8\n    READ r1, r1\n    MUL r0, r0, r1\n    {body}"
    large = np.full(4, 3e38, np.float32).view(np.uint32)
    settings = {"arithmetic": "trap", "on_fault": "go on", "io": io}
    with program(text, 8, head).bind(engine, **settings) as runner:
        stats = runner(n=large, x=np.zeros(4), by=[1]).stats
    assert (stats["mixed"], stats["faults"]) == (count, faults)
