"""Modules linked to a program."""

import struct

import pytest

from lanework import fleet
from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Buffer, Launch, Phase

MAIN = """.machine fleet
.state S32
.extern twice, table, FACTOR, flock
.buffer input, auto, 100, in
.shared 50
.routine main
    SYSCALL_VMID r0
loop:
    CALL twice
    MUL r0, r0, FACTOR
    SETI r1, table+1
    SETI r2, table.size
    BRANCH_GT r0, loop
    HALT
.phase
    .launch main, table.size, custom table
    .launch main, resume flock
"""
LIBRARY = """; functions
.const FACTOR 0.5
.spawn 3
.depth 20
.buffer table, auto, 8
.buffer fixed, 200, 10
.routine other
    JUMP 0
.routine twice
again:
    ADD r0, r0, r0
    BRANCH_LT r0, again
    SPAWN r1, other, r0
    RETURN
.repeat 2
.phase none
    .launch other, 7, keep flock
.end
"""


def module(text, source="text"):
    return fleet.assemble_module(text, source)


def words(program):
    return [list(row) for row in struct.iter_unpack("<5I", program.tape)]


def f32(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def refused(*texts):
    with pytest.raises(Diagnostic) as caught:
        fleet.link([module(text, f"file{n}") for n, text in enumerate(texts)])
    assert caught.value.code.ident == "LW6009"
    assert caught.value.span is not None
    return caught.value


def test_two_modules():
    program = fleet.link([module(MAIN, "main"), module(LIBRARY, "library")])
    view = FleetView.of(program)
    assert words(program) == [
        [32, 0, 0, 0, 0],
        [60, 0, 8, 0, 0],  # CALL twice
        [20, 0, 0, f32(0.5), 0],  # MULI: FACTOR
        [3, 1, f32(101), 0, 0],  # table lies behind input
        [3, 2, f32(8), 0, 0],
        [53, 0, 1, 0, 0],
        [34, 0, 0, 0, 0],
        [56, 0, 7, 0, 0],  # JUMP 0 of its routine
        [0, 0, 0, 0, 0],
        [52, 0, 8, 0, 0],
        [140, 1, 7, 0, 0],
        [61, 0, 0, 0, 0],
    ]
    assert [(each.name, each.entry) for each in view.routines] == [
        ("main", 0),
        ("other", 7),
        ("twice", 8),
    ]
    assert view.buffers == (
        Buffer("input", 0, 100, "in"),
        Buffer("table", 100, 8),
        Buffer("fixed", 200, 10),
    )
    assert (view.profile.name, view.shared, view.depth, view.plan.spawn) == ("S32", 210, 20, 3)
    assert view.plan.phases == (
        Phase("wait_all", (Launch(0, 8, "custom", 100), Launch(0, 7, resume="flock"))),
        Phase("none", (Launch(1, 7, keep="flock"),)),
    )
    assert view.plan.schedule == (0, 1, 1)
    assert [entry.span.source for entry in program.listing] == ["main"] * 7 + ["library"] * 5
    assert [entry.instruction for entry in program.listing] == list(range(12))


def test_order_is_that_of_the_modules():
    program = fleet.link([module(LIBRARY, "library"), module(MAIN, "main")])
    view = FleetView.of(program)
    assert [each.name for each in view.routines] == ["other", "twice", "main"]
    assert words(program)[6] == [60, 0, 1, 0, 0]
    # automatic buffers of a module come after all of the modules before it
    assert [buffer.offset for buffer in view.buffers] == [0, 200, 210]


def test_automatic_buffers_go_behind_the_highest_before():
    one = ".buffer a, 500, 10\n.buffer b, 20, 5\n.buffer c, auto, 5\nHALT"
    program = fleet.link([module(one), module(".buffer d, auto, 1"), module(".buffer e, auto, 1")])
    assert [each.offset for each in FleetView.of(program).buffers] == [500, 20, 25, 510, 511]
    assert program.header["shared"] == 512


def test_one_module_is_what_the_assembler_makes():
    text = ".const N 3\nADD r0, r0, N\nHALT\n"
    assert fleet.link([module(text)]).hash == assemble(f".machine fleet\n{text}").hash


def test_a_linked_program_reads_back():
    program = fleet.link([module(MAIN), module(LIBRARY)])
    assert assemble(program.dis()).hash == program.hash


def test_modules_need_not_say_what_they_do_not_care_for():
    main = ".state S64\n.convention callee\n.epsilon 0.5\n.extern f\nCALL f\nHALT"
    program = fleet.link([module(main), module(".routine f\nRETURN")])
    assert (program.header["state"], program.header["convention"]) == ("S64", 2)
    assert (program.header["epsilon"], program.header["shared"]) == (0.5, 0)
    same = fleet.link([module(main), module(".epsilon 5e-1\n.routine f\nRETURN")])
    assert same.hash == program.hash


def test_constants_may_agree():
    one = ".const N 5\n.extern f\nSETI r0, N\nCALL f\nHALT"
    two = ".const N 5\n.routine f\nADD r0, r0, N\nRETURN"
    assert words(fleet.link([module(one), module(two)]))[3] == [80, 0, 0, f32(5), 0]
    problem = refused(one, two.replace("N 5", "N 6"))
    assert "'N' is defined twice, in file0 and in file1" in problem.message
    assert problem.span.source == "file1"


def test_symbols_through_modules():
    one = ".extern b\n.const a b+1\nSETI r0, a\nHALT"
    assert words(fleet.link([module(one), module(".const b 2*2\n.routine f\nHALT")]))[0][2] == f32(
        5
    )
    loop = [module(one), module(".extern a\n.const b a\n.routine f\nHALT")]
    with pytest.raises(Diagnostic, match="depends on itself"):
        fleet.link(loop)


def test_many_constants_one_through_the_other():
    chain = "".join(f".const c{n + 1} c{n}+1\n" for n in range(2000))
    assert words(fleet.link([module(f".const c0 0\n{chain}SETI r0, c2000\nHALT")]))[0][2] == f32(
        2000
    )


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        (".extern f\nCALL f\nHALT", ".routine g\nRETURN", "routine 'f' is defined nowhere"),
        (".extern f\nSETI r0, f\nHALT", ".routine g\nRETURN", "symbol 'f' is defined nowhere"),
        (".extern f\nHALT\n.phase\n.launch f, 1", ".routine g\nHALT", "routine 'f' is defined no"),
        (".extern f\nHALT\n.phase\n.launch main, resume f", ".routine g\nHALT", "keeps VMs as 'f'"),
        (".routine f\nHALT", ".routine f\nHALT", "routine 'f' is defined twice"),
        (".buffer b, 0, 1\nHALT", ".buffer b, 0, 1\n.routine f\nHALT", "'b' is defined twice"),
        (".buffer b, 0, 1\nHALT", ".const b 0\n.routine f\nHALT", "'b' is defined twice"),
        (".state S22\nHALT", ".state S32\n.routine f\nHALT", ".state is S22 in file0 and S32 in"),
        (".convention callee\nHALT", ".convention caller\n.routine f\nHALT", "is callee in file0"),
        (".epsilon 0\nHALT", ".epsilon 1e-4\n.routine f\nHALT", ".epsilon is 0 in file0"),
        (".routine f\nHALT", ".routine g\nHALT", "no module says what runs"),
        ('.header "a" 1\nHALT', '.header "a" 2\n.routine f\nHALT', "give 'a' in the header diff"),
        ('.section "a" 00\nHALT', '.section "a" 01\n.routine f\nHALT', "give 'a' in the sections"),
    ],
)
def test_modules_that_do_not_go_together(one, two, message):
    assert message in refused(one, two).message


def test_a_near_name_is_offered():
    problem = refused(".extern twise\nCALL twise\nHALT", ".routine twice\nRETURN")
    assert problem.help == "did you mean 'twice'?"


def test_nothing_to_link():
    for modules in ([], [module("")], [module(".state S22")]):
        with pytest.raises(Diagnostic, match=r"LW6009.*holds no instruction"):
            fleet.link(modules)


def test_a_module_is_of_the_fleet():
    with pytest.raises(Diagnostic, match="modules are of the fleet machine"):
        module(".machine register\nhalt")


def test_names_of_no_module_are_found_at_once():
    with pytest.raises(Diagnostic, match="LW1010: there is no symbol 'FAKTOR'") as caught:
        module(".const FACTOR 2\nMUL r0, r0, FAKTOR\nHALT")
    assert caught.value.help == "did you mean 'FACTOR'?"


def test_other_fields_and_sections():
    text = '.header "taste" "sweet"\n.header "weight" 1.5\n.section "notes" 00ff\nHALT'
    program = fleet.link([module(text)])
    assert (program.header["taste"], program.header["weight"]) == ("sweet", 1.5)
    assert program.sections["notes"] == b"\x00\xff"
    assert assemble(program.dis()).hash == program.hash
