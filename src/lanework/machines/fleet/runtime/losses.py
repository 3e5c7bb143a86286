"""What a run has counted that was lost in it: who does not look at counts hears of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lanework.core.result.show import many
from lanework.core.runner import warn


class LossNotice(UserWarning):
    """A run went to its end, and something of it was lost: updates, counts, words, VMs."""


def losses(stats: Mapping[str, Any], setting: str) -> Iterator[str]:
    """Sentences about what was lost.

    Args:
        stats: what the run has counted.
        setting: how a setting is given, of which ``{}`` is the name.

    Example:
        >>> counts = dict.fromkeys(["reads_outside", "writes_outside", "mixed", "stalled"], 0)
        >>> list(losses({**counts, "conflicts": 2, "unborn": 0, "faults": 0}, "{}='fault'"))
        ["several VMs wrote 2 words in one epoch, of which the highest's stayed; conflicts=..."]
    """
    outside = stats["reads_outside"] + stats["writes_outside"]
    if outside:
        yield (
            f"{stats['reads_outside']:,} reads and {stats['writes_outside']:,} writes were outside"
            f" shared memory, or the buffer that they name; {setting.format('bounds')} says where"
        )
    if stats["conflicts"]:
        yield (
            f"several VMs wrote {many(stats['conflicts'], 'word')} in one epoch, of which the"
            f" highest's stayed; {setting.format('conflicts')} says where"
        )
    if stats["mixed"]:
        yield (
            f"{many(stats['mixed'], 'word')} went into buffers of integers as floats, or the other"
            " way round: lanework explain LW6013"
        )
    if stats["stalled"]:
        yield (
            f"{many(stats['stalled'], 'whole number')} added by ATOMIC_ADD changed nothing: floats"
            " count to 2**24, and ATOMIC_IADD further"
        )
    if stats["unborn"]:
        yield f"{many(stats['unborn'], 'VM')} could not start: .spawn makes more places"
    if stats["faults"]:
        yield f"{many(stats['faults'], 'VM')} faulted"


def tell(stats: Mapping[str, Any]) -> None:
    """Warn once, of all that a run has lost."""
    lost = list(losses(stats, "{}='fault'"))
    if lost:
        warn("; ".join(lost), LossNotice)
