"""The register machine: code that is made and run on the fly.

Thirty-two registers of 64 bits, instructions of four or eight bytes, a memory of its own.
"""
