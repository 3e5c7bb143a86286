"""The shape of the house: no circles, no crowded rooms, words that say what a thing is."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "lanework"
MOST_FILES, MOST_LINES = 20, 420


def house() -> ModuleType:
    """The tool that prints the shape."""
    spec = importlib.util.spec_from_file_location("house", ROOT / "tools" / "house.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOUSE = house()


def test_no_files_import_each_other_in_a_circle() -> None:
    assert HOUSE.circles(HOUSE.graph()) == []


def test_a_circle_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "src" / "lanework"
    package.mkdir(parents=True)
    (package / "a.py").write_text("import lanework.b\n")
    (package / "b.py").write_text("def f():\n    from lanework.c import g\n")
    (package / "c.py").write_text('WHERE = "lanework.a:thing"\n')
    assert HOUSE.circles(HOUSE.graph(package)) == [["lanework.a", "lanework.b", "lanework.c"]]


def test_no_room_is_crowded() -> None:
    crowded = {room: files for room, files, *_ in HOUSE.rooms() if files > MOST_FILES}
    assert crowded == {}


def test_files_are_not_long() -> None:
    long = {
        str(path.relative_to(SOURCE)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def test_every_room_names_what_goes_through_it_and_its_files() -> None:
    for face in SOURCE.rglob("__init__.py"):
        text = ast.get_docstring(ast.parse(face.read_text()))
        assert text, face
        if face.parent not in (SOURCE, SOURCE / "machines"):
            files = {path.stem for path in face.parent.glob("[a-z]*.py")}
            assert files <= {*re.findall(r"\w+", text), "codes", "cli", "machine"}, face


def test_the_architecture_names_what_is_there() -> None:
    """Paths in backticks: from the root, from the package, or the end of one."""
    pages = (ROOT / "ARCHITECTURE.md", *SOURCE.rglob("__init__.py"))
    text = "\n".join(page.read_text() for page in pages)
    files = [
        p.relative_to(ROOT).as_posix() for p in (*ROOT.glob("t*/**/*.*"), *SOURCE.rglob("*.*"))
    ]
    rooms = {f"/{Path(file).parent.as_posix()}/" for file in files}
    missing = [
        name
        for name in re.findall(r"`((?:\w+/)*\w+\.(?:py|txt)|(?:\w+/)+)`", text)
        if not any(f"/{file}".endswith(f"/{name}") for file in files)
        and not any(room.endswith(f"/{name}") for room in rooms)
    ]
    assert set(missing) == {"compose/"}  # kept free for what is to come


VAGUE = {
    "src bench examples tools tests": "found made told gone whole decide decided upward downward "
    "crew places placing placed",
    "src": "Way Part Parts",
    "src/lanework/core/ops": "draw",
    "src/lanework/machines/belief": "cases combine",
    "src/lanework/machines/fleet": "draw knowledge reach",
    "src/lanework/machines/register": "draw",
}
"""Words that do not say what a thing is, or for which the field has another: where, and which."""

PUBLIC = {"told": "belief/graph/model.py", "places": "fleet/isa.py"}  # kept for those who use them


@functools.cache
def names(path: Path) -> set[str]:
    """What a file names, and its own name: variables, arguments, functions, attributes set."""
    out = {path.stem}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            out.add(node.id)
        elif isinstance(node, ast.arg):
            out.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            out.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            out.add(node.attr)
    return {name.strip("_") for name in out}


@pytest.mark.parametrize("rooms", VAGUE)
def test_names_say_what_a_thing_is(rooms: str) -> None:
    users = [
        (path.relative_to(ROOT).as_posix(), word)
        for room in rooms.split()
        for path in (ROOT / room).rglob("*.py")
        for word in sorted(names(path).intersection(VAGUE[rooms].split()))
        if not path.as_posix().endswith(PUBLIC.get(word, " "))
    ]
    assert users == []


def test_a_plan_is_one_thing() -> None:
    plans = [path for path in SOURCE.rglob("*.py") if "\nclass Plan:" in path.read_text()]
    assert len(plans) == 1
