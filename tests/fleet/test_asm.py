"""Assembly text of fleet programs: what is read, what is printed, and what is refused."""

import re
import struct

import pytest

from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.isa import ALIASES, FLEET
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan
from lanework.machines.fleet.text import asm
from lanework.machines.fleet.text.operands import pattern

ALL = """# a comment before everything
.machine fleet
.state S32
.epsilon 0.0001
.convention hybrid
.depth 4
.spawn 100
.const N 1000
.const last N*4-1      ; three more than N - 1 times four
.buffer image, 0, N*3, in, range -1e3 N
.buffer gray, auto, N, out, steps 0 2, range any 0.5
.routine double        # with aliases
.alias acc r2
.alias counter mem3
    SYSCALL_VMID r0
loop: muli r1, r1, 2.0
    ADD acc, r1, N     # ADDI
    STORE acc, counter
    BRANCH_GT r1, loop
    SETI r3, gray+2
    SETI r3, gray.size * 2
    ISETI r3, -1
    SETI r3, bits:0x7f800001
    CALL helper
    BRANCH_EQ r1, 1
    HALT
.routine helper
    LOAD r0, [5]
    COPY mem1, mem[2]
    SPAWN r0, double, r1
    RETURN
.phase
    .launch double, N, keep flock
    .launch double, 10, strided 4
.repeat 3
    .repeat 2
        .phase none
            .launch helper, resume flock
    .end
    .phase wait_any
        .launch double, 5, custom image+5
        .launch double, 7, contiguous 500
.end
"""


def read(text):
    return assemble(f".machine fleet\n{text}\n")


def words(text):
    return [list(row) for row in struct.iter_unpack("<5I", read(text).tape)]


