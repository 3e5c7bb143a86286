"""Random damage to series programs: what the gate must refuse or make sense of.

A mutation changes the program as an attacker or a broken compiler would: numbers just past their
limits, words of the tape, records of the sections, ports that point elsewhere. Many mutants stay
valid, so that the strange but legal corners of the machine run as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sized
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from lanework.core.program.isa import EXTENSION, OperandKind
from lanework.core.program.program import Port, Program
from lanework.machines.series.isa import SERIES
from lanework.machines.series.layout import (
    RowKind,
    Table,
    TableMode,
    decode_rows,
    decode_segments,
    decode_tables,
    encode_segments,
    encode_tables,
)

Mutation = Callable[[Program, random.Random], Program]
EDGES = (*range(8), 63, 64, 65, 1 << 31, (1 << 31) - 1, (1 << 32) - 2, EXTENSION)
HEADER: tuple[Any, ...] = (
    *(-2, -1, 0, 1, 3, 70, 1 << 31, 1 << 40, (1 << 64) - 1, -(1 << 63)),
    *(0.5, float("nan"), float("inf"), "", "7", "horizon"),
)
BASES = (0.0, -0.0, 0.5, -3.0, 1e300, -1.7976931348623157e308, 5e-324, float("inf"), float("nan"))
AXES = ((), ("time",), ("scenario",), ("time", "scenario"), ("point",), ("time", "time"))


def _near(rand: random.Random, limit: int) -> int:
    """A number about a limit: below it, at it, just past it, or at the edge of 32 bits."""
    how = rand.random()
    if how < 0.6 and limit > 0:
        return rand.randrange(limit)
    return max(0, limit + rand.randint(-1, 1)) if how < 0.85 else rand.choice(EDGES)


class _Nothing(Exception):
    """The program lacks what a mutation changes."""


def _place(rand: random.Random, things: Sized) -> int:
    """The place of one of several things."""
    if len(things) == 0:
        raise _Nothing
    return rand.randrange(len(things))


def _with(program: Program, name: str, data: bytes) -> Program:
    return replace(program, sections={**program.sections, name: data})


def _rows(program: Program) -> int:
    return len(decode_rows(program.sections.get("rows", b"")))


def _words(data: bytes) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return np.frombuffer(data, "<u4").copy()


# The tape ---------------------------------------------------------------------------------------


def _operand(program: Program, rand: random.Random) -> Program:
    """Another number for a target or an operand."""
    code = SERIES.decode(program.tape)
    number = _place(rand, code)
    old = code[number]
    place = rand.randint(-1, len(old.operands) - 1)
    if place < 0:
        code[number] = replace(old, target=_near(rand, _rows(program)))
    else:
        kind = SERIES.by_name[old.name].operands[place].kind
        tables = len(decode_tables(program.sections.get("tables", b"")))
        limit = {OperandKind.ROW: _rows(program), OperandKind.TABLE: tables}.get(kind, 4)
        operands = list(old.operands)
        operands[place] = _near(rand, limit)
        code[number] = replace(old, operands=tuple(operands))
    return replace(program, tape=SERIES.encode(code))


def _op(program: Program, rand: random.Random) -> Program:
    """Another op with as many operands, so that a row becomes a lag, a table or a period."""
    code = SERIES.decode(program.tape)
    number = _place(rand, code)
    old = code[number]
    own = [name for name in SERIES.by_name if SERIES.by_name[name].elementwise is None]
    same = [
        name
        for name in (own if rand.random() < 0.7 else SERIES.by_name)
        if len(SERIES.by_name[name].operands) == len(old.operands)
    ]
    new = replace(old, name=rand.choice(same))
    operands = list(new.operands)
    for place, spec in enumerate(SERIES.by_name[new.name].operands):
        if spec.kind is OperandKind.LAG and rand.random() < 0.7:
            operands[place] = rand.randint(0, 9)
        elif spec.kind is OperandKind.TABLE and rand.random() < 0.7:
            operands[place] = rand.randint(0, 2)
    code[number] = replace(new, operands=tuple(operands))
    return replace(program, tape=SERIES.encode(code))


def _order(program: Program, rand: random.Random) -> Program:
    """Instructions swapped, dropped or said twice."""
    code = SERIES.decode(program.tape)
    a, b = _place(rand, code), _place(rand, code)
    how = rand.random()
    if how < 0.7:
        b = min(a + 1, len(code) - 1) if rand.random() < 0.6 else b
        code[a], code[b] = code[b], code[a]
    elif how < 0.85:
        del code[a]
    else:
        code.insert(b, code[a])
    return replace(program, tape=SERIES.encode(code))


# Words and bytes of anything ----------------------------------------------------------------------


def _word(program: Program, rand: random.Random) -> Program:
    """Any word of the tape or a section, or its length."""
    name = rand.choice(("tape", "rows", "segments", "tables"))
    data = program.tape if name == "tape" else program.sections.get(name, b"")
    how = rand.random()
    if how < 0.1:
        data = data[: rand.randrange(len(data) + 1)]
    elif how < 0.15:
        data += rand.randbytes(rand.choice((1, 4, 8, 12, 16)))
    elif len(data) >= 4:
        words = _words(data[: len(data) // 4 * 4])
        at = _place(rand, words)
        words[at] = (
            _near(rand, 24) if rand.random() < 0.7 else int(words[at]) ^ 1 << rand.choice(range(32))
        )
        data = words.tobytes() + data[len(data) // 4 * 4 :]
    return replace(program, tape=data) if name == "tape" else _with(program, name, data)


def _section(program: Program, rand: random.Random) -> Program:
    """A section gone, or one that nobody knows."""
    sections = dict(program.sections)
    name = sorted(sections)[_place(rand, sections)]
    data = sections.pop(name)
    if rand.random() < 0.3:
        sections[rand.choice(("row", "calendar", ""))] = data
    return replace(program, sections=sections)


# Rows, segments, constants ------------------------------------------------------------------------


def _row(program: Program, rand: random.Random) -> Program:
    """Another kind or index for a row."""
    words = _words(program.sections.get("rows", b""))
    at = _place(rand, words) // 2
    if rand.random() < 0.5:
        words[2 * at] = rand.randrange(len(RowKind) + 1)
    else:
        words[2 * at + 1] = _near(rand, len(program.constants))
    return _with(program, "rows", words.tobytes())


def _segments(program: Program, rand: random.Random) -> Program:
    """Segments of another kind, cut in two, joined, or with their border moved."""
    parts = decode_segments(program.sections.get("segments", b""))
    n = _place(rand, parts)
    part = parts[n]
    how = rand.random()
    if how < 0.4:
        parts[n] = replace(part, kind=rand.randrange(4))
    elif how < 0.6 and part.stop - part.start > 1:
        cut = rand.randrange(part.start + 1, part.stop)
        parts[n : n + 1] = [replace(part, stop=cut), replace(part, start=cut)]
    elif how < 0.8 and n + 1 < len(parts):
        parts[n : n + 2] = [replace(rand.choice(parts[n : n + 2]), start=part.start)]
        parts[n] = replace(parts[n], stop=parts[n + 1].start if n + 1 < len(parts) else part.stop)
    elif n + 1 < len(parts):
        border = max(0, part.stop + rand.randint(-2, 2))
        parts[n] = replace(part, stop=border)
        parts[n + 1] = replace(parts[n + 1], start=border)
    else:
        parts[n] = replace(part, stop=_near(rand, part.stop))
    return _with(program, "segments", encode_segments(parts))


def _constants(program: Program, rand: random.Random) -> Program:
    """Fewer constants, or one of another value."""
    values = program.constants.copy()
    if rand.random() < 0.5:
        return replace(program, constants=values[: rand.randrange(len(values) + 1)])
    values[_place(rand, values)] = rand.choice(BASES)
    return replace(program, constants=values)


# Tables -----------------------------------------------------------------------------------------


def _key(table: Table, d: int, **changed: Any) -> Table:
    dims = [replace(dim, **changed) if n == d else dim for n, dim in enumerate(table.dims)]
    return replace(table, dims=tuple(dims))


def _keys(rand: random.Random, table: Table, d: int) -> Table:
    """Another key beside the one; of two they are swapped, or one is left with all the cells."""
    dims = table.dims
    if len(dims) == 1:
        return replace(table, dims=(*dims, replace(dims[0], size=rand.randint(0, 2))))
    one = (replace(dims[d], size=len(table.data)),)
    return replace(table, dims=dims[::-1] if rand.random() < 0.5 else one)


def _cell(rand: random.Random, table: Table, d: int) -> Table:
    data = table.data.copy()
    data[_place(rand, data)] = rand.choice((float("nan"), float("inf"), 0.0))
    return replace(table, data=data)


def _knot(rand: random.Random, table: Table, d: int) -> Table:
    if table.knots is None:
        return replace(table, knots=np.arange(float(len(table.data))))
    knots = table.knots.copy()
    knots[_place(rand, knots)] = rand.choice((*BASES, float(knots[0])))
    return replace(table, knots=knots)


def _shorter(rand: random.Random, table: Table, d: int) -> Table:
    keep = rand.randint(0, len(table.data))
    if len(table.dims) == 1 and rand.random() < 0.7:
        table = _key(table, 0, size=keep)
    if table.knots is not None and rand.random() >= 0.5:
        table = replace(table, knots=table.knots[:keep])
    return replace(table, data=table.data[:keep])


TABLES: tuple[Callable[[random.Random, Table, int], Table], ...] = (
    lambda rand, table, d: _key(table, d, mode=TableMode(rand.randrange(len(TableMode)))),
    lambda rand, table, d: _key(table, d, mode=TableMode(rand.randrange(len(TableMode)))),
    lambda rand, table, d: _key(table, d, base=rand.choice(BASES)),
    lambda rand, table, d: _key(table, d, size=_near(rand, table.dims[d].size)),
    *(_keys, _cell, _knot, _shorter),
)
"""What can be done to a table and one of its keys, each as often as it stands here."""


def _table(program: Program, rand: random.Random) -> Program:
    """A table with other keys, knots or cells."""
    tables = decode_tables(program.sections.get("tables", b""))
    n = _place(rand, tables)
    d = rand.randrange(len(tables[n].dims))
    tables[n] = rand.choice(TABLES)(rand, tables[n], d)
    program = _with(program, "tables", encode_tables(tables))
    return _look(program, rand, n, len(tables[n].dims)) if rand.random() < 0.7 else program


def _look(program: Program, rand: random.Random, table: int, keys: int) -> Program:
    """Some instruction made a lookup in a table."""
    code = SERIES.decode(program.tape)
    name = "lookup1" if keys == 1 or rand.random() < 0.1 else "lookup2"
    count = len(SERIES.by_name[name].operands)
    fit = [n for n, old in enumerate(code) if len(old.operands) >= count - 1]
    n = fit[_place(rand, fit)]
    code[n] = replace(code[n], name=name, operands=(*code[n].operands[: count - 1], table))
    return replace(program, tape=SERIES.encode(code))


# Ports and header ---------------------------------------------------------------------------------


def _row_of(program: Program, rand: random.Random, port: Port) -> tuple[Port, ...]:
    return (replace(port, row=_near(rand, _rows(program)) if rand.random() < 0.8 else -1),)


def _turned(program: Program, rand: random.Random, port: Port) -> tuple[Port, ...]:
    return (replace(port, direction="in" if port.direction == "out" else "out"),)


PORTS: tuple[tuple[float, Callable[[Program, random.Random, Port], tuple[Port, ...]]], ...] = (
    (0.3, _row_of),
    (0.6, lambda program, rand, port: (replace(port, axes=rand.choice(AXES)),)),
    (0.7, lambda program, rand, port: (replace(port, reduce=rand.choice(AXES)),)),
    (0.75, _turned),
    (0.8, lambda program, rand, port: (replace(port, dtype=rand.choice(("f32", "i64", ""))),)),
    (0.85, lambda program, rand, port: (replace(port, default=rand.choice(BASES)),)),
    (0.9, lambda program, rand, port: ()),
    (0.95, lambda program, rand, port: (port, port)),
)
"""What may stand in a port's place, and up to which chance; from there ports are shuffled."""


