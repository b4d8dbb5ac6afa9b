"""Copies whole layers of the work file into a new DuckDB file, and tells whether two layers hold the same.

A layer is a schema; which tables and views are in it is asked of the catalogue, never listed. Names of files
and versions, and the pointer to the current one, are the business of :mod:`warehouse.publish.pointer`.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

STORAGE_VERSION = "v1.5.0"
"""Readable by DuckDB 1.5 and later; the default of 2.0 would lock out older clients."""

_ALIAS = "snapshot"


@dataclass(frozen=True)
class Relation:
    """A table or view of a layer."""

    schema: str
    name: str

    def __str__(self) -> str:
        """Name it as people do: ``schema.table``."""
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        """Name for SQL."""
        return f"{quote(self.schema)}.{quote(self.name)}"


def quote(identifier: str) -> str:
    """Quote a name from the catalogue for use in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def relations(con: duckdb.DuckDBPyConnection, schemas: Iterable[str]) -> list[Relation]:
    """List tables and views of these schemas in the connection's own file, sorted."""
    rows = con.execute(
        """
        select schema_name, table_name from duckdb_tables()
        where database_name = current_database() and not temporary and list_contains(?, schema_name)
        union all
        select schema_name, view_name from duckdb_views()
        where database_name = current_database() and not internal and not temporary
            and list_contains(?, schema_name)
        order by all
        """,
        [list(schemas)] * 2,
    ).fetchall()
    return [Relation(*row) for row in rows]


def write(
    con: duckdb.DuckDBPyConnection,
    target: Path,
    layers: list[Relation],
    publication: Mapping[str, object],
    *,
    with_batches: bool = False,
) -> dict[str, int]:
    """Copy `layers` into the new file `target`, and leave it complete, checkpointed and detached.

    Views become tables. Descriptions of tables and columns go along as comments. A schema ``meta`` tells what
    the file is: tables ``publication`` (one row, the given values), ``published_table`` (one per table), and
    `with_batches` also ``batch`` (one per batch that was taken in).

    Returns
    -------
    dict
        Rows by ``schema.table``.
    """
    con.execute(f"attach {_literal(str(target))} as {_ALIAS} (storage_version {_literal(STORAGE_VERSION)})")
    try:
        # One transaction: it reads one state of the work file, and DuckDB writes row groups as they fill up.
        con.execute("begin")
        rows = {str(relation): _copy(con, relation) for relation in layers}
        _describe(con, layers)
        _write_meta(con, publication, rows)
        if with_batches:
            _write_batches(con)
        con.execute("commit")
        con.execute(f"checkpoint {_ALIAS}")
    finally:
        _let_go(con)
    return rows


def content_hashes(
    con: duckdb.DuckDBPyConnection, schemas: Iterable[str] = ("facts", "marts", "scores")
) -> dict[str, str]:
    """Hash each table of these schemas, whatever the order of its rows.

    Two tables with the same rows (as a multiset), columns and types have the same hash under one version of
    DuckDB. The hash is for comparing, not for defence against somebody who builds collisions.

    Returns
    -------
    dict
        By ``schema.table``: number of rows, sum and exclusive or of their hashes, in hexadecimal.
    """
    hashes = {}
    for relation in relations(con, schemas):
        columns = con.execute(f"describe {relation.quoted}").fetchall()
        head = con.execute("select hash(?)", [str([column[:2] for column in columns])]).fetchone()
        body = con.execute(
            "select count(*), coalesce(sum(hash(row_)::hugeint), 0), coalesce(bit_xor(hash(row_)), 0) "
            f"from {relation.quoted} as row_"
        ).fetchone()
        assert head is not None
        assert body is not None
        hashes[str(relation)] = "-".join(f"{part:x}" for part in (*head, *body))
    return hashes


def _copy(con: duckdb.DuckDBPyConnection, relation: Relation) -> int:
    con.execute(f"create schema if not exists {_ALIAS}.{quote(relation.schema)}")
    row = con.execute(f"create table {_ALIAS}.{relation.quoted} as from {relation.quoted}").fetchone()
    assert row is not None
    return int(row[0])


