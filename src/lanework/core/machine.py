"""Machines: where each has its isa, verifier, runner..., and how one is looked up by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic
from lanework.base.lazy import load
from lanework.core.codes import BAD_OPTION, UNKNOWN_MACHINE
from lanework.core.options import nearest

if TYPE_CHECKING:
    from lanework.base.limits import Limits

MACHINES = {
    name: f"lanework.machines.{name}.machine:MACHINE"
    for name in ("series", "belief", "register", "fleet")
}
"""Where each machine's face is: what is added here has all commands, runners and files."""


@dataclass(frozen=True)
class Machine:
    """The face of a machine: what it has, as ``module:name``, loaded when it is first needed.

    Attributes:
        name: as programs and assembly text name it.
        isa: its instructions, an `ISA`.
        verify: a function from a program to every rule that it breaks.
        runner: the class of its runners.
        text: the class whose `assemble` makes a program of lines of assembly text, and whose
            `disassemble` gives the lines of a program; neither has ``.machine``.
        cli: what it says to the command line, a `CommandLine`.
        read: a function from the path of a model file to a model.
        model: the class of its models, if they have no method `compile`.
        compile: a function from such a model, and options, to a program.
        fuzz: a function that returns the `Campaign` of its fuzzer, if it has one.
        program: the class of its programs, if they can do more than all can.
        facts: a function from a program to what `Program.inspect` also says, if any.
        drawing: a function from a program to a `Drawing` of it, if there is one.
        inputs: what it says of an input port: titles, and the fields of `Port` that they are of.
        outputs: likewise of an output port.
    """

    name: str
    isa: str
    verify: str
    runner: str
    text: str
    cli: str
    read: str = ""
    model: str = ""
    compile: str = ""
    fuzz: str = ""
    program: str = ""
    facts: str = ""
    drawing: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    def load(self, name: str) -> Any:
        """What an attribute above names, loaded; None if the machine has none."""
        where = getattr(self, name)
        return load(where) if where else None

    def bind(
        self, program: Any, engine: str = "auto", limits: Limits | None = None, **options: Any
    ) -> Any:
        """A runner: called with inputs, it returns a result.

        Raises:
            Diagnostic: LW2005 for an option that it has not.
        """
        runner = self.load("runner")
        known = signature(runner).parameters.values()
        if all(each.kind is not Parameter.VAR_KEYWORD for each in known):
            names = self.options()
            for name in options.keys() - set(names):
                what = f"there is no option {name!r}"
                raise Diagnostic(BAD_OPTION, what, help=nearest(name, names))
        return runner(program, engine, limits, **options)

    def options(self) -> list[str]:
        """The names of what `bind` takes."""
        runner = self.load("runner")
        known = signature(runner).parameters.values()
        named = [each.name for each in known if each.kind is not Parameter.VAR_KEYWORD]
        return [*(name for name in named if name != "program"), *getattr(runner, "SETTINGS", ())]


@cache
def find(name: str) -> Machine:
    """The machine of this name.

    Raises:
        Diagnostic: LW1002.
    """
    if name not in MACHINES:
        raise Diagnostic(
            UNKNOWN_MACHINE,
            f"there is no machine {name!r}",
            help=f"there is: {', '.join(MACHINES)}",
        )
    machine: Machine = load(MACHINES[name])
    return machine
