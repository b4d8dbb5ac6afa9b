"""Alerts from the table to mailbox and receiver, by the sync itself: once when raised, and once when resolved."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.outbound.mailbox import Mailbox
from tests.outbound.receiver import Receiver
from tests.writeback.world import World
from warehouse.erasure.tombstones import keyring
from warehouse.writeback.destination import configured
from warehouse.writeback.sync import sync

SECRET = "whsec_" + base64.b64encode(bytes(range(40))).decode()
RAISED = datetime(2026, 1, 10, 9, 0)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    return World(tmp_path / "home")


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Receiver, Mailbox]]:
    """A receiver and a mailbox, set up as a user does: by the environment."""
    secrets = tmp_path / "secrets"
    secrets.write_text(SECRET + "\n")
    with Receiver(secrets=(SECRET,)) as receiver, Mailbox() as mailbox:
        for name, value in {
            "WEBHOOK_URL": receiver.url,
            "WEBHOOK_SECRETS_FILE": str(secrets),
            "WEBHOOK_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            "WEBHOOK_EVENT_TYPES": '["ops.alert.raised", "ops.alert.resolved"]',
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mailbox.port),
            "SMTP_SECURITY": "none",
            "SMTP_SENDER": "dealhouse@example.org",
            "SMTP_ALERT_RECIPIENTS": json.dumps({"*": ["ops@example.org"]}),
            "DASHBOARDS_URL": "https://bi.example.org",
        }.items():
            monkeypatch.setenv(f"DEALHOUSE_{name}", value)
        yield receiver, mailbox


def alert(number: int, resolved_at: datetime | None = None) -> dict[str, Any]:
    return {
        "tenant_id": "default",
        "alert_rule": "deal_slipping",
        "subject_type": "deal",
        "subject_id": f"d-{number}",
        "raised_at": RAISED,
        "resolved_at": resolved_at,
        "is_open": resolved_at is None,
        "severity": "warning",
    }


def counts(world: World, **options: Any) -> dict[str, dict[str, int]]:
    return {one.destination: dict(one.counts) for one in sync(world.settings, only=("smtp", "webhook"), **options)}


def test_an_alert_goes_out_once_when_it_is_raised_and_once_when_it_is_resolved(world, both) -> None:
    receiver, mailbox = both
    assert {"smtp", "webhook"} <= {one.name for one in configured(world.settings)}
    world.fill("marts.alert", [alert(1), alert(2)])
    assert counts(world, is_first=True) == {"smtp": {"acknowledged": 2}, "webhook": {"acknowledged": 2}}
    assert counts(world) == {"smtp": {}, "webhook": {}}
    world.fill("marts.alert", [alert(1), alert(2, datetime(2026, 1, 15))])
    assert counts(world) == {"smtp": {"acknowledged": 1}, "webhook": {"acknowledged": 1}}
    assert counts(world) == {"smtp": {}, "webhook": {}}
    assert [(each["type"], each["subject"]) for each in receiver.applied.values()] == [
        ("ops.alert.raised", "d-1"),
        ("ops.alert.raised", "d-2"),
        ("ops.alert.resolved", "d-2"),
    ]
    assert receiver.problems == []
    assert [message["Subject"] for _, message in mailbox.messages] == [
        "Alerts of default: 2 raised",
        "Alerts of default: 1 resolved",
    ]


def test_what_one_destination_failed_to_take_is_sent_to_it_alone_and_under_the_same_id(world, both) -> None:
    receiver, mailbox = both
    world.fill("marts.alert", [alert(1)])
    receiver.answer = (401, {}, b"who are you")
    first = counts(world, is_first=True)
    assert first == {"smtp": {"acknowledged": 1}, "webhook": {"failed": 1}}
    receiver.answer = None
    assert counts(world) == {"smtp": {}, "webhook": {"acknowledged": 1}}
    assert len(mailbox.messages) == 1
    assert len({attempt.headers["webhook-id"] for attempt in receiver.attempts}) == 1


def test_alerts_of_whom_nobody_is_told_wait_until_somebody_is(world, both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine of ten alerts are of such a tenant: more than the share of failures at which a destination is left alone."""
    _, mailbox = both
    monkeypatch.setenv("DEALHOUSE_SMTP_ALERT_RECIPIENTS", '{"default": ["ops@example.org"]}')
    world.fill("marts.alert", [alert(0), *(alert(number) | {"tenant_id": "other"} for number in range(1, 10))])
    (result,) = sync(world.settings, only=["smtp"], is_first=True)
    assert (result.problem, dict(result.counts), result.waiting) == ("", {"acknowledged": 1}, 0)
    monkeypatch.setenv("DEALHOUSE_SMTP_ALERT_RECIPIENTS", '{"*": ["ops@example.org"]}')
    (result,) = sync(world.settings, only=["smtp"])
    assert dict(result.counts) == {"acknowledged": 9}
    assert len(mailbox.messages) == 2


