"""Rows of the ecosystem CRM's tables become events; the answers are worked out by hand."""

import json
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from warehouse.ingest import replay
from warehouse.pipeline import take_in
from warehouse.settings import Settings
from warehouse.sources.postgres.tables import events_of
from warehouse.store import open_store

A, C, L, D, R = (f"00000000-0000-0000-0000-00000000000{number}" for number in range(1, 6))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    path = settings.layout().root / "sources" / "crm.toml"
    path.write_text('dsn_env = "CRM_DSN"\n[tables]\nlag_seconds = 3600\ntenant = "acme"\n')
    return settings


def events(settings: Settings) -> list[tuple[Any, ...]]:
    with open_store(settings.layout(), settings) as con:
        rows = con.execute(
            "select event_type, cast(occurred_at as varchar), cast(data as varchar) from raw.events "
            "where tenant_id = 'acme' and source = 'crm' order by event_type, occurred_at, event_id"
        ).fetchall()
        assert con.execute("select count(*) from raw.rejected_events").fetchone() == (0,)
    return [(kind, at, json.loads(data)) for kind, at, data in rows]


def fill(dsn: str) -> None:
    with psycopg.connect(dsn) as con:
        con.execute(
            "insert into account values (%s, 'Harbour', 'museum', 'retail', '50-200', 'https://www.harbour.example/x', "
            "null, '2026-01-01', '2026-01-02 10:00')",
            [A],
        )
        con.execute(
            "insert into contact values (%s, null, %s, 'Ann', 'Lee', 'ann@example.com', null, 'champion', 'prospect', "
            "'2026-01-01', '2026-01-01')",
            [C, A],
        )
        con.execute(
            "insert into lead (id, email, source, status, created_at, updated_at) "
            "values (%s, 'ann@example.com', 'billboard', 'qualified', '2026-01-01', '2026-01-03')",
            [L],
        )
        con.execute(
            "insert into deal (id, account_id, contact_id, title, amount, stage, probability, expected_close_date, "
            "created_at, updated_at) "
            "values (%s, %s, %s, 'Fleet', 1234.50, 'proposal', 40, '2026-03-01', '2026-01-04', '2026-01-05')",
            [D, A, C],
        )


def test_rows_become_events(settings: Settings, dsn: str) -> None:
    fill(dsn)
    assert [batch.file for batch in take_in(settings)] == ["crm.account", "crm.contact", "crm.lead", "crm.deal"]
    deal = {"deal_id": D}
    assert events(settings) == [
        (
            "crm.account.upserted", "2026-01-02 10:00:00",
            {"account_id": A, "name": "Harbour", "kind": "other", "domain": "harbour.example", "industry": "retail"},
        ),
        (
            "crm.contact.upserted", "2026-01-01 00:00:00",
            {"contact_id": C, "account_id": A, "first_name": "Ann", "last_name": "Lee", "email": "ann@example.com",
             "role": "champion", "lifecycle_stage": "prospect"},
        ),
        ("crm.deal.created", "2026-01-04 00:00:00", {**deal, "pipeline": "b2b"}),
        ("crm.deal.created", "2026-01-05 00:00:00", {**deal, "pipeline": "b2b", "account_id": A, "contact_id": C}),
        ("crm.deal.stage_changed", "2026-01-05 00:00:00", {**deal, "to_stage": "proposal"}),
        (
            "crm.deal.updated", "2026-01-05 00:00:00",
            {**deal, "amount": "1234.50", "currency": "USD", "expected_close_date": "2026-03-01", "probability": 0.4,
             "title": "Fleet"},
        ),
        ("crm.lead.created", "2026-01-01 00:00:00", {"lead_id": L, "lead_source": "other"}),
        ("crm.lead.qualified", "2026-01-03 00:00:00", {"lead_id": L}),
        (
            "crm.lead.updated", "2026-01-03 00:00:00",
            {"lead_id": L, "lead_source": "other", "email": "ann@example.com"},
        ),
    ]  # fmt: skip


def test_what_changed_comes_and_what_did_not_does_not(settings: Settings, dsn: str) -> None:
    fill(dsn)
    take_in(settings)
    assert take_in(settings) == []
    with psycopg.connect(dsn) as con:
        con.execute(
            "update deal set stage = 'closed_won', actual_close_date = '2026-02-01', updated_at = '2026-02-02 08:00' "
            "where id = %s",
            [D],
        )
    (batch,) = take_in(settings)
    # The creation has been there: the other links, the update and the win are new.
    assert (batch.file, batch.accepted, batch.duplicate, batch.rejected) == ("crm.deal", 3, 1, 0)
    assert ("crm.deal.won", "2026-02-01 23:59:59", {"deal_id": D}) in events(settings)
    assert take_in(settings) == []


