"""Tells whether two tables hold the same rows, and if not, which.

Rows are compared as multisets, both ways. Sums of doubles depend on their order, and an engine that works in parallel
has none: where rows differ, those that agree in all other columns are held side by side, and their doubles may differ
by one part in a thousand millions, of themselves or, where they are less, of one: what is left of two equal sums is
nought to the one engine and a trace of a rounding to the other.
"""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

TOLERANCE = 1e-9


@dataclass
class Difference:
    """What two tables differ in."""

    only_left: int = 0
    only_right: int = 0
    examples: list[str] = field(default_factory=list)
    tolerated: dict[str, float] = field(default_factory=dict)
    """Columns of doubles that are equal within the tolerance alone, with the largest relative difference."""

    @property
    def is_equal(self) -> bool:
        return self.only_left == self.only_right == 0


def tables(con: duckdb.DuckDBPyConnection, schemas: tuple[str, ...]) -> dict[tuple[str, str], dict[str, str]]:
    """Columns and their types by schema and table."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'work' and list_contains(?, schema_name) order by all",
        [list(schemas)],
    ).fetchall():
        found.setdefault((schema, table), {})[column] = kind
    return found


def differences(con: duckdb.DuckDBPyConnection, build: Path, schemas: tuple[str, ...]) -> dict[str, object]:
    """How many rows differ of each table of DuckDB's, and some of them."""
    found_in: dict[str, object] = {}
    compared = tables(con, schemas)
    assert compared
    for (schema, table), columns in compared.items():
        files = sorted(str(path) for path in (build / schema / table).glob("*.parquet"))
        assert files, f"{schema}.{table} was not handed back"
        names = "', '".join(files)
        found = compare(con, f'work."{schema}"."{table}"', f"read_parquet(['{names}'])", columns)
        if found.tolerated:
            print(f"{schema}.{table}: equal to 1e-9 in {found.tolerated}")
        if not found.is_equal:
            found_in[f"{schema}.{table}"] = (found.only_left, found.only_right, found.examples)
    return found_in


def compare(con: duckdb.DuckDBPyConnection, left: str, right: str, columns: dict[str, str]) -> Difference:
    """Compare two relations (names, or anything that follows ``from``) in these columns, of these types."""
    names = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns.items())
    con.execute(f"create or replace temp table here as select {names} from {left}")
    con.execute(f"create or replace temp table there as select {names} from {right}")
    con.execute("create or replace temp table only_here as from here except all from there")
    con.execute("create or replace temp table only_there as from there except all from here")
    found = Difference(count(con, "only_here"), count(con, "only_there"))
    if found.is_equal:
        return found
    doubles = [name for name, kind in columns.items() if kind == "DOUBLE"]
    others = [name for name in columns if name not in doubles]
    if doubles and found.only_left == found.only_right:
        _pair(con, doubles, others)
        found.only_left = count(con, "paired where not is_close or is_close is null")
        found.only_right = found.only_left
        if found.is_equal:
            for name in doubles:
                row = con.execute(f'select max(gap_of("{name}", "{name}_")) from paired').fetchone()
                if row and row[0]:
                    found.tolerated[name] = row[0]
            return found
    key = ", ".join(f'"{name}"' for name in list(columns)[:6])
    for side in ("only_here", "only_there"):
        rows = con.execute(f"from {side} order by {key} limit 3").fetchall()
        found.examples += [f"{side}: {dict(zip(columns, row, strict=True))}" for row in rows]
    return found


def _pair(con: duckdb.DuckDBPyConnection, doubles: list[str], others: list[str]) -> None:
    """Put rows that agree in all but their doubles side by side, in the order of these."""
    con.execute(
        "create or replace temp macro gap_of(a, b) as case when a is not distinct from b then 0 "
        "else abs(a - b) / greatest(abs(a), abs(b), 1) end"
    )
    by = ", ".join(f'"{name}"' for name in others) or "1"
    order = ", ".join(f'"{name}"' for name in doubles)
    for side in ("here", "there"):
        con.execute(
            f"create or replace temp table sorted_{side} as "
            f"select *, row_number() over (partition by {by} order by {order}) as place from only_{side}"
        )
    on = " and ".join(f'h."{name}" is not distinct from t."{name}"' for name in [*others, "place"])
    close = " and ".join(f'gap_of(h."{name}", t."{name}") <= {TOLERANCE}' for name in doubles)
    pairs = ", ".join(f'h."{name}", t."{name}" as "{name}_"' for name in doubles)
    con.execute(
        f"create or replace temp table paired as select {pairs}, h.place is not null and t.place is not null "
        f"and {close} as is_close from sorted_here as h full join sorted_there as t on {on}"
    )


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"select count(*) from {relation}").fetchone()
    assert row is not None
    return int(row[0])
