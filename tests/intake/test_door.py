"""What the door says of an event is what ingestion makes of it."""

import fcntl
import json
import os
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.depot import event
from tests.ingest.hostile import Hostile
from warehouse.ingest.judge import Judge
from warehouse.intake import append_events
from warehouse.intake.door import Answer, Door, Parcel, _name_tenant, judging, remove_left_behind
from warehouse.intake.recent import Recent
from warehouse.intake.split import Candidate, UnreadableBodyError, split_json, split_lines
from warehouse.pipeline import take_in
from warehouse.settings import Settings
from warehouse.store import open_store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", pseudonym_key="a key for tests")


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with open_store(settings.layout(), settings) as con:
        return con.execute(sql).fetchall()


def take(door: Door, content: bytes, **parcel: Any) -> list[Answer]:
    return door.take([Parcel(split_lines(content), **parcel)])[0]


def check_hostile(settings: Settings, batches: int, seed: int) -> None:
    """After any batches: accepted are in raw once, kept rejects in quarantine for the same reason, others nowhere."""
    hostile = Hostile(seed)
    door = Door(settings.layout(), settings)
    accepted: Counter[tuple[str, str]] = Counter()
    kept: Counter[tuple[str, str]] = Counter()
    for number in range(batches):
        for answer in take(door, b"\n".join(hostile.batch())):
            if answer.status == "accepted":
                accepted[answer.source, answer.event_id] += 1
            elif answer.status == "rejected" and answer.is_kept:
                kept[answer.event_id, answer.reason] += 1
        if number % 20 == 19:
            take_in(settings)
    door.close()
    take_in(settings)
    assert sum(accepted.values()) > batches
    assert set(accepted.values()) == {1}
    stored = Counter(query(settings, "select source, left(event_id, 200) from raw.events"))
    assert stored == accepted
    rejected = query(settings, "select coalesce(event_id, ''), reason from raw.rejected_events")
    assert Counter(rejected) == kept
    # In quarantine there is nothing that the door could not read, and among its reasons many.
    assert {"unknown_type", "wrong_type", "missing_attribute", "conflicting_duplicate"} <= {why for _, why in rejected}
    assert not {"malformed_json", "not_utf8", "not_an_object"} & {why for _, why in rejected}


def test_the_door_says_what_ingestion_does(settings: Settings) -> None:
    check_hostile(settings, batches=40, seed=1)


@pytest.mark.slow
def test_the_door_says_what_ingestion_does_of_a_thousand_batches(settings: Settings) -> None:
    check_hostile(settings, batches=1000, seed=2)


def test_a_fraction_is_no_id(settings: Settings) -> None:
    """1e400 and 1e401 are one infinity to Python and two texts to the warehouse; 7 is 7 to both."""
    door = Door(settings.layout(), settings)
    line = b'{"id":%s,"source":"app","type":"app.login","time":"2026-01-01T00:00:00Z","data":{"user_id":"u"}}'
    answers = [take(door, line % number)[0] for number in (b"1e400", b"1e401", b"1.50", b"7")]
    assert [(one.status, one.reason, one.is_kept) for one in answers[:3]] == [("rejected", "wrong_type", False)] * 3
    take_in(settings)
    assert query(settings, "select event_id from raw.events") == [("7",)]


def test_equal_content_is_a_duplicate_however_it_is_written(settings: Settings) -> None:
    door = Door(settings.layout(), settings)
    first = b'{"id":"1","source":"crm","type":"crm.deal.created","time":"2026-01-01T02:00:00+02:00",'
    data = b'"data":{"deal_id":"d","amount":1}}'
    again = b'{"data": {"amount": 1.0, "deal_id": "d"}, "specversion": "1.0", "tenantid": "default", '
    assert [one.status for one in take(door, first + data)] == ["accepted"]
    answers = take(door, again + first[1:].replace(b"02:00:00+02:00", b"00:00:00Z")[:-1] + b"}")
    assert [one.status for one in answers] == ["duplicate"]
    (other,) = take(door, first + data.replace(b"1", b"2"))
    assert (other.status, other.reason) == ("rejected", "conflicting_duplicate")
    take_in(settings)
    assert query(settings, "select count(*) from raw.events") == [(1,)]


