"""What a fleet program's bytes mean: instructions, routines, plan, buffers, and its header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_SECTION
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import ListingEntry, Program
from lanework.core.resident import looked
from lanework.machines.fleet import plan as plans
from lanework.machines.fleet.isa import FLEET, FleetInstr
from lanework.machines.fleet.plan import Allocation, Buffer, Plan, Routine, Symbol
from lanework.machines.fleet.state import PROFILES, Convention, Profile, Words

Numbers = npt.NDArray[np.intp]

DEPTH = 16
"""Calls within calls, where a program does not say."""

FLOATS = "floats"
"""The view of a program that has which of its instructions' numbers are written as floats."""

SEED_EPSILON = 1e-4
"""What the seed's programs take for zero in BRANCH_EQ and BRANCH_NE."""


@dataclass(frozen=True)
class FleetView:
    """A program, decoded.

    Attributes:
        instructions: in the order of the tape.
        infos: the ISA's entry of each.
        profile: the size of its VMs.
        shared: words of shared memory.
        epsilon: what counts as zero in BRANCH_EQ and BRANCH_NE.
        convention: which registers a call keeps.
        depth: calls within calls.
        routines: in the order of their entries.
        plan: what runs when.
        buffers: named regions of shared memory.
        listing: where each instruction comes from, by its number.
        symbols: for instructions whose number is made of names of buffers: what it is.
        floats: instructions whose number is written as a float, as far as a text says; None for a
            program that comes of no text, or was saved since.
    """

    instructions: tuple[Instruction, ...]
    infos: tuple[FleetInstr, ...]
    profile: Profile
    shared: int
    epsilon: float
    convention: Convention
    depth: int
    routines: tuple[Routine, ...]
    plan: Plan
    buffers: tuple[Buffer, ...]
    listing: dict[int, ListingEntry]
    symbols: dict[int, Symbol]
    floats: frozenset[int] | None = None

    @staticmethod
    def of(program: Program) -> FleetView:
        """The view of a program, decoded once.

        Raises:
            Diagnostic: LW1001, LW1003 for a tape or a section that cannot be decoded.
        """
        known: FleetView | None = program.views.get("fleet")
        if known is None:
            known = program.views["fleet"] = _decoded(program)
        return known

    @cached_property
    def words(self) -> Words:
        """The tape as uint32, shape (instructions, 5): opcode and four operands."""
        words = (
            word
            for info, each in looked(zip(self.infos, self.instructions, strict=True))
            for word in (info.code, each.target, *each.operands)
        )
        return np.fromiter(words, np.uint32, 5 * len(self.infos)).reshape(-1, 5)

    def has(self, *names: str) -> bool:
        """Whether there is an instruction of these mnemonics."""
        return not self._mnemonics.isdisjoint(names)

    @cached_property
    def _mnemonics(self) -> frozenset[str]:
        return frozenset(info.name for info in self.infos)

    def named(self, kind: OperandKind) -> Iterator[tuple[FleetInstr, Numbers, Words]]:
        """For operands of a kind, mnemonic by mnemonic: the instructions, and what each names."""
        codes = self.words[:, 0]
        for code in np.unique(codes).tolist():
            info, rows = FLEET.by_code[code], np.flatnonzero(codes == code)
            for spec, place in zip(info.operands, info.fields, strict=True):
                if spec.kind is kind:
                    yield info, rows, self.words[rows, 1 + place]

    @cached_property
    def allocation(self) -> Allocation:
        """Where every launch goes."""
        return plans.allocate(self.plan)

    @cached_property
    def slots(self) -> int:
        """Places for VMs: those of launches, and then those for VMs that others start."""
        return plans.extent(self.plan).slots + self.plan.spawn

    def routine_of(self, ip: int) -> Routine | None:
        """The routine that has an instruction."""
        for routine in self.routines:
            if routine.entry <= ip < routine.entry + routine.count:
                return routine
        return None

    def word(self, at: int) -> str:
        """A word of shared memory for people: its buffer and its place there.

        Args:
            at: its address; it may be past the end.
        """
        for buffer in self.buffers:
            if 0 <= at - buffer.offset < buffer.size:
                return f"{buffer.name}[{at - buffer.offset}]"
        before = [each for each in self.buffers if each.offset + each.size <= at]
        if not before:
            return f"word {at:,} of shared memory"
        last = max(before, key=lambda each: each.offset + each.size)
        past = at - last.offset - last.size + 1
        return f"word {at:,} of shared memory, {past:,} past the end of {last.name}"

    def where(self, ip: int) -> str:
        """An instruction for people: its routine, its number within it, its listing line."""
        routine = self.routine_of(ip)
        place = f"{routine.name}+{ip - routine.entry}" if routine else f"instruction {ip}"
        entry = self.listing.get(ip)
        if entry is None:
            return place
        line = f" (line {entry.span.line})" if entry.span is not None else ""
        return f"{place}{line}: {entry.text}" if entry.text else f"{place}{line}"


def _decoded(program: Program) -> FleetView:
    header, sections = program.header, program.sections
    code = FLEET.read(program)
    name = "header"
    try:
        profile = PROFILES[str(header.get("state", "S22"))]
        shared, depth = int(header.get("shared", 0)), int(header.get("depth", DEPTH))
        with np.errstate(over="ignore"):
            epsilon = float(np.float32(header.get("epsilon", 0.0)))
        convention = Convention(int(header.get("convention", 0)))
        name = "routines"
        routines = plans.decode_routines(sections.get("routines", plans.encode(())))
        name = "plan"
        plan = plans.decode_plan(sections.get("plan", plans.encode(((), (), 0))))
        name = "buffers"
        buffers = plans.decode_buffers(sections.get("buffers", plans.encode(())))
        name = "names"
        symbols = plans.decode_names(sections.get("names", plans.encode(())))
    except (msgspec.DecodeError, LookupError, ValueError, TypeError, OverflowError) as bad:
        raise Diagnostic(BAD_SECTION, f"the section {name} cannot be read: {bad}") from None
    return FleetView(
        tuple(code),
        tuple(FLEET.by_name[each.name] for each in code),
        profile,
        shared,
        epsilon,
        convention,
        depth,
        routines,
        plan,
        buffers,
        {entry.instruction: entry for entry in program.listing},
        symbols,
        program.views.get(FLOATS),
    )