def _port(program: Program, rand: random.Random) -> Program:
    """A port elsewhere, of other axes, turned round, doubled or gone."""
    ports: list[Port] = list(program.ports)
    n = _place(rand, ports)
    how = rand.random()
    for limit, change in PORTS:
        if how < limit:
            ports[n : n + 1] = change(program, rand, ports[n])
            break
    else:
        rand.shuffle(ports)
    return replace(program, ports=tuple(ports))


def _header(program: Program, rand: random.Random) -> Program:
    """Another number of periods or horizon, or something that is no number."""
    name = rand.choice(("periods", "horizon", "horizon", "other"))
    value = _near(rand, _rows(program)) if rand.random() < 0.6 else rand.choice(HEADER)
    return replace(program, header={**program.header, name: value})


MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (_operand, 6),
    (_op, 5),
    (_order, 3),
    (_word, 2),
    (_section, 1),
    (_row, 3),
    (_segments, 4),
    (_constants, 1),
    (_table, 8),
    (_port, 5),
    (_header, 4),
)
"""Every mutation, and how often it is drawn beside the others."""


def mutate(program: Program, seed: int) -> Program:
    """A program with one to three mutations; the same seed gives the same one.

    The first that the gate refuses is the last: what it leaves may not be readable.

    Example:
        >>> from lanework.machines.series.check.generate import random_program
        >>> mutate(random_program(7), 3).hash == mutate(random_program(7), 3).hash
        True
    """
    rand = random.Random(seed)
    kinds, weights = zip(*MUTATIONS, strict=True)
    for _ in range(rand.choice((1, 1, 1, 2, 2, 3))):
        with suppress(_Nothing):
            program = rand.choices(kinds, weights)[0](program, rand)
        if program.problems():
            break
    return program
