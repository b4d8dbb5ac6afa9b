"""PostgreSQL: the same events loaded each once, and the hand-written script of the neighbour in its dialect.

Its server is one of its own, with memory to work in and without waiting for the disk. It is no child of the process
that asks, so that its memory and processor time are read from the system.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.peers.bench import DEALHOUSE, Absent, Bench, Result
from benchmarks.peers.process import PROJECT, Work

PACKAGES = ("psycopg",)
HERE = "benchmarks.peers.postgres"
OPTIONS = ("shared_buffers=1GB", "work_mem=256MB", "maintenance_work_mem=256MB", "max_wal_size=8GB")
OURS = ("warehouse.ingest", "warehouse.landing", "warehouse.store", "warehouse.dbt", "dbt.cli.main")
LOAD = """
create unlogged table lines (line jsonb);
create unlogged table events (
    source text not null, event_id text not null, event_type text, tenant_id text, actor text, occurred_at timestamp,
    data jsonb, primary key (source, event_id)
);
"""
TAKE = """
insert into events
select line ->> 'source', line ->> 'id', line ->> 'type', line ->> 'tenantid', line ->> 'actor',
    (line ->> 'time')::timestamptz at time zone 'UTC', line -> 'data'
from lines
on conflict do nothing
"""
QUOTED = "format csv, quote e'\\x01', delimiter e'\\x02'"
"""A line of JSON is one field: neither character can stand in it unescaped."""
TABLES = {"fact_deal": ("tenant_id", "deal_id"), "fact_sla": ("tenant_id", "deal_id", "sla", "run_number")}


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """Loading, then both facts."""
    from tests import postgres

    if postgres.programs() is None:
        yield Absent("PostgreSQL", "ingestion and deals", "it is not installed: apt-get install postgresql")
        return
    with postgres.server(*postgres.FAST, *OPTIONS) as server:
        folder = server.split()[0].removeprefix("host=")
        pid = int(Path(folder, "data", "postmaster.pid").read_text().split()[0])
        logs = {"logs": str(bench.logs)}
        theirs = Work(
            HERE, "load", ("psycopg", "duckdb"), {**logs, "dsn": server}, show="show_events", server=pid, is_peer=True
        )
        yield bench.race(
            f"PostgreSQL {version(server)}", "ingestion",
            Work(DEALHOUSE, "take_in", OURS, logs, show="show_events_sorted"), theirs, ("source", "event_id"),
            note="COPY of lines into jsonb, then INSERT ... ON CONFLICT DO NOTHING into an unlogged table with a key; "
            "memory of client and server together",
        )  # fmt: skip
        yield bench.race(
            f"PostgreSQL {version(server)}",
            "fact_deal and fact_sla from events taken in",
            Work(DEALHOUSE, "build_deals", OURS, {"home": str(bench.log_home)}, prepare="copy_home", show="show_facts"),
            replace(theirs, function="build", prepare="prepare", show="show_facts"),
            TABLES,
            1e-12,
            "every column of both tables, by one hand-written script; ours by incremental models, with their checks",
        )


def version(dsn: str) -> str:
    """Of the server."""
    import psycopg

    with psycopg.connect(f"{dsn} dbname=postgres") as con:
        return str(con.info.parameter_status("server_version")).split()[0]


def connect(dsn: str) -> Any:
    """A connection in UTC."""
    import psycopg

    return psycopg.connect(f"{dsn} dbname=postgres options='-c TimeZone=UTC'", autocommit=True)


def load(folder: str, logs: str, dsn: str) -> int:  # noqa: ARG001
    """Copy the files, and keep each event once."""
    with connect(dsn) as con:
        con.execute("drop table if exists lines, events")
        con.execute(LOAD)
        for path in sorted(Path(logs).iterdir()):
            with path.open("rb") as lines, con.cursor().copy(f"copy lines from stdin ({QUOTED})") as copy:
                while block := lines.read(1 << 20):
                    copy.write(block)
        count = con.execute(TAKE).rowcount
        con.execute("drop table lines")
    return int(count)


def prepare(folder: str, logs: str, dsn: str) -> None:
    """Load the events where they are not there, and the bands of budgets; forget what a round before has built."""
    with connect(dsn) as con:
        if con.execute("select to_regclass('events')").fetchone() == (None,):
            load(folder, logs, dsn)
        con.execute("drop table if exists typed, pushes, clock, deals, fact_deal, fact_sla, budget_band")
        con.execute("analyze events")
        seed = (PROJECT / "seeds" / "budget_band.csv").read_text()
        names = seed.splitlines()[0].split(",")
        kinds = ("double precision" if name.startswith("amount") else "text" for name in names)
        con.execute(f"create table budget_band ({', '.join(f'{n} {k}' for n, k in zip(names, kinds, strict=True))})")
        with con.cursor().copy("copy budget_band from stdin (format csv, header)") as copy:
            copy.write(seed)


def build(folder: str, logs: str, dsn: str, prepared: None) -> int:  # noqa: ARG001
    """Run the script."""
    with connect(dsn) as con:
        con.execute((Path(__file__).parent / "by_hand_postgres.sql").read_text())
    return 1


def show_events(folder: str, logs: str, dsn: str) -> int:  # noqa: ARG001
    """Write what was loaded; jsonb keeps keys in an order of its own, so that it is told by key."""
    query = (
        "select source, event_id, event_type, tenant_id, actor, occurred_at, (select string_agg(key || '=' || value, "
        "'|' order by key collate \"C\") from jsonb_each_text(data)) as data from events"
    )
    return _write(folder, dsn, query)


def show_facts(folder: str, logs: str, dsn: str) -> int:  # noqa: ARG001
    """Write the tables of the script."""
    return sum(_write(folder, dsn, f"select * from {table}", table) for table in TABLES)


def _write(folder: str, dsn: str, query: str, table: str = "rows") -> int:
    import duckdb

    text = Path(folder, f"{table}.csv")
    told = f"copy ({query}) to stdout (format csv, header)"
    with connect(dsn) as con, text.open("wb") as sink, con.cursor().copy(told) as copy:
        sink.writelines(copy)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        read = f"from read_csv('{text}', header = true, sample_size = -1)"
        con.execute(f"copy ({read}) to '{folder}/{table}.parquet' (format parquet)")
    return 1
