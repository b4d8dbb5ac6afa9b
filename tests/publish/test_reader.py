"""Reading: one statement, bound values, no way out, and an end to what takes too long."""

from contextlib import suppress

import duckdb
import polars as pl
import pytest

from warehouse.publish import open_published, query
from warehouse.publish.reader import HARDENED, QueryError

SETTINGS = "select name, value from duckdb_settings() where name not in ('Calendar', 'TimeZone') order by name"


@pytest.fixture
def published(publish_run):
    return publish_run(1)


HOSTILE = [
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from read_json('/etc/passwd')",
    "select * from read_parquet('{home}/x.parquet')",
    "select * from '/etc/passwd'",
    "select * from glob('/etc/*')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from secret_frame",
    "select getenv('HOME')",
    "copy facts.fact_deal to '{home}/stolen.csv'",
    "copy (select 1) to '/dev/stdout'",
    "copy facts.fact_deal from '/etc/passwd'",
    "export database '{home}/stolen'",
    "import database '{home}'",
    "attach '{home}/warehouse.duckdb' as work",
    "attach '{home}/new.duckdb' as new",
    "attach '{contacts}' as people",
    "attach ':memory:' as scratch",
    "install httpfs",
    "load httpfs",
    "load '{home}/evil.duckdb_extension'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "set memory_limit = '100GB'",
    "set threads = 64",
    "set temp_directory = '{home}'",
    "set python_enable_replacements = true",
    "pragma profiling_output = '{home}/profile'",
    "set log_query_path = '{home}/log'",
    "create secret s (type s3, key_id 'k', secret 's')",
    "select * from duckdb_secrets()",
    "insert into facts.fact_deal select * from facts.fact_deal",
    "update facts.fact_deal set amount = 0",
    "delete from facts.fact_deal",
    "drop table facts.fact_deal",
    "create table facts.mine as select 1",
    "create view facts.mine as select 1",
    "alter table facts.fact_deal rename to gone",
    "select 1; drop table facts.fact_deal",
    "comment on table facts.fact_deal is 'changed'",
]


def test_hostile_statements_are_refused_and_change_nothing(home, published) -> None:
    secret_frame = pl.DataFrame({"secret": ["a variable of the caller"]})
    assert secret_frame.height == 1
    with open_published(home) as con:
        before = con.execute(SETTINGS).fetchall()
    files = set(home.root.rglob("*"))
    answered = []
    for statement in HOSTILE:
        with suppress(QueryError):
            query(home, statement.format(home=home.root, contacts=published.contacts), timeout=20)
            answered.append(statement)
    assert answered == []
    with open_published(home) as con:
        assert con.execute(SETTINGS).fetchall() == before
        assert con.execute("select count(*), sum(amount) from facts.fact_deal").fetchone() == (10, 67.5)
    assert set(home.root.rglob("*")) == files


def test_memory_has_an_end(home, published, monkeypatch) -> None:
    monkeypatch.setitem(HARDENED, "memory_limit", "60MB")
    with pytest.raises(QueryError, match="Out of Memory"):
        query(home, "select count(distinct i) from range(20000000) as r(i)")


@pytest.mark.parametrize(
    "value", ["' or 1=1 --", "deal-1' union select email from contacts.contact_detail --", "'; drop table x; --"]
)
def test_a_bound_value_is_never_read_as_sql(home, published, value: str) -> None:
    answer = query(home, "select * from facts.fact_deal where deal_id = $id", {"id": value})
    assert answer.num_rows == 0


def test_what_takes_too_long_is_broken_off_and_the_next_is_answered(home, published) -> None:
    with pytest.raises(QueryError, match=r"longer than 0\.2 seconds"):
        query(home, "select count(*) from range(100000000000) as r(i) where i % 7 = 3", timeout=0.2)
    assert query(home, "select 1 as one").to_pylist() == [{"one": 1}]


def test_a_wrong_statement_says_what_is_wrong(home, published) -> None:
    with pytest.raises(QueryError, match="fact_dael does not exist"):
        query(home, "from facts.fact_dael")


def test_a_connection_shows_the_version_it_was_opened_on(home, publish_run) -> None:
    publish_run(1)
    with open_published(home) as before:
        publish_run(2)
        with open_published(home) as after:
            assert before.execute("select distinct run from facts.fact_deal").fetchall() == [(1,)]
            assert after.execute("select distinct run from facts.fact_deal").fetchall() == [(2,)]


def test_readers_of_one_process_share_the_hardened_settings(home, published) -> None:
    with open_published(home) as first, open_published(home) as second:
        for con in (first, second):
            with pytest.raises(duckdb.Error, match="configuration"):
                con.execute("set threads = 1")


def test_columns_of_one_name_are_told_apart(home, published) -> None:
    answer = query(home, "select 1 as a, 2 as a, 3 as a_1, 4 as a")
    assert answer.to_pylist() == [{"a": 1, "a_1": 2, "a_1_1": 3, "a_2": 4}]
