"""Erasure of persons: found through the identity graph, taken out of every file of a home, and proved to be gone.

Landing stays the truth, and all else follows from it: its segments are written anew without the person, by a signed
record of the manifest, and the work file and the publication are made from them. How long data is kept at all is in
:mod:`warehouse.retention`.
"""