def f32(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def refused(text):
    with pytest.raises(Diagnostic) as caught:
        read(text)
    assert caught.value.code.ident == "LW1010"
    assert caught.value.span is not None
    return caught.value


def test_everything_at_once():
    program = assemble(ALL)
    view = FleetView.of(program)
    assert [list(row) for row in struct.iter_unpack("<5I", program.tape)] == [
        [32, 0, 0, 0, 0],
        [20, 1, 1, f32(2), 0],
        [80, 2, 1, f32(1000), 0],
        [5, 2, 3, 0, 0],
        [53, 1, 1, 0, 0],
        [3, 3, f32(3002), 0, 0],
        [3, 3, f32(2000), 0, 0],
        [3, 3, 0xFFFFFFFF, 0, 0],
        [3, 3, 0x7F800001, 0, 0],
        [60, 0, 12, 0, 0],
        [50, 1, 1, 0, 0],
        [34, 0, 0, 0, 0],
        [4, 0, 5, 0, 0],
        [6, 1, 2, 0, 0],
        [140, 0, 0, 1, 0],
        [61, 0, 0, 0, 0],
    ]
    assert [(each.name, each.entry, each.count) for each in view.routines] == [
        ("double", 0, 12),
        ("helper", 12, 4),
    ]
    assert (view.profile.name, view.shared, view.depth) == ("S32", 4000, 4)
    assert (view.convention.name, view.epsilon) == (
        "HYBRID",
        struct.unpack("<f", b"\x17\xb7\xd1\x38")[0],
    )
    assert view.buffers == (
        Buffer("image", 0, 3000, "in", (), -1000.0, 1000.0),
        Buffer("gray", 3000, 1000, "out", (0, 2), None, 0.5),
    )
    assert view.plan == Plan(
        (
            Phase("wait_all", (Launch(0, 1000, keep="flock"), Launch(0, 10, "strided", 0, 4))),
            Phase("none", (Launch(1, 1000, resume="flock"),)),
            Phase("wait_any", (Launch(0, 5, "custom", 5), Launch(0, 7, "contiguous", 500))),
        ),
        (0, 1, 1, 2, 1, 1, 2, 1, 1, 2),
        100,
    )
    assert program.header["vms"] == 100 + 1000 + 3 * 12


def test_what_is_printed_reads_back_to_the_same_program():
    program = assemble(ALL)
    text = program.dis()
    again = assemble(text)
    assert again.hash == program.hash
    assert again.dis() == text
    assert ".epsilon 0.0001\n" in text
    assert "    BRANCH_GT r1, L1\n" in text
    assert "    .repeat 2\n        .phase none\n" in text


def test_the_listing_has_lines_as_they_are_written():
    program = assemble(ALL)
    entry = program.listing[2]
    assert (entry.instruction, entry.text) == (2, "ADD acc, r1, N")
    assert (entry.span.line, entry.span.column, entry.span.end_column) == (17, 5, 19)
    assert program.listing[1].text == "muli r1, r1, 2.0"
    assert [each.instruction for each in program.listing] == list(range(16))


@pytest.mark.parametrize("name", sorted(FLEET.by_name))
def test_every_instruction_reads_as_its_example_shows(name):
    info = FLEET.by_name[name]
    program = read(f"label: {pattern(info)}")
    (row,) = struct.iter_unpack("<5I", program.tape)
    fields = [0] * 4
    example = {"dest": 0, "word": 3, "from": 4, "imm": f32(2.5), "target": 0}
    registers = iter([1, 2, 3])  # each operand has one of its own
    for spec, place in zip(info.operands, info.fields, strict=True):
        fields[place] = example[spec.name] if spec.name in example else next(registers)
        assert spec.kind is not OperandKind.CODE or place == 1 - (len(info.fields) > 3)
    assert list(row) == [info.code, *fields]
    assert read(f"label: {pattern(info).lower()}").hash == program.hash


def test_the_example_of_the_documentation():
    text = asm.__doc__.split("::")[1].split("\nNumbers are")[0]
    program = read(text.replace(".extern helper", "") + ".routine helper\nRETURN")
    program.verify()
    view = FleetView.of(program)
    assert [phase.launches[-1] for phase in view.plan.phases] == [
        Launch(0, 100, "contiguous", 500, keep="flock"),
        Launch(0, 100, resume="flock"),
    ]
    assert len(view.plan.schedule) == 101
    assert [(each.offset, each.size) for each in view.buffers[:2]] == [(0, 1000), (1000, 1000)]
    assert [(each.dtype, each.pad) for each in view.buffers[2:]] == [("u32", False), ("f32", True)]
    assert view.shared == 4096


def test_other_spellings():
    for alias, name in ALIASES.items():
        info = FLEET.by_name[name]
        assert (
            read(f"label: {pattern(info).replace(name, alias)}").tape
            == read(f"label: {pattern(info)}").tape
        )


@pytest.mark.parametrize(
    ("name", "code"),
    [("ADD", 80), ("SUB", 81), ("MUL", 20), ("DIV", 21), ("MOD", 22), ("CMP", 23)],
)
def test_a_number_at_the_end_takes_the_immediate_form(name, code):
    assert words(f"{name} r1, r2, 10") == [[code, 1, 2, f32(10), 0]]
    assert words(f"{name}I r1, r2, 10") == [[code, 1, 2, f32(10), 0]]
    assert words(f".alias ten r3\n{name} r1, r2, ten") == [[FLEET.by_name[name].code, 1, 2, 3, 0]]


def test_a_name_in_quotes_is_a_routine_and_a_number_is_not():
    text = 'HALT\n.routine "1"\nCALL "1"\nCALL 1\nCALL a-b\nHALT\n.routine a-b\nRETURN'
    assert words(text)[1:4] == [[60, 0, 1, 0, 0], [60, 0, 2, 0, 0], [60, 0, 5, 0, 0]]


def test_a_text_of_instructions_is_one_routine_that_one_vm_runs():
    view = FleetView.of(read("HALT"))
    assert [(each.name, each.count) for each in view.routines] == [("main", 1)]
    assert view.plan == Plan((Phase("wait_all", (Launch(0, 1),)),), (0,))
    problem = refused(".routine double\nHALT")
    assert problem.help == "add .phase wait_all, and below it .launch double, 1000"


def test_labels_come_before_routines_but_not_in_quotes():
    text = 'f: CALL f\nCALL "f"\nHALT\n.routine f\nRETURN'
    assert words(text)[:2] == [[60, 0, 0, 0, 0], [60, 0, 3, 0, 0]]


def test_labels_that_are_printed_are_no_names_of_routines():
    text = "a: JUMP a\n.routine L0\nCALL L1\nCALL L0\nHALT\n.routine L1\nRETURN"
    shown = read(text).dis()
    assert "_L0:\n    JUMP _L0" in shown
    assert words(shown.split("\n", 1)[1]) == words(text)


def test_other_names_belong_to_their_routine():
    first = ".alias a r1\n.routine f\n.alias b r2\nMOV a, b\nHALT\n"
    assert words(first + ".routine g\n.alias b r3\nMOV a, b\nHALT\n.phase\n")[2] == [2, 1, 3, 0, 0]
    assert (
        "there is no symbol 'b'" in refused(first + ".routine g\nMOV a, b\nHALT\n.phase\n").message
    )


def test_mov_of_a_number_is_seti():
    assert words("MOV r1, -0.5") == [[3, 1, f32(-0.5), 0, 0]]
    assert words("MOV r1, r2") == [[2, 1, 2, 0, 0]]


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("2", 0x40000000),
        ("-0.0", 0x80000000),
        ("1e-3", f32(1e-3)),
        ("1e+30", f32(1e30)),
        (".5", f32(0.5)),
        ("0x10", f32(16)),
        ("inf", 0x7F800000),
        ("-inf", 0xFF800000),
        ("nan", 0x7FC00000),
        ("bits:0xffc00000", 0xFFC00000),
        ("bits:7", 7),
        ("int:42", 42),
        ("int:-1", 0xFFFFFFFF),
        ("int:N*2", 2000),
        ("int:0xdeadbeef", 0xDEADBEEF),
        ("N", f32(1000)),
        ("<N>", f32(1000)),
        ("N*4-1", f32(3999)),
        ("N - 2 * (3 + 1)", f32(992)),
        ("-N*-2", f32(2000)),
        ("2*-(1-3)", f32(4)),
        ("1-2-3", f32(-4)),
        ("half*3", f32(1.5)),
        ("0.1", 0x3DCCCCCD),
        ("16777216", 0x4B800000),
        ("16777218", 0x4B800001),
        ("16777217.0", 0x4B800000),
        ("1e-45", 1),
    ],
)
def test_numbers(text, bits):
    assert words(f".const N 1000\n.const half 0.5\nSETI r0, {text}") == [[3, 0, bits, 0, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SETI r0, 16777217", "16777217 is no number of single precision, the nearest is 16777216"),
        (
            "SETI r0, N*N*N+1",
            "1000000001 is no number of single precision, the nearest is 1000000000",
        ),
        ("SETI r0, 1e39", "beyond single precision"),
        ("SETI r0, int:4294967296", "no integer of 32 bits"),
        ("SETI r0, int:0.5", "no integer of 32 bits"),
        ("SETI r0, bits:0x100000000", "from 0 to 4294967295"),
        ("SETI r0, 1+", "'1\\+' is no number"),
        ("SETI r0, (1", "is no number"),
        ("SETI r0, 1)", "is no number"),
        ("SETI r0, 1 2", "'1 2' is no number"),
        ("SETI r0, M", "there is no symbol 'M'"),
        ("SETI r0, r1*2", "'r1' is no number"),
        ("SETI r0, ", "operand"),
        ("SETI r0,, 1", "takes 2 operands, not 3"),
        (f"SETI r0, {'9' * 5000}", "too large"),
        (f"SETI r0, {'*'.join(['N'] * 100)}", "too large"),
        ("SETI 5, 1", "'5' is no register"),
        ("MULI r0, r1, r2", "'r2' is a register, and a number has to be here"),
        ("LOAD r0, 1.5", "whole number"),
        ("LOAD r0, -1", "whole number"),
        ("LOAD r0, r1", "'r1' is a register"),
        ("ADD r0, r1", "ADD takes 3 operands, not 2"),
        ("FROBNICATE r0", "no instruction 'FROBNICATE'"),
        ("JUMP nowhere", "no label and no routine 'nowhere'"),
        ("JUMP -1", "whole number from 0"),
        ('JUMP "nowhere', "no string"),
        ('CALL "nowhere"', "no label and no routine 'nowhere'"),
        ("a: a: HALT", "label 'a' is there twice"),
        ("r1: HALT", "'r1' cannot be a label"),
        (": HALT", "no instruction ':'"),
        (".frob", "no directive .frob"),
        (".state S99", "no state 'S99'"),
        (".state", "cannot be read"),
        (".state S22\n.state S22", "there twice"),
        (".convention nobody", "no convention 'nobody'"),
        (".epsilon 1e99", "beyond single precision"),
        (".shared -1", "whole number"),
        (".const r1 5", "cannot be the name of a symbol"),
        (".const N 5", "'N' is there twice"),
        (".const nan 5", "cannot be the name"),
        (".const a b\n.const b a", "depends on itself"),
        (".buffer N, 0, 1", "'N' is there twice"),
        (".buffer b, 0, 1\n.const b.size 1", "'b.size' is there twice"),
        (".buffer b, 0, 1, sideways", "no direction 'sideways'"),
        (".buffer b, 0", "cannot be read"),
        (".buffer b, 0, 1, steps", "cannot be read"),
        (".buffer b, 0, 1, range 1", "cannot be read"),
        (".buffer b, 0, 1, range 1 2, range 1 2", "cannot be read"),
        (".buffer b, 0, 1, range 1 2 3", "cannot be read"),
        (".buffer b, 0, 1, steps any 2", "symbol 'any'"),
        (".buffer b, 0, 1, range 1 far", "symbol 'far'"),
        (".buffer b, 0, 0.5", "whole number"),
        (".alias a b", "'b' is no register"),
        (".alias a r1\n.alias a r2", "'a' is there twice"),
        (".alias r1 r2", "cannot be another name"),
        (".routine main", "'main' is there twice"),
        (".extern far", "in another file"),
        (".phase soon", "no barrier 'soon'"),
        (".launch main, 1", "outside a phase"),
        (".phase\n.launch main", "does not say how many"),
        (".phase\n.launch mian, 1", "no routine 'mian'"),
        (".phase\n.launch main, 1, strided", "strided cannot be read"),
        (".phase\n.launch main, 1, contiguous 1, strided 2", "strided cannot be read"),
        (".phase\n.launch main, 1 2", "'2' has no place"),
        (".phase\n.launch main, resume flock", "no group of kept VMs 'flock'"),
        (".phase\n.launch main, 1.5", "whole number"),
        (".repeat 3", "no .end"),
        (".phase\n.repeat 3\n.launch main, 1\n.end", "outside a phase"),
        (".repeat 3\n.phase\n.end\n.launch main, 1", "outside a phase"),
        (".end", "no .repeat"),
        (".repeat 1048577\n.phase\n.launch main, 1\n.end", "longer than 1,048,576"),
        (".phase\n.launch main, 1\n.schedule 0 1", "no phase 1"),
        (".schedule 0", "no phase 0"),
        (".routine a\n.routine b", "'a' is empty"),
        (".repeat 2\n.phase\n.end\n.schedule 0", "written out where phases repeat"),
        ('.header "vms" 3', "directive of its own"),
        ('.section "x" 0', "hexadecimal"),
        ('.section "plan" 00', "cannot be given"),
    ],
)
def test_bad_texts(text, message):
    problem = refused(f".const N 1000\nHALT\n{text}\n")
    assert re.search(message, problem.message), problem.message
