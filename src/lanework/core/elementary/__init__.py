"""The bodies of the op table, one file for each family of ops.

`core.arith` puts them in order; nothing else imports from here.
"""
