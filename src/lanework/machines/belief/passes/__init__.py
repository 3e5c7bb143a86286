"""From a graph and a query to a program, one pass a file; `compile` runs them in this order, and
`Runner.explain` says what each did.

`query` reads what is asked, numbers variables and leaves out what does not matter. A contraction
tree (`tree`) comes from the cheapest order of `elimination`, or along a `backbone` of the factors,
where `holonomy` says which states share a mode and `modes` ties parts by these. Along the tree,
`messages` go to the root, and `outputs` writes what is asked of them: their adjoint, or states one
after another. All write through `emit`, which folds what no evidence changes and hands out
registers.
"""
