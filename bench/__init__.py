"""Benchmarks of Lanework against its peers, and the independent oracles both are checked with.

Nothing here is part of the package: run it from the root of the repository with
``python -m bench list``, ``python -m bench run NAME`` and ``python -m bench memory``.
"""
