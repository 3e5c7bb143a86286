"""What a program does to axes and lanes: one function an instruction, and what memory it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lanework.core.program.isa import Dispatch
from lanework.core.program.program import Program
from lanework.core.program.verify import Finding
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.tensor import TensorSpec, joined


@dataclass(slots=True)
class Held:
    """What is in a register or a slot."""

    spec: TensorSpec  # its axes
    laned: bool  # whether it differs between lanes
    factors: int = 1  # how many tensors were multiplied for it since they were scaled
    # the logarithm of what no entry exceeds, at least 0, if no evidence weighs more than one
    most: float = 0.0
    source: int = -1  # the instruction that made it


@dataclass
class Walk:
    """What a program does to axes."""

    # the axes of the register that each instruction makes
    specs: list[TensorSpec | None] = field(default_factory=list)
    laned: list[bool] = field(default_factory=list)  # whether they differ between lanes
    # for each instruction those that made what it reads from registers and slots
    sources: list[list[int]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)  # what does not fit
    uniform: int = 0  # the most entries without lanes that are held at a time
    varying: int = 0  # the most entries of each lane that are held at a time
    product: int = 0  # the entries of the largest product, before any of it is summed
    axes: int = 0  # the most axes of a product
    slots: dict[int, TensorSpec] = field(default_factory=dict)  # the axes of what each slot gets
    # for each slot the instruction that made what is in it
    stored: dict[int, int] = field(default_factory=dict)
    factors: int = 1  # the most tensors that are multiplied before their product is scaled
    most: float = 0.0  # the largest `Held.most`

    def spec(self, number: int) -> TensorSpec:
        """The axes of the register that an instruction makes."""
        spec = self.specs[number]
        assert spec is not None
        return spec


def walk(program: Program) -> Walk:
    """What a program whose order is right does to axes, worked out once."""
    known: Walk | None = program.views.get("walk")
    if known is None:
        known = program.views["walk"] = _Walking(BeliefView.of(program)).run()
    return known


class _Walking:
    """Registers and slots by their axes, as the tape goes on."""

    def __init__(self, view: BeliefView) -> None:
        self.view, self.walk = view, Walk()
        self.held: dict[int, Held] = {}
        self.slots: dict[int, Held] = {}
        self.number = 0
        self.entries = [0, 0]  # held now without lanes, and in each lane

    def run(self) -> Walk:
        out = self.walk
        for number, instruction in enumerate(self.view.instructions):
            self.number = number
            out.sources.append([self.held[row].source for row in self.view.rows[number]])
            held = AXES[instruction.name](self, *instruction.operands)
            if held is not None:
                held.source, self.held[instruction.target] = number, held
                out.most = max(out.most, held.most)
                self.entries[held.laned] += held.spec.entries
                out.uniform = max(out.uniform, self.entries[0])
                out.varying = max(out.varying, self.entries[1])
            out.specs.append(None if held is None else held.spec)
            out.laned.append(held is not None and held.laned)
        return out

    def product(self, rows: Sequence[int], spec: int, *, sums: bool) -> Held:
        """A product of registers, summed over what it may lose."""
        inputs, out, kept = [self.held[row] for row in rows], self.walk, self.view.specs[spec]
        union = joined(*(held.spec for held in inputs))
        wrong = set(kept.keys) - set(union.keys)
        if not sums:
            wrong |= set(union.keys) - set(kept.keys)
        if wrong:
            kind, axis = min(wrong)
            out.findings.append(Finding(f"the axis {kind.name} {axis} does not fit", self.number))
        factors = sum(held.factors for held in inputs)
        out.product = max(out.product, union.entries)
        out.axes = max(out.axes, len(union.axes))
        out.factors = max(out.factors, factors)
        most = sum(held.most for held in inputs)
        most += math.log(union.entries) - math.log(kept.entries)  # as many are added up
        out.most = max(out.most, most)
        return Held(kept, any(held.laned for held in inputs), factors, max(most, 0.0))


AXES: Dispatch[Callable[..., Held | None]] = Dispatch(
    BELIEF,
    unit=lambda at, spec: Held(at.view.specs[spec], laned=False),
    load_factor=lambda at, factor: Held(
        at.view.scope(factor), laned=False, most=at.view.tops[factor]
    ),
    load_selector=lambda at, selector: Held(at.view.selected(selector), laned=False),
    load_evidence=lambda at, v: Held(TensorSpec((at.view.axis(v),)), laned=True),
    contract=lambda at, x, y, spec: at.product((x, y), spec, sums=False),
)


@AXES.register("reduce")
def _reduce(at: _Walking, factor: int, spec: int) -> Held:
    kept, scope = at.view.specs[spec], at.view.scope(factor)
    if not set(kept.keys) < set(scope.keys):
        at.walk.findings.append(Finding("a reduced factor keeps some of its axes", at.number))
    return Held(kept, laned=True, most=at.view.tops[factor])


@AXES.register("load_slot")
def _load_slot(at: _Walking, slot: int) -> Held:
    held = at.slots[slot]
    at.walk.sources[-1].append(held.source)
    return Held(held.spec, held.laned, held.factors, held.most)


@AXES.register("store_slot")
def _store_slot(at: _Walking, row: int, slot: int) -> None:
    at.slots[slot] = at.held[row]
    at.walk.slots[slot], at.walk.stored[slot] = at.held[row].spec, at.held[row].source


@AXES.register("free")
def _free(at: _Walking, row: int) -> None:
    held = at.held.pop(row)
    at.entries[held.laned] -= held.spec.entries


@AXES.register("normalize", "rescale")
def _scaled(at: _Walking, row: int) -> Held:
    return Held(at.held[row].spec, at.held[row].laned)


@AXES.register("choose")
def _choose(at: _Walking, row: int) -> Held:
    if len(at.held[row].spec.axes) != 1:
        at.walk.findings.append(Finding("an entry is chosen along one axis", at.number))
    return Held(at.held[row].spec, at.held[row].laned)


@AXES.register("sample")
def _sample(at: _Walking, row: int) -> Held:
    if len(at.held[row].spec.axes) != 1:
        at.walk.findings.append(Finding("an entry is sampled along one axis", at.number))
    return Held(at.held[row].spec, laned=True)


@AXES.register("divide")
def _divide(at: _Walking, x: int, y: int) -> Held:
    dividend, divisor = at.held[x], at.held[y]
    if not set(divisor.spec.keys) <= set(dividend.spec.keys):
        what = "a divisor has axes that the dividend lacks"
        at.walk.findings.append(Finding(what, at.number))
    return Held(dividend.spec, dividend.laned or divisor.laned, most=dividend.most)


@AXES.register("eliminate", "maximize", "contract_eliminate", "contract_maximize")
def _summed(at: _Walking, *operands: int) -> Held:
    return at.product(operands[:-1], operands[-1], sums=True)
