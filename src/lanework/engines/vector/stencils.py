"""Vector stencils as LLVM IR, and the objects they are cut out of.

A stencil is a function whose values are in machine registers of our choice. Two empty pieces of
inline assembly say which: the first makes every register that may hold a value, the last uses
them all, so that what lies between changes none but the target. What is left over is free for
the bodies. Where the compiler makes other code for other registers, the result is made in a free
register and copied; and where that does not help, operands are copied to free registers too, by
stencils of their own, and the code between is always the same.
"""

from __future__ import annotations

from contextlib import suppress

from lanework.core.ops.op import Op
from lanework.core.ops.table import ARITH
from lanework.engines.llvm.ir import emit_graph
from lanework.engines.stencil.building import Target
from lanework.engines.stencil.stencil import Constants, Stencil, extract
from lanework.engines.vector.body import Body, BodyWriter
from lanework.engines.vector.fields import (
    Choice,
    NotPatchable,
    Patchable,
    checks,
    patchable,
    samples,
    shared,
)
from lanework.engines.vector.isa import BASIC, HOLES, TARGET, Level
from lanework.engines.vector.lookups import LOOKUPS
from lanework.engines.vector.values import RESULTS, VALUES

_TYPES = "ptr, ptr, ptr, i64, i64, i64"
_NAMED = "ptr %frame, ptr %columns, ptr %dims, i64 %t, i64 %lane, i64 %end"
_BATCH = 400  # functions in a module
_JUMPS = {"next_period": 1, "back_period": -1, "next_block": 0}


def _op(op: Op) -> Body:
    graph = op.graph("f64")

    def write(w: BodyWriter, *values: str) -> str:
        return emit_graph(w, graph, list(values), w.width)

    return Body(op.name, len(graph.dtypes), True, write)


_OWN = VALUES | LOOKUPS | RESULTS
assert not _OWN.keys() & ARITH.keys()
BODIES: dict[str, Body] = _OWN | {name: _op(op) for name, op in ARITH.items()}
"""What there is: the ops of the one table, and what moves values, looks up, writes results."""


def target(level: Level) -> Target:
    """What stencils are compiled for; they leave the upper halves of registers as they are."""
    return Target("x86_64-unknown-linux-gnu", level.name, "-vzeroupper")


def names() -> list[str]:
    """All stencils, in the order of the table."""
    return [*BASIC, *(name for name in BODIES if name not in BASIC)]


def make(level: Level, constants: Constants) -> dict[str, Patchable]:
    """All stencils of a level; what they read from memory is added to `constants`.

    Raises:
        NotPatchable: one whose registers cannot be patched.
    """
    stencils: dict[str, Patchable] = {}
    left = list(BODIES.values())
    for copy in (False, True):
        patched = _patchable(level, left, constants, copy=copy)
        stencils |= patched
        left = [body for body in left if body.name not in patched]
    stencils |= _between_copies(level, left, constants)
    for name, stencil in _extract(level, _basic_texts(), set(), constants).items():
        stencils[name] = Patchable(stencil, (), early=False)
    return {name: stencils[name] for name in names()}


def texts(level: Level) -> list[str]:
    """Every body once, as a digest of the sources has it."""
    functions = [
        _function(level, body, _choices(body, len(level.registers))[0], copy=False)
        for body in BODIES.values()
    ]
    return [*("\n".join(w.lines) for w in functions), *_basic_texts()]


def _basic_texts() -> list[str]:
    """What goes on to the next period or block, or comes to an end."""
    # the way out; other code may use the lower halves of registers only
    done = _define("done", ["call void @llvm.x86.avx.vzeroupper()", "ret void"])
    return [*(_jump_text(name, step) for name, step in _JUMPS.items()), done]


def _operands(body: Body) -> tuple[int, ...]:
    """The places of a body's registers: its operands and, if it makes one, its target."""
    return (*range(body.arity), *((TARGET,) if body.makes else ()))


def _choices(body: Body, registers: int) -> list[Choice]:
    count = len(_operands(body))
    bits = (registers - 1).bit_length()
    wanted = [*samples(count, bits), *checks(body.name, count, registers)]
    return list(dict.fromkeys([*wanted, *(shared(count) if body.makes else [])]))


def _patchable(
    level: Level, bodies: list[Body], constants: Constants, *, copy: bool
) -> dict[str, Patchable]:
    """Those of the bodies whose registers can be patched."""
    compiled = _compile(level, bodies, constants, copy=copy)
    patched = {}
    for body in bodies:
        operands = _operands(body)
        with suppress(NotPatchable):
            patched[body.name] = patchable(
                compiled[body.name], body.name, len(operands), len(level.registers), operands
            )
    return patched


def _between_copies(level: Level, bodies: list[Body], constants: Constants) -> dict[str, Patchable]:
    """Bodies with their operands and results in fixed registers, between stencils that copy."""
    free = _free(level)

    def bring(w: BodyWriter, *values: str) -> None:
        for value, register in zip(values, free, strict=False):
            w.emit(
                f'call {w.kind} asm sideeffect "vmovapd $1, $0", "={{{register}}},v"'
                f"({w.kind} {value})"
            )

    def take(w: BodyWriter) -> str:
        return w.emit(f'call {w.kind} asm sideeffect "", "={{{free[0]}}}"()')

    ins = [Body(f"in{arity}", arity, False, bring) for arity in {b.arity for b in bodies}]
    copies = _patchable(level, ins, constants, copy=False)
    copies |= _patchable(level, [Body("out", 0, True, take)], constants, copy=True)
    texts, declares = [], set()
    for body in bodies:
        w = BodyWriter(level)
        values = _pinned(w, tuple(free[: body.arity]))
        given = values[len(level.registers) :]
        result = body.write(w, *given)
        if body.makes:
            w.line(f'call void asm sideeffect "", "{{{free[0]}}}"({w.kind} {result})')
        _end(w, values[: len(level.registers)])
        texts.append(_define(body.name, w.lines))
        declares |= w.declares
    middle = _extract(level, texts, declares, constants)
    wrapped = {body.name: copies[f"in{body.arity}"].then(middle[body.name]) for body in bodies}
    for body in bodies:
        if body.makes:
            wrapped[body.name] = wrapped[body.name].then(copies["out"])
    return wrapped


