"""`name=value` and `axis=FILE` on the command line, as the inputs of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.arguments import split_input, split_list
from lanework.core.codes import BAD_ARGUMENT, UNKNOWN_ARGUMENT
from lanework.core.data.csvtext import number_in
from lanework.core.data.files import column_names
from lanework.core.data.opening import is_data, split_path
from lanework.core.data.spelling import MISSING_TEXT, spells_number, text_advice
from lanework.core.data.standard import STANDARD
from lanework.machines.series.data.filetables import Block, Table, fill, read_input

if TYPE_CHECKING:
    from lanework.core.program.program import Port
    from lanework.machines.series.layout import SeriesView

COMMON_AXES = ("time", "scenario", "point")


@dataclass
class Inputs:
    """What the command line gives to a run: inputs by name, and tables in the order given."""

    values: Block = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


def parse(
    arguments: Sequence[str],
    view: SeriesView,
    ignored: Sequence[str] = (),
) -> Inputs:
    """Read the arguments after the file.

    Args:
        arguments: the words.
        view: the program.
        ignored: columns of tables that are left out.

    Raises:
        Diagnostic: LW8001, LW8002, LW8005, and what the files say.
    """
    ports = view.inputs
    by_name = {port.name: port for port in ports}
    axes = dict.fromkeys([*COMMON_AXES, *(axis for port in ports for axis in port.axes)])
    given: dict[str, str] = {}
    for argument in arguments:
        name, text = split_input(argument, "write name=number, name=FILE:column or axis=FILE")
        if name not in by_name and name not in axes:
            raise _unknown(name, argument, view, [*by_name, *axes])
        if name in given:
            raise Diagnostic(BAD_ARGUMENT, f"{name!r} is given twice", help="give it once")
        given[name] = text
    dashes = [
        name
        for name, text in given.items()
        if split_path(text.removeprefix("@"))[0] == STANDARD
        and not (name in by_name and text in by_name[name].categories)
    ]
    if len(dashes) > 1:
        raise Diagnostic(
            BAD_ARGUMENT,
            f"standard input is given for {dashes[0]!r} and {dashes[1]!r}",
            help="give one of them as a file",
        )
    inputs = Inputs()
    for name, text in given.items():
        if name in by_name:
            inputs.values[name] = value(by_name[name], text, [*by_name, *view.unused])
    filled = set(inputs.values)
    files = {axis: text.removeprefix("@") for axis, text in given.items() if axis not in by_name}
    for axis, path in files.items():
        table = fill(axis, path, view, filled, ignored)
        filled |= set(table.names)
        inputs.tables.append(table)
    titles = {title for path in files.values() for title in column_names(path)} if ignored else ()
    for title in ignored:
        if title not in titles:
            raise Diagnostic(
                BAD_ARGUMENT,
                f"no table has a column {title!r} to ignore",
                help=did_you_mean(title, titles),
            )
    return inputs


def _unknown(name: str, argument: str, view: SeriesView, known: list[str]) -> Diagnostic:
    """What is wrong with the name of what is no input, and no axis."""
    if name in view.unused:
        return Diagnostic(
            UNKNOWN_ARGUMENT,
            f"{name!r} is an input of the model, but no output needs it",
            help=f"leave {name}=... out, or write output(NODE) in the model for one that needs it",
        )
    near = did_you_mean(name, known)
    if name in view.formulas:
        near = f"{name} is a formula: to run with another value, --override {argument}"
    inputs = ", ".join(port.name for port in view.inputs) or "none"
    return Diagnostic(
        UNKNOWN_ARGUMENT,
        f"{name!r} is neither an input nor an axis of the program",
        help=near or f"inputs are: {inputs}",
    )


def value(port: Port, text: str, inputs: Collection[str] = ()) -> Any:
    """What `name=text` gives to a port: a number, an array, or a label.

    Args:
        port: the input.
        text: what is given for it.
        inputs: the names of all inputs.

    Raises:
        Diagnostic: LW8001, or what is wrong with the file.
    """
    if text in port.categories:
        return text
    number = number_in(text)
    if number is not None:
        return number
    path, column = split_path(text.removeprefix("@"))
    if text.startswith("@") or column is not None or is_data(path):
        return read_input(port, path, column, inputs)
    parts = text.split(",") if port.categories else split_list(port.name, text)
    parts = [part.strip() for part in parts]
    if len(parts) > 1 and port.categories and all(part in port.categories for part in parts):
        return parts
    numbers = [number_in(part) for part in parts]
    if len(parts) > 1 and all(part is not None for part in numbers):
        return numbers
    if port.categories:
        choice = ", ".join(port.categories[:8])
        advice = did_you_mean(text, port.categories) or f"give one of {choice}"
    elif spells_number(text) or text.lower() in MISSING_TEXT:
        advice = text_advice(text)
    else:
        advice = f"write {port.name}=0.05, {port.name}=@values.npy or {port.name}=table.csv:column"
    raise Diagnostic(BAD_ARGUMENT, f"{port.name}={text!r} is no number and no file", help=advice)
