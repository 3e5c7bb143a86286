"""Programs for derivatives, written of a program: its tape read back as values, and more of them.

    program -> values_of -> adjoint or tangent -> tape

What comes out is a program as any other: it runs on every engine, over lanes, and can be saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from lanework.base.errors import Code, Diagnostic, did_you_mean
from lanework.core.ops.bodies.arithmetic import add, mul
from lanework.core.ops.bodies.logic import choose, lt, or_
from lanework.core.options import in_order
from lanework.core.program.data import Port, ProgramData
from lanework.core.program.program import Program
from lanework.machines.series.codes import NO_DERIVATIVE, UNKNOWN_INPUT, UNKNOWN_OUTPUT
from lanework.machines.series.data.slopes import DERIVATIVES, Slope, encode, reached, slopes_of
from lanework.machines.series.isa import AGGREGATES, ENDS, LOOKUPS, SHIFTS
from lanework.machines.series.language.nodes import Input, Output
from lanework.machines.series.language.registry import Registry
from lanework.machines.series.language.tables import KeyDim
from lanework.machines.series.layout import NO_ROW, RowKind, SeriesView, Table
from lanework.machines.series.passes.adjoint import Adjoint
from lanework.machines.series.passes.derivatives import Timed, none_of_none, sum_over_time
from lanework.machines.series.passes.emit import MODES, Emitter
from lanework.machines.series.passes.optimise import merge_shifts
from lanework.machines.series.passes.tangent import Tangent
from lanework.machines.series.passes.values import (
    INPUT,
    OPEN,
    PERIODS,
    TIME,
    Kinds,
    TableData,
    Values,
)
from lanework.machines.series.passes.walks import needed_values
from lanework.machines.series.reference.faults import table_name

_OUTSIDE = {mode: rule for rule, mode in MODES.items()}
_LEAVES = {RowKind.TIME: TIME, RowKind.PERIODS: PERIODS}


def values_of(view: SeriesView) -> tuple[Values, list[int]]:
    """The value graph of a program, and the value of each of its rows."""
    values = Values()
    for number, table in enumerate(view.tables):
        name, labels = table_name(view, number)
        values.tables.append(_table(name, labels, table))
    of = [OPEN] * len(view.rows)
    for row, record in enumerate(view.rows):
        if record.kind == RowKind.INPUT:
            of[row] = values.leaf(INPUT, view.inputs[record.index].name)
        elif record.kind == RowKind.CONST:
            of[row] = values.const(float(view.constants[record.index]))
        elif record.kind != RowKind.NODE:
            of[row] = values.leaf(_LEAVES[record.kind])
    waiting: list[tuple[int, int]] = []
    for instruction in view.instructions:
        name, operands = instruction.name, instruction.operands
        args = tuple(of[row] for row in view.reads(instruction))
        values.owner = view.horizon_name if instruction.target == view.horizon else ""
        if name in SHIFTS:
            source, lag, fill = operands
            shift = values.open_shift(name, of[fill], lag, None)
            waiting.append((shift, source))
            of[instruction.target] = shift
        elif name in LOOKUPS:
            of[instruction.target] = values.lookup(operands[-1], args)
        elif name in AGGREGATES or name == ENDS:
            setting = operands[1] if name == "at" else None
            of[instruction.target] = values.fold(name, args[0], setting)
        else:
            of[instruction.target] = values.apply(name, args)
    values.owner = ""
    for shift, source in waiting:
        values.close(shift, of[source])
    return values, of


def _table(name: str, labels: Sequence[list[str] | None], table: Table) -> TableData:
    dims = []
    for dim, known in zip_longest(table.dims, labels[: len(table.dims)]):
        outside, exact = _OUTSIDE[dim.mode]
        names = tuple(known or ())
        dims.append(KeyDim("key", outside, dim.base, dim.size, names, table.knots, exact))
    shape = tuple(dim.size for dim in table.dims)
    return TableData(name, tuple(dims), table.data.reshape(shape))


class Deriver:
    """A program's values, to which derivatives of its outputs are added.

    Attributes:
        ports: the outputs of the program that it makes, with their values.
        unsure: whether a gradient or a change may be 0 by the rule of `Derivatives.times` alone.
    """

    def __init__(self, program: Program[Any]) -> None:
        self.program = program
        self.view = SeriesView.of(program)
        self.values, self.of = values_of(self.view)
        self.inputs = {port.name: port for port in program.inputs}
        self.outputs = {port.name: port for port in program.outputs}
        self.timed = Timed(self.values, lambda name: "time" in self.inputs[name].axes)
        self.ragged = self.view.horizon is not None
        if not self.ragged:
            sum_over_time(self.values, self.timed)
        self.slopes = slopes_of(program.header)
        self.ports: list[tuple[Port, int]] = []
        self.unsure = False
        self._unused = {*str(program.header.get("unused", "")).split(",")} - {""}

    def asked(self, outputs: str | Iterable[str] | None) -> list[Port]:
        """The outputs of these names, of which the program gives the values too.

        Raises:
            Diagnostic: LW3044.
        """
        names = [*self.outputs] if outputs is None else _names(outputs)
        ports = [_port(name, self.outputs, "output", UNKNOWN_OUTPUT) for name in names]
        self.ports += [(port, self.of[port.row]) for port in ports]
        return ports

    def leaves(self, inputs: str | Iterable[str] | None) -> dict[str, int]:
        """The values of these inputs; by default of all that are numbers.

        Raises:
            Diagnostic: LW3040, LW3060.
        """
        numbers = [name for name, port in self.inputs.items() if not port.categories]
        names = numbers if inputs is None else _names(inputs)
        ports = [_port(name, self.inputs, "input", UNKNOWN_INPUT) for name in names]
        for port in ports:
            if port.categories:
                what = f"input {port.name!r} is one of {', '.join(port.categories[:5])}"
                raise Diagnostic(NO_DERIVATIVE, what, help="only numbers have derivatives by them")
        return {port.name: self.of[port.row] for port in ports}

    def adjoint(self, port: Port, leaves: Mapping[str, int]) -> dict[str, int]:
        """The derivatives of an output by inputs, added to the outputs."""
        values, value = self.values, self.of[port.row]
        adjoint = Adjoint(values, self.timed, self.ragged)
        by_leaf = adjoint.of({value: values.const(1.0)}, [*leaves.values()])
        self.unsure |= adjoint.unsure
        for name, leaf in leaves.items():
            self.add(f"d_{port.name}_d_{name}", port, self.inputs[name], by_leaf[leaf])
        return {name: by_leaf[leaf] for name, leaf in leaves.items()}

    def tangent(self, port: Port, name: str, leaf: int) -> None:
        """The derivative of an output over time by an input that is not, added to the outputs."""
        values, value = self.values, self.of[port.row]
        by_leaf = Tangent(values, self.timed, self.ragged).of({leaf: values.const(1.0)}, [value])
        change = by_leaf[value]
        if self.ragged and change != values.const(0.0):  # none where a lane has ended
            lives = values.apply(lt.name, (values.leaf(TIME), values.leaf(PERIODS)))
            change = values.apply(choose.name, (lives, change, values.const(0.0)))
        self.add(f"d_{port.name}_d_{name}", port, self.inputs[name], change, timed=True)

    def second(self, output: str, leaves: Mapping[str, int]) -> None:
        """The gradient of an output, and its derivatives along a direction of more inputs."""
        (port,) = self.asked(output)
        if "time" in port.axes:
            raise over_time(port)
        first = self.adjoint(port, leaves)
        directions = self.directions(leaves)
        by_leaf = Tangent(self.values, self.timed, self.ragged).of(directions, [*first.values()])
        for name, value in first.items():
            by = self.inputs[name]
            self.add(f"d2_{output}_d_{name}", port, by, by_leaf[value], self.along(leaves))

    def directions(self, leaves: Mapping[str, int]) -> dict[int, int]:
        """For each input another one, by how much it changes: `along_x`, by default 0."""
        directions: dict[int, int] = {}
        for name, leaf in leaves.items():
            doc = f"The direction along {name}."
            along = self.input(replace(self.inputs[name], name=f"along_{name}", doc=doc))
            directions[leaf] = along
        self._unused |= {*self.along(self._unused)}  # may be given as these may be
        return directions

    @staticmethod
    def along(leaves: Iterable[str]) -> tuple[str, ...]:
        """The names of the directions."""
        return tuple(f"along_{name}" for name in leaves)

    def input(self, port: Port) -> int:
        """The value of another input, whose default is 0."""
        if port.name in self.inputs or port.name in self.outputs:
            raise Diagnostic(
                NO_DERIVATIVE,
                f"{port.name!r} is a node already, and the name of what a derivative is along",
                help="rename the node",
            )
        self.inputs[port.name] = replace(port, default=0.0)
        return self.values.leaf(INPUT, port.name)

    def forward(self, ports: Iterable[Port], leaves: Mapping[str, int]) -> None:
        """How outputs change along a direction of more inputs, and nothing else: `d_y`."""
        ports, directions = [*ports], self.directions(leaves)
        roots = [self.of[port.row] for port in ports]
        tangent = Tangent(self.values, self.timed, self.ragged)
        by_root = tangent.of(directions, roots)
        self.unsure |= tangent.unsure
        for port, root in zip(ports, roots, strict=True):
            self.ports.append((Port(f"d_{port.name}", "out", -1), by_root[root]))

    def lagrangian(self, ports: Iterable[Port], leaves: Mapping[str, int]) -> dict[str, int]:
        """The second derivatives of outputs times multipliers, along a direction: `d2_x`.

        Multipliers are inputs too, `multiplier_y`, over time where the output is.

        Returns:
            The derivatives of this sum by the leaves.
        """
        cotangents: dict[int, int] = {}
        for port in ports:
            axes = ("time",) if "time" in port.axes else ()
            multiplier = self.input(Port(f"multiplier_{port.name}", "in", -1, axes=axes))
            root = self.of[port.row]
            known = cotangents.get(root)
            cotangents[root] = (
                multiplier if known is None else self.values.apply(add.name, (known, multiplier))
            )
        first = Adjoint(self.values, self.timed, self.ragged).of(cotangents, [*leaves.values()])
        directions = self.directions(leaves)
        by_leaf = Tangent(self.values, self.timed, self.ragged).of(directions, [*first.values()])
        for name, leaf in leaves.items():
            self.ports.append((Port(f"d2_{name}", "out", -1), by_leaf[first[leaf]]))
        return {name: first[leaf] for name, leaf in leaves.items()}

    def add(
        self,
        name: str,
        of: Port,
        by: Port,
        value: int,
        along: tuple[str, ...] = (),
        *,
        timed: bool = False,
    ) -> None:
        """An output: the derivative of one port by another, added up over the lanes that share.

        It is of an output over time if `timed`, and may be along the lanes of directions too.
        """
        if name in self.outputs or name in self.inputs:
            what = f"{name!r} is a node already, and the name of a derivative"
            raise Diagnostic(NO_DERIVATIVE, what, help="rename the node")
        before = self.slopes.get(of.name) or Slope((), reached(self.view, of.row), of.reduce, timed)
        slope = Slope((*before.by, by.name), (*before.over, *along), before.total, before.timed)
        output = self.of[of.row]
        if self.timed[output] and not self.timed[value]:  # it is of all periods together
            output = self.values.fold("tsum", output)
        value = none_of_none(self.values, output, value)
        if slope.total:  # it varies as the output does, lest it is added up once for all lanes
            here = self.values.apply(or_.name, (self.of[of.row], self.values.const(1.0)))
            value = self.values.apply(mul.name, (value, here))
        reduce = tuple(axis for axis in of.reduce if axis not in by.axes)
        unit, doc = ratio(of.unit, by.unit), f"The derivative of {of.name} by {by.name}."
        if by.name in self.inputs:
            self.slopes[name] = slope
        self.ports.append((Port(name, "out", -1, unit=unit, doc=doc, reduce=reduce), value))

    def finish(self, what: str) -> ProgramData:
        """The program."""
        horizon = None if self.view.horizon is None else self.of[self.view.horizon]
        targets = [value for _, value in self.ports] + ([] if horizon is None else [horizon])
        same = merge_shifts(self.values)
        targets = [same.get(value, value) for value in targets]
        if horizon is not None:
            horizon = targets.pop()
        header = self.program.header
        freq, begin = header.get("freq"), header.get("start")
        source = Registry(
            str(header.get("name", "")),
            self.view.periods or None,
            begin if begin is None else str(begin),
            freq if freq is None else str(freq),
        )
        source.inputs = {
            name: Input(
                name, port.unit, port.kind, port.axes, port.default, port.categories, port.doc
            )
            for name, port in self.inputs.items()
        }
        derivatives = {p.name: self.slopes[p.name] for p, _ in self.ports if p.name in self.slopes}
        kept = dict.fromkeys(name for slope in derivatives.values() for name in slope.inputs)
        read = _read(self.values, targets if horizon is None else [*targets, horizon])
        for name in kept:  # those whose axes a derivative has, though nothing may read them
            known = source.inputs[name]
            if name not in read and known.default is None:
                source.inputs[name] = replace(known, default=0.0)
        emitter = _Emitter(
            source,
            self.values,
            [Output(port.name) for port, _ in self.ports],
            targets,
            horizon,
            {name: port.categories for name, port in self.inputs.items()},
            Kinds(),
        )
        emitter.ports = [port for port, _ in self.ports]
        emitter.keep(kept, derivatives)
        written = emitter.program([f"derive: {what}"])
        unused = {*self._unused, *self.inputs} - {port.name for port in written.inputs}
        more = {key: value for key, value in header.items() if key not in ("unused", "tables")}
        more |= written.header
        if derivatives:
            more[DERIVATIVES] = encode(derivatives)
        if unused:
            more["unused"] = ",".join(sorted(unused))
        return replace(
            written,
            header=more,
            sections={**self.program.sections, **written.sections},
            notes=(*self.program.notes, *written.notes),
        )


def _read(values: Values, roots: Iterable[int]) -> set[str]:
    """The inputs that some values need."""
    needed = needed_values(values, roots)
    return {
        values.settings[value]
        for value, op in enumerate(values.ops)
        if op == INPUT and needed[value]
    }


class _Emitter(Emitter):
    ports: Sequence[Port]
    slopes: Mapping[str, Slope]

    def keep(self, inputs: Iterable[str], slopes: Mapping[str, Slope]) -> None:
        """Keep inputs that nothing may read, for the axes of derivatives."""
        self.slopes = slopes
        leaves = [self.values.leaf(INPUT, name) for name in inputs]
        more = len(self.values.ops) - len(self.needed)
        self.needed += [False] * more
        self.row_of += [NO_ROW] * more
        for leaf in leaves:
            self.needed[leaf] = True

    def _out_ports(self) -> list[Port]:
        lanes = self._lane_axes()
        declared = {one.name: one.axes for one in self.inputs}
        order = dict.fromkeys(a for axes in declared.values() for a in axes if a != "time")
        out = []
        for port, value in zip(self.ports, self.targets, strict=True):
            have, timed = {*lanes[value]}, self.timed[value]
            slope = self.slopes.get(port.name)
            if slope is not None:  # as the inputs declare; a run may give others
                have.update(*(declared[name] for name in slope.inputs))
                timed = slope.timed or any("time" in declared[name] for name in slope.by)
            axes = tuple(axis for axis in order if axis in have and axis not in port.reduce)
            time = ("time",) if timed else ()
            out.append(replace(port, row=self.row_of[value], axes=(*time, *axes)))
        return out


def _port(name: str, ports: Mapping[str, Port], what: str, code: Code) -> Port:
    """The port of a name."""
    if not isinstance(name, str) or name not in ports:
        near = did_you_mean(str(name), ports) or f"it has {', '.join(ports)}"
        raise Diagnostic(code, f"the program has no {what} {name!r}", help=near)
    return ports[name]


def _names(names: str | Iterable[str]) -> list[str]:
    several = isinstance(names, Iterable) and not isinstance(names, str)
    listed: list[Any] = [*in_order("names", names)] if several else [names]
    return list(dict.fromkeys(listed)) if all(isinstance(x, str) for x in listed) else listed


def over_time(port: Port) -> Diagnostic:
    """The error for the gradient of an output with the axis time."""
    return Diagnostic(
        NO_DERIVATIVE,
        f"output {port.name!r} has a value in each period",
        help=f"take total({port.name}), last({port.name}) or at({port.name}, 12), or "
        "program.jacobian(...)",
    )


def ratio(of: str, by: str) -> str:
    """The unit of a derivative, as text.

    Example:
        >>> ratio("USD", "1/month"), ratio("USD", ""), ratio("USD", "USD"), ratio("", "year")
        ('USD/(1/month)', 'USD', '', '1/year')
    """
    if not by or of == by:
        return "" if by else of
    return f"{of or '1'}/{by if by.isidentifier() else f'({by})'}"
