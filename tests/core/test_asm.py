"""Assembly text: round trips, and places in what is refused."""

import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.core.program.isa import EXTENSION, WORD, Instruction, OperandKind
from lanework.machines.series.check.generate import random_program
from lanework.machines.series.isa import SERIES


@pytest.mark.parametrize("name", SERIES.by_name)
def test_encoding_of_every_instruction(name):
    instr = SERIES.by_name[name]
    instruction = Instruction(name, 7, tuple(range(11, 11 + len(instr.operands))))
    tape = SERIES.encode([instruction, instruction])
    assert len(tape) == 2 * 16 * instr.words
    assert SERIES.decode(tape) == [instruction, instruction]


def test_first_codes():
    codes = [SERIES.by_code[code].name for code in range(5)]
    assert codes == ["add", "sub", "mul", "div", "prev"]


@pytest.mark.parametrize(
    "tape",
    [
        b"\1" * 15,
        WORD.pack(999999, 0, 0, 0),
        WORD.pack(EXTENSION, 0, 0, 0),
        WORD.pack(4, 0, 1, 2),
        WORD.pack(4, 0, 1, 2) + WORD.pack(0, 0, 0, 0),
        WORD.pack(4, 0, 1, 2) + WORD.pack(EXTENSION, 0, 0, 5),
    ],
)
def test_bad_words(tape):
    with pytest.raises(Diagnostic) as caught:
        SERIES.decode(tape)
    assert caught.value.code.ident == "LW1001"
    assert "byte" in caught.value.message


def test_random_programs_round_trip():
    for seed in range(1000):
        program = random_program(seed)
        assert assemble(program.dis()).hash == program.hash


def test_every_instruction_round_trips():
    for instr in SERIES.by_name.values():
        ends = instr.name == "ends"  # which makes the horizon, and that does not depend on time
        axes = "point" if ends else "time"
        lines = [".machine series", f'.input "x" %0 axes="{axes}"', ".table clamp 0.0 1"]
        lines += [".cells 1.0", ".table clamp 0.0 1 clamp 0.0 1", ".cells 1.0", ".straight"]
        table = 1 if instr.name == "lookup2" else 0
        words = {
            OperandKind.ROW: "%0",
            OperandKind.LAG: "2",
            OperandKind.TABLE: str(table),
            OperandKind.PERIOD: "3",
        }
        operands = ", ".join(["%1", *(words[spec.kind] for spec in instr.operands)])
        lines += [f"    {instr.name} {operands}", '.output "y" %1']
        lines += [".horizon %1"] * ends
        program = assemble("\n".join(lines))
        assert program.problems() == [], instr.name
        assert assemble(program.dis()).hash == program.hash


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (".machine series\n.straight\n  addd %1, %0, %0", 3, "did you mean 'add'"),
        (".machine series\n.straight\n  add %1, %0", 3, "takes 3 operands"),
        (".machine series\n.straight\n  add 1, %0, %0", 3, "write %0"),
        (".machine series\n  add %1, %0, %0", 2, "before .straight"),
        (".machine series\n.perods 3", 2, "did you mean '.periods'"),
        (".machine series\n.periods x", 2, "number of periods"),
        ('.machine series\n.input "x" %0\n.input "y" %0', 3, "given twice"),
        ('.machine series\n.input "x" %0 unti="USD"', 2, "did you mean 'unit'"),
        (".machine series\n.cells 1.0", 2, "before any .table"),
        (".machine series\n.const one", 2, "no number"),
        ('.machine series\n.output "y" %3', 2, "never"),
    ],
)
def test_bad_text_names_the_place(text, line, words):
    with pytest.raises(Diagnostic) as caught:
        assemble(text, "x.lasm").verify()
    error = caught.value
    if error.span is not None:
        assert error.span.line == line
        assert "x.lasm" in error.render()
        assert words in error.render()
    else:
        assert error.code.ident in ("LW1007", "LW1008")


REGISTER = """
.memory 128
.entry main
.input "a" r0 i64 = 3
.output "b" r1
.data
.word 5
.align 8
.code
main: addi r1, r0, 5
halt
"""
FLEET = """
.header "name" "x"
.state S32
.shared 64
.epsilon 0.5
.depth 4
.convention caller
.const N 5
.buffer a, 0, 8, in, pad
.routine main
.alias k r1
SETI k, 2
WRITE r0, k
HALT
.spawn 2
.phase wait_all
.launch main, 4
"""


