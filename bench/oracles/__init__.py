"""Plain NumPy answers to the example models, written without Lanework.

Each module has ``load()``, which reads the tables, and ``run(...)``, which answers. They follow the
published formulas line by line and take no short cut, so that they can be read against the source.
"""
