"""Events over HTTP, to a receiver that misbehaves: what arrives, in which order, signed how, and what is told of it."""

import hashlib
import hmac
import json
import logging
import time
from base64 import b64decode, b64encode
from collections import Counter
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Verifier

from tests.outbound.conftest import OLD_SECRET, SECRET, rows, webhook
from tests.outbound.receiver import STEPS, Clock, Receiver, event, ids
from warehouse.errors import UsageError
from warehouse.settings import Home
from warehouse.writeback.destination import ACKNOWLEDGED
from warehouse.writeback.destinations._pace import Pace, retry_after
from warehouse.writeback.destinations._signature import Signer

SUBJECTS = ("deal-1", "deal-2", "deal-3")


def deliver_until_done(events, url: str, home: Home, clock: Clock, **own: object) -> dict[str, str]:
    """Sync as the engine does: each time what was neither acknowledged nor rejected, in its order."""
    settled: dict[str, str] = {}
    for _ in range(60):
        left = [row for row in rows(events) if row.message_id not in settled]
        if not left:
            return settled
        destination = webhook(url, home, clock, **own)
        outcomes = destination.deliver("event", left)
        destination.close()
        assert len(outcomes) == len(left)
        for row, outcome in zip(left, outcomes, strict=True):
            if outcome.status != "failed":
                settled[row.message_id] = outcome.status
    raise AssertionError("it did not come to an end")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    script=st.lists(st.sampled_from(STEPS), max_size=14),
    subjects=st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=9),
    poison=st.sets(st.integers(0, 8), max_size=2),
    mode=st.sampled_from(["structured", "batch"]),
    parallel=st.integers(1, 3),
)
def test_after_any_script_each_event_is_there_once_and_in_the_order_of_its_subject(
    script, subjects, poison, mode, parallel
) -> None:
    events = [event(number, subject) for number, subject in enumerate(subjects)]
    bad = frozenset(events[number]["id"] for number in poison if number < len(events))
    with TemporaryDirectory() as folder, Receiver(list(script), (SECRET,), bad) as receiver:
        settled = deliver_until_done(
            events, receiver.url, Home(Path(folder)), Clock(), mode=mode, parallel=parallel, attempts=3
        )
        assert receiver.problems == []
        assert sorted(receiver.applied) == sorted(set(ids(events)) - bad)
        assert {each for each, status in settled.items() if status == "rejected"} == bad
        for subject in SUBJECTS:
            arrived = [each["id"] for each in receiver.applied.values() if each["subject"] == subject]
            assert arrived == [each for each in ids(events) if each in arrived]
        # The receiver was told the truth as well: what it holds is byte for byte what was to be sent.
        assert [receiver.applied[each["id"]] for each in events if each["id"] not in bad] == [
            each for each in events if each["id"] not in bad
        ]


def test_requests_are_signed_as_the_specification_says_by_hand(receiver, sender) -> None:
    sender(receiver.url, secrets=[SecretStr(SECRET), SecretStr(OLD_SECRET)]).deliver("event", rows([event(1, "d")]))
    (attempt,) = receiver.attempts
    signed = f"{attempt.headers['webhook-id']}.{attempt.headers['webhook-timestamp']}.{attempt.body}".encode()
    expected = [
        "v1," + b64encode(hmac.new(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()).decode()
        for secret in (SECRET, OLD_SECRET)
    ]
    assert attempt.headers["webhook-signature"].split(" ") == expected
    assert abs(int(attempt.headers["webhook-timestamp"]) - time.time()) < 60
    assert attempt.headers["content-type"].startswith("application/cloudevents+json")
    # A receiver that knows only one of the two, old or new, takes it.
    for secret in (SECRET, OLD_SECRET):
        assert Verifier(secret).verify(attempt.body, attempt.headers) == event(1, "d")


def test_the_published_example_of_the_specification_is_reproduced() -> None:
    """Message, secret and signature are those that the specification and its libraries publish."""
    signer = Signer([SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])
    headers = signer.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC)
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["whsec_c2hvcnQ=", "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2gtaGVyZQ==", "whsec_%%%"])
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret) -> None:
    with pytest.raises(UsageError) as caught:
        Signer([SecretStr(secret)])
    assert secret not in str(caught.value)


