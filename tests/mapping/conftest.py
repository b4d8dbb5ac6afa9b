"""A mapping and its files in, events out; with a few contracts by hand, all that a mapping asks of them."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse.sources.mapping import Mapping, MappingResult


@dataclass(frozen=True)
class Field:
    name: str
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contract:
    listed: tuple[Field, ...] = field(default=())

    def fields(self) -> tuple[Field, ...]:
        return self.listed


def contract(*required: str, **optional: str | tuple[str, ...]) -> Contract:
    """Required texts by name, optional fields by name and kind (or, as a tuple, their choices)."""
    fields = [Field(name, required=True) for name in required]
    for name, kind in optional.items():
        fields.append(Field(name, choices=kind) if isinstance(kind, tuple) else Field(name, kind))
    return Contract(tuple(fields))


CATALOGUE = {
    "crm.deal.created": contract(
        "deal_id",
        pipeline=("b2b", "adtech", "studio"),
        stage="text",
        account_id="text",
        lead_id="text",
        title="text",
        amount="number",
        currency="text",
        owner_id="text",
        probability="number",
        expected_close_date="date",
        deal_source="text",
        client_type="text",
    ),
    "crm.deal.updated": contract("deal_id", evidence_refs="text_list"),
    "crm.deal.won": contract("deal_id", amount="number", currency="text"),
    "crm.deal.lost": contract("deal_id", "lost_reason"),
    "crm.deal.stage_changed": contract("deal_id", "to_stage"),
    "crm.activity.logged": contract(
        "activity_id",
        "activity_type",
        deal_id="text",
        user_id="text",
        due_at="timestamp",
        completed_at="timestamp",
        subject_line="text",
    ),
    "crm.account.upserted": contract(
        "account_id",
        "name",
        kind=("university", "corporation", "ngo", "brand", "agency", "other"),
        size="integer",
        industry="text",
        country="text",
        icp_fit_score="integer",
    ),
    "crm.lead.created": Contract(
        (
            Field("lead_id", required=True),
            Field(
                "lead_source",
                required=True,
                choices=("organic", "referral", "event", "content", "paid", "partnership", "other"),
            ),
            Field("utm_source"),
        )
    ),
    "crm.lead.converted": contract("lead_id", account_id="text", deal_id="text"),
    "crm.brief.submitted": contract("deal_id"),
    "media.mediaplan.ready": contract("deal_id"),
    "crm.offer.approved": contract("deal_id"),
    "docflow.contract.signed": contract("deal_id"),
    "app.feature.used": contract("user_id", "feature", is_key="boolean", quantity="number"),
}


@dataclass(frozen=True)
class Outcome:
    """Both tables as dictionaries, and the counts."""

    events: list[dict[str, Any]]
    unmapped: list[dict[str, Any]]
    result: MappingResult

    def data(self) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events]


def rows(con: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    cursor = con.execute(f"select * from {table} order by row_number")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def outcome_of(mapping: Mapping, files: dict[str, Path]) -> Outcome:
    con = duckdb.connect()
    result = mapping.read(con, files, "incoming")
    events = rows(con, "incoming")
    for event in events:
        event["data"] = json.loads(event["data"])
    return Outcome(events, rows(con, "incoming_unmapped"), result)


@pytest.fixture
def load() -> Callable[[str], Mapping]:
    """A mapping from its text."""
    return lambda text: Mapping(text, "test.toml", CATALOGUE)


@pytest.fixture
def mapped(tmp_path: Path, load: Callable[[str], Mapping]) -> Callable[..., Outcome]:
    """Write the files, map the folder with the mapping, and return what came out."""

    def run(text: str, /, **files: str | bytes) -> Outcome:
        mapping = load(text)
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".")
            plain = content.encode() if isinstance(content, str) else content
            path.write_bytes(gzip.compress(plain) if path.suffix == ".gz" else plain)
        return outcome_of(mapping, mapping.files(tmp_path))

    return run


@pytest.fixture
def deals(mapped: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Map one file deals.csv to crm.deal.created; `data` is the TOML of further fields."""

    def run(
        content: str | bytes, data: str = "", *, top: str = "", block: str = "", time: str = "2024-01-01"
    ) -> Outcome:
        text = f"""
name = "deals"
[[input]]
name = "deals"
files = "deals.csv"
{top}
[[event]]
name = "created"
type = "crm.deal.created"
source = "crm"
id = "deal-{{id}}"
time = {time}
{block}
[event.data]
deal_id = {{ column = "id" }}
{data}
"""
        return mapped(text, deals__csv=content)

    return run
