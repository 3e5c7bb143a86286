"""How a person gives a model its nodes: a method for each kind, which refuses at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.span import caller, line_of
from lanework.base.units import define
from lanework.core import options
from lanework.machines.series.codes import BAD_AXIS, BAD_MARK, BAD_UNIT, DUPLICATE
from lanework.machines.series.language.expression import NAME, Expr, lift, spelt
from lanework.machines.series.language.formula import parse_formula
from lanework.machines.series.language.functions import functions
from lanework.machines.series.language.nodes import (
    RESERVED,
    Formula,
    Output,
    TableHandle,
    check_axes,
    check_kind,
    make_circular,
    make_input,
    parameters_of,
)
from lanework.machines.series.language.registry import Registry
from lanework.machines.series.language.tables import build_table


class Authoring(Registry):
    """A registry that is written to; see `Model` for the arguments."""

    def __getitem__(self, name: str) -> Expr:
        """A handle of a node, defined already or later, for formulas in Python."""
        return Expr.name(name)

    def __setitem__(self, name: str, formula: object) -> None:
        """Short for `formula`: ``model["interest"] = model["opening"] * model["rate"]``."""
        self.formula(name, formula)

    def input(
        self,
        name: str,
        unit: str = "",
        kind: str = "",
        axes: str | Sequence[str] = (),
        default: float | None = None,
        categories: Sequence[str] = (),
        doc: str = "",
    ) -> Expr:
        """Declare an input.

        Args:
            name: a Python identifier.
            unit: its unit, "" for none.
            kind: its temporal kind, "" to leave it open.
            axes: among them `time` if it has a value a period; other names are lane axes. Arrays
                without labels, and results, have axes in the order of the declaration.
            default: the value where a run gives none.
            categories: the labels that may be given in place of numbers.
            doc: what it is.

        Returns:
            A handle for formulas in Python.
        """
        name = spelt(name)
        self._check_name(name)
        node = make_input(name, unit, kind, axes, default, categories, doc)
        check_axes(name, node.axes, [axis for other in self.inputs.values() for axis in other.axes])
        self.inputs[name] = node
        return Expr.name(name)

    def unit(self, name: str, of: str = "") -> None:
        """Define a unit of the model's own, before it is used.

        Args:
            name: what it is called; it goes before any other unit of that name.
            of: how many of another unit it is, such as ``1000 USD``; "" for a dimension of its own,
                as currencies have.

        Raises:
            Diagnostic: LW3007, LW3015.
        """
        self._check_identifier(name, "unit")
        try:
            self.units[name] = define(name, of, self.units)
        except Diagnostic as error:
            raise Diagnostic(BAD_UNIT, f"unit `{name}`: {error.message}", help=error.help) from None

    def formula(
        self,
        name: str,
        formula: object,
        unit: str | None = None,
        kind: str | None = None,
        doc: str = "",
        *,
        circular: bool = False,
        guess: float = 0.0,
        iterations: int | None = None,
        failures: str = "fault",
    ) -> Expr:
        """Define a node by a formula: text, or an expression over handles, or a number.

        Args:
            name: a Python identifier.
            formula: see `docs/series` for the language; text is parsed at once.
            unit: the unit to give it; None to take what the formula has.
            kind: the temporal kind to check; None to take what the formula has.
            doc: what it is.
            circular: whether it may need itself within a period, and is then solved for.
            guess: where it begins; see `circular`.
            iterations: steps of Newton's method.
            failures: `fault` or `nan`.

        Returns:
            A handle for formulas in Python.

        Raises:
            Diagnostic: LW3001 to LW3008, LW3024, LW3029.
        """
        name = spelt(name)
        self._check_name(name)
        check_kind(kind or "", name)
        options.text(f"`{name}`: the unit", "" if unit is None else unit, BAD_UNIT)
        text = formula if isinstance(formula, str) else None
        expr = parse_formula(text, f"formula {name}") if text is not None else lift(formula)
        stripped = text.strip() if text else None
        where = caller() if text is None else None
        self.formulas[name] = Formula(name, expr, unit, kind, doc, stripped, where)
        mark = make_circular(name, guess, iterations, failures, circular)
        if circular:
            self.marks[name] = mark
        return Expr.name(name)

    def circular(
        self,
        name: str,
        *,
        guess: float = 0.0,
        iterations: int | None = None,
        failures: str = "fault",
    ) -> None:
        """Let a node need itself within a period, through other nodes or not.

        It is solved for in each period by Newton's method, from its value a period before, with
        the derivatives of its formula, over all lanes at once. Every loop needs one such node.

        Args:
            name: the node.
            guess: where the first period begins.
            iterations: steps of Newton's method, at least 2; by default 2 where the loop is
                linear, 5 where it is so in pieces, else 9.
            failures: `fault` to stop with lane, period and nodes where no solution is reached, or
                `nan` to go on with NaN in that lane and period.

        Raises:
            Diagnostic: LW3029 for a number or a word that is none of these.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("revolver", periods=1)
            >>> _ = model.formula("closing", "100_000 + interest")
            >>> _ = model.formula("interest", "0.05 * (closing + 100_000) / 2")
            >>> model.circular("interest")
            >>> model.run()["closing"].round(4).item()
            105128.2051
        """
        name = spelt(name)
        if not isinstance(name, str):
            raise options.refused("the circular node", name, "give its name", BAD_MARK)
        self.marks[name] = make_circular(name, guess, iterations, failures)

    def node(
        self,
        function: Callable[..., object] | None = None,
        *,
        name: str | None = None,
        unit: str | None = None,
        kind: str | None = None,
        circular: bool = False,
        guess: float = 0.0,
        iterations: int | None = None,
        failures: str = "fault",
    ) -> Any:
        """Decorator: define a node by a Python function whose parameters are nodes.

        The function runs once, over handles, and records what it does. It may loop and call
        helpers; it cannot branch on a node (use `where`). `circular` and what goes with it are as
        for `formula`.
        """

        def define(body: Callable[..., object]) -> Expr:
            code = getattr(body, "__code__", None)
            where = code and (code.co_filename, code.co_firstlineno)
            title = str(name or getattr(body, "__name__", type(body).__name__))
            try:
                ordered, named = parameters_of(body, title)
                value = body(*map(Expr.name, ordered), **{n: Expr.name(n) for n in named})
                expr = lift(value)
            except Diagnostic as error:
                span = error.span or (where and line_of(*where))
                raise Diagnostic(
                    error.code,
                    f"in the function of node `{title}`: {error.message}",
                    span=span,
                    help=error.help,
                    notes=error.notes,
                ) from None
            doc = inspect.getdoc(body) or ""
            mark = make_circular(title, guess, iterations, failures, circular)
            self.add_formula(Formula(title, expr, unit, kind, doc, None, where))
            if circular:
                self.marks[title] = mark
            return Expr.name(title)

        return define if function is None else define(function)

    def table(
        self,
        name: str,
        data: Any,
        *,
        keys: str | Sequence[str] | None = None,
        outside: str | Sequence[str] = "error",
        value: str | None = None,
        unit: str = "",
        kind: str = "",
        doc: str = "",
    ) -> TableHandle:
        """Give the model a table; see `lanework.machines.series.language.tables.build_table`.

        Returns:
            A handle for formulas in Python: ``mort(age, duration)``.
        """
        name = spelt(name)
        self._check_name(name)
        check_kind(kind, name)
        if name in functions() or name == "lookup":
            raise Diagnostic(
                DUPLICATE,
                f"a table cannot be called `{name}`: there is a function of that name",
                help=f"call it `{name}_table`",
            )
        self.tables[name] = build_table(
            name, data, keys=keys, outside=outside, value=value, unit=unit, kind=kind, doc=doc
        )
        return TableHandle(name)

    def output(
        self,
        name: str,
        formula: object = None,
        *,
        reduce: str | Sequence[str] = (),
        doc: str = "",
    ) -> None:
        """Declare an output.

        Args:
            name: a node; with `formula` it is defined here.
            formula: as for `formula`.
            reduce: lane axes to sum the output over.
            doc: what it is.
        """
        name = spelt(options.text("the output", name))
        if formula is not None:
            self.formula(name, formula, doc=doc)
        axes = options.names("reduce", reduce, BAD_AXIS)
        if "time" in axes:
            raise Diagnostic(
                BAD_AXIS,
                f"output `{name}` cannot be summed over `time` by reduce=",
                help=f"make it a formula: total({name})",
            )
        self.declared[name] = Output(name, axes, doc)

    def outputs(self, *names: str, reduce: str | Sequence[str] = ()) -> None:
        """Declare several outputs at once."""
        for name in names:
            self.output(name, reduce=reduce)

    def horizon(self, formula: object) -> None:
        """Say how many periods each lane has: a node's name or a formula without time.

        Beyond it the lane has ended: its outputs are 0 and aggregates leave it out. A run refuses
        what is no whole number from 0 to the periods that there are (LW3047).
        """
        expr = parse_formula(formula, "horizon") if isinstance(formula, str) else lift(formula)
        if expr.head == NAME and expr.value not in RESERVED:
            self.horizon_name = str(expr.value)
            return
        self.formula("horizon", formula, doc="The number of periods of each lane.")
        self.horizon_name = "horizon"
