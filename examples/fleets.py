"""Fleets of tiny virtual machines: the edges of a photograph, a million numbers, a ring, a flock.

Run by `make demo`, on the reference engine, which needs no GPU. Everything is checked against NumPy
or a published fact (see examples/fleet/README.md for the photograph).
"""

import math
import sys
import time
from pathlib import Path

import numpy as np

import lanework as lw
from lanework.core.result.picture import read_picture, write_picture

FOLDER = Path(__file__).resolve().parent / "fleet"
OUT = FOLDER.parents[1] / "build" / "edges.pgm"


def run(name, **inputs):
    """Run an example; its result."""
    program = lw.fleet.assemble((FOLDER / f"{name}.lasm").read_text(), f"{name}.lasm")
    began = time.perf_counter()
    result = program.bind("reference")(**inputs)
    took = time.perf_counter() - began
    rate = result.stats["instructions"] / took / 1e6
    stats = result.stats
    print(
        f"{name:<10} {stats['instructions']:>12,} instructions of {stats['vms']:,} VMs in"
        f" {took * 1e3:,.0f} ms, {rate:,.0f} million a second"
    )
    return result


def main() -> int:
    """Run them all and check them; 1 where one is wrong."""
    photo = read_picture((FOLDER / "photo.ppm").read_bytes())
    result = run("image", image=photo)
    gray = photo.astype(np.float64) @ [0.299, 0.587, 0.114]
    edges = result["edges"].reshape(gray.shape)
    good = [np.abs(result["gray"] - gray.ravel()).max() < 1e-4]
    numbers = np.arange(1_000_000) * 31 % 17
    good.append(run("reduce", numbers=numbers)["total"][0] == math.fsum(numbers))
    good.append(run("ring")["results"].tolist() == [2.0 * n * n for n in range(100)])
    rand = np.random.default_rng(3)
    start = np.concatenate([rand.uniform(0, 100, (64, 2)), rand.uniform(-1, 1, (64, 2))], 1)
    heading = [_heading(each) for each in (start, run("boids", start=start)["flock"])]
    good.append(heading[1] > 2 * heading[0])
    good.append(run("collatz")["steps"].argmax() + 1 == 6171)  # the longest way below 10,000
    print(f"a flock    heads the same way to {heading[0]:.0%} before and {heading[1]:.0%} after")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(write_picture(edges))
    print(f"written    {OUT.relative_to(FOLDER.parents[1])}")
    print("checked    " + ("all is as it should be" if all(good) else f"wrong: {good}"))
    return int(not all(good))


def _heading(flock):
    """How much boids head the same way: the length of the mean of their directions."""
    velocity = np.asarray(flock).reshape(-1, 4)[:, 2:]
    return float(np.linalg.norm((velocity.T / np.linalg.norm(velocity, axis=1)).mean(1)))


if __name__ == "__main__":
    sys.exit(main())
