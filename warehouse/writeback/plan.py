"""What a sync would do: the rows of the sync views that differ, and whether so many of them may go.

A plan is complete: what is in it is sent as it is, and nothing else. It is made under the writer lock and holds no
connection.
"""

import hashlib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import DealhouseError
from warehouse.writeback.destination import Destination
from warehouse.writeback.rows import COLUMNS, Rows
from warehouse.writeback.settings import SyncSettings

SOURCES = {
    "lead": "marts.lead_queue",
    "customer": "marts.churn_list",
    "deal": "facts.fact_deal",
    "duplicate": "marts.duplicate_candidate",
    "segment_member": "raw.segment_member",
}
"""What an object is made from, whose size is watched; news and lists that are written as a whole have no brakes."""
ABOUT = ("destination", "tenant_id", "sync_key", "operation", "expected")
NESTED = {"factors"}
"""Fields that hold JSON."""


@dataclass(frozen=True)
class Plan:
    """What one destination would get of one object."""

    destination: str
    object_name: str
    rows: Rows
    held: int
    """Keys that the destination has acknowledged."""
    refused: int
    """Keys that it has refused, which stay away."""
    source_rows: int
    """Rows of what the object is made from; 0 where that is not watched."""
    brakes: tuple[str, ...]
    """Why so much may not go without approval; empty where it may."""

    @property
    def counts(self) -> dict[str, int]:
        """Rows by operation."""
        return dict(Counter(self.rows.table["operation"].to_pylist()))

    @property
    def digest(self) -> str:
        """Hash of all that would be sent: what approval is given for."""
        digest = hashlib.sha256(f"{self.destination}\0{self.object_name}".encode())
        for name in COLUMNS:
            for value in self.rows.table[name].to_pylist():
                digest.update(b"\0" if value is None else b"\1" + value.encode())
        return digest.hexdigest()[:12]


def make(
    con: duckdb.DuckDBPyConnection,
    destination: Destination,
    object_name: str,
    settings: SyncSettings,
    earlier_sizes: Sequence[int] = (),
) -> Plan:
    """Plan what a destination gets of an object, from the work file as it stands."""
    table = con.sql(_query(con, object_name), params=[destination.name]).to_arrow_table()
    taken = [tenant_id for tenant_id in pc.unique(table["tenant_id"]).to_pylist() if destination.takes(tenant_id)]
    table = table.filter(pc.is_in(table["tenant_id"], pa.array(taken, pa.string())))
    if destination.capabilities.is_snapshot and table.num_rows:
        table = _whole(con, destination.name, object_name, table)
    known = con.execute(
        "select count(*) filter (payload is not null), count(*) filter (refused_payload is not null) from raw.delivery "
        "where destination = ? and object_name = ?",
        [destination.name, object_name],
    ).fetchone()
    assert known is not None
    held, refused = int(known[0]), int(known[1])
    size = 0
    if object_name in SOURCES:
        tenant = destination.capabilities.tenant_id
        row = con.execute(
            f"select count(*) from {SOURCES[object_name]} where ? is null or tenant_id = ?", [tenant, tenant]
        ).fetchone()
        size = int(row[0]) if row else 0
    plan = Plan(destination.name, object_name, Rows(table), held, refused, size, ())
    if object_name in SOURCES and not destination.capabilities.is_snapshot:
        return replace(plan, brakes=_brakes(plan, settings, earlier_sizes))
    return plan


def _brakes(plan: Plan, settings: SyncSettings, earlier_sizes: Sequence[int]) -> tuple[str, ...]:
    reasons, counts = [], plan.counts
    for operation, share in (("delete", settings.max_delete_share), ("update", settings.max_change_share)):
        count = counts.get(operation, 0)
        if count >= settings.brake_from_rows and count > share * plan.held:
            reasons.append(f"{count:,} of {plan.held:,} keys would be {operation}d, more than {share:.0%}")
    if earlier_sizes:
        usual = statistics.median(earlier_sizes[-7:])
        lost = usual - plan.source_rows
        if lost >= settings.brake_from_rows and lost > settings.max_shrink_share * usual:
            reasons.append(
                f"{SOURCES[plan.object_name]} has {plan.source_rows:,} rows and usually {usual:,.0f}, "
                f"which is more than {settings.max_shrink_share:.0%} less"
            )
    return tuple(reasons)


