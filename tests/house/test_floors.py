"""Imports point downward only; the public face is light."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "lanework"
FLOORS = {"base": 0, "core": 1, "engines": 2, "machines": 3, "compose": 4, "app": 5}
FILES = sorted(SOURCE.rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_downward(path):
    parts = path.relative_to(SOURCE).parts
    if len(parts) == 1:
        return  # the package's face hands on names from every floor
    for name in imported(path):
        words = name.split(".")
        if words[0] == "lanework" and len(words) > 1 and words[1] in FLOORS:
            assert FLOORS[words[1]] <= FLOORS[parts[0]], f"{parts} imports {name}"


def fresh(code):
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


def test_import_is_light():
    code = (
        "import time, json, numpy; t = time.process_time(); import lanework;"
        " print(json.dumps(time.process_time() - t))"
    )
    assert min(fresh(code) for _ in range(5)) < 0.040


def test_import_loads_nothing_heavy():
    heavy = "llvmlite pint pyarrow pandas xarray polars click rich msgspec".split()
    code = (
        f"import sys, json, lanework; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    )
    assert fresh(code) == []


def test_model_runs_without_units_library():
    code = (
        "import sys, json, lanework as lw; m = lw.series.Model('m', periods=2); m.input('x');"
        " m.formula('y', 'x * 2'); m.run(x=1.0); print(json.dumps('pint' in sys.modules))"
    )
    assert fresh(code) is False