def test_what_is_forgotten_is_not_doubled(settings: Settings) -> None:
    """The memory holds two events; of five that come twice ingestion drops the copies."""
    door = Door(settings.layout(), settings, Recent(2))
    lines = [split_json(b'{"id":"%d","source":"app","type":"app.login","time":"2026-01-01T00:00:00Z",'
                        b'"data":{"user_id":"u"}}' % number)[0] for number in range(5)]  # fmt: skip
    for _ in range(2):
        for one in lines:
            (answer,) = door.take([Parcel([one])])[0]
            assert answer.status == "accepted"
    assert len(door.recent) == 2
    (batch,) = take_in(settings)
    assert (batch.rows, batch.accepted, batch.duplicate) == (10, 5, 5)


def test_a_sender_speaks_for_its_tenants_alone(settings: Settings) -> None:
    door = Door(settings.layout(), settings)
    body = b"\n".join(
        b'{%s"id":"%d","source":"app","type":"app.login","time":"2026-01-01T00:00:00Z","data":{"user_id":"u"}}'
        % (tenant, number)
        for number, tenant in enumerate(
            [b"", b'"tenantid":"a",', b'"tenantid":"b",', b'"tenantid":null,', b'"tenantid":7,']
        )
    )
    twice = b'{"tenantid":"a","id":"9","source":"app","type":"app.login","time":"2026-01-01T00:00:00Z",'
    twice += b'"data":{"user_id":"u"},"tenantid":"b"}'
    upper = twice.replace(b',"tenantid":"b"', b',"TENANTID":"b"').replace(b'"9"', b'"10"')
    answers = take(door, b"\n".join([body, twice, upper]), tenants={"a"}, default_tenant="a")
    told = [(one.status, one.reason) for one in answers]
    assert told == [
        ("accepted", ""),
        ("accepted", ""),
        ("rejected", "wrong_tenant"),
        ("accepted", ""),
        ("rejected", "wrong_tenant"),
        ("rejected", "malformed_json"),
        ("accepted", ""),
    ]
    take_in(settings)
    assert query(settings, "select event_id, tenant_id from raw.events order by event_id") == [
        ("0", "a"), ("1", "a"), ("10", "a"), ("3", "a"),
    ]  # fmt: skip
    assert query(settings, "select count(*) from raw.rejected_events") == [(0,)]


def test_an_event_of_the_future_is_left_to_its_sender(settings: Settings) -> None:
    """At the next run its time might have come: it must not be in raw after it was refused."""
    soon = (datetime.now(UTC) + timedelta(hours=25)).isoformat()
    (answer,) = append_events(settings.layout(), [event("e1", time=soon)], settings)
    assert (answer.status, answer.reason, answer.is_kept) == ("rejected", "future_time", False)
    assert take_in(settings) == []


def test_a_user_s_action_comes_in_with_the_next_run(settings: Settings) -> None:
    data = {"subject_type": "customer", "subject_id": "account:a1", "acted_by": "u1", "outcome": "reached"}
    action = event("action-1", source="app", type="ops.case.handled", data=data)
    wrong = event("action-2", source="app", type="ops.case.handled", data={**data, "outcome": "danced"})
    answers = append_events(settings.layout(), [action, wrong], settings)
    assert [(one.status, one.reason) for one in answers] == [("accepted", ""), ("rejected", "invalid_value")]
    assert "outcome must be one of reached" in answers[1].message
    append_events(settings.layout(), [action], settings)
    (batch,) = take_in(settings)
    assert (batch.accepted, batch.duplicate, batch.rejected) == (1, 1, 1)
    assert take_in(settings) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_body"),
        (b"  \n", "empty_body"),
        (b"{", "malformed_json"),
        (b"[1", "malformed_json"),
        (b"[1,]", "malformed_json"),
        (b"{} {}", "malformed_json"),
        (b"[] x", "malformed_json"),
        (b'{"a": NaN}', "malformed_json"),
        (b"\xff", "not_utf8"),
        (b"[" * 100_000, "nested_too_deeply"),
        (b'{"a":' * 100_000, "nested_too_deeply"),
    ],
)
def test_a_body_that_is_no_json_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableBodyError) as refused:
        split_json(body)
    assert refused.value.reason == reason


