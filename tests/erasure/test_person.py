"""Whom an id names: details of the person's own tenant alone, and what namesakes have too."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.erasure.people import event
from warehouse.erasure import person
from warehouse.errors import UsageError

ANNA = {"lead_id": "17", "lead_source": "paid", "first_name": "Anna", "last_name": "Price"}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A work file with the three tables that are asked."""
    with duckdb.connect() as con:
        con.execute("create schema raw")
        con.execute("create schema facts")
        con.execute("create table raw.events (tenant_id varchar, event_type varchar, data json)")
        con.execute("create table raw.rejected_events (raw_text varchar)")
        con.execute(
            "create table facts.fact_identity (tenant_id varchar, id_kind varchar, id_value varchar, person_id varchar)"
        )
        yield con


def accept(con: duckdb.DuckDBPyConnection, tenant: str, data: dict[str, Any]) -> None:
    con.execute("insert into raw.events values (?, 'crm.lead.created', ?)", [tenant, json.dumps(data)])
    key = [tenant, data["lead_id"], f"{tenant}/{data['lead_id']}"]
    con.execute("insert into facts.fact_identity values ($1, 'lead', $2, $3)", key)


def reject(con: duckdb.DuckDBPyConnection, tenant: str, data: dict[str, Any]) -> None:
    line = json.dumps(event(1, "crm.lead.created", data, tenantid=tenant))
    con.execute("insert into raw.rejected_events values (?)", [line])


def test_a_rejected_row_of_another_tenant_tells_nothing(con: duckdb.DuckDBPyConnection) -> None:
    accept(con, "t1", ANNA)
    reject(con, "t1", {"lead_id": "17", "email": "anna@x.example"})
    reject(con, "t2", {"lead_id": "17", "email": "somebody.else@x.example"})
    found = person.find(con, "lead", "17", None)
    assert found is not None
    assert (found.tenant_id, found.emails) == ("t1", ["anna@x.example"])


def test_who_was_only_rejected_is_of_the_tenant_that_sent_it(con: duckdb.DuckDBPyConnection) -> None:
    reject(con, "t2", {"lead_id": "17", "email": "bo@x.example"})
    found = person.find(con, "lead", "17", None)
    assert found is not None
    assert (found.tenant_id, found.emails) == ("t2", ["bo@x.example"])
    assert person.find(con, "lead", "17", "t1") is None
    # 7 stands in the text, and is no id there.
    assert person.find(con, "lead", "7", None) is None
    reject(con, "t3", {"lead_id": "17"})
    with pytest.raises(UsageError, match="several tenants"):
        person.find(con, "lead", "17", None)


@pytest.mark.parametrize(
    ("kind", "value", "tenant"),
    [("lead", "lead-123", "t1"), ("lead", "lead-12", None), ("contact", "lead-123", None)],
)
def test_a_rejected_row_that_can_be_read_names_only_what_it_says(
    con: duckdb.DuckDBPyConnection, kind: str, value: str, tenant: str | None
) -> None:
    """Of another tenant, a longer id, another kind: none of them is the person who is asked for."""
    reject(con, "t2", {"lead_id": "lead-123", "email": "bo@x.example"})
    assert person.find(con, kind, value, tenant) is None
    found = person.find(con, "lead", "lead-123", None)
    assert found is not None
    assert (found.tenant_id, found.emails) == ("t2", ["bo@x.example"])


def test_a_rejected_line_that_cannot_be_read_is_of_whoever_is_named_there(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""insert into raw.rejected_events values ('{"data": {"lead_id": "lead-123",')""")
    found = person.find(con, "lead", "lead-123", "t1")
    assert found is not None
    assert (found.tenant_id, found.id_pairs) == ("t1", [("lead", "lead-123")])
    assert person.find(con, "lead", "lead-12", "t1") is None


def test_the_full_name_of_a_namesake_is_shared(con: duckdb.DuckDBPyConnection) -> None:
    accept(con, "t1", ANNA)
    accept(con, "t1", {**ANNA, "lead_id": "18", "first_name": "Bo"})
    alone = person.find(con, "lead", "17", None)
    assert alone is not None
    assert sorted(alone.shared) == ["Price"]
    accept(con, "t1", {**ANNA, "lead_id": "19"})
    both = person.find(con, "lead", "17", None)
    assert both is not None
    assert {"Anna Price", "Price Anna", "Price, Anna"} <= set(both.shared)
