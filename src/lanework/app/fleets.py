"""`lanework run, trace` for fleet programs: arrays into shared memory, and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.app import render
from lanework.app.codes import BAD_ARGUMENT, NO_SUCH_FILE
from lanework.app.progress import Bar
from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.result.show import many, seconds, size

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lanework.app.loading import Loaded
    from lanework.app.run import Options
    from lanework.machines.fleet.runner import Runner
    from lanework.machines.fleet.runtime.watching import Moment

NUMBERS = ("seed", "patience")
FLAGS = ("compose", "sort", "general")


def run(loaded: Loaded, arguments: Sequence[str], options: Options) -> None:
    """Run a fleet program, write and print what comes out."""
    if options.trace is not None:
        trace(loaded, arguments, options, _traced(options.trace))
        return
    given = inputs(loaded, arguments, options)
    with Bar(loaded.path.name, shown=not options.json) as bar:
        runner = bind(loaded, options, bar.update)
        with runner:
            result = runner(**given)
    files: Sequence[Path] = ()
    if options.outputs is not None:
        result = result.select(name.strip() for name in options.outputs.split(",") if name.strip())
    if options.out is not None:
        one = options.out.lower().endswith(".npy") and options.outputs is None
        files = (result.select(["shared"]) if one else result).save(options.out)
    stats = result.stats
    if options.json:
        render.json_out(
            {
                "outputs": {name: result[name].tolist() for name in result if not files},
                "program": {"file": str(loaded.path), "hash": loaded.program.hash},
                "stats": dict(stats),
                "files": [str(file) for file in files],
            }
        )
        return
    render.result(result)
    adapter = f" ({stats['adapter']})" if stats["adapter"] else ""
    outside = stats["reads_outside"] + stats["writes_outside"]
    render.message(
        f"loaded {loaded.path.name} in {seconds(loaded.seconds)}, ran"
        f" {many(stats['instructions'], 'instruction')} of {many(stats['vms'], 'VM')} in"
        f" {many(stats['epochs'], 'epoch')} on {stats['engine']}{adapter} in"
        f" {seconds(stats['run_seconds'])}"
    )
    if not stats["ended"]:
        render.message(f"stopped after {many(stats['epochs'], 'epoch')}, as asked for")
    if outside:
        render.message(
            f"{stats['reads_outside']:,} reads and {stats['writes_outside']:,} writes were outside"
            " shared memory"
        )
    if stats["faults"]:
        render.message(f"{many(stats['faults'], 'VM')} faulted")
    for file in files:
        render.message(f"wrote {file} ({size(file.stat().st_size)})")


def trace(loaded: Loaded, arguments: Sequence[str], options: Options, vm: int) -> None:
    """Print what one VM does, an epoch a line."""
    from lanework.machines.fleet.runtime.binding import bind_inputs
    from lanework.machines.fleet.runtime.watching import trace as moments

    need_fleet(loaded)
    given = inputs(loaded, arguments, options)
    with bind(loaded, options) as runner:
        runtime = runner.runtime(bind_inputs(loaded.program, given))
        last: Moment | None = None
        for moment in moments(runtime, vm, options.epochs):
            if options.json:
                render.json_out(_plain(moment))
            else:
                if last is None:
                    print(f"{'epoch':>7}  {'kernel':6}  {'instruction':32}  VM {vm} after it")
                print(_line(moment, last))
            last = moment


def _traced(text: str) -> int:
    name, _, number = text.partition("=")
    if name.strip() != "vm" or not number.strip().isdecimal():
        raise Diagnostic(BAD_ARGUMENT, f"--trace {text} names no VM", help="write --trace vm=42")
    return int(number)


def _plain(moment: Moment) -> dict[str, Any]:
    return {
        "epoch": moment.epoch,
        "phase": moment.phase,
        "ip": moment.ip,
        "instruction": moment.text,
        "kernel": moment.kernel,
        "status": moment.status.name,
        "registers": moment.registers.tolist(),
        "memory": moment.memory.tolist(),
    }


def _line(moment: Moment, last: Moment | None) -> str:
    registers = " ".join(f"r{n}={x:.7g}" for n, x in enumerate(moment.registers.tolist()))
    words = [
        f"mem{n}={x:.7g}"
        for n, x in enumerate(moment.memory.tolist())
        if (last is None and x != 0) or (last is not None and _differ(last.memory[n], x))
    ]
    status = "" if moment.status.name == "RUNNING" else moment.status.name.lower()
    text = moment.text or "-"
    parts = [f"{moment.epoch:>7}  {moment.kernel:6}  {text:32}  {registers}", *words, status]
    return " ".join(part for part in parts if part)


def _differ(a: Any, b: Any) -> bool:
    return bool(a != b and not (a != a and b != b))


def need_fleet(loaded: Loaded) -> None:
    """Refuse a program of another machine.

    Raises:
        Diagnostic: LW8001.
    """
    if loaded.program.machine != "fleet":
        what = f"{loaded.path} is a {loaded.program.machine} program, and only fleets are traced"
        raise Diagnostic(BAD_ARGUMENT, what, help="give a .lasm file with .machine fleet")


def bind(loaded: Loaded, options: Options, progress: Any = None) -> Runner:
    """A runner with the options of the command line."""
    settings: dict[str, Any] = {"seed": options.seed}
    if options.adapter is not None:
        settings["adapter"] = options.adapter
    for text in options.settings:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign:
            raise Diagnostic(
                BAD_ARGUMENT, f"--set {text} has no value", help="write --set layout=aos"
            )
        settings[name] = _setting(name, value)
    runner: Runner = loaded.program.bind(
        options.engine, options.limits(), epochs=options.epochs, progress=progress, **settings
    )
    return runner


def _setting(name: str, value: str) -> Any:
    if name == "threshold":
        try:
            return float(value)
        except ValueError:
            raise Diagnostic(
                BAD_ARGUMENT, f"{name}={value!r} is no number", help=f"{name}=0.15"
            ) from None
    if name in NUMBERS:
        if not value.isdecimal():
            raise Diagnostic(BAD_ARGUMENT, f"{name}={value!r} is no number", help=f"{name}=1000")
        return int(value)
    if name in FLAGS:
        known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if value.lower() not in known:
            raise Diagnostic(BAD_ARGUMENT, f"{name}={value!r}", help="write yes or no")
        return known[value.lower()]
    return value


def inputs(loaded: Loaded, arguments: Sequence[str], options: Options) -> dict[str, Any]:
    """`--shared FILE` and `name=FILE`, `name=1,2,3` as arrays.

    Raises:
        Diagnostic: LW8001, LW8003.
    """
    need_fleet(loaded)
    known = [port.name for port in loaded.program.inputs]
    given: dict[str, Any] = {}
    if options.shared is not None:
        given["shared"] = read_numbers(options.shared)
    for argument in arguments:
        name, sign, text = (part.strip() for part in argument.partition("="))
        if not sign or not text:
            raise Diagnostic(
                BAD_ARGUMENT,
                f"{argument!r} is not of the form name=FILE or name=1,2,3",
                help=f"inputs are: {', '.join(known) or 'none'}",
            )
        if name not in known or name in given:
            what = "is given twice" if name in given else "is no input of the program"
            near = did_you_mean(name, known) or f"inputs are: {', '.join(known) or 'none'}"
            raise Diagnostic(BAD_ARGUMENT, f"{name!r} {what}", help=near)
        given[name] = _numbers(text)
    return given


def _numbers(text: str) -> Any:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        return read_numbers(text.removeprefix("@"))


def read_numbers(path: str) -> npt.NDArray[np.generic]:
    """The numbers of a file: .npy, a binary picture (.pgm, .ppm), or text with numbers.

    Raises:
        Diagnostic: LW8001, LW8003.
    """
    import numpy as np

    file = Path(path)
    if not file.is_file():
        raise Diagnostic(NO_SUCH_FILE, f"{path} does not exist", help="check the path")
    try:
        if file.suffix.lower() == ".npy":
            return np.asarray(np.load(file, allow_pickle=False))
        if file.suffix.lower() in (".pgm", ".ppm"):
            from lanework.core.result.picture import read_picture

            return read_picture(file.read_bytes())
        return np.loadtxt(file, delimiter="," if file.suffix.lower() == ".csv" else None)
    except (ValueError, OSError, EOFError, UnicodeDecodeError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Diagnostic(
            BAD_ARGUMENT,
            f"{path} cannot be read as numbers: {what}",
            help="give .npy, .pgm, .ppm, or text with numbers",
        ) from None