def _compile(
    level: Level, bodies: list[Body], constants: Constants, *, copy: bool
) -> dict[str, dict[Choice, Stencil]]:
    """The stencils of bodies for every choice that is looked at."""
    jobs = [(body, choice) for body in bodies for choice in _choices(body, len(level.registers))]
    compiled: dict[str, dict[Choice, Stencil]] = {body.name: {} for body in bodies}
    for start in range(0, len(jobs), _BATCH):
        part = jobs[start : start + _BATCH]
        texts = []
        declares: set[str] = set()
        for number, (body, choice) in enumerate(part):
            writer = _function(level, body, choice, copy=copy)
            declares |= writer.declares
            texts.append(_define(f"f{number}", writer.lines))
        extracted = _extract(level, texts, declares, constants)
        for number, (body, choice) in enumerate(part):
            compiled[body.name][choice] = extracted[f"f{number}"]
    return compiled


def _function(level: Level, body: Body, choice: Choice, *, copy: bool) -> BodyWriter:
    w = BodyWriter(level)
    values = _pinned(w)
    result = body.write(w, *(values[number] for number in choice[: body.arity]))
    if body.makes:
        assert result is not None
        if copy:
            place = choice[-1]
            register = f"{level.prefix}{level.registers[place]}"
            result = w.emit(  # what was in the register stays in use until the copy
                f'call {w.kind} asm sideeffect "vmovapd $2, $0",'
                f' "={{{register}}},0,{{{_free(level)[0]}}}"'
                f"({w.kind} {values[place]}, {w.kind} {result})"
            )
        values[choice[-1]] = result
    _end(w, values)
    return w


def _pinned(w: BodyWriter, more: tuple[str, ...] = ()) -> list[str]:
    """The values that machine registers hold at the beginning: all at once, so that nothing that
    comes between takes one of them.
    """
    registers = [*(f"{w.level.prefix}{number}" for number in w.level.registers), *more]
    every = f"{{{', '.join([w.kind] * len(registers))}}}"
    outs = ",".join(f"={{{register}}}" for register in registers)
    w.line(f'%all = call {every} asm sideeffect "", "{outs}"()')
    return [w.emit(f"extractvalue {every} %all, {n}") for n in range(len(registers))]


def _end(w: BodyWriter, values: list[str]) -> None:
    """Use the values where they have to be, and go on."""
    ins = ",".join(f"{{{w.level.prefix}{number}}}" for number in w.level.registers)
    args = ", ".join(f"{w.kind} {value}" for value in values)
    w.line(f'call void asm sideeffect "", "{ins}"({args})')
    _go(w, "next", "%t")


def _free(level: Level) -> list[str]:
    """Registers that hold no values, for copies of operands."""
    first = 0 if level.registers[0] else len(level.registers)
    return [f"{level.prefix}{first + n}" for n in range(3)]


def _go(w: BodyWriter, place: str, t: str, lane: str = "%lane") -> None:
    given = _NAMED.replace("%t", t).replace("%lane", lane)
    w.line(f"musttail call void @hole_{place}({given})")
    w.line("ret void")


def _define(name: str, lines: list[str]) -> str:
    body = "\n".join(lines)
    return f"define void @{name}({_NAMED}) nounwind #0 {{\n{body}\n}}\n"


def _jump_text(name: str, step: int) -> str:
    """On to the following period, or to the unit's next block, if there is one."""
    w = BodyWriter(Level("", 4, range(0), ()))
    if step:
        following = w.emit(f"add i64 %t, {step}")
        over, lane = w.emit(f"icmp eq i64 {following}, %end"), "%lane"
    else:
        following, lane = "%t", w.emit(f"add i64 %lane, {w.hole('reach')}")
        over = w.emit(f"icmp sge i64 {lane}, %end")
    w.line(f"br i1 {over}, label %over, label %again, !prof !1")
    w.label("again")
    _go(w, "target", following, lane)
    w.label("over")
    _go(w, "next", following, lane)
    return _define(name, w.lines)


def _extract(
    level: Level, texts: list[str], declares: set[str], constants: Constants
) -> dict[str, Stencil]:
    head = [f"@hole_{name} = external global i8, !absolute_symbol !0" for name in HOLES]
    head += [f"declare void @hole_{name}({_TYPES})" for name in ("next", "target")]
    head += ["declare void @llvm.x86.avx.vzeroupper()", *sorted(declares)]
    wide = 64 * level.width
    tail = [
        f'attributes #0 = {{ "prefer-vector-width"="{wide}" "min-legal-vector-width"="{wide}"'
        ' "no-trapping-math"="true" }',
        "!0 = !{i64 -2147483648, i64 2147483648}",
        '!1 = !{!"branch_weights", i32 1, i32 1000000}',
    ]
    data = target(level).object_code("\n".join([*head, *texts, *tail]))
    return extract("x86_64", data, constants=constants)
