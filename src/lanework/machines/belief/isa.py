"""The belief machine's instruction set: products and sums of tensors, registers and slots.

Targets and rows are registers. A spec is a list of axes that the program keeps; so are slots,
factors and variables. Which semiring gives products and sums their meaning is not in the tape.
"""

from __future__ import annotations

from lanework.core.program.isa import ISA, Instr, OperandKind, OperandSpec

_ROW, _SPEC, _SLOT = OperandKind.ROW, OperandKind.SPEC, OperandKind.SLOT
_X, _Y, _LAST = ("x", _ROW), ("y", _ROW), ("spec", _SPEC)


def _instr(
    name: str,
    code: int,
    doc: str,
    *operands: tuple[str, OperandKind],
    former: tuple[str, ...] = (),
) -> Instr:
    specs = tuple(OperandSpec(n, kind) for n, kind in operands)
    return Instr(name, code, specs, doc, former=former)


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
        _instr("store_slot", 4, "Write a register to a slot.", _X, ("slot", _SLOT)),
        _instr("contract", 5, "The product.", _X, _Y, _LAST),
        _instr("eliminate", 6, "The sum over the axes not in spec.", _X, _LAST),
        _instr(
            "contract_eliminate",
            7,
            "The product, summed over the axes not in spec.",
            _X,
            _Y,
            _LAST,
        ),
        _instr("normalize", 8, "Scaled to a sum of one.", _X),
        _instr(
            "rescale",
            9,
            "Scaled to a sum of one; the logarithm of the sum is added to the lane's ln Z.",
            _X,
        ),
        _instr(
            "reduce",
            11,
            "A factor's table at each lane's states of the variables that are not in spec.",
            ("factor", OperandKind.FACTOR),
            ("spec", _SPEC),
        ),
        _instr("free", 10, "Let a register go.", _X),
        _instr(
            "load_selector",
            12,
            "One where a state of an interface belongs to a mode, zero elsewhere.",
            ("selector", OperandKind.SELECTOR),
        ),
        _instr("maximize", 13, "The largest over the axes not in spec.", _X, _LAST),
        _instr(
            "contract_maximize",
            14,
            "The largest of the product over the axes not in spec.",
            _X,
            _Y,
            _LAST,
        ),
        _instr("choose", 15, "One where an entry is the largest, else zero.", _X),
        _instr(
            "sample",
            16,
            "One at an entry that each lane samples, with chances in proportion; else zero.",
            _X,
            former=("draw",),
        ),
        _instr("divide", 17, "Entry over entry; over nothing it is nothing.", _X, _Y),
    ],
)

# Products and sums: how many tensors they take, and whether the largest stands for the sum.
CONTRACTIONS = {
    "contract": (2, False),
    "eliminate": (1, False),
    "contract_eliminate": (2, False),
    "maximize": (1, True),
    "contract_maximize": (2, True),
}
EFFECTS = frozenset(("store_slot", "free"))  # what writes no register
