"""Exactly once: repeated, conflicting and replayed events; interrupted batches; rebuilding to the same rows."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.ingest.depot import NOW, Depot, depot, event, lines
from warehouse.contracts.contract import REGISTRY, EventContract
from warehouse.contracts.fields import required
from warehouse.contracts.kinds import Text
from warehouse.erasure.pending import mark_rebuild, unmark_rebuild
from warehouse.errors import DealhouseError
from warehouse.ingest import batch, rebuild, replay
from warehouse.ingest.deduplicate import is_same_json
from warehouse.store import open_store

LATER = datetime(2026, 2, 1)


@pytest.mark.parametrize(
    ("first", "later", "same"),
    [
        ('{"a":1,"b":2}', '{ "b":2, "a":1 }', True),
        ('{"a":1}', '{"a":1.0}', True),
        ('{"a":"é"}', '{"a":"\\u00e9"}', True),
        ('{"a":1}', '{"a":true}', False),
        ('{"a":0}', '{"a":false}', False),
        ('{"a":[1]}', '{"a":[true]}', False),
        ('{"a":[1,2]}', '{"a":[2,1]}', False),
        ('{"a":null}', "{}", False),
        ('{"a":1}', '{"a":"1"}', False),
        ('{"a":{}}', '{"a":[]}', False),
        ('{"a":1}', '{"a":1,}', False),
        ('{"a":9007199254740993}', '{"a":9007199254740992}', False),
    ],
)
def test_equality_is_that_of_json(first: str, later: str, same: bool) -> None:
    assert is_same_json(first, later) is same
    assert is_same_json(later, first) is same


def test_duplicates_are_counted_and_conflicts_kept_within_a_batch_and_across(fresh: Depot) -> None:
    data = {"deal_id": "D", "amount": 1}
    first = fresh.take(
        lines(
            event("a", data=data), event("a", data=data), event("a", data={"amount": 1.0, "deal_id": "D"}),
            event("a", data={"deal_id": "D", "amount": 2}), event("a", data=data, source="billing"),
        )
    )  # fmt: skip
    assert (first.accepted, first.duplicate, first.rejected) == (2, 2, 1)
    second = fresh.take(
        lines(
            event("a", data=data), event("a", data=data, time="2025-03-14T10:30:00+01:00"),
            event("a", data=data, time="2025-03-14T09:30:01Z"), event("a", data=data, subject="D"),
            event("a", data=data, type="crm.deal.lost"), event("a", data=data, tenantid="other"),
            event("a", data=data, actor="ai"), event("a", data={"deal_id": "D", "amount": 1, "x": None}),
        ),
        "second.ndjson",
    )  # fmt: skip
    # The type that lacks a field is refused for that; the same instant in another zone is the same.
    assert (second.accepted, second.duplicate, second.rejected) == (0, 2, 6)
    assert fresh.reasons()[0] == (4, "conflicting_duplicate")
    assert sorted(reason for _, reason in fresh.reasons()) == ["conflicting_duplicate"] * 6 + ["missing_field"]


def test_the_same_file_again_under_another_name_is_no_batch(fresh: Depot) -> None:
    fresh.take(lines(event()))
    (again,) = fresh.landing.land_all([fresh.file(lines(event()), "other.ndjson")])
    assert (again.already, fresh.pending()) == (1, [])


def test_drift_is_told_once(fresh: Depot) -> None:
    extra = {"deal_id": "D", "colour": "red", "size": 1}
    first = fresh.take(lines(event("a", data=extra), event("b", data=extra)))
    second = fresh.take(lines(event("c", data={**extra, "size": "L", "new": []})), "second.ndjson")
    assert first.drift == (("crm.deal.won", "colour"), ("crm.deal.won", "size"))
    assert second.drift == (("crm.deal.won", "new"),)
    assert fresh.query("select field, json_type, first_batch_id from raw.schema_drift order by 1") == [
        ("colour", "text", 1), ("new", "list", 2), ("size", "number", 1),
    ]  # fmt: skip


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Knows, after it is asked for by :func:`remember`, a type that had no contract."""
    yield
    REGISTRY.pop("crm.deal.forgotten", None)


def remember() -> None:
    class Forgotten(EventContract, type="crm.deal.forgotten"):
        """A deal was forgotten."""

        deal_id: Text = required("The deal.", example="D-1")


def _rebuilt(fresh: Depot) -> dict[str, list[tuple[Any, ...]]]:
    fresh.close()
    rebuild(fresh.home, fresh.settings)
    fresh.con = open_store(fresh.home, fresh.settings)
    return fresh.tables()


