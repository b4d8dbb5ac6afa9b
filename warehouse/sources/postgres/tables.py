"""Reads tables of the ecosystem CRM by the time of their last change, and makes events of their rows.

The id of an event is made from the row's id and that time, so that reading a row again changes nothing. Rows a while
before the last one seen are looked at again, since a transaction may commit after a later one; of those, only what is
new goes on. What a row was between two readings is not known.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from warehouse.contracts.accounts import AccountUpserted, ContactUpserted
from warehouse.contracts.contract import EventContract
from warehouse.contracts.leads import LeadCreated
from warehouse.errors import DealhouseError
from warehouse.sources.postgres.config import Tables

MOST_REMEMBERED = 20_000
"""Of more rows within the lag, copies are left to ingestion to drop."""

Row = dict[str, Any]
Event = dict[str, Any]

_READ = sql.SQL(
    "select cast(entity.id as text), cast(to_jsonb(entity) as text), "
    "coalesce(entity.updated_at, entity.created_at, 'epoch') as changed_at "
    "from {table} as entity "
    "where %(since)s::timestamp is null or coalesce(entity.updated_at, entity.created_at, 'epoch') >= %(since)s "
    "order by changed_at, entity.id"
)
_CLOCK = sql.SQL("select coalesce(entity.updated_at, entity.created_at) as changed_at from {table} as entity limit 0")


class TableError(DealhouseError):
    """A table, or a row of it, is as nobody thought of it."""


def read(
    con: "psycopg.Connection[Any]", tables: Tables, entity: str, position: dict[str, Any]
) -> Iterator[tuple[list[bytes], dict[str, Any]]]:
    """Lines of each row that changed since a position; at the end no lines, and the position after them all.

    Raises
    ------
    TableError
        If no events can be made of a row: says which. If the time of the last change is no instant: two changes of a
        day would be one.
    """
    table = sql.Identifier(tables.schema, tables.read[entity])
    _check_clock(con, table, entity)
    before = datetime.fromisoformat(position["changed_at"]) if position else None
    lag = timedelta(seconds=tables.lag_seconds)
    remembered = set(position.get("recent", []))
    found = con.execute("select cast(now() at time zone 'UTC' as timestamp)").fetchone()
    assert found is not None
    now: datetime = found[0]
    latest = before
    seen: list[tuple[datetime, str]] = []
    with con.cursor(name=entity) as cursor:
        cursor.itersize = 10_000
        cursor.execute(_READ.format(table=table), {"since": None if before is None else before - lag})
        for row_id, text, changed_at in cursor:
            changed = changed_at.astimezone(UTC).replace(tzinfo=None) if changed_at.tzinfo else changed_at
            key = hashlib.sha256(f"{row_id}\0{changed.isoformat()}".encode()).hexdigest()[:16]
            seen.append((changed, key))
            # A clock that is ahead must not hide what others still write.
            known = min(changed, now)
            latest = known if latest is None else max(latest, known)
            if len(seen) > 4 * MOST_REMEMBERED:
                seen = [one for one in seen if one[0] >= latest - lag]
            if key not in remembered:
                yield [_line(tables, event) for event in _made(entity, row_id, text, changed)], {}
    if latest is not None:
        recent = [key for changed, key in seen if changed >= latest - lag]
        yield [], {"changed_at": latest.isoformat(), "recent": recent if len(recent) <= MOST_REMEMBERED else []}


def _check_clock(con: "psycopg.Connection[Any]", table: sql.Identifier, entity: str) -> None:
    described = con.execute(_CLOCK.format(table=table)).description
    assert described is not None
    known = con.adapters.types.get(described[0].type_code)
    name = "no known type" if known is None else known.name
    if name not in ("timestamp", "timestamptz"):
        raise TableError(
            f"Changes of {entity} are not read.",
            where=f"{table.as_string(con)}, columns updated_at and created_at",
            why=f"the time of the last change is of type {name}, which does not tell when it was",
            todo="Make both columns timestamps, or send the changes through the outbox (docs/postgres.md).",
        )


def _made(entity: str, row_id: str, text: str, changed_at: datetime) -> list[Event]:
    try:
        return events_of(entity, json.loads(text, parse_float=str), changed_at)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        # What the error says may be what the row says, which is nothing for a log.
        raise TableError(
            f"The {entity} {row_id} cannot be read.",
            why=f"no events can be made of its row ({type(error).__name__})",
            todo="Correct the row; the next run tries again.",
        ) from error


def events_of(entity: str, row: Row, changed_at: datetime) -> list[Event]:
    """What a row says, as events without ``source`` and ``tenantid``; `changed_at` is naive UTC."""
    return _MAKERS[entity](row, _instant(changed_at))


def _line(tables: Tables, event: Event) -> bytes:
    whole = {"source": tables.source, "tenantid": tables.tenant, **event}
    return json.dumps(whole, ensure_ascii=False, sort_keys=True).encode()


def _account(row: Row, at: str) -> list[Event]:
    kind, website, size = row.get("type"), row.get("website"), str(row.get("size") or "")
    data = {
        "account_id": row["id"],
        "name": row.get("name"),
        "kind": _known(AccountUpserted, "kind", kind),
        "domain": _domain(website),
        "industry": row.get("industry"),
        # Often a range, such as "50-200", which is no number.
        "size": int(size) if size.isascii() and size.isdigit() and len(size) < 10 else None,
    }
    return [_event("crm.account.upserted", f"account/{row['id']}/{at}", row["id"], at, data)]


def _contact(row: Row, at: str) -> list[Event]:
    data = {
        "contact_id": row["id"],
        "lifecycle_stage": _known(ContactUpserted, "lifecycle_stage", row.get("lifecycle_stage"), None),
        "role": _known(ContactUpserted, "role", row.get("role")),
        **_some(row, "account_id", "user_id", "first_name", "last_name", "email", "phone"),
    }
    return [_event("crm.contact.upserted", f"contact/{row['id']}/{at}", row["id"], at, data)]


def _lead(row: Row, at: str) -> list[Event]:
    source = _known(LeadCreated, "lead_source", row.get("source")) or "other"
    created_at = _stated(row.get("created_at"), at)
    fields = _some(row, "first_name", "last_name", "email", "phone", "company", "job_title", "assigned_to")
    stated = {"lead_id": row["id"], "lead_source": source}
    name = f"lead/{row['id']}"
    # What it was created with is long gone, if it was changed since: the creation says only what hardly changes.
    events = [_event("crm.lead.created", f"{name}/created/{created_at}/{source}", row["id"], created_at, stated)]
    events.append(_event("crm.lead.updated", f"{name}/{at}", row["id"], at, {**stated, **fields}))
    status = row.get("status")
    if status in ("qualified", "disqualified", "converted"):
        events.append(_event(f"crm.lead.{status}", f"{name}/{at}/{status}", row["id"], at, {"lead_id": row["id"]}))
    return events


def _deal(row: Row, at: str) -> list[Event]:
    deal, name = {"deal_id": row["id"]}, f"deal/{row['id']}"
    created_at = _stated(row.get("created_at"), at)
    data = {
        **deal,
        **_some(row, "amount", "currency", "expected_close_date", "owner_id", "title"),
        "probability": _share(row.get("probability")),
    }
    links = {**deal, "pipeline": "b2b", **_some(row, "account_id", "contact_id")}
    events = [
        _event("crm.deal.created", f"{name}/created/{created_at}", row["id"], created_at, {**deal, "pipeline": "b2b"}),
        # Only a creation can say whose deal it is; a later one says whose it is by now.
        _event("crm.deal.created", f"{name}/{at}/links", row["id"], at, links),
        _event("crm.deal.updated", f"{name}/{at}", row["id"], at, data),
    ]
    stage, closed = row.get("stage"), row.get("actual_close_date")
    # The day alone is known. Its end is after all else that happened on it, and the same however often the row is
    # edited: one win stays one. Of a day that is still to come, ingestion says so and keeps the event.
    closed_at = _stated(f"{closed}T23:59:59" if closed else None, at)
    if stage == "closed_won":
        won = f"{name}/won/{_stated(f'{closed}T00:00:00' if closed else None, at)}"
        events.append(_event("crm.deal.won", won, row["id"], closed_at, deal))
    elif stage == "closed_lost":
        lost = {**deal, "lost_reason": row.get("lost_reason") or "unknown"}
        events.append(_event("crm.deal.lost", f"{name}/{at}/lost", row["id"], closed_at, lost))
    elif stage:
        events.append(
            _event("crm.deal.stage_changed", f"{name}/{at}/stage", row["id"], at, {**deal, "to_stage": stage})
        )
    return events


_MAKERS: dict[str, Callable[[Row, str], list[Event]]] = {
    "account": _account,
    "contact": _contact,
    "lead": _lead,
    "deal": _deal,
}


def _event(kind: str, event_id: str, subject: str, at: str, data: Row) -> Event:
    return {
        "specversion": "1.0",
        # Ids of rows are UUIDs; one that is long is shortened, as the id of an event has a limit.
        "id": event_id if len(event_id) <= 200 else hashlib.sha256(event_id.encode()).hexdigest(),
        "type": kind,
        "time": at,
        "subject": subject,
        "data": {name: value for name, value in data.items() if value is not None},
    }


def _some(row: Row, *names: str) -> Row:
    return {name: row.get(name) for name in names}


def _known(contract: type[EventContract], name: str, value: object, otherwise: str | None = "other") -> str | None:
    """A value, or what stands for one that the contract does not know."""
    choices = next(spec.choices for spec in contract.fields() if spec.name == name)
    if value is None:
        return None
    return str(value) if value in choices else otherwise


def _domain(website: object) -> str | None:
    if not isinstance(website, str) or not website.strip():
        return None
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname
    except ValueError:  # people write anything there, and the account is one all the same
        return None
    return host.removeprefix("www.") if host else None


def _share(percent: object) -> object:
    """A percentage as a share; what is none goes on as it is, for the contract to refuse that event alone."""
    try:
        return None if percent is None else int(float(str(percent))) / 100
    except (ValueError, OverflowError):
        return percent


def _instant(naive: datetime) -> str:
    return naive.isoformat() + "Z"


def _stated(text: object, otherwise: str) -> str:
    """An instant that PostgreSQL has written, in UTC where it names no zone.

    One that is none here, such as infinity or a year before Christ, goes on as it is: the event is refused, and kept.
    """
    if not isinstance(text, str):
        return otherwise
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at
    except (ValueError, OverflowError):
        return text
    return _instant(at.replace(tzinfo=None))
