"""Retention on a home with old and young data of every kind: what is due goes, is looked for, and the rest stays."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.erasure.people import event, lines
from tests.part import copy_project
from warehouse import pipeline
from warehouse.landing import Landing
from warehouse.lock import writer_lock
from warehouse.publish import open_published, versions
from warehouse.retention import Policy, due, is_confirmed, retain
from warehouse.settings import Settings

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def at(days_ago: float) -> str:
    return (NOW - timedelta(days=days_ago)).isoformat()


@pytest.mark.slow
def test_what_is_due_goes_and_the_rest_stays(tmp_path: Path) -> None:
    copy_project(tmp_path / "project", ("fact_identity", "fact_lead", "fact_activity", "fact_email", "contact_detail"))
    settings = Settings(home=tmp_path / "home", project_dir=tmp_path / "project")
    home = settings.layout()
    home.inbox.mkdir(parents=True)
    lead = {"lead_source": "paid"}
    events = [
        event(1, "crm.lead.created", {"lead_id": "lead-silent1", "email": "silent@x.example", **lead}, time=at(800)),
        event(2, "crm.lead.created", {"lead_id": "lead-active1", "email": "active@x.example", **lead}, time=at(800)),
        event(3, "crm.lead.updated", {"lead_id": "lead-active1", "city": "Oslo"}, time=at(100)),
        event(4, "crm.lead.created", {"lead_id": "lead-client1", "email": "client@x.example", **lead}, time=at(800)),
        event(5, "crm.contact.upserted", {"contact_id": "con-1", "lead_id": "lead-client1"}, time=at(790)),
        *(event(10 + n, "crm.activity.logged", {"activity_id": f"a{n}", "activity_type": "call"},
                time=at(1000 + 100 * n))
          for n in range(3)),
        *(event(20 + n, "crm.email.sent", {"message_id": f"m{n}", "campaign_id": "c1", "contact_id": "con-1"},
                time=at(300 + 100 * n)) for n in range(3)),
    ]  # fmt: skip
    (home.inbox / "a.ndjson").write_bytes(lines(events) + b'{"broken": "secret@x.example"\n')
    pipeline.run(settings, received_at=NOW - timedelta(days=40))
    (home.inbox / "b.ndjson").write_bytes(b'{"broken": "young@x.example"\n')
    pipeline.run(settings, received_at=NOW - timedelta(days=20))
    log = home.root / "logs" / "serve.log"
    log.parent.mkdir()
    log.write_text("old")
    os.utime(log, (1_700_000_000, 1_700_000_000))
    with writer_lock(home, "test"):
        found = {one.what.split(" ")[0]: one.count for one in due(settings, Policy(), NOW)}
        assert not is_confirmed(home)
        receipt = retain(settings, Policy(), NOW)
        assert due(settings, Policy(), NOW) == []
    # Due are: activities of 1,100 and 1,200 days ago, mails of 400 and 500, one silent lead, one rejected row, a log.
    assert found == {"events": 2, "leads": 1, "originals": 1, "logs": 1}
    assert sum(count for what, count in receipt["taken"].items() if what.startswith("events")) == 4
    assert is_confirmed(home)
    assert Landing(home).verify(settings) == []
    with open_published(home) as con:
        assert con.execute("select count(*) from facts.fact_activity").fetchone() == (1,)
        assert con.execute("select count(*), count(distinct campaign_id) from facts.fact_email").fetchone() == (3, 1)
        leads = con.execute("select lead_id from facts.fact_lead").fetchall()
        assert sorted(lead.startswith("erased-") for (lead,) in leads) == [False, False, True]
    assert len(versions(home)) == 1
    kept = b"".join(path.read_bytes() for path in Landing(home).segments.iterdir())
    assert b"silent" not in kept
    assert b"secret@" not in kept
    assert b"active@x.example" in kept
    assert b"young@x.example" in kept
    assert not log.exists()
    again = json.dumps(receipt)
    assert "silent" not in again
