"""The program of a series model: what all programs can, and derivatives of its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.data.tables import TableLike
from lanework.core.options import limits_of
from lanework.core.program.program import Program
from lanework.machines.series.audit.audited import AuditedProgram
from lanework.machines.series.codes import NO_DERIVATIVE

if TYPE_CHECKING:
    from lanework.core.program.data import ProgramData
    from lanework.machines.series.nonlinear.solution import Solution, Solutions
    from lanework.machines.series.solving.goal import Goal
    from lanework.machines.series.solving.keywords import Putting
    from lanework.machines.series.solving.solve import Solver


@dataclass(frozen=True, eq=False, repr=False)
class SeriesProgram(AuditedProgram):
    """A compiled model.

    Derivatives are programs themselves: they take the same inputs, run on every engine, over
    lanes, and can be saved. An output `y` has the derivative `d_y_d_x` by the input `x`. At a tie
    of `min`, `max` or `where` it is that of the branch which was taken; on a knot of an
    interpolated table, that of the segment to the right; steps (`floor`, comparisons, exact keys)
    have none.
    """

    def gradient(
        self,
        outputs: str | Iterable[str] | None = None,
        inputs: str | Iterable[str] | None = None,
    ) -> SeriesProgram:
        """The program of these outputs and of their derivatives by inputs, in reverse mode.

        The time that it takes does not grow with the number of inputs.

        Args:
            outputs: outputs without the axis time; by default all of them.
            inputs: by default all that are numbers. A derivative has the axes of its output and of
                its input, as a run gives that; by what periods or the lanes of a total share, it is
                the sum.

        Raises:
            Diagnostic: LW3044, LW3040, LW3060 for an output over time, and for labels.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("growth", periods=3)
            >>> _ = model.input("rate")
            >>> _ = model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
            >>> _ = model.formula("final", "last(value)")
            >>> program = model.compile(outputs=["final"]).gradient("final")
            >>> result = program.run(rate=0.5)
            >>> result["final"].item(), result["d_final_d_rate"].item()  # 3 * 100 * 1.5 ** 2
            (337.5, 675.0)
        """
        from lanework.machines.series.passes.derive import Deriver, over_time

        deriver = Deriver(self)
        leaves = deriver.leaves(inputs)
        for port in deriver.asked(outputs):
            if "time" in port.axes:
                raise over_time(port)
            deriver.adjoint(port, leaves)
        return self._derived(deriver.finish("gradient"))

    def jacobian(
        self,
        outputs: str | Iterable[str] | None = None,
        inputs: str | Iterable[str] | None = None,
    ) -> SeriesProgram:
        """The program of these outputs and of their derivatives by inputs.

        Args:
            outputs: by default all. Those over time are derived in forward mode, and their
                derivatives have the axis time; the others as `gradient` does.
            inputs: by default all that are numbers; without the axis time, where an output has it.

        Raises:
            Diagnostic: LW3044, LW3040, LW3060 for labels, and for an output and an input that both
                are over time.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("growth", periods=3)
            >>> _ = model.input("rate")
            >>> _ = model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
            >>> model.compile().jacobian("value", "rate").run(rate=0.5)["d_value_d_rate"].tolist()
            [100.0, 300.0, 675.0]
        """
        from lanework.machines.series.passes.derive import Deriver

        deriver = Deriver(self)
        leaves = deriver.leaves(inputs)
        for port in deriver.asked(outputs):
            if "time" not in port.axes:
                deriver.adjoint(port, leaves)
                continue
            for name, leaf in leaves.items():
                if "time" in deriver.inputs[name].axes:
                    raise Diagnostic(
                        NO_DERIVATIVE,
                        f"output {port.name!r} and input {name!r} both are over time",
                        help=f"take a period of the output, at({port.name}, 12), or its total",
                    )
                deriver.tangent(port, name, leaf)
        return self._derived(deriver.finish("jacobian"))

    def hessian_product(
        self, output: str, inputs: str | Iterable[str] | None = None
    ) -> SeriesProgram:
        """The program of an output, its gradient, and its second derivatives along a direction.

        Each of the inputs `x` gets another one, `along_x`, of the same axes, with the default 0:
        the direction. The outputs `d2_y_d_x` are the products of the Hessian with it.

        Args:
            output: an output without the axis time.
            inputs: by default all that are numbers.

        Raises:
            Diagnostic: as `gradient`.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("growth", periods=3)
            >>> _ = model.input("rate")
            >>> _ = model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
            >>> _ = model.formula("final", "last(value)")
            >>> program = model.compile(outputs=["final"]).hessian_product("final")
            >>> program.run(rate=0.5, along_rate=1.0)["d2_final_d_rate"].item()  # 6 * 100 * 1.5
            900.0
        """
        from lanework.machines.series.passes.derive import Deriver

        deriver = Deriver(self)
        deriver.second(output, deriver.leaves(inputs))
        return self._derived(deriver.finish("hessian_product"))

    def _derived(self, data: ProgramData) -> SeriesProgram:
        """A program of derivatives, whose nodes can be explained as those of this one."""
        program = SeriesProgram(**vars(data))
        if "model" in self.views:
            program.views["model"] = self.views["model"]
        return program

    def solve(
        self,
        variables: str | Iterable[str],
        residuals: str | Iterable[str] = (),
        bounds: Mapping[str, tuple[Any, Any]] | None = None,
        objective: str | None = None,
        *,
        maximise: bool = False,
        inputs: Mapping[str, Any] | TableLike | None = None,
        options: Mapping[str, Any] | None = None,
        warm: Solution | None = None,
        limits: Limits | None = None,
        engine: str = "auto",
    ) -> Solution | Solutions:
        """Find inputs such that outputs are 0 or within bounds, or one of them is least.

        IPOPT does, with exact first and second derivatives of the program.

        Args:
            variables: the inputs that are unknown. Each begins with what `inputs` has for it, else
                its default, else 0.
            residuals: outputs that are to be 0, in each period where they are over time.
            bounds: for variables and outputs the lowest and the highest value, numbers or one a
                period, None where there is none.
            objective: the output that is to be least, one number a lane or a total over lanes;
                None to ask only for residuals and bounds.
            maximise: whether it is to be greatest instead.
            inputs: the other inputs, as `run` takes them. With inputs over lanes each lane is a
                problem of its own, unless an output is a total over lanes: then all of them are
                one problem, and the unknowns are the same in all.
            options: options of IPOPT, such as ``{"tol": 1e-8, "max_iter": 100}``.
            warm: a solution of a problem like this one, to begin from with its multipliers, and
                with its values of the unknowns that `inputs` does not have.
            limits: memory and deadline.
            engine: which engine runs the programs.

        Returns:
            A solution, solved or not: see its `status`. With inputs over lanes, one for each.

        Raises:
            Diagnostic: LW3040, LW3044, LW3060, LW3062 for what cannot be solved as it is put;
                LW1022 without the extra `solve`.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("loan", periods=12)
            >>> _ = model.input("rate"), model.input("payment", default=0.0)
            >>> _ = model.formula("balance", "prev(balance, initial=100) * (1 + rate) - payment")
            >>> _ = model.formula("left", "last(balance)")
            >>> solution = model.solve("payment", "left", inputs={"rate": 0.01})
            >>> round(solution["payment"], 6), solution.status
            (8.884879, 'solved')
        """
        put = self.solver(
            variables,
            residuals,
            bounds,
            objective,
            maximise=maximise,
            options=options,
            engine=engine,
        )
        return put(inputs, warm=warm, limits=limits)

    def solver(
        self,
        variables: str | Iterable[str],
        residuals: str | Iterable[str] = (),
        bounds: Mapping[str, tuple[Any, Any]] | None = None,
        objective: str | None = None,
        **how: Unpack[Putting],
    ) -> Solver:
        """A problem that is put once, and solved for as many inputs as wished; see `solve`.

        Args:
            variables: the inputs that are unknown.
            residuals: outputs that are to be 0.
            bounds: lowest and highest values of variables and outputs.
            objective: the output that is to be least.
            **how: `maximise`, `options` and `engine`, as for `solve`.

        Raises:
            Diagnostic: as `solve`.
        """
        from lanework.machines.series.solving.solve import Solver

        return Solver(self, variables, residuals, bounds, objective, **how)

    def seek(
        self,
        variable: str,
        output: str,
        target: Any = 0.0,
        *,
        bounds: tuple[float | None, float | None] = (None, None),
        inputs: Mapping[str, Any] | TableLike | None = None,
        failures: str = "fault",
        limits: Limits | None = None,
        engine: str = "auto",
    ) -> Goal:
        """Find the one input with which an output is what it should be, in all lanes at once.

        Args:
            variable: an input without the axis time. It begins with what `inputs` has for it, else
                its default, else 0. Of several solutions the one that Newton's method reaches from
                there is found.
            output: an output without the axis time.
            target: what it should be: a number, or one a lane.
            bounds: the lowest and the highest value, None where there is none.
            inputs: the other inputs, as `run` takes them.
            failures: `fault`, or `nan` to go on where a lane has no solution.
            limits: memory and deadline.
            engine: which engine runs the program.

        Raises:
            Diagnostic: LW3063 where none is found; LW3040, LW3044, LW3062.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("loan", periods=12)
            >>> _ = model.input("rate"), model.input("payment", default=0.0)
            >>> _ = model.formula("balance", "prev(balance, initial=100) * (1 + rate) - payment")
            >>> _ = model.formula("left", "last(balance)")
            >>> program = model.compile(outputs=["left"])
            >>> goal = program.seek("payment", "left", inputs={"rate": [0.01, 0.02]})
            >>> goal.value.round(6).tolist()
            [8.884879, 9.45596]
        """
        from lanework.machines.series.solving.goal import seek

        return seek(
            self, variable, output, target, bounds, inputs, failures, limits_of(limits), engine
        )


def facts(program: Program) -> Mapping[str, Any]:
    """What inspecting a program also says: words for numbers, such as the row of its horizon."""
    from lanework.machines.series.layout import SeriesView

    view = SeriesView.of(program)
    words = {"horizon": "all periods" if view.horizon is None else view.horizon_name}
    if not view.periods:
        words["periods"] = "as many as a run says"
    return {"header": {**program.header, **words}}
