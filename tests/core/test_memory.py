"""What a run takes over what its process has is at most its memory cap, and 5 % of that."""

import subprocess
import sys

import numpy as np
import pytest

import lanework as lw

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's"),
]
CHILD = """
import sys
import numpy as np
import lanework as lw
machine, engine, count, cap = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
program = getattr(lw, machine).assemble(sys.stdin.read())
options = {"patience": 1} if machine == "fleet" else {}
given = {p.name: np.full(count, 7) for p in program.inputs if p.name != "shared"}
program.bind(engine, lw.Limits(memory=cap), **options)(**given)
print([line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line][0])
"""
FLEET = """
.machine fleet
.shared WORDS
.buffer given, 0, COUNT, in
.buffer taken, COUNT, COUNT, out
.routine main
    VMID r0
    READ r1, r0
    STORE r1, 0
    STORE r1, 11
    SETI r3, 12
again:
{body}
    SUBI r3, r3, 1
    BRANCH_GT r3, again
    ADDI r2, r0, taken
    WRITE r2, r1
    HALT
.routine part
    ADDI r1, r1, 1
    RETURN
.phase wait_all
    .launch main, COUNT
"""
BODIES = {
    "yields": "    YIELD",
    "sines": "    SIN r1, r1",
    "random numbers": "    RAND r1",
    "words anywhere": "    RAND r2\n    MULI r2, r2, COUNT\n    WRITE r2, r1\n    READ r2, r2",
    "calls": "    CALL part",
}
LANES = """
.input r0
.input r1
.output r2
    mul r2, r0, r1
loop:
    addi r3, r3, 1
    bltu r3, r0, loop
    halt
"""


def peak(text, machine, engine, count, cap):
    command = [sys.executable, "-c", CHILD, machine, engine, str(count), str(cap)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return 1024 * int(done.stdout.split()[-1])


def cap_of(call):
    """What a run says it needs, as it is refused."""
    with pytest.raises(lw.Diagnostic) as caught:
        call()
    assert caught.value.code.ident == "LW0101"
    return (
        lw.Limits.from_text(memory=caught.value.message.split("need ")[1].split(",")[0]).memory
        + 100_000
    )


def holds(text, machine, engine, count, given=0):
    few, many = (text.replace("COUNT", str(n)).replace("WORDS", str(3 * n)) for n in (1000, count))
    program = getattr(lw, machine).assemble(many)
    lanes = {"r0": np.zeros(count, int), "r1": 1}
    cap = cap_of(lambda: program.bind(engine, lw.Limits(memory=1000))(**lanes))
    base = peak(few, machine, engine, 1000, cap)
    assert peak(many, machine, engine, count, cap) - base - given <= 1.05 * cap


@pytest.mark.parametrize("body", BODIES)
def test_fleets(body):
    holds(FLEET.format(body=BODIES[body]), "fleet", "reference", 400_000, given=8 * 400_000)


@pytest.mark.long
@pytest.mark.parametrize("body", ["yields", "words anywhere"])
def test_fleets_on_a_graphics_card(gpu, body):
    holds(FLEET.format(body=BODIES[body]), "fleet", "epoch", 400_000, given=8 * 400_000)


@pytest.mark.parametrize("engine", ["stencil", "llvm", "native"])
def test_lanes_of_registers(engine):
    count = 4_000_000
    holds(LANES, "register", engine, count, given=16 * count)  # inputs are the caller's


COMMAND = """
import sys
from lanework.app.cli import cli
try:
    cli(sys.argv[1:], standalone_mode=False)
finally:
    print([line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line][0])
"""
WORDS = """
.machine fleet
.buffer given, 0, COUNT, in
.buffer taken, COUNT, COUNT, out
    VMID r0
    READ r1, r0
    ADDI r0, r0, taken
    WRITE r0, r1
    HALT
.phase wait_all
    .launch main, 10
"""


@pytest.mark.parametrize("cap", [26_000_000, 32_000_000, 40_000_000])
@pytest.mark.parametrize("out", ["out.csv", "out.json", "out.npz"])
def test_words_of_fleets_and_what_is_written_of_them(tmp_path, out, cap):
    """Written, or refused before there is no room for it."""

    def most(count):
        (tmp_path / "words.lasm").write_text(WORDS.replace("COUNT", str(count)))
        np.save(tmp_path / "given.npy", np.zeros(count, np.float32))
        words = ["run", "words.lasm", "given=given.npy", "--out", out, f"--memory={cap}"]
        command = [sys.executable, "-c", COMMAND, *words, "--engine=reference"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert (tmp_path / out).exists() or "LW0101" in done.stderr
        (tmp_path / out).unlink(missing_ok=True)
        return 1024 * int(done.stdout.split()[-1])

    assert -most(1000) + most(1_000_000) <= 1.05 * cap
