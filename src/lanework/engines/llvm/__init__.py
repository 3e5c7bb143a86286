"""Loop nests, and lanes that branch, as LLVM IR, compiled and kept on disk.

1. `nest.py` writes a function from a loop nest: the loops over units and blocks of lanes.
2. Inside it `values.py` names values and moves them between registers and memory, `steps.py` and
   `lookup.py` write the steps of a nest, one function each, and the walks over time around them.
3. `ir.py` writes the bodies of ops, one rule for each primitive.
4. `jam.py` puts two blocks of lanes in the same walks, where a nest waits more than it computes.
5. `masked.py` and `lanesteps.py` write lanes that branch (`engines.lanes`), with the variables and
   masks of `masks.py` and what is between turns of their loops (`turns.py`), for a processor
   (`lanetarget.py`). `lanerows.py` knows which words of lanes are one after another.
6. `jit.py` makes machine code of the text, `cache.py` keeps it on disk.

`nativetext.py` is apart: a little language in which native helpers are written.
"""
