"""The shape of the house: files, lines and arrows of each room, circles, and how far a call walks.

    python tools/house.py          rooms, and circles of files that import each other
    python tools/house.py walk     files entered and moves between files, for four small tasks

An arrow leads from a room to another that one of its files imports, wherever the import stands,
names that are loaded by their text included. Faces of packages and machines only hand on and have
none. A move is a call into another file of the package;
what a task does the first time is not counted.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "lanework"
NAMED = re.compile(rf"{PACKAGE}(?:\.\w+)+(?=:\w+$)")
MACHINES = f"{PACKAGE}.core.machine"  # where machines are found by name
FACES = ("machine", "__init__")  # files that name their parts by text, for others to load

Graph = Mapping[str, set[str]]


def modules(source: Path) -> dict[str, Path]:
    """The files of the package by the names of their modules."""
    out = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source.parent).with_suffix("").parts
        out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return out


def imports(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in known or node.module in known:
                    yield full if full in known else node.module
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = NAMED.match(node.value)
            if match and match[0] in known and path.stem not in FACES:
                yield match[0]


def graph(source: Path = ROOT / "src" / PACKAGE) -> dict[str, set[str]]:
    """What each file imports; packages' faces only hand on, so they have no arrows."""
    known = modules(source)
    return {
        name: set(imports(path, known)) - {name} if name != MACHINES else set()
        for name, path in known.items()
        if path.name != "__init__.py"
    }


def circles(arrows: Graph) -> list[list[str]]:
    """Files that import each other in a circle, by R. Tarjan's algorithm (1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    out: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in arrows.get(name, ()):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            if len(stack) > at + 1:
                out.append(sorted(stack[at:]))
            del stack[at:]

    for name in arrows:
        if name not in index:
            visit(name)
    return out


def rooms(source: Path = ROOT / "src" / PACKAGE) -> Iterator[tuple[str, int, int, set[str]]]:
    """For each folder: its name, files, lines, and the rooms that it leads to."""
    known, arrows = modules(source), graph(source)
    files: dict[str, list[Path]] = defaultdict(list)
    leads: dict[str, set[str]] = defaultdict(set)
    for name, path in known.items():
        room = str(path.parent.relative_to(source))
        files[room].append(path)
        leads[room] |= {str(known[to].parent.relative_to(source)) for to in arrows.get(name, ())}
    for room, paths in files.items():
        lines = sum(len(path.read_text().splitlines()) for path in paths)
        yield room, len(paths), lines, leads[room] - {room}


# Walks ------------------------------------------------------------------------------------------


def series_formula() -> Callable[[], object]:
    """A model of one recurrence, compiled and run for one lane."""
    import lanework as lw

    def task() -> object:
        model = lw.series.Model("loan", periods=12)
        model.input("rate")
        model.formula("debt", "prev(debt, initial=100.0) * (1 + rate) - 10.0")
        return lw.compile(model).run(rate=0.01)

    return task


def belief_infer() -> Callable[[], object]:
    """`belief.infer` on the network asia with two rows."""
    import lanework as lw

    network = lw.belief.read_network(ROOT / "examples/data/belief/asia.bif")
    return lambda: lw.belief.infer(network, {"smoke": ["yes", None], "dysp": ["yes", "no"]})


def register_call() -> Callable[[], object]:
    """A run of a program that adds two registers."""
    import lanework as lw

    program = lw.register.assemble("add r0, r0, r1\nhalt")
    return lambda: program.run(r0=1, r1=2)


def fleet_run() -> Callable[[], object]:
    """Ten VMs that double a number each, on the reference."""
    import lanework as lw

    text = (
        ".machine fleet\n.buffer n, 0, 10, inout\n.routine go\n VMID r0\n READ r1, r0\n"
        " MULI r1, r1, 2\n WRITE r0, r1\n HALT\n.phase wait_all\n .launch go, 10\n"
    )
    program = lw.fleet.assemble(text)
    return lambda: program.run(engine="reference", n=list(range(10)))


def walk(task: Callable[[], object]) -> tuple[int, int]:
    """Files of the package that a task enters, and moves between them."""
    task()
    entered: set[str] = set()
    moves = 0

    def seen(frame: FrameType, event: str, _: Any) -> None:
        nonlocal moves
        name = frame.f_code.co_filename
        if event != "call" or f"/{PACKAGE}/" not in name:
            return
        entered.add(name)
        caller = frame.f_back
        while caller is not None and f"/{PACKAGE}/" not in caller.f_code.co_filename:
            caller = caller.f_back
        moves += caller is not None and caller.f_code.co_filename != name

    sys.setprofile(seen)
    try:
        task()
    finally:
        sys.setprofile(None)
    return len(entered), moves


def main() -> int:
    """Print what was asked for; 1 if there is a circle, 2 if nobody knows what is asked."""
    if sys.argv[1:] not in ([], ["walk"]):
        print(__doc__)
        return 2
    if sys.argv[1:] == ["walk"]:
        for make in (series_formula, belief_infer, register_call, fleet_run):
            files, moves = walk(make())
            print(f"{make.__name__:16} {files:4} files entered {moves:6,} moves  {make.__doc__}")
        return 0
    total_files = total_lines = 0
    print(f"{'room':34} files  lines arrows")
    for room, files, lines, leads in sorted(rooms()):
        print(f"{room:34} {files:5} {lines:6,} {len(leads):6}")
        total_files, total_lines = total_files + files, total_lines + lines
    print(f"{'in all':34} {total_files:5} {total_lines:6,}")
    rings = circles(graph())
    print(f"{len(rings)} circles of files")
    for circle in rings:
        print("  " + ", ".join(name.removeprefix(f"{PACKAGE}.") for name in circle))
    return int(bool(rings))


if __name__ == "__main__":
    sys.exit(main())
