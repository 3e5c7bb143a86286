"""Golden cases as text, each run on every engine of its machine: tests/cases/MACHINE/NAME.txt.

Sections, each of which begins with a line `-- NAME`:

- `asm`, or `model`: a program as assembly text, or a model file (series), a network (belief);
- `compile`: options of the compiler or assembler; `settings`: those of the runner, and limits;
- `engines`: the engines to run on, between blanks; by default all that the machine has;
- `damage`: Python statements that damage the program: `header`, `sections` (by name) and `tape`,
  the bytes of which are bytearrays, `ports` and `constants` may be changed in place or replaced;
- `in`: `name = values`; an axis in brackets when it is not the port's own. On the fleet, plain
  numbers are the first words of shared memory;
- `out`: `name = values`, likewise; `counts`: `name = number`, of the statistics;
- `error`: instead of outputs, words of the diagnostic or trap, one to a line; the code may stand
  behind `-- error`.

A case with an error that the machine's verifier finds in its program is a *refused* one. Each
`Finding` that a verifier can yield has one, of which it is the first problem.
"""

import ast
import platform
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from golden import PARTS, compiled, lines, options

import lanework as lw
from lanework.base.errors import Diagnostic, LaneworkError
from lanework.base.limits import Limits
from lanework.core.machine import MACHINES
from lanework.core.program import isa, verify
from lanework.machines.fleet.engine import CHOICES
from lanework.machines.fleet.isa import FLEET
from lanework.machines.register.native import aot

pytestmark = pytest.mark.filterwarnings(  # cases say in their counts what is lost
    "ignore::lanework.machines.fleet.runtime.losses.LossNotice"
)

SOURCES = Path(lw.__file__).resolve().parent / "machines"
LINUX = platform.system() == "Linux" and platform.machine() == "x86_64"
WAYS = {
    "series": {
        "reference": ("reference", {}),
        "llvm": ("llvm", {}),
        **{f"llvm-{width}": ("llvm", {"lane_width": width}) for width in (1, 4, 16)},
        "stencil": ("stencil", {}),
    },
    "belief": {engine: (engine, {}) for engine in ("native", "reference")},
    "register": {
        **{engine: (engine, {}) for engine in ("stencil", "llvm", "native", "reference", "auto")},
        "stencil-memory": ("stencil", {"stencils": "memory"}),
        "executable": ("executable", {}),
    },
    "fleet": {
        "reference": ("reference", {}),
        "composed": ("reference", {"compose": True}),
        "epoch": ("epoch", {}),
        "fast": ("epoch", {"io": "fast"}),
        "sorted": ("epoch", {"sort": True}),
        "epoch-composed": ("epoch", {"compose": True}),
        **{
            f"{layout}-{format}": ("epoch", {"layout": layout, "format": format})
            for layout in CHOICES["layout"]
            for format in CHOICES["format"]
            if (layout, format) != ("soa", "rows")
        },
    },
}
ORDER = ("conflicts", "atomics", "spawning")  # what fast I/O of the fleet does in any order


def columns(text):
    """Name, axis and words of each line."""
    for line in lines(text):
        name, axis, words = re.fullmatch(r"(?:(\w+)(?:\[(\w+)\])? = )?(.*)", line).groups()
        yield name or "shared", axis, words.replace(",", " ").split()


# The numbers of each machine ------------------------------------------------------------------


def floats(words):
    return np.array([float(word) for word in words])


def same_bits(a, b):
    """Whether two f64 arrays have the same bits, NaN payloads aside."""
    a, b = np.ravel(np.asarray(a, np.float64).T), np.asarray(b, np.float64)
    return a.shape == b.shape and bool(
        ((a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))).all()
    )


def pattern(word):
    """A word of 64 bits: a whole number, or a float's pattern."""
    try:
        return int(word, 0) % 2**64
    except ValueError:
        return struct.unpack("<Q", struct.pack("<d", float(word)))[0]


def given_series(axis, words):
    array = floats(words)
    if axis:
        return lw.series.along(axis, array)
    return array if len(array) > 1 else float(array[0])


def given_belief(_, words):
    states = [None if word == "-" else word for word in words]
    return states if len(states) > 1 else states[0]


def given_register(_, words):
    patterns = np.array([pattern(word) for word in words], np.uint64)
    return patterns if len(patterns) > 1 else int(patterns[0])


def same_belief(value, words):
    flat = np.ravel(value)
    if flat.dtype.kind in "OU":
        return ["-" if state is None else state for state in flat.tolist()] == words
    expected = floats(words)
    return flat.shape == expected.shape and np.allclose(flat, expected, rtol=1e-10, atol=1e-14)


def same_fleet(value, words):
    def patterns(values):
        return [struct.pack("<f", x) if x == x else "nan" for x in values]

    return patterns(value[: len(words)]) == patterns(np.float32(floats(words)))


GIVEN = {
    "series": given_series,
    "belief": given_belief,
    "register": given_register,
    "fleet": lambda _, words: np.float32(floats(words)),
}
SAME = {
    "series": lambda value, words: same_bits(value, floats(words)),
    "belief": same_belief,
    "register": lambda value, words: np.ravel(value).view("u8").tolist() == [*map(pattern, words)],
    "fleet": same_fleet,
}


