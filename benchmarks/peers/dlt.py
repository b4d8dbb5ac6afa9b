"""dlt: NDJSON into DuckDB, each event once by its source and id. What it lands it does not check against contracts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers.bench import DEALHOUSE, Absent, Bench, Result
from benchmarks.peers.process import Work

PACKAGES = ("dlt", "duckdb", "pyarrow")
HERE = "benchmarks.peers.dlt"
KEYS = ("source", "event_id")
OURS = ("warehouse.ingest", "warehouse.landing", "warehouse.store")
NOTE = "ours also keeps the files, checks each event against its contract and accounts for every line"
COLUMNS = (
    "{id: 'VARCHAR', source: 'VARCHAR', type: 'VARCHAR', time: 'TIMESTAMPTZ', tenantid: 'VARCHAR', actor: 'VARCHAR', "
    "data: 'JSON'}"
)


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """Rows of Python, as it comes and by Parquet, and tables of Arrow.

    Its default for DuckDB writes INSERT statements, whose parsing takes most of the time and nearly all of the memory;
    Parquet is one option away, and what a comparison with it should be judged by.
    """
    logs = {"logs": str(bench.logs)}
    ours = Work(DEALHOUSE, "take_in", OURS, logs, show="show_events")
    for function, task in (
        ("load_rows", "ingestion, rows, its default of INSERT statements"),
        ("load_rows_by_parquet", "ingestion, rows, by Parquet"),
        ("load_arrow", "ingestion, Arrow read by DuckDB"),
    ):
        imports = ("dlt", "dlt.sources.filesystem", "dlt.destinations", "duckdb", "pyarrow")
        theirs = Work(HERE, function, imports, logs, show="show_events", is_peer=True)
        yield bench.race("dlt", task, ours, theirs, KEYS, note=NOTE)


def load_rows(folder: str, logs: str) -> int:
    """Load with its own reader of JSON lines."""
    return _load(folder, _rows(logs))


def load_rows_by_parquet(folder: str, logs: str) -> int:
    """Load with its own reader of JSON lines, and Parquet files between it and DuckDB."""
    return _load(folder, _rows(logs), "parquet")


def _rows(logs: str) -> Any:
    from dlt.sources.filesystem import filesystem, read_jsonl

    return (filesystem(bucket_url=logs, file_glob="*.ndjson") | read_jsonl()).with_name("events")


def load_arrow(folder: str, logs: str) -> int:
    """Load what DuckDB reads from the files, in batches of Arrow."""
    import dlt
    import duckdb

    def batches() -> Iterator[Any]:
        with duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            read = f"select * replace (cast(data as varchar) as data) from read_json(?, columns = {COLUMNS})"
            yield from con.execute(read, [f"{logs}/*.ndjson"]).to_arrow_reader(100_000)

    return _load(folder, dlt.resource(batches, name="events"))


def _load(folder: str, resource: Any, file_format: Any = None) -> int:
    import dlt

    resource.apply_hints(
        write_disposition="merge", primary_key=["source", "id"], columns={"data": {"data_type": "json"}}
    )
    resource.max_table_nesting = 0
    destination = dlt.destinations.duckdb(f"{folder}/dlt.duckdb")
    pipeline = dlt.pipeline("bench", pipelines_dir=f"{folder}/pipelines", destination=destination, dataset_name="raw")
    pipeline.run(resource, loader_file_format=file_format).raise_on_failed_jobs()
    return 1


def show_events(folder: str, logs: str) -> int:  # noqa: ARG001
    """Write what was loaded."""
    import duckdb

    with duckdb.connect(str(Path(folder) / "dlt.duckdb"), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(
            "copy (select source, id as event_id, type as event_type, tenantid as tenant_id, actor, cast(time as "
            "timestamp) as occurred_at, cast(json(data) as varchar) as data from raw.events) "
            f"to '{folder}/rows.parquet' (format parquet)"
        )
    return 1
