"""CSV and foreign Parquet as events, by a mapping file (docs/mapping.md).

A mapping only says which event a row is. Landing, contracts, duplicates and batches belong to
``warehouse.ingest``.
"""

from warehouse.sources.mapping.mapping import InputResult, Mapping, MappingResult, load
from warehouse.sources.mapping.spec import MappingError

__all__ = ["InputResult", "Mapping", "MappingError", "MappingResult", "load"]
