"""Labels of words, texts that do not say their machine, and what words hold."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli

SUM = lw.fleet.assemble("""
.buffer a, 0, 3, inout
.buffer b, 3, 3, in
.buffer c, 6, 3, out
.buffer d, 9, 2, in, pad
.routine main
    VMID r0
    READ r1, r0
    ADDI r2, r0, b
    READ r2, r2
    ADD r1, r1, r2
    ADDI r0, r0, c
    WRITE r0, r1
    HALT
.phase
    .launch main, 3
""")
DAYS = pd.date_range("2024-01-30", periods=3)


def refused(call, *words, code="LW6010"):
    with pytest.raises(lw.Diagnostic) as caught:
        call()
    text = caught.value.render()
    assert caught.value.code.ident == code, text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("index", [list("xyz"), [30, 10, 20], DAYS, [("x", 1), ("x", 2), ("y", 1)]])
def test_words_are_matched_by_labels(index):
    a = pd.Series([1, 2, 3], index=pd.Index(index))
    b = pd.Series([10, 20, 30], index=a.index)[::-1]
    for result in (SUM.run(a=a, b=b), SUM.run({"a": a}, b=b)):
        assert result["c"].tolist() == [11, 22, 33]
        for name in "ac":
            assert result.to_pandas(name).index.tolist() == a.index.tolist()
        assert len(result.to_arrow("c")) == 3
    frame = SUM.run(pd.DataFrame({"a": a, "b": b})).to_pandas("c")["c"]
    assert frame[a.index].tolist() == [11, 22, 33]
    runner = SUM.bind("reference")
    *_, last = runner.epochs(a=a, b=b)
    assert last.shared[6:9].tolist() == [11, 22, 33]


def test_other_labels_are_refused():
    a = pd.Series([1, 2, 3], index=list("xyz"))
    for index in (list("xyw"), [0, 1, 2], ["x", "x", "y"], DAYS):
        refused(lambda i=index: SUM.run(a=a, b=pd.Series([1, 2, 3], index=i)), "'b'", "to_numpy")
    refused(lambda: SUM.run(a=a, b=pd.Series([1, 2, 3])), "'b' has no 'x'")
    assert SUM.run(a=a, b=[10, 20, 30])["c"].tolist() == [11, 22, 33]
    other = pd.Series([7, 8], index=["p", "q"])  # of another length: its own rows
    assert SUM.run(a=a, b=a[::-1], d=other).to_pandas("a").index.tolist() == list("xyz")


def test_labels_along_several_axes():
    text = ".buffer u, 0, 6, inout\n.buffer v, 6, 6, inout\nHALT"
    program = lw.fleet.assemble(text)
    u = pd.DataFrame(np.arange(6).reshape(2, 3), index=["r", "s"], columns=list("xyz"))
    v = u.loc[["s", "r"], ["z", "x", "y"]]
    result = program.run(u=u, v=v)
    assert result["v"].tolist() == u.to_numpy().tolist()
    assert result.coords["v_1"].tolist() == list("xyz")
    grid = xr.DataArray(u.to_numpy(), dims=("a", "b"), coords={"a": ["r", "s"], "b": list("xyz")})
    flipped = grid.sel(b=["z", "y", "x"])
    assert program.run(u=grid, v=flipped)["v"].tolist() == u.to_numpy().tolist()
    refused(lambda: program.run(u=u, v=v.rename(columns={"z": "w"})), "'v'", "'z'")


def test_texts_need_not_say_their_machine():
    text = "SETI r0, 2\nWRITE r1, r0\nHALT\n.shared 1\n"
    assert lw.fleet.assemble(text).run()["shared"].tolist() == [2]
    assert lw.fleet.assemble(text).hash == lw.compile(f".machine fleet\n{text}").hash
    refused(lambda: lw.compile(text), ".machine fleet", code="LW1010")
    refused(lambda: lw.compile(f"{text}FOO r0\n"), ".machine fleet", code="LW1010")
    refused(lambda: lw.fleet.assemble(f"{text}FOO r0\n"), "fleet machine has no", code="LW1010")
    for assemble, other in (
        (lw.fleet.assemble, ".machine register\nhalt"),
        (lw.register.assemble, f".machine fleet\n{text}"),
        (lw.register.assemble, ".machine series\n"),
    ):
        refused(lambda a=assemble, o=other: a(o), "is asked for", "lanework.compile", code="LW1010")
    refused(lambda: lw.compile("nop\nfoo\n"), "no instruction 'foo'", code="LW1010")


def test_a_table_with_a_header_says_which_column(tmp_path):
    path, table = tmp_path / "sum.lasm", tmp_path / "t.csv"
    path.write_text(".machine fleet\n" + SUM.dis().split("\n", 1)[1])
    table.write_text("a,b\n1,10\n2,20\n3,30\n")
    for name in "ab":
        done = CliRunner().invoke(cli, ["run", str(path), f"{name}={table}"])
        assert done.exit_code == 1
        assert f"{name}={table}:{name}" in done.stderr
    done = CliRunner().invoke(cli, ["run", str(path), f"a={table}:a", f"b={table}:b"])
    assert done.exit_code == 0
    assert "11  22  33" in done.stdout
    (tmp_path / "t.json").write_text('{"a": [1, 2, 3], "b": [10, 20, 30]}')
    words = [f"{name}={tmp_path / 't.json'}" for name in "ab"]
    assert "11  22  33" in CliRunner().invoke(cli, ["run", str(path), *words]).stdout


def test_buffers_that_overlap_are_named_with_their_lines():
    text = ".buffer one, 0, 4\n; between\n.buffer two, 3, 2\nHALT"
    with pytest.raises(lw.Diagnostic) as caught:
        lw.fleet.assemble(text, "text.lasm").verify()
    assert "'one' (text.lasm:1) and 'two' (text.lasm:3) both have word 3" in caught.value.message


def test_integers_are_shown_as_such(tmp_path):
    text = """.machine fleet
.buffer n, 0, 2, out, u32
.buffer x, 2, 2, out
.routine main
    IVMID r0
    ISETI r1, 5
    ISETI r2, -1
    SETI r3, 0.1
    IWRITE r0, r1
    STORE r2, 3
    HALT
.phase
    .launch main, 2
"""
    path = tmp_path / "n.lasm"
    path.write_text(text)
    done = CliRunner().invoke(cli, ["trace", str(path), "--vm", "1", "--engine", "reference"])
    assert "r0=int:1 r1=int:5 r2=int:-1 r3=0.1 mem3=int:-1" in done.stdout
    assert "e-45" not in done.stdout
    result = lw.compile(path).run(engine="reference")
    assert "e-45" not in repr(result)
    assert "int:5" in repr(result.select(["shared"]))
    debugger = lw.compile(path).bind("reference").debug()
    debugger.watchpoint("n", 1)
    debugger.watchpoint("shared", 1)
    debugger.run()
    assert "n[1] is 5, and was 0" in debugger.stopped
    deep = lw.fleet.assemble(
        ".depth 1\n.routine m\nISETI r1, 7\nCALL m\nHALT\n.phase\n.launch m, 1"
    )
    with pytest.raises(lw.Trap) as caught:
        deep.run(engine="reference")
    assert "r1=int:7" in caught.value.render()
