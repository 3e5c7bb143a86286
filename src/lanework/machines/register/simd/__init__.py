"""Lanes of a register program side by side, on SIMD registers and all cores.

1. `lower` makes of a program what each of many lanes does (`engines.lanes`), or says why not.
2. `text` writes it as a module: a function for a unit of lanes, and the one that threads call.
3. `engine` compiles it once that is worth its time, and runs lanes with it; where a lane runs into
   a trap, or out of fuel, the lanes from its unit on are for the other engines.
"""
