"""What is known of a program before it runs: abstract interpretation on intervals.

1. `controlflow` is the control-flow graph: where VMs go, and which come by.
2. `abstract` is the abstract state of a VM at an instruction, in intervals of `core.ops.interval`;
   `memory` that of shared memory, of which some words are thread-private.
3. `transfer` has the transfer function of each instruction, with `linear` for sums of elements and
   `integers` for words that are such. `induction` knows what goes up in every round of a loop.
4. `fixpoint` goes on until nothing new is learnt, with widening and narrowing.
5. `meanings` is another, of what words mean: which buffer an address is in by its name, and what
   is a float or an integer; `kinds` looks for those that go where the other belongs.
6. `forms` are exact sums of the VM's number and other whole numbers. `effects` asks by them whether
   VMs that run together see each other: `accesses` says where the VMs of a launch go and what they
   see there, `disjoint` whether two may come to one word, and `conflicts` what follows from it.
7. `precision` asks the intervals whether values stay in half precision. `estimate` needs none of
   this: epochs, depth of calls and memory.
"""
