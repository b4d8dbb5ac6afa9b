"""Writes what a build reads, and dbt does not make itself, as partitioned Parquet with a manifest.

These are the tables of schema ``raw`` (what was taken in, and what runs know) and those of ``computed`` (what SQL is
not the language for). Seeds and models are dbt's own. Who reads the folder finds the version in the manifest, which is
replaced last: a reader sees the former export or the new one, never a half.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.erasure import receipts
from warehouse.errors import DealhouseError
from warehouse.settings import Home, Settings

MANIFEST = "manifest.ndjson"
"""One JSON object per file; engines read it as a table."""

INCOMING = ".incoming-"
VERSION = re.compile(r"\d{8}T\d{12}Z-\w+")
"""Names of the folders that exports make; no other is ever removed."""

NOT_EXPORTED = frozenset({"build_state", "scoring_model", "watermarks"})
"""Tables of ``raw`` that speak of this work file alone."""

LEFT_OUT = {"events": ("key_hash",), "rejected_events": ("raw_text", "raw_bytes")}
"""Columns that no model reads: a hash that only ingestion needs, and the originals of rejected rows."""

PARTITIONED_BY = {"events": "event_type"}
"""Staging reads some types each, and passes over the files of the others."""


@dataclass(frozen=True)
class Exported:
    """An export that is complete."""

    folder: Path
    version: str
    batch_id: int
    """The last batch that is in it; 0 where nothing has been taken in."""
    rows: dict[str, int]
    """By ``schema.table``."""
    bytes: int


class ExportError(DealhouseError):
    """The export could not be made; the former one stands."""


def export(home: Home, settings: Settings, folder: Path) -> Exported:
    """Export all tables anew, in a folder named by the version, and let readers see it.

    The former version goes: what was erased from the home must not go on standing here. The caller holds the writer's
    lock, so that nobody writes meanwhile.

    Parameters
    ----------
    home, settings
        Whose work file is read; it is opened read-only.
    folder
        Where the manifest and the versions stand; made where it is missing.

    Raises
    ------
    ExportError
        If there is no work file, it cannot be read, or the folder cannot be written.
    """
    if not home.warehouse.exists():
        raise ExportError(
            "There is nothing to export yet.",
            where=str(home.warehouse),
            why="nothing has been taken in",
            todo="Take events in first: `dealhouse run`, or `dealhouse ingest`.",
        )
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        manifest(folder)
        with duckdb.connect(str(home.warehouse), read_only=True, config={"memory_limit": settings.memory_limit}) as con:
            con.execute("set TimeZone = 'UTC'")
            last = con.execute("select coalesce(max(batch_id), 0) from raw.batches").fetchone()
            batch_id = int(last[0]) if last else 0
            tables = _tables(con)
            about: dict[str, object] = {"batch_id": batch_id, "forgotten": len(receipts.read(home))}
            version, entries = _add_version(folder, con, tables, f"{batch_id:06d}", about, [])
    rows = {f"{schema}.{table}": 0 for schema, table in tables}
    for entry in entries:
        rows[str(entry["relation"])] += int(str(entry["rows"]))
    return Exported(folder, version, batch_id, rows, sum(int(str(entry["bytes"])) for entry in entries))


def manifest(folder: Path) -> list[dict[str, object]]:
    """Entries of the manifest, one per file; none where nothing has been exported.

    Returns
    -------
    list of dict
        ``version``, ``batch_id``, ``forgotten`` (how many erasures and retentions it comes after), ``relation``
        (``schema.table``), ``file`` (below `folder`), ``rows``, ``bytes``, and ``sha256`` of each.

    Raises
    ------
    ExportError
        If the file there is no manifest of an export.
    """
    path = folder / MANIFEST
    if not path.exists():
        return []
    try:
        entries: list[dict[str, object]] = [json.loads(line) for line in path.read_text().splitlines()]
        for entry in entries:
            _require_version(entry["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(
            "This folder holds a manifest that is none of an export, and was left alone.",
            where=str(path),
            why=str(error),
            todo="Name another folder, or move that file away.",
        ) from error
    return entries


def _require_version(value: object) -> None:
    if not VERSION.fullmatch(str(value)):
        raise ValueError(f"{value!r} is no version of an export")


def _tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    found = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = current_database() "
        "and schema_name in ('raw', 'computed') order by all"
    ).fetchall()
    return [(schema, table) for schema, table in found if table not in NOT_EXPORTED]


def _write(con: duckdb.DuckDBPyConnection, schema: str, table: str, target: Path) -> None:
    columns = con.execute(
        "select column_name, data_type from duckdb_columns() where database_name = current_database() "
        "and schema_name = ? and table_name = ? order by column_index",
        [schema, table],
    ).fetchall()
    kept = [
        # JSON is text to whoever reads Parquet
        f'"{name}"::varchar as "{name}"' if kind == "JSON" else f'"{name}"'
        for name, kind in columns
        if schema != "raw" or name not in LEFT_OUT.get(table, ())
    ]
    folder = target / schema / table
    folder.mkdir(parents=True)
    query = f'select {", ".join(kept)} from "{schema}"."{table}"'
    key = PARTITIONED_BY.get(table) if schema == "raw" else None
    rows = con.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
    # Without rows there would be no partition, and without a file no columns.
    if key and rows and rows[0]:
        con.execute(f"copy ({query}) to '{_path(folder)}' (format parquet, compression zstd, partition_by ({key}))")
    else:
        con.execute(f"copy ({query}) to '{_path(folder)}/data_0.parquet' (format parquet, compression zstd)")


def replace(folder: Path, con: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Put the tables of a schema of this connection in place of those of the last export; the others stand.

    Raises
    ------
    ExportError
        If nothing has been exported to the folder.
    """
    entries = manifest(folder)
    if not entries:
        raise ExportError(
            "There is no export in this folder to add to.",
            where=str(folder / MANIFEST),
            why="nothing was exported there",
            todo="Export first: `dealhouse export --folder`.",
        )
    kept = [entry for entry in entries if str(entry["relation"]).partition(".")[0] != schema]
    with _told(folder):
        tables = [(found, table) for found, table in _tables(con) if found == schema]
        _add_version(folder, con, tables, schema, {name: entries[0][name] for name in ("batch_id", "forgotten")}, kept)