def test_what_commits_late_is_found_within_the_lag(settings: Settings, dsn: str) -> None:
    fill(dsn)
    insert = "insert into account (id, name, created_at, updated_at) values (%s, %s, %s, %s)"
    with psycopg.connect(dsn) as late:
        late.execute(insert, [R, "Late", datetime(2026, 1, 2, 9, 30), datetime(2026, 1, 2, 9, 30)])
        take_in(settings)
        late.commit()
    (batch,) = take_in(settings)
    assert (batch.accepted, batch.duplicate) == (1, 0)
    assert take_in(settings) == []


def test_a_clock_that_is_ahead_hides_nothing(settings: Settings, dsn: str) -> None:
    """One row claims to have changed next year; what is written now is still seen, and the row comes once."""
    insert = "insert into account (id, name, created_at, updated_at) values (%s, %s, %s, %s)"
    with psycopg.connect(dsn, autocommit=True) as con:
        (now,) = con.execute("select cast(now() at time zone 'UTC' as timestamp)").fetchone() or (None,)
        con.execute(insert, [A, "Ahead", now, now + timedelta(days=300)])
        (first,) = take_in(settings)
        # From the future, says ingestion.
        assert (first.accepted, first.rejected) == (0, 1)
        con.execute(insert, [C, "Now", now, now])
        (second,) = take_in(settings)
        assert (second.accepted, second.rejected, second.duplicate) == (1, 0, 0)
    assert take_in(settings) == []


def test_a_row_as_nobody_thought_of_it_stops_nothing(settings: Settings, dsn: str) -> None:
    """What cannot be used of it is left out or ends up in quarantine; the other rows and sources come."""
    with psycopg.connect(dsn) as con:
        con.execute("alter table deal alter column probability type varchar")
    fill(dsn)
    with psycopg.connect(dsn) as con:
        account = "insert into account (id, name, website, size, created_at) values (%s, %s, %s, %s, '2026-01-01')"
        con.execute(account, [C, "Bracket", "http://[broken", "²"])
        con.execute(account, [R, "Whole", "whole.example", "12"])
        columns = "id, title, stage, probability, created_at, updated_at"
        deal = f"insert into deal ({columns}) values (%s, 'x', 'won', %s, %s, %s)"
        con.execute(deal, [R, "likely", "-infinity", "2026-01-06"])
        con.execute(deal, [C, "NaN", "0044-03-15 BC", "2026-01-06"])
    copy = settings.layout().root / "sources" / "second.toml"
    copy.write_text('dsn_env = "CRM_DSN"\n[tables]\ntenant = "second"\nsource = "second"\n')
    problems: list[str] = []
    take_in(settings, on_problem=problems.append)
    assert problems == []
    with open_store(settings.layout(), settings) as con:
        for tenant in ("acme", "second"):
            names = con.execute(
                "select data->>'name', data->>'domain', data->>'size' from raw.events "
                "where tenant_id = ? and event_type = 'crm.account.upserted' order by 1",
                [tenant],
            ).fetchall()
            assert names == [
                ("Bracket", None, None),
                ("Harbour", "harbour.example", None),
                ("Whole", "whole.example", "12"),
            ]
        # Of each of the two deals the creation and the update, for both tenants; the other events of theirs came.
        refused = con.execute("select event_type, count(*) from raw.rejected_events group by 1 order by 1").fetchall()
        assert refused == [("crm.deal.created", 4), ("crm.deal.updated", 4)]
        staged = con.execute("select count(*) from raw.events where event_type = 'crm.deal.stage_changed'").fetchone()
        assert staged == (6,)


def problem_beside_a_sound_source(settings: Settings, dsn: str, entity: str, spoil: str) -> str:
    """Read a source whose rows of an entity were spoilt, then the sound one, of which all comes; tell what is said."""
    fill(dsn)
    with psycopg.connect(dsn) as con:
        con.execute("create schema odd")
        con.execute(f"create table odd.{entity} as select *, 'x' as extra from {entity}")
        con.execute(spoil)
    (settings.layout().root / "sources" / "a_first.toml").write_text(
        f'dsn_env = "CRM_DSN"\n[tables]\nschema = "odd"\nread = ["{entity}"]\nsource = "first"\ntenant = "first"\n'
    )
    problems: list[str] = []
    take_in(settings, on_problem=problems.append)
    assert len(events(settings)) == 9
    (problem,) = problems
    assert "a_first.toml" in problem
    return problem


def test_a_time_that_is_none_stops_its_own_source_alone(settings: Settings, dsn: str) -> None:
    problem_beside_a_sound_source(settings, dsn, "account", "update odd.account set updated_at = '-infinity'")


