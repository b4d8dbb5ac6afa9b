"""Exactly once: finds the rows of a batch whose (source, id) has come before, in it or in an earlier batch.

The first row that was accepted stays. A later one with equal content is a duplicate; with other content, a conflict.
"""

from typing import Any

import duckdb
import polars as pl

from warehouse.sources.ndjson import parse_json

_CANDIDATES = """
create or replace temp table repeated as
with fresh as (
    select key_hash from raw.events
    where batch_id = $batch_id and row_number not in (select row_number from refused)
),
suspicious as (
    select key_hash from fresh group by key_hash having count(*) > 1
    union
    select key_hash from fresh where key_hash in (select key_hash from raw.events where batch_id < $batch_id)
),
found as (
    select event.*
    from raw.events as event
    inner join suspicious on event.key_hash = suspicious.key_hash
    where event.batch_id < $batch_id
        or (event.batch_id = $batch_id and event.row_number not in (select row_number from refused))
),
ranked as (
    select *, row_number() over (partition by source, event_id order by batch_id, row_number) as place from found
)
select
    later.row_number, later.source, later.event_id,
    first.batch_id as first_batch_id, first.row_number as first_row_number,
    first.event_type = later.event_type and first.occurred_at = later.occurred_at
        and first.tenant_id = later.tenant_id and first.subject is not distinct from later.subject
        and first.actor is not distinct from later.actor as is_same_envelope,
    first.data = later.data as is_same_text,
    case when first.data <> later.data then first.data end as first_data,
    case when first.data <> later.data then later.data end as later_data
from ranked as later
inner join ranked as first
    on later.source = first.source and later.event_id = first.event_id and first.place = 1
where later.place > 1 and later.batch_id = $batch_id
"""


def find_repeated(con: duckdb.DuckDBPyConnection, batch_id: int) -> int:
    """Note conflicts in ``refused`` and duplicates in the temporary table ``duplicates``; return their number."""
    con.execute(_CANDIDATES, {"batch_id": batch_id})
    con.execute(
        "create or replace temp table duplicates as "
        "select row_number from repeated where is_same_envelope and is_same_text"
    )
    differing = con.sql(
        "select row_number, first_data, later_data from repeated where is_same_envelope and not is_same_text"
    ).pl()
    # Equal JSON may be written in two ways: other order of keys, other spacing, 1 and 1.0.
    equal = [row for row, first, later in differing.iter_rows() if is_same_json(first, later)]
    if equal:
        same = pl.DataFrame({"row_number": equal}, schema={"row_number": pl.Int64}).to_arrow()
        con.register("same_json", same)
        con.execute("insert into duplicates select row_number from same_json")
        con.unregister("same_json")
    con.execute(
        "insert into refused select row_number, 5, 'conflicting_duplicate', "
        "'Source ' || source || ' has sent an event ' || event_id || ' with other content before (batch ' "
        "|| first_batch_id || ', row ' || first_row_number || '). The first stays; give the new one an id of its own "
        "if it is meant.' from repeated where row_number not in (select row_number from duplicates)"
    )
    row = con.execute("select count(*) from duplicates").fetchone()
    assert row is not None
    return int(row[0])


def is_same_json(first: str, later: str) -> bool:
    """Whether two texts are the same JSON value; texts that only DuckDB takes for JSON are not."""
    try:
        return _is_same(parse_json(first), parse_json(later))
    except ValueError:
        return False


def _is_same(first: Any, later: Any) -> bool:
    if isinstance(first, dict) and isinstance(later, dict):
        return first.keys() == later.keys() and all(_is_same(first[key], later[key]) for key in first)
    if isinstance(first, list) and isinstance(later, list):
        return len(first) == len(later) and all(map(_is_same, first, later))
    # To Python True equals 1; to JSON it does not.
    return bool(first == later) and isinstance(first, bool) == isinstance(later, bool)
