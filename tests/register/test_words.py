"""What people write who know other processors, and what is said about it: sentence, place, help."""

from __future__ import annotations

import math

import pytest

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.core.codes import BAD_ASSEMBLY
from lanework.machines.register.text.instead import _INSTEAD
from lanework.machines.register.text.operands import mnemonics


@pytest.mark.parametrize(
    ("line", "marked", "message", "help"),
    [
        ("add r0, r1, r99", "r99", "is no register", "r0 to r31"),
        ("add r0, R1, r2", "R1", "is no register", "did you mean 'r1'?"),
        ("add %r0, %r1, %r2", "%r0", "is no register", "did you mean 'r0'?"),
        ("mov r0, rax", "rax", "is no register", "r0 to r31"),
        ("add r0, r0, x1", "x1", "is no register", "r0 to r31"),
        ("add 5, r0, r1", "5", "is no register", "r0 to r31"),
        ("addi r0, r0, #1", "#1", "is no number", "write it without #: 1"),
        ("mov r0, $5", "$5", "is no number", "write it without $: 5"),
        ("add r0, r0, r1 // more", "//", "begins no comment", "comments begin with ;"),
        ("add r0, r0, r1 # more", "r1 # more", "is no operand", "comments begin with ;"),
        ("mov r0, [r1]", "[r1]", "which only loads and stores take", "load.d r0, [r1]"),
        ("load.d r0, r1", "r1", "is no address", "[r1 + 8]"),
        ("load.d r0, [r1 + nowhere]", "[r1 + nowhere]", "no label 'nowhere'", None),
        ("add r0 r1 r2", "add r0 r1 r2", "3 operands, with commas between them, not 1", "r0, r1"),
        ("here: there: jmp zzz", "zzz", "no label 'zzz'", None),
        ("jmp 5", "5", "no label '5'", None),
        ("cmp r0, r1", "cmp", "no instruction", "beq r0, r1, label"),
        ("push r0", "push", "no instruction", "subi sp, sp, 8"),
        ("INC r0", "INC", "no instruction", "addi r0, r0, 1"),
        ("addi r0, r0, 99999999999", "99999999999", "does not fit into 32 bits", "mov"),
        (".globl main", ".globl", "no directive .globl", "leave it out"),
        (".frob", ".frob", "no directive .frob", ".memory"),
        (".word 5", ".word", "stands among instructions", "after .data"),
        ('.data\n.asciz "a"', ".asciz", "no data directive", ".byte 0"),
        (".data\n.byte 300", "300", "does not fit into 1 byte", None),
        ('.input "x" r0\n.input "x" r1', '.input "x" r1', "an input 'x' already", "rename"),
        ('.output "x" r0\n.output "x" r1', '.output "x" r1', "an output 'x' already", "rename"),
    ],
)
def test_what_is_wrong_is_marked(line, marked, message, help):
    with pytest.raises(Diagnostic) as caught:
        lw.register.assemble(f"nop\n{line}\nhalt")
    error = caught.value
    row = error.span.text.splitlines()[error.span.line - 1]
    assert row[error.span.column - 1 : error.span.end_column - 1] == marked
    assert error.span.line == 2 + line.count("\n")
    assert message in error.message
    assert (help or BAD_ASSEMBLY.help) in error.help


@pytest.mark.parametrize(
    ("name", "lines", "r0"),
    [
        ("fmax", "fgt r2, r0, r1/bne r2, zero, .on/mov r0, r1/.on:", max),
        ("FMIN", "flt r2, r0, r1/bne r2, zero, .on/mov r0, r1/.on:", min),
        ("fneg", "mov r1, f64:-1/fmul r0, r0, r1", lambda a, b: -a),
        (
            "fmod",
            "fdiv r2, r0, r1/ftoi r2, r2/itof r2, r2/fmul r2, r2, r1/fsub r0, r0, r2",
            math.fmod,
        ),
        ("ftrunc", "ftoi r1, r0/itof r0, r1", lambda a, b: float(math.trunc(a))),
        ("max", "bge r0, r1, .on/mov r0, r1/.on:", max),
        ("min", "ble r0, r1, .on/mov r0, r1/.on:", min),
        ("abs", "sari r1, r0, 63/xor r0, r0, r1/sub r0, r0, r1", lambda a, b: abs(a)),
    ],
)
def test_what_is_advised_computes_what_is_not_there(name, lines, r0):
    with pytest.raises(Diagnostic) as caught:
        lw.register.assemble(f"nop\n{name} r0, r0, r1\nhalt")
    assert all(line.removesuffix(":") in caught.value.help for line in lines.split("/"))
    dtype = "f64" if name.lower().startswith("f") else "i64"
    head = f'.input "a" r0 {dtype}\n.input "b" r1 {dtype}\n.output "y" r0 {dtype}\n'
    program = lw.register.assemble(head + lines.replace("/", "\n") + "\nhalt\n")
    for pair in ((7, 2), (-7, 2), (3, 5), (-3, -9)):
        assert program.run(a=pair[0], b=pair[1])["y"] == r0(*pair)


