"""What a shell completes: inputs of the program on the line, codes; only its machine's options."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from lanework.base.errors import LaneworkError
from lanework.core.cli import Request


def machine(ctx: click.Context) -> str | None:
    """The machine of the file on the line, if there is one that says so."""
    file = ctx.params.get("file")
    try:
        return Request(file).machine if file not in (None, "-") else None
    except LaneworkError:
        return None


def inputs(ctx: click.Context, typed: str) -> list[CompletionItem]:
    """`name=` of each input that is not given yet; a file after the sign."""
    if machine(ctx) is None or "=" in typed:
        return [CompletionItem(typed, type="file")]
    request = Request(ctx.params["file"], options=ctx.params)
    try:
        names = request.line.names(request)
    except LaneworkError:  # of a program that is still being written
        return []
    given = {word.partition("=")[0] for word in ctx.params["words"] or ()}
    return _offered(((f"{name}=", names[name]) for name in names if name not in given), typed)


def codes(ctx: click.Context, typed: str) -> list[CompletionItem]:
    """The codes of errors, with their titles."""
    from lanework.app.programs import known_codes

    return _offered(((code.ident, code.title) for code in known_codes().values()), typed.upper())


def _offered(items: Iterable[tuple[str, str]], typed: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=about) for name, about in items if name.startswith(typed)]
