"""Commands, their output and their exit status, in process."""

import csv
import json
import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.app.programs import known_codes
from lanework.core.data.files import read_columns
from lanework.core.result.tablefile import TABLES

EXAMPLES = Path(__file__).parents[2] / "examples"
LOAN = '''"""A loan."""
model("loan", periods=4)
principal = input(axes="scenario", unit="USD", doc="What is lent.")
rate = input(axes="time", doc="Interest a period.")
fee = input(default=1.5, unit="USD")
grade = input(axes="scenario", categories=("low", "high"), default=0)

opening = prev(closing, initial=principal)
interest = opening * rate * (1 + (grade == "high"))
closing = opening + interest - principal / periods

output(closing)
output(paid=total(interest) + fee)
output(book=total(interest), reduce="scenario")
'''
RATES = [0.01, 0.02, 0.03, 0.04]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "loan.series").write_text(LOAN)
    np.save("rate.npy", RATES)
    frame = pd.DataFrame({"id": [7, 8, 9], "principal": [100.0, 200.0, 300.0]})
    frame["grade"] = ["low", "high", "low"]
    frame.to_csv("lanes.csv", index=False)
    frame.to_parquet("lanes.parquet")
    frame.to_feather("lanes.feather")
    frame.to_excel("lanes.xlsx", index=False)
    frame.to_csv("lanes.tsv.gz", index=False, sep="\t")
    frame.to_csv("semicolons.csv", index=False, sep=";", quoting=csv.QUOTE_ALL)
    pd.DataFrame({"t": range(4), "rate": RATES}).to_csv("time.csv", index=False)
    return tmp_path