def test_the_secret_is_in_no_file_of_the_home(world, both, capfd) -> None:
    receiver, _ = both
    world.fill("marts.alert", [alert(1), alert(2)])
    receiver.answer = (422, {}, f"{SECRET} {receiver.url}".encode())
    results = sync(world.settings, only=["webhook"], is_first=True)
    assert [outcome.message for _, _, outcome in results[0].answers] == ["[hidden] [hidden]"] * 2
    # Ledgers are compressed, so that their bytes alone would prove nothing.
    ledgers = [str(path) for path in world.home.outbox.rglob("*.parquet")]
    told = duckdb.sql("select * from read_parquet($files, union_by_name = true)", params={"files": ledgers}).fetchall()
    assert "[hidden] [hidden]" in str(told)
    assert SECRET not in str(told)
    assert receiver.url not in str(told)
    for path in world.home.root.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err


def test_an_erasure_is_passed_on_until_it_is_taken_and_stands_nowhere(world, both) -> None:
    """Whatever types a receiver wants otherwise; the id stands sealed in the notice, and then in no file."""
    receiver, _ = both
    world.fill("marts.alert", [alert(1)])
    counts(world, is_first=True)
    notice = {"receipt": "r1", "erased_at": "2026-01-20T00:00:00+00:00", "ids": {"0": ["default", "lead", "l-gone-77"]}}
    path = world.home.erasure / "notices" / "r1.sealed"
    keyring(world.home, world.settings).seal(path, notice)
    receiver.answer = (503, {}, b"later")
    results = {one.destination: one for one in sync(world.settings)}
    assert results["webhook"].forgotten == 0
    assert "1 erasures were not taken" in results["webhook"].problem
    assert path.exists()
    receiver.answer = None
    assert {one.destination: one.forgotten for one in sync(world.settings)}["webhook"] == 1
    assert not path.exists()
    (told,) = [event for event in receiver.applied.values() if event["type"] == "identity.erased"]
    assert told["data"] == {"subject_type": "lead", "subject_id": "l-gone-77"}
    assert len({one.headers["webhook-id"] for one in receiver.attempts if "l-gone-77" in one.body}) == 1
    sync(world.settings)
    assert sum(event["type"] == "identity.erased" for event in receiver.applied.values()) == 1
    for file in world.home.root.rglob("*"):
        assert not file.is_file() or b"l-gone-77" not in file.read_bytes(), file
    ledgers = [str(file) for file in world.home.outbox.rglob("*.parquet")]
    assert "l-gone-77" not in str(
        duckdb.sql("from read_parquet($files, union_by_name = true)", params={"files": ledgers})
    )


def test_a_receiver_of_one_tenant_gets_nothing_of_another(world, both, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, _ = both
    monkeypatch.setenv("DEALHOUSE_WEBHOOK_TENANT", "default")
    world.fill("marts.alert", [alert(1), alert(2) | {"tenant_id": "other"}])
    sync(world.settings, is_first=True)
    ids = {"0": ["default", "lead", "l-1"], "1": ["other", "lead", "l-2"]}
    notice = {"receipt": "r1", "erased_at": "2026-01-20T00:00:00+00:00", "ids": ids}
    keyring(world.home, world.settings).seal(world.home.erasure / "notices" / "r1.sealed", notice)
    sync(world.settings)
    assert {event["tenantid"] for event in receiver.applied.values()} == {"default"}
    assert {event["subject"] for event in receiver.applied.values()} == {"d-1", "l-1"}
    assert list((world.home.erasure / "notices").iterdir()) == []
