"""Databases that are asked for what is new: an outbox, or tables of the ecosystem CRM.

Each is described by a TOML file in ``<home>/sources``; see ``docs/postgres.md``.
"""

from warehouse.sources.postgres.pull import pull_all

__all__ = ["pull_all"]
