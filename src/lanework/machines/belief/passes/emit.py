"""Writing belief programs: values, products, and what of them is known when compiling.

A value that depends on no evidence is a table; it is multiplied out here and now as long as it is
small, and becomes a factor of the program where evidence meets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Port, Program
from lanework.core.resident import EVERY, look, looked
from lanework.machines.belief.graph.factor import Variable
from lanework.machines.belief.isa import BELIEF, EFFECTS
from lanework.machines.belief.layout import FactorEntry, encode_sections, operands_of
from lanework.machines.belief.reference.kernels import FOLD, vm_contract
from lanework.machines.belief.semiring import vm_prob_semiring, vm_sat_semiring
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import Axis, AxisType, SelectorPayload, TensorSpec, joined

if TYPE_CHECKING:
    from lanework.machines.belief.runner import Runner

# A product that is smaller or larger is left to the program, which may run on logarithms.
TINY, HUGE = 1e-280, 1e280
_PROB, _SAT = vm_prob_semiring(), vm_sat_semiring()
Table = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the program: in a register, or a table that is not loaded yet."""

    spec: TensorSpec
    register: int | None = None
    table: Table | None = None


class Emitter:
    """Collects a program, which then runs over any semiring."""

    def __init__(self, variables: list[Variable], *, folds: bool = True) -> None:
        """Begin; `folds`: tables may be multiplied as numbers, whatever the semiring."""
        self.variables, self.folds = variables, folds
        self.code: list[Instruction] = []
        self.registers = 0
        self._specs: dict[TensorSpec, int] = {}
        self._factors: list[FactorEntry] = []
        self._tables: list[Table] = []
        self._size = 0
        self._loaded: dict[Value, int] = {}  # tables, which are kept: two are never mistaken
        self.slots: list[SlotKey] = []
        self._modes: list[int] = []
        self._selectors: list[SelectorPayload] = []

    def emit(self, name: str, *operands: int) -> int:
        """Add an instruction; the register that it makes."""
        target = 0
        if name not in EFFECTS:
            target, self.registers = self.registers, self.registers + 1
        self.code.append(Instruction(name, target, operands))
        if not len(self.code) % EVERY:
            look()
        return target

    def spec(self, spec: TensorSpec) -> int:
        """The number of a spec."""
        return self._specs.setdefault(spec, len(self._specs))

    def register(self, value: Value) -> int:
        """The register of a value, loaded if it is a table."""
        if value.register is not None:
            return value.register
        if value not in self._loaded:
            self._loaded[value] = self.emit("load_factor", self._factor(value))
        return self._loaded[value]

    def reduced(self, value: Value, keep: TensorSpec) -> Value:
        """A table at each lane's states of the variables that `keep` lacks."""
        return Value(keep, self.emit("reduce", self._factor(value), self.spec(keep)))

    def mode(self, length: int) -> Axis:
        """A new mode axis."""
        self._modes.append(length)
        return Axis(len(self._modes) - 1, AxisType.TOPOLOGICAL, length)

    def selector(self, interface: TensorSpec, modes: Axis, labels: npt.NDArray[np.int64]) -> Value:
        """One where a state of the interface belongs to a mode; a label is -1 for none."""
        scope = tuple(axis.id for axis in interface.axes)
        self._selectors.append(SelectorPayload(modes.id, scope, labels, modes.size))
        register = self.emit("load_selector", len(self._selectors) - 1)
        return Value(TensorSpec((*interface.axes, modes)), register)

    def _factor(self, value: Value) -> int:
        assert value.table is not None
        scope = tuple(axis.id for axis in value.spec.axes)
        self._factors.append(FactorEntry(scope, self._size))
        self._tables.append(value.table)
        self._size += value.table.size
        return len(self._factors) - 1

    def product(self, x: Value, y: Value, keep: TensorSpec | None = None) -> Value:
        """The product of two values, summed over all axes but those of `keep`."""
        union = joined(x.spec, y.spec)
        out = union if keep is None else keep
        known = _multiplied(x, y, out) if self.folds else None
        if known is not None:
            return known
        a, b = self.register(x), self.register(y)
        name = "contract" if set(out.keys) == set(union.keys) else "contract_eliminate"
        return Value(out, self.emit(name, a, b, self.spec(out)))

    def largest(self, values: Sequence[Value], keep: TensorSpec) -> Value:
        """The largest of the product of one or two values over all axes but those of `keep`."""
        if len(values) == 1 and values[0].spec == keep:
            return values[0]
        name = "contract_maximize" if len(values) == 2 else "maximize"
        rows = [self.register(value) for value in values]
        return Value(keep, self.emit(name, *rows, self.spec(keep)))

    def unit(self, spec: TensorSpec) -> Value:
        """Ones."""
        return Value(spec, self.emit("unit", self.spec(spec)))

    def normalized(self, x: Value) -> Value:
        """A tensor scaled to a sum of one."""
        return Value(x.spec, self.emit("normalize", self.register(x)))

    def axes(self, variables: Iterable[int]) -> TensorSpec:
        """The axes of variables."""
        sizes = ((v, self.variables[v].size) for v in variables)
        return TensorSpec(tuple(Axis(v, AxisType.GEOMETRIC, size) for v, size in sizes))

    def evidence(self, variable: int) -> Value:
        """What rows say of a variable."""
        return Value(self.axes([variable]), self.emit("load_evidence", variable))

    def leaf_spec(self, leaf: Value | int) -> TensorSpec:
        """The axes of a tensor, or of the evidence of a variable."""
        return leaf.spec if isinstance(leaf, Value) else self.axes([leaf])

    def summed(self, values: Sequence[Value], keep: TensorSpec) -> Value:
        """The product of one or two values, summed over all axes but those of `keep`."""
        first, *rest = values
        return self.product(first, rest[0], keep) if rest else self.only(first, keep)

    def only(self, x: Value, keep: TensorSpec) -> Value:
        """The sum over all axes but those of `keep`."""
        if x.spec == keep:
            return x
        return Value(keep, self.emit("eliminate", self.register(x), self.spec(keep)))

    def store(self, value: Value, slot: SlotKey) -> None:
        """Write a value to a slot."""
        self.slots.append(slot)
        self.emit("store_slot", self.register(value), len(self.slots) - 1)

    def program(
        self, ports: list[Port], header: dict[str, int | float | str], notes: tuple[str, ...]
    ) -> Program[Runner]:
        """What was collected; registers are freed after their last use and used again."""
        tables, code = [table.ravel() for table in self._tables], _with_registers(self.code)
        registers = 1 + max((instruction.target for instruction in code), default=-1)
        return Program(
            "belief",
            header,
            BELIEF.encode(code),
            tuple(ports),
            np.concatenate(tables) if tables else np.zeros(0),
            encode_sections(
                self.variables, self._factors, self._specs, self.slots, self._modes, self._selectors
            ),
            notes=(*notes, f"emit: {registers:,} registers, {self._size:,} entries of tables"),
        )


