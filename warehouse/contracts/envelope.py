"""The envelope: the CloudEvents 1.0 attributes around ``data``, as constants and as JSON Schema.

Ingestion compiles these rules to SQL, since every event passes them; the rules of ``data`` are in the
contracts. Whether ``time`` lies too far ahead, and whether (``source``, ``id``) came before, depends on more
than the event and is decided at ingestion.
"""

from datetime import timedelta
from typing import Any

from warehouse.contracts.contract import REGISTRY, SCHEMA_DIALECT, EventContract
from warehouse.contracts.fields import FieldSpec
from warehouse.contracts.kinds import TIMESTAMP_PATTERN

SPECVERSION = "1.0"
"""The only version taken in, and what an absent ``specversion`` means."""

DEFAULT_TENANT = "default"
"""What an absent ``tenantid`` means."""

ID_MAX_LENGTH = 200
SOURCE_PATTERN = "^[a-z][a-z0-9._-]{0,99}$"
TIME_PATTERN = TIMESTAMP_PATTERN

MAX_AHEAD = timedelta(hours=24)
"""How far ``time`` may lie ahead of the ingestion clock."""

ATTRIBUTES: tuple[FieldSpec, ...] = (
    FieldSpec(
        "specversion",
        "text",
        required=False,
        description=f"Version of CloudEvents; {SPECVERSION} when absent.",
        choices=(SPECVERSION,),
        example=SPECVERSION,
    ),
    FieldSpec(
        "id",
        "text",
        required=True,
        description="Identifies the event within its source. The same id again is dropped as a duplicate "
        "where the content is equal, and kept in quarantine as a conflict where it is not.",
        min_length=1,
        max_length=ID_MAX_LENGTH,
        example="evt-000001",
    ),
    FieldSpec(
        "source",
        "text",
        required=True,
        description="The producing system, a lower-case name.",
        pattern=SOURCE_PATTERN,
        example="crm",
    ),
    FieldSpec(
        "type",
        "text",
        required=True,
        description="One of the types below.",
        min_length=1,
        example="crm.deal.won",
    ),
    FieldSpec(
        "subject",
        "text",
        required=False,
        description="Id of the entity that the event is about.",
        min_length=1,
        example="deal-1042",
    ),
    FieldSpec(
        "time",
        "timestamp",
        required=True,
        description="When it happened. Quarantined when more than 24 hours ahead of the ingestion clock.",
        example="2025-03-14T09:30:00Z",
    ),
    FieldSpec(
        "tenantid",
        "text",
        required=False,
        description=f"The tenant that the event belongs to; `{DEFAULT_TENANT}` when absent.",
        min_length=1,
        example=DEFAULT_TENANT,
    ),
    FieldSpec(
        "actor",
        "text",
        required=False,
        description="Who did it: a user id, `ai`, or `system`.",
        min_length=1,
        example="user-12",
    ),
)
"""Every attribute but ``data``, which is a required JSON object."""


def example(contract: type[EventContract]) -> dict[str, Any]:
    """Return a whole valid event of the contract's type."""
    event = {spec.name: spec.example for spec in ATTRIBUTES}
    data = contract.example()
    subject = next((data[spec.name] for spec in contract.fields() if spec.name.endswith("_id")), None)
    return {**event, "source": contract.source, "type": contract.type, "subject": subject, "data": data}


def json_schema(contract: type[EventContract] | None = None) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a whole event: of one type, or of all types in one document."""
    schema: dict[str, Any] = {
        "$schema": SCHEMA_DIALECT,
        "title": f"Event {contract.type}" if contract else "Event",
        "type": "object",
        "properties": {spec.name: spec.json_schema() for spec in ATTRIBUTES},
        "required": [*(spec.name for spec in ATTRIBUTES if spec.required), "data"],
    }
    properties = schema["properties"]
    if contract:
        properties["type"] = {"const": contract.type}
        properties["data"] = _part(contract)
        return schema
    properties["type"] = {**properties["type"], "enum": list(REGISTRY)}
    properties["data"] = {"type": "object"}
    schema["allOf"] = [
        {
            "if": {"properties": {"type": {"const": event_type}}},
            "then": {"properties": {"data": {"$ref": f"#/$defs/{event_type}"}}},
        }
        for event_type in REGISTRY
    ]
    schema["$defs"] = {event_type: _part(contract) for event_type, contract in REGISTRY.items()}
    return schema


def _part(contract: type[EventContract]) -> dict[str, Any]:
    return {keyword: rule for keyword, rule in contract.json_schema().items() if keyword != "$schema"}
