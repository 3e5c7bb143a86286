"""Golden cases as text, each run on every engine.

Sections: `-- asm`; `-- in` and `-- out` (register = number, a float for its bit pattern);
`-- error` (words of the diagnostic or trap instead of outputs).
"""

import platform
import re
import struct
import subprocess
from pathlib import Path

import pytest

from lanework.base.errors import LaneworkError
from lanework.core.program.asm import assemble
from lanework.machines.register.native import aot
from lanework.machines.register.runner import ENGINES, Runner

CASES = sorted((Path(__file__).resolve().parents[1] / "cases" / "register").glob("*.txt"))
FINE = [path for path in CASES if "-- out" in path.read_text()]
LINUX = platform.system() == "Linux" and platform.machine() == "x86_64"
WAYS = [(engine, "pinned") for engine in ENGINES] + [("stencil", "memory"), ("auto", "pinned")]


def sections(path):
    parts = re.split(r"^-- (\w+)\n", path.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def numbers(text):
    out = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, value = line.split(" = ")
        try:
            out[name] = int(value, 0) % 2**64
        except ValueError:
            out[name] = struct.unpack("<Q", struct.pack("<d", float(value)))[0]
    return out


@pytest.mark.parametrize(("engine", "stencils"), WAYS)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path, engine, stencils):
    parts = sections(path)

    def run():
        program = assemble(parts["asm"], path.name)
        assert assemble(program.dis()).hash == program.hash
        with Runner(program, engine, stencils=stencils) as runner:
            return runner(**numbers(parts.get("in", "")))

    if "error" in parts:
        with pytest.raises(LaneworkError) as caught:
            run()
        for words in filter(None, map(str.strip, parts["error"].splitlines())):
            assert words in caught.value.render()
        return
    result = run()
    for name, value in numbers(parts["out"]).items():
        assert int(result[name]) == value, name


@pytest.mark.skipif(not LINUX, reason="needs Linux on x86-64 to run what is made")
@pytest.mark.parametrize("path", FINE, ids=lambda path: path.stem)
def test_executables_print_what_the_program_makes(path, tmp_path):
    parts = sections(path)
    program = assemble(parts["asm"])
    target = tmp_path / "prog"
    target.write_bytes(aot.executable(program))
    target.chmod(0o755)
    given = numbers(parts.get("in", ""))
    done = subprocess.run([str(target), *(str(given.get(port.name, 0)) for port in program.inputs
                                if port.name in given)],
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = dict(line.split(" = ") for line in done.stdout.splitlines())
    for name, value in numbers(parts["out"]).items():
        assert int(printed[name]) == value
