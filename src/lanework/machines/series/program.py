"""The program of a series model: what all programs can, and derivatives of its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic
from lanework.core.program.program import Program
from lanework.machines.series.codes import NO_DERIVATIVE

if TYPE_CHECKING:
    from lanework.machines.series.runner import Runner

    Base = Program[Runner]
else:
    Base = Program


@dataclass(frozen=True, eq=False, repr=False)
class SeriesProgram(Base):
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
            inputs: by default all that are numbers. The derivative by an input over time has an
                axis time; that of a total over lanes by an input which they share is their sum.

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
        return SeriesProgram(**vars(deriver.finish("gradient")))

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
        return SeriesProgram(**vars(deriver.finish("jacobian")))

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
        return SeriesProgram(**vars(deriver.finish("hessian_product")))


def facts(program: Program) -> Mapping[str, Any]:
    """What inspecting a program also says: its horizon by name, and not by the row that has it."""
    from lanework.machines.series.layout import SeriesView

    view = SeriesView.of(program)
    return (
        {} if view.horizon is None else {"header": {**program.header, "horizon": view.horizon_name}}
    )
