"""The reference engine in NumPy: the living definition of what a fleet program does.

1. `engine` has the VMs of each instruction as one group (`groups`), and goes epoch by epoch;
   `execution` is all there is of a run between two epochs.
2. `steps` computes: rows of matrices, and ops of the one table, on many VMs at once; `sampling`
   draws random numbers.
3. `control` has branches, calls and system calls: where VMs go next, and what they wait for.
4. `ordered` is what VMs do one after another; `sharing` is shared memory for both.
"""
