"""Landing: what arrives is kept as received before anything else happens to it, and everything can be rebuilt from it.

What the kept files mean is decided in :mod:`warehouse.sources` and :mod:`warehouse.ingest`.
"""

from warehouse.landing.landing import Entry, Landed, Landing, inbox_problem, named_files, waiting_files

__all__ = ["Entry", "Landed", "Landing", "inbox_problem", "named_files", "waiting_files"]
