"""What is older than the policy goes out of lines, and nothing else does."""

import json
from datetime import datetime

from warehouse.erasure.tombstones import Keyring
from warehouse.retention import Policy
from warehouse.retention.expiry import Expiry

NOW = datetime(2026, 6, 1)
RULES = Policy(activity_days=100, campaign_days=30, health_days=10).rules(NOW)
KEYS = Keyring(b"k" * 32)


def line(event_type: str, time: str, **data: object) -> bytes:
    event = {"id": "1", "source": "crm", "type": event_type, "time": time, "tenantid": "t", "data": data}
    return json.dumps(event).encode() + b"\n"


def expiry(may_drop: bool = True, rejected: frozenset[int] = frozenset()) -> Expiry:
    return Expiry(KEYS, RULES, may_drop, rejected)


def test_old_activities_go_and_younger_ones_keep_their_bytes() -> None:
    # 100 days before 1 June 2026 is 21 February: what happened at that instant stays, a second before it goes.
    old = line("crm.activity.logged", "2026-02-20T23:59:59Z", activity_id="a")
    young = line("crm.activity.logged", "2026-02-21T00:00:00Z", activity_id="b")
    deal = line("crm.deal.created", "2020-01-01T00:00:00Z", deal_id="d")
    assert [expiry().line(one) for one in (old, young, deal)] == [b"", young, deal]
    # The offset counts: 23:59:59 at -01:00 is already the day after.
    assert expiry().line(line("chat.message.sent", "2026-02-20T23:59:59-01:00")) != b""


def test_of_old_campaigns_stays_how_many_and_not_whom() -> None:
    sent = [line("crm.email.sent", "2026-04-01T00:00:00Z", lead_id=lead, campaign_id="c") for lead in ("a", "b", "a")]
    after = [json.loads(expiry().line(one)) for one in sent]
    ids = [one["data"]["lead_id"] for one in after]
    assert all(one.startswith("erased-") for one in ids)
    assert len(set(ids)) == 2
    assert ids[0] == ids[2]
    assert [one["data"]["campaign_id"] for one in after] == ["c", "c", "c"]
    again = [json.dumps(one).encode() + b"\n" for one in after]
    assert [expiry().line(one) for one in again] == again


def test_where_a_replay_names_rows_they_keep_their_number() -> None:
    old = line("crm.activity.logged", "2020-01-01T00:00:00Z")
    blank = expiry(may_drop=False).line(old)
    assert len(blank) == len(old)
    assert blank.startswith(b'{"erased":"')
    assert expiry(may_drop=False).line(blank) == blank


def test_originals_of_rejected_rows_go_by_their_number() -> None:
    lines = [b"first\n", b"\n", b"second\n", b"third, which is longer than that\n"]
    one = expiry(rejected=frozenset({2, 3}))
    after = [one.line(raw) for raw in lines]
    assert after[:2] == lines[:2]
    assert b"second" not in after[2]
    assert len(after[3]) == len(lines[3])


def test_no_period_keeps_for_ever() -> None:
    assert Policy(activity_days=0, campaign_days=0, health_days=0).rules(NOW) == {}
