"""Floor 1: ops, programs, files and text of programs, verification, results."""
