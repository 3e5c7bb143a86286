"""What people get wrong: tables, evidence, files of evidence; and numbers at the edge."""

import dataclasses
import itertools
import json
import math
import time
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.base.limits import show_size
from lanework.core.data.files import read_columns
from lanework.machines.belief.data.evidence import read_table
from lanework.machines.belief.graph.factor import TableNotice
from lanework.machines.belief.graph.files import READERS, read_network
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
ASIA = DATA / "asia.bif"
WRONG = """variable rain { type discrete [ 2 ] { yes, no }; }
variable wet { type discrete [ 2 ] { yes, no }; }
probability ( rain ) { table 0.2, 0.7; }
probability ( wet | rain ) { (yes) 0.9, 0.1; (no) 0.5, 1.5; }
"""


def refused(code, work):
    with pytest.raises(Diagnostic) as caught:
        work()
    assert caught.value.code.ident == code, caught.value
    return caught.value


def call(*words):
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.bif"
    path.write_text(WRONG)
    return path


# Tables -------------------------------------------------------------------------------------------


def test_tables_that_do_not_sum_to_one_are_said_once(wrong):
    with pytest.warns(TableNotice) as caught:
        graph = read_network(wrong)
        program = compile_graph(graph)
        compile_graph(graph, ["rain"])
    assert len(caught) == 1
    text = str(caught[0].message)
    for part in ("2 conditional tables", "'rain' to 0.9", "'wet' to 1 at least and 2 at most"):
        assert part in text
    assert caught[0].filename == __file__
    assert math.exp(program.run()["ln_p_evidence"]) == pytest.approx(0.2 * 1.0 + 0.7 * 2.0)


def test_a_graph_made_by_hand_is_said_when_it_is_compiled():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [1.0, 2.0], name="a", child="a")
    with pytest.warns(TableNotice, match="'a' to 3"):
        compile_graph(graph)
    assert graph.told
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile_graph(graph)
        compile_graph(FactorGraph("silent", graph.variables, graph.factors, told=True))


def test_normalized(wrong):
    graph = read_network(wrong, normalize=True)
    assert graph.sums() == {}
    program = compile_graph(graph)
    assert float(program.run()["ln_p_evidence"]) == pytest.approx(0.0, abs=1e-15)
    np.testing.assert_allclose(program.run()["rain"], [2 / 9, 7 / 9])
    first, second = graph.factors
    graph.factors[0] = dataclasses.replace(first, table=np.zeros(first.table.shape))
    assert "sums to zero" in refused("LW5002", graph.normalized).message
    graph.factors[0] = dataclasses.replace(first, table=np.full(first.table.shape, 0.5))
    table = np.array(second.table)
    table[1] = 0.0
    graph.factors[1] = dataclasses.replace(second, table=table)
    assert "at rain=no" in refused("LW5002", graph.normalized).message


def test_other_factors_are_not_normalized():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [1.0, 3.0])
    assert graph.normalized().factors[0].table.tolist() == [1.0, 3.0]


def test_normalize_on_the_command_line(wrong, tmp_path):
    plain = call("run", wrong, "--query", "rain")
    assert "note: " in plain.stderr
    assert "do not sum to one" in plain.stderr
    assert "wet" in plain.stderr
    scaled = call("run", wrong, "--query", "rain", "--normalize")
    assert "do not sum" not in scaled.stderr
    assert "0.2222222" in scaled.stdout
    out = tmp_path / "wrong.lwp"
    assert call("compile", wrong, "-o", out, "--normalize").exit_code == 0
    assert "0.2222222" in call("run", out).stdout
    done = call("run", Path(__file__).resolve().parents[2] / "examples/fib.lasm", "--normalize")
    assert done.exit_code == 1
    assert "LW8001" in done.stderr


@pytest.mark.parametrize("number", ["-0.2", "nan", "inf", "1e999", "-inf"])
@pytest.mark.parametrize("ending", [".bif", ".uai", ".xml", ".json"])
def test_numbers_that_no_table_has(ending, number):
    text = {
        ".bif": f"variable a {{ type discrete [ 2 ] {{ x, y }}; }}\n"
        f"probability ( a ) {{ table {number}, 1; }}",
        ".uai": f"MARKOV\n1\n2\n1\n1 0\n2 {number} 1",
        ".xml": "<BIF><NETWORK><VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME><OUTCOME>y</OUTCOME>"
        f"</VARIABLE><DEFINITION><FOR>a</FOR><TABLE>{number} 1</TABLE></DEFINITION>"
        "</NETWORK></BIF>",
        ".json": '{"variables": {"a": 2}, "factors": {"f": {"scope": ["a"], "values": ['
        + number.replace("nan", "NaN").replace("inf", "Infinity")
        + ", 1]}}}",
    }[ending]
    error = refused("LW5002", lambda: READERS[ending](text, f"bad{ending}"))
    assert error.span is not None
    assert error.span.source == f"bad{ending}"


