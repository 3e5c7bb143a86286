"""What goes in has the type that its port declares, on every engine, from Python and from text."""

import fractions
import itertools
from dataclasses import replace

import numpy as np
import pytest
import refusals

import lanework as lw
from lanework.base.limits import Limits
from lanework.core.program.asm import assemble
from lanework.machines.register import assemble as typed
from lanework.machines.register import cli
from lanework.machines.register.check.testing import check, read_tests
from lanework.machines.register.runner import ENGINES

PLAIN = assemble("mov r1, r0\nhalt")
SIGNED = assemble(".input r0 i64\n.output r1 i64\nmov r1, r0\nhalt")
DOUBLE = assemble(".input r0 f64\n.output r1 f64\nfadd r1, r0, r0\nhalt")
NAMED = assemble('.input "amount" r0\nhalt')
BITS = 0x3FF8000000000000  # of 1.5


def refused(call, *words, code="LW4006"):
    refusals.refused(call, code, *words)


@pytest.mark.parametrize(
    "value",
    [1.0, 1.5, -0.0, float("nan"), np.float64(3), np.float32(2), [1.0, 2.0], [1, 2.5],
     [2**63, 1.0], np.ones(3), np.ones(20), np.zeros((), np.float16)],
)  # fmt: skip
@pytest.mark.parametrize("program", [PLAIN, SIGNED])
def test_floats_are_refused_where_none_are_declared(program, value):
    refused(lambda: program.run(r0=value), "r0", "float", "f64", ".input")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "value", [1.0, 1, -5, 1.5, True, 2**53, [1, 2], [1, 2.5], np.arange(30), np.float32([0.1, 3])]
)
def test_floats_where_they_are_declared(engine, value):
    result = DOUBLE.run(engine=engine, r0=value)["r1"]
    assert result.dtype == np.float64
    assert np.array_equal(result, 2 * np.asarray(value, np.float64))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([2**63, 1], [2**63, 1]),
        ([2**63, -1], [2**63, 2**64 - 1]),
        ([-(2**63), 2**64 - 1], [2**63, 2**64 - 1]),
        ((2**53 + 1, 2**63 + 1), [2**53 + 1, 2**63 + 1]),
        (np.int8([-1, 1]), [2**64 - 1, 1]),
        (np.array([2**64 - 1], np.uint64), [2**64 - 1]),
        ([True, False], [1, 0]),
        (-1, 2**64 - 1),
        (np.uint64(2**63), 2**63),
        (fractions.Fraction(8, 2), 4),
        ([], []),
        (np.zeros(0), []),
        (range(3), [0, 1, 2]),
    ],
)
def test_whole_numbers_stay_whole(engine, value, words):
    result = PLAIN.run(engine=engine, r0=value)
    assert result["r1"].dtype == np.uint64
    assert result["r1"].tolist() == words
    assert result.stats["lanes"] == (len(words) if isinstance(words, list) else 1)


NONE = ["7", "x", ["1", "2"], None, [1, None], [[1]], 1j, np.datetime64("2026-01-01"),
        [[1, 2], [3]], {"a": 1}]  # fmt: skip
NOT_WHOLE = [2**64, -(2**63) - 1, [1, 2**64], fractions.Fraction(1, 2)]
NOT_EXACT = [2**53 + 1, [1.5, 2**53 + 1], np.array([2**63 - 1]), 10**400]


@pytest.mark.parametrize(
    ("program", "value"),
    [*itertools.product((PLAIN, SIGNED), NONE + NOT_WHOLE),
     *itertools.product((DOUBLE,), NONE + NOT_EXACT)],
)  # fmt: skip
def test_what_is_no_number_of_the_type_is_refused(program, value):
    refused(lambda: program.run(r0=value), "'r0'")


def test_a_signed_port_takes_signed_numbers():
    assert SIGNED.run(r0=[-(2**63), 2**63 - 1])["r1"].tolist() == [-(2**63), 2**63 - 1]
    refused(lambda: SIGNED.run(r0=2**63), "i64")
    refused(lambda: SIGNED.run(r0=[1, 2**64 - 1]), "at 1", "i64")


def test_types_from_python():
    program = typed("fadd r1, r0, r0\nhalt", types={"r0": "f64", "r1": "f64"})
    assert program.dis() == DOUBLE.dis()
    assert program.hash == DOUBLE.hash
    assert float(program.run(r0=1.25)["r1"]) == 2.5
    refused(lambda: typed("halt", types={"r0": "f64"}), "'r0'", "no port", code="LW4004")
    refused(lambda: typed("mov r1, r0\nhalt", types={"r0": "f32"}), "u64, i64, f64", code="LW4004")


def test_the_command_line_says_the_same():
    assert float(DOUBLE.run(**cli.parse(["r0=1.5"]))["r1"]) == 3.0
    assert float(DOUBLE.run(**cli.parse(["r0=3"]))["r1"]) == 6.0
    assert PLAIN.run(**cli.parse(["r0=0x8000000000000000,-1"]))["r1"].tolist() == [2**63, 2**64 - 1]
    for words in ("r0=1.5", "r0=1.0", "r0=1,2.0", "r0=18446744073709551616,1", "r0=1e3"):
        refused(lambda words=words: PLAIN.run(**cli.parse([words])), "r0")


