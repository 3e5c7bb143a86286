"""Outputs as functions of JAX and PyTorch: derivatives through both are those of their own."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import lanework as lw

EXAMPLES = Path(__file__).parents[2] / "examples"
CURVE = np.array([0.02, 0.03, 0.025])


def recipe(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def bond():
    m = lw.series.Model("bond", periods=3)
    m.input("coupon")
    m.input("face")
    m.input("curve", axes="time")
    m.formula("discount", "prev(discount, initial=1) / (1 + curve)")
    m.formula("price", "total(coupon * face * discount) + face * last(discount)")
    return m.compile(outputs=["price"])


def test_jax():
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    price = recipe("jax_function")(bond(), "price", ["coupon", "curve"], face=100.0)

    def right(coupon, curve):
        discount = jax.numpy.cumprod(1 / (1 + curve))
        return (coupon * 100.0 * discount).sum() + 100.0 * discount[-1]

    def loss(price):
        return lambda coupon, curve: jax.numpy.sin(price(coupon, curve) / 10) ** 2

    for function in (price, jax.jit(price)):
        for argument in (0, 1):
            slope = jax.grad(loss(function), argument)(0.05, CURVE)
            np.testing.assert_allclose(slope, jax.grad(loss(right), argument)(0.05, CURVE), 1e-12)


def test_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    price = recipe("torch_function")(bond(), "price", ["coupon", "curve"], face=100.0)
    arguments = [
        torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.05, CURVE)
    ]
    assert torch.autograd.gradcheck(price, arguments)
    assert "torch" in sys.modules
