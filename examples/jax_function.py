"""An output of a series program as a function of JAX, with its derivatives.

JAX must count in 64 bits: ``jax.config.update("jax_enable_x64", True)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from lanework.series import SeriesProgram


def jax_function(
    program: SeriesProgram, output: str, names: Sequence[str], **fixed: Any
) -> Callable[..., Any]:
    """A function of these inputs, in their order, that JAX can differentiate and compile.

    Args:
        program: a program.
        output: one of its outputs, without the axis time and of one lane.
        names: the inputs that are arguments: numbers, or arrays over time, as each call has them.
        **fixed: the others.
    """
    gradient = program.gradient(output, names).bind()
    slopes = [f"d_{output}_d_{name}" for name in names]
    number = jax.ShapeDtypeStruct((), np.float64)

    def run(*values: Any) -> tuple[Any, ...]:
        given = {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
        result = gradient(**given, **fixed)
        return (result[output], *(result[name] for name in slopes))

    def call(*values: Any) -> tuple[Any, ...]:
        like = (number, *(jax.ShapeDtypeStruct(np.shape(x), np.float64) for x in values))
        return jax.pure_callback(run, like, *values, vmap_method="sequential")

    @jax.custom_vjp
    def function(*values: Any) -> Any:
        return call(*values)[0]

    def forward(*values: Any) -> tuple[Any, Any]:
        value, *derivatives = call(*values)
        return value, tuple(derivatives)

    def backward(derivatives: Any, change: Any) -> Any:
        return tuple(change * derivative for derivative in derivatives)

    function.defvjp(forward, backward)
    return function


def main() -> None:
    """The bond of docs/sensitivities.md."""
    import lanework as lw

    jax.config.update("jax_enable_x64", True)
    model = lw.series.Model("bond", periods=10)
    model.input("coupon")
    model.input("curve", axes="time")
    model.formula("discount", "prev(discount, initial=1) / (1 + curve)")
    model.formula("price", "total(coupon * 100 * discount) + 100 * last(discount)")
    price = jax_function(model.compile(outputs=["price"]), "price", ["coupon", "curve"])
    value, slope = jax.value_and_grad(jax.jit(price))(0.03, np.full(10, 0.02))
    print(f"price {value:.4f}, its slope by the coupon {slope:.4f}")


if __name__ == "__main__":
    main()
