"""How long changed leads take to reach PostgreSQL, against a bare COPY of the same rows into a table like it.

Both in the same process and to the same server, alternating; the server is one of its own with its default settings.
"""

import io
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pyarrow.csv as pc

from tests import postgres
from tests.writeback.world import World
from warehouse.writeback.destination import Outcome, Row
from warehouse.writeback.destinations.postgres import Postgres, PostgresSettings
from warehouse.writeback.sync import sync

BARE = "create table bare (id text primary key, score integer, metadata jsonb)"


class Timed(Postgres):
    """The destination, with a stop-watch on what it delivers."""

    seconds = 0.0

    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        """Deliver, and add the time that it took."""
        began = time.perf_counter()
        outcomes = super().deliver(object_name, rows)
        self.seconds += time.perf_counter() - began
        return outcomes


def compare(folder: Path, rows: int, rounds: int) -> str:
    """Run the rounds and tell the medians and their ratio in a line."""
    os.environ["DEALHOUSE_SYNC_MAX_CHANGE_SHARE"] = "1"
    bare, ours, whole = [], [], []
    with postgres.server() as server, postgres.database(server, "crm") as dsn, psycopg.connect(dsn) as con:
        world = World(folder / "home")
        con.execute(
            "insert into lead (id, email) select 'l' || i, i || '@example.org' from generate_series(0, %s) as i",
            [rows - 1],
        )
        con.execute(BARE)
        con.commit()
        sync_once(world, dsn, rows, 1)
        for number in range(rounds):
            table = leads_as_rows(world, rows, number + 2)
            con.execute("truncate bare")
            con.commit()
            began = time.perf_counter()
            with con.cursor() as cursor, cursor.copy("copy bare from stdin (format csv)") as copy:
                buffer = io.BytesIO()
                pc.write_csv(table, buffer, pc.WriteOptions(include_header=False))
                copy.write(buffer.getvalue())
            con.commit()
            bare.append(time.perf_counter() - began)
            delivered, total = sync_once(world, dsn, rows, number + 2)
            ours.append(delivered)
            whole.append(total)
    one, two, three = (statistics.median(values) for values in (bare, ours, whole))
    return (
        f"writeback: {rows:,} changed leads reach PostgreSQL in {two:.2f} s, a bare COPY of the same rows takes "
        f"{one:.2f} s: {two / one:.2f} times as long (at most 3); with planning and the ledger {three:.2f} s"
    )


def leads_as_rows(world: World, rows: int, factor: int) -> object:
    """Id, score and metadata of the leads as they will stand there."""
    world.leads(rows, factor)
    with world.open() as con:
        return con.sql(
            "select lead_id, score, json_object('dealhouse', json_object('lead_id', lead_id, 'score', score, "
            "'tier', tier, 'probability', probability, 'factors', json(factors), "
            "'suggested_owner_id', null))::varchar as metadata "
            "from marts.lead_queue order by lead_id"
        ).to_arrow_table()


def sync_once(world: World, dsn: str, rows: int, factor: int) -> tuple[float, float]:
    """Change all leads and sync; seconds of delivering and of all of it."""
    world.leads(rows, factor)
    destination = Timed(PostgresSettings(objects=frozenset({"lead"})), dsn)
    began = time.perf_counter()
    (result,) = sync(world.settings, is_first=True, destinations=[destination])
    total = time.perf_counter() - began
    assert not result.problem, result.problem
    assert not result.withheld
    return destination.seconds, total
