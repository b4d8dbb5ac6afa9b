"""The pieces of work that are measured, each a function of plain values."""

from pathlib import Path

import duckdb

from warehouse import dbt
from warehouse.build import build
from warehouse.ingest import ingest_pending
from warehouse.landing import Landing
from warehouse.pipeline import run
from warehouse.publish import current
from warehouse.sample import DEFAULT_UNTIL, write_company
from warehouse.settings import Settings
from warehouse.store import open_store

SPINE = [
    *("fact_deal", "fact_deal_stage", "fact_gate", "fact_sla", "fact_kpi", "fact_nps", "fact_lead", "fact_activity"),
    *("dim_stage", "dim_account", "dim_contact", "dim_date", "dim_sla_policy"),
]
"""The facts that came first; what the marts add is measured against them."""
DEAL_MARTS = ["deal_days", "united_stage", "sla_bottleneck", "pipeline_stage"]
"""The marts of deals and timers, which belong to the two tables that are also written by hand."""
EVENTS_PER_ACCOUNT = 480
"""Of the sample company in its 400 days."""
READ = """
create table events as
select * from read_json(?, format = 'newline_delimited', columns = {
    specversion: 'VARCHAR', id: 'VARCHAR', source: 'VARCHAR', type: 'VARCHAR', subject: 'VARCHAR', time: 'VARCHAR',
    tenantid: 'VARCHAR', actor: 'VARCHAR', data: 'JSON'
})
"""


def bare_read(path: str, database: str, threads: int) -> int:
    """The baseline of ingestion: DuckDB reads the file into a table of a new database."""
    with duckdb.connect(database, config={"threads": threads}) as con:
        row = con.execute(READ, [path]).fetchone()
    return int(row[0]) if row else 0


def take_in(path: str, home: str) -> int:
    """Land a file and take it in."""
    settings = Settings(home=Path(home))
    layout = settings.layout()
    Landing(layout).land_all([Path(path)])
    with open_store(layout, settings) as con:
        return sum(batch.accepted for batch in ingest_pending(con, layout, settings))


def build_all(home: str) -> str:
    """Full build of facts and marts, with all checks."""
    return build(Settings(home=Path(home)), full_refresh=True).plan.action


def publish_sample(home: str, events: int) -> str:
    """Run all of it on a sample company of about so many events, and publish."""
    settings = Settings(home=Path(home))
    write_company(settings.layout().inbox, 400, max(20, events // EVENTS_PER_ACCOUNT), 7, DEFAULT_UNTIL)
    run(settings)
    published = current(settings.layout())
    assert published is not None
    return published.version


def write_sample(folder: str, later: str, events: int) -> int:
    """Write a sample company of about so many events; its last hundredth to arrive goes to another folder."""
    files = write_company(Path(folder), 400, events // EVENTS_PER_ACCOUNT, 7, DEFAULT_UNTIL).files
    Path(later).mkdir()
    lines = files[-1].read_bytes().splitlines(keepends=True)
    held_back = min(len(lines) // 2, events // 100)
    files[-1].write_bytes(b"".join(lines[:-held_back]))
    (Path(later) / "later.ndjson").write_bytes(b"".join(lines[-held_back:]))
    return held_back


def build_spine(home: str, with_marts: bool = False) -> int:
    """Full build of the first facts alone, or with the marts of deals; with what they read and their checks."""
    chosen = [f"+{name}" for name in SPINE + (DEAL_MARTS if with_marts else [])]
    arguments = [
        *("build", "--exclude-resource-type", "unit_test", "--full-refresh", "--indirect-selection", "buildable"),
        *("--select", *chosen),
    ]
    result = dbt.invoke(Settings(home=Path(home)), arguments)
    assert not result.failed, result.failed
    return len(result.nodes)


def build_timed(home: str) -> dict[str, float]:
    """Full build of everything; seconds of each model and check."""
    built = build(Settings(home=Path(home)), full_refresh=True)
    return {node.unique_id: node.seconds for node in built.nodes}


def run_all(home: str, path: str = "") -> str:
    """A whole run, publishing included."""
    settings = Settings(home=Path(home))
    return run(settings, [Path(path)] if path else []).built.plan.action


def by_hand(home: str, database: str, threads: int) -> int:
    """The baseline of the build: one SQL script over the raw events of a home, into a new database."""
    script = (Path(__file__).parent / "by_hand.sql").read_text()
    with duckdb.connect(database, config={"threads": threads, "memory_limit": "4GB"}) as con:
        con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        con.execute(f"attach '{home}/warehouse.duckdb' as warehouse (read_only)")
        con.execute(script)
        row = con.execute("select count(*) from fact_deal").fetchone()
    return int(row[0]) if row else 0


def differences(home: str, database: str) -> dict[str, int]:
    """Rows of the tables written by hand that differ from the models', over their common columns."""
    answer = {}
    with duckdb.connect(database) as con:
        con.execute(f"attach '{home}/warehouse.duckdb' as warehouse (read_only)")
        for table in ("fact_deal", "fact_sla"):
            columns = [row[0] for row in con.execute(f"describe {table}").fetchall()]
            chosen = ", ".join(columns)
            row = con.execute(
                f"select count(*) from ((from (select {chosen} from {table}) except all (select {chosen} from "
                f"warehouse.facts.{table})) union all (from (select {chosen} from warehouse.facts.{table}) except all "
                f"(select {chosen} from {table})))"
            ).fetchone()
            answer[table] = int(row[0]) if row else 0
    return answer