def _describe(con: duckdb.DuckDBPyConnection, layers: list[Relation]) -> None:
    wanted = set(layers)
    comments = con.execute(
        """
        select schema_name, table_name, null, comment from duckdb_tables()
        where database_name = current_database() and comment is not null
        union all
        select schema_name, view_name, null, comment from duckdb_views()
        where database_name = current_database() and comment is not null
        union all
        select schema_name, table_name, column_name, comment from duckdb_columns()
        where database_name = current_database() and comment is not null
        """
    ).fetchall()
    for schema, table, column, comment in comments:
        relation = Relation(schema, table)
        if relation not in wanted:
            continue
        name = f"{_ALIAS}.{relation.quoted}"
        thing = f"table {name}" if column is None else f"column {name}.{quote(column)}"
        con.execute(f"comment on {thing} is {_literal(comment)}")


def _write_meta(con: duckdb.DuckDBPyConnection, publication: Mapping[str, object], rows: Mapping[str, int]) -> None:
    con.execute(f"create schema {_ALIAS}.meta")
    con.execute(
        f"""
        create table {_ALIAS}.meta.publication (
            version varchar, run_id varchar, as_of timestamp, known_at timestamp, published_at timestamp,
            batch_id bigint, contracts_version varchar, dealhouse_version varchar
        )
        """
    )
    con.execute(
        f"insert into {_ALIAS}.meta.publication "
        "values ($version, $run_id, $as_of, $known_at, $published_at, $batch_id, "
        "$contracts_version, $dealhouse_version)",
        dict(publication),
    )
    con.execute(
        f"create table {_ALIAS}.meta.published_table (schema_name varchar, table_name varchar, row_count bigint)"
    )
    for name, count in rows.items():
        con.execute(f"insert into {_ALIAS}.meta.published_table values (?, ?, ?)", [*name.split(".", 1), count])
    _comment(con, _META_COMMENTS)


def _write_batches(con: duckdb.DuckDBPyConnection) -> None:
    """Copy the record of batches, so that nobody has to open the work file to see what was taken in."""
    con.execute(
        f"create table {_ALIAS}.meta.batch as select batch_id, kind, file, rows, accepted, duplicate, rejected, "
        "received_at, contracts_version, note from raw.batches order by batch_id"
    )
    _comment(con, _BATCH_COMMENTS)


def _comment(con: duckdb.DuckDBPyConnection, comments: Mapping[str, str]) -> None:
    for thing, comment in comments.items():
        con.execute(f"comment on {thing.format(meta=f'{_ALIAS}.meta')} is {_literal(comment)}")


_META_COMMENTS = {
    "table {meta}.publication": "One row: which run this file was published by, and what it knew.",
    "column {meta}.publication.version": "Name of this published version.",
    "column {meta}.publication.run_id": "The run that published it.",
    "column {meta}.publication.as_of": "The instant as of which all tables stand (UTC).",
    "column {meta}.publication.known_at": "Only what was received up to then is in it (UTC); empty: all.",
    "column {meta}.publication.published_at": "When it was published (UTC).",
    "column {meta}.publication.batch_id": "The last batch that is in it.",
    "column {meta}.publication.contracts_version": "Version of the contracts that checked its events.",
    "column {meta}.publication.dealhouse_version": "Version of the product that built it.",
    "table {meta}.published_table": "One row per table of this file.",
    "column {meta}.published_table.schema_name": "Layer of the table.",
    "column {meta}.published_table.table_name": "Name of the table.",
    "column {meta}.published_table.row_count": "Rows that it was published with.",
}


_BATCH_COMMENTS = {
    "table {meta}.batch": "One row per batch that was taken in; rows = accepted + duplicate + rejected.",
    "column {meta}.batch.batch_id": "Number of the batch, and of its entry in landing.",
    "column {meta}.batch.kind": "A file, or a replay of rejected rows.",
    "column {meta}.batch.file": "Name of the file as it was received.",
    "column {meta}.batch.rows": "Rows that the file held.",
    "column {meta}.batch.accepted": "Rows that became events.",
    "column {meta}.batch.duplicate": "Rows that had come before.",
    "column {meta}.batch.rejected": "Rows that are kept as rejected, with a reason.",
    "column {meta}.batch.received_at": "When the file was received (UTC).",
    "column {meta}.batch.contracts_version": "Version of the contracts that checked it.",
    "column {meta}.batch.note": "What else is to be said of it.",
}


def _literal(text: str) -> str:
    """Quote a text for the statements that take no bound parameter (attach, comment)."""
    return "'" + text.replace("'", "''") + "'"


def _let_go(con: duckdb.DuckDBPyConnection) -> None:
    """Detach the new file whatever state it is in; after an error there may be a transaction to end first."""
    with suppress(duckdb.Error):  # where none is open
        con.execute("rollback")
    con.execute(f"detach database if exists {_ALIAS}")
