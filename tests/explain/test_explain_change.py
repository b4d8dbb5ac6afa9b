"""Why a number changed: hand-made events, two publications, dates in between; the warehouse is left untouched."""

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.part import copy_project
from warehouse.cli.app import app, load_commands
from warehouse.errors import DealhouseError, UsageError
from warehouse.explain import ExplainedRow, Explanation, explain_change
from warehouse.pipeline import run
from warehouse.publish import versions
from warehouse.settings import PROJECT_DIR, Settings


def event(number: int, kind: str, time: str, source: str = "crm", **data: Any) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": f"e{number}", "source": source, "tenantid": "t"}
    return {**head, "type": kind, "time": f"2026-{time}:00Z", "data": data}


# Received on 1 April. d1 is won in March for 100; d2 is open; d3, in EUR, is won at 1.1. The last event is of 31 March.
FIRST = [
    event(1, "finance.fx_rate.published", "03-01T00:00", "finance", date="2026-03-01", currency="EUR", rate=1.1),
    event(2, "crm.deal.created", "03-01T08:00", deal_id="d1", amount=100, currency="USD", account_id="a1"),
    event(3, "crm.deal.won", "03-11T08:00", deal_id="d1"),
    event(4, "crm.deal.created", "03-02T08:00", deal_id="d2", amount=500, currency="USD", stage="lead",
          expected_close_date="2026-03-16"),
    event(5, "crm.deal.created", "03-01T08:00", deal_id="d3", amount=200, currency="EUR"),
    event(6, "crm.deal.won", "03-21T08:00", deal_id="d3"),
    event(7, "crm.lead.created", "03-03T08:00", lead_id="l1", lead_source="paid", email="ann@example.com",
          first_name="Ann", last_name="Lee"),
    event(8, "app.login", "03-31T12:00", "app", user_id="u"),
]  # fmt: skip
# Received on 8 April: a correction of d1 that happened in March, the rate of 20 March, and what happened since.
SECOND = [
    event(9, "crm.deal.updated", "03-11T07:00", deal_id="d1", amount=160, currency="USD"),
    event(10, "finance.fx_rate.published", "03-20T00:00", "finance", date="2026-03-20", currency="EUR", rate=1.2),
    event(11, "crm.lead.updated", "03-30T08:00", lead_id="l1", city="Kyiv", last_name="Lee-Wood"),
    event(12, "crm.deal.won", "04-02T08:00", deal_id="d2", amount=480),
    event(13, "app.login", "04-05T12:00", "app", user_id="u"),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with two publications, one a week after the other."""
    folder = tmp_path_factory.mktemp("explained")
    copy_project(folder / "project", ("fact_lead", "alert_deal", "pipeline_flow"))
    settings = Settings(
        home=folder / "home", project_dir=folder / "project", reporting_currency="USD", stage_rule_set="adtech"
    )
    for number, (events, received_at) in enumerate([(FIRST, datetime(2026, 4, 1)), (SECOND, datetime(2026, 4, 8))]):
        path = folder / f"part-{number}.ndjson"
        path.write_text("".join(json.dumps(line) + "\n" for line in events))
        run(settings, [path], received_at=received_at.replace(tzinfo=UTC))
    return settings


def digests(settings: Settings) -> dict[str, str]:
    """Of every file that people and the next run rely on; nobody has one open."""
    home = settings.layout()
    paths = [home.warehouse, *home.landing.rglob("*"), *home.published.iterdir()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


def first_version(settings: Settings) -> str:
    return versions(settings.layout())[0].version


def by_key(explanation: Explanation, **key: Any) -> ExplainedRow:
    (row,) = [row for row in explanation.rows if key.items() <= row.change.key.items()]
    return row


def told(row: ExplainedRow) -> list[tuple[str, str, str]]:
    """Id of each event behind a row, who has seen it, and why the other has not."""
    behind = [event for one in row.cause.upstream for event in one.events]
    return [(event.event_id, event.seen_by, event.why) for event in [*row.cause.events, *behind]]


def values(row: ExplainedRow, column: str) -> tuple[Any, Any]:
    before, after = row.change.before or {}, row.change.after or {}
    return before.get(column), after.get(column)


def test_two_publications_differ_in_what_came_between_them(settings: Settings) -> None:
    before = digests(settings)
    explanation = explain_change(settings, "fact_deal", "previous", "current")
    assert explanation.counts == {"changed": 3}
    corrected = by_key(explanation, deal_id="d1")
    assert values(corrected, "amount_base") == (100, 160)
    assert told(corrected) == [("e9", "second", "arrived later")]
    won = by_key(explanation, deal_id="d2")
    assert values(won, "status") == ("open", "won")
    assert told(won) == [("e12", "second", "happened later")]
    # Nothing was said of d3 itself: it is the rate of its currency.
    converted = by_key(explanation, deal_id="d3")
    assert converted.change.columns == ("amount_base",)
    assert values(converted, "amount_base") == (pytest.approx(220), pytest.approx(240))
    assert told(converted) == [("e10", "second", "arrived later")]
    assert digests(settings) == before
    assert not list(settings.layout().root.glob("explain-*"))


@pytest.mark.slow
def test_as_reported_beside_as_restated(settings: Settings) -> None:
    """March as it was reported is 100 + 220 won; restated it is 160 + 240, and April does not exist yet."""
    before = digests(settings)
    explanation = explain_change(settings, "marts.pipeline_flow", first_version(settings), "restated")
    march = by_key(explanation, period_kind="month", dimension="total", period_start_date=date(2026, 3, 1))
    assert values(march, "won_base") == (pytest.approx(320), pytest.approx(400))
    assert {one.change.key["deal_id"] for one in march.cause.upstream} == {"d1", "d3"}
    assert set(told(march)) == {("e10", "second", "arrived later"), ("e9", "second", "arrived later")}
    assert max(row.change.key["period_start_date"] for row in explanation.rows) == date(2026, 3, 16)
    assert digests(settings) == before
    assert not list(settings.layout().root.glob("explain-*"))


def test_two_dates_and_what_time_alone_does(settings: Settings) -> None:
    """On 31 March d2 has been slipping for a day, though nothing was said of it since the 2nd."""
    explanation = explain_change(settings, "fact_deal", "2026-03-30", "2026-03-31")
    (row,) = explanation.rows
    assert row.change.key["deal_id"] == "d2"
    assert row.change.columns == ("is_slipping",)
    assert told(row) == []
    assert "time that passed" in row.note


@pytest.mark.slow
def test_one_date_as_it_was_known_on_two_days(settings: Settings) -> None:
    explanation = explain_change(settings, "alert_deal", "2026-03-31@2026-04-02", "2026-03-31@2026-04-09")
    assert explanation.total == 0
    explanation = explain_change(settings, "fact_lead", "2026-03-31@2026-04-02", "2026-03-31@2026-04-09")
    row = by_key(explanation, lead_id="l1")
    assert values(row, "city") == (None, "Kyiv")
    assert told(row) == [("e11", "second", "arrived later")]
    assert row.cause.events[0].fields == {"lead_id": "l1", "city": "Kyiv"}


def dealhouse(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    load_commands()
    monkeypatch.setenv("DEALHOUSE_HOME", str(settings.home))
    result = CliRunner().invoke(app, ["explain-change", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


BETWEEN = ("--between", "previous", "current")


def test_the_command_tells_rows_and_events_and_names_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = dealhouse(settings, monkeypatch, "fact_deal", *BETWEEN)
    assert "Rows that differ: 3 (3 changed)." in text
    assert "amount_base: 100.0 → 160.0" in text
    assert "because: crm.deal.updated of 2026-03-11 07:00:00 arrived later: deal_id=d1, amount=160" in text
    lead = dealhouse(settings, monkeypatch, "fact_lead", *BETWEEN)
    assert "Kyiv" in lead
    assert "Lee" not in lead


@pytest.mark.slow
def test_other_formats_tell_the_same(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    told_json = json.loads(dealhouse(settings, monkeypatch, "fact_deal", *BETWEEN, "--format", "json"))
    assert told_json["differing_rows"] == {"appeared": 0, "disappeared": 0, "changed": 3}
    assert told_json["rows"][0]["values"]["amount"] == {"first": 100.0, "second": 160.0}
    rows = list(csv.DictReader(io.StringIO(dealhouse(settings, monkeypatch, "fact_deal", *BETWEEN, "--format", "csv"))))
    assert ("d3", "amount_base", "finance:e10") in {(row["deal_id"], row["column"], row["events"]) for row in rows}


@pytest.mark.parametrize(
    ("table", "before", "after", "words"),
    [
        ("fact_deals", "previous", "current", "perhaps you mean fact_deal"),
        ("stg_deal_event", "previous", "current", "no table stg_deal_event that is published"),
        ("fact_deal", "yesterday", "current", "neither a published version nor an instant"),
        ("fact_deal", "2026-03-31@soon", "current", "neither a published version nor an instant"),
        ("fact_deal", "current", "current", "Both sides are the same"),
        ("fact_deal", "restated", "current", "can only be the second"),
    ],
)
def test_what_cannot_be_compared_is_said(settings: Settings, table: str, before: str, after: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        explain_change(settings, table, before, after)
    assert not list(settings.layout().root.glob("explain-*"))


def test_nothing_to_explain(tmp_path: Path) -> None:
    with pytest.raises(DealhouseError, match="nothing has been taken in"):
        explain_change(Settings(home=tmp_path, project_dir=PROJECT_DIR), "kpi", "2026-01-01", "2026-02-01")
