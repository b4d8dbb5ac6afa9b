"""The PostgreSQL destination against a real server: what arrives, stays, is refused, and is not done twice."""

import json

import psycopg
import pytest

from tests.postgres import TABLES
from tests.writeback.world import World
from warehouse.erasure.tombstones import keyring
from warehouse.lock import writer_lock
from warehouse.writeback.destination import Acknowledged
from warehouse.writeback.destinations import postgres
from warehouse.writeback.destinations.postgres import Postgres, PostgresSettings
from warehouse.writeback.sync import sync

Crm = psycopg.Connection[tuple[object, ...]]
AUDIT = """
create table audit (n bigserial, id text, score int, metadata jsonb);
create function audit_lead() returns trigger language plpgsql as $$ begin
insert into audit (id, score, metadata) values (new.id, new.score, new.metadata); return new; end $$;
create trigger audit after update on lead for each row execute function audit_lead()
"""


def leads_of(crm: Crm, count: int) -> None:
    crm.execute(
        "insert into lead (id, email, job_title, metadata) select 'l' || i, i || '@example.org', 'x', "
        "case when i %% 2 = 0 then '{\"mine\": 1}'::jsonb end from generate_series(0, %s) as i",
        [count - 1],
    )


def test_fields_arrive_and_a_second_sync_sends_nothing(world: World, crm: Crm, destination: Postgres) -> None:
    """Of 1,200 leads in three batches, all get their score; what is the CRM's own stays; then all is in sync."""
    leads_of(crm, 1200)
    crm.execute(AUDIT)
    world.leads(1200)
    (result,) = sync(world.settings, is_first=True, destinations=[destination])
    assert result.problem == ""
    assert result.counts == {"acknowledged": 1200}
    rows = crm.execute("select id, score, metadata, email, job_title, updated_at from lead").fetchall()
    for key, score, metadata, email, title, updated_at in rows:
        number = int(str(key)[1:])
        assert (score, email, title, updated_at) == (number % 101, f"{number}@example.org", "x", None)
        assert isinstance(metadata, dict)
        assert metadata["dealhouse"]["tier"] == ("hot" if number % 3 == 0 else "cold")
        assert metadata["dealhouse"]["probability"] == number % 100 / 100
        assert metadata["dealhouse"]["factors"] == [{"factor": "a, b"}]
        assert metadata.get("mine") == (1 if number % 2 == 0 else None)
    (again,) = sync(world.settings, destinations=[destination])
    assert not again.counts
    assert crm.execute("select count(*) from audit").fetchone() == (1200,)
    assert world.run("select count(*) from sync.sync_lead") == [(0,)]


def test_state_is_the_destinations_when_home_is_lost(world: World, crm: Crm, destination: Postgres) -> None:
    leads_of(crm, 20)
    world.leads(20)
    sync(world.settings, is_first=True, destinations=[destination])
    world.home.outbox.rename(world.home.root / "lost")
    (again,) = sync(world.settings, destinations=[destination])
    assert (again.problem, again.counts) == ("", {})


