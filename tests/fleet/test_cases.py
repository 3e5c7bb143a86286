"""Golden cases as text, each run on every engine, layout and format.

Sections: `-- asm`; `-- in` (the first words of shared memory), `-- out` (likewise); `-- counts`
(counts of the run); `-- settings`; `-- error` (words of the diagnostic or trap instead of outputs).
"""

import re
import struct
from pathlib import Path

import numpy as np
import pytest

from lanework.base.errors import LaneworkError
from lanework.core.program.asm import assemble
from lanework.core.program.container import dumps
from lanework.core.program.program import loads
from lanework.machines.fleet.engine import CHOICES
from lanework.machines.fleet.isa import FLEET

CASES = sorted((Path(__file__).resolve().parents[1] / "cases" / "fleet").glob("*.txt"))
WAYS = {
    "reference": ("reference", {}),
    "composed": ("reference", {"compose": True}),
    "epoch": ("epoch", {}),
    "fast": ("epoch", {"io": "fast"}),
    "sorted": ("epoch", {"sort": True}),
    "epoch composed": ("epoch", {"compose": True}),
    **{
        f"{layout} {format}": ("epoch", {"layout": layout, "format": format})
        for layout in CHOICES["layout"]
        for format in CHOICES["format"]
        if (layout, format) != ("soa", "rows")
    },
}
ORDER = ("conflicts", "atomics", "spawning")  # what fast I/O does in any order


def sections(path):
    parts = re.split(r"^-- (\w+)\n", path.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def pairs(text):
    return dict(line.split(" = ") for line in text.splitlines() if line)


def settings(parts):
    given = pairs(parts.get("settings", ""))
    return {name: int(value) if value.isdigit() else value for name, value in given.items()}


def patterns(values):
    return [struct.pack("<f", x) if x == x else "nan" for x in values]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path, way, request):
    engine, options = WAYS[way]
    parts = sections(path)
    if way == "fast" and path.stem in ORDER:
        options = {}  # there the order is what is asked for
    if "compose" in options and "counts" in parts:
        parts["counts"] = ""  # runs of instructions are one epoch then
    if engine == "epoch":
        request.getfixturevalue("gpu")
    shared = [float(word) for word in parts.get("in", "").split()]

    def run():
        program = loads(dumps(assemble(parts["asm"], path.name)))
        assert assemble(program.dis()).hash == program.hash
        with program.bind(engine, **{**settings(parts), **options}) as runner:
            return runner(shared=np.array(shared, np.float32))

    if "error" in parts:
        with pytest.raises(LaneworkError) as caught:
            run()
        for words in filter(None, map(str.strip, parts["error"].splitlines())):
            assert words in caught.value.render()
        return
    result = run()
    expected = np.array([float(word) for word in parts["out"].split()], np.float32)
    found = result["shared"][: len(expected)]
    assert patterns(found) == patterns(expected), (found.tolist(), expected.tolist())
    counts = {**result.stats, **result.stats["by_kernel"]}
    for name, value in pairs(parts.get("counts", "")).items():
        assert counts[name] == int(value), name


def test_every_instruction_is_in_a_case():
    used = set()
    for path in CASES:
        program = assemble(sections(path)["asm"])
        used |= {each.name for each in FLEET.decode(program.tape)}
    fine = {name for name, info in FLEET.by_name.items() if info.elementwise is None}
    assert fine - used == {"RAND", "IVMID"}  # of which `pi` and the random programs have many
