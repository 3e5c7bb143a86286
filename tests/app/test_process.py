"""The command as a process: pipes, terminals, signals, start-up time."""

import os
import pty
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMAND = [sys.executable, "-m", "lanework"]
INPUTS = ["run", str(EXAMPLES / "projfin40.series")]
TIME = f"time={EXAMPLES / 'data/projfin40/time_inputs.csv'}"


def on_a_terminal(command, **environment):
    """What a process writes to a terminal, and its exit status."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        text += part
    os.close(ours)
    return text.decode(), process.wait(timeout=60)


def test_a_pipe_gets_plain_text():
    done = subprocess.run([*COMMAND, *INPUTS, TIME], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == ["output", "axes", "unit", "values"]
    assert "-533,799.80" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "ran 1 lane x 360 periods" in done.stderr


def piped(data, *words):
    return subprocess.run([*COMMAND, *words], input=data, capture_output=True, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words", "first"),
    [
        (b"mul r0, r0, r1\nhalt\n", ("r0=6", "r1=7"), b"42"),
        (b".machine fleet\n.shared 2\nSETI r0, 2\nSTORE r0, 1\nHALT\n", (), b"2"),
        (b'.machine series\n.periods 1\n.input "x" %0\n.straight\n add %1, %0, %0\n'
         b'.output "y" %1\n', ("x=4",), b"8"),
    ],
)  # fmt: skip
def test_a_dash_is_standard_input_and_output(text, words, first):
    by_text = piped(text, "run", "-", *words)
    assert by_text.returncode == 0, by_text.stderr.decode()
    assert first in by_text.stdout
    program = piped(text, "compile", "-")
    assert program.stdout.startswith(b"\x89LANEWK\n")
    assert piped(program.stdout, "compile", "-", "--out", "-").stdout == program.stdout
    assert piped(program.stdout, "run", "-", *words).stdout == by_text.stdout
    for command in ("verify", "inspect", "dis"):
        assert piped(program.stdout, command, "-").returncode == 0
    assert not Path("-").exists()


def test_what_is_wrong_on_standard_input_has_its_place():
    done = piped(b"halt\nmull r0, r0, r1\n", "run", "-")
    assert done.returncode == 1
    assert b"--> standard input:2:1" in done.stderr
    assert b"standard input is not UTF-8 text (byte 0)" in piped(b"\xff\xfe", "run", "-").stderr


@pytest.mark.slow
def test_a_terminal_gets_colour_unless_it_does_not_want_it():
    text, status = on_a_terminal([*COMMAND, *INPUTS, TIME])
    assert (status, "\x1b[" in text, "-533,799.80" in text) == (0, True, True)
    text, status = on_a_terminal([*COMMAND, *INPUTS])
    assert (status, "\x1b[31m" in text) == (1, True)
    text, status = on_a_terminal([*COMMAND, *INPUTS], NO_COLOR="1")
    assert (status, "\x1b[" in text) == (1, False)


def test_a_long_run_shows_a_bar_on_a_terminal_and_none_in_a_pipe():
    code = (
        "import time; from lanework.core import terminal\n"
        "terminal.PATIENCE = 0.05\n"
        "with terminal.Bar('portfolio') as bar:\n"
        "    for i in range(8):\n"
        "        bar.update(i, 8); time.sleep(0.05)\n"
    )
    text, status = on_a_terminal([sys.executable, "-c", code])
    assert status == 0
    assert "portfolio" in text
    assert "%" in text
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.timeout(120)
def test_an_interrupt_ends_with_130_and_writes_nothing(tmp_path, ctrl_c):
    """Some 30,000 small blocks, so that the run is under way when the signal comes."""
    table, out = tmp_path / "lanes.csv", tmp_path / "out.csv"
    table.write_bytes(b"vol0\n" + b"1000\n" * 2_000_000)
    process = subprocess.Popen(
        [*COMMAND, *INPUTS, TIME, f"scenario={table}", "--block", "64", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob(".lanework-*-out.csv")):  # being written
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    with open(f"/proc/{process.pid}/stat") as file:
        before = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    others = _children()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert _children() - others - before / os.sysconf("SC_CLK_TCK") < 3
    assert stdout == ""
    assert stderr.strip() == "interrupted"
    assert [p.name for p in tmp_path.iterdir()] == ["lanes.csv"]


def test_a_deadline_counts_while_standard_input_is_waited_for():
    process = subprocess.Popen(
        [*COMMAND, "run", "-", "--deadline", "200ms"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:  # it closes standard input, and nothing before
        assert process.wait(timeout=5) == 3
        assert b"LW2001" in process.stderr.read()


def test_a_closed_pipe_is_no_traceback():
    process = subprocess.Popen(
        [*COMMAND, "dis", str(EXAMPLES / "basicterm_me.series")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    assert process.wait(timeout=60) in (0, 1)


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_is_quick(words):
    """The best of several: what start-up costs, not what else the machine does."""
    best = min(_seconds([*COMMAND, *words]) for _ in range(5))
    plain = min(_seconds([sys.executable, "-c", "pass"]) for _ in range(5))
    assert best - plain < 0.15


def _seconds(command):
    start = _children()
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return _children() - start


def _children():
    """CPU seconds of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from lanework.app.cli import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'llvmlite', 'pint', 'pandas', 'pyarrow', 'xarray', 'rich', 'msgspec'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
