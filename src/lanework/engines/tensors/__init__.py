"""Native kernels of tensor programs, a block of lanes at a time; built with the package.

A tensor holds a vector of lanes for each of its entries, or one number where no lane changes it.
Where operands lie is said by lists of offsets: output entry `o` is the sum over `k` of the products
of ``p[at[o] + apart[k]]``, over up to four operands. So a few kernels do every contraction, and
what is multiplied need not be written out before it is summed. Where many terms are zero in every
lane, outputs come in groups that have the same list of other terms.

All kernels are called with a record of words and the number of the block. Scaled sums multiply up
to ``m 2^e``, so that nothing underflows; the least of them is kept, since what is far below one
says that entries may have been lost.

`contract`, `scale` and `entries` write the kernels with the tools of `writer`; `text` is all of
them and the loop that calls them, and `layout` what kernels and callers agree on.
"""
