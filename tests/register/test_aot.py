"""Ahead of time: executables that run alone, objects that C links, raw code, what they may do."""

import ctypes
import functools
import io
import platform
import random
import shutil
import struct
import subprocess

import pytest
from elftools.elf.elffile import ELFFile

from lanework.base.errors import Diagnostic, Trap
from lanework.core.program.asm import assemble
from lanework.engines.stencil import arena
from lanework.machines.register.native import aot
from lanework.machines.register.state import Status
from lanework.machines.register.traps import CODES

LINUX = platform.system() == "Linux" and platform.machine() == "x86_64"
linux_only = pytest.mark.skipif(not LINUX, reason="needs Linux on x86-64 to run what is made")

SQUARES = """
.loop:
    mul r2, r0, r0
    add r1, r1, r2
    subi r0, r0, 1
    bne r0, zero, .loop
    halt
"""


def shell(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def executable(folder, text):
    target = folder / "prog"
    target.write_bytes(aot.executable(assemble(text)))
    target.chmod(0o755)
    return str(target)


STOPS = {
    "MEMORY": ("load.d r0, [r1 + 8]", "LW4010", ["65536"]),
    "ALIGN": ("atomic.xchg r0, [r1], r2", "LW4014", ["4", "1"]),
    "DIVIDE": ("mod r0, r1, r2", "LW4011", ["1", "0"]),
    "JUMP": ("jmpr r1", "LW4012", ["3"]),
    "TRAP": ("trap -7", "LW4013", []),
}


@linux_only
@pytest.mark.parametrize("name", STOPS)
def test_executables_say_what_stopped_them(tmp_path, name):
    """With the code that Python gives it, and the place."""
    line, code, words = STOPS[name]
    text = f"nop\n{line}\ntrap 3\nhalt"
    program = assemble(text)
    inputs = {port.name: int(word) for port, word in zip(program.inputs, words, strict=True)}
    with pytest.raises(Trap) as caught:
        program.run(engine="reference", **inputs)
    assert caught.value.code.ident == code
    done = shell(executable(tmp_path, text), *words)
    assert done.returncode == 3
    assert done.stdout == ""
    first, *more = done.stderr.splitlines()
    assert first == f"error[{code}]: {caught.value.code.title}, at byte 4"
    assert more == (["  note: trap -7"] if name == "TRAP" else [])


def test_what_stops_a_program_by_itself_has_a_test():
    assert {Status[name] for name in STOPS} | {Status.EXTERNAL} == set(CODES)


@linux_only
def test_executables_refuse_other_arguments(tmp_path):
    target = executable(tmp_path, "div r0, r1, r2\nhalt")
    assert shell(target, "1", "0").returncode == 3
    assert shell(target, "1x", "2").stderr == "error[LW4006]: r1 is no whole number of u64\n"
    assert shell(target).stderr == "error[LW4016]: give r1, r2\n"
    done = shell(target, "1", "2", "3")
    assert (done.returncode, done.stderr) == (2, "error[LW4006]: give at most 2 numbers\n")
    assert shell(target, "-7", "2").returncode == 0


@linux_only
@pytest.mark.parametrize("size", [64, 1 << 16, 3 << 30])
def test_executables_of_little_memory_and_of_much(tmp_path, size):
    """All of it can be used, also where addresses have more than 31 bits, and begins as zeros."""
    target = executable(tmp_path, f".memory {size}\nstore.d r0, [r1]\nload.d r2, [r1]\nhalt")
    last = size - 8
    done = shell(target, "7", str(last))
    assert done.stdout.splitlines()[-1] == "r2 = 7"
    assert shell(target, "7", str(last + 1)).stderr.startswith("error[LW4010]")


@linux_only
def test_executables_of_more_memory_than_there_is(tmp_path):
    """A sentence where the system says no, and the program where it does not."""
    target = executable(tmp_path, f".memory {1 << 40}\nmov r0, 5\nhalt")
    done = shell(target)
    refused = "error[LW0101]: there are no 1.1 TB for the program's memory\n"
    assert (done.returncode, done.stdout, done.stderr) in ((1, "", refused), (0, "r0 = 5\n", ""))
    done = shell("sh", "-c", f"ulimit -v 1000000; exec {target}")
    assert (done.returncode, done.stderr) == (1, refused)


@linux_only
@pytest.mark.parametrize("dtype", ["u64", "i64", "f64"])
def test_a_full_device_is_no_success(tmp_path, dtype):
    target = executable(tmp_path, f".output r0 {dtype}\nmov r0, 5\nhalt")
    done = shell("sh", "-c", f"exec {target} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "error[LW0201]: the output cannot be written\n"
    assert shell("sh", "-c", f"exec {target} >&-").returncode == 1  # closed
    assert shell("sh", "-c", f"{target} | cat").stdout.startswith("r0 = ")


def test_executables_have_no_page_that_is_writable_and_executable():
    elf = ELFFile(io.BytesIO(aot.executable(assemble("add r0, r1, r2\nhalt"))))
    assert elf["e_type"] == "ET_EXEC"
    flags = [segment["p_flags"] for segment in elf.iter_segments()]
    assert any(flag & 1 for flag in flags)
    assert not any(flag & 1 and flag & 2 for flag in flags)


@linux_only
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, which CI has")
def test_c_links_the_object(tmp_path):
    program = assemble(SQUARES)
    (tmp_path / "squares.o").write_bytes(aot.object_file(program, "squares"))
    (tmp_path / "squares.h").write_text(aot.header(program, "squares"))
    (tmp_path / "main.c").write_text(
        '#include "squares.h"\n#include <stdio.h>\nstatic char memory[SQUARES_MEMORY];\n'
        "int main(void) {\n  uint64_t r[31] = {10};\n  squares_init(memory);\n"
        "  int64_t s = squares(r, memory);\n"
        '  printf("%d %d\\n", (int)s, (int)r[1]);\n  return 0;\n}\n'
    )
    where = str(tmp_path)
    subject = shell("cc", "-Wall", "-Werror", "-o", f"{where}/main", f"{where}/main.c",
                 f"{where}/squares.o")  # fmt: skip
    assert subject.returncode == 0, subject.stderr
    assert shell(f"{where}/main").stdout == "0 385\n"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_objects_are_for_the_machine_asked_for(machine):
    data = aot.object_file(assemble("add r0, r1, r2\nhalt"), "sum up", machine)
    elf = ELFFile(io.BytesIO(data))
    assert elf.get_machine_arch() == {"x86_64": "x64", "aarch64": "AArch64"}[machine]
    symbols = elf.get_section_by_name(".symtab").iter_symbols()
    functions = {each.name for each in symbols if each["st_info"]["bind"] == "STB_GLOBAL"}
    assert {"sum_up", "sum_up_init"} <= functions


@linux_only
def test_raw_code_runs_wherever_it_lies():
    code = aot.raw(assemble("mul r0, r1, r2\nhalt"))
    with arena.code_pool().acquire(-(-len(code) // 4096) + 1) as buffer:
        with buffer.mapping.writable():
            ctypes.memmove(buffer.write + 112, code, len(code))
        registers = (ctypes.c_uint64 * 31)(0, 6, 7)
        memory = (ctypes.c_char * 65536)()
        run = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(buffer.run + 112)
        assert run(ctypes.addressof(registers), ctypes.addressof(memory)) == 0
        assert registers[0] == 42


def test_the_header_says_what_numbers_of_traps_mean():
    header = aot.header(assemble("nop\nhalt"), "none")
    lines = header.splitlines()
    assert " * 3: an address is outside the program's memory (LW4010)" in lines
    assert " * 4: a division by zero (LW4011)" in lines


def test_a_machine_that_there_is_not():
    with pytest.raises(Diagnostic, match="did you mean 'aarch64'") as caught:
        aot.object_file(assemble("nop\nhalt"), "x", "aarch46")
    assert caught.value.code.ident == "LW2005"


def test_programs_with_externals_stay_with_their_host():
    with pytest.raises(Diagnostic) as caught:
        aot.executable(assemble("ext 0\nhalt"))
    assert caught.value.code.ident == "LW4009"


@functools.cache
def copying(dtype):
    return aot.executable(assemble(f".input r0 {dtype}\n.output r1 {dtype}\nmov r1, r0\nhalt"))


@linux_only
@pytest.mark.parametrize(
    ("dtype", "text", "word"),
    [
        ("u64", "0x14", 20), ("u64", "0XfF", 255), ("u64", "-0x1", 2**64 - 1), ("u64", "007", 7),
        ("u64", str(2**64 - 1), 2**64 - 1), ("u64", "0xffffffffffffffff", 2**64 - 1),
        ("u64", str(-(2**63)), 2**63), ("i64", str(-(2**63)), -(2**63)),
        ("i64", str(2**63 - 1), 2**63 - 1), ("i64", "-5", -5), ("u64", "0", 0),
        ("u64", str(2**64), None), ("u64", "0x10000000000000000", None), ("u64", "9" * 20, None),
        ("u64", str(-(2**63) - 1), None), ("i64", str(2**63), None), ("u64", "9" * 40, None),
        ("i64", "0x8000000000000000", None), ("u64", "", None), ("u64", "-", None),
        ("u64", "0x", None), ("u64", "1.5", None), ("u64", "0xg", None), ("u64", "1a", None),
        ("u64", "--1", None), ("u64", " 1", None), ("u64", "1_0", None), ("u64", "0b1", None),
    ],
)  # fmt: skip
def test_numbers_that_executables_read(tmp_path, dtype, text, word):
    target = tmp_path / "prog"
    target.write_bytes(copying(dtype))
    target.chmod(0o755)
    done = shell(str(target), text)
    assert done.returncode == (2 if word is None else 0)
    assert done.stdout == ("" if word is None else f"r1 = {word}\n")
    assert word is not None or f"r0 is no whole number of {dtype}" in done.stderr


ENDS = """
0 -0.0 1 0.1 -2.5 1e300 1e-300 5e-324 2.5e-324 2.4703282292062327e-324 2.4703282292062328e-324
1.7976931348623157e308 1.7976931348623158e308 9007199254740993 2.2250738585072011e-308
2.2250738585072014e-308 123456789012345678901234567890 .5 5. 1e16 9999999999999998 0.0001 0.00001
1e22 1e23 6.02214076E+23 +1.5e-7 inf -Infinity nan 1e-400 0e999999 9.5 4503599627370496.5
""".split() + [
    *("0." + "0" * 400 + "1e401", "1" + "0" * 300, "8.5" + "0" * 900 + "1", "0." + "3" * 1000),
    "4503599627370497.5" + "0" * 900 + "1",
]  # fmt: skip


@pytest.mark.slow
@linux_only
def test_floats_that_executables_read_and_print(tmp_path):
    """To the nearest float, and so that it is read back, as Python does it."""
    target, rand = tmp_path / "prog", random.Random(7)
    target.write_bytes(copying("f64"))
    target.chmod(0o755)
    words = [struct.unpack("<d", rand.randbytes(8))[0] for _ in range(150)]
    texts = [*ENDS, *map(repr, words), *(f"{rand.random() * 10:.{n}f}" for n in range(60))]
    texts += [repr(2.0**n) for n in (-1074, -1022, -24, *range(-1070, 1024, 41))]
    texts += [f"{rand.getrandbits(90)}e{rand.randint(-360, 280)}" for _ in range(100)]
    for text in texts:
        done = shell(str(target), text)
        assert (done.returncode, done.stderr) == (0, ""), text
        assert done.stdout == f"r1 = {float(text)!r}\n", text


@linux_only
@pytest.mark.parametrize("default", [-0.0, 0.0, 2.5])
def test_executables_know_defaults(tmp_path, default):
    target = tmp_path / "prog"
    text = f'.input "a" r0 f64 = {default}\n.output "b" r1 f64\n    mov r1, r0\n    halt'
    target.write_bytes(aot.executable(assemble(text)))
    target.chmod(0o755)
    assert shell(str(target)).stdout == f"b = {default}\n"


@linux_only
@pytest.mark.parametrize(
    "text",
    ["", "-", ".", "1e", "1e+", "e5", "1.2.3", "x", "1x", " 1", "1 ", "infx", "infinit", "na",
     "--1", "1e400", "-1.7976931348623159e308", "1_0", "0x10", "1,5", "1e5.0", "+-1"],
)  # fmt: skip
def test_what_is_no_float_is_refused_by_executables(tmp_path, text):
    target = tmp_path / "prog"
    target.write_bytes(copying("f64"))
    target.chmod(0o755)
    done = shell(str(target), text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "r0 is no number of f64" in done.stderr


@linux_only
def test_executables_compute_with_floats(tmp_path):
    program = assemble("""
.input "x" r0 f64
.input "n" r1 = 3
.input "bias" r3 f64 = -0.5
.output "y" r2 f64
.output "n" r1
    mov r2, r3
.next:
    fadd r2, r2, r0
    subi r1, r1, 1
    bne r1, zero, .next
    halt
""")
    target = tmp_path / "prog"
    target.write_bytes(aot.executable(program))
    target.chmod(0o755)
    assert shell(str(target), "0.1").stdout == f"y = {-0.5 + 0.1 + 0.1 + 0.1!r}\nn = 0\n"
    assert shell(str(target), "0.25", "2", "1e3").stdout == "y = 1000.5\nn = 0\n"
    done = shell(str(target))
    assert done.returncode == 2
    assert "give x, n, bias" in done.stderr