@pytest.mark.usefixtures("forgotten")
def test_nothing_is_replayed_before_the_work_file_fits_landing_again(fresh: Depot) -> None:
    """Rows of the manifest are named for good: those of a work file from before a retention may be others."""
    fresh.take(lines(event("a", type="crm.deal.forgotten", data={"deal_id": "a"})))
    remember()
    mark_rebuild(fresh.home)
    before = fresh.home.landing.joinpath("manifest.ndjson").read_bytes()
    with pytest.raises(DealhouseError, match="Nothing was replayed: a retention was cut off"):
        replay(fresh.con, fresh.home, fresh.settings, LATER)
    assert fresh.home.landing.joinpath("manifest.ndjson").read_bytes() == before
    unmark_rebuild(fresh.home)
    assert replay(fresh.con, fresh.home, fresh.settings, LATER) is not None


@pytest.mark.usefixtures("forgotten")
def test_replay_takes_in_what_a_newer_contract_accepts_and_rebuild_repeats_it(fresh: Depot) -> None:
    old = [event(name, type="crm.deal.forgotten", data={"deal_id": name}) for name in "abc"]
    fresh.take(lines(old[0], b"hello", event("g"), old[1]))
    fresh.take(lines(old[1], old[2], event("future", time="2026-01-20T00:00:00Z")), "second.ndjson.gz.ndjson")
    assert replay(fresh.con, fresh.home, fresh.settings, NOW) is None
    remember()
    result = replay(fresh.con, fresh.home, fresh.settings, LATER)
    assert result is not None
    assert (result.batch_id, result.rows, result.accepted, result.duplicate) == (3, 5, 4, 1)
    assert fresh.ids() == ["g", "a", "b", "c", "future"]
    assert fresh.query("select received_at from raw.events where batch_id = 3 limit 1") == [(LATER,)]
    open_ones = "select batch_id, line, reason from raw.rejected_events where replay_batch_id is null"
    assert fresh.query(open_ones) == [(1, 2, "malformed_json")]
    assert replay(fresh.con, fresh.home, fresh.settings, LATER) is None
    before = fresh.tables()
    assert _rebuilt(fresh) == before
    assert fresh.landing.verify() == []


@pytest.mark.usefixtures("forgotten")
def test_what_a_replay_took_in_and_a_later_contract_refuses_can_be_replayed_again(fresh: Depot) -> None:
    fresh.take(lines(event("a", type="crm.deal.forgotten")))
    fresh.take(lines(b"hello", event("b", type="crm.deal.forgotten")), "second.ndjson")
    remember()
    assert replay(fresh.con, fresh.home, fresh.settings, LATER) is not None
    del REGISTRY["crm.deal.forgotten"]
    _rebuilt(fresh)
    assert fresh.ids() == []
    again = "select batch_id, row_number, raw_bytes from raw.rejected_events where batch_id = 3 order by 2"
    assert [(row, json.loads(raw)["id"]) for _, row, raw in fresh.query(again)] == [(1, "a"), (2, "b")]
    remember()
    result = replay(fresh.con, fresh.home, fresh.settings, LATER)
    assert result is not None
    assert (result.batch_id, result.accepted, fresh.ids()) == (4, 2, ["a", "b"])


@pytest.mark.parametrize("step", ["find_repeated", "_quarantine", "_note_drift", "_pseudonymise"])
def test_an_interrupted_batch_leaves_no_trace_and_is_taken_in_next_time(
    fresh: Depot, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    fresh.take(lines(event("before")))
    before = fresh.tables()
    extra = event("c", type="crm.lead.created", data={"lead_id": "L", "lead_source": "paid", "email": "a@b.c", "x": 1})
    fresh.landing.land_all([fresh.file(lines(event("a"), event("a"), b"bad", extra), "next.ndjson")], received_at=NOW)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batch, step, fail)
        with pytest.raises(KeyboardInterrupt):
            fresh.pending()
    assert fresh.tables() == before
    (result,) = fresh.pending()
    assert (result.rows, result.accepted, result.duplicate, result.rejected) == (4, 2, 1, 1)
    assert len(fresh.query("from raw.event_pseudonyms")) == len(fresh.query("from raw.schema_drift")) == 1


