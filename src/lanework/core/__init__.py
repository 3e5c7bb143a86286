"""Floor 1: what all machines have in common, before there is any engine.

`ops` is the op table. A machine's compiler writes a tape of its instructions into a program
(`program`), which is verified, saved, printed and bound. `data` takes what a person gives, exactly
or not at all, and `options` looks at what functions are told besides. `runner` is what every runner
is; it gives back a result (`result`), which makes tables, files and pages of itself. `waiting`
holds Ctrl-C and deadlines over work that looks at neither, `calm` says where that may be stopped,
and `resident` looks at the memory that a command takes. `machine` says where the parts of a machine
are and finds it by name; `cli` is what it says to the command line, whose words `arguments` reads
and whose options `checks` looks at, and `terminal` what is printed there. `fuzzing` goes through
the cases of a machine's fuzzer. `codes` has the error codes of this floor.
"""
