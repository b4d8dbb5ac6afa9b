"""Finds the events behind a differing row: those that one of the two states has seen and the other has not.

An event is behind a row when it speaks of something that the row is about: its ids, and for amounts the rate of its
currency. A row that is about no single thing (a month, a segment) is traced to the rows it is made from, which are.
What a row's difference is belongs to :mod:`warehouse.explain.difference`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import duckdb

from warehouse import contracts
from warehouse.explain.difference import AFTER, BEFORE, Change, Difference, compare, is_in_both
from warehouse.explain.lineage import Lineage, Table
from warehouse.explain.points import Point
from warehouse.explain.states import visible
from warehouse.publish.snapshot import quote

NOT_SET = "(not set)"
HAPPENED, ARRIVED = "happened later", "arrived later"
_RATE_TYPE = "finance.fx_rate.published"
_SHOWN_FIELDS = 6


@dataclass(frozen=True)
class CausingEvent:
    """An event that only one of the two states has seen."""

    source: str
    event_id: str
    event_type: str
    occurred_at: datetime
    received_at: datetime
    batch_id: int
    seen_by: str
    """The only state that has seen it: first or second."""
    why: str
    """Why the other has not: it happened later (than that one's as_of), or it arrived later."""
    fields: dict[str, Any]
    """What it says, personal data left out."""


@dataclass(frozen=True)
class Upstream:
    """A differing row of a table that the row is made from."""

    table: str
    change: Change
    events: list[CausingEvent]
    event_count: int


@dataclass(frozen=True)
class Origin:
    """A table behind a row, and what its rows have to be like to be behind it."""

    table: Table
    month: str | None
    """Column that decides to which month a row belongs; None where any day or instant of it may."""
    where: Mapping[str, Any]
    """Values that columns have in one of the two states at least."""


@dataclass
class Found:
    """What was found behind one row."""

    events: list[CausingEvent] = field(default_factory=list)
    event_count: int = 0
    upstream: list[Upstream] = field(default_factory=list)
    upstream_count: int = 0


class Causes:
    """Looks for causes, given both states and the events between them.

    Parameters
    ----------
    con
        Has both states attached, and the events that one side alone has seen as table ``raw.events`` of ``scratch``.
    limit
        Events, and rows of tables behind, that are told of for one row.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        lineage: Lineage,
        table: Table,
        points: tuple[Point, Point],
        limit: int,
    ) -> None:
        self.con, self.lineage, self.table, self.points, self.limit = con, lineage, table, points, limit
        self._differences: dict[str, Difference] = {}
        self._prepare_events()

    def of(self, change: Change) -> Found:
        """Find what is behind a row."""
        found = Found()
        direct = self._keys(change, self.table, grain_only=True)
        if direct:
            found.events, found.event_count = self._events(direct, change)
        if not found.event_count:
            self._trace(change, found)
        if not found.event_count and not found.upstream_count:
            found.events, found.event_count = self._events_of(change, self.table)
        return found

    def event_total(self) -> int:
        """Events behind the table that one side alone has seen."""
        row = self.con.execute("select count(*) from event_between").fetchone()
        return int(row[0]) if row else 0

    def _prepare_events(self) -> None:
        types = self.lineage.event_types(self.table.name)
        self.con.execute(
            "create temp table event_between as select row_number() over (order by occurred_at, source, event_id) as "
            "event_row, source, event_id, event_type, coalesce(tenant_id, 'default') as tenant_id, occurred_at, "
            f"received_at, batch_id, data, ({visible(self.points[1])}) as is_seen_after from scratch.raw.events "
            f"where ({visible(self.points[0])}) <> ({visible(self.points[1])}) and ($all or event_type in "
            "(select unnest($types)))",
            {"all": types is None, "types": sorted(types or [])},
        )
        names: set[str] = set()
        for event_type in types or contracts.all():
            contract = contracts.get(event_type)
            names |= {spec.name for spec in contract.fields() if spec.name.endswith("_id")} if contract else set()
        ordered = sorted(names | {"currency"})
        self.con.execute(
            "create temp table event_key as select event_row, tenant_id, event_type, unnest($names) as field, "
            "unnest(json_extract_string(data, $paths)) as value from event_between",
            {"names": ordered, "paths": [f"$.{name}" for name in ordered]},
        )
        # Of a merge, both sides are the thing itself.
        self.con.execute(
            "update event_key set field = split_part(event_type, '.', 2) || '_id' "
            "where field in ('winner_id', 'loser_id')"
        )
        self.con.execute("delete from event_key where value is null")

    def _keys(self, change: Change, table: Table, grain_only: bool) -> list[tuple[str, str]]:
        """Ids in a row, as (field, value): those that it is known by, or all others."""
        fields = self.lineage.entity_fields
        columns = [*table.grain, *((change.before or change.after or {}) if not grain_only else ())]
        keys: list[tuple[str, str]] = []
        for column in dict.fromkeys(columns):
            for value in change.values(column):
                if column in fields:
                    keys.append((column, str(value)))
                elif column in ("customer_id", "person_id") and ":" in str(value):
                    keys += self._identities(change, str(value))
                elif column == "touch_id" and ":" in str(value):
                    keys.append(("touch_id", str(value)))
        return keys

    def _identities(self, change: Change, value: str) -> list[tuple[str, str]]:
        """All ids of a person or customer, whose own id is made of one of them."""
        kind, _, number = value.partition(":")
        keys = [(f"{kind}_id", number)]
        for state in (BEFORE, AFTER):
            known = self.con.execute(
                "select 1 from duckdb_tables() where database_name = ? and schema_name = 'facts' "
                "and table_name = 'fact_identity'",
                [state],
            ).fetchone()
            if known:
                keys += self.con.execute(
                    f"select distinct id_kind || '_id', id_value from {state}.facts.fact_identity "
                    "where tenant_id = ? and person_id = ?",
                    [change.key.get("tenant_id", "default"), value],
                ).fetchall()
        return list(dict.fromkeys(keys))

    def _events(self, keys: Iterable[tuple[str, str]], change: Change) -> tuple[list[CausingEvent], int]:
        pairs = list(keys)
        tenant = change.key.get("tenant_id", "default")
        where = (
            "event_row in (select key.event_row from event_key as key, "
            "(select unnest($fields) as field, unnest($values) as value) as wanted "
            "where key.field = wanted.field and key.value = wanted.value and key.tenant_id = $tenant) "
            "or source || ':' || event_id in (select unnest($touches))"
        )
        parameters: dict[str, object] = {
            "fields": [name for name, _ in pairs],
            "values": [value for _, value in pairs],
            "tenant": tenant,
            "touches": [value for name, value in pairs if name == "touch_id"],
        }
        return self._read(where, parameters)

    def _rates(self, change: Change) -> tuple[list[CausingEvent], int]:
        """Publications of the rate that an amount of the row is converted with."""
        if not any(column.endswith("_base") for column in change.columns):
            return [], 0
        currencies = change.values("currency")
        where = (
            "event_type = $rate_type and event_row in (select event_row from event_key where field = 'currency' "
            "and ($any or value in (select unnest($currencies))))"
        )
        return self._read(
            where,
            {"rate_type": _RATE_TYPE, "any": not currencies, "currencies": [str(value) for value in currencies]},
        )

    def _read(self, where: str, parameters: dict[str, object]) -> tuple[list[CausingEvent], int]:
        count = self.con.execute(f"select count(*) from event_between where {where}", parameters).fetchone()
        rows = self.con.execute(
            "select source, event_id, event_type, occurred_at, received_at, batch_id, is_seen_after, data "
            f"from event_between where {where} order by event_row desc limit {self.limit}",
            parameters,
        ).fetchall()
        # The last of them are told of, in the order in which they happened.
        return [self._event(row) for row in reversed(rows)], int(count[0]) if count else 0

    def _event(self, row: tuple[Any, ...]) -> CausingEvent:
        source, event_id, event_type, occurred_at, received_at, batch_id, is_seen_after, data = row
        blind = self.points[0] if is_seen_after else self.points[1]
        is_later = blind.as_of is not None and occurred_at > blind.as_of
        why, seen_by = HAPPENED if is_later else ARRIVED, "second" if is_seen_after else "first"
        told = _told(event_type, json.loads(data))
        return CausingEvent(source, event_id, event_type, occurred_at, received_at, batch_id, seen_by, why, told)

    def _trace(self, change: Change, found: Found) -> None:
        """Find differing rows of the tables behind, and their events."""
        for origin in self._behind(change):
            difference = self._difference(origin.table)
            if not difference.total:
                continue
            where, parameters = _matching(self.table, change, difference, origin)
            found.upstream_count += difference.count(where, parameters)
            for one in difference.rows(where, parameters, max(0, self.limit - len(found.upstream))):
                events, count = self._events_of(one, origin.table)
                found.upstream.append(Upstream(str(origin.table), one, events, count))

    def _events_of(self, change: Change, table: Table) -> tuple[list[CausingEvent], int]:
        for grain_only in (True, False):
            keys = self._keys(change, table, grain_only)
            events, count = self._events(keys, change) if keys else ([], 0)
            if count:
                return events, count
        return self._rates(change)

    def _behind(self, change: Change) -> list[Origin]:
        """Tables behind a row: those that the model names for it, or the nearest whose rows are about single things."""
        declared = self.table.rows_from
        named: list[Origin] = []
        for value in change.values(str(declared["column"])) if declared else []:
            for one in declared["rows"].get(str(value), []):
                table = self.lineage.table(one["model"])
                if set(table.grain) & self.lineage.entity_fields:
                    named.append(Origin(table, one.get("month"), one.get("where") or {}))
                else:
                    nearest = self.lineage.nearest_with_entities(table.name)
                    named += [Origin(behind, None, {}) for behind in nearest]
        origins = named or [Origin(table, None, {}) for table in self.lineage.nearest_with_entities(self.table.name)]
        return [origin for origin in origins if is_in_both(self.con, origin.table)]

    def _difference(self, table: Table) -> Difference:
        if table.name not in self._differences:
            self._differences[table.name] = compare(self.con, table)
        return self._differences[table.name]


def _matching(table: Table, change: Change, difference: Difference, origin: Origin) -> tuple[str, list[object]]:
    """Condition for the rows behind that belong to a row: they agree with it in what they have in common.

    A month of the row is met by any day or instant of the row behind that lies in it, or by the one that decides.
    """
    conditions: list[str] = []
    parameters: list[object] = []

    def either(tests: Iterable[str], values: Iterable[object]) -> None:
        conditions.append(f"({' or '.join(tests)})")
        parameters.extend(values)

    for column in table.grain:
        value = change.key[column]
        if column in difference.table.grain:
            either([f"{quote(column)} = ?"], [value])
        elif column in difference.columns:
            either(
                [f"{side} is not distinct from ?" for side in _sides(column)], [None if value == NOT_SET else value] * 2
            )
        elif column.endswith("_month") and isinstance(value, date):
            clocks = [origin.month] if origin.month else [*difference.columns, *difference.table.grain]
            days = [
                side
                for name in clocks
                if name.endswith(("_at", "_date", "_month"))
                for side in ([quote(name)] if name in difference.table.grain else _sides(name))
            ]
            if days:
                either([f"date_trunc('month', {day}) = ?" for day in days], [value] * len(days))
    for column, value in origin.where.items():
        either([f"{side} = ?" for side in _sides(column)], [value] * 2)
    return " and ".join(conditions) or "true", parameters


def _sides(column: str) -> list[str]:
    return [quote(f"{side}.{column}") for side in ("before", "after")]


def _told(event_type: str, data: Any) -> dict[str, Any]:
    """What an event says, without personal data and free text."""
    contract = contracts.get(event_type)
    if contract is None or not isinstance(data, dict):
        return {}
    shown = {
        spec.name: data[spec.name] for spec in contract.fields() if not spec.pii and data.get(spec.name) is not None
    }
    return dict(list(shown.items())[:_SHOWN_FIELDS])
