"""What is older than the policy goes out of lines, and nothing else does."""

import json
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse.erasure.amend import amend
from warehouse.erasure.files import redact_file
from warehouse.erasure.tombstones import Keyring
from warehouse.ingest import rebuild
from warehouse.landing import Landing
from warehouse.lock import writer_lock
from warehouse.pipeline import take_in
from warehouse.retention import Policy
from warehouse.retention.expiry import Expiry
from warehouse.retention.retain import _due_events, _due_rejects
from warehouse.settings import Home, Settings
from warehouse.store import open_store

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


def table(path: Path, rows: list[dict[str, object]], required: frozenset[str] = frozenset()) -> Path:
    """A Parquet file of events; `required` columns may not be null."""
    fields = [pa.field(name, pa.string(), nullable=name not in required) for name in rows[0]]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(fields)), path)
    return path


def row(event_id: str, time: str, data: str = "{}") -> dict[str, object]:
    return {"id": event_id, "source": "crm", "type": "crm.activity.logged", "time": time, "data": data}


OLD, YOUNG = "2020-01-01T00:00:00Z", "2026-05-01T00:00:00Z"


def test_of_a_table_whose_rows_a_replay_names_none_goes(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", [row("1", OLD), row("2", YOUNG), row("3", YOUNG)])
    assert redact_file(path, tmp_path / "dropped.parquet", expiry(may_drop=True))
    assert [one["id"] for one in pq.read_table(tmp_path / "dropped.parquet").to_pylist()] == ["2", "3"]
    assert redact_file(path, tmp_path / "kept.parquet", expiry(may_drop=False))
    # The second row is the second one still.
    assert [one["id"] for one in pq.read_table(tmp_path / "kept.parquet").to_pylist()] == [None, "2", "3"]
    assert not redact_file(tmp_path / "kept.parquet", tmp_path / "again.parquet", expiry(may_drop=False))


def empty_the_second_row(home: Home, settings: Settings) -> Path:
    """Take in the one file that waits, whose second row is rejected, empty that row, and build anew: it stays rejected.

    Return where the file is kept.
    """
    with writer_lock(home, "test"):
        take_in(settings, received_at=datetime(2026, 5, 2))
    landing = Landing(home, settings)
    (entry,) = landing.entries()
    with open_store(home, settings) as con:
        assert [found[:2] for found in _due_rejects(con, NOW)] == [(entry.seq, 2)]
    amend(landing, lambda _: expiry(rejected=frozenset({2})), KEYS, "retention", "retention-x")
    rebuild(home, settings)
    with open_store(home, settings) as con:
        assert con.execute("select event_id from raw.events").fetchall() == [("1",)]
        assert con.execute("select row_number from raw.rejected_events").fetchall() == [(2,)]
        assert _due_rejects(con, NOW) == []
    return landing.path(landing.entries()[0].files[0])


@pytest.mark.parametrize("required", [frozenset(), frozenset({"id", "source", "type", "time", "data"})])
def test_rejected_rows_of_a_table_are_emptied_and_stay_rejected(tmp_path: Path, required: frozenset[str]) -> None:
    home = Home(tmp_path / "home")
    settings = Settings(home=home.root)
    secret = json.dumps({"email": "secret@x.example"})
    rows = [row("1", YOUNG, '{"activity_id": "a", "activity_type": "call"}'), row("2", YOUNG, secret)]
    home.inbox.mkdir(parents=True)
    table(home.inbox / "a.parquet", rows, required)
    kept_at = empty_the_second_row(home, settings)
    assert b"secret@" not in kept_at.read_bytes()


def test_a_disk_that_is_full_damages_no_table(tmp_path: Path) -> None:
    """What cannot be written is no damage of what was read, which would be given up for it."""
    path = table(tmp_path / "a.parquet", [row("1", OLD), row("2", YOUNG)])
    full = tmp_path / "full.parquet"
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        redact_file(path, full, expiry())


def test_rejected_structs_that_may_not_be_null_are_emptied(tmp_path: Path) -> None:
    """Else what they say stays, and a retention finds it due every day."""
    home = Home(tmp_path / "home")
    settings = Settings(home=home.root)
    inner = pa.struct([pa.field("mail", pa.string(), False), pa.field("nick", pa.string())])
    kinds = {
        "activity_id": pa.string(), "activity_type": pa.string(), "who": inner, "phone": pa.int64(),
        "born": pa.date32(), "seen": pa.timestamp("us"), "weight": pa.float64(), "is_vip": pa.bool_(),
        "tags": pa.list_(pa.string()), "key": pa.binary(4), "blob": pa.binary(),
    }  # fmt: skip
    struct = pa.struct([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])
    fields = [pa.field(name, pa.string(), nullable=False) for name in ("id", "source", "type")]
    instant = pa.field("time", pa.timestamp("us"), nullable=False)
    schema = pa.schema([*fields, instant, pa.field("data", struct, nullable=False)])
    said = {
        "activity_id": "a", "activity_type": "call", "who": {"mail": "secret@x.example", "nick": "Secret"},
        "phone": 4915112345678, "born": date(1980, 2, 3), "seen": datetime(2026, 5, 1), "weight": 70.5, "is_vip": True,
        "tags": ["secret"], "key": b"\1\2\3\4", "blob": b"secret",
    }  # fmt: skip
    whole = {**row("1", YOUNG), "time": datetime(2026, 5, 1), "data": said}
    wrong = {**whole, "id": "2", "data": {**said, "activity_type": "secret"}}
    home.inbox.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([whole, wrong], schema=schema), home.inbox / "a.parquet", compression="none")
    kept_at = empty_the_second_row(home, settings)
    kept, emptied = pq.read_table(kept_at).to_pylist()
    assert kept == whole
    assert emptied == dict.fromkeys(whole)


def test_an_empty_id_is_nobodys_and_not_due(tmp_path: Path) -> None:
    """What is looked for must be what is taken away, or a retention never ends."""
    home = Home(tmp_path / "home")
    settings = Settings(home=home.root)
    home.inbox.mkdir(parents=True)
    nobody = line("crm.email.sent", OLD, message_id="m1", campaign_id="c", contact_id="")
    somebody = line("crm.email.sent", OLD, message_id="m2", campaign_id="c", contact_id="con-1")
    (home.inbox / "a.ndjson").write_bytes(nobody.replace(b'"id": "1"', b'"id": "7"') + somebody)
    with writer_lock(home, "test"):
        take_in(settings, received_at=datetime(2026, 5, 2))
    ((types, (action, before)),) = Policy(activity_days=0, campaign_days=30, health_days=0).rules(NOW).items()
    with open_store(home, settings) as con:
        assert con.execute("select count(*) from raw.events").fetchone() == (2,)
        assert _due_events(con, types, action, before)[0] == 1
