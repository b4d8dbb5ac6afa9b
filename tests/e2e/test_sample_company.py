"""The sample company through the command line: run, run again, look, go back in time, roll back; nobody is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.sample import write_company


def dealhouse(home: Path, *arguments: str, code: int = 0) -> str:
    environment = {**os.environ, "DEALHOUSE_HOME": str(home), "COLUMNS": "200"}
    done = subprocess.run(
        [str(Path(sys.executable).parent / "dealhouse"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def rows(home: Path, sql: str) -> list[dict[str, object]]:
    return json.loads(dealhouse(home, "query", sql, "--format", "json"))


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A small company in the inbox, its events, and the output of the first run."""
    home = tmp_path_factory.mktemp("e2e") / "home"
    summary = write_company(home / "inbox", days=60, accounts=20, seed=3)
    events = []
    for path in summary.files:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return home, summary, events, dealhouse(home, "run")


def test_everything_is_taken_in_and_the_planted_trouble_is_told(company):
    home, summary, _, output = company
    assert "Published" in output
    assert "sla_breach_rate" in output or "average_deal_size" in output
    assert not [path for path in (home / "inbox").iterdir() if path.is_file()]
    status = dealhouse(home, "status")
    assert f"{sum(summary.bad.values())}" in status
    assert "Landing is whole" in dealhouse(home, "verify")


def test_a_second_run_has_nothing_to_do(company):
    home, *_ = company
    before = rows(home, "select version from meta.publication")
    output = dealhouse(home, "run")
    assert "Nothing new" in output
    assert rows(home, "select version from meta.publication") == before


@pytest.mark.slow
def test_a_model_that_is_put_in_force_gives_the_scores_of_the_next_run(company):
    """Two months teach nothing of ninety days; a model that has seen no outcome makes room for the next."""
    home, *_ = company
    asked = "select distinct model_version, probability is null as is_unknown from scores.lead_score"
    assert rows(home, asked) == [{"model_version": None, "is_unknown": True}]
    assert "lead_90d-0001 (base, in force)" in dealhouse(home, "models", "train", "lead_90d")
    again = dealhouse(home, "models", "train", "lead_90d")
    assert "lead_90d-0002 (base, in force)" in again
    assert "lead_90d-0001 has never seen an outcome." in again
    assert "# lead_90d" in dealhouse(home, "models", "show", "lead_90d", "--version", "lead_90d-0002")
    dealhouse(home, "models", "rollback", "lead_90d")
    assert "Published" in dealhouse(home, "run")
    assert {row["model_version"] for row in rows(home, asked)} == {"lead_90d-0001"}
    assert "lead_90d-0002 is in force" in dealhouse(home, "models", "promote", "lead_90d", "lead_90d-0002")


def test_every_deal_of_the_log_is_in_fact_deal(company):
    home, _, events, _ = company
    deals = {
        (event.get("tenantid") or "default", event["data"]["deal_id"])
        for event in events
        if event.get("type") == "crm.deal.created"
        and isinstance(event.get("data"), dict)
        and "deal_id" in event["data"]
    }
    found = {(row["tenant_id"], row["deal_id"]) for row in rows(home, "select tenant_id, deal_id from facts.fact_deal")}
    assert deals <= found


def test_nobody_is_named_in_what_is_published(company):
    """Looks for every e-mail, phone and full name of the log in the bytes of the main file and in the logs (R18)."""
    home, _, events, output = company
    secrets = set()
    for event in events:
        data = event.get("data")
        if not isinstance(data, dict):
            continue
        for field in ("email", "phone"):
            if isinstance(data.get(field), str) and len(data[field]) > 6:
                secrets |= {data[field], data[field].lower()}
        if data.get("first_name") and data.get("last_name"):
            secrets.add(f"{data['first_name']} {data['last_name']}")
    assert len(secrets) > 100
    published = (home / "published" / "current.duckdb").resolve()
    contents = [published.read_bytes(), output.encode()]
    contents += [path.read_bytes() for path in (home / "dbt").glob("*.log")]
    contents += [path.read_bytes() for path in (home / "dagster").rglob("*") if path.is_file()]
    hits = [secret for secret in secrets for content in contents if secret.encode() in content]
    assert hits == []


def test_contact_details_are_in_a_file_of_their_own(company):
    home, *_ = company
    contacts = (home / "published" / "current-contacts.duckdb").resolve()
    assert contacts.exists()
    assert contacts.stat().st_mode & 0o077 == 0
    assert "contacts" not in {
        row["table_schema"] for row in rows(home, "select table_schema from information_schema.tables")
    }


@pytest.mark.slow
def test_a_past_instant_is_rebuilt_and_rolled_back(company):
    home, *_ = company
    now = rows(home, "select count(*) as deals from facts.fact_deal")[0]["deals"]
    dealhouse(home, "run", "--as-of", "2026-05-20T00:00:00Z")
    then = rows(home, "select count(*) as deals, max(created_at) as latest from facts.fact_deal")[0]
    assert 0 < then["deals"] < now
    assert str(then["latest"]) <= "2026-05-20 00:00:00"
    dealhouse(home, "rollback")
    assert rows(home, "select count(*) as deals from facts.fact_deal")[0]["deals"] == now


def test_wrong_usage_is_told_and_coded(company):
    home, *_ = company
    dealhouse(home, "run", "--as-of", "yesterday", code=2)
    dealhouse(home, "run", str(home / "nothing.csv"), code=2)
    table = home / "table.csv"
    table.write_text("a,b\n1,2\n")
    dealhouse(home, "run", str(table), code=2)
