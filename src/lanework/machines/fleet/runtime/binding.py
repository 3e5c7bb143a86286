"""Inputs as words of shared memory, and shared memory as outputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.columns import Column
from lanework.core.data.values import DTYPES, Given, as_array, exactly
from lanework.core.program.program import Port, Program
from lanework.machines.fleet.codes import BAD_INPUT
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Buffer
from lanework.machines.fleet.runtime.memory import Lent, Memories, Shared
from lanework.machines.fleet.runtime.rows import Array, Labels, Shape, in_order
from lanework.machines.fleet.state import Spans, Words, without


@dataclass(frozen=True)
class Bound:
    """Inputs of a run.

    Attributes:
        lent: shared memory as it begins.
        blank: parts of it that are zeros, as nothing was given for them.
        unset: of these, what holds anything yet, as a run that comes to its end does not mind.
        apart: inputs that are not in it, by name: where they are given, or were converted.
        shapes: of what was given for all words of a port, by port.
        labels: along the axes of what was given, by the shape of what has them.
    """

    lent: Lent
    blank: Spans
    unset: Spans
    apart: dict[str, Words]
    shapes: Mapping[str, Shape]
    labels: Mapping[Shape, Labels]

    def clear(self) -> None:
        """What was not set becomes zeros: the only group, which writes it, has been broken off."""
        for first, last in self.unset:
            self.lent.words[first:last] = 0


def bind_inputs(program: Program, inputs: Mapping[str, Any]) -> Words:
    """Shared memory as a run begins; see `bind`."""
    return bind(program, inputs).lent.words


def bind(
    program: Program,
    inputs: Mapping[str, Any],
    memories: Memories | None = None,
    lends: Collection[str] = (),
    overwritten: Spans = (),
) -> Bound:
    """Shared memory as a run begins: zeros, with what is given at its place.

    `shared` is put in first, from word 0 on, and buffers over it. A buffer is given whole, unless
    it is padded. One that is `in` has to be given, or `shared` as far as it reaches. Inputs that
    have labels (an index of pandas, coordinates of xarray, a column of a file) are put into one
    order with others; see `rows`.

    Args:
        program: the program.
        inputs: arrays of numbers by port, of any shape, which is flattened; stored exactly as what
            the buffer is declared to hold.
        memories: where shared memory is taken from, once inputs are known to be right; by
            default it is new.
        lends: inputs that need not be put there, where an array is as the words would be.
        overwritten: words that need not be zeros where nothing is given for them.

    Raises:
        Diagnostic: LW6010.
    """
    view = FleetView.of(program)
    shapes = dict[str, Shape]()
    known = {port.name: port for port in program.inputs}
    for name in inputs:
        if name not in known:
            raise Diagnostic(
                BAD_INPUT,
                f"the program has no input {name!r}",
                help=did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}",
            )
    buffers = {each.name: each for each in view.buffers}
    reaches, given = 0, dict[str, Array]()
    for name, port in known.items():
        buffer = buffers.get(name)
        if name not in inputs:
            if buffer is not None:
                _left_out(buffer, reaches)
            continue
        values = _words(view, port, inputs[name])
        size = view.shared if buffer is None else buffer.size
        _fits(name, values.size, size, buffer)
        given[name] = values
        if values.size == size and values.ndim > 1:
            shapes[name] = values.shape
        if buffer is None:
            reaches = values.size
    sizes = {name: buffers[name].size if name in buffers else view.shared for name in given}
    labels = in_order(given, inputs, sizes)
    rows = {name: (known[name].row, known[name].row + each.size) for name, each in given.items()}
    blank = without([(0, view.shared)], sorted(rows.values()))
    lent = Lent(np.zeros(view.shared, np.uint32)) if memories is None else memories.take()
    words = lent.words
    zeros = blank if memories is None else without(blank, overwritten)
    for first, last in zeros if memories is not None else ():
        words[first:last] = 0
    apart = {}
    for name, values in given.items():
        if name in lends and values.size == sizes[name] and values.flags.c_contiguous:
            apart[name] = values.reshape(-1).view(np.uint32)
        else:
            words[slice(*rows[name])].view(values.dtype).reshape(values.shape)[...] = values
    return Bound(lent, blank, without(blank, zeros), apart, shapes, labels)


def _left_out(buffer: Buffer, reaches: int) -> None:
    if buffer.direction == "in" and not buffer.pad and reaches < buffer.offset + buffer.size:
        raise Diagnostic(
            BAD_INPUT,
            f"the input {buffer.name!r} is not given: {buffer.size:,} words of {buffer.dtype}",
            help=f"give {buffer.name}=..., or declare that zeros will do: {_padded(buffer)}",
        )


def _fits(name: str, count: int, size: int, buffer: Buffer | None) -> None:
    if count == size or (count < size and (buffer is None or buffer.pad)):
        return
    what = f"{name} has {count:,} number{'s' * (count != 1)}, and "
    if buffer is None:
        help = "give fewer, or make .shared larger"
        raise Diagnostic(BAD_INPUT, f"{what}there is room for {size:,}", help=help)
    help = f"give {size:,}"
    if count < size:
        help += f", or declare that the rest is zeros: {_padded(buffer)}"
    raise Diagnostic(BAD_INPUT, f"{what}the buffer {size:,} words", help=help)


def _padded(buffer: Buffer) -> str:
    parts = [buffer.name, str(buffer.offset), str(buffer.size), buffer.direction]
    return f".buffer {', '.join([*parts, *[buffer.dtype] * (buffer.dtype != 'f32'), 'pad'])}"


def _words(view: FleetView, port: Port, given: Any) -> Array:
    what = Given(f"input {port.name!r}", BAD_INPUT)
    what = given.given(what) if isinstance(given, Column) else what
    array = as_array(given, what)
    wide = array.dtype.kind in "iu" and array.dtype.itemsize == 4
    if port.dtype == "f32" and wide and _integers(view):
        declare = "" if port.name == "shared" else f"declare .buffer {port.name} as u32 or i32, "
        what.refuse(
            f"holds {array.dtype}, and the program works on integers, but these words are floats",
            f"{declare}give patterns by array.view(numpy.float32), or floats by"
            " array.astype(numpy.float32)",
        )
    if port.name == "shared" and array.dtype != np.float32 and array.size <= view.shared:
        return _shared(view, array, what)
    listed = given if isinstance(given, list | tuple) else array
    return exactly(listed, port.dtype, what)


@dataclass(frozen=True)
class _InBuffer(Given):
    """Some of the words of an input, which say their places among all."""

    given: Given
    first: int
    all: Shape

    def refuse(
        self, message: str, help: str, place: int | None = None, shape: tuple[int, ...] = ()
    ) -> NoReturn:
        """Refuse it.

        Raises:
            Diagnostic: always.
        """
        self.given.refuse(message, help, None if place is None else place + self.first, self.all)


def _shared(view: FleetView, array: Array, what: Given) -> Array:
    """Numbers from word 0 on, each as what the buffer holds that it is in.

    Raises:
        Diagnostic: LW6010 for a number that its buffer does not have, and one whose word is in
            several buffers that hold other kinds.
    """
    kinds = np.zeros(array.size, np.uint8)  # 0: in no buffer
    names = list(DTYPES)
    for buffer in view.buffers:
        held = kinds[buffer.offset : buffer.offset + buffer.size]
        kind = 1 + names.index(buffer.dtype)
        other = (held != 0) & (held != kind)
        if other.any():
            at = buffer.offset + int(np.argmax(other))
            what.refuse(
                f"has word {at}, which is in buffers of {names[kinds[at] - 1]} and {buffer.dtype}",
                "give the buffers by their names",
            )
        held[:] = kind
    kinds[kinds == 0] = 1 + names.index("f32")
    starts = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), array.size]
    flat, out = array.reshape(-1), np.zeros(array.size, np.uint32)
    for start, stop in itertools.pairwise(starts):
        if start < stop:
            part = _InBuffer(what.what, what.code, what, start, array.shape)
            words = exactly(flat[start:stop], names[kinds[start] - 1], part)
            out[start:stop] = words.view(np.uint32)
    return out.view(np.float32).reshape(array.shape)


def _integers(view: FleetView) -> bool:
    """Whether a program computes with integers."""
    ops = {op for info in view.infos for op in (info.elementwise, info.updates)}
    return any(op is not None and op.dtypes == ("i32",) for op in ops)


def outputs(
    program: Program,
    peek: Callable[[int, int], Words],
    shapes: Mapping[str, Shape],
    wanted: Collection[str],
    lent: Lent | None = None,
    apart: int = 0,
) -> dict[str, Any]:
    """The output ports, each of the dtype that is declared and in the shape in which it was given.

    Args:
        program: the program.
        peek: gives a copy of words of shared memory, from the first on so many.
        shapes: of inputs by name; what was not given has one axis.
        wanted: the ports.
        lent: shared memory, if it stays as it is. All of it, if that is wanted, is copied when
            somebody looks at it; else what is most of it need not be copied.
        apart: words of it that nobody has touched.
    """
    view = FleetView.of(program)
    sizes = {each.name: each.size for each in view.buffers} | {"shared": view.shared}
    out: dict[str, Any] = {}
    ports = [port for port in program.outputs if port.name in wanted]
    if lent is not None and "shared" not in wanted:
        spans = sorted((port.row, port.row + sizes[port.name]) for port in ports)
        alone = all(end <= first for (_, end), (first, _) in itertools.pairwise(spans))
        if alone and 2 * sum(end - first for first, end in spans) >= view.shared - apart:
            words = np.asarray(lent)
            peek = lambda first, count: words[first : first + count]  # noqa: E731
    for port in ports:
        if port.name == "shared" and lent is not None:
            out["shared"] = Shared(lent, shapes.get("shared", (view.shared,)))
            continue
        part = peek(port.row, sizes[port.name]).view(DTYPES[port.dtype])
        out[port.name] = part.reshape(shapes.get(port.name, part.shape))
    return out
