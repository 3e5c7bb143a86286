"""The matrices that a program stores, and what they would take in each format."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from lanework.core.program.isa import Instruction
from lanework.core.result.show import many, size
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.compose import compose
from lanework.machines.fleet.matrices.formats import CHOICES, THRESHOLD, density, encode
from lanework.machines.fleet.matrices.maps import LinearMap, maps
from lanework.machines.fleet.state import Profile

HEAD = struct.Struct("<2I")


def section(profile: Profile, instructions: Sequence[Instruction]) -> bytes:
    """The matrices of instructions as a program stores them.

    Two words, how many instructions and how many matrices; for each instruction the number of its
    matrix or -1; then the words of `formats` for the format rows. Least significant bytes first.

    Example:
        >>> from lanework.machines.fleet.isa import FLEET
        >>> from lanework.machines.fleet.state import PROFILES
        >>> clear = FLEET.by_name["CLEAR"].make(dest=1)
        >>> [int(each) for each in np.frombuffer(section(PROFILES["S22"], [clear]), "<i4")]
        [1, 1, 0, 0, 4, 1, 1, 2]
    """
    encoded = encode(maps(profile, instructions), profile, "rows")
    index, words = encoded.index.astype("<i4"), encoded.words.astype("<u4")
    return HEAD.pack(len(index), encoded.count) + index.tobytes() + words.tobytes()


def check_section(view: FleetView, data: bytes) -> str | None:
    """What is wrong with the matrices that a program stores, as a sentence, or None."""
    expected = section(view.profile, view.instructions)
    if data == expected:
        return None
    if len(data) != len(expected):
        return f"the matrices take {len(data):,} bytes, and should take {len(expected):,}"
    ours, theirs = (np.frombuffer(each, "<u4") for each in (expected, data))
    place = int(np.flatnonzero(ours != theirs)[0])
    ip = place - 2
    if 0 <= ip < len(view.instructions):
        return f"{view.where(ip)} is given matrix {int(theirs[place].astype(np.int32))}"
    return f"word {place} of the matrices is {int(theirs[place])}, and should be {int(ours[place])}"


def report(view: FleetView) -> dict[str, Any]:
    """What the matrices of a program take.

    Returns:
        instructions, linear; matrices (how many differ) and shared (linear instructions that have
        one of another); length (of the vector); coefficients (stored ones of the fullest matrix),
        density (of the fullest) and mean_density; formats: for each its bytes, table included, with
        coefficients in single (bytes) and in half precision (half), and how many matrices are
        stored how (chosen); composed: the runs that begin where no other one goes on, the longest,
        and the densest matrix of all.
    """
    single = maps(view.profile, view.instructions)
    different = list(dict.fromkeys(each for each in single if each is not None))
    linear = sum(each is not None for each in single)
    full = [density(each, view.profile) for each in different]
    formats = {}
    for name in CHOICES:
        encoded = encode(single, view.profile, name)
        halves = encode(single, view.profile, name, half=True)
        counts = Counter(encoded.format(number).name.lower() for number in range(encoded.count))
        chosen = dict(sorted(counts.items()))
        formats[name] = {
            "bytes": encoded.words.nbytes,
            "half": halves.words.nbytes,
            "chosen": chosen,
        }
    return {
        "instructions": len(single),
        "linear": linear,
        "matrices": len(different),
        "shared": linear - len(different),
        "length": view.profile.length,
        "coefficients": round(max(full, default=0.0) * view.profile.length**2),
        "density": max(full, default=0.0),
        "mean_density": sum(full) / len(full) if full else 0.0,
        "threshold": THRESHOLD,
        "formats": formats,
        "composed": _composed(view),
    }


def _composed(view: FleetView) -> dict[str, Any]:
    composed = compose(view)
    runs: list[LinearMap] = []
    ip = 0
    while ip < len(composed):
        each = composed[ip]
        ip += each.length if each is not None else 1
        if each is not None and each.length > 1:
            runs.append(each)
    dense = (density(each, view.profile) for each in set(runs))
    return {
        "runs": len(runs),
        "instructions": sum(each.length for each in runs),
        "longest": max((each.length for each in runs), default=0),
        "density": max(dense, default=0.0),
        "bytes": encode(composed, view.profile, "rows").words.nbytes,
    }


def text(facts: dict[str, Any]) -> str:
    """A report for people.

    Example:
        >>> formats = {
        ...     "rows": {"bytes": 68, "half": 56, "chosen": {"rows": 2}},
        ...     "hybrid": {"bytes": 588, "half": 500, "chosen": {"csr": 2}},
        ... }
        >>> composed = {"runs": 1, "instructions": 2, "longest": 2, "density": 0.052, "bytes": 90}
        >>> print(text({"instructions": 4, "linear": 3, "matrices": 2, "shared": 1, "length": 22,
        ...     "coefficients": 24, "density": 0.0496, "mean_density": 0.048, "threshold": 0.15,
        ...     "formats": formats, "composed": composed}))
        linear    3 of 4 instructions; they have 2 matrices of 22 x 22
        density   4.8 % on average; the fullest has 24 coefficients, 5.0 %
        rows      68 B, with halves 56 B
        hybrid    588 B, with halves 500 B (2 csr)
        composed  90 B as rows: 1 run of 2 instructions in all, the densest of 5.2 %
    """
    n, composed = facts["length"], facts["composed"]
    matrices = f"{facts['matrices']:,} {'matrix' if facts['matrices'] == 1 else 'matrices'}"
    lines = [
        f"linear    {facts['linear']:,} of {many(facts['instructions'], 'instruction')}; they have"
        f" {matrices} of {n} x {n}",
        f"density   {100 * facts['mean_density']:.1f} % on average; the fullest has"
        f" {many(facts['coefficients'], 'coefficient')}, {100 * facts['density']:.1f} %",
    ]
    for name, took in facts["formats"].items():
        chosen = ", ".join(f"{count} {each}" for each, count in took["chosen"].items())
        line = f"{name:8}  {size(took['bytes'])}, with halves {size(took['half'])}"
        lines.append(f"{line} ({chosen})" if chosen and name not in took["chosen"] else line)
    lines.append(
        f"composed  {size(composed['bytes'])} as rows: {many(composed['runs'], 'run')} of"
        f" {many(composed['instructions'], 'instruction')} in all, the densest of"
        f" {100 * composed['density']:.1f} %"
    )
    return "\n".join(lines)
