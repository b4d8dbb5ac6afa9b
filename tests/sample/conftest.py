from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from warehouse.sample import SampleSummary, write_company


@dataclass(frozen=True)
class Company:
    folder: Path
    summary: SampleSummary
    db: duckdb.DuckDBPyConnection

    def number(self, sql: str) -> int:
        row = self.db.execute(sql).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The default company: ``lines`` as written, ``events`` without copies and planted flaws."""
    folder = tmp_path_factory.mktemp("company")
    summary = write_company(folder)
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    db.execute(
        """create table lines as select row_number() over () as n, filename as file, line
        from read_csv(?, columns = {'line': 'VARCHAR'}, delim = chr(1), quote = '', escape = '', header = false,
                      filename = true)""",
        [str(folder / "*.ndjson")],
    )
    db.execute(
        """create table parsed as select n, file, line, line->>'id' as id, line->>'source' as source,
            line->>'type' as type, coalesce(line->>'tenantid', 'default') as tenant,
            (line->>'time')::timestamptz::timestamp as happened,
            line->'data' as data
        from lines where json_valid(line)"""
    )
    # Of two rows with one id the first counts: a copy is equal, and a conflict comes after what it contradicts.
    db.execute(
        """create table events as select * from parsed where id not like '%-bad-%' and id is not null
        qualify row_number() over (partition by source, id order by happened, n) = 1"""
    )
    return Company(folder, summary, db)


@pytest.fixture(scope="session")
def count_where(company: Company) -> Callable[[str], int]:
    """Number of rows of a query, for laws that say "there is none such"."""
    return lambda sql: company.number(f"select count(*) from ({sql})")
