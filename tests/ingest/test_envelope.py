"""Each fault of an event has its reason; the verdict in SQL and the words in Python agree on every row."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.ingest.depot import Depot, depot, event, lines
from warehouse.ingest import envelope, validate

DEEP = "[" * 150 + "]" * 150
DEEPER_THAN_PYTHON = "[" * 20_000 + "]" * 20_000
HALF_A_PAIR = (
    rb'{"id":"x","source":"crm","type":"crm.deal.won","time":"2025-03-14T09:30:00Z","data":{"deal_id":"\ud800"}}'
)

FAULTS: list[tuple[str, dict[str, Any] | bytes, str]] = [
    ("no JSON", b"hello", "malformed_json"),
    ("cut JSON", b'{"id":"a"', "malformed_json"),
    ("two objects in a line", json.dumps(event("a")).encode() + json.dumps(event("b")).encode(), "malformed_json"),
    ("half a surrogate pair", HALF_A_PAIR, "malformed_json"),
    ("NUL byte", lines(event(data={"deal_id": "D?"})).strip().replace(b"?", b"\0"), "malformed_json"),
    ("not UTF-8", lines(event(data={"deal_id": "D?"})).strip().replace(b"?", b"\xff"), "not_utf8"),
    ("encoded surrogate", lines(event(data={"deal_id": "D?"})).strip().replace(b"?", b"\xed\xa0\x80"), "not_utf8"),
    ("array", b"[1]", "not_an_object"),
    ("string", b'"a"', "not_an_object"),
    ("number", b"1", "not_an_object"),
    ("null", b"null", "not_an_object"),
    ("empty object", b"{}", "missing_attribute"),
    ("no id", event(id=...), "missing_attribute"),
    ("null id", event(id=None), "missing_attribute"),
    ("no source", event(source=...), "missing_attribute"),
    ("no type", event(type=...), "missing_attribute"),
    ("no time", event(time=...), "missing_attribute"),
    ("no data", event(data=...), "missing_attribute"),
    ("null data", event(data=None), "missing_attribute"),
    ("empty id", event(id=""), "invalid_attribute"),
    ("id of 201 characters", event(id="x" * 201), "invalid_attribute"),
    ("id that is a list", event(id=["a"]), "invalid_attribute"),
    ("id that is an object", event(id={"a": 1}), "invalid_attribute"),
    ("id that is true", event(id=True), "invalid_attribute"),
    ("subject that is a list", event(subject=["a"]), "invalid_attribute"),
    ("empty subject", event(subject=""), "invalid_attribute"),
    ("empty tenant", event(tenantid=""), "invalid_attribute"),
    ("actor that is an object", event(actor={}), "invalid_attribute"),
    ("upper-case source", event(source="CRM"), "invalid_attribute"),
    ("source of 101 characters", event(source="x" * 101), "invalid_attribute"),
    ("other version", event(specversion="0.3"), "unsupported_specversion"),
    ("version as another number", event(specversion=1), "unsupported_specversion"),
    ("data as text", event(data='{"deal_id":"D"}'), "invalid_attribute"),
    ("data as list", event(data=[]), "invalid_attribute"),
    ("data as number", event(data=1e30), "invalid_attribute"),
    ("data nested deeply", event(data={"deal_id": "D", "x": json.loads(DEEP)}), "invalid_attribute"),
    (
        "data nested beyond Python",
        json.dumps(event(data={"deal_id": "D", "x": "?"})).replace('"?"', DEEPER_THAN_PYTHON).encode(),
        "malformed_json",
    ),
    ("unknown type", event(type="crm.deal.forgotten"), "unknown_type"),
    ("endless type", event(type="x" * 100_000), "unknown_type"),
    ("missing field", event(data={"amount": 1}), "missing_field"),
    ("null in a required field", event(data={"deal_id": None}), "missing_field"),
    ("empty required field", event(data={"deal_id": ""}), "invalid_value"),
    ("number in a text", event(data={"deal_id": 7}), "wrong_type"),
    ("amount out of range", event(data={"deal_id": "D", "amount": 10**30}), "invalid_value"),
    ("currency in lower case", event(data={"deal_id": "D", "currency": "usd"}), "invalid_value"),
    ("a day and a second ahead", event(time="2026-01-02T00:00:01Z"), "future_time"),
]

BAD_TIMES = [
    "2025-01-01t00:00:00Z", "2025-01-01T00:00:00z", "2025-01-01 00:00:00+00", "20250101T000000Z", "2025-01-01",
    "2016-12-31T23:59:60Z", "2025-02-30T00:00:00Z", "2025-13-01T00:00:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00", "2025-01-01T24:00:00Z", "2025-01-01T00:00Z", "2025-01-01T00:00:00",
    "2025-1-1T00:00:00Z",
    "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00,5Z", "2025-01-01T00:00:00+25:00", "2025-01-01T00:00:00+0530",
    "2025-01-01T00:00:00 Z", " 2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z\n", "infinity", "٢٠٢٥-01-01T00:00:00Z",
    "2025-01-01T 0:00:00Z", "2025-01-01T00:00:00.0000000001Z", "", 1735689600, True, {}, [],
]  # fmt: skip

GOOD_TIMES = {
    "2025-01-01T00:00:00Z": datetime(2025, 1, 1),
    "2025-01-01 00:00:00+00:00": datetime(2025, 1, 1),
    "2024-02-29T23:59:59-00:30": datetime(2024, 3, 1, 0, 29, 59),
    "2025-01-01T05:30:00.5+05:30": datetime(2025, 1, 1, 0, 0, 0, 500_000),
    "2025-01-01T00:00:00.123456789Z": datetime(2025, 1, 1, 0, 0, 0, 123_456),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1),
    "2026-01-02T00:00:00Z": datetime(2026, 1, 2),
}


def test_each_fault_has_its_reason_and_its_line(fresh: Depot) -> None:
    cases = [*FAULTS, *((f"time {one!r}", event(time=one), "invalid_attribute") for one in BAD_TIMES)]
    result = fresh.take(lines(*(one for _, one, _ in cases)))
    accepted = fresh.query("select row_number from raw.events")
    assert [cases[row - 1] for (row,) in accepted] == []
    assert (result.rows, result.rejected) == (len(cases), len(cases))
    found = fresh.query("select line, reason, message from raw.rejected_events order by row_number")
    assert [(what, reason) for what, _, reason in cases] == [(cases[line - 1][0], reason) for line, reason, _ in found]
    assert all(message.endswith((".", "?")) and len(message) < 600 for _, _, message in found)


def test_good_times_are_stored_in_utc(fresh: Depot) -> None:
    fresh.take(lines(*(event(str(number), time=text) for number, text in enumerate(GOOD_TIMES))))
    stored = fresh.query("select occurred_at from raw.events order by row_number")
    assert [row[0] for row in stored] == list(GOOD_TIMES.values())


def test_what_looks_odd_and_is_good_is_taken_in(fresh: Depot) -> None:
    good = [
        event("[1]"), event("{}"), event("true", subject="[x", actor="{y}", tenantid="false"), event("ü" * 200),
        event("wide", data={"deal_id": "D", "x": [[] for _ in range(500)]}),
        event("deep", data={"deal_id": "D", "x": json.loads("[" * 99 + "]" * 99)}),
        event("brackets", data={"deal_id": "[" * 500}), event("escapes", data={"deal_id": "a\0b😀"}),
        event("digits", data={"deal_id": "D", "x": 0}), event(7),
        event("null", subject=None, actor=None, specversion=None),
    ]  # fmt: skip
    content = lines(*good).replace(b'"x": 0', b'"x": ' + b"1" * 5000)
    result = fresh.take(content)
    assert fresh.reasons() == []
    assert result.accepted == len(good)
    assert fresh.ids()[:2] + fresh.ids()[-2:] == ["[1]", "{}", "7", "null"]
    assert fresh.query("select distinct tenant_id from raw.events order by 1") == [("default",), ("false",)]


def test_a_number_without_end_is_refused_as_a_value_and_kept_as_an_extra(fresh: Depot) -> None:
    known = lines(event("a", data={"deal_id": "D", "amount": 7})).replace(b"7", b"1e999")
    extra = lines(event("b", data={"deal_id": "D", "x": 7})).replace(b"7", b"1e999")
    fresh.take(known + extra)
    assert fresh.reasons() == [(1, "invalid_value")]
    assert fresh.ids() == ["b"]


def test_every_row_is_judged_chunk_after_chunk(fresh: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "CHUNK_ROWS", 2048)
    bad = {1, 2048, 2049, 5000, 9_999, 10_000}
    fresh.take(
        lines(
            *(
                event(str(number), data={"deal_id": "D", "currency": "x" if number in bad else "EUR"})
                for number in range(1, 10_001)
            )
        )
    )
    assert fresh.reasons() == [(number, "invalid_value") for number in sorted(bad)]


def test_a_hundred_unknown_types_and_shapes(fresh: Depot) -> None:
    unknown = [event(f"t{number}", type=f"none.such.{number}") for number in range(100)]
    shapes = [event(f"s{number}", data={f"x{number}": 1}) for number in range(100)]
    fresh.take(lines(*unknown, *shapes))
    assert fresh.query("select reason, count(*) from raw.rejected_events group by 1 order by 1") == [
        ("missing_field", 100),
        ("unknown_type", 100),
    ]


BEYOND_THE_ENVELOPE = {"unknown_type", "missing_field", "future_time", "conflicting_duplicate"}

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8), st.just("[]"),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip
times = st.one_of(
    st.sampled_from([one for one in BAD_TIMES if isinstance(one, str)]),
    st.sampled_from(list(GOOD_TIMES)),
    st.from_regex(
        r"\A[0-2][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
        r"(\.[0-9]{1,10})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
    ),
)  # fmt: skip


@st.composite
def odd_events(draw: st.DrawFn) -> dict[str, Any]:
    whole = event(draw(st.text(max_size=4)))
    for name in draw(st.lists(st.sampled_from([*whole, "subject", "tenantid", "actor", "specversion"]), max_size=2)):
        whole[name] = draw(times if name == "time" else scalars)
    return whole


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(events=st.lists(odd_events(), min_size=20, max_size=60))
def test_sql_and_python_agree(tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]]) -> None:
    for number, one in enumerate(events):
        if isinstance(one["id"], str) and one["id"]:
            one["id"] = f"{number}-{one['id']}"
    with depot(tmp_path_factory.mktemp("agree")) as fresh:
        fresh.take(lines(*events))
        refused = dict(fresh.query("select row_number, reason from raw.rejected_events"))
        for number, one in enumerate(events, 1):
            said = envelope.faults(json.loads(json.dumps(one)))[0]
            found = refused.get(number, "")
            # Of several faults the first counts, and an unknown type comes before what is wrong with data.
            assert found == said or found in BEYOND_THE_ENVELOPE, one
            assert not said or found, one


def test_future_is_told_from_the_moment_of_receipt(tmp_path: Path) -> None:
    now = datetime(2025, 6, 1, 12, tzinfo=UTC)
    edge = now + timedelta(hours=24)
    with depot(tmp_path) as fresh:
        fresh.take(
            lines(
                event("at", time=edge.isoformat()),
                event("after", time=(edge + timedelta(microseconds=1)).isoformat()),
            ),
            received_at=now,
        )
        assert fresh.ids() == ["at"]
        assert fresh.reasons() == [(2, "future_time")]
