"""What is known of a program before it runs: abstract interpretation on intervals.

1. `controlflow` is the control-flow graph: where VMs go, and which come by.
2. `interval` has intervals of numbers and their arithmetic, `bounds` what ops make of them.
3. `abstract` is the abstract state of a VM at an instruction, `memory` that of shared memory, and
   `private` finds words of it that are thread-private.
4. `transfer` has the transfer function of each instruction, with `linear` for sums of elements.
5. `fixpoint` goes on until nothing new is learnt, with widening and narrowing.
6. `precision` asks it whether values stay in half precision. `estimate` needs none of this: epochs,
   depth of calls and memory.
"""
