"""Landing is written anew by a signed record, stays whole, and takes late events in without the person."""

import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.erasure import people
from tests.erasure.test_redact import person, traces
from warehouse import chain
from warehouse.erasure import tombstones
from warehouse.erasure.amend import amend
from warehouse.erasure.erase import _is_waiting, _land_late, _prove, _stones, _take_out, _without_judged, needles
from warehouse.erasure.plan import Plan
from warehouse.erasure.search import search
from warehouse.intake import append_events
from warehouse.intake.door import judging
from warehouse.intake.spool import Spool
from warehouse.landing import Landing
from warehouse.landing.copying import file_hash
from warehouse.settings import Settings

RECEIPT = "erasure-20260401T000000Z-00000000"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    people.write_all(settings.layout().inbox)
    landing = Landing(settings.layout())
    landing.land_inbox()
    csv, mapping = people.write_mapped(tmp_path / "sent")
    landing.land_all([csv], mapping)
    return settings


def plan_of(settings: Settings) -> Plan:
    home = settings.layout()
    content = {"receipt": RECEIPT, "reason": "request", "salt": "salt", "begun_at": "2026-04-01T00:00:00+00:00"}
    keys = tombstones.keyring(home, settings)
    return Plan(home, keys, home.erasure / "pending" / f"{RECEIPT}.sealed", content, [person()])


def erase_landing(settings: Settings) -> Landing:
    plan = plan_of(settings)
    tombstones.bury(plan.home, _stones(plan))
    landing = Landing(plan.home, settings)
    redactor = plan.redactor()
    amend(landing, lambda _: redactor, plan.keys, "erasure", RECEIPT)
    return landing


def test_every_file_is_without_the_person_and_the_chain_holds(settings: Settings) -> None:
    before = Landing(settings.layout()).entries()
    landing = erase_landing(settings)
    after = landing.entries()
    assert [(one.seq, one.name, one.received_hash) for one in after] == [
        (one.seq, one.name, one.received_hash) for one in before
    ]
    assert landing.verify(settings) == []
    assert search(landing.home.root, *needles(person())) == []
    assert landing.amended_files() == 8
    assert landing.unnamed() == []
    record = chain.read(landing.manifest)[-1]
    assert (record["kind"], record["receipt"], len(record["amends"])) == ("erasure", RECEIPT, 8)


def test_events_that_keep_coming_in_meanwhile_do_not_keep_it_from_ending(settings: Settings) -> None:
    """The collector takes the person's events all the time; none is a reason to begin again, and none comes back."""
    erase_landing(settings)
    home = settings.layout()
    plan = plan_of(settings)
    landing = Landing(home, settings, plan)
    is_over = threading.Event()
    sent = 0

    def send() -> None:
        nonlocal sent
        while not is_over.is_set():
            data = {"lead_id": people.LEAD, "email": people.EMAIL, "remark": f"{people.FIRST} {people.LAST}"}
            others = {"lead_id": people.OTHER_LEAD, "remark": f"{people.FIRST} {people.LAST} called"}
            events = [people.event(2000 + sent, "crm.lead.updated", one) for one in (data, others)]
            sent += sum(answer.status == "accepted" for answer in append_events(home, [events[0]], settings))
            append_events(home, [{**events[1], "id": f"other-{sent}"}], settings)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert _prove(plan, lambda: _land_late(landing)) > 0
    finally:
        is_over.set()
        sender.join()
    Spool(home).close()
    late = landing.land_inbox()
    entries = landing.entries()
    assert late
    assert len(entries) > 8
    # Of the person's own events nothing is left, also in those that came after the proof.
    kept = b"".join(landing.path(entry.files[0]).read_bytes() for entry in entries)
    assert people.EMAIL.encode() not in kept
    assert people.LEAD.encode() not in kept
    assert sent > 1
    assert landing.verify(settings) == []


def test_what_a_killed_process_was_judging_does_not_wait_to_land(settings: Settings) -> None:
    """It never lands: gone with the proof; where a process that stands still holds it, the proof says so."""
    erase_landing(settings)
    home = settings.layout()
    folder = judging(home)
    folder.mkdir(parents=True)
    content = people.lines([people.event(1, "crm.lead.updated", {"lead_id": people.LEAD, "email": people.EMAIL})])
    killed = folder / f"judged-{os.getpid()}-0000.ndjson"
    killed.write_bytes(content)
    _prove(plan_of(settings), lambda: None)
    assert search(home.root, *needles(person())) == []
    for path in (folder / "judged-1-0001.ndjson", folder / "other.ndjson"):
        path.write_bytes(content)
        with path.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            hits = search(home.root, *needles(person()))
            assert [one["path"] for one in _without_judged(home, hits, 0.05)] == [str(path.relative_to(home.root))]
            assert [one["path"] for one in hits if _is_waiting(home, one)] == []
        path.unlink()


