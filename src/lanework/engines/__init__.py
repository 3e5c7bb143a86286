"""Floor 2: how a tape runs: loop nests, LLVM, the code cache, threads."""
