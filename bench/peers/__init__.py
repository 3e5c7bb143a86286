"""Contestants written with other tools: NumPy, Numba, JAX, numexpr.

Each is the fastest honest version we could write: it computes the model it is given, from the same
arrays, inside the timed call, and answers within the task's stated tolerance.
"""
