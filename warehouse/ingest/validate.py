"""Judges the data of a batch by the contracts, in the work file.

Rows that a contract refuses are noted in the temporary table ``refused`` (row_number, rank, reason, message); the
lowest rank of a row counts: -1 left to a replay, 0 envelope, 1 type, 2 shape of data, 3 values, 4 time, 5 conflict. The
batch stands in ``raw.events`` already, inside an open transaction.
"""

import json
from collections.abc import Iterator
from datetime import datetime

import duckdb
import polars as pl

from warehouse import contracts
from warehouse.contracts.envelope import MAX_AHEAD, SOURCE_PATTERN
from warehouse.ingest import envelope
from warehouse.sources.reader import Reader

CHUNK_ROWS = 500_000
"""Rows whose values are judged at a time; bounds the memory."""


def refuse(
    con: duckdb.DuckDBPyConnection, batch_id: int, received_at: datetime, reader: Reader
) -> list[tuple[str, str, str]]:
    """Fill ``refused``; return the unknown fields as (event type, field, JSON type).

    `reader` gives the originals of the rows that their columns do not tell enough of.
    """
    con.execute(
        "create or replace temp table refused (row_number bigint, rank integer, reason varchar, message varchar)"
    )
    # A row without a type: its reason is worked out from the original later.
    con.execute(
        "insert into refused select row_number, 0, '', '' from raw.events where batch_id = ? and event_type is null",
        [batch_id],
    )
    _refuse_sources(con, batch_id)
    _refuse_odd(con, batch_id, reader)
    drift: list[tuple[str, str, str]] = []
    judged: list[tuple[str, str | None, int, str, str]] = []
    values: list[tuple[type[contracts.EventContract], list[str]]] = []
    for event_type, shapes in _shapes(con, batch_id):
        contract = contracts.get(event_type)
        if contract is None:
            judged.append((event_type, None, 1, "unknown_type", envelope.unknown_type(event_type)))
            continue
        wanted: set[str] = set()
        for shape in shapes:
            verdict = contract.check_shape(json.loads(shape))
            drift += [(event_type, name, kind) for name, kind in verdict.unknown]
            if verdict.problems:
                first = verdict.problems[0]
                judged.append((event_type, shape, 2, first.reason, first.sentence))
            else:
                wanted |= set(verdict.value_fields)
        names = [spec.name for spec in contract.value_fields() if spec.name in wanted]
        if names:
            values.append((contract, names))
    _refuse_shapes(con, batch_id, judged)
    for contract, names in values:
        _refuse_values(con, batch_id, contract, names)
    con.execute(
        "insert into refused select row_number, 4, 'future_time', "
        "'time is ' || strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') || ', more than 24 hours after it arrived (' "
        "|| strftime(received_at, '%Y-%m-%dT%H:%M:%SZ') || '). Check the clock and the time zone of the producer.' "
        "from raw.events where batch_id = ? and event_type is not null and occurred_at > ?",
        [batch_id, received_at + MAX_AHEAD],
    )
    return drift


def _refuse_sources(con: duckdb.DuckDBPyConnection, batch_id: int) -> None:
    bad = con.execute(
        "select distinct source from raw.events where batch_id = ? and event_type is not null "
        "and not regexp_matches(source, ?)",
        [batch_id, SOURCE_PATTERN],
    ).fetchall()
    for (source,) in bad:
        con.execute(
            "insert into refused select row_number, 0, 'invalid_attribute', ? from raw.events "
            "where batch_id = ? and event_type is not null and source = ?",
            [envelope.source_fault(source), batch_id, source],
        )


def _refuse_odd(con: duckdb.DuckDBPyConnection, batch_id: int, reader: Reader) -> None:
    """Judge by their originals the few rows whose columns leave a doubt.

    In text columns a list, an object or a boolean looks like the text that it is written with. And data that may be
    nested too deeply must not reach ``json_structure``: as many levels need as many opening and closing brackets.
    """
    odd = {
        int(row[0])
        for row in con.execute(
            f"""
            select row_number
            from raw.events
            where batch_id = ? and event_type is not null and (
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
            """,
            [batch_id],
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
        "update raw.events set event_type = null, data = null where batch_id = ? "
        "and row_number in (select row_number from faulty_rows)",
        [batch_id],
    )
    con.unregister("faulty_rows")


def _refuse_shapes(
    con: duckdb.DuckDBPyConnection, batch_id: int, judged: list[tuple[str, str | None, int, str, str]]
) -> None:
    """Refuse all rows of these types and shapes (None: of any shape), however many there are, in one statement each."""
    if not judged:
        return
    schema = {"event_type": pl.String, "shape": pl.String, "rank": pl.Int32, "reason": pl.String, "message": pl.String}
    con.register("judged_shapes", pl.DataFrame(judged, schema=schema, orient="row").to_arrow())
    con.execute(
        "insert into refused select event.row_number, judged.rank, judged.reason, judged.message "
        "from raw.events as event inner join judged_shapes as judged on event.event_type = judged.event_type "
        "where event.batch_id = ? and judged.shape is null",
        [batch_id],
    )
    con.execute(
        "insert into refused select event.row_number, judged.rank, judged.reason, judged.message "
        "from raw.events as event inner join judged_shapes as judged on event.event_type = judged.event_type "
        "and cast(json_structure(event.data) as varchar) = judged.shape where event.batch_id = ?",
        [batch_id],
    )
    con.unregister("judged_shapes")


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
