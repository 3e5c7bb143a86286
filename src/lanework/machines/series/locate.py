"""Where a lookup fault is: compiled code only says in which unit of lanes."""

from __future__ import annotations

import dataclasses

from lanework.machines.series.execute import Job, ReferenceExecutor
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.scan import Fault


def locate(view: SeriesView, job: Job, units: list[int] | None) -> list[Fault]:
    """Run the reference on the units that compiled code suspects (None for all of them).

    No fault there means that there is none: a lane may look past the end of its own time. What
    the reference writes into the job's buffers is what is there already, to the bit.
    """
    return ReferenceExecutor(view).run(dataclasses.replace(job, progress=None), units)