# Runs -----------------------------------------------------------------------------------------

OF_CALLS = {"belief": {"seed"}}  # settings that are of a call and not of its runner
SET = {"series": {"cache": False}}  # those that all cases have


def outputs(machine, parts, engine, changes, name):
    """What a case gives on an engine: values by name, and counts."""
    program = compiled(machine, parts, name)
    given = {n: GIVEN[machine](axis, words) for n, axis, words in columns(parts.get("in", ""))}
    if engine == "executable":
        return printed(program, given), {}
    settings = {**options(parts.get("settings", "")), **changes, **SET.get(machine, {})}
    limits = {n: settings.pop(n) for n in Limits.__dataclass_fields__ if n in settings}
    given |= {n: settings.pop(n) for n in OF_CALLS.get(machine, ()) if n in settings}
    with program.bind(engine, Limits(**limits), **settings) as runner:
        result = runner(**given)
    return result, {**result.stats, **result.stats.get("by_kernel", {})}


def printed(program, given):
    """What an executable of a register program prints."""
    numbers = [str(given[port.name]) for port in program.inputs if port.name in given]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "prog"
        target.write_bytes(aot.executable(program))
        target.chmod(0o755)
        done = subprocess.run(
            [str(target), *numbers], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    pairs = dict(line.split(" = ") for line in done.stdout.splitlines())
    return {name: np.uint64(value) for name, value in pairs.items()}


# Tests ----------------------------------------------------------------------------------------


def ways(path):
    """The ways to run a case, by name; what is refused never comes to an engine."""
    machine, parts = path.parent.name, PARTS[path]
    if "damage" in parts:
        return ["gate"]
    chosen = parts.get("engines", "all").split()
    unlike = () if "out" in parts and LINUX else ("executable",)
    return [
        way
        for way, (engine, _) in WAYS[machine].items()
        if way not in unlike and ("all" in chosen or engine in chosen)
    ]


RUNS = [
    pytest.param(path, way, id=f"{path.parent.name}-{path.stem}-{way}")
    for path in PARTS
    for way in ways(path)
]


@pytest.mark.parametrize(("path", "way"), RUNS)
def test_case(path, way, request):
    machine, parts = path.parent.name, PARTS[path]
    engine, changes = WAYS[machine].get(way, ("auto", {}))
    if engine == "epoch":
        request.getfixturevalue("gpu")
    if way == "fast" and path.stem in ORDER:
        changes = {}  # there the order is what is asked for
    if "error" in parts:
        with pytest.raises(LaneworkError) as caught:
            outputs(machine, parts, engine, changes, path.name)
        for words in lines(parts["error"]):
            assert words in caught.value.render()
        return
    values, counts = outputs(machine, parts, engine, changes, path.name)
    for name, _, words in columns(parts["out"]):
        assert SAME[machine](values[name], words), f"{name}: {values[name]}"
    if "compose" not in changes:  # where runs of instructions are one epoch
        for name, value in options(parts.get("counts", "")).items():
            assert counts[name] == value, name


# a tape of 1 GiB: tests/register/test_verify.py
ELSEWHERE = "return [Diagnostic(NO_END, what, help=help)]"


def sites():
    """Where a verifier says what is wrong: file and line of each finding, or fault of decoding."""
    machines = (path for machine in MACHINES for path in (SOURCES / machine).rglob("*.py"))
    for path in sorted([*machines, Path(isa.__file__)]):
        gates = ("Finding", "Diagnostic")[: 1 + (path.name in ("isa.py", "layout.py", "verify.py"))]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in gates:
                yield path, node.lineno


@pytest.mark.slow
def test_every_rule_has_a_refused_case(monkeypatch):
    """A rule has a case if it says the first problem there, and the case names the code."""
    said = {}

    def recorded(kind, place):
        """Remember which line said it."""
        begin = kind.__init__

        def record(self, *args, **more):
            caller = sys._getframe(1)
            said.setdefault(args[place], (Path(caller.f_code.co_filename), caller.f_lineno))
            begin(self, *args, **more)

        monkeypatch.setattr(kind, "__init__", record)

    recorded(Diagnostic, 1)
    recorded(verify.Finding, 0)
    held = set()
    for path, parts in PARTS.items():
        if "error" in parts:
            said.clear()
            try:
                outputs(path.parent.name, parts, "reference", {}, path.name)
            except LaneworkError as error:
                if error.code.ident in parts["error"]:
                    held.add(said.get(error.message))
    missing = {
        f"{path.relative_to(SOURCES.parent)}:{line}": path.read_text().splitlines()[line - 1]
        for path, line in sites()
        if (path, line) not in held
    }
    assert {place: text for place, text in missing.items() if text.strip() != ELSEWHERE} == {}


def test_every_instruction_of_the_fleet_is_in_a_case():
    used = set()
    for path, parts in PARTS.items():
        if path.parent.name == "fleet" and not path.stem.startswith("refused"):
            used |= {each.name for each in FLEET.decode(compiled("fleet", parts).tape)}
    special = {name for name, info in FLEET.by_name.items() if info.elementwise is None}
    assert special - used == {"RAND", "RAND1", "IVMID"}  # of which random programs have many