@pytest.mark.parametrize("kind", ["date", "text"])
def test_a_time_of_last_change_that_is_no_instant_is_refused(settings: Settings, dsn: str, kind: str) -> None:
    """By the day alone, the second change of a day would be taken for the first."""
    columns = ", ".join(f"alter {name} type {kind}" for name in ("updated_at", "created_at"))
    problem = problem_beside_a_sound_source(settings, dsn, "account", f"alter table odd.account {columns}")
    assert '"odd"."account", columns updated_at and created_at' in problem
    assert f"is of type {kind}," in problem


def test_a_row_that_cannot_be_read_is_named(settings: Settings, dsn: str) -> None:
    """A number of more digits than are read; the other sources come, and once it is corrected the rest does."""
    problem = problem_beside_a_sound_source(settings, dsn, "deal", "update odd.deal set amount = 1e6000")
    assert f"The deal {D} cannot be read" in problem
    with psycopg.connect(dsn) as con:
        con.execute("update odd.deal set amount = 1")
    problems: list[str] = []
    assert [(batch.file, batch.accepted) for batch in take_in(settings, on_problem=problems.append)] == [
        ("a_first.deal", 4)
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("closed", "changed", "won"),
    [
        # The end of the day, whenever the row was changed; what is no day goes on, to be refused.
        ("2026-02-01", "2026-02-01 15:00", "2026-02-01T23:59:59Z"),
        ("2026-02-01", "2026-02-02 08:00", "2026-02-01T23:59:59Z"),
        ("2026-02-09", "2026-02-02 08:00", "2026-02-09T23:59:59Z"),
        ("infinity", "2026-02-02 08:00", "infinityT23:59:59"),
        (None, "2026-02-02 08:00", "2026-02-02T08:00:00Z"),
    ],
)
@pytest.mark.parametrize("stage", ["won", "lost"])
def test_a_deal_ends_after_what_happened_on_its_last_day(
    closed: str | None, changed: str, won: str, stage: str
) -> None:
    row = {"id": D, "stage": f"closed_{stage}", "actual_close_date": closed, "created_at": "2026-02-01T10:00:00"}
    made = events_of("deal", row, datetime.fromisoformat(changed))
    (ended,) = [one for one in made if one["type"] == f"crm.deal.{stage}"]
    (created,) = [one for one in made if one["id"].endswith(f"/created/{row['created_at']}Z")]
    assert ended["time"] == won
    assert created["time"] < ended["time"]


def wins(settings: Settings) -> list[tuple[Any, ...]]:
    with open_store(settings.layout(), settings) as con:
        return con.execute(
            "select event_id, cast(occurred_at as varchar) from raw.events where event_type = 'crm.deal.won'"
        ).fetchall()


def test_a_win_is_one_however_often_its_row_is_edited(settings: Settings, dsn: str) -> None:
    fill(dsn)
    change = "update deal set stage = 'closed_won', actual_close_date = '2026-02-01', title = %s, updated_at = %s"
    edits = [("on the day", "2026-02-01 15:00"), ("the day after", "2026-02-02 09:00"), ("later", "2026-02-20 09:00")]
    for title, at in edits:
        with psycopg.connect(dsn) as con:
            con.execute(change, [title, at])
        assert take_in(settings)[-1].rejected == 0
        assert wins(settings) == [(f"deal/{D}/won/2026-02-01T00:00:00Z", "2026-02-01 23:59:59")]


def test_a_win_that_is_dated_ahead_comes_once_its_day_has(settings: Settings, dsn: str) -> None:
    """Until then it is rejected and kept, and all else that the row says comes."""
    fill(dsn)
    with psycopg.connect(dsn) as con:
        (now,) = con.execute("select cast(now() at time zone 'UTC' as timestamp)").fetchone() or (None,)
        closed = now.date() + timedelta(days=9)
        con.execute("update deal set stage = 'closed_won', actual_close_date = %s, updated_at = %s", [closed, now])
    batch = take_in(settings)[-1]
    assert (batch.file, batch.accepted, batch.rejected) == ("crm.deal", 3, 1)
    home = settings.layout()
    with open_store(home, settings) as con:
        refused = con.execute("select event_type, reason from raw.rejected_events").fetchall()
        assert refused == [("crm.deal.won", "future_time")]
        assert replay(con, home, settings, now + timedelta(days=7)) is None
        assert replay(con, home, settings, now + timedelta(days=10)) is not None
    assert wins(settings) == [(f"deal/{D}/won/{closed}T00:00:00Z", f"{closed} 23:59:59")]


def test_a_win_of_no_day_is_refused_and_kept(settings: Settings, dsn: str) -> None:
    fill(dsn)
    with psycopg.connect(dsn) as con:
        con.execute("update deal set stage = 'closed_won', actual_close_date = 'infinity'")
    take_in(settings)
    assert wins(settings) == []
    with open_store(settings.layout(), settings) as con:
        refused = con.execute("select event_type, reason from raw.rejected_events").fetchall()
        assert refused == [("crm.deal.won", "invalid_attribute")]
