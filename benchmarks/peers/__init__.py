"""Dealhouse beside the tools that people of the field use for its parts: the same answer first, then time and memory."""
