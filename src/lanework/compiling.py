"""One way to compile: a model, a graph, modules, assembly text or a file of any machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from lanework.base.errors import Diagnostic
from lanework.core.codes import NO_MODEL, NO_SUCH_FILE
from lanework.core.machine import MACHINES, Machine, find
from lanework.core.options import check_options
from lanework.core.waiting import LONG, bounded

if TYPE_CHECKING:
    from lanework.base.limits import Limits
    from lanework.core.program.program import Program
    from lanework.machines.belief.graph.model import FactorGraph
    from lanework.machines.belief.runner import Runner as _Belief
    from lanework.machines.belief.semiring import VMSemiringRuntime
    from lanework.machines.fleet.runner import Runner as _Fleet
    from lanework.machines.fleet.text.module import Module

Taken = ParamSpec("Taken")
P = TypeVar("P", covariant=True)


class Compilable(Protocol[Taken, P]):
    """A model of some machine."""

    def compile(self, *args: Taken.args, **options: Taken.kwargs) -> P:
        """The program of the model."""


@overload
def compile(
    model: FactorGraph,
    query: str | Sequence[str] = "all",
    *,
    evidence: Iterable[str] | None = None,
    observed: Iterable[str] = (),
    semiring: str | VMSemiringRuntime = "prob",
    strategy: str = "auto",
    seconds: float = 0.2,
    seed: int = 0,
    limits: Limits | None = None,
) -> Program[_Belief]: ...
@overload
def compile(model: Module, *others: Module, limits: Limits | None = None) -> Program[_Fleet]: ...
@overload
def compile(model: str | os.PathLike[str], *, limits: Limits | None = None) -> Program: ...
@overload
def compile(model: Compilable[Taken, P], *args: Taken.args, **options: Taken.kwargs) -> P: ...
def compile(model: Any, *args: Any, **options: Any) -> Any:
    r"""Compile to a program.

    Args:
        model: a model, such as `lanework.series.Model`; a `lanework.belief.FactorGraph`; modules of
            a fleet, which are linked; assembly text of any machine; or the path of a model, a
            network, assembly or a compiled program, `-` for standard input. A string that has a
            line break or begins with ``.machine`` is assembly text.
        *args: of a model what its own `compile` takes, of a graph what `compile_graph` does, of a
            module the others; of a text or a file nothing.
        **options: likewise; of all of them `limits`, the memory that the process may grow by
            meanwhile, and a deadline.

    Raises:
        Diagnostic: LW1012 for what is none of these; what is wrong with the model, and where;
            LW0101.
        Trap: LW2001.

    Example:
        >>> import lanework as lw
        >>> lw.compile("mul r0, r0, r1\n halt").run(r0=6, r1=7)["r0"]
        array(42, dtype=uint64)
    """
    if isinstance(model, str | os.PathLike):
        limits = options.pop("limits", None)
        return bounded(limits, lambda: _source(model, bool(args or options)), LONG)
    own = getattr(model, "compile", None)
    if own is not None and not isinstance(model, type):
        return _checked(own, options)(*args, **options)
    return _checked(_machine(model).load("compile"), options)(model, *args, **options)


def _checked(compiler: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    """A compiler that has these options.

    Raises:
        Diagnostic: LW2005, with a suggestion.
    """
    check_options(compiler, options)
    return compiler


def _machine(model: object) -> Machine:
    """The machine whose models are of this class."""
    kinds = {f"{kind.__module__}:{kind.__qualname__}" for kind in type(model).__mro__}
    for name in MACHINES:
        machine = find(name)
        if machine.model in kinds:
            return machine
    what = f"an object of the class {type(model).__name__} is nothing to compile"
    help = "give a model, a graph, modules, assembly text, or the path of a file"
    if isinstance(model, type):
        what, help = f"{model.__name__} is a class", f"make a model of it: {model.__name__}(...)"
    elif hasattr(model, "tape"):
        what, help = "a program is compiled already", "bind it, or run it"
    raise Diagnostic(NO_MODEL, what, help=help)


def _source(source: str | os.PathLike[str], options: bool) -> Any:
    """The program of a text or of a file."""
    from lanework.core.cli import Request
    from lanework.core.program.asm import assemble

    if options:
        what = "a text or a file is compiled as it is, and takes no options"
        help = "read it first: lanework.series.load_model(path), lanework.belief.read_network(path)"
        raise Diagnostic(NO_MODEL, what, help=help)
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith(".machine")):
        program = assemble(source)
        program.verify()
        return program
    if not os.fspath(source):
        what = "an empty text is no path, and holds no assembly"
        raise Diagnostic(NO_MODEL, what, help="give the path of a file, or assembly text")
    request = Request(os.fspath(source))
    try:
        read = find(request.machine).load("read") if request.is_model else None
    except Diagnostic as problem:
        if problem.code is NO_SUCH_FILE and isinstance(source, str):
            problem.help = f"{problem.help}; assembly has a line break or begins with .machine"
        raise
    return request.program if read is None else compile(read(request.path))
