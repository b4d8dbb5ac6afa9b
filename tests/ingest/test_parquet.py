"""Parquet of events: structs, timestamps, and files that are damaged where nothing shows it."""

import json
from datetime import datetime

import duckdb
import pytest

from tests.ingest.depot import Depot, event, lines

ROWS = """
select 'e' || i as id, 'crm' as source, 'crm.deal.won' as type, '2025-03-14T09:30:00Z' as time,
    '{"deal_id": "D-' || i || '"}' as data, repeat(md5(i::varchar), 20) as remark
from range(3000) as t(i)
"""


def parquet(depot: Depot, select: str, codec: str = "snappy") -> bytes:
    path = depot.root / "made.parquet"
    duckdb.connect().execute(f"copy ({select}) to '{path}' (compression {codec})")
    return path.read_bytes()


def test_a_parquet_struct_may_leave_fields_empty_and_hold_timestamps(fresh: Depot) -> None:
    content = parquet(
        fresh,
        """
        select 'e1' as id, 'crm' as source, 'crm.deal.won' as type, timestamp '2025-03-14 09:30:00' as time,
            {'deal_id': 'D-1', 'amount': 12.5::decimal(9, 2), 'due_at': null::timestamp} as data
        union all
        select 'e2', 'crm', 'crm.deal.next_step_set', timestamp '2025-03-14 09:30:00',
            {'deal_id': 'D-1', 'amount': null, 'due_at': timestamp '2025-03-15 12:00:00'}
        union all
        select 'e3', 'crm', 'crm.deal.next_step_set', timestamp '2025-03-14 09:30:00', null
        """,
    )
    result = fresh.take(content, "events.parquet")
    found = fresh.query("select event_id, occurred_at, data from raw.events")
    assert [(event_id, at, json.loads(data)) for event_id, at, data in found] == [
        ("e1", datetime(2025, 3, 14, 9, 30), {"deal_id": "D-1", "amount": 12.5})
    ]
    # The second lacks next_step: had its due_at no offset, that would have been its fault.
    assert fresh.reasons() == [(2, "missing_field"), (3, "missing_attribute")]
    assert result.drift == ()
    # The same event as a line of JSON is the same event.
    again = fresh.take(lines(event("e1")))
    assert (again.duplicate, again.rejected) == (1, 0)


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip"])
def test_a_damaged_page_rejects_its_file_and_holds_up_no_other(fresh: Depot, codec: str) -> None:
    whole = parquet(fresh, ROWS, codec)
    torn = bytearray(whole)
    torn[200:600] = bytes(400)
    fresh.landing.land_all([fresh.file(bytes(torn), "a.parquet")])
    fresh.landing.land_all([fresh.file(lines(event("next")), "b.ndjson")])
    first, second = fresh.pending()
    assert (first.rows, first.accepted, first.rejected) == (1, 0, 1)
    assert second.accepted == 1
    assert fresh.reasons() == [(1, "unreadable_file")]
    assert fresh.ids() == ["next"]
    # Sent again, whole, nothing stands in its way.
    assert fresh.take(whole, "a.parquet").accepted == 3000


def test_damage_in_a_column_that_is_not_read_matters_to_no_one(fresh: Depot) -> None:
    bad = ROWS.replace("'crm.deal.won'", "case when i = 7 then 'crm.deal.lots' else 'crm.deal.won' end")
    torn = bytearray(parquet(fresh, bad))
    # The column after the others takes nearly all of the file.
    torn[len(torn) // 2 : len(torn) // 2 + 400] = bytes(400)
    result = fresh.take(bytes(torn), "a.parquet")
    assert (result.accepted, result.rejected) == (2999, 1)
    assert fresh.reasons() == [(8, "unknown_type")]