def call(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def closing(principal, grade):
    held, book = [], 0.0
    debt = principal
    for rate in RATES:
        interest = debt * rate * (1 + grade)
        book += interest
        debt = debt + interest - principal / 4
        held.append(debt)
    return held, book


def values(done):
    assert done.exit_code == 0, done.output
    return {k: v["values"] for k, v in json.loads(done.stdout)["outputs"].items()}


WANTED = [closing(100.0, 0), closing(200.0, 1), closing(300.0, 0)]


@pytest.mark.parametrize("engine", ["llvm", "stencil", "reference"])
@pytest.mark.parametrize("lanes", ["lanes.csv", "lanes.parquet"])
@pytest.mark.parametrize("rate", ["time=time.csv", "rate=@rate.npy", "rate=time.csv:rate"])
def test_run_gives_what_plain_python_gives(folder, engine, lanes, rate):
    done = call("run", "loan.series", f"scenario={lanes}", rate, "--engine", engine, "--json")
    got = values(done)
    assert np.allclose(got["closing"], np.transpose([held for held, _ in WANTED]), 1e-14)
    assert np.allclose(got["paid"], [book + 1.5 for _, book in WANTED], 1e-14)
    assert got["book"] == pytest.approx(sum(book for _, book in WANTED), 1e-14)


@pytest.mark.parametrize(
    "lanes",
    ["lanes.feather", "lanes.xlsx", "lanes.xlsx#Sheet1", "lanes.tsv.gz", "semicolons.csv"],
)
def test_lanes_come_from_every_kind_of_file(folder, lanes):
    given = (f"scenario={lanes}", "time=time.csv", "--engine", "reference", "--json")
    got = values(call("run", "loan.series", *given))
    assert np.allclose(got["closing"], np.transpose([held for held, _ in WANTED]), 1e-14)
    given = (f"principal={lanes}:principal", f"grade={lanes}:grade", *given[1:])
    assert values(call("run", "loan.series", *given))["closing"] == got["closing"]


def test_dates_and_units_survive(folder):
    dated = LOAN.replace("periods=4", 'periods=4, start="2024-01-31", freq="month"')
    Path("dated.series").write_text(dated)
    words = ("run", "dated.series", "principal=100", "time=time.csv")
    assert call(*words, "--out", "out.csv").exit_code == 0
    dates = ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
    assert pd.read_csv("out.csv")["time"].tolist() == dates
    assert call(*words, "--out", "out.parquet").exit_code == 0
    assert [str(day) for day in pd.read_parquet("out.parquet")["time"]] == dates
    done = json.loads(call(*words, "--json").stdout)
    assert done["coords"]["time"] == dates
    assert done["outputs"]["closing"]["unit"] == "USD"
    result = lw.series.load_model("dated.series").compile().run(principal=100.0, rate=RATES)
    assert result.to_xarray()["closing"].sel(time="2024-02-29").item() == result["closing"][1]
    assert [str(d)[:10] for d in result.to_pandas("closing").index] == dates


def test_numbers_lists_labels_and_outputs(folder):
    given = ["principal=100,200,300", "rate=" + ",".join(map(str, RATES)), "fee=0"]
    got = values(call("run", "loan.series", *given, "grade=high", "--outputs", "paid", "--json"))
    assert list(got) == ["paid"]
    assert np.allclose(got["paid"], [closing(p, 1)[1] for p in (100.0, 200.0, 300.0)], 1e-14)


def test_results_on_output_and_messages_on_error(folder):
    done = call("run", "loan.series", "principal=100", "time=time.csv", "--out", "out.csv")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split() == ["output", "axes", "unit", "values"]
    assert "\x1b" not in done.output
    assert "loaded loan.series in" in done.stderr
    assert "compiled for stencil in" in done.stderr
    assert "ran 1 lane x 4 periods in" in done.stderr
    assert "wrote out.csv (4 rows, " in done.stderr
    assert pd.read_csv("out.csv")["closing"].tolist() == pytest.approx(WANTED[0][0], rel=1e-14)


def test_a_long_table_is_streamed_to_the_same_file(folder):
    many = 200
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"principal": rng.integers(1, 999, many).astype(float)})
    frame["grade"] = rng.choice(["low", "high"], many)
    frame.to_csv("many.csv", index=False)
    words = ("run", "loan.series", "scenario=many.csv", "time=time.csv")
    full = values(call(*words, "--out", "whole.csv", "--json"))
    done = call(*words, "--block", 64, "--out", "blocks.csv", "--json")
    assert values(done) == {"book": pytest.approx(full["book"], rel=1e-13)}
    assert json.loads(done.stdout)["stats"]["lanes"] == many
    assert Path("blocks.csv").read_bytes() == Path("whole.csv").read_bytes()
    got = pd.read_csv("blocks.scenario.csv")
    assert got["paid"].tolist() == full["paid"]
    shown = call(*words, "--block", 64)
    assert "not kept, one value a lane: closing, paid" in shown.stderr
    first = values(call(*words, "--block", 64, "--lanes", 70, "--out", "b.csv", "--json"))
    assert first["book"] != full["book"]
    assert len(pd.read_csv("b.scenario.csv")) == 70


@pytest.mark.parametrize("ending", TABLES)
def test_streams_into_tables_of_every_kind(folder, ending):
    lines = "".join(f"{n},{'low' if n % 3 else 'high'}\n" for n in range(300))
    Path("many.csv").write_text("principal,grade\n" + lines)
    words = ("run", "loan.series", "scenario=many.csv", "time=time.csv", "--block", 64)
    assert call(*words, "--out", "a.csv").exit_code == 0
    done = call(*words, "--out", f"b{ending}")
    assert done.exit_code == 0, done.stderr
    assert "(1,200 rows, " in done.stderr
    for name in ("", ".scenario", ".scalar"):
        one, two = read_columns(f"a{name}.csv"), read_columns(f"b{name}{ending}")
        assert {k: v.tolist() for k, v in one.items()} == {k: v.tolist() for k, v in two.items()}


def test_labels_that_a_spreadsheet_would_run_are_marked_when_asked(folder):
    Path("m.series").write_text(
        "model('m', periods=1)\nx = input(axes='plan')\ny = x * 2\noutput(y)\n"
    )
    Path("in.csv").write_text("plan,x\n=1+1,1\nplain,-2\n")
    for words, label in (((), "=1+1"), (("--csv-safe",), "'=1+1")):
        done = call("run", "m.series", "plan=in.csv", "--out", "out.csv", *words)
        assert done.exit_code == 0, done.stderr
        assert Path("out.csv").read_text().splitlines()[1:] == [f"{label},2.0", "plain,-4.0"]


def test_a_bad_row_in_a_late_block_leaves_no_file(folder):
    lines = ["principal,grade", *["1,low"] * 100, "x,low"]
    Path("bad.csv").write_text("\n".join(lines))
    words = ("run", "loan.series", "scenario=bad.csv", "time=time.csv", "--block", 16)
    done = call(*words, "--out", "out.csv")
    assert done.exit_code == 1
    assert "bad.csv, line 102, column 'principal': 'x' is not a number" in done.stderr
    assert not [p for p in Path().iterdir() if "out" in p.name]


@pytest.mark.parametrize("name", ["basicterm_me"])
def test_the_published_total_of_a_portfolio(name):
    table = EXAMPLES / "data/basicterm_me/model_point_table.csv"
    total = 215146132.0684811
    for block in (65536, 1024):
        words = ("run", EXAMPLES / f"{name}.series", f"point={table}", "--block", block)
        got = values(call(*words, "--ignore", "policy_id,sex", "--json"))
        assert got["pv_net_cf"] == pytest.approx(total, rel=1e-10)


def test_compile_dis_assemble_and_run_agree(folder):
    done = call("compile", "loan.series", "--out", "loan.lwp", "--json")
    report = json.loads(done.stdout)
    assert lw.load("loan.lwp").hash == report["hash"]
    Path("loan.lasm").write_text(call("dis", "loan.lwp").stdout)
    given = ("scenario=lanes.csv", "time=time.csv", "--json")
    runs = [values(call("run", f"loan{end}", *given)) for end in (".series", ".lwp", ".lasm")]
    assert runs[0] == runs[1] == runs[2]
    for end in (".series", ".lwp", ".lasm"):
        assert json.loads(call("verify", f"loan{end}", "--json").stdout)["hash"] == report["hash"]
    assert call("compile", "loan.series").exit_code == 0
    assert call("compile", "loan.series", "--out", "loan.bin").exit_code == 1


def test_inspect_shows_ports_with_units_and_axes(folder):
    done = call("inspect", "loan.series")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["principal", "scenario", "USD", "What", "is", "lent."] in lines
    assert ["fee", "USD", "1.5"] in lines
    assert ["book", "USD", "scenario"] in lines
    assert any("(low, high)" in line for line in done.stdout.splitlines())
    assert ["horizon", "all", "periods"] in lines
    Path("m.series").write_text('model("m")\na = input()\nb = a * t\noutput(b)\n')
    assert "periods  as many as a run says" in call("inspect", "m.series").stdout
    assert json.loads(call("inspect", "loan.series", "--json").stdout)


@pytest.mark.parametrize("horizon", ["years", "years * 2", "longer"])
def test_inspect_names_what_says_how_long_a_lane_runs(folder, horizon):
    text = 'model("m", periods=9)\nyears = input()\nlonger = years + 1\na = t\n'
    Path("m.series").write_text(f"{text}horizon({horizon})\noutput(a)\n")
    done = call("inspect", "m.series")
    assert f"horizon  {horizon}".replace(" ", "") in done.stdout.replace(" ", "")


