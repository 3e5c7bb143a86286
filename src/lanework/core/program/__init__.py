"""The program that every machine compiles to: tape, ports, constants, sections, listing, hash.

`data` is what a program is made of and `isa` what a tape may hold; `container` is the file,
`asmtext` the words of assembly text, `inspecting` lists what is inside. `program` is the object
with all of that as its methods. Above it, `asm` reads assembly and `verify` runs a machine's rules.
"""
