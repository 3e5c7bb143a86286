"""Optimised code and code ahead of time are linear in calls, and find every address."""

import platform
import subprocess
import time

import pytest

from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.core.program.asm import assemble
from lanework.engines.llvm import jit
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import aot
from lanework.machines.register.native.executable import TRAPPED
from lanework.machines.register.native.optimised import program_text

LINUX = platform.system() == "Linux" and platform.machine() == "x86_64"


def functions(count):
    """As many functions with a loop, each of which calls the one before it."""
    lines = [".entry main"]
    for n in range(count):
        lines += [f"f{n}:", "mov r10, 3", f".l: addi r{n % 8}, r{n % 8}, {n}"]
        for k in range(8):
            lines += [f"mul r{k}, r{k + 1}, r{(k + n) % 10}", f"addi r{k}, r{k}, {k}"]
        lines += ["subi r10, r10, 1", "bne r10, zero, .l"]
        if n:
            lines += ["subi sp, sp, 8", "store.d lr, [sp]", f"call f{n - 1}", "load.d lr, [sp]"]
            lines += ["addi sp, sp, 8"]
        lines.append("ret")
    return assemble("\n".join([*lines, "main:", *(f"call f{n}" for n in range(count)), "halt"]))


def optimise(program):
    jit._object_code(program_text(RegisterView.of(program)), 0, True)


@pytest.mark.long
@pytest.mark.parametrize("make", [optimise, aot.raw])
def test_compiling_is_linear_in_calls(make):
    """Four times the calls take four times the work, and what longer lists of registers add.

    That is below 6.5, and 16 were it quadratic; the bound is where a quadratic part would be half
    as much again as the linear one. Seconds of this thread vary on a machine that others use too.
    """
    make(functions(1))
    seen = []
    while len(seen) < 3 and (not seen or seen[-1] >= 4 * 1.8):
        seen.append(seconds(make, 160) / seconds(make, 40))
    assert seen[-1] < 4 * 1.8, seen


def seconds(make, count):
    program = functions(count)
    start = time.thread_time()
    make(program)
    return time.thread_time() - start


@pytest.mark.slow
def test_programs_of_many_calls_do_the_same():
    """Where registers stay in the state: on every engine, with fuel that ends anywhere."""
    program = functions(40)
    assert len(RegisterView.of(program).infos) > 1000
    words = {port.name: 7 if port.name == "r1" else 0 for port in program.inputs}
    expected = program.run(engine="reference", **words)
    assert program.run(engine="llvm", **words)["r4"] == expected["r4"]
    for fuel in (0, 1, 2, 39, 40, 41, 1000, 3001):
        seen = []
        for engine in ("reference", "llvm"):
            with pytest.raises(Trap) as caught:
                program.bind(engine, Limits(fuel=fuel))(**words)
            seen.append((caught.value.code.ident, caught.value.instruction))
        assert seen[0] == seen[1], fuel


def test_the_text_of_a_return_does_not_know_every_entry():
    small, large = (len(program_text(RegisterView.of(functions(n)))) for n in (20, 40))
    assert large < 2.1 * small


def executed(program, folder, *words):
    target = folder / "prog"
    target.write_bytes(aot.executable(program))
    target.chmod(0o755)
    return subprocess.run([target, *map(str, words)], capture_output=True, text=True, timeout=60,
                          check=False)  # fmt: skip


def outputs(done):
    assert done.returncode == 0, done.stderr
    return {name: int(word) for name, _, word in map(str.split, done.stdout.splitlines())}


@pytest.mark.skipif(not LINUX, reason="runs on Linux on x86-64")
def test_calls_ahead_of_time(tmp_path):
    program = functions(6)
    words = {port.name: 7 if port.name == "r1" else 0 for port in program.inputs}
    expected = program.run(engine="reference", **words)
    assert program.run(engine="llvm", **words)["r4"] == expected["r4"]
    actual = outputs(executed(program, tmp_path, *words.values()))
    assert actual == {name: int(expected[name]) for name in expected}


@pytest.mark.slow
@pytest.mark.skipif(not LINUX, reason="runs on Linux on x86-64")
def test_jumps_to_addresses_that_are_computed(tmp_path):
    """To any instruction, and to none, which is a trap and no success."""
    program = assemble(
        "mov r1, tab\nadd r1, r1, r0\njmpr r1\ntab: addi r2, r2, 1\naddi r3, r3, 2\n"
        "yield\naddi r4, r4, 3\nmov r5, end\njmpr r5\nend: ret"
    )
    for offset in (0, 8, 16, 20, 28, 40):
        expected = program.run(engine="reference", r0=offset)
        assert program.run(engine="llvm", r0=offset)["r4"] == expected["r4"]
        actual = outputs(executed(program, tmp_path, offset))
        assert actual == {name: int(expected[name]) for name in expected}, offset
    for offset in (4, 3, 400, 2**64 - 1):
        for engine in ("reference", "llvm"):
            with pytest.raises(Trap, match="no instruction begins"):
                program.run(engine=engine, r0=offset)
        done = executed(program, tmp_path, offset)
        assert done.returncode == TRAPPED
        assert "error[LW4012]: a jump through a register leads to no instruction" in done.stderr
