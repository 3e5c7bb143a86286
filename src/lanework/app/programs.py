"""`lanework compile, dis, verify, inspect, explain`: what can be done without running a program."""

from __future__ import annotations

import importlib
import textwrap
from pathlib import Path
from typing import Any

import lanework
from lanework.base.errors import Code, Diagnostic, all_codes, did_you_mean
from lanework.base.printable import shown
from lanework.core import terminal
from lanework.core.cli import Request
from lanework.core.codes import UNKNOWN_CODE, UNKNOWN_ENDING
from lanework.core.data.standard import STANDARD
from lanework.core.machine import find
from lanework.core.program.inspecting import port_table
from lanework.core.result.show import seconds

TITLES = {"by_name": "instructions", "sections": "sections, in bytes"}


def compile_file(request: Request) -> None:
    """Write the program of a file, or another form of it that its machine has."""
    path = request.path
    out = request["out"]
    for option in request.line.options.get("compile", ()):
        if request[str(option.name)] != option.default:
            lacks = f"{shown(request.file)} is no model"
            request.check_used(str(option.name), request.is_model, lacks, "give the model's file")
    if (out or request.file) == STANDARD:  # what comes from a pipe goes on in it
        request.program.verify()
        request.program.save(STANDARD)
        terminal.message(request.program.hash)
        return
    default = Path(request.file.removesuffix(".gz")).with_suffix(".lwp")
    target = default if out is None else Path(out)
    if target.suffix.lower() != ".lwp":
        _write_other(request, target)
        return
    program = request.program
    program.verify()
    program.save(target)
    written = target.stat().st_size
    if request["json"]:
        facts = {"file": str(target), "bytes": written, "hash": program.hash}
        terminal.json_out({**facts, "compile_seconds": request.seconds})
        return
    print(program.hash)
    terminal.message(f"compiled {path} in {seconds(request.seconds)}")
    terminal.wrote([target])


def _write_other(request: Request, target: Path) -> None:
    writers = {} if request.libraries else request.line.writers
    ending = target.suffix.lower()
    if ending in writers:
        program = request.program
        files = writers[ending][1](program, target)
        if request["json"]:
            terminal.json_out({"files": [str(file) for file in files], "hash": program.hash})
        else:
            terminal.wrote(files)
        return
    what = f"{target}: a compiled program ends in .lwp, not in {target.suffix or '(nothing)'}"
    if writers:
        known = ", ".join(f"{end or 'none'} for {what}" for end, (what, _) in writers.items())
        what = f"{target}: endings are {known}, and .lwp"
    raise Diagnostic(UNKNOWN_ENDING, what, help=f"write to {target.with_suffix('.lwp')}")


def disassemble_file(request: Request) -> None:
    """Print the assembly text of a program."""
    program = request.program
    text = program.dis()
    if request["json"]:
        terminal.json_out({"hash": program.hash, "text": text})
    else:
        terminal.text(text)


def verify_file(request: Request) -> None:
    """Say that a program keeps every rule of its machine, or raise the first that it breaks."""
    program = request.program
    problems = program.problems()
    if problems:
        for problem in problems[1:21]:
            terminal.error(problem)
        raise problems[0]
    if request["json"]:
        terminal.json_out({"ok": True, "hash": program.hash})
    else:
        print(f"{shown(request.file)}: verified, {program.hash}")


def inspect_file(request: Request) -> None:
    """Print what a program is made of, after what its machine does for this command."""
    if "inspect" in request.line.actions:
        request.line.actions["inspect"](request)
    program = request.program
    facts = program.inspect()
    if request["json"]:
        terminal.json_out(facts)
        return
    plain = [(name, _short(fact)) for name, fact in facts.items() if not _deep(fact)]
    terminal.listing(str(request.path), plain)
    machine = find(program.machine)
    for title, ports, columns in (
        ("input", program.inputs, machine.inputs),
        ("output", program.outputs, machine.outputs),
    ):
        if ports:
            print()
            terminal.table(*port_table(title, ports, columns))
    for name, fact in facts.items():
        if name != "ports" and fact and _deep(fact):
            print()
            if isinstance(fact, dict):
                items = [(str(key), _short(value)) for key, value in fact.items()]
            else:
                items = [(_short(item), "") for item in fact]
            terminal.listing(TITLES.get(name, name), items)


def _deep(fact: Any) -> bool:
    return isinstance(fact, dict | list | tuple)


def _short(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def known_codes() -> dict[str, Code]:
    """Every code of the house, in order: those of all its modules named `codes`."""
    root = Path(lanework.__file__).parent
    for path in root.rglob("codes.py"):
        importlib.import_module(
            ".".join(["lanework", *path.relative_to(root).with_suffix("").parts])
        )
    return dict(sorted(all_codes().items()))


def explain(ident: str | None, as_json: bool) -> None:
    """Print one code's explanation, or the list of codes.

    Raises:
        Diagnostic: LW8007, with a suggestion.
    """
    codes = known_codes()
    if ident is None:
        titles = {code.ident: code.title for code in codes.values()}
        if as_json:
            terminal.json_out(titles)
        else:
            terminal.table(["code", "title"], [list(pair) for pair in titles.items()])
        return
    name = ident.strip().upper()
    name = f"LW{name}" if name.isdigit() else name
    if name not in codes:
        raise Diagnostic(
            UNKNOWN_CODE,
            f"there is no code {ident!r}",
            help=did_you_mean(name, codes) or "lanework explain lists all codes",
        )
    code = codes[name]
    if as_json:
        facts = {"code": code.ident, "title": code.title, "explanation": code.explanation}
        terminal.json_out(facts)
    else:
        print(f"{code.ident}: {code.title}\n\n{textwrap.fill(code.explanation, 80)}")
