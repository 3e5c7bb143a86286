"""Readers and writers of network files, by format."""
