"""Outputs as functions of JAX and PyTorch: derivatives through both are those of their own.

Each runs in a process of its own: both leave threads behind, beside which others may not fork.
"""

import importlib.util
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOND = """
    import numpy as np
    import lanework as lw

    CURVE = np.array([0.02, 0.03, 0.025])
    m = lw.series.Model("bond", periods=3)
    m.input("coupon")
    m.input("face")
    m.input("curve", axes="time")
    m.formula("discount", "prev(discount, initial=1) / (1 + curve)")
    m.formula("price", "total(coupon * face * discount) + face * last(discount)")
    program = m.compile(outputs=["price"])
"""
JAX = """
    import jax
    from jax_function import jax_function

    jax.config.update("jax_enable_x64", True)
    price = jax_function(program, "price", ["coupon", "curve"], face=100.0)

    def right(coupon, curve):
        discount = jax.numpy.cumprod(1 / (1 + curve))
        return (coupon * 100.0 * discount).sum() + 100.0 * discount[-1]

    def loss(price):
        return lambda coupon, curve: jax.numpy.sin(price(coupon, curve) / 10) ** 2

    for function in (price, jax.jit(price)):
        for argument in (0, 1):
            slope = jax.grad(loss(function), argument)(0.05, CURVE)
            np.testing.assert_allclose(slope, jax.grad(loss(right), argument)(0.05, CURVE), 1e-12)
"""
TORCH = """
    import torch
    from torch_function import torch_function

    price = torch_function(program, "price", ["coupon", "curve"], face=100.0)
    arguments = [
        torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.05, CURVE)
    ]
    assert torch.autograd.gradcheck(price, arguments)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("package", "code"), [("jax", JAX), ("torch", TORCH)])
def test_recipe(package, code):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    text = textwrap.dedent(BOND) + textwrap.dedent(code)
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=ROOT / "examples", capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
def test_the_page_shows_what_the_example_prints():
    command = [sys.executable, "examples/jax_function.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout in (ROOT / "docs/sensitivities.md").read_text(), done.stderr
    assert done.stdout.startswith("price ")
