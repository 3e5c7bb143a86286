"""Assembly text of fleet programs.

::

    .state S22                      ; or S32, S64
    .shared 4096                    ; words of shared memory; what buffers need if left out
    .epsilon 0.0001                 ; what counts as zero in BRANCH_EQ and BRANCH_NE
    .convention hybrid              ; caller, hybrid, callee
    .depth 16                       ; calls within calls
    .spawn 100                      ; places for VMs that others start
    .const FACTOR 2.0
    .buffer image, 0, 1000, in      ; offset, words, direction: in, out, inout, temp
    .buffer gray, auto, 1000, out   ; after the one before it
    .buffer hits, auto, 10, out, u32 ; of integers: f32, u32, i32
    .buffer some, auto, 10, in, pad ; less may be given: the rest is zeros
    .extern helper                  ; in another module
    .routine double
    .alias acc r1                   ; within the routine; also `.alias counter mem3`
        SYSCALL_VMID r0
        SYSCALL_READ acc, r0        # `#` begins a comment too
    again:                          ; labels belong to their routine
        MUL acc, acc, FACTOR        ; MULI, because a number stands there
        BRANCH_LT acc, again
        ADD r0, r0, gray+2*(1-1)    ; a buffer's name is its offset, gray.size its words
        CALL helper
        SYSCALL_WRITE r0, acc
        HALT
    .phase wait_all                 ; wait_all, wait_any, none
        .launch double, image.size
        .launch double, 250, strided 4 1
        .launch double, 10, custom image
        .launch double, 100, contiguous 500, keep flock
    .repeat 100                     ; the phases up to .end
    .phase
        .launch double, resume flock
    .end

Numbers are `2.5`, `1e-3`, `inf`, `nan`, `int:42` for the bits of an integer, `bits:0x7f800001`, and
sums and products with symbols. Memory words are `5`, `[5]` or `mem5`. A target is a label, a
routine, or a number that counts from the start of the routine. A text without `.routine` is the
routine `main`, and one VM runs it if there is no `.phase`. Names that could be anything else stand
in quotes. Where phases run in an order that no `.repeat` gives, `.schedule 0 1 0` names them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_ASSEMBLY
from lanework.core.program.asmtext import Line, show_header
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Program
from lanework.machines.fleet.analysis.kinds import mixed
from lanework.machines.fleet.analysis.meanings import distinguishes
from lanework.machines.fleet.codes import BAD_PLAN
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import DEPTH, FleetView
from lanework.machines.fleet.matrices.storage import section
from lanework.machines.fleet.plan import Buffer, Launch, Routine, launches
from lanework.machines.fleet.state import Convention
from lanework.machines.fleet.text.linker import link
from lanework.machines.fleet.text.phases import Again, nested
from lanework.machines.fleet.text.reading import DERIVED, read
from lanework.machines.fleet.text.words import plain, quote, show_pattern, show_single

_LISTED = 32  # steps in a line


class FleetAssembler:
    """Reads and prints fleet programs."""

    def assemble(self, lines: Iterable[Line]) -> Program:
        """A program from its lines."""
        text = list(lines)
        module = read(text, text[0].source if text else "assembly")
        if not module.routines:
            if text:
                raise text[-1].fault("there is no instruction")
            raise Diagnostic(BAD_ASSEMBLY, "there is no instruction after .machine fleet")
        here = {routine.name for routine in module.routines}
        for name, position in module.externs.items():
            if name not in here:
                help = "link both: lanework compile FILE LIBRARY, or lanework.fleet.link"
                raise position.fault(f"{name!r} is in another file", help)
        return link([module])

    def disassemble(self, program: Program) -> Iterator[str]:
        """The lines of a program; labels are made of numbers.

        Raises:
            Diagnostic: LW1001, LW1003 for a program that cannot be decoded; LW6005 for one
                whose routines or plan cannot be written as text.
        """
        view = FleetView.of(program)
        _check(view)
        yield from _head(program, view)
        prefix = "L"
        while any(re.fullmatch(rf"{prefix}[0-9]+", routine.name) for routine in view.routines):
            prefix = f"_{prefix}"
        integers = _integers(program, view)
        for routine in view.routines:
            yield f".routine {quote(routine.name)}"
            yield from _routine(view, routine, prefix, integers)
        yield from _plan(view)


def _check(view: FleetView) -> None:
    at = 0
    for routine in view.routines:
        if routine.entry != at or routine.count < 1:
            raise Diagnostic(
                BAD_PLAN, f"the routine {routine.name!r} does not begin where the one before ends"
            )
        at += routine.count
    if at != len(view.instructions):
        raise Diagnostic(BAD_PLAN, f"instruction {at} belongs to no routine")
    plan = view.plan
    if any(not 0 <= each.routine < len(view.routines) for each in launches(plan)):
        raise Diagnostic(BAD_PLAN, "a phase launches a routine that is not there")
    if any(not 0 <= number < len(plan.phases) for number in plan.schedule):
        raise Diagnostic(BAD_PLAN, "the schedule names a phase that is not there")


def _head(program: Program, view: FleetView) -> Iterator[str]:
    yield f".state {view.profile.name}"
    yield f".shared {view.shared}"
    for name, word, absent in (
        ("epsilon", show_single(view.epsilon), not view.epsilon),
        ("convention", view.convention.name.lower(), view.convention is Convention.CALLER),
        ("depth", view.depth, view.depth == DEPTH),
        ("spawn", view.plan.spawn, not view.plan.spawn),
    ):
        if not absent:
            yield f".{name} {word}"
    for name, value in program.header.items():
        if name not in DERIVED:
            yield show_header(name, value)
    derived = {"matrices": section(view.profile, view.instructions)}  # by the assembler
    if all(_symbol(view, ip) for ip in view.symbols):
        derived["names"] = program.sections.get("names", b"")
    for name, data in program.sections.items():
        if name not in ("routines", "plan", "buffers") and derived.get(name) != data:
            yield f".section {json.dumps(name)} {data.hex() or '-'}"
    for buffer in view.buffers:
        yield f".buffer {', '.join(_buffer(buffer))}"


def _buffer(buffer: Buffer) -> Iterator[str]:
    yield from (quote(buffer.name), str(buffer.offset), str(buffer.size), buffer.direction)
    if buffer.dtype != "f32":
        yield buffer.dtype
    if buffer.pad:
        yield "pad"
    if buffer.lifetime:
        yield "steps " + " ".join(map(str, buffer.lifetime))
    if (buffer.low, buffer.high) != (None, None):
        yield f"range {_end(buffer.low)} {_end(buffer.high)}"


def _end(end: float | None) -> str:
    """An end of a range; an infinite one as a number that is too large."""
    return "any" if end is None else repr(end)


def _integers(program: Program, view: FleetView) -> set[int]:
    """Instructions whose number looks like a float, and has to be written as an integer."""
    if not distinguishes(view):
        return set()
    numbers = {
        ip: info.values(each).get("imm", 0)
        for ip, (info, each) in enumerate(zip(view.infos, view.instructions, strict=True))
    }
    alike = {ip for ip, bits in numbers.items() if bits << 1 & 0xFFFFFFFF}
    alike -= {ip for ip in alike if show_pattern(numbers[ip]).startswith(("int:", "bits:"))}
    if view.floats is not None:
        return alike - view.floats
    likely = replace(view, floats=frozenset(alike))
    return alike if not program.problems() and any(mixed(likely)) else set()


def _routine(view: FleetView, routine: Routine, prefix: str, integers: Set[int]) -> Iterator[str]:
    own = slice(routine.entry, routine.entry + routine.count)
    code = view.instructions[own]
    operands = [info.values(each) for info, each in zip(view.infos[own], code, strict=True)]
    targets = {each["target"] - routine.entry for each in operands if "target" in each}
    entries = {each.entry: each.name for each in view.routines}
    for number, instruction in enumerate(code):
        if number in targets:
            yield f"{prefix}{number}:"
        symbol = _symbol(view, routine.entry + number)
        if not symbol and routine.entry + number in integers:
            symbol = f"int:{view.infos[routine.entry + number].values(instruction)['imm']}"
        yield f"    {show(routine, instruction, entries, prefix, symbol)}"


def _symbol(view: FleetView, ip: int) -> str:
    """The number of an instruction as it is made of the buffers that it names, "" without any."""
    known, symbol = dict(enumerate(view.buffers)), view.symbols.get(ip)
    buffer = None if symbol is None else known.get(symbol.buffer)
    if symbol is None or buffer is None or not 0 <= ip < len(view.infos):
        return ""
    other = known.get(symbol.away)
    bits = view.infos[ip].values(view.instructions[ip]).get("imm", 0)
    match = re.fullmatch(r"(int:)?(-?\d+)(?:\.0)?", show_pattern(bits))
    if match is None or not all(plain(each.name) for each in (buffer, other) if each):
        return ""
    delta = int(match[2]) - buffer.offset + (0 if other is None else other.offset)
    if other is None and delta >= buffer.size:
        return ""
    words = buffer.name + ("" if other is None else f"-{other.name}")
    return (match[1] or "") + words + (f"{delta:+}" if delta else "")


def show(
    routine: Routine,
    instruction: Instruction,
    entries: Mapping[int, str],
    prefix: str = "L",
    symbol: str = "",
) -> str:
    """An instruction as it is written in its routine.

    Args:
        routine: that it belongs to.
        instruction: to be shown.
        entries: the names of routines by their first instructions.
        prefix: what labels begin with.
        symbol: its number, if it is made of a buffer's name.

    Example:
        >>> from lanework.machines.fleet.isa import FLEET
        >>> branch = FLEET.by_name["BRANCH_GT"].make(cond=1, target=12)
        >>> show(Routine("double", 10, 5), branch, {})
        'BRANCH_GT r1, L2'
    """
    info = FLEET.by_name[instruction.name]
    values = info.values(instruction)
    words = []
    for spec in info.operands:
        value = values[spec.name]
        if spec.kind is OperandKind.REGISTER:
            words.append(f"r{value}")
        elif spec.kind is OperandKind.PATTERN:
            words.append(symbol or show_pattern(value))
        elif spec.kind is not OperandKind.CODE:
            words.append(str(value))
        elif 0 <= value - routine.entry < routine.count:
            words.append(f"{prefix}{value - routine.entry}")
        else:
            known = value in entries
            words.append(quote(entries[value]) if known else str(value - routine.entry))
    return f"{info.name} {', '.join(words)}".rstrip()


def _plan(view: FleetView) -> Iterator[str]:
    plan = view.plan
    steps = nested(plan.schedule, len(plan.phases))
    if steps is None:
        for number in range(len(plan.phases)):
            yield from _phase(view, number, "")
        for start in range(0, len(plan.schedule), _LISTED):
            yield f".schedule {' '.join(map(str, plan.schedule[start : start + _LISTED]))}"
    else:
        # a plan of nothing is said, so that it is not left to the reader
        yield from _steps(view, steps or (Again(0, ()),), "")


def _steps(view: FleetView, steps: Sequence[int | Again], indent: str) -> Iterator[str]:
    for step in steps:
        if isinstance(step, int):
            yield from _phase(view, step, indent)
        else:
            yield f"{indent}.repeat {step.count}"
            yield from _steps(view, step.steps, indent + "    ")
            yield f"{indent}.end"


def _phase(view: FleetView, number: int, indent: str) -> Iterator[str]:
    phase = view.plan.phases[number]
    yield f"{indent}.phase {phase.barrier}"
    for launch in phase.launches:
        yield f"{indent}    .launch {', '.join(_launch(view, launch))}"


def _launch(view: FleetView, launch: Launch) -> Iterator[str]:
    yield quote(view.routines[launch.routine].name)
    yield str(launch.count)
    if launch.strategy == "strided":
        yield f"strided {launch.stride} {launch.base}"
    elif launch.strategy != "contiguous" or launch.base:
        yield f"{launch.strategy} {launch.base}"
    if launch.keep:
        yield f"keep {quote(launch.keep)}"
    if launch.resume:
        yield f"resume {quote(launch.resume)}"