def _add_version(
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    tables: list[tuple[str, str]],
    suffix: str,
    about: dict[str, object],
    kept: list[dict[str, object]],
) -> tuple[str, list[dict[str, object]]]:
    """Write tables as a version, point to it and to the entries that are kept, and remove all other versions."""
    version = f"{utc_now():%Y%m%dT%H%M%S%f}Z-{suffix}"
    incoming = folder / f"{INCOMING}{version}"
    incoming.mkdir(mode=0o700)
    try:
        for schema, table in tables:
            _write(con, schema, table, incoming)
        entries = kept + [
            {"version": version, **about, "relation": f"{schema}.{table}", **entry}
            for schema, table in tables
            for entry in _sealed(incoming, version, incoming / schema / table)
        ]
        incoming.rename(folder / version)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    _point_to(folder, entries)
    _clean(folder, {str(entry["version"]) for entry in entries})
    return version, entries


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise ExportError(
            "The export was not made; the former one, if there is one, stands.",
            where=str(folder),
            why=str(error).strip(),
            todo="Mend the cause (for a full disk: free some space) and export again; nothing needs cleaning.",
        ) from error


def _clean(folder: Path, kept: set[str]) -> None:
    """Remove whatever exports have left, also those that were killed: it may hold what has been erased since."""
    for path in sorted(folder.iterdir()):
        if path.name in kept or not (path.name.startswith(INCOMING) or VERSION.fullmatch(path.name)):
            continue
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise ExportError(
                "The export was made, but a former one could not be removed.",
                where=str(path),
                why=str(error),
                todo="Remove that folder: what has been erased since it was written still stands in it.",
            ) from error


def _path(folder: Path) -> str:
    return str(folder).replace("'", "''")


def _sealed(incoming: Path, version: str, folder: Path) -> list[dict[str, object]]:
    """Sync the files of a table to the disk, and describe them."""
    entries: list[dict[str, object]] = []
    for path in sorted(folder.rglob("*.parquet")):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        entries.append(
            {
                "file": f"{version}/{path.relative_to(incoming).as_posix()}",
                "rows": pq.read_metadata(path).num_rows,
                "bytes": path.stat().st_size,
                "sha256": digest,
            }
        )
    return entries


def _point_to(folder: Path, entries: list[dict[str, object]]) -> None:
    draft = folder / f".{MANIFEST}.draft"
    with draft.open("w") as sink:
        sink.writelines(json.dumps(entry) + "\n" for entry in entries)
        sink.flush()
        os.fsync(sink.fileno())
    draft.replace(folder / MANIFEST)
    chain.fsync_folder(folder)
