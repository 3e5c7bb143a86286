"""Programs from the files that the command line takes: models, assembly, compiled programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.app.codes import BAD_ARGUMENT, NO_SUCH_FILE, NOT_TEXT, UNKNOWN_ENDING
from lanework.base.errors import Diagnostic, did_you_mean

if TYPE_CHECKING:
    from lanework.core.program.program import Program
    from lanework.machines.belief.graph.model import FactorGraph

ENDINGS = {
    ".series": "a model",
    ".bif": "a Bayesian network",
    ".xmlbif": "a Bayesian network",
    ".bifxml": "a Bayesian network",
    ".xml": "a Bayesian network",
    ".uai": "a factor graph",
    ".json": "a factor graph",
    ".lasm": "assembly",
    ".lwp": "a compiled program",
}
GRAPHS = (".bif", ".xmlbif", ".bifxml", ".xml", ".uai", ".json")
NETWORKS = (*GRAPHS, *(f"{ending}.gz" for ending in GRAPHS))  # .gz: packed


@dataclass(frozen=True)
class Loaded:
    """A program, where it came from, and the seconds that it took to make it."""

    program: Program[Any]
    path: Path
    seconds: float


def load_program(
    path: str,
    query: str = "all",
    *,
    observed: Sequence[str] = (),
    normalize: bool = False,
) -> Loaded:
    """The program in a file, or made from it.

    Of a network it is one that answers a query for any evidence; `observed` says which variables
    every row will observe. `normalize` scales its tables to sums of one.

    Raises:
        Diagnostic: LW8001, LW8003, LW8004, LW8008, and all that the reader or the compiler says.
    """
    file = Path(path)
    ending = file.suffix.lower()
    _there(file)
    network = file.name.lower().endswith(NETWORKS)
    if ending not in ENDINGS and not network:
        known = ", ".join(f"{end} ({what})" for end, what in ENDINGS.items())
        raise Diagnostic(
            UNKNOWN_ENDING,
            f"{path}: the ending {file.suffix or '(none)'!r} does not say what the file is",
            help=did_you_mean(ending, ENDINGS) or f"use {known}",
        )
    if normalize and not network:
        raise Diagnostic(
            BAD_ARGUMENT, f"--normalize is for networks, and {path} is {ENDINGS[ending]}"
        )
    start = time.perf_counter()
    if ending == ".lwp":
        from lanework.core.program.program import load

        program = load(file)
    elif ending == ".lasm":
        from lanework.core.program.asm import assemble

        program = assemble(_text(file), str(file))
        program.verify()
    elif network:
        from lanework.machines.belief.passes.compile import compile_graph

        graph = load_network(path, normalize=normalize)
        program = compile_graph(graph, query, observed=observed)
    else:
        from lanework.machines.series.language.model import read_model

        program = read_model(_text(file), str(file), str(file.parent)).compile()
    return Loaded(program, file, time.perf_counter() - start)


def load_linked(paths: Sequence[str]) -> Loaded:
    """The program of some files of fleet assembly, linked in their order.

    Raises:
        Diagnostic: LW8001, LW8003, LW8004, and all that the assembler and the linker say.
    """
    from lanework.core.program.asm import lines_of
    from lanework.machines.fleet.text.linker import assemble_module, link

    start = time.perf_counter()
    modules = []
    for path in paths:
        _there(Path(path))
        text = _text(Path(path)) if path.lower().endswith(".lasm") else ""
        first = next(lines_of(text, path), None)
        if first is None or [word.text for word in first.words] != [".machine", "fleet"]:
            what = f"{path} is no fleet assembly, and only that is linked with other files"
            raise Diagnostic(BAD_ARGUMENT, what, help="begin each .lasm file with .machine fleet")
        modules.append(assemble_module(text, path))
    return Loaded(link(modules), Path(paths[0]), time.perf_counter() - start)


def load_network(path: str, *, normalize: bool = False) -> FactorGraph:
    """The graph in a file of a network.

    Raises:
        Diagnostic: LW8003, LW8008, and all that the reader says.
    """
    from lanework.machines.belief.graph.files import read_text

    file = Path(path)
    _there(file)
    return read_text(_text(file), str(file), normalize=normalize)


def _there(file: Path) -> None:
    if not file.is_file():
        known = (*ENDINGS, *NETWORKS)
        beside = [p.name for p in file.parent.glob("*") if p.name.lower().endswith(known)]
        near = did_you_mean(file.name, beside)
        what = "is a folder" if file.is_dir() else "does not exist"
        raise Diagnostic(NO_SUCH_FILE, f"{file} {what}", help=near or "check the path")


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Diagnostic(
            NO_SUCH_FILE, f"{file} cannot be read: {error.strerror or error}", help="check the file"
        ) from None
    if file.suffix.lower() == ".gz":
        from lanework.machines.belief.graph.files import unpacked

        data = unpacked(data, str(file))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Diagnostic(
            NOT_TEXT, f"{file} is not UTF-8 text (byte {error.start})", help="check the file"
        ) from None
    if "\0" in text:
        raise Diagnostic(
            NOT_TEXT, f"{file} is not text (byte {text.index(chr(0))})", help="check the file"
        )
    return text
