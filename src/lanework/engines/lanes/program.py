"""What lanes do, before an engine makes code of it: blocks of steps over variables.

A machine lowers its instructions to this; `shape` finds what all lanes have in common, and
engines write it: `engines.llvm.masked` for SIMD, where a vector has some lanes and a mask says
which of them a block is for. Every lane has variables of its own, all of them words of 32 or 64
bits; what a step computes is the graph of an op. Lanes share memory, whose words they load, store
and update at an index; an index of -1, or past the end, is outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from lanework.core.ops.expr import Graph


class Word(NamedTuple):
    """A constant, by its bits."""

    bits: int


Operand = int | Word
"""A variable, or a constant."""


@dataclass(frozen=True)
class Compute:
    """A variable becomes what an op makes of operands, whose bits are taken as the op's dtypes."""

    dest: int
    graph: Graph
    args: tuple[Operand, ...]


@dataclass(frozen=True)
class Copy:
    """A variable becomes an operand, all bits of it, or as the nearest float of half precision."""

    dest: int
    source: Operand
    half: bool = False


@dataclass(frozen=True)
class Load:
    """A variable becomes the word at an index; 0 outside.

    Attributes:
        dest, index: variables.
        inside: whether it certainly is inside.
        row: whether lanes certainly have words in a row, one after another.
        counted: whether a lane that is outside is counted.
        part: the number of a part of memory that it certainly is of, if it is inside, and that may
            be elsewhere; 0 for memory as a whole.
    """

    dest: int
    index: int
    inside: bool = False
    row: bool = False
    counted: bool = True
    part: int = 0


@dataclass(frozen=True)
class Store:
    """The word at an index becomes an operand; nothing outside."""

    index: int
    source: Operand
    inside: bool = False
    row: bool = False


@dataclass(frozen=True)
class Update:
    """The word at an index becomes what an integer instruction makes of it and of an operand.

    Attributes:
        index: a variable.
        how: `add`, `min`, `max`, `and` or `or`, on signed words; in any order of lanes.
    """

    index: int
    source: Operand
    how: str


@dataclass(frozen=True)
class Later:
    """What is to be done with the word at an index is written down: others have to be first.

    Attributes:
        number: which of the lists of a lane it goes to, where it is the only one.
        index: a variable.
        source: an operand.
        after: instructions of the block, up to this.
    """

    number: int
    index: int
    source: Operand
    after: int


@dataclass(frozen=True)
class Note:
    """What a lane does at this moment is written down, for who runs lanes; as often as it does it.

    Attributes:
        what: what it is.
        source: an operand.
        after: instructions of the block, up to this.
    """

    what: int
    source: Operand
    after: int


@dataclass(frozen=True)
class Arms:
    """Lanes have gone one of two ways, which are one.

    Attributes:
        test: a variable, which is not 0 for lanes of the first.
        taken, other: the instructions that the ways stand for, by class.
    """

    test: int
    taken: Counter[int]
    other: Counter[int]


@dataclass(frozen=True)
class Tally:
    """Lanes are counted for which a variable is not 0.

    Attributes:
        test: the variable.
        what: what is counted.
    """

    test: int
    what: str


@dataclass(frozen=True)
class Refill:
    """Steps that only some lanes need: done where a variable of one of them is not 0.

    Done for lanes that do not need them, they change nothing.
    """

    when: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Blocks4:
    """Four variables become a block of Philox4x32-10; the key is the run's."""

    dests: tuple[int, int, int, int]
    counter: tuple[Operand, Operand, Operand, Operand]


@dataclass(frozen=True)
class Peek:
    """A variable becomes the 8 bytes at an address of memory that no lane changes.

    Attributes:
        dest, address: variables; the address is inside.
    """

    dest: int
    address: int


@dataclass(frozen=True)
class Unless:
    """Where a test holds for some lane, all lanes of its unit give up.

    Attributes:
        graph: the test, whose result is a bool.
        args: its operands.
    """

    graph: Graph
    args: tuple[Operand, ...]


@dataclass(frozen=True)
class Fetch:
    """Lanes begin anew: a variable becomes the next number for each of them.

    Attributes:
        dest: a variable.
        least: of eight lanes how many are to be in a loop; with fewer the others begin anew first.
    """

    dest: int
    least: int


Step = (
    Compute
    | Copy
    | Load
    | Store
    | Update
    | Later
    | Note
    | Arms
    | Tally
    | Refill
    | Blocks4
    | Peek
    | Unless
    | Fetch
)


@dataclass(frozen=True)
class Jump:
    """On to a block.

    Attributes:
        to: it.
        paid: whether lanes that go there are counted.
    """

    to: int
    paid: bool = False


