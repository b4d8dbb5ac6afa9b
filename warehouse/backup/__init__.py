"""A copy of home that can be put back: made while runs go on, and proved before it counts."""

from warehouse.backup.contents import Backup, BackupError
from warehouse.backup.making import back_up
from warehouse.backup.restoring import restore

__all__ = ["Backup", "BackupError", "back_up", "restore"]
