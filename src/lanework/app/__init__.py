"""Floor 5: the command line, over what each machine says of itself.

`cli` has the commands and the options that all machines have. `commands` makes one command line of
what machines add (`Machine.cli`): it reads a `Request`, finds the machine of its file, refuses
options that this machine does not have, and turns errors into an exit status. `run`, `trace` and
`test` are then the machine's own work; `programs` has what is done with programs of any machine:
compile, dis, verify, inspect, and explain for error codes. `completion` is what a shell asks.
"""
