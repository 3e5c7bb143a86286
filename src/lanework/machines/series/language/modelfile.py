"""Models as files, `NAME.series`: Python syntax that is read and never run.

    \"\"\"A loan.\"\"\"
    model("loan", periods=120, freq="month", start="2025-01-01")

    principal = input(unit="USD", kind="stock", axes="scenario", default=100_000)
    rate      = input(unit="1/year", kind="rate")
    fee       = table("fees.csv", keys="year", outside="clamp")

    opening: stock["USD"] = prev(closing, initial=principal)
    interest: flow = opening * per_period(rate)
    "What the lender earns in the period."
    repayment = principal / periods
    closing = opening - repayment

    output(interest, reduce="scenario")
    output(paid=total(repayment + interest))

An assignment is a formula, unless it is `input(...)` or `table(...)`. An annotation gives a kind,
a unit in brackets, or both: `interest: flow["USD"] = ...`; a bare string is a unit without a kind.
A string on the next line documents the node. `horizon(expression)` says how long each lane runs,
`circular(interest)` lets a node need itself within a period, and is solved for.
`unit("lot", "100 barrel")` defines a unit, `unit("XBTC")` one of a dimension of its own.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.span import Origin, Span
from lanework.core.options import path_of, text_of
from lanework.machines.series.codes import BAD_MODEL_FILE, NO_FILE
from lanework.machines.series.language.authoring import Authoring
from lanework.machines.series.language.calendar import KINDS
from lanework.machines.series.language.formula import FormulaReader
from lanework.machines.series.language.longsums import REFUSALS, parsed, refusal
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.language.unsupported import lost_by_python

M = TypeVar("M", bound=Authoring)

_SETTINGS: dict[str, tuple[str, ...]] = {
    "model": ("name", "periods", "start", "freq", "doc"),
    "unit": ("name", "of"),
    "input": ("unit", "kind", "axes", "default", "categories", "doc"),
    "circular": ("guess", "iterations", "failures"),
    "table": ("data", "keys", "outside", "value", "unit", "kind", "doc"),
}


def _is_names(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)


_TEXT = (lambda value: isinstance(value, str), "text in quotes, not {!r}")
_NAMES = (_is_names, "a name, or names in brackets, in quotes")
_NUMBER = (lambda value: isinstance(value, (int, float, str)), "a number or a category, not {!r}")
_ANYTHING = (lambda value: True, "")
_MEANT: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("name", "start", "freq", "doc", "unit", "of", "kind", "value"), _TEXT),
    **dict.fromkeys(("axes", "keys", "outside", "categories"), _NAMES),
    "default": _NUMBER,
}
"""For each setting what it must be, and how that is said."""


def read_file(path: str | os.PathLike[str], make: Callable[..., M]) -> M:
    """What a model file declares, in a registry that `make` gives; see `load_model`."""
    file = path_of(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Diagnostic(
            NO_FILE, f"{file} cannot be opened: {error.strerror or error}", help="check the path"
        ) from None
    except UnicodeDecodeError as error:
        what = f"{file} is not UTF-8 at byte {error.start}"
        raise Diagnostic(NO_FILE, what, help="save it as UTF-8 text") from None
    return read_text(text, str(path), str(file.parent), make)


def read_text(text: str, source: str, folder: str | None, make: Callable[..., M]) -> M:
    """What the text of a model file declares, in a registry that `make` gives; see `read_model`."""
    text = text_of(text)
    origin = Origin(source, text)
    try:
        tree, sums = parsed(text)
    except REFUSALS as error:
        raise refusal(error, origin, statement=True) from None
    return _File(origin, Path(source).stem, folder, make, sums).read(tree)


class _File(Generic[M]):
    """Reads the statements of one file into a model."""

    def __init__(
        self,
        origin: Origin,
        name: str,
        folder: str | None,
        make: Callable[..., M],
        sums: dict[int, tuple[int, int]],
    ) -> None:
        self.origin = origin
        self.sums = sums
        self.reader = FormulaReader(origin)
        self.make = make
        self.model = make(name)
        self.folder = folder
        self.described = False

    def read(self, tree: ast.Module) -> M:
        body = list(tree.body)
        doc = ast.get_docstring(tree)
        if doc is not None:
            body.pop(0)
            self.model.doc = doc
        # the header holds wherever it is
        body.sort(key=lambda n: not (isinstance(n, ast.Expr) and _called(n.value) == "model"))
        at = 0
        while at < len(body):
            node = body[at]
            note = _text_of(body[at + 1]) if at + 1 < len(body) else None
            at += 1
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                self._within(node, self._assignment, node, note or "")
                at += note is not None
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                self._within(node, self._statement, node.value)
            elif isinstance(node, ast.Expr) and _text_of(node) is not None:
                self._fail(node, "this string documents nothing", "put it below a definition")
            elif (kind := type(node).__name__) != "Pass":
                self._fail(
                    node,
                    f"a model file cannot contain {_STATEMENTS.get(kind, 'this statement')}",
                    "a model file has model(...), inputs, tables, formulas, output(...) and "
                    "horizon(...); it is read, not run",
                )
        return self.model

    def _within(self, node: ast.stmt, step: Callable[..., None], *args: Any) -> None:
        """Run a step; a diagnostic without a place gets the statement's."""
        try:
            step(*args)
        except Diagnostic as error:
            if error.span is not None:
                raise
            raise Diagnostic(
                error.code,
                error.message,
                span=self._span(node),
                help=error.help,
                notes=error.notes,
            ) from None

    # Statements ---------------------------------------------------------------------------------

    def _assignment(self, node: ast.Assign | ast.AnnAssign, doc: str) -> None:
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        several = isinstance(node, ast.Assign) and len(node.targets) > 1
        if not isinstance(target, ast.Name) or several:
            self._fail(node, "only a single name can be defined", "write one `name = ...` a line")
        name = target.id
        unit, kind = (None, None)
        if isinstance(node, ast.AnnAssign):
            unit, kind = self._annotation(node.annotation)
        value = node.value
        if value is None:
            self._fail(node, f"`{name}` is declared and not defined", "write = and a formula")
        called = _called(value)
        if isinstance(value, ast.Call) and called in ("input", "table"):
            given = self._settings(value, called)
            for key, said in (("unit", unit), ("kind", kind), ("doc", doc or None)):
                if said is not None:
                    given.setdefault(key, said)
            if called == "input":
                self.model.input(name, **given)
            else:
                self._table(name, value, given)
            return
        if node.lineno in self.sums:
            start, stop = self.sums[node.lineno]
            expr = self.reader.read_sum(start, stop)
            shown = " ".join(self.origin.text[start:stop].split())
        else:
            expr = self.reader.expr(value)
            shown = self.reader.source_of(value)
        self.model.add_formula(Formula(name, expr, unit, kind, doc, shown))

    def _table(self, name: str, node: ast.Call, given: dict[str, Any]) -> None:
        if "data" not in given:
            self._fail(node, f"table `{name}` has no data", 'write table("file.csv", ...)')
        data = given.pop("data")
        if isinstance(data, str) and self.folder is not None:
            data = os.path.join(self.folder, data)
        self.model.table(name, data, **given)

    def _statement(self, node: ast.Call) -> None:
        name = _called(node)
        if name == "model":
            self._header(node)
        elif name == "output":
            self._output(node)
        elif name == "unit":
            given = self._settings(node, "unit")
            if "name" not in given:
                self._fail(node, "the unit has no name", 'write unit("lot", "100 barrel")')
            self.model.unit(**given)
        elif name == "circular":
            self._circular(node)
        elif name == "horizon":
            if len(node.args) != 1 or node.keywords:
                self._fail(node, "horizon takes one expression", "write horizon(remaining)")
            self.model.horizon(self.reader.expr(node.args[0]))
            formula = self.model.formulas.get(self.model.horizon_name or "")
            if formula is not None and formula.text is None:
                formula.text = self.reader.source_of(node.args[0])
        else:
            known = ("model", "unit", "output", "horizon", "circular")
            self._fail(
                node,
                f"`{name}` is not a statement of a model file"
                if name
                else "this call is not a statement of a model file",
                (did_you_mean(name, known) if name else None)
                or "a formula needs a name: write `name = ...`",
            )

    def _circular(self, node: ast.Call) -> None:
        given = {each.arg or "**": self._literal(each.value) for each in node.keywords}
        names = [arg.id for arg in node.args if isinstance(arg, ast.Name)]
        other = next((name for name in given if name not in _SETTINGS["circular"]), None)
        if len(names) != len(node.args) or not names or other is not None:
            settings = "guess, iterations and failures"
            help = f"write circular(interest) or circular(a, b, guess=0.05); it takes {settings}"
            self._fail(node, "circular takes the names of nodes", help)
        for name in names:
            self.model.circular(name, **given)

    def _header(self, node: ast.Call) -> None:
        if self.described:
            self._fail(node, "the model is described twice", "keep one model(...) line")
        self.described = True
        given = self._settings(node, "model")
        if "doc" not in given:
            given["doc"] = self.model.doc
        given.setdefault("name", self.model.name)
        self.model = self.make(**given)

    def _output(self, node: ast.Call) -> None:
        given = [keyword.value for keyword in node.keywords if keyword.arg == "reduce"]
        reduce: Any = self._literal(given[-1]) if given else ()
        if not _is_names(reduce):
            self._fail(node, "reduce= takes the names of axes", 'write reduce="point"')
        for arg in node.args:
            if isinstance(arg, ast.Constant) and isinstance(arg.value, str):
                self.model.output(arg.value, reduce=reduce)
            elif isinstance(arg, ast.Name):
                self.model.output(arg.id, reduce=reduce)
            else:
                self._fail(arg, "an output is a node's name", "write output(name=expression)")
        for keyword in node.keywords:
            if keyword.arg is None:
                self._fail(keyword.value, "output cannot take `**`", "name each output")
            if keyword.arg != "reduce":
                expr = self.reader.expr(keyword.value)
                shown = self.reader.source_of(keyword.value)
                self.model.add_formula(Formula(keyword.arg, expr, None, None, "", shown))
                self.model.output(keyword.arg, reduce=reduce)

    # Pieces -------------------------------------------------------------------------------------

    def _annotation(self, node: ast.expr) -> tuple[str | None, str | None]:
        """Unit and kind of an annotation: `flow`, `flow["USD"]`, `"USD"`."""
        unit: str | None = None
        kind: str | None = None
        if isinstance(node, ast.Subscript):
            unit, node = self._unit(node.slice), node.value
        elif isinstance(node, ast.Constant):
            return self._unit(node), None
        if isinstance(node, ast.Name):
            kind = node.id
        if kind not in KINDS:
            self._fail(
                node,
                f"`{ast.unparse(node)}` is no temporal kind",
                (did_you_mean(kind, KINDS) if kind else None)
                or 'write name: flow["USD"] = ..., name: "USD" = ... or name = ...',
            )
        return unit, kind

    def _unit(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        self._fail(node, "a unit is written as a string", 'write name: flow["USD"] = ...')

    def _settings(self, node: ast.Call, what: str) -> dict[str, Any]:
        names = _SETTINGS[what]
        given: dict[str, Any] = {}
        if len(node.args) > len(names):
            self._fail(node, f"{what}(...) takes at most {len(names)} values", None)
        for name, arg in zip(names, node.args, strict=False):
            given[name] = self._literal(arg)
        for keyword in node.keywords:
            if keyword.arg not in names:
                self._fail(
                    keyword.value,
                    f"{what}(...) has no setting `{keyword.arg}`",
                    did_you_mean(keyword.arg or "", names)
                    or f"its settings are {', '.join(names)}",
                )
            if keyword.arg in given:
                self._fail(keyword.value, f"`{keyword.arg}` is given twice", None)
            given[keyword.arg] = self._literal(keyword.value)
        for name, value in given.items():
            fits, meant = _MEANT.get(name, _ANYTHING)
            if not fits(value):
                self._fail(node, f"`{name}` is {meant.format(value)}", None)
        return given

    def _literal(self, node: ast.expr) -> Any:
        for each in ast.walk(node):
            value = each.value if isinstance(each, ast.Constant) else None
            if isinstance(value, float):
                lost = lost_by_python(value, partial(self._source_of, each))
                if lost:
                    self._fail(node, f"a setting is {lost}", "floats end there")
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            self._fail(node, "a plain value is needed here", "settings are literals, not formulas")

    def _source_of(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.origin.text, node) or ""

    def _span(self, node: ast.stmt | ast.expr) -> Span:
        return Span(
            self.origin.source,
            node.lineno,
            node.col_offset + 1,
            node.end_lineno or node.lineno,
            (node.end_col_offset or node.col_offset) + 1,
            self.origin.text,
        )

    def _fail(self, node: ast.stmt | ast.expr, message: str, help: str | None) -> NoReturn:
        raise Diagnostic(BAD_MODEL_FILE, message, span=self._span(node), help=help)


def _called(node: ast.expr) -> str | None:
    """The name that is called, if the expression is such a call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return None


def _text_of(node: ast.stmt) -> str | None:
    """The text of a statement that is nothing but a string."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
    return None


_STATEMENTS = {
    **dict.fromkeys(("FunctionDef", "AsyncFunctionDef"), "a function"),
    "ClassDef": "a class",
    **dict.fromkeys(("For", "While"), "a loop"),
    "If": "an if statement",
    **dict.fromkeys(("Import", "ImportFrom"), "an import"),
    "With": "a with statement",
    "Try": "a try statement",
    "AugAssign": "an augmented assignment",
    "Return": "a return",
    "Delete": "a del statement",
}
