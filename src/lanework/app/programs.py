"""`lanework compile, dis, verify, inspect`: what can be said about a program without running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.app import render
from lanework.app.codes import BAD_ARGUMENT, UNKNOWN_ENDING
from lanework.app.loading import NETWORKS, load_linked, load_network, load_program
from lanework.base.errors import Diagnostic
from lanework.base.files import atomic_write
from lanework.core.result.saving import check_ending
from lanework.core.result.show import figure, seconds, size

if TYPE_CHECKING:
    from lanework.core.program.program import Port
    from lanework.core.result.drawing import Drawing

TITLES = {"by_name": "instructions", "sections": "sections, in bytes"}


def compile_file(
    path: str,
    out: str | None,
    as_json: bool,
    libraries: Sequence[str] = (),
    *,
    query: str = "all",
    observed: tuple[str, ...] = (),
    normalize: bool = False,
) -> None:
    """Write the compiled program of a model, or of fleet assembly linked with libraries."""
    network = path.lower().endswith(NETWORKS)
    if (query != "all" or observed) and not network:
        what = f"--query and --observed are for networks, and {path} is none"
        raise Diagnostic(BAD_ARGUMENT, what)
    if normalize and libraries:
        raise Diagnostic(BAD_ARGUMENT, f"--normalize is for networks, and {path} is none")
    if not libraries and out is not None and Path(out).suffix.lower() != ".lwp":
        loaded = load_program(path, normalize=normalize)
        if loaded.program.machine == "register":
            from lanework.app.registers import compile_ahead

            compile_ahead(loaded, out, as_json)
            return
    target = Path(out) if out is not None else Path(path.removesuffix(".gz")).with_suffix(".lwp")
    if target.suffix.lower() != ".lwp":
        raise Diagnostic(
            UNKNOWN_ENDING,
            f"{target}: a compiled program ends in .lwp, not in {target.suffix or '(nothing)'}",
            help=f"write to {target.with_suffix('.lwp')}",
        )
    if libraries:
        loaded = load_linked([path, *libraries])
    else:
        loaded = load_program(path, query, observed=observed, normalize=normalize)
    loaded.program.verify()
    loaded.program.save(target)
    written = target.stat().st_size
    if as_json:
        render.json_out(
            {
                "file": str(target),
                "bytes": written,
                "hash": loaded.program.hash,
                "compile_seconds": loaded.seconds,
            }
        )
        return
    print(loaded.program.hash)
    render.message(f"compiled {path} in {seconds(loaded.seconds)}")
    render.message(f"wrote {target} ({size(written)})")


def disassemble_file(path: str, as_json: bool) -> None:
    """Print the assembly text of a program."""
    program = load_program(path).program
    text = program.dis()
    if as_json:
        render.json_out({"hash": program.hash, "text": text})
    else:
        print(text, end="" if text.endswith("\n") else "\n")


def verify_file(path: str, as_json: bool) -> None:
    """Say that a program keeps every rule of its machine, or raise the first that it breaks."""
    program = load_program(path).program
    problems = program.problems()
    if problems:
        for problem in problems[1:21]:
            render.error(problem)
        raise problems[0]
    if as_json:
        render.json_out({"ok": True, "hash": program.hash})
    else:
        print(f"{path}: verified, {program.hash}")


def inspect_file(
    path: str, as_json: bool, *, graph: str | None = None, tree: str | None = None
) -> None:
    """Print what a program is made of, and draw it."""
    targets = [Path(target) for target in (graph, tree) if target is not None]
    for target in targets:
        check_ending(target, (".svg", ".dot"))
    if graph is not None and not path.lower().endswith(NETWORKS):
        raise Diagnostic(BAD_ARGUMENT, f"--graph draws networks, and {path} is none")
    loaded = load_program(path)
    if tree is not None and loaded.program.machine != "belief":
        raise Diagnostic(BAD_ARGUMENT, f"--tree draws belief programs, and {path} is none")
    if targets:
        from lanework.machines.belief.drawing import tree_drawing

        if graph is not None:
            _draw(load_network(path).drawing(), Path(graph))
        if tree is not None:
            _draw(tree_drawing(loaded.program), Path(tree))
    facts = loaded.program.inspect()
    if as_json:
        render.json_out(facts)
        return
    plain = [(name, _short(fact)) for name, fact in facts.items() if not _deep(fact)]
    render.listing(str(loaded.path), plain)
    for title, ports in (("input", loaded.program.inputs), ("output", loaded.program.outputs)):
        if ports:
            last = "default" if title == "input" else "summed over"
            print()
            render.table([title, "axes", "unit", "kind", last, "doc"], [_port(p) for p in ports])
    for name, fact in facts.items():
        if name != "ports" and fact and _deep(fact):
            print()
            if isinstance(fact, dict):
                items = [(str(key), _short(value)) for key, value in fact.items()]
            else:
                items = [(_short(item), "") for item in fact]
            render.listing(TITLES.get(name, name), items)


def _draw(drawing: Drawing, path: Path) -> None:
    with atomic_write(path, "w") as file:
        file.write(drawing.dot() if path.suffix.lower() == ".dot" else drawing.svg())
    render.message(f"wrote {path} ({size(path.stat().st_size)})")


def _deep(fact: Any) -> bool:
    return isinstance(fact, dict | list | tuple)


def _port(port: Port) -> list[str]:
    if port.direction == "out":
        extra = ", ".join(port.reduce)
    elif port.default is None:
        extra = ""
    elif port.categories:
        extra = port.categories[int(port.default)]
    else:
        extra = figure(port.default)
    doc = port.doc.split("\n")[0]
    if port.categories:
        shown = ", ".join(port.categories[:6]) + (", ..." if len(port.categories) > 6 else "")
        doc = f"{doc} ({shown})".strip()
    return [port.name, ", ".join(port.axes), port.unit, port.kind, extra, doc]


def _short(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
