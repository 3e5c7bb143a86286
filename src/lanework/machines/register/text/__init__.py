"""Assembly text of register programs, and their reference page.

`reading` goes over the lines twice: labels, data, ports and the form of every instruction first,
then the places of labels; what it gives is a `Program`. `operands` has numbers and addresses, and
the forms that take them; `instead` says what to write for what is written elsewhere. `asm` prints
a program as text that reads back to the same hash. `page` is the documentation's list of
instructions.
"""
