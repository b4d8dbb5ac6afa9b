"""Exactly once: finds the rows of a batch whose (source, id) has come before, in it or in an earlier batch.

The first row that was accepted stays. A later one with equal content is a duplicate; with other content, a conflict.
"""

from typing import Any

import duckdb
import polars as pl

from warehouse.sources.ndjson import parse_json

CONFLICT = "conflicting_duplicate"
"""Reason of a row that says something else under a known source and id."""

# Keys alone are compared first, as numbers; what the events say is looked up for the few that come again.
_SUSPICIOUS = """
create or replace temp table suspicious as
with fresh as (
    select key_hash from staged where row_number not in (select row_number from refused)
)
select key_hash from fresh group by key_hash having count(*) > 1
union
select key_hash from fresh where key_hash in (select key_hash from raw.events where batch_id < $batch_id)
"""

_PAIRS = """
create or replace temp table repeated as
with known as (
    select batch_id, row_number, source, event_id from raw.events
    where batch_id < $batch_id and key_hash in (select key_hash from suspicious)
    union all
    select $batch_id, row_number, source, event_id from staged
    where key_hash in (select key_hash from suspicious) and row_number not in (select row_number from refused)
),
ranked as (
    select
        *,
        first_value(batch_id) over same_key as first_batch_id,
        first_value(row_number) over same_key as first_row_number,
        row_number() over same_key as place
    from known
    window same_key as (partition by source, event_id order by batch_id, row_number)
)
select row_number, first_batch_id, first_row_number from ranked where batch_id = $batch_id and place > 1
"""

_FIRST = """
create or replace temp table first_events as
select repeated.row_number as later_row_number, event_type, occurred_at, tenant_id, subject, actor, data
from repeated inner join raw.events as event
    on event.batch_id = repeated.first_batch_id and event.row_number = repeated.first_row_number
where repeated.first_batch_id < $batch_id
union all
select repeated.row_number, event_type, occurred_at, tenant_id, subject, actor, data
from repeated inner join staged on staged.row_number = repeated.first_row_number
where repeated.first_batch_id = $batch_id
"""

_COMPARED = """
create or replace temp table compared as
select
    later.row_number,
    first.event_type = later.event_type and first.occurred_at = later.occurred_at
        and first.tenant_id = later.tenant_id and first.subject is not distinct from later.subject
        and first.actor is not distinct from later.actor as is_same_envelope,
    case when first.data <> later.data then first.data end as first_data,
    case when first.data <> later.data then later.data end as later_data
from first_events as first inner join staged as later on later.row_number = first.later_row_number
"""

_REFUSE = f"""
insert into refused
select
    row_number, 5, '{CONFLICT}',
    'Source ' || source || ' has sent an event ' || event_id || ' with other content before (batch '
    || first_batch_id || ', row ' || first_row_number
    || '). The first stays; give the new one an id of its own if it is meant.'
from repeated inner join staged using (row_number)
where row_number not in (select row_number from duplicates)
"""


def renew_key_hashes(con: duckdb.DuckDBPyConnection) -> None:
    """Compute the key hashes of all events again where they are those of another version of DuckDB.

    Its hash is the quickest there is, and is not promised to stay the same for ever.
    """
    changed = con.execute(
        "select 1 from (from raw.events limit 1) where key_hash is distinct from hash(source, event_id)"
    ).fetchone()
    if changed:
        con.execute("update raw.events set key_hash = hash(source, event_id)")


def find_repeated(con: duckdb.DuckDBPyConnection, batch_id: int) -> int:
    """Note conflicts in ``refused`` and duplicates in the temporary table ``duplicates``; return their number."""
    con.execute("create or replace temp table duplicates (row_number bigint)")
    renew_key_hashes(con)
    con.execute(_SUSPICIOUS, {"batch_id": batch_id})
    if con.execute("from suspicious limit 1").fetchone() is None:
        return 0
    for step in (_PAIRS, _FIRST):
        con.execute(step, {"batch_id": batch_id})
    con.execute(_COMPARED)
    con.execute("insert into duplicates select row_number from compared where is_same_envelope and first_data is null")
    _add_equal_json(con)
    con.execute(_REFUSE)
    row = con.execute("select count(*) from duplicates").fetchone()
    assert row is not None
    return int(row[0])


def _add_equal_json(con: duckdb.DuckDBPyConnection) -> None:
    """Equal JSON may be written in two ways: other order of keys, other spacing, 1 and 1.0."""
    differing = con.execute(
        "select row_number, first_data, later_data from compared where is_same_envelope and first_data is not null"
    )
    equal: list[int] = []
    while rows := differing.fetchmany(10_000):
        equal += [row for row, first, later in rows if is_same_json(first, later)]
    if equal:
        same = pl.DataFrame({"row_number": equal}, schema={"row_number": pl.Int64}).to_arrow()
        con.register("same_json", same)
        con.execute("insert into duplicates select row_number from same_json")
        con.unregister("same_json")


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
