"""Floor 0: what every other floor stands on, and what imports nothing of Lanework's other floors.

`errors` have stable codes (`codes`) and point to a place in a text (`span`), in
which nothing of others is obeyed (`printable`). `limits` says what a
run may use, `host` what it runs on: processor, cores, where caches go. `axes` aligns arrays by the
names of their axes; `units` are products of powers of symbols, read by `unittext`
and called as `unitnames` says. `files` appear
complete or not at all. `sharing` is what threads, and children of a fork, share. `rng` draws random
numbers by seed, lane and index. `lookup` says where labels are, millions of them in short steps.
`lazy` gives packages names that load when they are touched.
"""
