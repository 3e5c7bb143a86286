"""Holding the engines of the register machine to each other, and measuring them.

`fuzz` draws programs from the instruction table, runs them on every engine against the reference
and shrinks what differs, `testing` holds the test lines of an assembly file, `timing`
says how long code takes to be made, stage by stage.
"""