def test_columns_of_files_are_lanes(tmp_path):
    path = tmp_path / "lanes.csv"
    path.write_text("n;x\n1;0.5\n-2;1e3\n")
    assert PLAIN.run(**cli.parse([f"r0={path}:n"]))["r1"].tolist() == [1, 2**64 - 2]
    assert DOUBLE.run(**cli.parse([f"r0=@{path}:x"]))["r1"].tolist() == [1.0, 2000.0]
    assert DOUBLE.run(**cli.parse([f"r0={path}:n"]))["r1"].tolist() == [2.0, -4.0]
    refused(lambda: PLAIN.run(**cli.parse([f"r0={path}:x"])), "r0")
    refused(lambda: cli.parse([f"r0={path}"]), "2 columns", code="LW3055")
    for words, said in (("r0=1,000", "1000"), ("r0=12,000,050", "12000050"), ("r0=", "name=value")):
        refused(lambda words=words: cli.parse([words]), said, code="LW8001")


def test_test_lines_say_the_same():
    for line in ("r0=1.5 -> r1=3.0", "r0=-2 -> r1=-4", "r0=nan -> r1=nan"):
        check(DOUBLE, read_tests(f"; @test: {line}", "test"))
    for line in ("r0=1.5 -> r1=3.5", "r0=1.25 -> r1=2"):
        refused(lambda line=line: check(DOUBLE, read_tests(f"; @test: {line}", "test")),
                "r1", code="LW4020")  # fmt: skip
    refused(lambda: check(PLAIN, read_tests("; @test: r0=1.5 -> r1=1.5", "test")), "float", "@test")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("lanes", [20, 100_000])
def test_lanes_are_within_the_memory_cap(engine, lanes):
    cap = 65_536 + 2 * 8 * lanes
    column = np.zeros(lanes, np.int64)
    what = "words for each of"
    refused(lambda: PLAIN.run(engine=engine, limits=Limits(memory=cap - 1), r0=column), what,
            code="LW0101")  # fmt: skip
    if lanes == 20:
        assert len(PLAIN.run(engine=engine, limits=Limits(memory=cap), r0=column)["r1"]) == lanes


CHARACTERS = {"';'": 59, "','": 44, "' '": 32, "'='": 61, "'#'": 35, "'A'": 65, "'\"'": 34,
              r"'\n'": 10, r"'\t'": 9, r"'\0'": 0, r"'\\'": 92, r"'\''": 39}  # fmt: skip


@pytest.mark.parametrize("text", CHARACTERS)
def test_characters(text):
    for line in (f"mov r0, {text}", f"addi r0, zero, {text} ; {text}"):
        assert int(assemble(f"{line}\nhalt").run()["r0"]) == CHARACTERS[text]
    assert (
        assemble(f"mov r0, x\nload.b r0, [r0]\nhalt\n.data\nx: .byte {text}").run()["r0"]
        == CHARACTERS[text]
    )


def test_characters_that_are_none():
    for text in (r"'\q'", "'ab'", "''"):
        refused(lambda text=text: assemble(f"mov r0, {text}\nhalt"), "1:", code="LW1010")
    refused(lambda: assemble('.data\n.ascii "\\x41"\n.code\nhalt'), "JSON", code="LW1010")


@pytest.mark.parametrize(
    "code",
    ["main: load.d r0, [r1 + x]\n halt", "main:\n load.d r0, [r1 + x]\n halt",
     "main:\n.loop:\n load.d r0, [r1 + x]\n beq r0, zero, .loop\n halt",
     "load.d r0, [r1 + x]\n halt"],
)  # fmt: skip
def test_code_goes_on_after_data(code):
    entry = ".entry main\n" if "main" in code else ""
    program = assemble(f"{entry}.data\ny: .quad 5\nx: .quad 7\n{code}\nother: halt")
    assert int(program.run(r1=0)["r0"]) == 7
    same = assemble(f"{entry}.data\ny: .quad 5\nx: .quad 7\n.code\n{code}\nother: halt")
    assert program.hash == same.hash


def test_two_inputs_are_not_in_one_register():
    with pytest.raises(lw.Diagnostic, match="r3 is the input 'a' already") as caught:
        lw.register.assemble('.input "a" r3\n.input "b" r4\n.input "c" r3 i64 = 1\nhalt')
    assert (caught.value.span.line, bool(caught.value.help)) == (3, True)
    program = lw.register.assemble('.input "a" r3\n.input "b" r4\n.output "c" r3\nhalt')
    ports = [replace(port, row=3) for port in program.ports]
    (problem,) = replace(program, ports=tuple(ports)).problems()
    assert (problem.code.ident, "'a' and 'b' are both in r3" in problem.message) == ("LW4004", True)
    assert program.run(a=5, b=6)["c"] == 5


@pytest.mark.parametrize(
    ("act", "help"),
    [
        (lambda: lw.register.assemble("sdiv r0, r0, r1\nhalt"), "div and mod are unsigned"),
        (lambda: lw.register.assemble("srem r0, r0, r1\nhalt"), "div and mod are unsigned"),
        (lambda: lw.register.assemble("mov r0, 1").verify(), "write halt after it"),
        (lambda: NAMED.run(r0=1), "r0 is the input 'amount'"),
        (lambda: NAMED.run(amoutn=1), "did you mean 'amount'"),
        (lambda: NAMED.bind(sed=5), "did you mean 'seed'"),
        (lambda: NAMED.bind("native", thread=5), "there are: engine, limits, seed"),
    ],
)
def test_what_to_do_is_said(act, help):
    with pytest.raises(lw.Diagnostic) as caught:
        act()
    assert help in caught.value.help
