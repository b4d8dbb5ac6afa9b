"""Judges the data of a batch by the contracts, in the work file.

Rows that a contract refuses are noted in the temporary table ``refused`` (row_number, rank, reason, message); the lowest
rank of a row counts. The batch stands in ``raw.events`` already, inside an open transaction.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

import duckdb
import polars as pl

from warehouse import contracts
from warehouse.contracts import ShapeVerdict
from warehouse.contracts.envelope import MAX_AHEAD, SOURCE_PATTERN
from warehouse.ingest import envelope

CHUNK_ROWS = 500_000
"""Rows whose values are judged at a time; bounds the memory."""

RANKS = {"envelope": 0, "type": 1, "shape": 2, "value": 3, "time": 4, "duplicate": 5}


def refuse(
    con: duckdb.DuckDBPyConnection, batch_id: int, received_at: datetime
) -> list[tuple[str, str, str]]:
    """Fill ``refused``; return the unknown fields as (event type, field, JSON type)."""
    con.execute(
        "create or replace temp table refused (row_number bigint, rank integer, reason varchar, message varchar)"
    )
    # A row without a type: its reason is worked out from the original later.
    con.execute(
        "insert into refused select row_number, 0, '', '' from raw.events where batch_id = ? and event_type is null",
        [batch_id],
    )
    _refuse_sources(con, batch_id)
    drift = []
    for event_type, shapes in _shapes(con, batch_id):
        contract = contracts.get(event_type)
        if contract is None:
            con.execute(
                "insert into refused select row_number, 1, 'unknown_type', ? from raw.events where batch_id = ? and event_type = ?",
                [envelope.unknown_type(event_type), batch_id, event_type],
            )
            continue
        wanted: set[str] = set()
        for shape in shapes:
            verdict = _verdict(event_type, shape)
            drift += [(event_type, name, kind) for name, kind in verdict.unknown]
            if verdict.problems:
                first = verdict.problems[0]
                con.execute(
                    "insert into refused select row_number, 2, ?, ? from raw.events where batch_id = ? and event_type = ? "
                    "and cast(json_structure(data) as varchar) = ?",
                    [first.reason, first.sentence, batch_id, event_type, shape],
                )
            else:
                wanted |= set(verdict.value_fields)
        names = [spec.name for spec in contract.value_fields() if spec.name in wanted]
        if names:
            _refuse_values(con, batch_id, contract, names)
    con.execute(
        "insert into refused select row_number, 4, 'future_time', 'time is ' || strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') || "
        "', more than 24 hours after it arrived (' || strftime(received_at, '%Y-%m-%dT%H:%M:%SZ') || '). Check the clock and the "
        "time zone of the producer.' from raw.events where batch_id = ? and event_type is not null and occurred_at > ?",
        [batch_id, received_at + MAX_AHEAD],
    )
    return drift


@lru_cache(maxsize=4096)
def _verdict(event_type: str, shape: str) -> ShapeVerdict:
    contract = contracts.get(event_type)
    assert contract is not None
    return contract.check_shape(json.loads(shape))


def _refuse_sources(con: duckdb.DuckDBPyConnection, batch_id: int) -> None:
    bad = con.execute(
        "select distinct source from raw.events where batch_id = ? and event_type is not null "
        "and not regexp_matches(source, ?)",
        [batch_id, SOURCE_PATTERN],
    ).fetchall()
    for (source,) in bad:
        con.execute(
            "insert into refused select row_number, 0, 'invalid_attribute', ? from raw.events where batch_id = ? and source = ?",
            [envelope.source_fault(source), batch_id, source],
        )


def _shapes(con: duckdb.DuckDBPyConnection, batch_id: int) -> Iterator[tuple[str, list[str]]]:
    """Distinct shapes of data by type: few, however many rows there are."""
    rows = con.execute(
        "select event_type, list(distinct shape order by shape) from (select distinct event_type, "
        "cast(json_structure(data) as varchar) as shape from raw.events where batch_id = ? and event_type is not null) "
        "group by event_type order by event_type",
        [batch_id],
    ).fetchall()
    yield from rows


def _refuse_values(
    con: duckdb.DuckDBPyConnection, batch_id: int, contract: type[contracts.EventContract], names: list[str]
) -> None:
    paths = [f'$."{name}"' for name in names]
    columns = ", ".join(f'found[{number}] as "{name}"' for number, name in enumerate(names, 1))
    reader = con.sql(
        f"select row_number, {columns} from (select row_number, json_extract_string(data, ?) as found from raw.events "
        "where batch_id = ? and event_type = ? and row_number not in (select row_number from refused))",
        params=[paths, batch_id, contract.type],
    ).to_arrow_reader(CHUNK_ROWS)
    found = []
    for chunk in reader:
        frame = pl.DataFrame(pl.from_arrow(chunk))
        failures = contract.validate(frame).unique(subset="row", keep="first", maintain_order=True)
        if failures.height:
            found.append(
                failures.select(
                    row_number=frame["row_number"].gather(failures["row"]),
                    rank=pl.lit(3, dtype=pl.Int32),
                    reason="reason",
                    message="sentence",
                )
            )
    if found:
        failing = pl.concat(found)
        con.register("failing_values", failing.to_arrow())
        con.execute("insert into refused select * from failing_values")
        con.unregister("failing_values")
