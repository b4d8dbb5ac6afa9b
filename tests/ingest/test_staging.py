"""What is judged many rows at a time, and what depends on the versions of things around a batch."""

import gzip
import json
from pathlib import Path

import pytest

from tests.ingest.depot import NOW, Depot, event, lines
from warehouse.errors import DealhouseError
from warehouse.ingest import values


def test_every_shape_has_its_own_verdict_however_many_there_are(fresh: Depot) -> None:
    # 600 shapes: each event has an unknown key of its own; every third has its amount as a list, and is refused.
    sent = [
        event(str(n), data={"deal_id": "D", "amount": [1] if n % 3 == 0 else 1, f"extra_{n}": n}) for n in range(600)
    ]
    result = fresh.take(lines(*sent))
    assert (result.accepted, result.rejected) == (400, 200)
    assert fresh.reasons() == [(n + 1, "wrong_type") for n in range(0, 600, 3)]
    assert {name for _, name in result.drift} == {f"extra_{n}" for n in range(600) if n % 3}


def test_a_list_of_texts_holds_texts(fresh: Depot) -> None:
    def stage(event_id: str, refs: object) -> dict[str, object]:
        data = {"deal_id": "D", "to_stage": "won", "evidence_refs": refs}
        return event(event_id, type="crm.deal.stage_changed", data=data)

    good = [[], ["a"], ["a", None], None]
    bad = [[1], ["a", {}], [["a"]], [True], "a", {}]
    fresh.take(lines(*(stage(str(number), refs) for number, refs in enumerate([*good, *bad]))))
    assert fresh.ids() == ["0", "1", "2", "3"]
    assert fresh.reasons() == [(line, "wrong_type") for line in range(5, 11)]


def test_a_key_that_stands_twice_in_data_is_refused(fresh: Depot) -> None:
    twice = json.dumps(event("e2")).replace('"amount": 12.5', '"amount": 1, "amount": 2').encode()
    fresh.take(lines(event("e1"), twice))
    assert fresh.ids() == ["e1"]
    assert fresh.reasons() == [(2, "malformed_json")]


def test_values_are_judged_alike_in_portions_of_any_size(fresh: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_ROWS_OF_A_TYPE", 7)
    monkeypatch.setattr(values, "_ROWS_HELD", 11)
    sent = [
        event(str(n), type=["crm.deal.won", "crm.deal.updated"][n % 2], data={"deal_id": "" if n % 5 == 0 else "D"})
        for n in range(100)
    ]
    fresh.take(lines(*sent))
    assert fresh.reasons() == [(n + 1, "invalid_value") for n in range(0, 100, 5)]
    assert len(fresh.ids()) == 80


def test_key_hashes_of_another_engine_are_renewed(fresh: Depot) -> None:
    fresh.take(lines(event("e1"), event("e2")))
    fresh.con.execute("update raw.events set key_hash = 7")
    result = fresh.take(lines(event("e2"), event("e3")))
    assert (result.accepted, result.duplicate) == (1, 1)
    assert fresh.query("select count(distinct key_hash) from raw.events") == [(3,)]


def test_equal_hashes_do_not_make_events_equal(fresh: Depot) -> None:
    """Every key of the store collides with every other: only the comparison of keys themselves can tell them apart."""
    fresh.take(lines(*(event(f"e{number}") for number in range(50))))
    hashes = fresh.query("select distinct hash(source, event_id) from raw.events")
    assert len(hashes) == 50
    # The first keeps its hash, so that nothing is renewed; the others get the one of an event still to come.
    fresh.con.execute("update raw.events set key_hash = hash('crm', 'new') where event_id <> 'e0'")
    result = fresh.take(lines(event("new"), event("new")))
    assert (result.accepted, result.duplicate, result.rejected) == (1, 1, 0)


def test_content_is_compared_with_the_first_in_this_batch_and_in_earlier_ones(fresh: Depot) -> None:
    fresh.take(lines(event("old", data={"deal_id": "D", "amount": 1})))
    reordered = '{"data": {"amount": 1.0, "deal_id": "D"}, "source": "crm", "type": "crm.deal.won", "id": "old", '
    result = fresh.take(
        lines(
            (reordered + '"time": "2025-03-14T10:30:00+01:00"}').encode(),  # the same instant, the same JSON
            event("old", data={"deal_id": "D", "amount": 2}),
            event("new"),
            event("new"),
            event("new", actor="someone else"),
        )
    )
    assert (result.accepted, result.duplicate, result.rejected) == (1, 2, 2)
    assert fresh.reasons() == [(2, "conflicting_duplicate"), (5, "conflicting_duplicate")]
    messages = fresh.query("select message from raw.rejected_events order by row_number")
    assert "(batch 1, row 1)" in messages[0][0]
    assert "(batch 2, row 3)" in messages[1][0]


def test_a_work_file_that_landing_does_not_account_for_is_refused(fresh: Depot) -> None:
    fresh.take(lines(event("e1")))
    fresh.take(lines(event("e2")))
    manifest = fresh.landing.manifest
    manifest.write_bytes(manifest.read_bytes().splitlines(keepends=True)[0])
    # What lands next gets the number of the lost entry, and must not be taken for it.
    fresh.landing.land_all([fresh.file(lines(event("e3")), "third.ndjson")], received_at=NOW)
    with pytest.raises(DealhouseError, match="batch 2"):
        fresh.pending()


@pytest.mark.parametrize("size", [1023, 1024, 1025, 5000])
def test_the_longest_line_is_known_to_the_byte(tmp_path: Path, size: int) -> None:
    one = Depot(tmp_path, max_event_bytes=1024)
    try:
        padding = size - len(json.dumps(event("long", data={"deal_id": ""})))
        long = event("long", data={"deal_id": "D" * padding})
        assert len(json.dumps(long)) == size
        for packed in (lines(event("a"), long, event("b")), gzip.compress(lines(event("c"), long, event("d")))):
            one.take(packed, "x.ndjson.gz" if packed[:2] == b"\x1f\x8b" else "x.ndjson")
        if size <= 1024:
            assert one.ids() == ["a", "long", "b", "c", "d"]
        else:
            assert one.ids() == ["a", "b", "c", "d"]
            assert one.reasons() == [(2, "too_large"), (2, "too_large")]
    finally:
        one.close()
