"""Variables of lanes, and masks that say which lanes something is for, as LLVM IR.

Both are memory of the function until LLVM makes registers of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from lanework.engines.lanes.program import LaneProgram, Operand, Word
from lanework.engines.lanes.shape import Shape
from lanework.engines.llvm.ir import Writer
from lanework.engines.llvm.lanetarget import Target


class Variables(Writer):
    """Writes what becomes of variables and masks.

    Args:
        shape: the program, and what its lanes have in common.
        target: what for.

    Attributes:
        all, number: the mask of lanes that there are, and how many.
        leaves: whether lanes may leave before they end, so that fewer and fewer are here.
    """

    def __init__(self, shape: Shape, target: Target) -> None:
        super().__init__(target.width, fused=target.fused)
        self.all, self.number, self.leaves = "", "", False
        self.shape, self.target = shape, target
        self.program: LaneProgram = shape.program
        self.word = self.program.dtype
        self.kind = f"<{self.width} x {self.word}>"
        self.ages_kind = f"<{self.width} x i32>"
        self.mask_kind = f"<{self.width} x i1>"
        self.kept_mask = self.mask_kind if target.bits else self.kind
        self.values: dict[int, str] = {}  # of variables, within a block
        self.changed: set[int] = set()
        self.labels = 0

    # Variables ------------------------------------------------------------------------------------

    def declare(self, inputs: Mapping[int, str]) -> None:
        """Give every variable its memory, and what it begins with.

        Args:
            inputs: values of the program's inputs.
        """
        for number in range(self.program.variables):
            kind = self.type_of(number)
            value = inputs.get(number, "0" if kind == self.word else "zeroinitializer")
            self.line(f"%x{number} = alloca {kind}")
            self.line(f"store {kind} {value}, ptr %x{number}")
        for number in sorted(self.shape.masked):
            self.line(f"%m{number} = alloca {self.kept_mask}")
            self.set_mask(number, None)
        for name in ("turns", "age", "exit"):
            self.line(f"%{name} = alloca i32")
            self.line(f"store i32 0, ptr %{name}")
        if self.leaves:
            self.line(f"%here = alloca {self.kept_mask}")
            self.line("%everyone = alloca i64")
            self.set_here(self.all)
        self.line(f"%ages = alloca {self.ages_kind}")
        self.line(f"store {self.ages_kind} zeroinitializer, ptr %ages")

    def type_of(self, variable: int) -> str:
        """The type of a variable."""
        return self.kind if variable in self.shape.divergent else self.word

    def read(self, operand: Operand, *, wide: bool) -> str:
        """An operand, for all lanes or for each."""
        if isinstance(operand, Word):
            number = signed(operand.bits, int(self.word[1:]))
            return f"splat ({self.word} {number})" if wide else str(number)
        known = self.values.get(operand)
        if known is None:
            known = self.emit(f"load {self.type_of(operand)}, ptr %x{operand}")
            self.values[operand] = known
        return self.splat(known, self.word) if wide and not self.shape.varies(operand) else known

    def write(self, variable: int, value: str) -> None:
        """A variable becomes something else."""
        self.values[variable] = value
        self.changed.add(variable)

    # Masks ----------------------------------------------------------------------------------------

    def set_mask(self, block: int, mask: str | None) -> None:
        """Which lanes wait for a block from now on; None for none."""
        self._keep(f"%m{block}", mask)

    def get_mask(self, block: int) -> str:
        """The lanes that wait for a block."""
        return self._kept(f"%m{block}")

    def set_here(self, mask: str) -> None:
        """Which lanes are left."""
        self._keep("%here", mask)
        self.line(f"store i64 {self.count(mask)}, ptr %everyone")

    def here(self) -> str:
        """The lanes that are left."""
        return self._kept("%here") if self.leaves else self.all

    def everyone(self) -> str:
        """How many lanes are left, as i64."""
        return self.emit("load i64, ptr %everyone") if self.leaves else self.number

    def _keep(self, place: str, mask: str | None) -> None:
        if mask is None:
            mask = "zeroinitializer"
        elif not self.target.bits:
            mask = self.emit(f"sext {self.mask_kind} {mask} to {self.kind}")
        self.line(f"store {self.kept_mask} {mask}, ptr {place}")

    def _kept(self, place: str) -> str:
        kept = self.emit(f"load {self.kept_mask}, ptr {place}")
        if self.target.bits:
            return kept
        return self.emit(f"icmp slt {self.kind} {kept}, zeroinitializer")

    def any(self, mask: str) -> str:
        """Whether a lane is in a mask."""
        n = self.width
        bits = self.emit(f"bitcast {self.mask_kind} {mask} to i{n}")
        return self.emit(f"icmp ne i{n} {bits}, 0")

    def count(self, mask: str) -> str:
        """How many lanes are in a mask, as i64."""
        n = self.width
        bits = self.emit(f"bitcast {self.mask_kind} {mask} to i{n}")
        number = self.intrinsic(f"llvm.ctpop.i{n}", f"i{n}", [(f"i{n}", bits)])
        return number if n == 64 else self.emit(f"zext i{n} {number} to i64")

    def fresh(self, what: str) -> str:
        """A new label."""
        self.labels += 1
        return f"{what}.{self.labels}"


def signed(bits: int, size: int = 32) -> int:
    """A word of so many bits as LLVM writes it."""
    return bits - (1 << size) if bits >> size - 1 else bits
