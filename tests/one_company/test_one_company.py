"""The small company: every row that was worked out by hand is what the models say, and there is no other row.

Each part of its life is a log, ``<part>.ndjson``, and ``<part>.md`` says how its rows were worked out. Each file of
expected/ is a table; it names the columns that were worked out.
"""

from pathlib import Path

import duckdb
import pytest

from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Row, Tables, csv_rows, engine, is_part
from tests.one_company.company import company_log

HERE = Path(__file__).parent
SCOPE = ("tenant_id", "cohort_kind", "activity", "member_kind", "segment_kind", "kpi")
"""A file holds all rows of each combination of these that it speaks of."""
EXPECTED = sorted((HERE / "expected").glob("*.csv"))


@pytest.fixture(scope="module")
def tables() -> Tables:
    return engine().build(company_log(), seeds={"sales_target": csv_rows(HERE / "sales_target.csv")})


def read(con: duckdb.DuckDBPyConnection, path: Path) -> list[Row]:
    """Rows of a file, each column cast to the type that it has in the table."""
    columns = path.read_text().splitlines()[0].split(",")
    described = {name: kind for name, kind, *_ in con.execute(f"describe {path.stem}").fetchall()}
    casts = ", ".join(f"cast({name} as {described[name]}) as {name}" for name in columns)
    cursor = con.execute(f"select {casts} from read_csv(?, all_varchar = true, header = true)", [str(path)])
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.stem)
def test_rows_worked_out_by_hand(tables: Tables, path: Path) -> None:
    """All rows of what the file speaks of: parts that are about something else have rows in most tables."""
    expected = read(tables.con, path)
    columns = list(expected[0])
    scope = [name for name in SCOPE if name in columns]
    spoken_of = {tuple(row[name] for name in scope) for row in expected}
    built = [
        {name: row[name] for name in columns}
        for row in tables.rows(path.stem)
        if tuple(row[name] for name in scope) in spoken_of
    ]
    assert_same_rows(path.stem, built, expected)


def test_no_mart_is_left_out() -> None:
    marts = {name for name in engine().tables("marts") if not is_part(name.partition(".")[2])}
    assert {path.stem for path in EXPECTED} >= marts