def test_a_connection_is_kept(receiver, sender) -> None:
    outcomes = sender(receiver.url, parallel=2).deliver("event", rows([event(n, f"deal-{n}") for n in range(40)]))
    assert outcomes == [ACKNOWLEDGED] * 40
    assert receiver.connections <= 2


def test_every_attempt_carries_the_same_id_and_a_new_signature(receiver, sender, clock) -> None:
    receiver.script[:] = ["500", "lost", "reset"]
    (outcome,) = sender(receiver.url).deliver("event", rows([event(1, "d")]))
    assert (outcome.status, outcome.attempts) == ("acknowledged", 4)
    assert len({attempt.headers["webhook-id"] for attempt in receiver.attempts}) == 1
    # Full jitter from half a second on, doubling: anything up to the bound.
    waits = [each for each in clock.slept if each > 0.002]
    assert len(waits) <= 3
    assert all(wait <= bound for wait, bound in zip(waits, (0.5, 1, 2), strict=False))


def test_what_the_receiver_asks_to_wait_is_waited_by_all(receiver, sender, clock) -> None:
    receiver.script[:] = ["503_seconds"]
    sender(receiver.url, parallel=1).deliver("event", rows([event(1, "a"), event(2, "b")]))
    assert len(receiver.attempts) == 3
    assert clock.now() >= 2
    receiver.script[:] = ["429_date"]
    before = clock.now()
    sender(receiver.url).deliver("event", rows([event(3, "a")]))
    assert clock.now() - before >= 2  # the date has whole seconds


def test_a_receiver_that_asks_for_an_hour_is_left_alone_until_the_next_sync(receiver, sender, clock) -> None:
    receiver.answer = (429, {"Retry-After": "3600"}, b"come back later")
    destination = sender(receiver.url, parallel=1)
    outcomes = destination.deliver("event", rows([event(n, f"deal-{n}") for n in range(5)]))
    assert [outcome.status for outcome in outcomes] == ["failed"] * 5
    assert "3600 seconds" in outcomes[1].message
    assert len(receiver.attempts) == 1
    assert clock.now() < 60


@pytest.mark.parametrize("status", [400, 402, 406, 413, 415, 418, 422, 451])
def test_what_is_rejected_is_not_sent_again(receiver, sender, status) -> None:
    receiver.answer = (status, {}, b"no such deal here")
    (outcome,) = sender(receiver.url).deliver("event", rows([event(1, "d")]))
    assert (outcome.status, outcome.code, outcome.message) == ("rejected", str(status), "no such deal here")
    assert len(receiver.attempts) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_failed_is_sent_again_as_often_as_is_allowed(receiver, sender, status) -> None:
    receiver.answer = (status, {}, b"overloaded")
    (outcome,) = sender(receiver.url, attempts=4).deliver("event", rows([event(1, "d")]))
    assert (outcome.status, outcome.code, outcome.attempts) == ("failed", str(status), 4)
    assert len(receiver.attempts) == 4


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 405])
def test_a_receiver_that_takes_nothing_at_all_is_asked_once_and_no_row_is_blamed(receiver, sender, status) -> None:
    receiver.answer = (status, {"Location": receiver.url + "/other"}, b"")
    outcomes = sender(receiver.url, parallel=1).deliver("event", rows([event(n, f"deal-{n}") for n in range(4)]))
    assert [(outcome.status, outcome.code) for outcome in outcomes] == [("failed", str(status))] * 4
    assert len(receiver.attempts) == 1


