"""Publishes what an engine beyond this machine has built, so that all who read the published file go on as before.

The layers are found as Parquet in a folder, written there by dbt at the end of a build that had no failure
(``hand_back`` in macros/spark.sql). How a version is published is decided in :mod:`warehouse.publish`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse import dbt
from warehouse.errors import DealhouseError
from warehouse.lake.exporting import require_name
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
        If the folder holds no complete build, or a file of it cannot be read.
    PublishError
        If the version could not be made.
    """
    found = current(folder)
    build = folder / found.run_id
    run = RunInfo(found.run_id, found.as_of, None if found.known_at == NO_END else found.known_at, _batch_id(build))
    if is_current(home, run):
        return None
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
    """Open a build that was handed back as DuckDB's own schemas, with a view per table."""
    with duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": settings.threads}) as con:
        con.execute("set TimeZone = 'UTC'")
        for schema in schemas:
            con.execute(f"create schema if not exists {quote(schema)}")
            for path in sorted((build / schema).glob("*")):
                _show(con, schema, path, (comments or {}).get((schema, path.name), {}))
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
        run_id = str(entry["run_id"])
        require_name(run_id)
        as_of, known_at = (
            datetime.fromisoformat(entry[name]) if entry.get(name) else None for name in ("as_of", "known_at")
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise HandbackError(
            "There is no complete build in this folder.",
            where=str(folder / "current"),
            why="nothing was written there" if isinstance(error, IndexError) else str(error),
            todo="Build with DEALHOUSE_SPARK_HANDBACK set to this folder; it is written when nothing has failed.",
        ) from error
    return Handback(run_id, as_of, known_at)


def _batch_id(build: Path) -> int:
    try:
        with duckdb.connect() as con:
            files = f"{build}/raw/batches/*.parquet"
            last = con.execute("select max(batch_id) from read_parquet(?)", [files]).fetchone()
    except duckdb.Error as error:
        raise HandbackError(
            "The build in this folder cannot be read.",
            where=str(build / "raw" / "batches"),
            why=str(error).strip(),
            todo="Copy the whole folder, or build again.",
        ) from error
    return int(last[0] or 0) if last else 0


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
