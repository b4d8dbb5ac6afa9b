"""Dealhouse beside the tools that people use for its parts: the same answer first, then time and memory."""