def test_a_poison_row_costs_ten_requests_and_the_others_land(
    world: World, crm: Crm, destination: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constraint of the CRM refuses one of 500 rows, in its own words; it is not sent again until retried."""
    leads_of(crm, 500)
    crm.execute("alter table lead add constraint no_hot_l123 check (id <> 'l123' or score is null or score = 7)")
    world.leads(500)
    requests = []
    write = Postgres._write
    monkeypatch.setattr(Postgres, "_write", lambda *given: (requests.append(given[3].num_rows), write(*given))[1])
    (result,) = sync(world.settings, is_first=True, destinations=[destination])
    assert result.counts == {"acknowledged": 499, "rejected": 1}
    assert len(requests) <= 11
    ((object_name, key, outcome),) = result.answers
    assert (object_name, key, outcome.code, outcome.field) == ("lead", "l123", "23514", "no_hot_l123")
    assert outcome.message == "new row for relation `lead` violates check constraint `no_hot_l123`"
    assert crm.execute("select count(*) from lead where score is null").fetchone() == (1,)
    (again,) = sync(world.settings, destinations=[destination])
    assert not again.counts
    (retried,) = sync(world.settings, destinations=[destination], retry_dead=True)
    assert retried.counts == {"rejected": 1}
    crm.execute("alter table lead drop constraint no_hot_l123")
    (mended,) = sync(world.settings, destinations=[destination], retry_dead=True)
    assert mended.counts == {"acknowledged": 1}


def test_words_of_the_server_hold_no_value_of_a_row(world: World, crm: Crm, dsn: str) -> None:
    """The tier goes into a column of numbers by mistake; what the server quotes of it is cut, with quotes within."""
    leads_of(crm, 3)
    world.leads(3)
    world.run("update marts.lead_queue set tier = 'ann \"the one\" at home' where work_order = 1")
    wrong = PostgresSettings(objects=frozenset({"lead"}), owned={"lead": {"score": "tier"}})
    (result,) = sync(world.settings, is_first=True, destinations=[Postgres(wrong, dsn)])
    assert dict(result.counts) == {"rejected": 3}
    assert {(one.code, one.message) for *_, one in result.answers} == {
        ("22P02", 'invalid input syntax for type integer: "…"')
    }


def test_words_of_a_function_of_the_crm_are_not_passed_on(world: World, crm: Crm, dsn: str) -> None:
    """It puts a name into them without a quote; its number is told, and its constraint where it gives one."""
    leads_of(crm, 1)
    world.leads(1)
    crm.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin "
        "raise exception 'Lead % is nobody''s', 'Ann Example' using constraint = 'has_owner'; end $$"
    )
    crm.execute("create trigger refuse before update on lead for each row execute function refuse()")
    own = PostgresSettings(objects=frozenset({"lead"}))
    (result,) = sync(world.settings, is_first=True, destinations=[Postgres(own, dsn)])
    assert [(one.status, one.code, one.message) for *_, one in result.answers] == [
        ("rejected", "P0001", "refused by a function of the database: SQLSTATE P0001 of has_owner")
    ]


def test_an_edit_made_there_stays_and_is_told(world: World, crm: Crm, destination: Postgres) -> None:
    """A score that somebody has set, before the first sync or between two, is kept; all other leads follow."""
    leads_of(crm, 30)
    crm.execute("update lead set score = 99 where id = 'l7'")
    world.leads(30)
    (first,) = sync(world.settings, is_first=True, destinations=[destination])
    assert first.counts == {"acknowledged": 29, "kept": 1}
    crm.execute("update lead set score = 1 where id = 'l8'")
    world.leads(30, factor=3)
    (second,) = sync(world.settings, destinations=[destination], approved=_plans(world, destination))
    kept = {key for _, key, outcome in second.answers if outcome.status == "kept"}
    assert kept == {"l7", "l8"}
    assert dict(crm.execute("select id, score from lead where id in ('l7', 'l8', 'l9')").fetchall()) == {
        "l7": 99,
        "l8": 1,
        "l9": 27,
    }
    (third,) = sync(world.settings, destinations=[destination])
    assert not third.counts


def test_an_edit_between_reading_and_writing_stays(
    world: World, crm: Crm, destination: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 edits, each made after the plan was read and before it is written: none is lost."""
    leads_of(crm, 100)
    world.leads(100)
    sync(world.settings, is_first=True, destinations=[destination])
    write = Postgres._write

    def edited(*given: object) -> object:
        crm.execute("update lead set score = 100 - score where score <> 50")
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Postgres, "_write", edited)
    world.leads(100, factor=2)
    before = dict(crm.execute("select id, score from lead").fetchall())
    (result,) = sync(world.settings, destinations=[destination], approved=_plans(world, destination))
    after = dict(crm.execute("select id, score from lead").fetchall())
    untouched = [key for key, score in before.items() if score == 50]
    assert result.counts["kept"] == sum(key not in untouched for key in before) - 1  # l0 is 0 by both factors
    assert all(after[key] == 100 - int(str(score)) for key, score in before.items() if key not in untouched)


def test_rows_that_the_crm_does_not_have_are_refused(world: World, crm: Crm, destination: Postgres) -> None:
    leads_of(crm, 9)
    world.leads(10)
    (result,) = sync(world.settings, is_first=True, destinations=[destination])
    assert result.counts == {"acknowledged": 9, "rejected": 1}
    assert result.answers[0][2].code == "not_found"