def test_a_receiver_that_is_down_is_given_up_after_three_requests(receiver, sender) -> None:
    receiver.answer = (500, {}, b"")
    events = [event(n, f"deal-{n}") for n in range(50)]
    outcomes = sender(receiver.url, parallel=1, attempts=2).deliver("event", rows(events))
    assert {outcome.status for outcome in outcomes} == {"failed"}
    assert len(receiver.attempts) == 6


def test_gone_disables_the_address_until_there_is_another(receiver, sender) -> None:
    receiver.answer = (410, {}, b"moved away")
    assert sender(receiver.url).deliver("event", rows([event(1, "d")]))[0].status == "failed"
    receiver.answer = None
    (outcome,) = sender(receiver.url).deliver("event", rows([event(1, "d")]))
    assert (outcome.status, outcome.code, outcome.attempts) == ("failed", "410", 0)
    assert len(receiver.attempts) == 1
    with Receiver(secrets=(SECRET,)) as other:
        assert sender(other.url).deliver("event", rows([event(1, "d")])) == [ACKNOWLEDGED]


def test_nothing_of_a_subject_overtakes_what_failed_before_it(receiver, sender) -> None:
    receiver.script[:] = ["500"] * 2
    events = [event(1, "a"), event(2, "a"), event(3, "b")]
    outcomes = sender(receiver.url, parallel=1, attempts=2).deliver("event", rows(events))
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "acknowledged"]
    assert list(receiver.applied) == [events[2]["id"]]


def test_nothing_of_a_subject_overtakes_a_batch_that_failed_before_it(receiver, sender) -> None:
    """Of three long events of one subject two fit into a request: the third waits, that of another subject does not."""
    receiver.script[:] = ["500"] * 2
    events = [event(number, subject, note="x" * 9_000) for number, subject in enumerate(["a", "a", "a", "b"])]
    outcomes = sender(receiver.url, mode="batch", parallel=1, attempts=2).deliver("event", rows(events))
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "failed", "acknowledged"]
    assert outcomes[2].attempts == 0
    assert list(receiver.applied) == [events[3]["id"]]


@pytest.mark.parametrize("mode", ["structured", "batch"])
def test_nothing_of_a_subject_overtakes_what_failed_in_an_earlier_batch_of_the_sync(receiver, sender, mode) -> None:
    receiver.script[:] = ["500"] * 2
    destination = sender(receiver.url, mode=mode, parallel=1, attempts=2)
    first, second, other = event(1, "a"), event(2, "a"), event(3, "b")
    assert destination.deliver("event", rows([first]))[0].status == "failed"
    assert [one.status for one in destination.deliver("event", rows([second, other]))] == ["failed", "acknowledged"]
    assert list(receiver.applied) == [other["id"]]
    # The next sync begins anew, with what is left in its order.
    assert sender(receiver.url, mode=mode).deliver("event", rows([first, second])) == [ACKNOWLEDGED] * 2


def test_one_bad_row_in_a_batch_costs_few_requests_and_the_others_arrive(receiver, sender) -> None:
    """R12: of 500 rows that are one request each 60, the row that cannot be read is found by halves."""
    events = [event(number, f"deal-{number % 7}") for number in range(60)]
    receiver.poison = frozenset([events[37]["id"]])
    outcomes = sender(receiver.url, mode="batch", parallel=1).deliver("event", rows(events))
    sent = {row.message_id: outcome for row, outcome in zip(rows(events), outcomes, strict=True)}
    assert sent[events[37]["id"]].status == "rejected"
    assert sent[events[37]["id"]].message == "cannot read 1 of them"
    assert sum(outcome.status == "acknowledged" for outcome in outcomes) == 59
    assert len(receiver.applied) == 59
    with Receiver(secrets=(SECRET,)) as other:
        sender(other.url, mode="batch", parallel=1).deliver("event", rows(events))
        assert len(receiver.attempts) <= len(other.attempts) + 10
    assert receiver.problems == []