def test_events_keep_the_text_that_they_were_sent_as() -> None:
    body = (
        b'\xef\xbb\xbf [ {"id": "1",\r\n "n": 1.50, "t": "a\\nb"} ,\n{"e": 1e3}, 7, {"a":1,"a":2}, {"s":"\\ud800"} ]\n'
    )
    found = split_json(body)
    assert [one.line for one in found[:3]] == [b'{"id": "1",   "n": 1.50, "t": "a\\nb"}', b'{"e": 1e3}', b"7"]
    assert [one.reason for one in found] == ["", "", "not_an_object", "malformed_json", "malformed_json"]
    assert [one.line for one in split_lines(b'{"a":1}\r\n\n[{}]\n{"b":2}')] == [b'{"a":1}', b"[{}]", b'{"b":2}']
    assert split_json(b"[ ]") == []
    assert isinstance(found[0], Candidate)


def test_a_tenant_is_put_in_and_all_else_stays_as_it_was_written() -> None:
    """1e400 is a JSON number, and infinity in Python, which JSON does not know."""
    body = b'{"id": "1", "data": {"tenantid": null, "n": 1e400, "m": 1.10}, "tenantid" : null , "z": [1E2]}'
    (candidate,) = split_json(body)
    _name_tenant(candidate, "acme")
    assert candidate.line == body.replace(b'"tenantid" : null', b'"tenantid" : "acme"')
    assert candidate.event["tenantid"] == "acme"
    (without,) = split_json(b'{"id": "1"}')
    _name_tenant(without, "acme")
    assert without.line == b'{"tenantid":"acme","id": "1"}'


def test_what_a_killed_process_was_judging_goes_and_what_a_living_one_judges_stays(settings: Settings) -> None:
    home = settings.layout()
    folder = judging(home)
    folder.mkdir(parents=True)
    # Named after a process that lives: a number says nothing, since it is given again, or is of another container.
    killed = folder / f"judged-{os.getpid()}-0000.ndjson"
    killed.write_text("{}")
    readable = killed.with_suffix("") / "readable.ndjson"
    readable.parent.mkdir()
    readable.write_text("{}")
    alone = folder / "judged-1-0001" / "readable.ndjson"
    alone.parent.mkdir()
    alone.write_text("{}")
    living = folder / "judged-999999999-0002.ndjson"
    with living.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert remove_left_behind(home) == [living]
        assert list(folder.iterdir()) == [living]
        assert remove_left_behind(home, 0.05) == [living]
    assert remove_left_behind(home) == []
    assert list(folder.iterdir()) == []


def test_nothing_of_a_judged_event_stays_beside_the_spool(tmp_path: Path) -> None:
    """A byte order mark makes the reader write the lines to a file of its own."""
    judge = Judge(tmp_path / "judged.ndjson", 1000)
    judge.judge([b"\xef\xbb\xbf" + event_line(1), event_line(2)], datetime(2026, 1, 1))
    assert list(tmp_path.iterdir()) == []


def test_who_tidies_up_while_others_judge_takes_nothing_from_them(settings: Settings) -> None:
    home = settings.layout()
    is_over = threading.Event()

    def tidy() -> None:
        while not is_over.is_set():
            remove_left_behind(home)

    tidying = threading.Thread(target=tidy)
    tidying.start()
    try:
        door = Door(home, settings)
        answers = [take(door, event_line(number)) for number in range(40)]
    finally:
        is_over.set()
        tidying.join()
    assert {answer.status for group in answers for answer in group} == {"accepted"}


def event_line(number: int) -> bytes:
    return json.dumps(event(f"tidy-{number}")).encode()
