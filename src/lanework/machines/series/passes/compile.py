"""From a model to a program: names, units, values, passes, walks over time, tape.

    model -> graph.order_formulas -> kinds.infer_kinds -> flatten -> optimise -> segments -> tape

Names, units, kinds and documentation end here: the tape has rows and numbers only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.series.codes import BAD_AXIS, BAD_MARK, NO_OUTPUT, UNKNOWN_NAME, UNSUPPORTED
from lanework.machines.series.isa import ENDS
from lanework.machines.series.language import calendar as calendars
from lanework.machines.series.language.expression import Expr
from lanework.machines.series.language.nodes import Formula, Input, Output
from lanework.machines.series.language.registry import Registry
from lanework.machines.series.language.tables import Table as SourceTable
from lanework.machines.series.passes.circular import Circles
from lanework.machines.series.passes.derivatives import Timed
from lanework.machines.series.passes.emit import Emitter
from lanework.machines.series.passes.flatten import Flattener
from lanework.machines.series.passes.graph import order_formulas
from lanework.machines.series.passes.lookups import Lookups, infer_categories
from lanework.machines.series.passes.newton import Unknown
from lanework.machines.series.passes.optimise import optimise as run_passes
from lanework.machines.series.passes.overriding import describe, overridable
from lanework.machines.series.passes.values import Kinds, Values
from lanework.machines.series.program import SeriesProgram


@dataclass(frozen=True)
class Ordered:
    """The formulas that outputs need, in order, and what is known of their names.

    Attributes:
        asked: the outputs.
        roots: their names, and that of the horizon.
        formulas: each after those whose value of the period it needs.
        typed: units and kinds.
        categories: for each input the labels that its numbers stand for.
    """

    asked: list[Output]
    roots: list[str]
    formulas: list[Formula]
    typed: Kinds
    categories: dict[str, tuple[str, ...]]


def ordered_of(model: Registry, outputs: Sequence[str] | None) -> Ordered:
    """The formulas that these outputs of a model need, checked but for what they compute.

    Raises:
        Diagnostic: what `order_formulas` and `infer_kinds` say, and LW3011, LW3022, LW3029.
    """
    asked = _asked(model, outputs)
    roots = [output.name for output in asked]
    if model.horizon_name is not None:
        roots.append(model.horizon_name)
    for name in roots:
        model.need(name)
    for name in model.marks:
        if name not in model:
            what = f"{name!r} is marked as circular, and is no node of the model"
            raise Diagnostic(UNKNOWN_NAME, what, help=did_you_mean(name, model.formulas))
        if name not in model.formulas:
            what = f"{name!r} is an input, and marked as circular"
            raise Diagnostic(BAD_MARK, what, help="mark a node that has a formula")
    dated = model.start is not None
    ordered = order_formulas(model.formulas, model.inputs, roots, dated, model.marks)
    if model.freq is not None and model.periods is None:
        names = {name for formula in ordered for name in (*formula.now, *formula.later)}
        if any(name not in model for name in names.intersection(calendars.COLUMNS)):
            model.need_periods()
    typed = _types(model, ordered, roots)
    categories = {name: declared.categories for name, declared in model.inputs.items()}
    infer_categories(ordered, model.formulas, model.tables, categories)
    return Ordered(asked, roots, ordered, typed, categories)


def compile_model(
    model: Registry,
    outputs: Sequence[str] | None = None,
    *,
    optimise: bool = True,
    overrides: Collection[str] = (),
    measure: bool = False,
) -> SeriesProgram:
    """The program for these outputs of a model; see `Model.compile`.

    With `measure` it is that of what is left of the loops which these outputs need; its view
    ``loops`` has the names and the steps of each.
    """
    model = overridable(model, overrides)
    read = ordered_of(model, outputs)
    ordered, typed, categories = read.formulas, read.typed, read.categories
    notes = [f"graph: {len(ordered)} formulas, in order"]
    if typed.kinds:
        notes += _said("kinds", typed.notes)
    values = Values(simplify=optimise)
    reader = Flattener(
        values,
        model.formulas,
        model.tables,
        categories,
        model.calendar,
        model.freq,
        typed.factors,
        [formula.name for formula in ordered if formula.name in model.marks],
        model.periods,
    )
    reader.read(ordered, typed.scale)
    describe(model, ordered, reader, typed, categories)
    count = len(read.asked)
    asked = _numbers_of(model, read.asked, reader.lookups, explicit=bool(outputs or model.declared))
    roots = [*(output.name for output in asked), *read.roots[count:]]
    targets = [reader.name(name) for name in roots]
    notes.append(f"flatten: {len(values.ops)} values, {len(values.tables)} tables")
    if reader.solved:
        unknowns = [
            Unknown(name, reader.known[name], value, model.marks[name])
            for name, value in reader.solved.items()
        ]
        timed = Timed(values, lambda name: "time" in model.inputs[name].axes)
        circles = Circles(values, unknowns, timed, measure)
        targets, values = circles.write(targets), circles.values
        if circles.left:
            left = _left_of(circles, typed)
            asked, targets = [Output(name) for name in left], [*left.values(), *targets[count:]]
        notes += _said("circular", circles.notes)
    if optimise:
        targets, lines = run_passes(values, targets)
        notes += _said("optimise", lines)
    horizon = None
    if model.horizon_name is not None:
        values.owner, formula = model.horizon_name, model.formulas.get(model.horizon_name)
        horizon = values.fold(ENDS, targets.pop(), None, formula.expr if formula else None)
    emitter = Emitter(model, values, asked, targets, horizon, categories, typed)
    program = SeriesProgram(**vars(emitter.program(notes)))
    program.views["model"] = model.snapshot()
    program.views["kinds"] = typed
    if measure:
        groups = [group for group, _ in circles.left] if reader.solved else []
        program.views["loops"] = [([u.name for u in g.unknowns], g.steps) for g in groups]
    return program


def _left_of(circles: Circles, typed: Kinds) -> dict[str, int]:
    """What is left of loops, by the name of an output: of each by that of its first node."""
    outputs: dict[str, int] = {}
    for group, left in circles.left:
        first = group.unknowns[0].name
        outputs |= {f"{first}.iterations": left.steps, f"{first}.failed": left.failed}
        for unknown, rest, size in zip(group.unknowns, left.rest, left.size, strict=True):
            name = unknown.name
            outputs |= {name: circles.to[unknown.leaf]}
            outputs |= {f"{name}.residual": rest, f"{name}.size": size}
            typed.units[f"{name}.residual"] = typed.units.get(name, "")
    return outputs


def _numbers_of(
    model: Registry, asked: list[Output], lookups: Lookups, *, explicit: bool
) -> list[Output]:
    """The outputs that are numbers; one that holds names is refused if it was asked for."""
    named = {o.name: lookups.labels(Expr.name(o.name)) for o in asked} if lookups.any_labels else {}
    kept = [output for output in asked if not named.get(output.name)]
    if len(kept) == len(asked) or (kept and not explicit):
        return kept
    name, labels = next((name, labels) for name, labels in named.items() if labels)
    raise Diagnostic(
        UNSUPPORTED,
        f"the output `{name}` holds names ({', '.join(map(repr, labels[:3]))}), and outputs are "
        "numbers",
        help=f'compare it with a name: {name} == "{labels[0]}"',
    )


def _said(name: str, lines: Sequence[str]) -> list[str]:
    """What a pass changed, under its name; that it ran, where there was nothing to change."""
    return [f"{name}: {line}" for line in lines or ["nothing to change"]]


def _asked(model: Registry, outputs: Sequence[str] | None) -> list[Output]:
    """The outputs to compile."""
    if outputs is None:
        asked = list(model.declared.values()) or [Output(name) for name in model.formulas]
    else:
        asked = [model.declared.get(name, Output(name)) for name in dict.fromkeys(outputs)]
    if not asked:
        raise Diagnostic(
            NO_OUTPUT,
            f"model `{model.name}` has nothing to compute",
            help="define a formula, or declare an output",
        )
    axes = {axis for declared in model.inputs.values() for axis in declared.axes}
    for output in asked:
        for axis in output.reduce:
            if axis not in axes:
                known = sorted(axes - {"time"})
                raise Diagnostic(
                    BAD_AXIS,
                    f"output `{output.name}` is summed over `{axis}`, which no input has",
                    help=f"lane axes of this model: {', '.join(known)}"
                    if known
                    else f'declare an input with axes="{axis}"',
                )
    return asked


def _types(model: Registry, ordered: Sequence[Formula], roots: Sequence[str]) -> Kinds:
    """Units and kinds, if the model declares any; pint is not loaded otherwise."""
    declared: list[Formula | Input | SourceTable] = [*ordered, *model.given]
    if not any(node.unit or node.kind for node in declared):
        return Kinds()
    from lanework.machines.series.passes.kinds import infer_kinds

    return infer_kinds(model, ordered, roots)
