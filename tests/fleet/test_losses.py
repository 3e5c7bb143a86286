"""What a run loses is said to who does not look at its counts: once, at the line that ran it."""

import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli

HEAD = """
.machine fleet
.shared 8
.buffer a, 0, 1, inout
.buffer n, 1, 1, inout, u32
.buffer from, 2, 1, inout
.routine m
    SETI r0, 0
    SETI r2, 1
    READ r3, r2
"""
LOSSES = {
    "conflicts": ("    WRITE r0, r2\n    HALT", "several VMs wrote 1 word", "conflicts"),
    "stalled": ("    SETI r1, 16777216\n    WRITE r0, r1\n    ATOMIC_ADD r1, r0, r2\n    HALT",
                "changed nothing", "conflicts"),
    "mixed": ("    SETI r3, 2\n    READ r3, r3\n    ISETI r1, 1\n    ATOMIC_IXCH r1, r3, r1\n"
              "    HALT", "into buffers of integers", None),
    "reads_outside": ("    SETI r1, 99\n    READ r1, r1\n    HALT", "reads and 0 writes", "bounds"),
    "writes_outside": ("    SETI r1, 99\n    WRITE r1, r1\n    HALT", "0 reads and", "bounds"),
    "unborn": ("    SYSCALL_SPAWN r1, m, r0\n    HALT", "could not start", None),
    "faults": ("    CALL m\n    HALT", "faulted", None),
}  # fmt: skip


def losing(kind):
    body, said, setting = LOSSES[kind]
    return lw.fleet.assemble(f"{HEAD}{body}\n.phase\n    .launch m, 3\n"), said, setting


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
@pytest.mark.parametrize("deadline", [None, 60.0])
@pytest.mark.parametrize("kind", LOSSES)
def test_what_is_lost_is_said_once_a_run(kind, deadline):
    program, said, setting = losing(kind)
    runner = program.bind("reference", lw.Limits(deadline=deadline), on_fault="go on")
    for call in (runner, lambda: [*runner.epochs()]):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        (one,) = caught
        assert one.category is lw.fleet.LossNotice
        assert said in str(one.message)
        assert setting is None or f"{setting}='fault'" in str(one.message)
        assert Path(one.filename) == Path(__file__)  # where it was called
    assert runner().stats[kind]
    if kind == "faults":
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        program.run(engine="reference")
    assert [Path(each.filename) for each in caught] == [Path(__file__)]


def test_nothing_is_said_where_nothing_is_lost():
    program = lw.fleet.assemble(f"{HEAD}    VMID r1\n    HALT\n.phase\n    .launch m, 3\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program.run(engine="reference")
    program, _, _ = losing("conflicts")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=lw.fleet.LossNotice)
        program.run(engine="reference")


@pytest.mark.parametrize("kind", LOSSES)
def test_the_command_line_says_it_once(kind, tmp_path):
    program, said, setting = losing(kind)
    (tmp_path / "p.lasm").write_text(program.dis())
    words = ["run", str(tmp_path / "p.lasm"), "--engine", "reference", "--set", "on_fault=go on"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert done.stderr.count(said) == 1
    assert setting is None or f"--set {setting}=fault" in done.stderr


def test_graphics_cards_say_the_same(gpu):
    for kind in ("conflicts", "mixed", "stalled"):
        program, said, _ = losing(kind)
        with pytest.warns(lw.fleet.LossNotice, match=said):
            program.run(engine="epoch")