def test_tables_of_a_variable_that_is_not_there():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.variable("b", 2)
    error = refused("LW5001", lambda: graph.factor(["a"], [0.5, 0.5], child="b"))
    assert "which its scope lacks" in error.message


def test_cycles_made_by_hand_are_refused():
    graph = FactorGraph()
    for name in "ab":
        graph.variable(name, 2)
    graph.factor(["a", "b"], np.full((2, 2), 0.5), child="a")
    graph.factor(["a", "b"], np.full((2, 2), 0.5), child="b")
    assert " <- " in refused("LW5004", lambda: compile_graph(graph)).message


def test_more_than_arrays_have_axes():
    text = "MARKOV\n70\n" + "1 " * 70 + "\n1\n70 " + " ".join(map(str, range(70))) + "\n1 0.5\n"
    error = refused("LW5001", lambda: READERS[".uai"](text, "wide.uai"))
    assert "over 70 variables" in error.message
    assert error.span is not None
    graph = FactorGraph()
    for number in range(70):
        graph.variable(f"v{number}", 1)
    refused("LW5001", lambda: graph.factor(list(graph.variables), 1.0))
    states = '{"variables": {"a": 1000000000000}, "factors": {}}'
    assert "states" in refused("LW5003", lambda: READERS[".json"](states, "many.json")).message


# Evidence -----------------------------------------------------------------------------------------


def test_unknown_names_come_with_advice(tmp_path):
    runner = compile_graph(read_network(ASIA), seconds=0.0).bind()
    assert refused("LW5005", lambda: runner(xrai="yes")).help == "did you mean 'xray'?"
    assert "asia, tub, smoke" in refused("LW5005", lambda: runner({"qqq": "yes"})).help
    assert refused("LW5005", lambda: runner(xray="yess")).help == "did you mean 'yes'?"
    assert refused("LW5005", lambda: runner(xray="quux")).help == "it has yes, no"
    assert "did you mean 'xray'?" in call("run", ASIA, "--given", "xrai=yes").stderr
    assert "did you mean 'yes'?" in call("run", ASIA, "--given", "xray=yess").stderr
    assert "did you mean 'lung'?" in call("run", ASIA, "--query", "lun").stderr
    assert "given twice" in call("run", ASIA, "--given", "xray=yes", "--given", "xray=no").stderr


def test_impossible_evidence_is_counted_and_said(tmp_path):
    program = compile_graph(read_network(ASIA), seconds=0.0)
    rows = {"tub": ["yes", "no", None], "either": ["no", "no", "no"]}
    for engine in ("native", "reference"):
        result = program.bind(engine)(rows)
        assert result.stats["impossible"] == 1
        assert result["ln_p_evidence"][0] == -math.inf
        for name in ("lung", "asia", "tub"):
            assert result[name][0].tolist() == [0.0, 0.0]
    assert program.bind(semiring="counting")(rows).stats["impossible"] == 1
    assert program.bind(semiring="bool")(rows).stats["impossible"] == 1
    assert program.bind(semiring="minsum")(rows).stats["impossible"] == 1
    assert program.run(xray="yes").stats["impossible"] == 0
    shown = call("run", ASIA, "--given", "tub=yes", "--given", "either=no")
    assert shown.exit_code == 0
    assert "the evidence is impossible: its probability is 0" in shown.stdout
    table = tmp_path / "rows.csv"
    table.write_text("tub,either\nyes,no\nno,no\n,no\n")
    shown = call("run", ASIA, "--evidence", table, "--out", tmp_path / "out.csv")
    assert "the evidence of 1 row is impossible" in shown.stderr


