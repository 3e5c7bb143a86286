"""The rules of belief programs, and what they will need of memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_PROGRAM, ORDER_BROKEN
from lanework.core.program.isa import OperandKind
from lanework.core.program.program import Program
from lanework.core.program.verify import Finding, Rule, run_rules
from lanework.machines.belief.codes import AXES_DISAGREE
from lanework.machines.belief.isa import BELIEF, CONTRACTIONS, EFFECTS
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import TensorSpec, joined


def verify(program: Program) -> list[Diagnostic]:
    """Every rule that a program breaks."""
    try:
        view = BeliefView.of(program)
    except Diagnostic as error:
        return [error]
    found = run_rules(program, view, RULES)
    return found or _ports(program, view)


def _numbers(view: BeliefView) -> Iterator[Finding]:
    limits = {
        OperandKind.FACTOR: len(view.factors),
        OperandKind.VARIABLE: len(view.variables),
        OperandKind.SPEC: len(view.specs),
        OperandKind.SLOT: len(view.slots),
        OperandKind.SELECTOR: len(view.selectors),
    }
    for number, instruction in enumerate(view.instructions):
        info = BELIEF.by_name[instruction.name]
        for spec, operand in zip(info.operands, instruction.operands, strict=True):
            if operand >= limits.get(spec.kind, 1 << 32):
                yield Finding(f"there is no {spec.kind.value} {operand}", number)


def _order(view: BeliefView) -> Iterator[Finding]:
    """Registers are made before they are read; slots are written once, and before they are read."""
    held: set[int] = set()
    written: set[int] = set()
    for number, instruction in enumerate(view.instructions):
        info = BELIEF.by_name[instruction.name]
        for spec, operand in zip(info.operands, instruction.operands, strict=True):
            if spec.kind is OperandKind.ROW and operand not in held:
                yield Finding(f"the register {operand} is read, and holds nothing", number)
        if instruction.name == "free":
            held.discard(instruction.operands[0])
        elif instruction.name == "store_slot":
            slot = instruction.operands[1]
            if slot in written:
                yield Finding(f"the slot {view.slots[slot]} is written twice", number)
            written.add(slot)
        elif instruction.name == "load_slot" and instruction.operands[0] not in written:
            yield Finding(f"the slot {view.slots[instruction.operands[0]]} is empty", number)
        if instruction.name not in EFFECTS:
            if instruction.target in held:
                yield Finding(f"the register {instruction.target} was not freed", number)
            held.add(instruction.target)


def _axes(view: BeliefView) -> Iterator[Finding]:
    for number, problem in _walk(view).problems:
        yield Finding(problem, number)


RULES = (
    Rule(BAD_PROGRAM, _numbers, gate=True),
    Rule(ORDER_BROKEN, _order, gate=True),
    Rule(AXES_DISAGREE, _axes),
)


@dataclass
class Walk:
    """What a program does to axes.

    Attributes:
        specs: the axes of the register that each instruction makes.
        laned: whether they differ between lanes.
        problems: instruction and sentence.
        uniform: the most entries without lanes that are held at a time.
        varying: the most entries of each lane that are held at a time.
        product: the entries of the largest product, before any of it is summed.
        axes: the most axes of a product.
        slots: the axes of what each slot gets.
        factors: the most tensors that are multiplied before their product is scaled.
    """

    specs: list[TensorSpec | None]
    laned: list[bool]
    problems: list[tuple[int, str]]
    uniform: int = 0
    varying: int = 0
    product: int = 0
    axes: int = 0
    slots: dict[int, TensorSpec] = field(default_factory=dict)
    factors: int = 1


def _walk(view: BeliefView) -> Walk:
    """Follow axes and lanes through the tape."""
    found = Walk([], [], [])
    held: dict[int, tuple[TensorSpec, bool]] = {}
    slots: dict[int, tuple[TensorSpec, bool]] = {}
    now = [0, 0]
    depth: dict[int, int] = {}
    for number, instruction in enumerate(view.instructions):
        name, operands = instruction.name, instruction.operands
        made: tuple[TensorSpec, bool] | None = None
        if name in ("choose", "draw") and len(held[operands[0]][0].axes) != 1:
            found.problems.append((number, "an entry is decided along one axis"))
        if name == "unit":
            made = view.specs[operands[0]], False
        elif name == "load_factor":
            made = view.scope(operands[0]), False
        elif name == "load_selector":
            made = view.selected(operands[0]), False
        elif name == "load_evidence":
            made = TensorSpec((view.axis(operands[0]),)), True
        elif name == "reduce":
            made = view.specs[operands[1]], True
            lost = set(made[0].keys) - set(view.scope(operands[0]).keys)
            if lost or len(made[0].axes) == len(view.scope(operands[0]).axes):
                found.problems.append((number, "a reduced factor keeps some of its axes"))
        elif name == "load_slot":
            made = slots[operands[0]]
        elif name == "store_slot":
            slots[operands[1]] = held[operands[0]]
            found.slots[operands[1]] = held[operands[0]][0]
        elif name == "free":
            spec, laned = held.pop(operands[0])
            now[laned] -= spec.entries
        elif name in ("normalize", "rescale", "choose"):
            made = held[operands[0]]
        elif name == "draw":
            made = held[operands[0]][0], True
        elif name == "divide":
            (spec, laned), (below, also) = (held[row] for row in operands)
            made = spec, laned or also
            if set(below.keys) - set(spec.keys):
                found.problems.append((number, "a divisor has axes that the dividend lacks"))
        else:
            inputs = [held[row] for row in operands[:-1]]
            out = view.specs[operands[-1]]
            whole = joined(*(spec for spec, _ in inputs))
            wrong = set(whole.keys) - set(out.keys) if name == "contract" else set()
            wrong |= set(out.keys) - set(whole.keys)
            if wrong:
                kind, axis = sorted(wrong)[0]
                found.problems.append((number, f"the axis {kind.name} {axis} does not fit"))
            made = out, any(laned for _, laned in inputs)
            found.product = max(found.product, whole.entries)
            found.axes = max(found.axes, len(whole.axes))
            found.factors = max(found.factors, sum(depth[row] for row in operands[:-1]))
        if made is not None:
            product = name in CONTRACTIONS
            depth[instruction.target] = sum(depth[r] for r in operands[:-1]) if product else 1
            held[instruction.target] = made
            now[made[1]] += made[0].entries
            found.uniform = max(found.uniform, now[0])
            found.varying = max(found.varying, now[1])
        found.specs.append(None if made is None else made[0])
        found.laned.append(made is not None and made[1])
    return found


def walk(program: Program) -> Walk:
    """What a verified program does to axes, worked out once."""
    known: Walk | None = program.views.get("walk")
    if known is None:
        known = program.views["walk"] = _walk(BeliefView.of(program))
    return known


def _ports(program: Program, view: BeliefView) -> list[Diagnostic]:
    """Inputs are variables; outputs are slots that hold a variable's belief, or the whole sum."""
    out = []
    stored = walk(program).slots
    for port in program.ports:
        wrong = ""
        if port.direction == "in":
            if port.row >= len(view.variables):
                wrong = "leads nowhere"
            elif port.categories != view.variables[port.row].states:
                wrong = "has other states than its variable"
        elif port.row not in stored:
            wrong = "leads to no slot that is written"
        elif stored[port.row] != _answer(view, view.slots[port.row]):
            wrong = f"leads to the slot {view.slots[port.row]}, which holds something else"
        if wrong:
            out.append(Diagnostic(BAD_PROGRAM, f"the port {port.name!r} {wrong}"))
    return out


def _answer(view: BeliefView, slot: SlotKey) -> TensorSpec | None:
    """The axes of what a slot of results must hold."""
    if slot == ("Z",):
        return TensorSpec()
    kind, *rest = slot
    if kind == "gradient":
        return TensorSpec(tuple(map(view.axis, rest[1:]))) if _known(view, rest[1:]) else None
    if kind == "posterior":
        return _posterior(view, rest)
    if kind == "joint" or (kind in ("bel", "state") and len(rest) == 1):
        return TensorSpec(tuple(map(view.axis, rest))) if _known(view, rest) else None
    return None


def _posterior(view: BeliefView, rest: list[object]) -> TensorSpec | None:
    """The axis of a variable of which one state is asked for."""
    match rest:
        case [int(variable), int(state)] if _known(view, [variable]):
            axis = view.axis(variable)
            return TensorSpec((axis,)) if 0 <= state < axis.size else None
    return None


def _known(view: BeliefView, variables: list[object]) -> bool:
    return all(type(v) is int and 0 <= v < len(view.variables) for v in variables)
