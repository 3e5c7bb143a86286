"""From bound inputs to the end of the schedule, on any engine.

1. `settings` says what each setting takes; `choice` knows the engines by name: which can run here,
   and what they need.
2. `binding` puts inputs into shared memory, in the order of their labels (`rows`), and takes
   outputs out; `memory` is what these are put into, time and again; `arguments` reads what the
   command line says, and `pictures` how wide an output is as one.
3. `scheduler` walks the schedule: launches, barriers, limits; `traps` says which VM stopped where,
   and `losses` what a run has lost that went to its end.
4. `watching` goes epoch by epoch; `debugging` forwards and back, to breakpoints and watchpoints.
"""
