"""The fleet programs of the benchmark: text with other sizes, what goes in and what comes out."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.data import ROOT
from bench.oracles import fleets as oracle
from lanework.core.program.program import Program
from lanework.machines.fleet import assemble
from lanework.machines.fleet.runner import Runner

FOLDERS = (ROOT / "examples" / "fleet", ROOT / "bench" / "programs")
F = np.float32
SEED = 7


@dataclass(frozen=True)
class Workload:
    """A program, its inputs, and its answer.

    Attributes:
        file: the program's, without its ending.
        constants: what replaces those of the text.
        output: the port that answers.
        expected: its numbers, by NumPy.
        inputs: by port.
    """

    file: str
    constants: Mapping[str, float]
    output: str
    expected: Callable[[], Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def program(self) -> Program[Runner]:
        """The program."""
        return program(self.file, **self.constants)


def program(file: str, **constants: float) -> Program[Runner]:
    """A program of the examples or of the benchmark, with other constants."""
    path = next(path for folder in FOLDERS if (path := folder / f"{file}.lasm").exists())
    text = path.read_text()
    for name, value in constants.items():
        text, count = re.subn(rf"^\.const {name} .*$", f".const {name} {value}", text, flags=re.M)
        assert count == 1, f"{path.name} has no constant {name}"
    return assemble(text, path.name)


def collatz(count: int) -> Workload:
    """Stopping times of 1 to `count`."""
    answer = functools.partial(oracle.collatz, count)
    return Workload("collatz", {"COUNT": count}, "steps", answer)


def children(parents: int, each: int) -> Workload:
    """Stopping times of 1 and so on, each by a VM that another one starts."""
    answer = functools.partial(oracle.collatz, parents * each)
    return Workload("children", {"PARENTS": parents, "CHILDREN": each}, "steps", answer)


def mandelbrot(width: int, height: int, limit: int = 256) -> Workload:
    """Turns of `width` times `height` pixels."""
    constants = {"WIDTH": width, "HEIGHT": height, "LIMIT": limit}
    answer = functools.partial(oracle.mandelbrot, width, height, limit)
    return Workload("mandelbrot", constants, "turns", answer)


def uniform(count: int, turns: int = 256) -> Workload:
    """A loop that all go round equally often."""
    answer = functools.partial(oracle.uniform, count, turns)
    return Workload("uniform", {"COUNT": count, "TURNS": turns}, "values", answer)


def logistic(count: int, turns: int) -> Workload:
    """The logistic map in half precision."""
    answer = functools.partial(oracle.logistic, count, turns)
    return Workload("logistic", {"COUNT": count, "TURNS": turns}, "values", answer)


def grayscale(pixels: int) -> Workload:
    """Three planes to one."""
    rng = np.random.default_rng(1)
    planes = {each: rng.integers(0, 256, pixels).astype(F) for each in ("red", "green", "blue")}
    answer = functools.partial(oracle.grayscale, **planes)
    return Workload("grayscale", {"PIXELS": pixels}, "gray", answer, planes)


def life(width: int, height: int, generations: int) -> Workload:
    """A board, a third of it alive; an even number of generations."""
    cells = (np.random.default_rng(2).random((height, width)) < 1 / 3).astype(F)
    constants = {"WIDTH": width, "HEIGHT": height, "PAIRS": generations // 2}
    answer = functools.partial(oracle.life, cells, generations)
    return Workload("torus", constants, "cells", answer, {"cells": cells})


def total(count: int, lanes: int = 64) -> Workload:
    """The sum of normally distributed numbers, by so many VMs and then by one."""
    numbers = np.random.default_rng(3).normal(1, 1, count).astype(F)
    constants = {"COUNT": count, "LANES": lanes}
    answer = functools.partial(oracle.total, numbers, lanes)
    return Workload("sum", constants, "total", answer, {"numbers": numbers})


def sir(agents: int, fortnights: int) -> Workload:
    """An epidemic that a hundredth of the agents have at first."""
    first = (np.arange(agents) % 100 == 0).astype(F)
    constants = {"AGENTS": agents, "FORTNIGHTS": fortnights}
    answer = functools.partial(oracle.sir, first, 14 * fortnights, 0.6, 0.1, SEED)
    return Workload("sir", constants, "agents", answer, {"agents": first})


def option(paths: int, pairs: int = 32) -> Workload:
    """Payoffs of a European call at the ends of paths."""
    answer = functools.partial(oracle.option, paths, pairs, SEED)
    return Workload("option", {"PATHS": paths, "PAIRS": pairs}, "payoffs", answer)


def boids(count: int, steps: int) -> Workload:
    """A flock on a square without edges."""
    rng = np.random.default_rng(3)
    start = np.concatenate([rng.uniform(0, 100, (count, 2)), rng.uniform(-1, 1, (count, 2))], 1)
    answer = functools.partial(oracle.boids, start.astype(F), steps)
    return Workload("boids", {"BOIDS": count, "STEPS": steps}, "flock", answer, {"start": start})