@pytest.mark.parametrize("name", ["fmax", "pow", "MAX", "exp"])
def test_a_word_that_another_machine_has_too_is_not_taken_for_its_assembly(name):
    for line in (f"{name} r0, r1, r2", f"{name} r0, r1"):
        with pytest.raises(Diagnostic) as caught:
            lw.register.assemble(f"fadd r0, r0, r1\n{line}\nhalt")
        assert "fleet" not in caught.value.help
        with pytest.raises(Diagnostic) as caught:
            lw.register.assemble(f"{line}\nfadd r0, r0, r1\nhalt")
        assert "fleet" not in caught.value.help
    with pytest.raises(Diagnostic) as caught:
        lw.compile("MAX r0, r1, r2\nhalt")
    assert "write bge r0, r1" in caught.value.help
    assert "if it is assembly of the fleet machine, begin it with" in caught.value.help


def test_no_instruction_is_advised_against():
    assert not set(_INSTEAD) & set(mnemonics())


@pytest.mark.parametrize("text", ["fib.lasm", "a/b.lwp", " x.series ", "notes.txt"])
@pytest.mark.parametrize("assemble", [lw.register.assemble, lw.fleet.assemble])
def test_a_path_is_no_assembly(assemble, text):
    with pytest.raises(Diagnostic) as caught:
        assemble(text)
    assert f"lanework.compile({text.strip()!r}) reads the file" in caught.value.help


def test_assembly_of_another_machine_is_known():
    fleet = ".buffer x, 0, 4, in\n.routine main\n HALT\n.phase\n .launch main, 4\n"
    for assemble, text, help in (
        (lw.register.assemble, fleet, "lanework.fleet.assemble reads it"),
        (lw.compile, fleet, "begin it with .machine fleet"),
        (lw.fleet.assemble, ".input r0\nadd r0, r0, r0\nhalt\n", "lanework.register.assemble"),
    ):
        with pytest.raises(Diagnostic) as caught:
            assemble(text)
        assert help in caught.value.help


@pytest.mark.parametrize("engine", ["reference", "native", "stencil", "llvm", "auto"])
def test_limits_say_where_the_program_was(engine):
    program = lw.register.assemble("nop\n.again:\n jmp .again\n")
    for limits, code in ((lw.Limits(fuel=100), "LW2002"), (lw.Limits(deadline=0.02), "LW2001")):
        with pytest.raises(Trap) as caught:
            program.run(engine=engine, limits=limits)
        assert (caught.value.code.ident, caught.value.span.line) == (code, 3)


def test_traps_say_what_to_do():
    for text, help in (
        ("div r0, r0, zero\nhalt", "test the divisor"),
        ("mov r1, 65536\nload.b r0, [r1]\nhalt", ".memory"),
        ("ext 3\nhalt", "externals="),
    ):
        with pytest.raises(Trap) as caught:
            lw.register.assemble(text).run(**({"r0": 1} if "div" in text else {}))
        assert help in caught.value.help


@pytest.mark.parametrize("given", ["halt", None, lw.series.Model("m", periods=1)])
def test_executables_are_made_of_register_programs(given):
    for make in (lw.register.aot.executable, lw.register.aot.raw):
        with pytest.raises(Diagnostic, match="is no register program"):
            make(given)


@pytest.mark.parametrize(
    "line",
    ["addi r0, r0, 1 # c", "halt # c", "mov r0, 5 # five", "load.d r0, [r1] # c", "jmp end # c",
     "store.d r0, [r1 + 8] # c", ".entry main # c", "add r0, r0 # c", "addi r0, r0, 1#c",
     "mov r0, r1 #c", ".memory 64 # c", "mov r0, f64:1.5 # c"],
)  # fmt: skip
def test_comments_begin_with_another_sign(line):
    with pytest.raises(Diagnostic, match="is no operand") as caught:
        lw.register.assemble(f".code\nmain:\n{line}\nend: halt\n")
    assert caught.value.help == "comments begin with ;"
    assert caught.value.span.line == 3
    lw.register.assemble("# c\nmov r0, '#' ; c # c\nhalt\n.data\n.ascii \"a # b\"\n")


@pytest.mark.parametrize(("line", "near"), [("bgte", "bge"), ("blte", "ble"), ("bneq", "bne")])
def test_branches_of_other_processors(line, near):
    with pytest.raises(Diagnostic) as caught:
        lw.register.assemble(f"on: {line} r0, r1, on\nhalt\n")
    assert caught.value.help == f"did you mean {near!r}?"


ADDED = """
.input "a" r0 {0}
.input "b" r1 {0}
.output "c" r2 {0}
add r2, r0, r1
halt
"""


@pytest.mark.parametrize("dtype", ["u64", "i64"])
@pytest.mark.parametrize(
    ("given", "advice"),
    [("12", "int()"), (["12", "3"], "int()"), (b"7", "int()"), ("18446744073709551615", "int()"),
     ("1.5", "give a whole number"), ("1,000", "1000")],
)  # fmt: skip
def test_texts_for_whole_numbers_are_made_such(dtype, given, advice):
    with pytest.raises(Diagnostic) as caught:
        lw.register.assemble(ADDED.format(dtype)).run(a=given, b=1)
    assert advice in caught.value.help
    assert "float()" not in caught.value.help


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize(
    ("some", "named"), [((), {"a": 1, "b": 2}), ((1,), {"b": 2}), ((1, 2), {"c": 3})]
)
def test_functions_take_numbers_in_order(engine, some, named):
    with lw.register.assemble(ADDED.format("i64")).bind(engine) as runner:
        function = runner.function("a", "b")
        assert function(1, 2) == 3
        with pytest.raises(Diagnostic, match="in order, and not by name") as caught:
            function(*some, **named)
    assert "give: a, b" in caught.value.help
