"""From the tape to loop nests, and the code that runs them.

`lower.py` puts rows that no lane changes in a nest of their own; `nests.py` places instructions in
as few walks over time as their dependences allow, `joining.py` leaves out steps that these inputs
do not need, `keeping.py` chooses what a walk keeps for the next, and `integrality.py` says which
keys of tables need no test. `kernels.py` gets the code of a nest from LLVM or from stencils,
`compiled.py` runs it over lanes and moves from one to the other, and `direct.py` is the short way
for one lane: a call that costs little more than the code itself.
`standing.py` is a run that native code does again and again.
"""
