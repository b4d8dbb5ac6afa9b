"""Reading what is published: by its own name, read-only, and without a way out to the disk.

Analysts' statements run here, and dashboards' queries. Nothing here opens the work file, so that no reader
ever stands in a run's way. What a page shows belongs to the dashboards.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from warehouse.errors import DealhouseError
from warehouse.publish import pointer
from warehouse.settings import Home

if TYPE_CHECKING:
    import pyarrow as pa

HARDENED: Mapping[str, str] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    # A limit of 0 on the size of this folder means none; without a folder nothing is spilled to the disk.
    "temp_directory": "",
    "memory_limit": "2GB",
    "lock_configuration": "true",
}
"""Given at opening, all of them: connections of one process to one file share these, and must agree."""

TIMEOUT_SECONDS = 60.0
_ATTEMPTS = 5

Parameters = Sequence[object] | Mapping[str, object] | None


class NothingPublishedError(DealhouseError):
    """There is no version to read."""


class QueryError(DealhouseError):
    """A statement could not be answered."""


def open_published(home: Home, version: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open `version`, by default the current one.

    It is opened under its versioned name: DuckDB knows files by name within a process, and would go on
    answering from the former one under a name that moves. A connection keeps showing the version that it was
    opened on; who wants the newest opens again (:func:`warehouse.publish.pointer.current_version` tells
    whether there is one).

    Raises
    ------
    NothingPublishedError
        If nothing was published yet.
    """
    return _open(home, "", version)


def open_contacts(home: Home, version: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open the personal details that belong to `version`, by default the current one.

    Raises
    ------
    NothingPublishedError
        If there are none.
    PermissionError, duckdb.Error
        If the caller may not read the file.
    """
    return _open(home, pointer.CONTACTS_PREFIX, version)


def query(home: Home, sql: str, params: Parameters = None, timeout: float | None = TIMEOUT_SECONDS) -> "pa.Table":
    """Answer one statement from the current version.

    Parameters
    ----------
    params
        Values for ``?`` or ``$name`` in `sql`; never put a value into the text itself.
    timeout
        Seconds after which the statement is broken off; None: never.

    Raises
    ------
    QueryError
        If the statement is wrong, not allowed, or takes longer than `timeout`.
    """
    with open_published(home) as con, answering(con, sql, params, timeout) as reader:
        return reader.read_all()


@contextmanager
def answering(
    con: duckdb.DuckDBPyConnection, sql: str, params: Parameters = None, timeout: float | None = None
) -> Iterator[Any]:
    """Run `sql` and give its answer as a pyarrow.RecordBatchReader, valid within the block."""
    is_late = threading.Event()

    def interrupt() -> None:
        is_late.set()
        con.interrupt()

    timer = threading.Timer(timeout, interrupt) if timeout is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        answer = con.sql(sql, params=params)
        if answer is None:  # a statement that answers nothing, such as SET VARIABLE
            answer = con.sql("select 'done' as outcome")
        yield _named_apart(answer.to_arrow_reader(100_000))
    except Exception as error:
        if not is_late.is_set() and not isinstance(error, duckdb.Error):
            raise
        raise QueryError(
            "The statement could not be answered.",
            why=f"it took longer than {timeout:g} seconds" if is_late.is_set() else str(error).strip(),
            todo=(
                "Ask for less, or give it more time with --timeout."
                if is_late.is_set()
                else "`dealhouse query 'show all tables'` lists what there is; files are out of reach."
            ),
        ) from error
    finally:
        if timer is not None:
            timer.cancel()


def _named_apart(reader: Any) -> Any:
    """Number columns of one name, as DuckDB does in a table: what is written by name would lose all but one."""
    import pyarrow as pa

    names: list[str] = []
    for name in reader.schema.names:
        number, fresh = 0, name
        while fresh in names:
            number += 1
            fresh = f"{name}_{number}"
        names.append(fresh)
    if names == reader.schema.names:
        return reader
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _open(home: Home, prefix: str, version: str | None = None) -> duckdb.DuckDBPyConnection:
    for attempt in range(1, _ATTEMPTS + 1):
        wanted = version or pointer.current_version(home)
        path = home.published / f"{prefix}{wanted}.duckdb"
        try:
            if wanted is not None and path.exists():
                return duckdb.connect(str(path), read_only=True, config=dict(HARDENED))
        except duckdb.Error:
            # Removed between looking up and opening: the pointer names another one by now.
            if attempt == _ATTEMPTS or path.exists():
                raise
        if wanted is None or version is not None or wanted == pointer.current_version(home):
            break
    raise NothingPublishedError(
        "There are no contact details to read." if prefix else "Nothing is published yet.",
        where=str(home.published),
        todo="`dealhouse run` takes in what is in the inbox, builds, and publishes.",
    )
