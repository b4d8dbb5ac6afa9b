"""Reads an outbox by a position that is safe to commit.

Numbers of a sequence are given out before their transactions end, so that who asks for numbers above the last one seen
passes over what commits late. A row carries the id of its transaction instead, and is read once every transaction up
to its own has ended: below ``pg_snapshot_xmin`` nothing can appear any more.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from warehouse.sources.postgres.config import Outbox

AT_ONCE = 500_000
"""Rows of one segment; what is beyond comes with the next."""

# Columns are named with their table: by its bare name, the order would be that of the text.
_READ = sql.SQL(
    "select cast(entry.{transaction} as text), entry.{position}, cast(entry.{event} as text) from {table} as entry "
    "where entry.{transaction} < pg_snapshot_xmin(pg_current_snapshot()) "
    "and (entry.{transaction}, entry.{position}) > (cast(%(transaction)s as xid8), %(position)s) "
    "order by entry.{transaction}, entry.{position} limit %(limit)s"
)


def read(
    con: "psycopg.Connection[Any]", outbox: Outbox, position: dict[str, Any], limit: int = AT_ONCE
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Lines beyond a position, each with the position after it.

    Parameters
    ----------
    con
        In a transaction of its own.
    position
        Where the last reading ended; empty for the beginning.
    """
    statement = _READ.format(
        transaction=sql.Identifier(outbox.transaction_column),
        position=sql.Identifier(outbox.position_column),
        event=sql.Identifier(outbox.event_column),
        table=sql.Identifier(*outbox.table),
    )
    values = {
        "transaction": position.get("transaction", "0"),
        "position": position.get("position", 0),
        "limit": limit,
    }
    with con.cursor(name="outbox") as cursor:
        cursor.itersize = 10_000
        cursor.execute(statement, values)
        for transaction, number, event in cursor:
            # A row without an event is one all the same, and ends up in quarantine.
            line = (event or "null").replace("\r", " ").replace("\n", " ").encode()
            yield line, {"transaction": transaction, "position": number}