@dataclass(frozen=True)
class Branch:
    """To one of two blocks.

    Attributes:
        graph: a test, whose result is a bool.
        args: its operands.
        taken, other: the blocks where it holds, and where not.
        paid: whether lanes are counted where it holds.
    """

    graph: Graph
    args: tuple[Operand, ...]
    taken: int
    other: int
    paid: bool = False


@dataclass(frozen=True)
class Stop:
    """Here lanes end.

    Attributes:
        status, fault: as the machine has them; a lane without either has ended as it should.
        at: the instruction.
    """

    status: int = 0
    fault: int = 0
    at: int = 0

    @property
    def quiet(self) -> bool:
        """Whether nothing need be written down of it."""
        return not self.status


End = Jump | Branch | Stop


@dataclass
class Block:
    """Steps, and where lanes go then.

    Attributes:
        counts: the instructions that it stands for, by class.
        extra: how many more every lane executes, at least.
    """

    steps: list[Step] = field(default_factory=list)
    end: End = Stop()
    counts: Counter[int] = field(default_factory=Counter)
    extra: int = 0

    @property
    def length(self) -> int:
        """How many instructions every lane executes, at least."""
        return self.counts.total() + self.extra

    @property
    def next(self) -> tuple[int, ...]:
        """The blocks that may follow."""
        if isinstance(self.end, Jump):
            return (self.end.to,)
        if isinstance(self.end, Branch):
            return (self.end.taken, self.end.other)
        return ()


@dataclass
class LaneProgram:
    """What each of many lanes does.

    Attributes:
        blocks: in the order in which lanes that are apart wait for one another: those in earlier
            blocks go on first. The first is where all begin.
        variables: how many there are; all are 0 at first but for
        inputs: those that have something else, by what it is.
        outputs: those that are of use in the end, by what they are.
        dtype: what variables are: `i32` or `i64`.
        same: inputs that all lanes have in common that begin together.
    """

    blocks: list[Block]
    variables: int
    inputs: dict[int, str]
    outputs: dict[str, int] = field(default_factory=dict)
    dtype: str = "i32"
    same: frozenset[str] = frozenset()


T = TypeVar("T", bound=Step | End)


def operands(step: Step | End) -> Iterator[Operand]:
    """What it takes."""
    match step:
        case Compute(args=args) | Branch(args=args) | Unless(args=args):
            yield from args
        case Blocks4(counter=counter):
            yield from counter
        case Copy(source=source) | Note(source=source):
            yield source
        case Load(index=index) | Peek(address=index):
            yield index
        case (
            Store(index=index, source=source)
            | Update(index=index, source=source)
            | Later(index=index, source=source)
        ):
            yield index
            yield source
        case Arms(test=test) | Tally(test=test):
            yield test
        case Refill(when=when, steps=steps):
            yield when
            for each in steps:
                yield from operands(each)


def uses(step: Step | End) -> Iterator[int]:
    """The variables that it takes."""
    return (each for each in operands(step) if not isinstance(each, Word))


def makes(step: Step) -> tuple[int, ...]:
    """The variables that it changes."""
    match step:
        case (
            Compute(dest=dest)
            | Copy(dest=dest)
            | Load(dest=dest)
            | Peek(dest=dest)
            | Fetch(dest=dest)
        ):
            return (dest,)
        case Blocks4(dests=dests):
            return dests
        case Refill(steps=steps):
            return tuple(dest for each in steps for dest in makes(each))
    return ()


def renamed(step: T, took: dict[int, int], given: dict[int, int]) -> T:
    """The same with other variables: those that it takes, and those that it changes."""

    def of(operand: Operand) -> Operand:
        return operand if isinstance(operand, Word) else took.get(operand, operand)

    if isinstance(step, Refill):  # of variables that have one name each
        both = {**took, **given}
        inner = tuple(renamed(each, both, both) for each in step.steps)
        return replace(step, when=took.get(step.when, step.when), steps=inner)
    changes: dict[str, Any] = {}
    for name in ("args", "counter"):
        if hasattr(step, name):
            changes[name] = tuple(map(of, getattr(step, name)))
    for name in ("index", "source", "test", "address"):
        if hasattr(step, name):
            changes[name] = of(getattr(step, name))
    if hasattr(step, "dest"):
        changes["dest"] = given.get(step.dest, step.dest)
    if hasattr(step, "dests"):
        changes["dests"] = tuple(given.get(each, each) for each in step.dests)
    return replace(step, **changes)


def renumbered(end: End, more: int) -> End:
    """The same end of a block where all blocks have higher numbers."""
    if isinstance(end, Jump):
        return replace(end, to=end.to + more)
    if isinstance(end, Branch):
        return replace(end, taken=end.taken + more, other=end.other + more)
    return end
