"""What the options of a command say, looked at before its work: what has no effect, or no place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_ARGUMENT


class Checks:
    """Options by name, and what is refused of them."""

    options: Mapping[str, Any]

    def __getitem__(self, option: str) -> Any:
        return self.options.get(option)

    def names(self, option: str) -> list[str] | None:
        """The names with commas of an option, such as `--outputs a,b`; None without it.

        Raises:
            Diagnostic: LW8001 for an option without a name.
        """
        text = self[option]
        if text is None:
            return None
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names:
            what = f"--{option} {text!r} names nothing"
            raise Diagnostic(BAD_ARGUMENT, what, help=f"give names, or leave out --{option}")
        return names

    def check_used(self, option: str, used: bool, lacks: str, help: str) -> None:
        """Refuse an option that is given and asks for what would not happen.

        Args:
            option: its name.
            used: whether it has an effect.
            lacks: why it has none.
            help: what gives it one.

        Raises:
            Diagnostic: LW8001.
        """
        given = self[option]
        if used or given is None or given is False or given == ():
            return
        name = f"--{option.replace('_', '-')}"
        what, help = f"{name} has no effect: {lacks}", f"{help}, or leave out {name}"
        raise Diagnostic(BAD_ARGUMENT, what, help=help)

    def check_out(self, *endings: str) -> None:
        """Refuse a file that results are not written to: before the work, not after it.

        Raises:
            Diagnostic: LW0201, LW1023, LW8001.
        """
        from lanework.base.files import check_target
        from lanework.core.result.saving import ENDINGS, check_ending
        from lanework.core.result.tablefile import TEXTS

        ending = "" if self["out"] is None else check_ending(Path(self["out"]), endings or ENDINGS)
        if ending:
            check_target(self["out"])
        self.check_used("csv_safe", ending in TEXTS, "no CSV is written", "give --out FILE.csv")

    def check_held(self, outputs: Collection[object], rows: int = 0) -> None:
        """Refuse a file that does not hold so many outputs, or rows; likewise before the work.

        Raises:
            Diagnostic: LW1024, LW1027.
        """
        from lanework.core.data.opening import ending_of
        from lanework.core.result.saving import check_count
        from lanework.core.result.tablefile import check_rows

        ending = ending_of(self["out"] or "")
        check_count(ending, len(outputs))
        if ending == ".xlsx":
            check_rows(rows)