def test_explain():
    codes = known_codes()
    for ident in ("LW3009", "lw3009", "3009"):
        done = call("explain", ident)
        assert done.exit_code == 0
        assert codes["LW3009"].title in done.stdout
    listed = call("explain").stdout
    assert all(ident in listed for ident in codes)
    assert len(json.loads(call("explain", "--json").stdout)) == len(codes)
    unknown = call("explain", "LW9999")
    assert unknown.exit_code == 1
    assert "error[LW8007]: there is no code 'LW9999'" in unknown.stderr
    for code in codes.values():
        assert code.title
        assert len(code.explanation) > 30


def test_fuzz_finds_nothing():
    done = call("fuzz", "series", "--count", 6, "--jobs", 1)
    assert done.exit_code == 0
    assert "6 programs from seed 0: 0 divergences" in done.stdout
    done = call("fuzz", "fleet", "--count", 6, "--jobs", 1, "--engine", "reference")
    assert done.exit_code == 0
    assert "6 programs from seed 0: 0 divergences" in done.stdout
    assert call("fuzz", "fleet", "--engine", "eppoch").exit_code == 1
    assert call("fuzz", "series", "--engine", "reference").exit_code == 2


def test_fuzz_shows_a_small_program_where_engines_differ(monkeypatch):
    from lanework.machines.fleet.check import fuzz

    right = fuzz.run_way

    def run_way(case, way):
        """With a step-by-step way that loses the last word of shared memory."""
        actual = right(case, way)
        if way.steps:
            actual[-1].shared[-1] ^= 1
        return actual

    monkeypatch.setattr(fuzz, "run_way", run_way)
    done = call("fuzz", "fleet", "--count", 1, "--jobs", 1, "--engine", "reference")
    assert done.exit_code == 4
    assert "LW8901" in done.stderr
    assert "step by step" in done.stderr
    assert ".machine fleet" in done.stderr


REFUSED = [
    ("LW8001", "is not of the form name=value", ["principal"]),
    ("LW8001", "'principal' is given twice", ["principal=1", "principal=2"]),
    ("LW8001", "principal='abc' is no number and no file", ["principal=abc"]),
    ("LW8001", "did you mean 'high'?", ["grade=hihg"]),
    ("LW8001", "give one number without commas, 12000", ["principal=12,000"]),
    ("LW8001", "give one number without commas, 0.055, or a list", ["principal=0,055"]),
    ("LW8001", "a percentage: give the fraction, 0.025", ["principal=2.5%"]),
    ("LW8001", "principal='inf' is no number", ["principal=inf"]),
    ("LW8002", "did you mean 'principal'?", ["princpal=1"]),
    ("LW8005", "no column of time.csv is an input along 'point'", ["point=time.csv"]),
    ("LW3055", "time.csv has no column 'principal'", ["scenario=time.csv"]),
    ("LW3055", "lanes.csv has 3 columns, and none is named", ["principal=lanes.csv"]),
    ("LW3055", "lanes.csv has no column 'prime'", ["principal=lanes.csv:prime"]),
    ("LW3051", "none.csv cannot be opened", ["scenario=none.csv"]),
    ("LW3051", "x.npy cannot be opened", ["principal=@x.npy"]),
    ("LW3056", "its ending is '.txt'", ["scenario=lanes.txt"]),
    ("LW3052", "standard input is empty", ["scenario=-"]),
    ("LW8006", "empty.csv has no rows", ["scenario=empty.csv", "time=time.csv"]),
    ("LW3041", "input 'rate' is missing", ["principal=1"]),
    ("LW3042", "2 periods", ["principal=1", "rate=1,2"]),
    ("LW3044", "no output 'closin'", ["principal=1", "time=time.csv", "--outputs", "closin"]),
    ("LW2003", "no engine 'lvm'", ["principal=1", "time=time.csv", "--engine", "lvm"]),
    ("LW1023", "ending is '.xls'", ["principal=1", "time=time.csv", "--out", "o.xls"]),
    ("LW0201", "could not be written", ["principal=1", "time=time.csv", "--out", "no/o.csv"]),
    ("LW0102", "'much' is no size", ["principal=1", "time=time.csv", "--memory", "much"]),
    ("LW0102", "'soon' is no duration", ["principal=1", "time=time.csv", "--deadline", "soon"]),
    ("LW0101", "the cap is 16 B", ["principal=1", "time=time.csv", "--memory", "16"]),
]


