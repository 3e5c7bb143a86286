"""What a person writes: a model is a registry of named nodes.

Example:
    >>> model = Model("loan", periods=3)
    >>> balance, rate = model.input("principal", unit="USD"), model.input("rate")
    >>> _ = model.formula("opening", "prev(closing, initial=principal)")
    >>> _ = model.formula("closing", "opening + interest - repay")
    >>> _ = model.formula("interest", model["opening"] * rate)
    >>> @model.node()
    ... def repay(principal, opening, interest):
    ...     return principal / 3 + interest
    >>> model.compile(outputs=["closing"]).run(principal=300.0, rate=0.01)["closing"].tolist()
    [200.0, 100.0, 0.0]
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.codes import GIVEN_TWICE
from lanework.core.data.tables import TableLike, inputs_of
from lanework.core.options import flag, names
from lanework.core.waiting import LONG, bounded
from lanework.machines.series.data.tableinputs import check_no_table, check_overridden
from lanework.machines.series.language.authoring import Authoring
from lanework.machines.series.language.modelfile import read_file, read_text

if TYPE_CHECKING:
    from lanework.core.result.drawing import Drawing
    from lanework.machines.series.audit.result import SeriesResult
    from lanework.machines.series.audit.tornado import Tornado
    from lanework.machines.series.nonlinear.solution import Solution, Solutions
    from lanework.machines.series.program import SeriesProgram
    from lanework.machines.series.solving.goal import Goal
    from lanework.machines.series.solving.keywords import Seeking, Solving


class Model(Authoring):
    """A registry of inputs, tables, formulas and outputs, which compiles and runs.

    Args:
        name: what the model is called.
        periods: how many periods; None to take it from the inputs over time of each run.
        start: the first day, ``YYYY-MM-DD`` or a date, for a model with dates.
        freq: `day`, `month`, `quarter` or `year`.
        doc: what the model is for.

    Raises:
        Diagnostic: LW3016 for a calendar that makes no sense.
    """

    def compile(
        self,
        outputs: Iterable[str] | None = None,
        *,
        optimise: bool = True,
        overrides: str | Iterable[str] = (),
        limits: Limits | None = None,
    ) -> SeriesProgram:
        """The program that computes these outputs.

        Args:
            outputs: names of nodes, or one; None for the declared outputs, or every formula if none
                is.
            optimise: whether constants and tables are folded (the results are the same bits).
            overrides: names of nodes with formulas that runs may override: the program has an
                input for each, in which every cell that is missing is computed.
            limits: the memory that the process may grow by meanwhile, and a deadline.

        Raises:
            Diagnostic: LW3003 and on, for what does not fit together; LW0101.
            Trap: LW2001.
        """
        from lanework.machines.series.passes.compile import compile_model

        optimise = flag("optimise", optimise)
        chosen = None if outputs is None else list(names("outputs", outputs))
        over = names("overrides", overrides)
        work = partial(compile_model, self, chosen, optimise=optimise, overrides=over)
        return bounded(limits, work, LONG)

    def _measured(self, outputs: list[str], overrides: list[str]) -> SeriesProgram:
        """The program of what is left of the loops that these outputs need."""
        from lanework.machines.series.passes.compile import compile_model

        return compile_model(self, outputs, overrides=overrides, measure=True)

    def run(
        self,
        table: TableLike | None = None,
        /,
        *,
        override: Mapping[str, Any] | Iterable[str] = (),
        **inputs: Any,
    ) -> SeriesResult:
        """Short for ``compile().run(...)``.

        Args:
            table: inputs as columns.
            override: nodes that are not computed, with what they are instead: a number, or an
                array over time and lanes as inputs are, in which NaN and None are computed. Of
                names alone the table has the columns. The model is compiled once for each set of
                names.
            **inputs: the inputs, and `engine` and `limits`.

        Raises:
            Diagnostic: LW3070 for what cannot be overridden, LW1026 for what is given twice, and
                all that inputs are refused for.

        Example:
            >>> model = Model("loan", periods=3)
            >>> _ = model.formula("rate", "0.01 * (t + 1)")
            >>> _ = model.formula("debt", "prev(debt, initial=100) * (1 + rate)")
            >>> model.run(override={"rate": [None, 0.5, None]})["debt"].round(3).tolist()
            [101.0, 151.5, 156.045]
        """
        check_no_table(override)
        overrides = names("override", override)
        if isinstance(override, Mapping):
            twice = next((name for name in override if name in inputs), None)
            if twice is not None:
                raise Diagnostic(
                    GIVEN_TWICE,
                    f"node {twice!r} is overridden, and given by name too",
                    help=f"leave out {twice}=..., or override it alone",
                )
            inputs |= {name: value for name, value in override.items() if value is not None}
        elif not inputs.keys() >= {*overrides}:
            check_overridden(overrides, inputs_of(table, inputs))
        return self._compiled(overrides).run(table, **inputs)

    def _compiled(self, overrides: tuple[str, ...]) -> SeriesProgram:
        """The program for overrides, kept while the model is as it is."""
        parts = (self.inputs, self.formulas, self.tables, self.declared, self.units, self.marks)
        state: list[Any] = [self.name, self.periods, self.start, self.freq, self.horizon_name]
        state += [[*part.items()] for part in parts]
        known: dict[frozenset[str], tuple[list[Any], SeriesProgram]] = self.__dict__.setdefault(
            "_programs", {}
        )
        key = frozenset(overrides)
        if key not in known or known[key][0] != state:
            known[key] = state, self.compile(overrides=overrides)
        return known[key][1]

    def to_xlsx(
        self,
        path: str | os.PathLike[str],
        inputs: Mapping[str, Any] | None = None,
        outputs: str | Iterable[str] | None = None,
        *,
        override: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the model as a workbook of Excel with live formulas.

        Args:
            path: the file.
            inputs: the inputs of one lane, as `run` takes them.
            outputs: names of nodes, which are written with all that they need; None for the
                declared outputs, or every formula if none is.
            override: nodes that are not computed, as for `run`: their values stand in the cells.

        Raises:
            Diagnostic: LW3081 for what no workbook can say, LW1022 without openpyxl, and what
                compiling and running the model is refused for.
        """
        from lanework.machines.series.excel.workbook import write_workbook

        chosen = None if outputs is None else list(names("outputs", outputs))
        over = {} if override is None else override
        given = {} if inputs is None else inputs
        write_workbook(self, path, given, over, chosen)

    def read_xlsx(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """The inputs that the named cells of a workbook have, such as one of `to_xlsx`.

        Args:
            path: a workbook in which cells are named like inputs: one cell for a number or a name
                of a category, a row or a column for an input over time.

        Returns:
            Inputs by name, for ``run(**inputs)``.

        Raises:
            Diagnostic: LW3082 for cells that hold anything else, LW3051 and LW3052 for the file.
        """
        from lanework.machines.series.excel.reading import read_inputs

        return read_inputs(self, path)

    def solve(
        self,
        variables: str | Iterable[str],
        residuals: str | Iterable[str] = (),
        bounds: Mapping[str, tuple[Any, Any]] | None = None,
        objective: str | None = None,
        **how: Unpack[Solving],
    ) -> Solution | Solutions:
        """Short for ``compile(outputs=[...]).solve(...)`` with the outputs that it names, and
        those that the model declares (`output`), but for sums over lanes.

        See `SeriesProgram.solve`.
        """
        unknown, zero = names("variables", variables), names("residuals", residuals)
        bounded = bounds if isinstance(bounds, Mapping) else ()
        more = [name for name in bounded if name not in unknown]
        goal = [objective] if isinstance(objective, str) else []
        declared = [name for name, output in self.declared.items() if not output.reduce]
        outputs = [*zero, *more, *goal, *declared]
        program = self.compile(list(dict.fromkeys(outputs)) or None)
        return program.solve(unknown, zero, bounds, objective, **how)

    def seek(self, variable: str, output: str, target: Any = 0.0, **how: Unpack[Seeking]) -> Goal:
        """Short for ``compile(outputs=[output]).seek(...)``; see `SeriesProgram.seek`."""
        return self.compile([output]).seek(variable, output, target, **how)

    def tornado(
        self, output: str, changes: Mapping[str, Any] | float = 0.1, **options: Any
    ) -> Tornado:
        """Short for ``compile(outputs=[output]).tornado(...)``; see `SeriesProgram.tornado`."""
        return self.compile([output]).tornado(output, changes, **options)

    def graph(self, outputs: Iterable[str] | None = None) -> Drawing:
        """A drawing of the model: what each node is made of, units, loops.

        Inputs and tables are boxes. Nodes of a loop through time are coloured, circular ones
        strongly. An arrow that goes through `prev` or `lead` alone says so when it is pointed at.

        Args:
            outputs: nodes, to draw these and what they need; by default all.

        Returns:
            The drawing: `svg()` and `dot()` are text, and a notebook shows it.

        Raises:
            Diagnostic: LW3003 for an unknown node.

        Example:
            >>> model = Model("loan", periods=3)
            >>> _ = model.input("rate", unit="1/month")
            >>> _ = model.formula("debt", "prev(debt, initial=100) * (1 + rate)")
            >>> drawing = model.graph()
            >>> [node.lines for node in drawing.nodes]
            [('rate', '1/month'), ('debt',)]
            >>> [(edge.tail, edge.head, edge.title) for edge in drawing.edges]
            [(1, 1, 'a period apart'), (0, 1, '')]
        """
        from lanework.machines.series.audit.graph import draw

        return draw(self, outputs)

    @staticmethod
    def from_text(text: str, source: str = "<model>", folder: str | None = None) -> Model:
        """A model from the text of a model file; see `read_model`."""
        return read_model(text, source, folder)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        """A model from a model file; see `load_model`."""
        return load_model(path)


def load_model(path: str | os.PathLike[str], *, limits: Limits | None = None) -> Model:
    """Read a model file; its tables' paths are relative to it.

    Args:
        path: the file.
        limits: the memory that the process may grow by meanwhile, and a deadline.

    Raises:
        Diagnostic: LW3025 when it cannot be opened, LW3023 for lines that do not belong in a
            model, and all that formulas, inputs and tables can be rejected for.
    """
    return bounded(limits, partial(read_file, path, Model), LONG)


def read_model(
    text: str,
    source: str = "<model>",
    folder: str | None = None,
    *,
    limits: Limits | None = None,
) -> Model:
    """A model from the text of a model file.

    Args:
        text: the file's text.
        source: what diagnostics call it.
        folder: where the tables' relative paths begin; the working directory by default.
        limits: as for `load_model`.
    """
    return bounded(limits, partial(read_text, text, source, folder, Model), LONG)
