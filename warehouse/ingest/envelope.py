"""The attributes around ``data``: judged in SQL for all rows, and in words for the few that fail."""

import json
from datetime import datetime
from typing import Any

from warehouse.contracts import closest, get
from warehouse.contracts.envelope import DEFAULT_TENANT, ID_MAX_LENGTH, SPECVERSION

INSERT = f"""
insert into raw.events
select
    $batch_id, incoming.row_number, coalesce(incoming.source, ''), coalesce(incoming.id, ''),
    -- A row without a type is one whose envelope is at fault; why is worked out for it alone.
    case
        when coalesce(incoming.specversion, '{SPECVERSION}') = '{SPECVERSION}'
            and length(incoming.id) between 1 and {ID_MAX_LENGTH}
            and length(incoming.source) between 1 and 100
            and length(incoming.type) >= 1
            and incoming.data is not null
            and coalesce(incoming.subject, '-') <> '' and coalesce(incoming.tenantid, '-') <> ''
            and coalesce(incoming.actor, '-') <> ''
            and (incoming.time like '____-__-_________%Z' or incoming.time like '____-__-_________%+__:__'
                or incoming.time like '____-__-_________%-__:__')
            and try_cast(incoming.time as timestamptz) is not null
            then incoming.type
    end,
    incoming.subject, coalesce(incoming.tenantid, '{DEFAULT_TENANT}'), incoming.actor,
    cast(try_cast(incoming.time as timestamptz) as timestamp), $received_at, incoming.data,
    md5_number_lower(concat(coalesce(incoming.source, ''), chr(31), coalesce(incoming.id, '')))
from (__RELATION__) as incoming
"""
"""``__RELATION__`` stands for a reader's SQL. ``key_hash`` finds candidates for duplicates; equality decides."""


def faults(event: dict[str, Any]) -> tuple[str, str]:
    """Reason code and sentence of the first attribute that is at fault; both empty where none is."""
    version = event.get("specversion")
    if version is not None and version != SPECVERSION:
        return (
            "unsupported_specversion",
            f"specversion is {version!r}; only {SPECVERSION!r} is taken in. Send CloudEvents 1.0.",
        )
    for name in ("id", "source", "type", "time", "data"):
        if event.get(name) is None:
            return (
                "missing_attribute",
                f"The event has no {name}, which CloudEvents requires here. Add it and send the event again.",
            )
    for name in ("id", "source", "type", "subject", "tenantid", "actor"):
        value = event.get(name)
        if value is not None and (not isinstance(value, str | int | float) or value == ""):
            return "invalid_attribute", f"{name} must be a text that is not empty, not {_shown(value)}."
    if len(str(event["id"])) > ID_MAX_LENGTH:
        return (
            "invalid_attribute",
            f"id is longer than {ID_MAX_LENGTH} characters. Shorten it at the producer.",
        )
    if not is_instant(str(event["time"])):
        return (
            "invalid_attribute",
            f"time must be an RFC 3339 timestamp with Z or an offset, such as 2025-03-14T09:30:00Z, not {_shown(event['time'])}.",
        )
    if not isinstance(event["data"], dict):
        return "invalid_attribute", f"data must be a JSON object, not {_shown(event['data'])}."
    return "", ""


def is_instant(text: str) -> bool:
    """Whether a text is an instant with its offset."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None and len(text) >= len("2025-03-14T09:30:00Z")
    except ValueError:
        return False


def unknown_type(event_type: str) -> str:
    """Sentence for a type that has no contract."""
    near = closest(event_type)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"There is no contract for the type {event_type!r}.{hint} Once there is one, `dealhouse rejects --replay` takes it in."


def source_fault(source: str) -> str:
    """Sentence for a source that is no lower-case name."""
    return f"source must be a lower-case name such as crm, not {source!r}. Change it at the producer."


def parse(raw: bytes) -> dict[str, Any]:
    """The event in a row that is known to be a JSON object."""
    value = json.loads(raw)
    return value if isinstance(value, dict) else {}


def known(event_type: str) -> bool:
    """Whether a type has a contract."""
    return get(event_type) is not None


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + "…"
