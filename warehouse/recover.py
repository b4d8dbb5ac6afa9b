"""Throws away a work file that cannot be read, so that the next step makes it anew from landing.

A kill or a power cut in the middle of a checkpoint can leave a work file that does not open; so can a disk.
Landing is the truth: ingestion takes in whatever the work file does not know, be it one batch or all of them,
and dbt builds what its watermarks miss. A work file that opens, but has lost its last transactions (with its
write-ahead log), is therefore healed by an ordinary run and is no matter for this module.
"""

import gc
import logging
import re
import shutil
from pathlib import Path

import duckdb

from warehouse.errors import DealhouseError
from warehouse.publish.space import require_space
from warehouse.settings import Home, Settings
from warehouse.store import open_store

_log = logging.getLogger(__name__)

# What DuckDB 1.5 and 2.0 say of torn, truncated, overwritten and foreign files and logs. The class of the
# error says nothing: it differs between versions, and is shared with a full disk.
_DAMAGED = re.compile(
    r"Corrupt database file"
    r"|Corrupt WAL file"
    r"|Failure while replaying WAL"
    r"|WAL does not match database file"
    r"|is not a valid DuckDB database file"
    r"|Could not read enough bytes from file \"[^\"]*\.duckdb"
    r"|Trying to read a database file with version number"
    r"|Failed to deserialize"
)
_LOCKED = re.compile(r"Could not set lock on file")


def is_corruption(error: BaseException | str) -> bool:
    """Tell whether an error, or its text, speaks of a damaged DuckDB file.

    Causes are looked at as well. It is a judgement about texts: where it errs, a sound work file is made
    anew, which costs time and loses nothing.
    """
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        if _DAMAGED.search(str(error)):
            return True
        seen.add(id(error))
        following = error.__cause__ or error.__context__
        if following is None:
            return False
        error = following
    return isinstance(error, str) and bool(_DAMAGED.search(error))


def ensure_warehouse(home: Home, settings: Settings, *, rebuild: bool = False) -> str | None:
    """See to it that there is room and the work file can be opened; where it cannot, remove it.

    The caller holds the writer lock, has no connection open, and takes in what is pending next: after a
    removal, all of landing.

    Parameters
    ----------
    rebuild
        Remove the file without looking, because damage was met while working with it.

    Returns
    -------
    str or None
        Why the file was removed, if it was.

    Raises
    ------
    NoSpaceError
        If the disk is too full to begin.
    DealhouseError
        If the file is sound but held by another program.
    """
    shutil.rmtree(home.root / "tmp", ignore_errors=True)  # what killed processes had spilled there
    require_space(home)
    reason = "damage was met while working with it" if rebuild else _damage(home, settings)
    if reason is not None:
        # What failed may have left connections in reference cycles. While one lives, DuckDB takes a new file of that
        # name for the old one, and refuses it or, closing the old one, removes its log.
        gc.collect()
        _log.warning("%s is made anew from landing: %s", home.warehouse, reason)
        for path in (home.warehouse, _log_of(home)):
            path.unlink(missing_ok=True)
    return reason


def _damage(home: Home, settings: Settings) -> str | None:
    if not home.warehouse.exists():
        # A log without its file would be replayed into the new one, or keep it from opening.
        _log_of(home).unlink(missing_ok=True)
        return None
    try:
        open_store(home, settings).close()
    except duckdb.Error as error:
        if is_corruption(error):
            return str(error).strip()
        if _LOCKED.search(str(error)):
            raise DealhouseError(
                "The work file is open in another program.",
                where=str(home.warehouse),
                why=str(error).split(" See also")[0].strip(),
                todo="Close that program. For looking at data there is `dealhouse query`.",
            ) from error
        raise
    return None


def _log_of(home: Home) -> Path:
    return home.warehouse.with_name(home.warehouse.name + ".wal")
