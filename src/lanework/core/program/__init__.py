"""The program that every machine compiles to: tape, ports, constants, sections, listing, hash.

`program` is the object, `isa` says what a tape may hold, `container` is the file, `asm` and
`asmtext` the text, `verify` runs a machine's rules, `inspecting` lists what is inside.
"""
