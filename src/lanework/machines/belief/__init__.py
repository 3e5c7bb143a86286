"""The belief machine: exact inference in factor graphs, as tensor programs over a semiring."""
