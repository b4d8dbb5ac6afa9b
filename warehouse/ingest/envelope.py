"""The attributes around ``data``: judged in SQL for all rows, and in words for the few that fail."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from warehouse.contracts import closest
from warehouse.contracts.envelope import DEFAULT_TENANT, ID_MAX_LENGTH, SOURCE_PATTERN, SPECVERSION, TIME_PATTERN
from warehouse.sources.ndjson import parse_json
from warehouse.sources.reader import RawRow

_SHOWN_CHARACTERS = 80

MAX_DEPTH = 100
"""How deeply data may be nested; DuckDB's ``json_structure`` breaks down, and the work file with it, at 128."""

EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
"""Before it a timestamp has no year that Python, and so any reader of ours, can hold."""

STAGE = f"""
create or replace temp table staged as
select
    incoming.row_number, coalesce(incoming.source, '') as source, coalesce(incoming.id, '') as event_id,
    -- A row without a type is one whose envelope is at fault; why is worked out for it alone.
    case
        when coalesce(incoming.specversion, '{SPECVERSION}') = '{SPECVERSION}'
            and length(incoming.id) between 1 and {ID_MAX_LENGTH}
            and length(incoming.source) >= 1
            and length(incoming.type) >= 1
            and starts_with(incoming.data, '{{')
            and coalesce(incoming.subject, '-') <> '' and coalesce(incoming.tenantid, '-') <> ''
            and coalesce(incoming.actor, '-') <> ''
            and regexp_matches(incoming.time, '{TIME_PATTERN}')
            and try_cast(incoming.time as timestamptz) >= timestamptz '{EARLIEST.isoformat(sep=" ")}'
            then incoming.type
    end as event_type,
    incoming.subject, coalesce(incoming.tenantid, '{DEFAULT_TENANT}') as tenant_id, incoming.actor,
    cast(try_cast(incoming.time as timestamptz) as timestamp) as occurred_at, incoming.data,
    hash(coalesce(incoming.source, ''), coalesce(incoming.id, '')) as key_hash
from (__RELATION__) as incoming
"""
"""``__RELATION__`` stands for a reader's SQL. ``key_hash`` finds candidates for duplicates; equality decides."""


def faults(event: dict[str, Any]) -> tuple[str, str]:
    """Reason code and sentence of the first attribute that is at fault; both empty where none is."""
    version = event.get("specversion")
    if version is not None and str(version) != SPECVERSION:
        return (
            "unsupported_specversion",
            f"specversion is {shown(version)}; only {SPECVERSION!r} is taken in. Send CloudEvents 1.0.",
        )
    for name in ("id", "source", "type", "time", "data"):
        if event.get(name) is None:
            return (
                "missing_attribute",
                f"The event has no {name}, which CloudEvents requires here. Add it and send the event again.",
            )
    hidden = hidden_faults(event)
    if hidden[0]:
        return hidden
    if len(str(event["id"])) > ID_MAX_LENGTH:
        return (
            "invalid_attribute",
            f"id is longer than {ID_MAX_LENGTH} characters. Shorten it at the producer.",
        )
    if not re.search(SOURCE_PATTERN, str(event["source"])):
        return "invalid_attribute", source_fault(str(event["source"]))
    if not is_instant(str(event["time"])):
        return (
            "invalid_attribute",
            "time must be an RFC 3339 timestamp with Z or an offset, such as 2025-03-14T09:30:00Z, not "
            f"{shown(event['time'])}.",
        )
    if not isinstance(event["data"], dict):
        return "invalid_attribute", f"data must be a JSON object, not {shown(event['data'])}."
    return "", ""


def explained(raw: RawRow, reason: str, message: str) -> tuple[dict[str, Any], str, str]:
    """The event of a refused row, as far as it is one, with a reason and sentence worked out where none was found."""
    if raw.reason:
        return {}, reason or raw.reason, message if reason else raw.message
    event = parse(raw.raw)
    if not reason:
        reason, message = faults(event)
    if not reason:
        reason, message = (
            "malformed_json",
            "The line could not be read as one event. Send one JSON object on each line.",
        )
    return event, reason, message


def hidden_faults(event: dict[str, Any]) -> tuple[str, str]:
    """Faults that show in the original alone, not in columns of text; reason code and sentence.

    A number is taken as its text; a boolean, a list or an object is none. Data is nested only so deeply.
    """
    for name in ("id", "source", "type", "subject", "tenantid", "actor"):
        value = event.get(name)
        if isinstance(value, bool | list | dict) or value == "":
            return "invalid_attribute", f"{name} must be a text that is not empty, not {shown(value)}."
    if depth(event.get("data")) > MAX_DEPTH:
        return "invalid_attribute", f"data is nested more than {MAX_DEPTH} levels deep. Send it flatter."
    return "", ""


def depth(value: object) -> int:
    """How many objects and lists stand inside each other, counting the outermost."""
    levels, present = 0, [value]
    while containers := [one for one in present if isinstance(one, dict | list)]:
        levels += 1
        present = [inner for one in containers for inner in (one.values() if isinstance(one, dict) else one)]
    return levels


def is_instant(text: str) -> bool:
    """Whether a text is an instant with its offset."""
    if not re.fullmatch(TIME_PATTERN, text):
        return False
    try:
        return datetime.fromisoformat(text) >= EARLIEST
    except ValueError:
        return False


def unknown_type(event_type: str) -> str:
    """Sentence for a type that has no contract."""
    near = closest(event_type[:_SHOWN_CHARACTERS])
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return (
        f"There is no contract for the type {shown(event_type)}.{hint} "
        "Once there is one, `dealhouse rejects --replay` takes it in."
    )


def source_fault(source: str) -> str:
    """Sentence for a source that is no lower-case name."""
    return f"source must be a lower-case name such as crm, not {shown(source)}. Change it at the producer."


def parse(raw: bytes) -> dict[str, Any]:
    """The event in a row that is known to be a JSON object."""
    value = parse_json(raw.decode())
    return value if isinstance(value, dict) else {}


def shown(value: object) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