def test_an_answer_to_a_batch_may_tell_of_each_event(receiver, sender) -> None:
    events = [event(1, "a"), event(2, "b"), event(3, "c")]
    told = [
        {"id": events[0]["id"], "status": "accepted"},
        {
            "id": events[1]["id"],
            "status": "rejected",
            "reason": "unknown_deal",
            "message": "no deal b",
            "field": "deal_id",
        },
        {"id": events[2]["id"], "status": "duplicate"},
    ]
    receiver.answer = (200, {}, json.dumps({"results": told}).encode())
    outcomes = sender(receiver.url, mode="batch", parallel=1).deliver("event", rows(events))
    assert [outcome.status for outcome in outcomes] == ["acknowledged", "rejected", "acknowledged"]
    assert (outcomes[1].message, outcomes[1].field) == ("unknown_deal: no deal b", "deal_id")


def test_what_is_too_long_is_told_and_the_others_go_out(receiver, sender) -> None:
    events = [event(1, "a", note="x" * 20_000), event(2, "b")]
    outcomes = sender(receiver.url).deliver("event", rows(events))
    assert [outcome.status for outcome in outcomes] == ["rejected", "acknowledged"]
    assert "20," in outcomes[0].message


def test_many_events_are_split_into_requests_of_less_than_20_kb(receiver, sender) -> None:
    events = [event(number, f"deal-{number}", note="ü" * 400) for number in range(100)]
    assert sender(receiver.url, mode="batch").deliver("event", rows(events)) == [ACKNOWLEDGED] * 100
    assert receiver.problems == []
    assert len(receiver.attempts) < 20


def test_ten_minutes_of_refusals_keep_the_rate_and_make_no_burst() -> None:
    """R14, by the clock of the pace: many that wait together, and a receiver that pauses them again and again."""
    clock = Clock()
    pace = Pace(5.0, clock=clock.now, sleep=clock.sleep)
    turns = []
    while clock.now() < 600:
        pace.wait()
        turns.append(clock.now())
        if len(turns) % 20 == 0:
            pace.pause(7.0)
    per_second = Counter(int(turn) for turn in turns)
    assert max(per_second.values()) <= 6  # five, and one at the edge of the second
    assert all(later - earlier >= 0.2 - 1e-9 for earlier, later in pairwise(turns))
    pauses = [later - earlier for earlier, later in zip(turns[19::20], turns[20::20], strict=False)]
    assert min(pauses) >= 7.0 - 1e-9


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, 86_400.0),
        ({"retry-after": formatdate(1_700_000_090, usegmt=True)}, 90.0),
        ({"retry-after": formatdate(1_699_999_000, usegmt=True)}, 0.0),
        # The receiver's clock is an hour ahead; by its own date it asks for half a minute.
        (
            {"retry-after": formatdate(1_700_003_630, usegmt=True), "date": formatdate(1_700_003_600, usegmt=True)},
            30.0,
        ),
    ],
)
def test_both_forms_of_retry_after_are_read(headers, seconds) -> None:
    response = httpx.Response(503, headers=headers)
    assert retry_after(response, datetime.fromtimestamp(1_700_000_000, UTC)) == seconds


def test_secrets_are_in_no_outcome_no_error_and_no_log(receiver, sender, caplog) -> None:
    """The receiver repeats all that it was told, which is where secrets come back from."""
    token = "canary-token-8d1f2c"
    receiver.answer = (422, {}, f"bad token {token} for {receiver.url} with {SECRET}".encode())
    with caplog.at_level(logging.DEBUG):
        destination = sender(receiver.url, token=SecretStr(token))
        (outcome,) = destination.deliver("event", rows([event(1, "d")]))
    assert receiver.attempts[0].headers["authorization"] == f"Bearer {token}"
    assert outcome.message == "bad token [hidden] for [hidden] with [hidden]"
    for text in (caplog.text, repr(destination), repr(destination.__dict__), repr(outcome)):
        assert token not in text
        assert SECRET not in text
    assert "/hooks/crm" not in caplog.text
