"""The living definition: what a series program means, in NumPy.

`scan.py` runs each instruction over whole columns of the ledger, and recurrences period by
period. `execute.py` says what every engine is asked (a `Job`) and answers it by scanning, unit of
lanes after unit. The other engines are compared with this one, bit for bit; and where compiled code
meets a fault, this one says at which instruction, in which period and lane, and `faults.py` what it
looked for.
"""
