"""Ingestion: landed files become accepted events, exactly once, and rejects that say why.

How files are kept is decided in :mod:`warehouse.landing`, what an event must carry in :mod:`warehouse.contracts`.
"""

from warehouse.ingest.batch import BatchResult
from warehouse.ingest.pending import ingest_pending, rebuild, replay

__all__ = ["BatchResult", "ingest_pending", "rebuild", "replay"]
