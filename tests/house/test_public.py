"""What others may use stays: parameters of functions, and attributes of classes.

`public.txt` has a line for each public name. One that is new is added by hand; what stands there is
never taken away, other than with a new major version.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import lanework as lw

ROOMS = (lw, lw.series, lw.belief, lw.register, lw.fleet)
LINES = (Path(__file__).parent / "public.txt").read_text().splitlines()
PUBLIC = {name: set(words.split()) for name, words in (line.split(":") for line in LINES)}


def parts(thing: Any) -> set[str]:
    """Parameters of what is called; of a class its attributes, those of instances too."""
    out: set[str] = set()
    if inspect.isclass(thing):
        for each in (each for each in thing.__mro__ if each.__module__.startswith("lanework")):
            out.update(vars(each), inspect.get_annotations(each))
            out.update(inspect.signature(each.__init__).parameters)
            out.update(re.findall(r"\bself\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(each)))
    elif inspect.isroutine(thing):
        out.update(inspect.signature(thing).parameters)
    return {name for name in out if not name.startswith("_")} - {"self", "args", "kwargs", "kwds"}


def public() -> dict[str, Any]:
    """By their names all that packages offer, the functions of formulas aside."""
    return {
        f"{room.__name__.split('.')[-1]}.{name}": getattr(room, name)
        for room in ROOMS
        for name in room.__all__
    }


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_stays(name: str) -> None:
    room, attribute = name.split(".")
    thing = getattr(lw if room == "lanework" else getattr(lw, room), attribute)
    assert PUBLIC[name] <= parts(thing)


def test_every_public_name_is_in_the_list() -> None:
    assert sorted(public()) == sorted(PUBLIC)