def test_impossible_rows_know_nothing_in_any_part():
    """A part of the graph that is not connected with the contradiction."""
    graph = FactorGraph()
    for name in "ab":
        graph.variable(name, 2)
    graph.factor(["a"], [1.0, 0.0])
    graph.factor(["b"], [1.0, 3.0])
    for engine in ("native", "reference"):
        result = compile_graph(graph).bind(engine)({"a": ["0", "1"]})
        assert result["b"].tolist() == [[0.25, 0.75], [0.0, 0.0]]
    counts = compile_graph(graph).bind(semiring="counting")({"a": [None, "1"]})
    assert counts["b"].tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_no_rows_give_empty_answers(engine):
    result = compile_graph(read_network(ASIA), seconds=0.0).bind(engine)({"xray": []})
    assert result["ln_p_evidence"].shape == (0,)
    assert result["lung"].shape == (0, 2)


# Files of evidence --------------------------------------------------------------------------------


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("\ufeffa,b\r\nx,y\r\n,\r\n", {"a": ["x", ""], "b": ["y", ""]}),
        (" a , b \n x , y \n", {"a": ["x"], "b": ["y"]}),
        ('a,"b, c"\nx,"y, z"\n', {"a": ["x"], "b, c": ["y, z"]}),
        ("höhe,日本\ngroß,はい\n", {"höhe": ["groß"], "日本": ["はい"]}),
        ("a\nx\n\ny", {"a": ["x", "", "y"]}),
        ("a,b\nx,y\n\n\n", {"a": ["x"], "b": ["y"]}),
        ('a\n"x\ny"\n', {"a": ["x\ny"]}),
        ("a,b\n", {"a": [], "b": []}),
    ],
)
def test_tables_as_people_write_them(tmp_path, text, columns):
    assert read_table(write(tmp_path, text)) == columns


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "is empty"),
        ("\n\n", 1, "is empty"),
        ("a,a\nx,y\n", 1, "two columns named 'a'"),
        ("a, a\nx,y\n", 1, "two columns named 'a'"),
        ("a,,b\nx,y,z\n", 1, "column 2 has no name"),
        ("a,b\nx,y\nx\n", 3, "the row has 1 cells and the header 2"),
        ("a,b\nx,y,z\n", 2, "the row has 3 cells and the header 2"),
        ("a\n" + "x" * 200_000 + "\n", 2, "not CSV"),
    ],
)
def test_tables_that_are_none(tmp_path, text, line, message):
    error = refused("LW5008", lambda: read_table(write(tmp_path, text)))
    assert message in error.message
    assert error.span.line == line


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "parquet", "feather", "xlsx", "json"])
def test_evidence_in_every_kind_of_file(tmp_path, ending):
    frame = pd.DataFrame({"xray": ["yes", None, "no"], "tub": [None, "yes", "no"]})
    path = tmp_path / f"rows.{ending}"
    if ending == "json":
        path.write_text(json.dumps(frame.astype(object).where(frame.notna(), None).to_dict("list")))
    elif ending == "xlsx":
        frame.to_excel(path, index=False)
    elif ending in ("parquet", "feather"):
        getattr(frame, f"to_{ending}")(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv.gz" else ",")
    wanted = lw.belief.infer(
        read_network(ASIA), {"xray": ["yes", "", "no"], "tub": ["", "yes", "no"]}, "lung"
    )
    for out in ("a.csv", "a.xlsx", "a.feather", "a.tsv.gz"):
        done = call("run", ASIA, "--evidence", path, "--query", "lung", "--out", tmp_path / out)
        assert done.exit_code == 0, done.stderr
        got = read_columns(tmp_path / out, ["row", "probability"])
        assert got["row"].tolist() == [0, 0, 1, 1, 2, 2]
        assert got["probability"].tolist() == wanted["lung"].reshape(-1).tolist()


def test_tables_on_the_command_line(tmp_path):
    for text, encoding, code in (
        ("xray\nyés\n", "latin-1", "LW5008"),
        ("xray,tub\n", "utf-8", "LW8006"),
        ("xray,weather\nyes,\n", "utf-8", "LW5005"),
        ("xray,xrai\nyes,no\n", "utf-8", "LW5005"),
        ("xray,xray\nyes,no\n", "utf-8", "LW5008"),
        ("xray\nmaybe\n", "utf-8", "LW5005"),
    ):
        done = call("run", ASIA, "--evidence", write(tmp_path, text, encoding))
        assert done.exit_code == 1, text
        assert code in done.stderr, text
    parquet = tmp_path / "rows.parquet"
    parquet.write_bytes(b"no parquet")
    assert "LW5008" in call("run", ASIA, "--evidence", parquet).stderr
    odd = FactorGraph("odd")
    odd.variable("höhe, m", ["groß", "<5, klein"])
    odd.factor(["höhe, m"], [0.25, 0.75])
    net = tmp_path / "odd.json"
    net.write_text(lw.belief.write_json(odd))
    table = write(tmp_path, '\ufeff"höhe, m"\r\n"<5, klein"\r\n\r\n')
    out = tmp_path / "out.json"
    assert call("run", net, "--evidence", table, "--out", out).exit_code == 0
    first, second = json.loads(out.read_text())["rows"]
    assert first["posteriors"]["höhe, m"] == {"groß": 0.0, "<5, klein": 1.0}
    assert second["posteriors"]["höhe, m"] == {"groß": 0.25, "<5, klein": 0.75}


# Numbers at the edge ------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [41, 64, 65, 128, 1000])
def test_counts_past_a_machine_word_are_exact(length):
    """Words of `length` letters of three, of which no two neighbours are equal."""
    graph = FactorGraph()
    for number in range(length):
        graph.variable(f"v{number}", 3)
        if number:
            graph.factor([f"v{number - 1}", f"v{number}"], 1.0 - np.eye(3))
    program = compile_graph(graph, ["v0"], semiring="counting", seconds=0.0)
    result = program.bind()({"v5": ["0", None]})
    assert [int(count) for count in result["count"]] == [2 ** (length - 1), 3 * 2 ** (length - 1)]
    assert sum(int(count) for count in result["v0"][1]) == 3 * 2 ** (length - 1)


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "semiring"), [
    ("native", "prob"), ("reference", "prob"), ("reference", "logprob")])  # fmt: skip
