"""Lane after lane in native code: inputs from columns, outputs to columns.

For each lane the state is set back, the inputs are put into their registers, the program is
entered, and the outputs are taken. The first lane that does not come to its end stops the loop, so
that Python can say why, or give it more fuel, and go on after it. So does the lane with which all
together have used more fuel than they may before Python looks at the clock.
"""

from __future__ import annotations

from lanework.engines.llvm.nativetext import Function
from lanework.machines.register.state import FUEL, LANE, STATUS, WORDS, Status

# Words of a job.
STATE, FRESH, ENTER, FIRST_ARG, SECOND_ARG, NEXT, END = range(7)
INPUTS, INPUT_COUNT, OUTPUTS, OUTPUT_COUNT = range(7, 11)
MEMORY, SIZE, DATA, DATA_SIZE, USED, MOST = range(11, 17)


def lanes_text() -> str:
    """`lanes(job)`: runs to the end, or as far as it may; `once`: lane 0."""
    f = Function("lanes", ("job",))
    job = f["job"]
    state, fresh, enter, first, second = (f.load(job + 8 * n) for n in range(5))
    inputs, input_count = f.load(job + 8 * INPUTS), f.load(job + 8 * INPUT_COUNT)
    outputs, output_count = f.load(job + 8 * OUTPUTS), f.load(job + 8 * OUTPUT_COUNT)
    memory, size = f.load(job + 8 * MEMORY), f.load(job + 8 * SIZE)
    data, data_size = f.load(job + 8 * DATA), f.load(job + 8 * DATA_SIZE)
    most = f.load(job + 8 * MOST)
    lane, end = f.variable(f.load(job + 8 * NEXT)), f.load(job + 8 * END)
    at = f.variable()
    with f.loop() as done:
        f.leave(done, lane.get().is_("uge", end))
        at.set(0)
        with f.loop() as copied:
            f.leave(copied, at.get().is_("uge", WORDS * 8))
            f.copy16(state + at.get(), fresh + at.get())
            at.add(16)
        at.set(0)
        with f.loop() as cleared:  # memory: a multiple of 64 bytes, none if nothing writes to it
            f.leave(cleared, at.get().is_("uge", size))
            f.store(memory + at.get(), 0)
            at.add(8)
        at.set(0)
        with f.loop() as filled:
            f.leave(filled, at.get().is_("uge", data_size))
            f.store(memory + at.get(), f.load(data + at.get(), 1), 1)
            at.add(1)
        f.store(state + 8 * LANE, lane.get())
        at.set(0)
        with f.loop() as given:
            f.leave(given, at.get().is_("uge", input_count))
            entry = inputs + (at.get() << 4)
            column = f.load(entry + 8)
            f.store(state + (f.load(entry) << 3), f.load(column + (lane.get() << 3)))
            at.add(1)
        f.call_at(enter, state, first, second)
        with f.when(f.load(state + 8 * STATUS).is_("ne", Status.HALT)):
            f.store(job + 8 * NEXT, lane.get())
            f.give(1)
        used = f.load(job + 8 * USED) + f.load(fresh + 8 * FUEL) - f.load(state + 8 * FUEL)
        f.store(job + 8 * USED, used)
        at.set(0)
        with f.loop() as taken:
            f.leave(taken, at.get().is_("uge", output_count))
            entry = outputs + (at.get() << 4)
            column = f.load(entry + 8)
            f.store(column + (lane.get() << 3), f.load(state + (f.load(entry) << 3)))
            at.add(1)
        lane.add(1)
        f.leave(done, used.is_("ugt", most))
    f.store(job + 8 * NEXT, lane.get())
    once = Function("once", ("job",))
    once.store(once["job"] + 8 * NEXT, 0)
    once.give(once.call("lanes", once["job"]))
    return f.definition() + once.definition()
