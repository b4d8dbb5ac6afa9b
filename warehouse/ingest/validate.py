"""Judges a staged batch by the contracts.

Rows that are refused are noted in the temporary table ``refused`` (row_number, rank, reason, message); the lowest rank
of a row counts: -1 left to a replay, 0 envelope, 1 type, 2 shape of data, 3 values, 4 time, 5 conflict. The batch
stands in the temporary table ``staged``. How data is judged by its shape is in :mod:`warehouse.ingest.shapes`, by its
values in :mod:`warehouse.ingest.values`.
"""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.contracts.envelope import MAX_AHEAD, SOURCE_PATTERN
from warehouse.ingest import envelope, shapes, values
from warehouse.sources.reader import Reader

CHUNK_ROWS = 250_000
"""Rows whose values are extracted at a time; bounds the memory."""


def refuse(con: duckdb.DuckDBPyConnection, received_at: datetime, reader: Reader) -> list[tuple[str, str, str]]:
    """Fill ``refused``; return the unknown fields as (event type, field, JSON type).

    `reader` gives the originals of the rows that their columns do not tell enough of.
    """
    con.execute(
        "create or replace temp table refused (row_number bigint, rank integer, reason varchar, message varchar)"
    )
    # A row without a type: its reason is worked out from the original later.
    con.execute("insert into refused select row_number, 0, '', '' from staged where event_type is null")
    _refuse_sources(con)
    _refuse_odd(con, reader)
    found = shapes.refuse(con)
    values.refuse(con, found.value_fields, CHUNK_ROWS)
    con.execute(
        "insert into refused select row_number, 4, 'future_time', "
        "'time is ' || strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') || ', more than 24 hours after it arrived (' "
        "|| strftime($received_at, '%Y-%m-%dT%H:%M:%SZ') || '). Check the clock and the time zone of the producer.' "
        "from staged where event_type is not null and occurred_at > $latest",
        {"received_at": received_at, "latest": received_at + MAX_AHEAD},
    )
    return found.drift


def _refuse_sources(con: duckdb.DuckDBPyConnection) -> None:
    bad = con.execute(
        "select distinct source from staged where event_type is not null and not regexp_matches(source, ?)",
        [SOURCE_PATTERN],
    ).fetchall()
    for (source,) in bad:
        con.execute(
            "insert into refused select row_number, 0, 'invalid_attribute', ? from staged "
            "where event_type is not null and source = ?",
            [envelope.source_fault(source), source],
        )


def _refuse_odd(con: duckdb.DuckDBPyConnection, reader: Reader) -> None:
    """Judge by their originals the few rows whose columns leave a doubt.

    In text columns a list, an object or a boolean looks like the text that it is written with. And data that may be
    nested too deeply has as many opening and closing brackets as levels.
    """
    odd = {
        int(row[0])
        for row in con.execute(
            f"""
            select row_number
            from staged
            where event_type is not null and (
                event_id like '[%' or event_id like '{{%' or event_id in ('true', 'false')
                or source in ('true', 'false')
                or event_type like '[%' or event_type like '{{%' or event_type in ('true', 'false')
                or subject like '[%' or subject like '{{%' or subject in ('true', 'false')
                or tenant_id like '[%' or tenant_id like '{{%' or tenant_id in ('true', 'false')
                or actor like '[%' or actor like '{{%' or actor in ('true', 'false')
                or case
                    when strlen(data) > {2 * envelope.MAX_DEPTH}
                        then 2 * strlen(data) - strlen(replace(data, '[', '')) - strlen(replace(data, '{{', ''))
                            > {envelope.MAX_DEPTH}
                    else false
                end
            )
            """
        ).fetchall()
    }
    if not odd:
        return
    faulty: list[tuple[int, str, str]] = []
    for raw in reader.raw_rows(odd):
        reason, message = (raw.reason, raw.message) if raw.reason else envelope.hidden_faults(envelope.parse(raw.raw))
        if reason:
            faulty.append((raw.row_number, reason, message))
    if not faulty:
        return
    frame = pl.DataFrame(faulty, schema=["row_number", "reason", "message"], orient="row")
    con.register("faulty_rows", frame.to_arrow())
    con.execute("insert into refused select row_number, 0, reason, message from faulty_rows")
    con.execute(
        "update staged set event_type = null, data = null where row_number in (select row_number from faulty_rows)"
    )
    con.unregister("faulty_rows")
