"""Fleets on the command line: files in and out, traces, inspection, and what is refused."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lanework.app.cli import cli
from lanework.core.result.picture import read_picture, write_picture

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "fleet"


@pytest.fixture
def lanework(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*words, status=0):
        done = CliRunner().invoke(cli, [str(word) for word in words])
        assert done.exit_code == status, done.output
        return done

    return call


def test_an_array_in_and_one_out(lanework, tmp_path):
    np.save("in.npy", np.arange(1000, dtype=np.float32))
    program = FOLDER / "double.lasm"
    lanework("run", program, "--shared", "in.npy", "--out", "out.npy", "--engine", "reference")
    out = np.load(tmp_path / "out.npy")
    assert out.shape == (4096,)
    assert np.array_equal(out[:1000], 2 * np.arange(1000))
    lanework("compile", program, "--out", "double.lwp")
    lanework("run", "double.lwp", "--shared", "in.npy", "--out", "again.npy", "--engine=reference")
    assert np.array_equal(np.load("again.npy"), out)


def test_numbers_as_text_and_as_words(lanework):
    Path("numbers.csv").write_text("1,2\n3,4\n")
    Path("n.lasm").write_text(
        ".machine fleet\n.buffer x, 0, 4, inout\nVMID r0\nREAD r1, r0\nMULI r1, r1, 2\n"
        "WRITE r0, r1\nHALT\n.phase\n.launch main, 4\n"
    )
    rows = [[2.0, 4.0], [6.0, 8.0]]  # in the shape in which it came
    for given, x in (
        ("x=numbers.csv", rows),
        ("x=@numbers.csv", rows),
        ("x=1,2,3,4", [2.0, 4.0, 6.0, 8.0]),
    ):
        done = lanework("run", "n.lasm", given, "--outputs", "x", "--json", "--engine=reference")
        assert json.loads(done.output)["outputs"] == {"x": x}


def test_columns_of_tables_and_grids_that_are_none(lanework):
    Path("n.lasm").write_text(
        ".machine fleet\n.buffer x, 0, 4, inout\nVMID r0\nREAD r1, r0\nMULI r1, r1, 2\n"
        "WRITE r0, r1\nHALT\n.phase\n.launch main, 4\n"
    )
    Path("t.csv").write_text("a;x\n" + "".join(f"{n};{n + 1}\n" for n in range(4)))
    Path("t.json").write_text('{"x": [1, 2, 3, 4], "y": [1, "2", 3, 4]}')
    for given in ("x=t.csv:x", "x=@t.csv:x", "x=t.json:x"):
        done = lanework("run", "n.lasm", given, "--outputs", "x", "--json", "--engine=reference")
        assert json.loads(done.output)["outputs"] == {"x": [2.0, 4.0, 6.0, 8.0]}
    for given, said in (
        ("x=t.csv", "line 1, column '1': 'a' is not a number"),
        ("x=t.json:y", "row 2, column 'y': '2' is text"),
        ("x=t.csv:z", "has no column 'z'"),
        ("x=1,000", "without commas, 1000"),
    ):
        done = CliRunner().invoke(cli, ["run", "n.lasm", given, "--engine=reference"])
        assert done.exit_code == 1
        assert said in done.stderr


def test_settings_and_a_seed(lanework):
    words = ("run", FOLDER / "pi.lasm", "--outputs", "hits", "--json", "--engine", "reference")
    one, two, again = (
        json.loads(lanework(*words, "--seed", seed).output)["outputs"]["hits"][0]
        for seed in (1, 2, 1)
    )
    assert one == again != two
    composed = json.loads(lanework(*words, "--seed", 1, "--set", "compose=yes").output)
    assert composed["outputs"]["hits"] == [one]
    assert composed["stats"]["epochs"] < 1007


def test_epochs_stop_a_run(lanework):
    done = lanework("run", FOLDER / "collatz.lasm", "--epochs", 5, "--engine", "reference")
    assert "stopped after 5 epochs" in done.output


def test_traces(lanework):
    program = FOLDER / "double.lasm"
    for words in (("trace", program, "--vm", 42), ("run", program, "--trace", "vm=42")):
        lines = lanework(*words, "--engine", "reference").output.splitlines()
        assert len(lines) == 6
        assert "oracle" in lines[3]
        assert "MULI r1, r1, 2.0" in lines[3]
        assert "halted" in lines[5]
    done = lanework("trace", program, "--vm", 7, "--json", "--epochs", 1, "--engine", "reference")
    moment = json.loads(done.output)
    assert moment["instruction"] == "SYSCALL_VMID r0"
    assert moment["kernel"] == "io"
    assert moment["registers"] == [7.0, 0.0, 0.0, 0.0]


def test_a_trace_on_kernels(lanework, gpu):
    program = FOLDER / "calls.lasm"
    on_kernels, by_hand = (
        lanework("trace", program, "--vm", 5, "--engine", engine).output
        for engine in ("epoch", "reference")
    )
    assert on_kernels == by_hand


def test_inspection(lanework):
    facts = json.loads(lanework("inspect", FOLDER / "image.lasm", "--json").output)
    assert list(facts["routines"]) == ["grayscale", "around", "blur", "sobel"]
    assert facts["phases"]["phase 1"] == "wait_all: blur x 55,296"
    assert facts["schedule"] == "0, 1, 2"
    assert facts["vms"]["bytes of a VM"] == 192
    assert facts["header"]["convention"] == facts["calls"]["convention"] == "caller"
    assert facts["estimated epochs"] == 147
    assert facts["matrices"]["csr"].split()[0].replace(",", "").isdigit()
    text = lanework("inspect", FOLDER / "boids.lasm").output
    assert "0, (1, 2) x 100, 3" in text


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "double.lasm", "--shared", "none.npy"), "LW8003"),
        (("run", "double.lasm", "shared"), "LW8001"),
        (("run", "double.lasm", "image=1"), "LW8001"),
        (("run", "double.lasm", "shared=1", "--shared", "one.npy"), "LW8001"),
        (("run", "double.lasm", "--set", "layout"), "LW8001"),
        (("run", "double.lasm", "--set", "engine=reference"), "LW8001"),
        (("run", "double.lasm", "--set", "progress=1"), "LW8001"),
        (("run", "double.lasm", "--set", "outputs=shared"), "LW8001"),
        (("run", "double.lasm", "--set", "fuel=1"), "LW8001"),
        (("run", "double.lasm", "--set", "program=1"), "LW6011"),
        (("run", "double.lasm", "--set", "self=1"), "LW6011"),
        (("run", "double.lasm", "--set", "layout=sideways"), "LW6011"),
        (("run", "double.lasm", "--outputs", "share", "--fuel", "1"), "did you mean 'shared'?"),
        (("run", "double.lasm", "--set", "patience=x"), "LW8001"),
        (("run", "double.lasm", "--set", "compose=maybe"), "LW8001"),
        (("run", "double.lasm", "--trace", "42"), "LW8001"),
        (("run", "double.lasm", "--shared", "broken.npy"), "LW8001"),
        (("run", "double.lasm", "--shared", "broken.ppm"), "LW8001"),
        (("run", "double.lasm", "--engine", "llvmm"), "LW2003"),
        (("run", "double.lasm", "--engine", "epoch", "--adapter", "none such"), "LW2201"),
        (("trace", "double.lasm", "--vm", "1000"), "LW6030"),
        (("trace", FOLDER.parent / "fib.lasm", "--vm", "0"), "LW8001"),
        (("run", "wrong.lasm"), "LW6001"),
        (("run", "double.lasm", "--memory", "10k"), "LW0101"),
    ],
)
def test_what_is_refused(lanework, words, code):
    Path("double.lasm").write_text((FOLDER / "double.lasm").read_text())
    Path("wrong.lasm").write_text(
        ".machine fleet\n.routine a\nJUMP 7\n.phase\n.launch a, 1\n.routine b\nHALT\n"
    )
    np.save("one.npy", np.ones(1))
    Path("broken.npy").write_bytes(b"\x93NUMPY nothing")
    Path("broken.ppm").write_bytes(b"P6\n10 10\n255\nshort")
    assert code in lanework(*words, status=1).output


def test_phases_that_need_epochs_are_named_to_who_asks(lanework, caplog):
    words = ("run", FOLDER / "grayscale_inplace.lasm", "--engine", "reference")
    lanework(*words)
    assert "epochs are needed" not in caplog.text
    caplog.set_level(logging.DEBUG, "lanework")  # as with -v
    lanework(*words)
    assert "epochs are needed, as a VM may read" in caplog.text


def test_options_of_a_fleet_are_no_options_of_other_machines(lanework):
    done = lanework("run", FOLDER.parent / "fib.lasm", "--epochs", "3", status=1)
    assert "the register machine, which has no option --epochs" in done.output


def test_a_trap_has_a_status_of_its_own(lanework):
    Path("t.lasm").write_text(".machine fleet\nmain:\nCALL main\nHALT\n")
    done = lanework("run", "t.lasm", "--engine", "reference", status=3)
    assert "LW6020" in done.output
    assert "line 3" in done.output or "t.lasm:3" in done.output


def test_pictures():
    gray = np.arange(12).reshape(3, 4) * 20
    assert np.array_equal(read_picture(write_picture(gray)), gray)
    colour = np.arange(24).reshape(2, 4, 3)
    assert np.array_equal(read_picture(write_picture(colour)), colour)
    assert np.array_equal(read_picture(b"P5 # a remark\n2\n1\n255\n\x07\x09"), [[7, 9]])
    assert write_picture([[-5, 300.0, np.nan]])[-3:] == b"\x00\xff\x00"
    for bad in (b"", b"P5\n2 2\n255\nabc", b"P5\n2 2\n65535\n" + bytes(8), b"P3\n1 1\n255\n0 0 0"):
        with pytest.raises(ValueError, match=r"picture|PGM"):
            read_picture(bad)