def test_a_thousand_tables_of_the_smallest_numbers(engine, semiring):
    """A chain of variables with entries of 1e-300, against fractions."""
    low, table = Fraction(1e-300), [[3, 1], [2, 5]]
    graph = FactorGraph()
    for number in range(1000):
        graph.variable(f"v{number}", 2)
        if number:
            graph.factor([f"v{number - 1}", f"v{number}"], 1e-300 * np.array(table))
    above = [Fraction(1), Fraction(1)]  # exact, but for the scale that is the same everywhere
    for _ in range(999):
        above = [row[0] * above[0] + row[1] * above[1] for row in table]
    total = above[0] + above[1]
    log = 999 * math.log(low) + math.log(total.numerator)
    result = compile_graph(graph, ["v0"], seconds=0.0).bind(engine, semiring=semiring)()
    assert float(result["ln_p_evidence"]) == pytest.approx(log, rel=1e-12)
    np.testing.assert_allclose(result["v0"], [float(x / total) for x in above], rtol=1e-10)


def grid(size, states):
    graph = FactorGraph("grid")
    for row in range(size):
        for column in range(size):
            graph.variable(f"v{row}_{column}", states)
            if row:
                graph.factor([f"v{row - 1}_{column}", f"v{row}_{column}"], np.eye(states) + 1.0)
            if column:
                graph.factor([f"v{row}_{column - 1}", f"v{row}_{column}"], np.eye(states) + 1.0)
    return graph


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_fits_no_memory_is_refused_at_once(engine, tmp_path):
    graph = grid(30, 4)
    start = time.process_time()
    runner = compile_graph(graph, seconds=0.0).bind(engine, lw.Limits(memory=2**30))
    error = refused("LW0101", runner)
    assert time.process_time() - start < 15  # whatever else the machine does
    assert "bytes, and the cap is 1.1 GB" in error.message
    assert "observed=" in error.help
    if engine == "native":
        path = tmp_path / "grid.uai"
        path.write_text(lw.belief.write_uai(graph))
        done = call("run", path, "--memory", "1GiB")
        assert done.exit_code == 1
        assert "LW0101" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_more_variables_at_once_than_arrays_have_axes(engine):
    graph = FactorGraph()
    for number in range(70):
        graph.variable(f"v{number}", 1 if number < 66 else 2)
    for a, b in itertools.combinations(graph.variables, 2):
        graph.factor([a, b], np.ones(graph.shape([a, b])))
    error = refused("LW5010", compile_graph(graph, "z", seconds=0.0).bind(engine))
    assert "variables" in error.message
    assert "there may be 62" in error.help


def test_sizes_that_no_float_holds():
    assert show_size(4**600) == "1.7e+361 bytes"
    assert show_size(10**18 - 1) == "1000000.0 TB"
