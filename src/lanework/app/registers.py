"""`lanework run, test, bench jit` and `compile -o` for register programs."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.app import render
from lanework.app.codes import BAD_ARGUMENT, UNKNOWN_ENDING
from lanework.base.errors import Diagnostic
from lanework.core.result.show import many, seconds, size

if TYPE_CHECKING:
    from lanework.app.loading import Loaded
    from lanework.app.run import Options

OBJECTS = {".o": "an object and its C header", ".bin": "raw machine code", "": "an executable"}


def parse(arguments: Sequence[str]) -> dict[str, Any]:
    """`name=value`: whole numbers (0x, 0b too), floats, several with commas for lanes.

    Raises:
        Diagnostic: LW8005.
    """
    values: dict[str, Any] = {}
    for argument in arguments:
        name, sign, text = argument.partition("=")
        try:
            if not sign or not name:
                raise ValueError
            words = [_number(word) for word in text.split(",")]
        except ValueError:
            raise Diagnostic(
                BAD_ARGUMENT,
                f"{argument!r} is no input of a register program",
                help="write r0=20, r0=0x14, r0=2.5, or r0=1,2,3 for lanes",
            ) from None
        if len(words) == 1:
            values[name] = words[0]
        elif all(isinstance(word, int) for word in words):
            values[name] = np.array([word % (1 << 64) for word in words], np.uint64)
        else:
            values[name] = np.array(words, np.float64)
    return values


def _number(word: str) -> int | float:
    try:
        return int(word.strip(), 0)
    except ValueError:
        return float(word)


def run(loaded: Loaded, arguments: Sequence[str], options: Options) -> None:
    """Run a register program and print its registers."""
    limits = options.limits()
    with loaded.program.bind(options.engine, limits) as runner:
        result = runner(**parse(arguments))
    files: Sequence[Path] = () if options.out is None else result.save(options.out)
    stats = result.stats
    if options.json:
        plain = {
            **{name: result[name].tolist() for name in result},
            "program": {"file": str(loaded.path), "hash": loaded.program.hash},
            "stats": dict(stats),
        }
        render.json_out(plain)
        return
    render.result(result)
    render.message(
        f"loaded {loaded.path.name} in {seconds(loaded.seconds)}, made code in"
        f" {seconds(stats['compile_seconds'])}, ran {many(stats['lanes'], 'lane')} on"
        f" {', '.join(stats['tiers'])} in {seconds(stats['run_seconds'])},"
        f" {stats['fuel']:,} back edges and calls"
    )
    for file in files:
        render.message(f"wrote {file} ({size(file.stat().st_size)})")


def compile_ahead(loaded: Loaded, out: str, as_json: bool) -> None:
    """Write machine code: what kind the ending of the file says."""
    from lanework.base.files import write_bytes_atomic
    from lanework.machines.register.native import aot

    target = Path(out)
    ending = target.suffix.lower()
    if ending not in OBJECTS:
        known = ", ".join(f"{end or 'none'} for {what}" for end, what in OBJECTS.items())
        raise Diagnostic(UNKNOWN_ENDING, f"{target}: endings are {known}, and .lwp")
    program, files = loaded.program, [target]
    if ending == ".o":
        write_bytes_atomic(target, aot.object_file(program, target.stem))
        beside = target.with_suffix(".h")
        write_bytes_atomic(beside, aot.header(program, target.stem).encode())
        files.append(beside)
    elif ending == ".bin":
        write_bytes_atomic(target, aot.raw(program))
    else:
        write_bytes_atomic(target, aot.executable(program))
        target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    if as_json:
        render.json_out({"files": [str(file) for file in files], "hash": program.hash})
        return
    for file in files:
        render.message(f"wrote {file} ({size(file.stat().st_size)})")


def test(path: str, as_json: bool) -> None:
    """Run the test lines of an assembly file on every engine."""
    from lanework.app.loading import load_program
    from lanework.machines.register.check.testing import check, read_tests

    loaded = load_program(path)
    if loaded.program.machine != "register":
        raise Diagnostic(BAD_ARGUMENT, f"{path} is no register program", help="test a .lasm file")
    tests = read_tests(Path(path).read_text("utf-8"), path)
    engines = check(loaded.program, tests)
    if as_json:
        render.json_out({"tests": len(tests), "engines": list(engines)})
    else:
        print(f"{many(len(tests), 'test')} passed on {', '.join(engines)}")


def bench_jit(as_json: bool) -> None:
    """Show how long 32 instructions take to become code, here and with the peers there are."""
    from lanework.machines.register.check.timing import measure

    rows = measure()
    if as_json:
        render.json_out(
            [{"what": what, "seconds": time, "note": note} for what, time, note in rows]
        )
        return
    first = rows[0][1]
    render.table(
        ["32 instructions", "median", "of the first", ""],
        [[what, _time(time), f"{time / first:,.1f}", note] for what, time, note in rows],
        right=" rr ",
    )


def _time(value: float) -> str:
    return f"{value * 1e9:.0f} ns" if value < 1e-6 else seconds(value)
