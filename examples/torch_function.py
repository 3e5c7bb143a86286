"""An output of a series program as a function of PyTorch, with its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from lanework.series import SeriesProgram


def torch_function(
    program: SeriesProgram, output: str, names: Sequence[str], **fixed: Any
) -> Callable[..., torch.Tensor]:
    """A function of these inputs, in their order, through which PyTorch goes backwards.

    Args:
        program: a program.
        output: one of its outputs, without the axis time and of one lane.
        names: the inputs that are arguments: numbers, or tensors over time, float64.
        **fixed: the others.
    """
    gradient = program.gradient(output, names).bind()

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *values: torch.Tensor) -> torch.Tensor:
            given = {name: x.detach().numpy() for name, x in zip(names, values, strict=True)}
            result = gradient(**given, **fixed)
            slopes = (torch.as_tensor(result[f"d_{output}_d_{name}"]) for name in names)
            ctx.save_for_backward(*slopes)
            return torch.as_tensor(result[output])

        @staticmethod
        def backward(ctx: Any, change: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(change * slope for slope in ctx.saved_tensors)

    return Function.apply