def test_every_object_reaches_its_table(world: World, crm: Crm, dsn: str) -> None:
    """One row of each object, worked out by hand, and the second state of it."""
    crm.execute("insert into lead (id) values ('l0')")
    crm.execute("insert into deal (id, stage, probability) values ('d1', 'lead', 35)")
    everything = Postgres(PostgresSettings(), dsn)
    world.leads(1)
    world.fill(
        "marts.churn_list",
        [
            {"tenant_id": "default", "customer_id": "user:u1", "health_score": 40, "health_level": "red",
             "probability_90d": 0.61, "risk_level": "red", "recommended_action": "call"},
            {"tenant_id": "default", "customer_id": "account:a1", "health_score": 80, "health_level": "green",
             "probability_90d": None, "risk_level": "green", "recommended_action": "offer more"},
        ],
    )  # fmt: skip
    world.fill(
        "facts.fact_deal", [{"tenant_id": "default", "deal_id": "d1", "status": "open", "aggregated_stage": "briefed"}]
    )
    world.fill("scores.deal_win", [{"tenant_id": "default", "deal_id": "d1", "probability": 0.254}])
    pair = {"tenant_id": "default", "kind": "contact", "left_id": "a", "right_id": "b", "probability": 0.9}
    world.fill("marts.duplicate_candidate", [pair])
    (world.home.root / "segments").mkdir()
    (world.home.root / "segments" / "hot.toml").write_text(
        'table = "marts.lead_queue"\nsubject = "lead_id"\n[[where]]\ncolumn = "tier"\nis = "hot"\n'
    )
    (result,) = sync(world.settings, is_first=True, destinations=[everything])
    assert (result.problem, dict(result.counts)) == ("", {"acknowledged": 6})
    assert crm.execute("select probability, metadata -> 'dealhouse' from deal").fetchall() == [
        (
            35,
            {
                "deal_id": "d1",
                "win_probability": 0.25,
                "aggregated_stage": "briefed",
                "sla_status": None,
                "sla_due": None,
            },
        )
    ]
    healths = "select user_id, account_id, score, risk_level, factors ->> 'action' from healthscore"
    assert set(crm.execute(healths).fetchall()) == {
        ("u1", None, 40, "red", "call"),
        (None, "a1", 80, "green", "offer more"),
    }
    assert crm.execute("select segment_id, subject_type, subject_id from segment_member").fetchall() == [
        ("hot", "lead", "l0")
    ]
    assert crm.execute("select kind, left_id, right_id, probability from duplicate_proposal").fetchall() == [
        ("contact", "a", "b", 0.9)
    ]
    assert not sync(world.settings, destinations=[everything])[0].counts

    world.run("update marts.churn_list set health_score = 45 where customer_id = 'user:u1'")
    world.run("update marts.lead_queue set tier = 'cold'")
    world.fill("marts.duplicate_candidate", [])
    (result,) = sync(world.settings, destinations=[everything])
    assert dict(result.counts) == {"acknowledged": 4}  # health, lead, member removed, proposal taken back
    assert crm.execute("select score from healthscore where user_id = 'u1' order by computed_at").fetchall() == [
        (40,),
        (45,),
    ]
    assert crm.execute("select count(*) from segment_member").fetchone() == (0,)
    assert crm.execute("select count(*) from duplicate_proposal").fetchone() == (0,)
    assert not sync(world.settings, destinations=[everything])[0].counts


