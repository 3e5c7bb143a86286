"""The reference: a register program stepped through in plain Python.

It defines what every engine does: results, traps, fuel, to the bit. Each instruction becomes a
function of the state (`steps`) that gives the number of the next one, or -1 when the program stops.
"""

from __future__ import annotations

from lanework.machines.register.binding import Externals
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.reference.steps import STEPS, Site
from lanework.machines.register.state import PC, STATUS, RegisterBank, Status


class Interpreter:
    """A program ready to be stepped through."""

    def __init__(self, view: RegisterView, externals: Externals | None = None) -> None:
        self.view = view
        self.failure: BaseException | None = None  # what an external function raised
        sites = (
            Site(view, number, externals or {}, self._fail)
            for number in range(len(view.instructions))
        )
        self.steps = [STEPS[site.info.name](site) for site in sites]

    def _fail(self, failure: BaseException) -> None:
        self.failure = failure

    def run(self, bank: RegisterBank, most: int | None = None) -> Status:
        """Go on from where the bank stands, for at most so many instructions."""
        words, steps = bank.words, self.steps
        words[STATUS] = Status.RUNNING
        at = self.view.index.get(words[PC], -1)
        end = len(steps)
        left = -1 if most is None else most
        while at >= 0:
            if at == end:  # a return from the outermost level
                words[PC], words[STATUS] = self.view.addresses[end], Status.HALT
                break
            if left == 0:
                words[PC] = self.view.addresses[at]
                break
            left -= 1
            at = steps[at](bank)
        return bank.status