def test_what_lands_meanwhile_loses_as_much_as_what_had_landed(settings: Settings) -> None:
    """Names too, which no tombstone holds; and ids that it names are the person's from then on, in all that landed."""
    home = settings.layout()
    deal = {"deal_id": "deal-1", "contact_id": people.CONTACT, "title": f"{people.LAST} renewal"}
    kept = people.event(1, "crm.deal.stage_changed", {"deal_id": "deal-9", "contact_id": "con-unheard7"})
    (home.inbox / "early.ndjson").write_bytes(people.lines([people.event(300, "crm.deal.created", deal), kept]))
    landing = Landing(home, settings)
    landing.land_inbox()
    plan = plan_of(settings)
    tombstones.bury(home, _stones(plan))
    landing = Landing(home, settings, plan)
    assert _take_out(landing, plan, frozenset())
    late = [
        people.event(301, "crm.deal.created", deal),
        people.event(302, "crm.contact.upserted", {"contact_id": "con-unheard7", "email": people.EMAIL}),
    ]
    append_events(home, late, settings)
    fresh = _land_late(landing)
    early, late_ = (landing.path(entry.files[0]).read_bytes() for entry in landing.entries()[-2:])
    first, second = (json.loads(content.splitlines()[0])["data"] for content in (early, late_))
    assert first == second
    assert second["title"] == "erased renewal"
    # The notices, the needles and the receipt are made of the persons; a second start begins with what is sealed.
    assert ("contact", "con-unheard7") in [pair for one in plan.persons for pair in one.id_pairs]
    assert [one.as_json() for one in Plan.open(home, plan.keys, plan.path).persons] == [
        one.as_json() for one in plan.persons
    ]
    assert [one["path"] for one in search(home.landing, *needles(*plan.persons))] != []
    assert _take_out(landing, plan, fresh)
    assert search(home.landing, *needles(*plan.persons)) == []
    assert not _take_out(landing, plan, fresh)
    assert landing.verify(settings) == []


def test_a_second_start_changes_nothing(settings: Settings) -> None:
    landing = erase_landing(settings)
    content = landing.manifest.read_bytes()
    erase_landing(settings)
    assert landing.manifest.read_bytes() == content


def test_what_is_sent_again_is_known_and_what_lands_next_goes_on_counting(settings: Settings) -> None:
    landing = erase_landing(settings)
    people.write_all(settings.layout().inbox)
    again = landing.land_inbox()
    assert [one.already for one in again] == [1, 2, 3, 4, 5, 6, 7]
    (settings.layout().inbox / "new.ndjson").write_bytes(people.lines([people.event(1, "app.login", {"user_id": "u"})]))
    (new,) = landing.land_inbox()
    # The record of the erasure has the number 9.
    assert new.entry.seq == 10
    assert new.entry.files[0]["file"].startswith("00000010-")
    assert landing.verify(settings) == []


WAYS: list[dict[str, Any]] = [
    {"lead_id": people.LEAD},
    {"lead_id": "lead-unheard9", "email": people.EMAIL.upper()},
    {"lead_id": "lead-unheard9", "phone": "+442079460958"},
    {"lead_id": "lead-unheard9", "phone": "0044 (20) 7946-0958"},
    {"lead_id": people.LEAD, "email": people.EMAIL_TOO, "first_name": people.FIRST, "last_name": people.LAST},
]


def test_a_hundred_late_events_land_without_the_person(settings: Settings) -> None:
    landing = erase_landing(settings)
    late = [people.event(1000 + n, "crm.lead.updated", WAYS[n % len(WAYS)], subject=people.LEAD) for n in range(100)]
    (settings.layout().inbox / "late.ndjson").write_bytes(people.lines(late))
    (landed,) = landing.land_inbox()
    content = landing.path(landed.entry.files[0]).read_bytes()
    assert content.count(b"\n") == 100
    assert traces(content) == []
    assert b"unheard9" not in content
    # The id that has a token before has the same one now, so that the person stays one in the counts.
    kept = json.loads(landing.path(landing.entries()[0].files[0]).read_bytes().splitlines()[1])
    assert json.loads(content.splitlines()[0])["data"]["lead_id"] == kept["data"]["lead_id"]
    # What the events brought to light of the person is recognised from now on as well.
    (settings.layout().inbox / "later.ndjson").write_bytes(
        people.lines([people.event(2000, "crm.lead.qualified", {"lead_id": "lead-unheard9"})])
    )
    (landed,) = landing.land_inbox()
    assert b"unheard9" not in landing.path(landed.entry.files[0]).read_bytes()
    assert landing.verify(settings) == []


def test_a_change_by_somebody_else_is_no_erasure(settings: Settings) -> None:
    landing = erase_landing(settings)
    forged = landing.segments / "forged.ndjson"
    forged.write_bytes(b"")
    files = [{**landing.entries()[0].files[0], "file": forged.name, "sha256": file_hash(forged), "bytes": 0}]
    amends = [{"batch": 1, "files": files}]
    record = {"kind": "erasure", "receipt": RECEIPT, "at": "2026-04-02T00:00:00+00:00", "amends": amends}
    good = landing.manifest.read_bytes()
    for signature in ("0" * 64, chain.read(landing.manifest)[-1]["signature"]):
        chain.append(landing.manifest, {**record, "signature": signature})
        assert any("changed by somebody else" in problem for problem in Landing(landing.home).verify(settings))
        landing.manifest.write_bytes(good)
    path = landing.path(landing.entries()[0].files[0])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"paid", b"free"))
    assert any("its hash differs" in problem for problem in landing.verify(settings))


KILLED = """
import os, sys
from tests.erasure.kills import arm, kill_after
from tests.erasure.test_landing import erase_landing
from warehouse.settings import Settings

arm()
for step in [*range(int(sys.argv[2]), 1000)]:
    # Each child dies one step later than the one before; the last one comes to the end.
    child = os.fork()
    if child == 0:
        kill_after(step)
        erase_landing(Settings(home=sys.argv[1]))
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        print(step)
        break
"""


@pytest.mark.slow
def test_killed_at_every_step_of_the_disk_it_is_finished_by_the_next_start(settings: Settings) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(settings.layout().root), "0"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    # Tombstones, eight files and the record: each has steps of its own, but those that are done are not done again.
    assert int(ended.stdout) > 10
    landing = Landing(settings.layout())
    landing.land_inbox()
    assert landing.verify(settings) == []
    assert search(landing.home.root, *needles(person())) == []
    assert len(landing.entries()) == 8
    assert [record["kind"] for record in chain.read(landing.manifest)].count("erasure") == 1