def _multiplied(x: Value, y: Value, out: TensorSpec) -> Value | None:
    """The product of two tables, if it is small, sums over nothing and loses no support.

    Sums are left to the program, since they mean something else in each semiring.
    """
    if x.table is None or y.table is None or out.entries > FOLD:
        return None
    if set(out.keys) != set(joined(x.spec, y.spec).keys):
        return None
    pair = [(x.table, x.spec), (y.table, y.spec)]
    with np.errstate(over="ignore", invalid="ignore"):
        product = vm_contract(pair, out, _PROB)
    support = vm_contract([(table != 0, spec) for table, spec in pair], out, _SAT)
    if not np.array_equal(product > TINY, support) or not (product < HUGE).all():
        return None
    return Value(out, None, product)


def _with_registers(code: list[Instruction]) -> list[Instruction]:
    """The same with as few registers as are needed at a time."""
    rows = [operands_of(instruction, OperandKind.ROW) for instruction in code]
    last = {row: number for number, read in enumerate(rows) for row in read}
    names: dict[int, int] = {}
    spare: list[int] = []
    out: list[Instruction] = []
    for number, instruction in enumerate(looked(code)):
        specs = BELIEF.by_name[instruction.name].operands
        operands = tuple(
            names[operand] if spec.kind is OperandKind.ROW else operand
            for spec, operand in zip(specs, instruction.operands, strict=True)
        )
        target, ended = 0, dict.fromkeys(rows[number])
        if instruction.name not in EFFECTS:
            target = names[instruction.target] = spare.pop() if spare else len(names)
            ended[instruction.target] = None
        out.append(Instruction(instruction.name, target, operands))
        for row in ended:
            if last.get(row, number) == number and row in names:
                out.append(Instruction("free", 0, (names[row],)))
                spare.append(names.pop(row))
    return out
