"""A warehouse that a sync can start from, made in a moment: the real sync views over tables that a test fills by hand."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from tests.laws.compiled import project
from warehouse.build import STATE_DDL
from warehouse.settings import Settings
from warehouse.store import open_store

VIEWS = [node for node in project().nodes if node.schema == "sync"]
READ = ("lead_queue", "lead_score", "churn_list", "health_score", "churn_risk", "deal_win", "duplicate_candidate", "alert")
FACTS = ("fact_deal", "fact_sla", "fact_deal_stage", "fact_subscription", "fact_subscription_period")
KINDS = {"string": "varchar", "bigint": "bigint", "double": "double", "boolean": "boolean", "timestamp": "timestamp",
         "date": "date"}  # fmt: skip


class World:
    """A home with a work file whose build is over; tables hold what :meth:`fill` puts there."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder, lock_wait_seconds=60)
        self.home = self.settings.layout()
        models = {node["name"]: node for node in project().manifest["nodes"].values() if node["resource_type"] == "model"}
        with self.open() as con:
            for name in [*READ, *FACTS]:
                node = models[name]
                columns = ", ".join(f'"{c["name"]}" {KINDS[c["data_type"]]}' for c in node["columns"].values())
                con.execute(f'create schema if not exists {node["schema"]}')
                con.execute(f'create table {node["schema"]}.{name} ({columns})')
            con.execute("create schema staging; create schema seeds; create schema sync")
            con.execute("create table staging.stg_clock as select timestamp '2026-01-20' as as_of, now() as known_at")
            con.execute(
                "create table seeds.assumption as select 'emit_within_days' as assumption, 'all' as tenant_id, "
                "90::double as value, '' as description"
            )
            for view in VIEWS:
                con.execute(f"create view sync.{view.name} as {view.sql}")
            con.execute(STATE_DDL)
            con.execute("insert into raw.build_state (is_whole) values (true)")

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The work file, as a build has it."""
        with open_store(self.home, self.settings) as con:
            yield con

    def fill(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Make these the rows of a table; columns that are not named are null."""
        with self.open() as con:
            con.execute(f"delete from {table}")
            if rows:
                names = list(rows[0])
                con.executemany(
                    f"insert into {table} ({', '.join(names)}) values ({', '.join('?' * len(names))})",
                    [[row[name] for name in names] for row in rows],
                )

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Do something to the work file."""
        with self.open() as con:
            return con.execute(statement, list(values)).fetchall()

    def leads(self, count: int, factor: int = 1, tenant: str = "default") -> None:
        """Fill the queue with leads l0, l1, ..., whose scores follow from their number and `factor`."""
        with self.open() as con:
            con.execute("delete from marts.lead_queue")
            con.execute(
                "insert into marts.lead_queue by name select ? as tenant_id, 'l' || i as lead_id, i * ? % 101 as score, "
                "case when i % 3 = 0 then 'hot' else 'cold' end as tier, (i * ? % 100) / 100 as probability, "
                "? as factors, i + 1 as work_order from range(?) as numbers (i)",
                [tenant, factor, factor, '[{"factor":"a, b"}]', count],
            )
