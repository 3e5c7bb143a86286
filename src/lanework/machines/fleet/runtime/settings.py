"""What settings of a run take, which do not go together, and which outputs there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from lanework.base.errors import Advice, Code, Diagnostic, did_you_mean
from lanework.core import options
from lanework.core.program.program import Program
from lanework.machines.fleet.codes import BAD_SETTING
from lanework.machines.fleet.engine import CHOICES, Changes, Settings
from lanework.machines.fleet.runtime.choice import GRAPHICS


def _adapter(name: str, value: Any, code: Code) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise options.refused(name, value, "give a part of its name, or its number", code)


_RULES: dict[str, Callable[..., Any]] = {
    **{name: partial(options.choice, choices=choices) for name, choices in CHOICES.items()},
    **dict.fromkeys(("compose", "sort", "general"), options.flag),
    "seed": lambda _, value, code: options.seed(value, code),
    "patience": partial(options.integer, least=1),
    "threshold": partial(options.real, high=1.0),
    "adapter": _adapter,
}
"""What each setting takes."""


BESIDE = ("limits", "epochs", "progress", "outputs")
"""What `bind` takes besides settings."""


def checked(given: Changes) -> Settings:
    """Settings, checked.

    Raises:
        Diagnostic: LW6011.
    """
    known, checked = Settings.__dataclass_fields__, {}
    for name, value in given.items():
        if name not in known:
            raise Diagnostic(
                BAD_SETTING,
                f"there is no option {name!r}",
                help=options.nearest(name, [*known, *BESIDE]),
            )
        checked[name] = _RULES[name](name, value, code=BAD_SETTING)
    chosen, message, help = Settings(**checked), "", ""
    if chosen.conflicts == "fault" and chosen.io == "fast":
        message = "conflicts are not looked for where reads and writes go in any order"
        help = "leave io='fast' away"
    elif chosen.threshold != Settings.threshold and chosen.format != "hybrid":
        message = f"threshold has no effect on matrices stored as {chosen.format}"
        help = "store them with format='hybrid', or leave threshold out"
    elif chosen.storage == "f16" and chosen.layout == "aos":
        message = "halves are stored as a structure of arrays only"
        help = "leave layout away, or store f32"
    if message:
        raise Diagnostic(BAD_SETTING, message, help=help)
    return chosen


def check_adapter(settings: Settings, engine: str) -> None:
    """Refuse an adapter for an engine of no card.

    Raises:
        Diagnostic: LW6011.
    """
    if settings.adapter and engine not in GRAPHICS:
        other = " or ".join(GRAPHICS)
        raise Diagnostic(
            BAD_SETTING,
            f"the engine {engine} runs on no adapter",
            help=Advice(
                f"bind to the engine {other}, or leave adapter out",
                typed=f"give --engine {other}, or leave out --adapter",
            ),
        )


def wanted(program: Program, outputs: Iterable[str] | None) -> tuple[str, ...]:
    """The names of outputs, checked.

    Raises:
        Diagnostic: LW6011.
    """
    known = tuple(port.name for port in program.outputs)
    if outputs is None:
        return known
    chosen = options.names("outputs", outputs, BAD_SETTING)
    for name in chosen:
        if name not in known:
            raise Diagnostic(
                BAD_SETTING,
                f"the program has no output {name!r}",
                help=did_you_mean(str(name), known) or f"outputs are: {', '.join(known) or 'none'}",
            )
    return chosen
