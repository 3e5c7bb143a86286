"""Floor 0: what every other floor stands on, and what imports nothing of Lanework's other floors.

Errors with stable codes and spans, limits, named axes, atomic files and the journal, counter-based
random numbers, units, the host, names that load when they are touched.
"""
