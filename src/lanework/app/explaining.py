"""`lanework explain`: what an error code means and what to do."""

from __future__ import annotations

import importlib
import textwrap

from lanework.app import render
from lanework.app.codes import UNKNOWN_CODE
from lanework.base.errors import Code, Diagnostic, all_codes, did_you_mean
from lanework.core.machine import MACHINES

MODULES = (
    "lanework.base.codes",
    "lanework.core.codes",
    "lanework.engines.codes",
    *(f"lanework.machines.{name}.codes" for name in MACHINES),
    "lanework.app.codes",
)


def known() -> dict[str, Code]:
    """Every code of every floor, in order."""
    for module in MODULES:
        importlib.import_module(module)
    return dict(sorted(all_codes().items()))


def explain(ident: str | None, as_json: bool) -> None:
    """Print one code's explanation, or the list of codes.

    Raises:
        Diagnostic: LW8007, with a suggestion.
    """
    codes = known()
    if ident is None:
        if as_json:
            render.json_out({code.ident: code.title for code in codes.values()})
        else:
            render.table(["code", "title"], [[code.ident, code.title] for code in codes.values()])
        return
    name = ident.strip().upper()
    name = f"LW{name}" if name.isdigit() else name
    if name not in codes:
        raise Diagnostic(
            UNKNOWN_CODE,
            f"there is no code {ident!r}",
            help=did_you_mean(name, codes) or "lanework explain lists all codes",
        )
    code = codes[name]
    if as_json:
        render.json_out({"code": code.ident, "title": code.title, "explanation": code.explanation})
    else:
        print(f"{code.ident}: {code.title}\n\n{textwrap.fill(code.explanation, 80)}")