@pytest.mark.parametrize(("ident", "said", "words"), REFUSED, ids=[r[1] for r in REFUSED])
def test_bad_input_is_a_diagnostic(folder, ident, said, words):
    Path("empty.csv").write_text("principal,grade\n")
    done = call("run", "loan.series", *words)
    assert done.exit_code == 1, done.output
    assert f"error[{ident}]" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""
    as_json = call("run", "loan.series", *words, "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["error"]["code"] == ident


def test_fuel_and_deadline_are_traps(folder):
    words = ("run", "loan.series", "principal=1", "time=time.csv")
    done = call(*words, "--fuel", 3)
    assert (done.exit_code, "error[LW2002]" in done.stderr) == (3, True)
    assert json.loads(call(*words, "--fuel", 3, "--json").stdout)["error"]["kind"] == "trap"
    assert call(*words, "--fuel", 10**6).exit_code == 0
    lanes = ",".join(["1"] * 5000)
    for given in ([f"principal={lanes}"], ["scenario=many.csv", "--block", 64]):
        Path("many.csv").write_text("principal\n" + "1\n" * 5000)
        late = call("run", "loan.series", "time=time.csv", *given, "--deadline", "0.001ms")
        assert (late.exit_code, "error[LW2001]" in late.stderr) == (3, True), late.output
        late = call("run", "loan.series", "time=time.csv", *given, "--deadline", "2min")
        assert late.exit_code == 0


@pytest.mark.parametrize(
    ("name", "data", "ident"),
    [
        ("none.series", None, "LW8003"),
        ("x.txt", b"a = 1", "LW8004"),
        ("x.seris", b"a = 1", "LW8004"),
        ("x.series", bytes(range(256)), "LW8008"),
        ("x.series", b"model('a', periods=3)\n\0", "LW8008"),
        ("x.lwp", bytes(range(256)), "LW1004"),
        ("x.lwp", b"", "LW1004"),
        ("x.lasm", b".machine sries\n", "LW1002"),
        ("x.series", b"import os\n", "LW3023"),
    ],
)
def test_files_that_are_no_programs(folder, name, data, ident):
    if data is not None:
        Path(name).write_bytes(data)
    for command in ("run", "compile", "dis", "verify", "inspect"):
        done = call(command, name)
        assert done.exit_code == 1, done.output
        assert f"error[{ident}]" in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/dev/null", "is a device or a pipe"),
        ("pipe", "is a device or a pipe"),
        ("folder", "is a folder"),
        ("nothing", "does not exist"),
    ],
)
def test_what_is_no_file_is_said_as_what_it_is(folder, path, said):
    os.mkfifo("pipe")
    Path("folder").mkdir()
    for command in ("run", "inspect"):
        done = call(command, path)
        assert f"error[LW8003]: {path} {said}" in done.stderr


def test_a_damaged_program_is_refused_at_every_cut(folder):
    call("compile", "loan.series")
    data = Path("loan.lwp").read_bytes()
    for cut in range(0, len(data), 97):
        Path("cut.lwp").write_bytes(data[:cut])
        done = call("verify", "cut.lwp")
        assert done.exit_code == 1
        assert "error[LW10" in done.stderr


@pytest.mark.parametrize(
    "words",
    [["run"], ["runn"], ["run", "x.series", "--engin", "llvm"], ["run", "x", "--lanes", "0"]],
)
def test_wrong_usage(words):
    done = call(*words)
    assert done.exit_code == 2
    assert "Error: " in done.stderr
    as_json = call(*words, "--json")
    assert as_json.exit_code == 2
    assert json.loads(as_json.stdout)["error"]["kind"] == "usageerror"


