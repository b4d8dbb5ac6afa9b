"""The read API: rows of what is published, for the tenant of the client and no other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
import yaml

from tests.serve.running import Running, running
from warehouse.settings import PROJECT_DIR

TABLES = (
    "marts.funnel_b2c", "marts.funnel_b2b", "marts.cohort_retention", "marts.cohort_revenue",
    "marts.attribution_channel", "scores.health_score", "scores.lead_score", "scores.deal_win", "facts.fact_deal",
    "facts.fact_deal_stage",
)  # fmt: skip
VALUES = {
    "string": "x", "bigint": 1, "integer": 1, "double": 0.5, "boolean": True, "date": "2026-01-01",
    "timestamp": "2026-01-01 09:00:00",
}  # fmt: skip
FIXED = {
    "order_rule": "open", "dimension": "total", "risk_level": "red", "model": "linear", "step": "lead",
    "factors": '[{"name": "visits", "points": 3}]', "lead_id": "l1", "deal_id": "d1", "customer_id": "user:u1",
}  # fmt: skip
PATHS = [
    "/crm/metrics/funnel", "/crm/metrics/funnel?funnel=b2b", "/crm/metrics/cohorts",
    "/crm/metrics/cohorts?measure=revenue",
    "/crm/metrics/attribution", "/crm/metrics/health", "/crm/leads/l1/score", "/crm/deals/d1",
]  # fmt: skip


def publish(home: Path, version: str, tenants: tuple[str, ...]) -> None:
    """A published file whose tables have the columns that the models declare, and a row for each tenant."""
    folder = home / "published"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(folder / f"{version}.duckdb")) as con:
        for schema in {table.partition(".")[0] for table in TABLES}:
            con.execute(f"create schema {schema}")
        for table in TABLES:
            schema, _, name = table.partition(".")
            text = (PROJECT_DIR / "models" / schema / f"{name}.yml").read_text()
            columns = yaml.safe_load(text)["models"][0]["columns"]
            declared = ", ".join(f"{one['name']} {one['data_type'].replace('string', 'varchar')}" for one in columns)
            con.execute(f"create table {table} ({declared})")
            for tenant in tenants:
                row = [
                    tenant if one["name"] == "tenant_id" else FIXED.get(one["name"], VALUES[one["data_type"]])
                    for one in columns
                ]
                con.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)
    pointer = folder / "current.duckdb"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(f"{version}.duckdb")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("read")
    publish(folder / "home", "20260101T000000Z-000001", ("acme", "other", "third"))
    with running(folder, clients=True) as server:
        yield server


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return answer.get("rows") or [answer]


@pytest.mark.parametrize("path", PATHS)
def test_a_client_reads_its_own_tenant(server: Running, path: str) -> None:
    with server.client("crm") as client:
        response = client.get(path)
        assert response.status_code == 200, response.text
        assert response.json()["version"] == "20260101T000000Z-000001"
        assert {row["tenant_id"] for row in rows(response.json())} == {"acme"}
        assert len(rows(response.json())) == 1
        foreign = client.get(path, params=dict(httpx.URL(path).params) | {"tenant": "other"})
        assert (foreign.status_code, foreign.json()["reason"]) == (403, "wrong_tenant")
    with server.client() as client:
        assert client.get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_a_client_of_several_tenants_names_one(server: Running, path: str) -> None:
    with server.client("reader") as client:
        unnamed = client.get(path)
        assert (unnamed.status_code, unnamed.json()["reason"]) == (400, "tenant_needed")
        for tenant in ("acme", "other"):
            response = client.get(path, params=dict(httpx.URL(path).params) | {"tenant": tenant})
            assert {row["tenant_id"] for row in rows(response.json())} == {tenant}
        third = client.get(path, params=dict(httpx.URL(path).params) | {"tenant": "third"})
        assert third.status_code == 403


def test_rows_are_as_they_are_published(server: Running) -> None:
    with server.client("crm") as client:
        deal = client.get("/crm/deals/d1").json()
        assert deal["created_at"] == "2026-01-01T09:00:00Z"
        assert deal["expected_close_date"] == "2026-01-01"
        assert [stage["visit_number"] for stage in deal["stages"]] == [1]
        assert deal["win"]["factors"] == [{"name": "visits", "points": 3}]
        missing = client.get("/crm/deals/d2")
        assert (missing.status_code, missing.json()["reason"]) == (404, "not_found")
        assert client.get("/crm/metrics/funnel?from=2026-02-01").json()["rows"] == []
        assert client.get("/crm/metrics/funnel?dimension=plan").json()["rows"] == []
        assert client.get("/crm/metrics/health?level=green").json()["rows"] == []
        wrong = client.get("/crm/metrics/funnel?limit=0")
        assert (wrong.status_code, wrong.json()["reason"]) == (422, "invalid_parameter")


@pytest.mark.parametrize(
    "value", ["' or 1=1 --", "x' union select * from facts.fact_deal --", "%", "*", "d1\x00", "🙂"]
)
def test_what_a_user_types_is_a_value(server: Running, value: str) -> None:
    with server.client("crm") as client:
        for path, name in [("/crm/metrics/funnel", "dimension"), ("/crm/metrics/attribution", "model")]:
            assert client.get(path, params={name: value}).json()["rows"] == []
        assert client.get("/crm/deals/" + json.dumps(value)).status_code == 404


def test_the_next_version_is_read_when_there_is_one(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        nothing = client.get("/crm/metrics/health")
        assert (nothing.status_code, nothing.json()["reason"]) == (404, "not_published")
        for number in (1, 2):
            version = f"20260101T000000Z-00000{number}"
            publish(tmp_path / "home", version, ("default",))
            assert client.get("/crm/metrics/health").json()["version"] == version
            assert len(client.get("/crm/metrics/health").json()["rows"]) == 1


def test_a_version_from_before_a_column_does_not_hold_it(tmp_path: Path) -> None:
    version = "20260101T000000Z-000001"
    publish(tmp_path / "home", version, ("default",))
    with duckdb.connect(str(tmp_path / "home" / "published" / f"{version}.duckdb")) as con:
        con.execute("alter table scores.health_score drop column is_latest")
    with running(tmp_path) as server, server.client() as client:
        older = client.get("/crm/metrics/health")
        assert (older.status_code, older.json()["reason"]) == (404, "not_published")
