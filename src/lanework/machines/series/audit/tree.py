"""The tree of formulas that made a number, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lanework.base.printable import shown
from lanework.core.result.show import figure, markup


@dataclass(frozen=True)
class Step:
    """A node of the tree.

    Attributes:
        name: the name of a node of the model, a table with its keys, or a formula.
        period: the period that the value is of, None where it does not depend on it.
        value: a number, a label, or None where there is neither: a node over all of time.
        unit: of the value; "" is dimensionless.
        kind: what it is through time, such as `stock`.
        source: `formula`, `input`, `default`, `override`, `table`, `constant`, `calendar` or
            `time`.
        formula: the text of a formula.
        label: what the period is called, such as its first day.
        note: what else there is to say.
        arises: whether the value is not finite, and made of finite ones.
        again: whether what made it was shown before.
        more: whether there is more below than is shown.
        children: what it is made of.
    """

    name: str
    period: int | None
    value: Any
    unit: str = ""
    kind: str = ""
    source: str = "formula"
    formula: str = ""
    label: str = ""
    note: str = ""
    arises: bool = False
    again: bool = False
    more: bool = False
    children: tuple[Step, ...] = ()

    def walk(self) -> Iterator[Step]:
        """The step and all below it, from the top."""
        todo = [self]
        while todo:
            step = todo.pop()
            yield step
            todo.extend(reversed(step.children))

    def line(self) -> str:
        """The step as a line of text."""
        at = "" if self.period is None else f"[{self.period}]"
        text = f"{self.name}{at}" + ("" if self.value is None else f" = {figure(self.value)}")
        text += f" {self.unit}" if self.unit else ""
        text += " over all periods" if self.value is None else ""
        if self.again:
            return shown(f"{text} (see above)")
        if self.source != "formula":
            text += f", {self.source}"
        if self.formula:
            text += f" <- {self.formula}"
        if self.more:
            text += " ..."
        if self.note:
            text += f" ({self.note})"
        return shown(text + (" <-- arises here" if self.arises else ""))

    def to_dict(self) -> dict[str, Any]:
        """The tree as plain values, without what is empty."""
        own = {name: getattr(self, name) for name in _FIELDS}
        kept = {name: value for name, value in own.items() if value not in ("", False)}
        if self.children:
            kept["children"] = [child.to_dict() for child in self.children]
        return kept


_FIELDS = (
    "name", "period", "label", "value", "unit", "kind", "source", "formula", "note", "arises",
    "again", "more",
)  # fmt: skip


@dataclass(frozen=True)
class Explanation:
    """Where a number comes from; `str` is a page of text.

    Attributes:
        root: the step at the top.
        lane: axis -> place and label of the lane.
    """

    root: Step
    lane: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Which node, period and lane it is."""
        root, parts = self.root, []
        if root.period is not None:
            parts.append(f"period {root.period}" + (f" ({root.label})" if root.label else ""))
        for axis, (place, label) in self.lane.items():
            parts.append(f"{axis} {place}" + (f" ({label})" if label else ""))
        return shown(root.name + (f" in {', '.join(parts)}" if parts else ""))

    def _lines(self) -> Iterator[tuple[int, Step]]:
        todo = [(0, self.root)]
        while todo:
            level, step = todo.pop()
            yield level, step
            todo.extend((level + 1, child) for child in reversed(step.children))

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"{'  ' * n}{step.line()}" for n, step in self._lines())])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        lines = [markup(f"{'  ' * level}{step.line()}") for level, step in self._lines()]
        return f"<p>{markup(self.title)}</p><pre>" + "\n".join(lines) + "</pre>"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        lane = {axis: label or place for axis, (place, label) in self.lane.items()}
        return {"lane": lane, **self.root.to_dict()}
