"""Contracts, landing, ingestion, building and publishing: how events become a warehouse.

Scores, schedules and pages live in the packages above this one, which import it and are never imported by it.
"""

__version__ = "0.1.0"
