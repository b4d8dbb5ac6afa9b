"""Readers: how a landed file becomes rows of one common shape. What is valid is decided in :mod:`warehouse.ingest`."""
