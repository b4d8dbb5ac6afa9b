"""Publishes what an engine beyond this machine has built, so that all who read the published file go on as before.

The layers are found as Parquet in a folder, written there by dbt at the end of a build that had no failure
(``hand_back`` in macros/spark.sql). How a version is published is decided in :mod:`warehouse.publish`.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from warehouse import dbt
from warehouse.erasure import receipts
from warehouse.errors import DealhouseError
from warehouse.publish import Published, RunInfo, is_current, publish
from warehouse.publish.publication import CONTACT_LAYERS, PUBLIC_LAYERS
from warehouse.publish.snapshot import quote
from warehouse.settings import Home, Settings

NO_END = datetime(9999, 12, 31)
"""The known_at of a build that knew all."""


class HandbackError(DealhouseError):
    """What was handed back cannot be published; readers keep what they have."""


@dataclass(frozen=True)
class Handback:
    """A build that is complete."""

    run_id: str
    """Name of its folder."""
    as_of: datetime | None
    known_at: datetime | None
    read_at: datetime
    """When what it was built from was read from its home; naive UTC."""


def import_marts(home: Home, settings: Settings, folder: Path) -> Published | None:
    """Publish the tables of the last build that was handed back, as a new version.

    The caller holds the writer's lock.

    Returns
    -------
    Published or None
        None where readers were given this build before.

    Raises
    ------
    HandbackError
        If the folder holds no complete build, a file of it cannot be read, or it was built from what was read before
        the last erasure or retention of this home.
    PublishError
        If the version could not be made.
    """
    found = current(folder)
    build = folder / found.run_id
    run = RunInfo(found.run_id, found.as_of, None if found.known_at == NO_END else found.known_at, _batch_id(build))
    if is_current(home, run):
        return None
    _refuse_what_was_forgotten(home, found, build)
    comments = _comments(settings)
    schemas = (*PUBLIC_LAYERS, *CONTACT_LAYERS, "raw")
    return publish(home, settings, run, lambda: opened(settings, build, schemas, comments))


@contextmanager
def opened(
    settings: Settings,
    build: Path,
    schemas: Iterable[str],
    comments: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a build that was handed back as DuckDB's own schemas, with a view per table.

    Raises
    ------
    HandbackError
        If a file of it cannot be read.
    """
    with duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": settings.threads}) as con:
        con.execute("set TimeZone = 'UTC'")
        for schema in schemas:
            con.execute(f"create schema if not exists {quote(schema)}")
            for path in sorted((build / schema).glob("*")):
                try:
                    _show(con, schema, path, (comments or {}).get((schema, path.name), {}))
                except duckdb.Error as error:
                    raise _unreadable(path, error) from error
        yield con


def current(folder: Path) -> Handback:
    """Return the last build that was handed back to a folder.

    Raises
    ------
    HandbackError
        If there is none.
    """
    try:
        lines = [
            line
            for path in sorted((folder / "current").glob("*.json"))
            for line in path.read_text().splitlines()
            if line.strip()
        ]
        entry = json.loads(lines[0])
        run_id = str(uuid.UUID(entry["run_id"]))
        read_at = datetime.strptime(entry["read_at"], "%Y%m%dT%H%M%S%fZ")
        as_of, known_at = (
            datetime.fromisoformat(entry[name]) if entry.get(name) else None for name in ("as_of", "known_at")
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise HandbackError(
            "There is no complete build in this folder.",
            where=str(folder / "current"),
            why="nothing was written there" if isinstance(error, IndexError) else str(error),
            todo="Build with DEALHOUSE_SPARK_HANDBACK set to this folder; it is written when nothing has failed.",
        ) from error
    return Handback(run_id, as_of, known_at, read_at)


def _refuse_what_was_forgotten(home: Home, found: Handback, build: Path) -> None:
    done = [datetime.fromisoformat(one["done_at"]).astimezone(UTC).replace(tzinfo=None) for one in receipts.read(home)]
    if done and found.read_at < max(done):
        raise HandbackError(
            "This build holds what has been erased, or was too old to be kept, since.",
            where=str(build),
            why=f"it was built from what was read at {found.read_at} UTC, and the last of it was at {max(done)} UTC",
            todo="Export again, build with --full-refresh, and remove this folder.",
        )


def _batch_id(build: Path) -> int:
    try:
        with duckdb.connect() as con:
            files = f"{build}/raw/batches/*.parquet"
            last = con.execute("select max(batch_id) from read_parquet(?)", [files]).fetchone()
    except duckdb.Error as error:
        raise _unreadable(build / "raw" / "batches", error) from error
    return int(last[0] or 0) if last else 0


def _unreadable(path: Path, error: Exception) -> HandbackError:
    return HandbackError(
        "The build in this folder cannot be read.",
        where=str(path),
        why=str(error).strip(),
        todo="Copy the whole folder, or build again.",
    )


def _show(con: duckdb.DuckDBPyConnection, schema: str, path: Path, comments: Mapping[str, str]) -> None:
    """Make a view of a table that was written as Parquet, with its descriptions."""
    files = "'" + f"{path}/*.parquet".replace("'", "''") + "'"
    columns = con.execute(f"describe from read_parquet({files})").fetchall()
    # An engine of several time zones keeps instants as such; ours are UTC throughout.
    shown = [
        f"cast({quote(name)} as timestamp) as {quote(name)}" if kind == "TIMESTAMP WITH TIME ZONE" else quote(name)
        for name, kind, *_ in columns
    ]
    view = f"{quote(schema)}.{quote(path.name)}"
    con.execute(f"create view {view} as select {', '.join(shown)} from read_parquet({files})")
    known = {name for name, *_ in columns}
    for column, comment in comments.items():
        text = "'" + comment.replace("'", "''") + "'"
        if not column:
            con.execute(f"comment on view {view} is {text}")
        elif column in known:
            con.execute(f"comment on column {view}.{quote(column)} is {text}")


def _comments(settings: Settings) -> dict[tuple[str, str], dict[str, str]]:
    """Descriptions by table and column; of the table under the empty name."""
    return {
        (node.schema, node.name): {
            "": node.description,
            **{column.name: column.description for column in node.columns.values()},
        }
        for node in dbt.parse(settings).nodes.values()
        if node.resource_type == "model"
    }