def test_a_defect_is_one_line_and_a_traceback_on_demand(folder, monkeypatch):
    def broken(path):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("lanework.core.program.program.Program.problems", broken)
    done = call("verify", "loan.series")
    assert done.exit_code == 4
    assert "error[LW8900]: Lanework failed (ZeroDivisionError: oh)" in done.stderr
    assert "report" in done.stderr
    assert "Traceback" not in done.output
    monkeypatch.setenv("LANEWORK_DEBUG", "1")
    assert "Traceback" in call("verify", "loan.series").output


def test_running_out_of_memory_is_no_defect(folder, monkeypatch):
    def broken(path):
        raise MemoryError

    monkeypatch.setattr("lanework.core.program.program.Program.problems", broken)
    done = call("verify", "loan.series")
    assert (done.exit_code, "error[LW8009]" in done.stderr) == (1, True)


def test_version_and_help():
    assert call("--version").stdout.strip() == f"lanework {lw.__version__}"
    text = call("--help").stdout
    for name in ("run", "compile", "dis", "verify", "inspect", "explain", "fuzz"):
        assert name in text
        assert call(name, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("args", "typed", "offered"),
    [
        (["run", "loan.series"], "", ["principal=", "rate=", "fee=", "scenario="]),
        (["run", "loan.series", "rate=0.05"], "", ["principal=", "fee=", "scenario="]),
        (["run", "loan.series"], "pr", ["principal="]),
        (["run", "loan.series", "--engine"], "", ["auto", "llvm", "stencil", "reference"]),
        (["run", "fleet/image.lasm"], "", ["shared=", "image="]),
        (
            ["run", "fleet/image.lasm", "--engine"],
            "",
            ["auto", "llvm", "wgsl", "epoch", "reference"],
        ),
        (["run", "data/belief/cancer.bif"], "X", ["Xray="]),
        (["run", "fib.lasm"], "--e", ["--engine"]),
        (["run", "loan.series"], "--ep", []),
        (["run", "fleet/image.lasm"], "--ep", ["--epochs"]),
        (["explain"], "lw6027", ["LW6027"]),
        (["explain"], "LW999", []),
        (["fuzz"], "f", ["fleet"]),
    ],
)
def test_a_shell_completes_what_the_machine_of_the_file_has(args, typed, offered, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    shell = ShellComplete(cli, {}, "lanework", "_LANEWORK_COMPLETE")
    assert [item.value for item in shell.get_completions(args, typed)] == offered


@pytest.mark.parametrize("name", ["none.series", "broken.series", "data.txt", "-"])
def test_a_shell_gets_no_error_for_a_file_that_is_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.series").write_text("model x\n y = (")
    (tmp_path / "data.txt").write_text("1")
    shell = ShellComplete(cli, {}, "lanework", "_LANEWORK_COMPLETE")
    for args in (["run", name], ["run", name, "--engine"]):
        assert isinstance(shell.get_completions(args, ""), list)


def test_verbose_says_which_engine_runs_and_what_is_compiled(folder, monkeypatch):
    log = logging.getLogger("lanework")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", logging.NOTSET)
    words = ["run", "loan.series", "principal=100", "rate=@rate.npy", "--engine", "llvm"]
    assert "debug" not in call(*words).stderr
    said = call("-v", *words)
    assert (said.exit_code, "debug: engine llvm for " in said.stderr) == (0, True)
    assert "debug: LLVM code of " in said.stderr


@pytest.mark.parametrize("names", ["", " ", ",", " , "])
def test_an_option_of_names_has_one(names, tmp_path):
    text = ".machine fleet\nSETI r1, 7\nWRITE r0, r1\nHALT\n.buffer n, 0, 1, out\n"
    (tmp_path / "m.lasm").write_text(text)
    done = CliRunner().invoke(cli, ["run", str(tmp_path / "m.lasm"), "--outputs", names])
    assert done.exit_code != 0
    assert "names nothing" in done.output
