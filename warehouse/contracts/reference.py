"""The reference page of all contracts, as Markdown; ``docs/contracts.md`` is this text."""

import json
from itertools import groupby

from warehouse.contracts import envelope
from warehouse.contracts.contract import REGISTRY, EventContract
from warehouse.contracts.fields import FieldSpec

_OPENING = """\
# Events and their contracts

This page is made from the contracts in `warehouse/contracts/` by `dealhouse contracts --markdown`. To change
it, change the contract. JSON Schema of one event type, or of all: `dealhouse contracts --json-schema`.

An event is a [CloudEvent 1.0](https://github.com/cloudevents/spec) in JSON. These stand around `data`:
"""

_KINDS = """\
`data` is a required JSON object. Its fields are of seven kinds; null means absent, and fields that a contract
does not name are kept and reported as schema drift.

| kind | what is taken |
| --- | --- |
| text | a JSON string; where required, not an empty one |
| number | a JSON number, or a string that is a plain decimal, such as `"12.50"`; below 10^15 in size |
| integer | a JSON number without a fraction (`12` and `12.0`), up to 2^53 - 1 in size |
| boolean | `true` or `false` |
| date | a day of the calendar, `"2025-03-14"` |
| timestamp | RFC 3339 with `Z` or an offset, `"2025-03-14T09:30:00Z"`; upper-case letters, no leap second |
| text_list | a list of JSON strings |
"""


def markdown() -> str:
    """Render the page; the same contracts give the same text."""
    sections = groupby(REGISTRY.values(), key=lambda contract: contract.section)
    parts = [_OPENING, _field_table(list(envelope.ATTRIBUTES)), _KINDS]
    for section, contracts in sections:
        parts.append(f"## {section}\n")
        parts.extend(_type_entry(contract) for contract in contracts)
    return "\n".join(parts)


def rule_in_short(spec: FieldSpec) -> str:
    """What a value must be beyond its kind, as a table cell; empty where anything of the kind is allowed."""
    if spec.choices:
        return " · ".join(spec.choices)
    if spec.known:
        return f"{' · '.join(spec.known)} · others"
    if spec.minimum is not None and spec.maximum is not None:
        return f"{spec.minimum} to {spec.maximum}"
    if spec.minimum is not None:
        return f"{spec.minimum} or more"
    if spec.pattern:
        return f"matches `{spec.pattern}`"
    return f"up to {spec.max_length} characters" if spec.max_length else ""


def _type_entry(contract: type[EventContract]) -> str:
    example = json.dumps(envelope.example(contract), ensure_ascii=False)
    return (
        f"### {contract.type}\n\n{contract.summary} Usually sent by `{contract.source}`.\n\n"
        f"{_field_table(contract.fields())}\n```json\n{example}\n```\n"
    )


def _field_table(specs: list[FieldSpec]) -> str:
    head = ["| field | kind | required | values | meaning |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(_field_row(spec) for spec in specs), ""])


def _field_row(spec: FieldSpec) -> str:
    required = "yes" if spec.required else ""
    meaning = f"{spec.description} Personal data ({spec.pii})." if spec.pii else spec.description
    return f"| `{spec.name}` | {spec.kind} | {required} | {rule_in_short(spec)} | {meaning} |"
