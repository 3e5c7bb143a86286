"""What inference is held to: random graphs, and every assignment of a small one.

`generate` makes the case of a seed, `enumeration` knows its answers without any code of compiler or
engines, and `fuzz` runs it in every strategy, engine and semiring, and shrinks what diverges.
"""
