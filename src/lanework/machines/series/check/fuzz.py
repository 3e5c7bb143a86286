"""The oracle of the series fuzzer: every engine and lane width against the reference.

The generator (`generate.py`) knows nothing of the engines, and this knows nothing of how
programs are made. A divergence is shrunk to the instructions that the first wrong row needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.fuzzing import Campaign, Divergence
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Port, Program
from lanework.core.result.result import Result
from lanework.machines.series.check.generate import random_inputs, random_program
from lanework.machines.series.check.mutate import mutate
from lanework.machines.series.codes import LOOKUP_OUTSIDE
from lanework.machines.series.data.labels import along
from lanework.machines.series.isa import SERIES
from lanework.machines.series.layout import Segment, SeriesView, encode_segments
from lanework.machines.series.runner import Runner

Variant = int | str | None
# How programs run beside the reference: on LLVM at a lane width, or on another engine.
WAYS: tuple[Variant, ...] = (1, 4, 16, "stencil")
PERIODS = (1, 2, 3, 7, 70)
LANES = (1, 2, 5, 19, 70)


def same_bits(a: npt.ArrayLike, b: npt.ArrayLike) -> bool:
    """Whether two f64 arrays have the same shape and bits, NaN payloads aside.

    Example:
        >>> same_bits([0.0], [-0.0]), same_bits([np.nan], [-np.nan])
        (False, True)
    """
    x, y = (np.atleast_1d(np.asarray(v, np.float64)) for v in (a, b))
    if x.shape != y.shape:
        return False
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    equal = (x.view(np.int64) == y.view(np.int64)) | (np.isnan(x) & np.isnan(y))
    return bool(equal.all())


def shape_of(seed: int) -> tuple[int, int]:
    """Periods and lanes that go with a seed."""
    return PERIODS[seed % 5], LANES[seed // 5 % 5]


def compare(
    program: Program,
    inputs: dict[str, Any],
    periods: int,
    ways: Iterable[Variant] = WAYS,
    seed: int = 0,
) -> Divergence | None:
    """Run a program on the reference and in other ways; the first difference."""
    given = {name: along(axes, array) for name, (array, axes) in inputs.items()}
    expected = Runner(program, "reference", periods=periods)(**given)
    for way in ways:
        runner = _runner(program, way, periods)
        result = runner(**given)
        wrong = tuple(name for name in expected if not same_bits(expected[name], result[name]))
        if wrong:
            return Divergence(seed, way, f"{', '.join(wrong)} with {periods} periods")
    return None


def _runner(program: Program, way: Variant, periods: int) -> Runner:
    if isinstance(way, str):
        return Runner(program, way, periods=periods, threads=2)
    return Runner(program, "llvm", periods=periods, lane_width=way, cache=False, threads=2)


def check_seed(seed: int, ways: tuple[Variant, ...] = WAYS) -> Divergence | None:
    """Generate the program of a seed and compare."""
    program = random_program(seed)
    periods, lanes = shape_of(seed)
    inputs = random_inputs(program, seed, periods, lanes)
    # with one lane the width counts only where periods run as lanes
    return compare(program, inputs, periods, ways if lanes > 1 else ways[-2:], seed)


def mutant(seed: int) -> Program:
    """The damaged program of a seed; in most every row is an output, so that all of it runs."""
    program = random_program(seed, (2, 5, 8, 12)[seed % 4])
    if seed % 4:
        taken = {port.row for port in program.outputs}
        rows = [i.target for i in SERIES.decode(program.tape) if i.target not in taken]
        more = (Port(f"row{row}", "out", row) for row in rows)
        program = dataclasses.replace(program, ports=(*program.ports, *more))
    return mutate(program, seed)


def check_mutant(seed: int, ways: tuple[Variant, ...] = (1, 16, "stencil")) -> Divergence | None:
    """Damage the program of a seed; the gate must refuse it, or all engines must agree on it."""
    try:
        program = mutant(seed)
        if program.problems():
            return None
        return _compare_mutant(program, seed, ways)
    except Exception as error:  # whatever else comes out is what is looked for
        return Divergence(seed, None, f"raises {error!r}")


def _compare_mutant(program: Program, seed: int, ways: tuple[Variant, ...]) -> Divergence | None:
    periods, lanes = shape_of(seed)
    periods, lanes = periods * (seed % 31 > 0), lanes * (seed % 37 > 0)
    given: dict[str, Any] = {}
    for name, (array, axes) in random_inputs(program, seed, periods, lanes).items():
        given[name] = along(axes, array)
        if lanes == 1:  # given plainly, the second call takes the short way
            plain = array[..., 0] if "scenario" in axes else array
            given[name] = plain if plain.ndim else float(plain)
        elif lanes == 5 and len(given) == 1:
            given[name] = along(("point", *axes), np.stack([array, array + 1.0]))
    expected = _outcome(Runner(program, "reference", periods=periods), given)
    for way in ways:
        runner = _runner(program, way, periods)
        for result in (_outcome(runner, given), _outcome(runner, given)):
            if isinstance(expected, str) or isinstance(result, str):
                # engines skip what no output needs, and with it the lookups that fail there
                if result != expected and expected != LOOKUP_OUTSIDE.ident:
                    return Divergence(seed, way, f"{result} is not {expected}")
                continue
            wrong = tuple(name for name in expected if not same_bits(expected[name], result[name]))
            if wrong:
                return Divergence(seed, way, f"{', '.join(wrong)} with {periods} periods")
    return None


def _outcome(runner: Runner, given: Mapping[str, Any]) -> Result | str:
    """The result, or the code of the diagnostic that refuses the inputs."""
    try:
        return runner(**given)
    except Diagnostic as error:
        return error.code.ident


def campaign() -> Campaign:
    """All engines and lane widths on random programs."""
    return Campaign("series", check_seed, _shrunk, block=20)


def _shrunk(divergence: Divergence) -> str:
    program = random_program(divergence.seed)
    periods, lanes = shape_of(divergence.seed)
    inputs = random_inputs(program, divergence.seed, periods, lanes)
    return shrink(program, inputs, periods, divergence.way).dis()


def shrink(program: Program, inputs: dict[str, Any], periods: int, way: Variant) -> Program:
    """The smallest program of this kind that still differs: the cone of the first wrong row."""
    view = SeriesView.of(program)
    for instruction in view.instructions:
        small = _cone(program, view, instruction.target)
        if compare(small, inputs, periods, (way,)) is not None:
            return small
    return program


def _cone(program: Program, view: SeriesView, row: int) -> Program:
    """The program with one output, this row, and only the instructions that it needs."""
    needed = view.cone([row] if view.horizon is None else [row, view.horizon])
    code: list[Instruction] = []
    segments: list[Segment] = []
    for segment in view.segments:
        start = len(code)
        part = view.instructions[segment.start : segment.stop]
        code += [i for i in part if i.target in needed]
        if len(code) > start:
            segments.append(Segment(segment.kind, start, len(code)))
    dropped = {i.target for i in view.instructions if i.target not in needed}
    keep = [row for row in range(len(view.rows)) if row not in dropped]
    renamed = {row: number for number, row in enumerate(keep)}
    code = [
        dataclasses.replace(
            i,
            target=renamed[i.target],
            operands=tuple(
                renamed[operand] if spec.kind is OperandKind.ROW else operand
                for spec, operand in zip(SERIES.by_name[i.name].operands, i.operands, strict=True)
            ),
        )
        for i in code
    ]
    rows = np.frombuffer(program.sections["rows"], "<u4").reshape(-1, 2)
    horizon = -1 if view.horizon is None else renamed[view.horizon]
    ports = (*(dataclasses.replace(p, row=renamed[p.row]) for p in program.inputs),)
    return Program(
        machine="series",
        header={**program.header, "horizon": horizon},
        tape=SERIES.encode(code),
        ports=(*ports, Port("out", "out", renamed[row])),
        constants=program.constants,
        sections={
            **program.sections,
            "rows": rows[keep].tobytes(),
            "segments": encode_segments(segments),
        },
    )
