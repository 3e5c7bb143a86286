"""Golden cases as text, each run on every engine and at every lane width.

Sections: `-- model` (a model file) or `-- asm`; `-- periods`; `-- in` (name = numbers, with the
axis in brackets when it is not the port's own); `-- out` (name = numbers); `-- error` (words of
the diagnostic instead of outputs).
"""

import re
from pathlib import Path

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import LaneworkError
from lanework.core.program.asm import assemble
from lanework.machines.series.check.fuzz import same_bits

CASES = sorted((Path(__file__).resolve().parents[1] / "cases" / "series").glob("*.txt"))
ENGINES = [
    ("reference", None),
    ("llvm", None),
    ("llvm", 1),
    ("llvm", 4),
    ("llvm", 16),
    ("stencil", None),
]


def sections(path):
    parts = re.split(r"^-- (\w+)\n", path.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def numbers(text):
    return np.array([float(word) for word in text.replace(",", " ").split()])


def given(text):
    out = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, axis, values = re.fullmatch(r"(\w+)(?:\[(\w+)\])? = (.*)", line).groups()
        array = numbers(values)
        if axis:
            out[name] = lw.series.along(axis, array)
        else:
            out[name] = array if len(array) > 1 else float(array[0])
    return out


@pytest.mark.parametrize(("engine", "width"), ENGINES)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path, engine, width):
    parts = sections(path)
    periods = int(parts["periods"]) if "periods" in parts else None

    def run():
        if "asm" in parts:
            program = assemble(parts["asm"], path.name)
        else:
            program = lw.series.Model.from_text(parts["model"], source=path.name).compile()
        runner = program.bind(engine, lane_width=width, periods=periods, cache=False)
        return runner(**given(parts.get("in", "")))

    if "error" in parts:
        with pytest.raises(LaneworkError) as caught:
            run()
        for words in filter(None, map(str.strip, parts["error"].splitlines())):
            assert words in caught.value.render()
        return
    result = run()
    for line in filter(None, map(str.strip, parts["out"].splitlines())):
        name, _, values = line.partition(" = ")
        assert same_bits(np.ravel(result[name].T), numbers(values)), f"{name}: {result[name]}"
