"""The belief machine's instruction set: products and sums of tensors, registers and slots.

Targets and rows are registers. A spec is a list of axes that the program keeps; so are slots,
factors and variables. Which semiring gives products and sums their meaning is not in the tape.
"""

from __future__ import annotations

from lanework.core.isa import ISA, Instr, OperandKind, OperandSpec

_ROW, _SPEC, _SLOT = OperandKind.ROW, OperandKind.SPEC, OperandKind.SLOT


def _instr(name: str, code: int, doc: str, *operands: tuple[str, OperandKind]) -> Instr:
    return Instr(name, code, tuple(OperandSpec(n, kind) for n, kind in operands), doc, 1)


BELIEF = ISA(
    "belief",
    [
        _instr("unit", 0, "Ones.", ("spec", _SPEC)),
        _instr("load_factor", 1, "A factor's table.", ("factor", OperandKind.FACTOR)),
        _instr(
            "load_evidence",
            2,
            "What is known of a variable in each lane: a weight for each state, ones if nothing.",
            ("variable", OperandKind.VARIABLE),
        ),
        _instr("load_slot", 3, "What is in a slot.", ("slot", _SLOT)),
        _instr("store_slot", 4, "Write a register to a slot.", ("x", _ROW), ("slot", _SLOT)),
        _instr("contract", 5, "The product.", ("x", _ROW), ("y", _ROW), ("spec", _SPEC)),
        _instr("eliminate", 6, "The sum over the axes not in spec.", ("x", _ROW), ("spec", _SPEC)),
        _instr(
            "contract_eliminate",
            7,
            "The product, summed over the axes not in spec.",
            ("x", _ROW),
            ("y", _ROW),
            ("spec", _SPEC),
        ),
        _instr("normalize", 8, "Scaled to a sum of one.", ("x", _ROW)),
        _instr(
            "rescale",
            9,
            "Scaled to a sum of one; the logarithm of the sum is added to the lane's ln Z.",
            ("x", _ROW),
        ),
        _instr(
            "reduce",
            11,
            "A factor's table at each lane's states of the variables that are not in spec.",
            ("factor", OperandKind.FACTOR),
            ("spec", _SPEC),
        ),
        _instr(
            "load_selector",
            12,
            "One where a state of an interface belongs to a mode, zero elsewhere.",
            ("selector", OperandKind.SELECTOR),
        ),
        _instr("free", 10, "Let a register go.", ("x", _ROW)),
    ],
)

EFFECTS = frozenset(("store_slot", "free"))  # what writes no register
