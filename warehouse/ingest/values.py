"""Judges values of a staged batch by the contracts: choices, ranges, dates, patterns.

All types are extracted in one scan, since each costs a look at all rows; the contracts judge columns, not rows.
"""

from collections.abc import Iterator, Mapping

import duckdb
import polars as pl

from warehouse.contracts import EventContract

_ROWS_OF_A_TYPE = 100_000
"""Rows of one type that are judged at a time: a judgement has a price of its own, so that few are cheap."""

_ROWS_HELD = 1_000_000
"""Rows that may wait to be judged; bounds the memory."""

_FAILING = {"row_number": pl.Int64, "reason": pl.String, "message": pl.String}


def refuse(
    con: duckdb.DuckDBPyConnection, value_fields: Mapping[type[EventContract], list[str]], chunk_rows: int
) -> None:
    """Note rows with a value that its contract refuses in ``refused``.

    Parameters
    ----------
    value_fields
        Names of the fields to look at, by contract.
    chunk_rows
        Rows that are extracted at a time.
    """
    wanted = {contract.type: (contract, names) for contract, names in value_fields.items() if names}
    if not wanted:
        return
    waiting: dict[str, list[pl.DataFrame]] = {}
    held = 0
    failing: list[pl.DataFrame] = []
    for chunk in _extracted(con, wanted, chunk_rows):
        for (event_type,), rows in chunk.partition_by("event_type", as_dict=True).items():
            waiting.setdefault(event_type, []).append(rows)
        held += chunk.height
        for event_type in list(waiting):
            rows_of_type = sum(rows.height for rows in waiting[event_type])
            if rows_of_type >= _ROWS_OF_A_TYPE or held >= _ROWS_HELD:
                failing.append(_judge(*wanted[event_type], waiting.pop(event_type)))
                held -= rows_of_type
    failing += [_judge(*wanted[event_type], rows) for event_type, rows in waiting.items()]
    frame = pl.concat(failing) if failing else pl.DataFrame()
    if not frame.is_empty():
        con.register("failing_values", frame.to_arrow())
        con.execute("insert into refused select row_number, 3, reason, message from failing_values")
        con.unregister("failing_values")


def _extracted(
    con: duckdb.DuckDBPyConnection,
    wanted: Mapping[str, tuple[type[EventContract], list[str]]],
    chunk_rows: int,
) -> Iterator[pl.DataFrame]:
    """Frames of row_number, event_type and found: texts in the order of the names of the type."""
    branches = []
    values: dict[str, object] = {}
    for number, (event_type, (_, names)) in enumerate(wanted.items()):
        branches.append(f"when $type_{number} then json_extract_string(data, $paths_{number})")
        values[f"type_{number}"] = event_type
        values[f"paths_{number}"] = [f'$."{name}"' for name in names]
    reader = con.sql(
        f"select row_number, event_type, case event_type {' '.join(branches)} end as found from staged "
        "where event_type in (select unnest($types)) and row_number not in (select row_number from refused)",
        params={**values, "types": list(wanted)},
    ).to_arrow_reader(chunk_rows)
    for batch in reader:
        yield pl.DataFrame(pl.from_arrow(batch))


def _judge(contract: type[EventContract], names: list[str], frames: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat(frames)
    columns = rows.select(pl.col("found").list.get(number).alias(name) for number, name in enumerate(names))
    failures = contract.validate(columns)
    if failures.is_empty():
        return pl.DataFrame(schema=_FAILING)
    failures = failures.unique(subset="row", keep="first", maintain_order=True)
    return failures.select(row_number=rows["row_number"].gather(failures["row"]), reason="reason", message="sentence")
