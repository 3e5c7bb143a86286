"""What happens between two turns of a loop: now and then it is looked whether to go on.

Code may give up as a whole, or lane by lane: a lane that has executed more instructions than any
may is nobody's any more, and the others go on without it. So lanes are heard of that wait for one
that never ends.
"""

from __future__ import annotations

from collections.abc import Callable

from lanework.engines.lanes.order import Chain, Order
from lanework.engines.lanes.shape import Shape
from lanework.engines.llvm.lanetarget import Target
from lanework.engines.llvm.masks import Variables

CHECKS = 1024
"""Turns of loops between looks at whether to stop: a power of 2."""
SELDOM = 1 << 15
"""Turns between two pauses: a power of 2."""


class Turns(Variables):
    """Writes what is between two turns of a loop.

    Args:
        shape: the program, and what its lanes have in common.
        target: what for.

    Attributes:
        late: the condition, of a number of turns of loops as i64, under which to give up.
        limit: how many instructions a lane may execute, as i64, where lanes may leave.
        left: called where some do.
        pause: called now and then.
        aside: what is put aside then: the names of places, and their types.
    """

    def __init__(self, shape: Shape, target: Target) -> None:
        super().__init__(shape, target)
        self.order = Order(shape)
        self.exit = self.order.last_exit()
        self.late: Callable[[str], str] = lambda turns: "false"
        self.limit: Callable[[], str] = lambda: ""
        self.left: Callable[[], None] = lambda: None
        self.pause: Callable[[], None] = lambda: None
        self.aside: dict[str, str] = {}
        self._rests: set[int] = set()

    def _turn(self, to: int) -> None:
        """Once more through a loop, if it is not too late."""
        old = self.emit("load i64, ptr %turns")
        new = self.emit(f"add i64 {old}, 1")
        self.line(f"store i64 {new}, ptr %turns")
        look, low = self.fresh("look"), self.emit(f"and i64 {new}, {CHECKS - 1}")
        often = self.emit(f"icmp eq i64 {low}, 0")
        self.line(f"br i1 {often}, label %{look}, label %b{to}, !prof !0")
        self.label(look)
        ask, on = self.fresh("ask"), self.fresh("on")
        low = self.emit(f"and i64 {new}, {SELDOM - 1}")
        seldom = self.emit(f"icmp eq i64 {low}, 0")
        self.line(f"br i1 {seldom}, label %{ask}, label %{on}, !prof !0")
        self.label(ask)
        self._aside(to)
        self.line(f"br label %{on}")
        self.label(on)
        if not self.leaves:
            self.line(f"br i1 {self.late(new)}, label %late, label %b{to}")
            return
        stay = self.fresh("stay")
        self.line(f"br i1 {self.late(new)}, label %late, label %{stay}")
        self.label(stay)
        self._leave(to, self.limit())

    def _leave(self, to: int, limit: str) -> None:
        """Lanes give up that have executed more than any may; the others go on."""
        leave, masked = self.fresh("leave"), to in self.shape.masked
        over = self.emit(
            f"icmp sgt {self.elder_kind} {self.lifetimes(self.order.ages[to])}, "
            f"{self.splat(limit, 'i64')}"
        )
        here = self.get_mask(to) if masked else self.here()
        out = self.both(here, over)
        self.line(f"br i1 {self.any(out)}, label %{leave}, label %b{to}")
        self.label(leave)
        self.left()
        stay = self.rest(here, out)
        self.set_here(self.rest(self.here(), out))
        if not masked:
            self.line(f"br i1 {self.any(stay)}, label %b{to}, label %done")
            return
        self.set_mask(to, stay)
        self.line(f"br i1 {self.any(stay)}, label %b{to}, label %rest{to}")
        if to not in self._rests:
            self._rests.add(to)
            self._rest(to)

    def _rest(self, to: int) -> None:
        """On to those that waited while a masked block ran, of whose lanes none is left."""
        self.label(f"rest{to}")
        waits = self.order.waits.get(to, set())
        for block in (each for each in self.order.after(to) if each in waits and each != to):
            no = self.fresh("next")
            self.line(f"br i1 {self.any(self.get_mask(block))}, label %b{block}, label %{no}")
            self.label(no)
        some = self.fresh("some")
        self.line(f"br i1 {self.any(self.here())}, label %{some}, label %done")
        self.label(some)
        self._meet(self.order.chain(to))

    def _meet(self, chain: Chain) -> None:
        """On to where all lanes come together."""
        names = ["done" if each is None else f"b{each}" for each in chain.meets]
        if len(names) == 1:
            self.line(f"br label %{names[0]}")
            return
        which = self.emit("load i32, ptr %exit")
        cases = " ".join(f"i32 {n}, label %{name}" for n, name in enumerate(names))
        self.line(f"switch i32 {which}, label %{names[0]} [ {cases} ]")

    def lifetimes(self, more: int = 0, before: str | None = None) -> str:
        """How many instructions each lane has executed, as i64.

        Args:
            more: what is known of all by where they are.
            before: what is known of each.
        """
        ages, age = self.emit(f"load {self.ages_kind}, ptr %ages"), self.emit("load i32, ptr %age")
        if more:
            age = self.emit(f"add i32 {age}, {more}")
        for each in (self.splat(age, "i32"), *([before] if before else [])):
            ages = self.emit(f"add {self.ages_kind} {ages}, {each}")
        wide = self.emit(f"sext {self.ages_kind} {ages} to {self.elder_kind}")
        elder = self.emit(f"load {self.elder_kind}, ptr %elder")
        return self.emit(f"add {self.elder_kind} {wide}, {elder}")

    def _elder(self) -> None:
        """Put ages where there is room for more; between two pauses they stay below 2**31."""
        self.line(f"store {self.elder_kind} {self.lifetimes()}, ptr %elder")
        self.line(f"store {self.ages_kind} zeroinitializer, ptr %ages")
        self.line("store i32 0, ptr %age")

    def _aside(self, to: int) -> None:
        """Call what is called now and then, with vectors put aside by ourselves.

        A call leaves no vector register as it was. Where LLVM puts them aside, it does so whenever
        they change, in the middle of the loop.
        """
        waits = self.order.waits.get(to, set()) if to in self.shape.masked else set()
        chain = self.order.chain(to) if to in self.shape.masked else None
        ends = [] if chain is None else [each for each in chain.meets if each is not None]
        kept = set(self.program.outputs.values())
        for each in (to, *waits, *ends):
            kept |= self.shape.live[each]
        aside = [(f"%x{each}", self.kind) for each in sorted(kept & self.shape.divergent)]
        masks = sorted((waits | {to}) & self.shape.masked)
        for each in masks:
            aside += self.memory(f"%m{each}" if each != self.exit else "%live")
        if self.leaves:
            aside += self.memory("%here")
        for place, kind in aside:
            self.aside[place] = kind
            self.line(
                f"store volatile {kind} {self.emit(f'load {kind}, ptr {place}')}, ptr {place}.aside"
            )
        self._elder()
        self.pause()
        for place, kind in aside:
            self.line(
                f"store {kind} {self.emit(f'load volatile {kind}, ptr {place}.aside')}, ptr {place}"
            )
