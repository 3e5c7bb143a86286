"""Text and modules: what a person writes, and how a program is printed.

1. `reading` goes over the lines of a text and what begins with a point, into a `draft`: `operands`
   for instructions, `phases` for what runs when. `words` has names, registers and bit patterns,
   `expression` sums and products of symbols.
2. What one text says is a `module`, in which targets and symbols of others are still open.
3. `linker` makes a program of modules: routines one after another, `symbols` filled in.
4. `asm` is both ways in one: text to a program, and a program to text. `page` prints the
   table of instructions for the documentation.
"""
