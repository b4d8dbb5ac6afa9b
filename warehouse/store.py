"""The work file: how it is opened, and the tables of its schema ``raw``.

Tables of schema ``computed`` are declared by the statistics. Apart from dbt, nothing else opens it. It holds nothing
that cannot be made again from landing.
"""

import duckdb

from warehouse.computed import SCORING_MODEL, ensure_tables
from warehouse.settings import Home, Settings

RAW_DDL = """
create schema if not exists raw;
create table if not exists raw.events (
    batch_id bigint not null, row_number bigint not null, source varchar not null, event_id varchar not null,
    event_type varchar, subject varchar, tenant_id varchar, actor varchar, occurred_at timestamp,
    received_at timestamp not null, data json, key_hash ubigint
);
create table if not exists raw.rejected_events (
    batch_id bigint, row_number bigint, file varchar, line bigint, source varchar, event_id varchar,
    event_type varchar, reason varchar, message varchar, raw_text varchar, raw_bytes blob, is_truncated boolean,
    contracts_version varchar, rejected_at timestamp, replay_batch_id bigint
);
create table if not exists raw.batches (
    batch_id bigint, kind varchar, file varchar, content_hash varchar, rows bigint, accepted bigint,
    duplicate bigint, rejected bigint, received_at timestamp, contracts_version varchar, dealhouse_version varchar,
    note varchar
);
create table if not exists raw.schema_drift (
    event_type varchar, field varchar, json_type varchar, first_batch_id bigint
);
create table if not exists raw.event_pseudonyms (
    source varchar, event_id varchar, batch_id bigint, email_key varchar, phone_key varchar, key_id varchar
);
create table if not exists raw.clock (as_of timestamp, known_at timestamp);
insert into raw.clock select null, null where not exists (from raw.clock);
create table if not exists raw.watermarks (model varchar, staging varchar, batch_id bigint);
create table if not exists raw.check_results (
    check_name varchar, model varchar, severity varchar, status varchar, failures bigint
);
create table if not exists raw.delivery (
    destination varchar, object_name varchar, tenant_id varchar, sync_key varchar, payload varchar,
    is_uncertain boolean, refused_payload varchar, status varchar, code varchar, message varchar, field varchar,
    attempts bigint, operation varchar, message_id varchar, sent_at timestamp
);
create table if not exists raw.sync_target (
    destination varchar, object_name varchar, tenant_id varchar, event_type varchar
);
create table if not exists raw.sync_run (
    seq bigint, destination varchar, finished_at timestamp, acknowledged bigint, kept bigint, rejected bigint,
    failed bigint, waiting bigint, is_stopped boolean
);
create table if not exists raw.segment_member (
    tenant_id varchar, segment_id varchar, subject_type varchar, subject_id varchar
);
"""


def open_store(home: Home, settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open the work file for writing, making it and its ``raw`` and ``computed`` tables where they are missing.

    The caller holds the writer lock and closes the connection.

    Raises
    ------
    duckdb.Error
        If the file is damaged; see :mod:`warehouse.recover`.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(
        str(home.warehouse),
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": str(home.root / "tmp"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute(RAW_DDL)
        con.execute(SCORING_MODEL)
        ensure_tables(con)
    except BaseException:
        con.close()
        raise
    return con


def row_counts(con: duckdb.DuckDBPyConnection, schema: str) -> dict[str, int]:
    """Rows of each table of a schema."""
    tables = con.execute(
        "select table_name from duckdb_tables() where schema_name = ? and database_name = current_database()",
        [schema],
    ).fetchall()
    counts = {}
    for (table,) in tables:
        row = con.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts
