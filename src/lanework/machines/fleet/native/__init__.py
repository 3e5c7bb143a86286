"""Whole phases as native code, VMs across SIMD.

1. `steps` says which steps of the schedule run natively, and why others do not.
2. `lower` makes of a routine in one `form` a program of lanes (`engines.lanes`), with what has no
   op in `graphs`, and what is done with shared memory in `words`; `parts` knows of which buffers
   the words may be elsewhere.
3. `text` writes a function for each form of a routine, `module` the one that threads call; `abi`
   names what they are given and count, and says how many VMs are a thread's at a time.
4. `engine` runs as much of the schedule with it as can be (`call`), and the rest on the reference;
   `ahead` has of that what is the same for shaders (`gpu.phases`).
5. `family` says which VMs start others, and whether their numbers may be known after the fact; then
   `generations` runs them one generation after another.
6. `lookout` hears of a VM that faults where others never end that come before it.
"""
