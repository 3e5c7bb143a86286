"""Floor 3: what a register holds, one package for each machine."""
