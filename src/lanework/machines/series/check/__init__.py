"""The series fuzzer: programs, damage to them, and what they are held to.

`generate.py` draws random programs and inputs that pass the verifier, `mutate.py` damages programs
as an attacker would, and `fuzz.py` runs both on every engine and lane width against the
reference, and makes what differs small.
"""