def _query(con: duckdb.DuckDBPyConnection, object_name: str) -> str:
    """SQL of the rows of a sync view for one destination, with their payload and their id."""
    view = f"sync_{object_name}"
    fields = [
        name
        for (name,) in con.execute(
            "select column_name from duckdb_columns() where schema_name = 'sync' and table_name = ? "
            "and database_name = current_database() order by column_index",
            [view],
        ).fetchall()
        if name not in ABOUT
    ]
    if not fields:
        raise DealhouseError(
            f"There is no sync model for {object_name}.",
            where=f"sync.{view}",
            why="the work file was built by another version, or not at all",
            todo="Run `dealhouse run` first.",
        )
    if object_name == "event":
        payload = (
            "json_object('specversion', '1.0', 'id', row.event_id, 'source', 'dealhouse', 'type', row.event_type, "
            "'subject', row.subject, 'time', strftime(row.occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ'), "
            "'tenantid', row.tenant_id, 'statehash', row.statehash, 'data', json(row.data))"
        )
        message_id, again, order = "row.event_id", "delivery.message_id = row.event_id", "row.subject, row.occurred_at"
    else:
        parts = ", ".join(f"'{name}', " + (f"json(row.{name})" if name in NESTED else f"row.{name}") for name in fields)
        payload = f"json_object({parts})"
        # A delete is the same as a delete alone: an id that one was sent under is not used to bring the row back.
        again = (
            "case row.operation when 'delete' then delivery.operation = 'delete' "
            f"else delivery.operation <> 'delete' and {payload}::varchar = delivery.payload end"
        )
        message_id = (
            f"md5(concat_ws('|', '{object_name}', row.tenant_id, row.sync_key, row.operation, {payload}::varchar, "
            "delivery.message_id))"
        )
        order = "row.operation"
    # What may have arrived goes again under the same id, and is the same to the letter.
    return (
        f"select row.tenant_id, row.sync_key, row.operation, row.expected, "
        f"case when delivery.is_uncertain and {again} then delivery.payload else {payload}::varchar end as payload, "
        f"case when delivery.is_uncertain and {again} then delivery.message_id else {message_id} end as message_id "
        f"from sync.{view} as row left join raw.delivery as delivery on delivery.destination = row.destination "
        f"and delivery.object_name = '{object_name}' and delivery.tenant_id = row.tenant_id "
        f"and delivery.sync_key = row.sync_key where row.destination = ? order by {order}, row.tenant_id, row.sync_key"
    )


def _whole(con: duckdb.DuckDBPyConnection, destination: str, object_name: str, changed: pa.Table) -> pa.Table:
    """The changes, and all lines besides that stay as they are, so that a file can be written as a whole."""
    con.register("changed_rows", changed)
    try:
        return con.sql(
            "select tenant_id, sync_key, operation, expected, payload, message_id from changed_rows union all "
            "select tenant_id, sync_key, 'update', payload, payload, message_id from raw.delivery "
            "where destination = ? and object_name = ? and payload is not null "
            "and not exists (select 1 from changed_rows where changed_rows.tenant_id = delivery.tenant_id "
            "and changed_rows.sync_key = delivery.sync_key) "
            "order by tenant_id, sync_key",
            params=[destination, object_name],
        ).to_arrow_table()
    finally:
        con.unregister("changed_rows")


def examples(plan: Plan, count: int = 10) -> list[dict[str, Any]]:
    """The first rows of a plan, with what each field would be and was."""
    return [
        {"key": row.key, "operation": row.operation, "fields": _difference(row.payload, row.expected or {})}
        for row in plan.rows[:count]
    ]


def _difference(payload: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (expected.get(name), value) for name, value in payload.items() if expected.get(name) != value}
