"""`lanework run`: a program over the inputs of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.app import render
from lanework.app.arguments import Block, Inputs, Table, first_blocks, parse, whole
from lanework.app.codes import BAD_ARGUMENT
from lanework.app.loading import NETWORKS, Loaded, load_program
from lanework.app.progress import Bar
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits, parse_duration, parse_size

if TYPE_CHECKING:
    from lanework.core.result.result import Result


@dataclass(frozen=True)
class Options:
    """The options of `lanework run`, as text where they have a unit."""

    engine: str = "auto"
    fuel: int | None = None
    memory: str | None = None
    deadline: str | None = None
    lanes: int | None = None
    threads: int | None = None
    periods: int | None = None
    outputs: str | None = None
    block: int = 65536
    out: str | None = None
    json: bool = False
    cache: bool = True
    evidence: str | None = None
    given: tuple[str, ...] = ()
    query: str = "all"
    seed: int = 0
    normalize: bool = False
    approximate: str | None = None
    shared: str | None = None
    epochs: int | None = None
    trace: str | None = None
    adapter: str | None = None
    settings: tuple[str, ...] = ()

    def limits(self) -> Limits:
        """What the run may use.

        Raises:
            Diagnostic: LW0102.
        """
        return Limits(
            fuel=self.fuel,
            memory=None if self.memory is None else parse_size(self.memory),
            deadline=None if self.deadline is None else parse_duration(self.deadline),
            threads=self.threads,
        )


@dataclass
class Outcome:
    """What a run on the command line gave.

    Attributes:
        result: the outputs; of a streamed run those that are summed over its lanes.
        files: what was written.
        rows: rows in the first of them, if it is a table.
        dropped: outputs of a streamed run that were not kept.
    """

    result: Result
    files: tuple[Path, ...] = ()
    rows: int | None = None
    dropped: tuple[str, ...] = ()


def run(path: str, arguments: Sequence[str], options: Options) -> None:
    """Load, run, write and print."""
    if options.out is not None and not path.lower().endswith(NETWORKS):
        from lanework.core.result.saving import check_ending

        check_ending(Path(options.out))  # before the work, not after it
    limits = options.limits()
    if path.lower().endswith(NETWORKS):
        from lanework.app import beliefs

        given = beliefs.evidence(arguments, options)
        if options.approximate is not None:
            beliefs.approximate(path, given, options)
        else:
            beliefs.ask(path, given, options)
        return
    if options.approximate is not None:
        help = "--approximate is for files of networks"
        raise Diagnostic(BAD_ARGUMENT, f"{path} is no network", help=help)
    loaded = load_program(path, normalize=options.normalize)
    if loaded.program.machine == "belief":
        from lanework.app import beliefs

        if options.query != "all":
            raise Diagnostic(
                BAD_ARGUMENT,
                f"{path} is compiled for its query",
                help="compile the network for another one",
            )
        beliefs.run(loaded, beliefs.evidence(arguments, options), options)
        return
    if options.evidence is not None or options.given or options.query != "all":
        raise Diagnostic(
            BAD_ARGUMENT,
            f"{path} takes no evidence",
            help="--evidence, --given and --query are for networks and belief programs",
        )
    if loaded.program.machine == "fleet":
        from lanework.app import fleets

        fleets.run(loaded, arguments, options)
        return
    if options.shared or options.trace or options.epochs or options.adapter or options.settings:
        raise Diagnostic(
            BAD_ARGUMENT,
            f"{path} is no fleet program",
            help="--shared, --epochs, --trace, --adapter and --set are for fleets",
        )
    if loaded.program.machine == "register":
        from lanework.app import registers

        registers.run(loaded, arguments, options)
        return
    inputs = parse(arguments, loaded.program.inputs)
    with Bar(loaded.path.name, shown=not options.json) as bar:
        outcome = execute(loaded, inputs, options, limits, bar)
    report(loaded, outcome, options)


def execute(loaded: Loaded, inputs: Inputs, options: Options, limits: Limits, bar: Bar) -> Outcome:
    """Run the program, streaming the first table of lanes that is longer than a block.

    Raises:
        Diagnostic: what inputs, verifier, limits and lookups say.
        Trap: fuel and deadline.
    """
    values = dict(inputs.values)
    streamed: tuple[Table, Iterator[Block]] | None = None
    for table in inputs.tables:
        if table.axis == "time" or streamed is not None:
            most = None if table.axis == "time" else options.lanes
            values.update(whole(table, most))
            continue
        first, blocks = first_blocks(table, options.block, options.lanes, bar.update)
        if blocks is None:
            values.update(first)
        else:
            streamed = table, blocks
    chosen = None
    if options.outputs is not None:
        chosen = [name.strip() for name in options.outputs.split(",") if name.strip()]
    runner = loaded.program.bind(
        options.engine,
        limits,
        threads=options.threads,
        periods=options.periods,
        outputs=chosen,
        progress=None if streamed else bar.update,
        cache=options.cache,
    )
    if streamed is None:
        result = runner(**values)
        if options.out is None:
            return Outcome(result)
        files = result.save(options.out)
        rows = None
        if files[0].suffix.lower() in (".csv", ".parquet"):
            first_shape = next(iter(result.shapes().values()))
            rows = result[first_shape[0]].size
        return Outcome(result, files, rows)
    table, blocks = streamed
    return _stream(runner, table.axis, blocks, values, options)


def _stream(
    runner: Any, axis: str, blocks: Iterator[Block], values: Block, options: Options
) -> Outcome:
    from lanework.machines.series.data.outputs import TableSink

    if options.out is None:
        seen: dict[str, None] = {}
        result = runner.stream(
            blocks, axis, lambda block: seen.update(dict.fromkeys(block)), **values
        )
        return Outcome(result, dropped=tuple(name for name in seen if name not in result))
    with TableSink(options.out, axis) as sink:
        result = runner.stream(blocks, axis, sink, **values)
        sink.totals(result)
    return Outcome(result, tuple(sink.paths.values()), sink.rows)


def report(loaded: Loaded, outcome: Outcome, options: Options) -> None:
    """Print the result, the times, and where the output went."""
    from lanework.core.result.show import many, seconds, size

    result, stats = outcome.result, outcome.result.stats
    if options.json:
        plain = result.to_dict()
        plain["program"] = {"file": str(loaded.path), "hash": loaded.program.hash}
        plain["load_seconds"] = loaded.seconds
        plain["files"] = [str(file) for file in outcome.files]
        render.json_out(plain)
        return
    render.result(result)
    cached = " (from the cache)" if stats.get("cached") else ""
    render.message(
        f"loaded {loaded.path.name} in {seconds(loaded.seconds)}, compiled for"
        f" {stats.get('engine')} in {seconds(stats.get('compile_seconds', 0.0))}{cached}, ran"
        f" {many(stats.get('lanes', 1), 'lane')} x {many(stats.get('periods', 1), 'period')} in"
        f" {seconds(stats.get('run_seconds', 0.0))} on {many(stats.get('threads', 1), 'thread')}"
    )
    if outcome.dropped:
        names = ", ".join(outcome.dropped[:6]) + (", ..." if len(outcome.dropped) > 6 else "")
        render.message(f"not kept, one value a lane: {names} (--out FILE.csv writes them)")
    for number, file in enumerate(outcome.files):
        rows = f"{many(outcome.rows, 'row')}, " if number == 0 and outcome.rows is not None else ""
        render.message(f"wrote {file} ({rows}{size(file.stat().st_size)})")