def test_the_destination_is_asked_while_runs_may_go_on(
    world: World, crm: Crm, destination: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else takes the writer lock while the database is asked what it holds."""
    leads_of(crm, 2)
    world.leads(2)
    answers = Postgres.acknowledged
    free = []

    def ask(self: Postgres, object_name: str) -> list[Acknowledged]:
        with writer_lock(world.home, "another run", 0):
            free.append(object_name)
        return list(answers(self, object_name))

    monkeypatch.setattr(Postgres, "acknowledged", ask)
    (result,) = sync(world.settings, is_first=True, destinations=[destination])
    assert (result.problem, result.counts, free) == ("", {"acknowledged": 2}, ["lead"])


def test_another_tenants_rows_do_not_go_there(world: World, crm: Crm, destination: Postgres) -> None:
    leads_of(crm, 5)
    world.leads(5, tenant="other")
    (result,) = sync(world.settings, is_first=True, destinations=[destination])
    assert not result.counts


def test_a_server_that_is_gone_is_told_and_mended(world: World, dsn: str) -> None:
    world.leads(3)
    gone = Postgres(PostgresSettings(objects=frozenset({"lead"})), dsn.replace("host=/", "host=/nowhere/"))
    (result,) = sync(world.settings, is_first=True, destinations=[gone])
    assert "nowhere" in result.problem
    assert not result.counts


def test_the_password_is_in_no_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEALHOUSE_POSTGRES_DSN", "host=/nowhere user=crm password=open-sesame")
    (one,) = postgres.configured(world.settings)
    (result,) = sync(world.settings, is_first=True, destinations=[one])
    written = [path.read_bytes() for path in world.home.outbox.rglob("*") if path.is_file()]
    assert "sesame" not in result.problem + repr(one) + json.dumps(result.answers)
    assert not [content for content in written if b"sesame" in content]


def test_the_rights_that_are_documented_are_enough(world: World, crm: Crm, dsn: str) -> None:
    """All objects, and an erasure, by a user who has these rights alone."""
    grants = [line[3:] for line in TABLES.read_text().splitlines() if line.startswith("-- grant ")]
    crm.execute(f"create role dealhouse login; {' '.join(grants)}")
    try:
        leads_of(crm, 2)
        world.leads(2)
        customer = {"tenant_id": "default", "customer_id": "user:u1", "health_score": 40, "health_level": "red",
                    "risk_level": "red", "recommended_action": "call"}  # fmt: skip
        world.fill("marts.churn_list", [customer])
        pair = {"tenant_id": "default", "kind": "contact", "left_id": "a", "right_id": "b", "probability": 0.9}
        world.fill("marts.duplicate_candidate", [pair])
        own = Postgres(PostgresSettings(), dsn.replace("user=crm", "user=dealhouse"))
        (result,) = sync(world.settings, is_first=True, destinations=[own])
        assert (result.problem, dict(result.counts)) == ("", {"acknowledged": 4})
        ids = {"0": ["default", "lead", "l1"], "1": ["default", "user", "u1"]}
        notice = {"receipt": "r1", "erased_at": "2026-01-20T00:00:00+00:00", "ids": ids}
        keyring(world.home, world.settings).seal(world.home.erasure / "notices" / "r1.sealed", notice)
        for table in ("marts.churn_list", "marts.duplicate_candidate"):
            world.fill(table, [])
        world.leads(1)
        (result,) = sync(world.settings, destinations=[own])
        assert (result.problem, result.forgotten) == ("", 2)
        assert crm.execute("select count(*) from healthscore").fetchone() == (0,)
        assert crm.execute("select count(*) from duplicate_proposal").fetchone() == (0,)
    finally:
        crm.execute("drop owned by dealhouse; drop role dealhouse")


def _plans(world: World, destination: Postgres) -> list[str]:
    (dry,) = sync(world.settings, is_dry_run=True, destinations=[destination])
    return [plan.digest for plan in dry.plans]


def test_an_erased_person_keeps_none_of_our_fields_there(world: World, crm: Crm, destination: Postgres) -> None:
    """Of leads l1 and l2 only l1 was erased; the CRM's own data of both is its own."""
    leads_of(crm, 3)
    world.leads(3)
    sync(world.settings, is_first=True, destinations=[destination])
    notice = {"receipt": "r1", "erased_at": "2026-01-20T00:00:00+00:00", "ids": {"0": ["default", "lead", "l1"]}}
    keyring(world.home, world.settings).seal(world.home.erasure / "notices" / "r1.sealed", notice)
    world.run("delete from marts.lead_queue where lead_id = 'l1'")
    (result,) = sync(world.settings, destinations=[destination])
    assert (result.problem, result.forgotten) == ("", 1)
    rows = crm.execute("select id, score, metadata -> 'dealhouse' is null, email from lead order by id").fetchall()
    assert rows == [
        ("l0", 0, False, "0@example.org"),
        ("l1", None, True, "1@example.org"),
        ("l2", 2, False, "2@example.org"),
    ]
