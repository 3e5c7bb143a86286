"""Register programs on the command line: numbers in, registers or machine code out."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.files import write_bytes_atomic
from lanework.core import terminal
from lanework.core.arguments import number_in_word, split_input, split_list
from lanework.core.cli import (
    CommandLine,
    Request,
    engine_option,
    read_text,
)
from lanework.core.codes import BAD_ARGUMENT
from lanework.core.data.opening import is_data, split_path
from lanework.core.result.saving import labels_in_json
from lanework.core.result.show import many, seconds

if TYPE_CHECKING:
    from lanework.core.program.program import Port, Program


TITLES = ("lane_axis", "lane", "lane_id", "id")
"""What a column is called that has the labels of lanes."""


def parse(
    arguments: Sequence[str], ports: Sequence[Port] = (), labels: Sequence[str] = ()
) -> dict[str, Any]:
    """`name=value`: whole numbers (0x, 0b too), floats, several with commas for lanes, or a file.

    Args:
        arguments: of the command line.
        ports: the inputs that there are, if that is known.
        labels: the columns of files that have the labels of lanes, if not one of `TITLES`.

    Raises:
        Diagnostic: LW8001, and what is wrong with a file.
    """
    from lanework.core.data.columns import read_column

    dtypes, values = {port.name: port.dtype for port in ports}, dict[str, Any]()
    for argument in arguments:
        name, text = split_input(argument, CHOICE)
        if name in values:
            raise Diagnostic(BAD_ARGUMENT, f"{name!r} is given twice", help="give it once")
        path, column = split_path(text.removeprefix("@"))
        known = not ports or name in dtypes  # else no file has to be read for it
        if known and (column is not None or is_data(path)):
            dtype = dtypes.get(name, "u64")
            values[name] = read_column(path, column, name, dtype, TITLES, labels)
            continue
        words = [_number(argument, word) for word in split_list(name, text)]
        values[name] = words[0] if len(words) == 1 else words
    return values


CHOICE = "write r0=20, r0=0x14, x=2.5, r0=1,2,3 or r0=FILE.csv:column for lanes"


def _number(argument: str, word: str) -> float:
    """A number as it is written.

    Raises:
        Diagnostic: LW8001 for what is none, and what no float holds.
    """
    try:
        return int(word.strip().replace("_", "x"), 0)  # which Python would leave out
    except ValueError:
        return number_in_word(
            argument, word, f"{argument!r} is no input of a register program", CHOICE
        )


def run(request: Request) -> None:
    """Run a register program and print its registers."""
    from lanework.core.data.columns import Column
    from lanework.core.result.picture import PICTURES
    from lanework.core.result.saving import ENDINGS

    request.check_out(*(ending for ending in ENDINGS if ending not in PICTURES))
    given = parse(request.words, request.program.inputs, request.names("labels") or ())
    read = any(isinstance(value, Column) for value in given.values())
    request.check_used("labels", read, "no column is read", "give one, such as r0=FILE.csv:n")
    request.check_held(request.program.outputs, max(map(np.size, given.values()), default=0))
    with request.program.bind(request["engine"], request.limits) as runner:
        result = runner(**given)
    files: Sequence[Path] = (
        () if request["out"] is None else result.save(request["out"], csv_safe=request["csv_safe"])
    )
    stats = result.stats
    if request["json"]:
        outputs = {name: result[name] for name in result}
        coords = labels_in_json(result)
        terminal.json_out({**outputs, **coords, "program": request.about(), "stats": dict(stats)})
        return
    terminal.result(result)
    terminal.message(
        f"loaded {request.path.name} in {seconds(request.seconds)}, made code in"
        f" {seconds(stats['compile_seconds'])}, ran {many(stats['lanes'], 'lane')} on"
        f" {', '.join(stats['tiers'])} in {seconds(stats['run_seconds'])},"
        f" {stats['fuel']:,} back edges and calls"
    )
    terminal.wrote(files)


def write_object(program: Program, target: Path) -> list[Path]:
    """An object and, beside it, its C header."""
    from lanework.machines.register.native import aot

    beside = target.with_suffix(".h")
    write_bytes_atomic(target, aot.object_file(program, target.stem))
    write_bytes_atomic(beside, aot.header(program, target.stem).encode())
    return [target, beside]


def write_raw(program: Program, target: Path) -> list[Path]:
    """Machine code and nothing else."""
    from lanework.machines.register.native import aot

    write_bytes_atomic(target, aot.raw(program))
    return [target]


def write_executable(program: Program, target: Path) -> list[Path]:
    """A program of the operating system."""
    from lanework.machines.register.native import aot

    write_bytes_atomic(target, aot.executable(program))
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return [target]


def test(request: Request) -> None:
    """Run the test lines of an assembly file on every engine."""
    from lanework.machines.register.check.testing import check, read_tests

    tests = read_tests(read_text(request.path), request.file)
    engines = check(request.program, tests)
    if request["json"]:
        terminal.json_out({"tests": len(tests), "engines": list(engines)})
    else:
        print(f"{many(len(tests), 'test')} passed on {', '.join(engines)}")


def bench_jit(as_json: bool) -> None:
    """Show how long 32 instructions take to become code, here and with the peers there are."""
    from lanework.machines.register.check.timing import measure

    rows = measure()
    if as_json:
        fields = ("what", "seconds", "note")
        terminal.json_out([dict(zip(fields, row, strict=True)) for row in rows])
        return
    first = rows[0][1]
    terminal.table(
        ["32 instructions", "median", "of the first", ""],
        [[what, _time(time), f"{time / first:,.1f}", note] for what, time, note in rows],
        right=" rr ",
    )


def _time(value: float) -> str:
    return f"{value * 1e9:.0f} ns" if value < 1e-6 else seconds(value)


COMMANDS = CommandLine(
    actions={"run": run, "test": test},
    options={
        "run": (
            engine_option("stencil", "llvm", "native", "reference"),
            click.Option(
                ["--labels"], metavar="A,B", help="Columns of files that have the labels of lanes."
            ),
        )
    },
    inputs="NAME=VALUE is a number (20, 0x14, 2.5), or numbers with commas, one for each lane;"
    " FILE.csv is the column of that name, and FILE.csv:COLUMN another; lanes are matched by a"
    " column lane or id, or --labels.",
    writers={
        ".o": ("an object and its C header", write_object),
        ".bin": ("raw machine code", write_raw),
        "": ("an executable", write_executable),
    },
    benches={"jit": bench_jit},
)