def samples():
    """A program of each machine with every directive that says one thing."""
    model = lw.series.Model("m", periods=3)
    model.input("rate", default=1.0)
    model.formula("value", "prev(value, initial=0.0) + rate")
    graph = lw.belief.FactorGraph("n")
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.2, 0.8])
    yield "series", model.compile().dis()
    yield "belief", lw.belief.compile_graph(graph).dis()
    yield "register", REGISTER
    yield "fleet", FLEET


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ('categories="F","F"', "LW3021"),
        ('categories="F"," M"', "LW3021"),
        ('categories="F","M" default=2.0', "LW3021"),
        ('categories="F","M" default=0.5', "LW3021"),
        ('categories="F","M" default=-1.0', "LW3021"),
        ('axes="time","time"', "LW3021"),
        ('axes="Time"', "LW3021"),
        ('axes="a","A"', "LW3021"),
        ('axes="two words"', "LW3021"),
        ('axes="time" kind="constant"', "LW3021"),
        ('kind="stocks"', "LW3015"),
    ],
)
def test_inputs_in_assembly_are_held_to_what_inputs_in_python_are(options, code):
    model = lw.series.Model("m", periods=2)
    model.input("x", categories=("F", "M"))
    model.input("y", axes=("scenario", "time"), kind="stock", default=2.0)
    model.formula("z", "where(x == 'M', y, 0)")
    text = model.compile().dis()
    assert assemble(text) == model.compile()
    wrong = text.replace('.input "y" %1 axes', f'.input "y" %1 {options}\n; axes')
    with pytest.raises(Diagnostic, match=code) as caught:
        assemble(wrong)
    assert caught.value.span.line == wrong[: wrong.index(options)].count("\n") + 1


SAYS_MORE = {
    *(".const .cells .knots .factor .spec .slot .straight .forward .backward".split()),
    *(".word .align .data .code .launch".split()),
}
"""What adds to what was said, or says the same of what follows. (.const of a fleet has a name.)"""


def test_what_stands_once_is_refused_the_second_time():
    """Whatever is said twice changes nothing in silence."""
    seen = set()
    for machine, text in samples():
        assemble(text, machine=machine).verify()
        lines = text.splitlines()
        for number, line in enumerate(lines):
            name = line.split()[0] if line else ""
            if not name.startswith(".") or (name in SAYS_MORE and machine != "fleet"):
                continue
            if name == ".launch":
                continue
            twice = "\n".join([*lines[: number + 1], *lines[number:]])
            with pytest.raises(Diagnostic) as caught:
                assemble(twice, machine=machine).verify()
            assert caught.value.code.ident in ("LW1003", "LW1007", "LW1010", "LW4004", "LW6005")
            seen.add(name)
    assert {".periods", ".header", ".memory", ".entry", ".state", ".spawn"} <= seen


@pytest.mark.parametrize("size", [0, 3, 6, 12, 48, 4095])
def test_nothing_is_aligned_but_to_powers_of_two(size):
    with pytest.raises(Diagnostic, match="aligned to"):
        assemble(f".data\n.align {size}\n.code\nhalt", machine="register")


@pytest.mark.parametrize("name", ["byte", "half", "word", "quad", "double", "ascii", "space"])
def test_data_of_nothing(name):
    with pytest.raises(Diagnostic, match=f"no data directive .{name} like this"):
        assemble(f".data\n.{name}\n.code\nhalt", machine="register")


def test_what_is_aligned():
    for size in (1, 2, 4, 8, 64, 4096):
        program = assemble(f".data\n.byte 1\n.align {size}\n.byte 2\n.code\nhalt",
                           machine="register")  # fmt: skip
        assert program.sections["data"] == b"\1" + bytes(max(size, 1) - 1) + b"\2"


def test_unknown_machine():
    with pytest.raises(Diagnostic) as caught:
        assemble(".machine serie\n")
    assert caught.value.code.ident == "LW1002"


@pytest.mark.parametrize("text", [None, b"halt", 5, ["halt"]])
@pytest.mark.parametrize("read", [lw.register.assemble, lw.fleet.assemble])
def test_assembly_is_text(read, text):
    with pytest.raises(Diagnostic, match="LW1010: assembly is text"):
        read(text)


@pytest.mark.parametrize(
    ("text", "reads"),
    [('model("x", periods=2)\nb = t\n', "series.read_model"), ("network x {\n}", "read_network")],
)
def test_the_text_of_a_model_is_no_assembly(text, reads):
    with pytest.raises(lw.Diagnostic) as caught:
        lw.compile(text)
    assert reads in caught.value.help
