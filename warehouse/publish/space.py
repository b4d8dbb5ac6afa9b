"""Whether there is room on the disk for a run, asked before anything is written.

A run that meets a full disk half-way fails without harm; this is for failing early, and saying what is missing.
"""

import shutil

from warehouse.errors import DealhouseError
from warehouse.publish import pointer
from warehouse.settings import Home

SNAPSHOTS = 2
"""Free space wanted, in sizes of the last publication: one is written before an old one goes."""

LEAST_BYTES = 32 * 2**20
"""Free space wanted in any case: for the work file's log, dbt's and Dagster's files."""


class NoSpaceError(DealhouseError):
    """The disk is too full for a run."""


def require_space(home: Home) -> None:
    """Refuse to begin where a run could hardly end.

    Raises
    ------
    NoSpaceError
        If less is free than :data:`LEAST_BYTES` and :data:`SNAPSHOTS` times the last publication.
    """
    last = pointer.current(home)
    wanted = LEAST_BYTES + SNAPSHOTS * (last.bytes if last else 0)
    home.root.mkdir(parents=True, exist_ok=True)
    places = [home.root, home.published] if home.published.exists() else [home.root]
    for place in places:
        free = shutil.disk_usage(place).free
        if free < wanted:
            raise NoSpaceError(
                "There is too little free space for a run; nothing was begun, and readers keep what they have.",
                where=str(place),
                why=f"{free / 1e6:,.1f} MB are free, {wanted / 1e6:,.1f} MB are wanted",
                todo="Free some space, or keep fewer versions with DEALHOUSE_KEEP_PUBLISHED, and run again.",
            )