def test_a_full_disk_is_said_and_the_batch_is_taken_in_next_time(fresh: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    fresh.landing.land_all([fresh.file(lines(event("a")))], received_at=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(batch, "_quarantine", fail)
        with pytest.raises(DealhouseError, match="disk is full"):
            fresh.pending()
    assert fresh.pending()[0].accepted == 1


def test_equal_addresses_have_equal_pseudonyms_and_none_stands_in_their_table(fresh: Depot) -> None:
    def lead(name: str, **data: str) -> dict[str, Any]:
        return event(name, type="crm.lead.created", data={"lead_id": name, "lead_source": "paid", **data})

    fresh.take(
        lines(
            lead("a", email="Ann@Example.org ", phone="+1 (555) 010-0000"), lead("b", email="ann@example.org"),
            lead("c", phone="15550100000"), lead("d"), lead("e", email=" ", phone="none"),
        )
    )  # fmt: skip
    found = {row[0]: row[1:] for row in fresh.query("select event_id, email_key, phone_key from raw.event_pseudonyms")}
    assert found.keys() == {"a", "b", "c"}
    assert found["a"] == (found["b"][0], found["c"][1])
    assert found["b"][1] is found["c"][0] is None
    assert "example" not in str(fresh.query("from raw.event_pseudonyms")).lower()


good = st.integers(0, 6).map(lambda n: event(f"e{n}", data={"deal_id": "D", "amount": n}))
conflicting = st.integers(0, 6).map(lambda n: event(f"e{n}", data={"deal_id": "other"}))
bad = st.one_of(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), st.sampled_from([b"[]", b"{}"]))


def _sent(files: list[list[Any]]) -> list[bytes]:
    """Lines that are not blank; their order decides which of two conflicting events stays."""
    return [line for file in files for line in lines(*file).split(b"\n") if line.strip()]


@settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(files=st.lists(st.lists(st.one_of(good, good, conflicting, bad), max_size=15), min_size=1, max_size=4))
def test_nothing_is_lost_whatever_is_sent(tmp_path_factory: pytest.TempPathFactory, files: list[list[Any]]) -> None:
    with depot(tmp_path_factory.mktemp("any")) as fresh:
        for number, file in enumerate(files):
            fresh.landing.land_all([fresh.file(lines(*file), f"{number}.ndjson")], received_at=NOW)
        results = fresh.pending()
        assert all(one.rows == one.accepted + one.duplicate + one.rejected for one in results)
        # Twice the same file is landed once.
        once = [list(file) for file in {lines(*file): file for file in reversed(files)}.values()]
        assert sum(one.rows for one in results) == len(_sent(once))
        kept = [row[0] for row in fresh.query("select raw_bytes from raw.rejected_events")]
        assert all(raw in [line.removesuffix(b"\r") for line in _sent(once)] for raw in kept)
        assert len(kept) == sum(one.rejected for one in results)
        # The first of each id that was sent in these files, in this order.
        firsts: dict[str, Any] = {}
        for file in files:
            for one in file:
                if isinstance(one, dict):
                    firsts.setdefault(one["id"], one["data"])
        stored = fresh.query("select event_id, data from raw.events")
        assert {name: json.loads(data) for name, data in stored} == firsts
        assert len(stored) == len(firsts)
        before = fresh.tables()
        assert _rebuilt(fresh) == before


@settings(max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data(), events=st.lists(good, min_size=1, max_size=12))
def test_order_split_and_repetition_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, events: list[dict[str, Any]]
) -> None:
    content = "select source, event_id, event_type, occurred_at, tenant_id, data from raw.events order by all"
    with depot(tmp_path_factory.mktemp("one")) as whole:
        whole.take(lines(*events))
        expected = whole.query(content)
    with depot(tmp_path_factory.mktemp("many")) as parts:
        left = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=8))))
        while left:
            size = data.draw(st.integers(1, len(left)))
            parts.landing.land_all([parts.file(lines(*left[:size]))], received_at=NOW)
            parts.pending()
            left = left[size:]
        assert parts.query(content) == expected


def test_a_workspace_of_its_own_for_each_rewritten_file(tmp_path: Path) -> None:
    with depot(tmp_path) as fresh:
        bom = b"\xef\xbb\xbf"
        fresh.landing.land_all([fresh.file(bom + lines(event("a"), b"x"), "1.ndjson")], received_at=NOW)
        fresh.landing.land_all([fresh.file(bom + lines(event("b"), b"y"), "2.ndjson")], received_at=NOW)
        fresh.pending()
        assert fresh.ids() == ["a", "b"]
        assert fresh.query("select raw_bytes from raw.rejected_events order by batch_id") == [(b"x",), (b"y",)]
