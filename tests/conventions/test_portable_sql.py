"""The models run on Spark as well: a lint over their compiled SQL and their sources, and over what they store."""

from pathlib import Path

import pytest

from tests.conventions import portability
from tests.laws.compiled import Node, engine, project
from warehouse.settings import PROJECT_DIR

COMPAT = PROJECT_DIR / "macros" / "compat.sql"
ENGINE_FUNCTIONS = portability.engine_functions(COMPAT.read_text())
SOURCES = sorted(
    path for part in ("models", "macros") for path in (PROJECT_DIR / part).rglob("*.sql") if path != COMPAT
)
STORED = {"BIGINT", "BOOLEAN", "DATE", "DOUBLE", "INTEGER", "TIMESTAMP", "VARCHAR"}


@pytest.fixture(scope="module")
def nodes() -> list[Node]:
    return [node for node in project().nodes if node.statistic is None]


def test_compiled_sql_is_portable(nodes: list[Node]) -> None:
    found = {node.name: portability.problems(node.sql, ENGINE_FUNCTIONS) for node in nodes}
    assert not {name: problems for name, problems in found.items() if problems}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_sources_leave_the_differences_to_compat(path: Path) -> None:
    assert not portability.source_problems(path.read_text(), ENGINE_FUNCTIONS)


def test_stored_types_exist_on_both_engines() -> None:
    """A sum of integers that is not cast is a HUGEINT here and a bigint there; a decimal is stored nowhere."""
    engine().build([])
    kinds = (
        engine()
        .con.execute(
            "select schema_name || '.' || table_name || '.' || column_name, data_type from duckdb_columns() "
            "where schema_name in ('staging', 'facts', 'features', 'marts', 'contacts', 'sync')"
        )
        .fetchall()
    )
    assert len(kinds) > 300
    assert not [(column, kind) for column, kind in kinds if kind not in STORED]


BAD = {
    "select t.a from t qualify row_number() over (order by t.event_number) = 1": "QUALIFY",
    "select t.a, count(*) as n from t group by all": "GROUP BY ALL",
    "select * exclude (a) from t": "EXCLUDE",
    "select * replace (1 as a) from t": "EXCLUDE or REPLACE",
    "unpivot t on a, b into name n value v": "PIVOT",
    "pivot t on a using count(*)": "PIVOT",
    "select t.a + 1 as b, b * 2 as c from t": "alias b",
    "select t.a + 1 as b from t where b > 1": "alias b",
    "select unnest(t.a) as b from t": "unnest",
    "select [1, 2] as a": "Array",
    "select {'a': 1} as a": "Struct",
    "select t.a[1] as a from t": "Bracket",
    "select list_transform(t.a, x -> x + 1) as a from t": "Lambda",
    "select t.data ->> '$.a' as a from t": "JSON",
    "select round(t.a, 2) as a from t": "round()",
    "select cast(t.a as double) / t.b as a from t": "may be 0",
    "select cast(t.a as double) / 0 as a from t": "may be 0",
    "select t.a / nullif(t.b, 0) as a from t": "no double",
    "select cast(t.a as decimal(10, 2)) / 100 as a from t": "no double",
    "select t.a // 2 as a from t": "integer division",
    "select cast(t.a as hugeint) as a from t": "cast to",
    "select cast(t.a as decimal(10, 2)) as a from t": "cast to",
    "select row_number() over (partition by t.a) as n from t": "no order",
    "select row_number() over (order by t.occurred_at) as n from t": "unique key",
    "select row_number() over (order by t.occurred_at, t.event_id) as n from t": "unique key",
    "select lag(t.b) over w as b from t window w as (order by t.occurred_at)": "unique key",
    "select row_number() over (order by t.amount, t.event_number) as n from t": "may be null",
    "select max_by(t.owner_id, t.event_number) as a from t": "null value",
    "select max_by(t.a, t.event_number) filter (where t.b is not null) as a from t": "null value",
    "select string_agg(t.a, ',') as a from t": "function string_agg",
    "select any_value(t.a) as a from t": "function any_value",
    "select date_diff('hour', t.a, t.b) as a from t": "function date_diff",
    "select strftime(t.a, '%Y') as a from t": "function strftime",
}


@pytest.mark.parametrize("sql", BAD)
def test_each_rule_catches_its_bad_example(sql: str) -> None:
    assert any(BAD[sql] in problem for problem in portability.problems(sql, ENGINE_FUNCTIONS))


GOOD = [
    "select t.a, count(*) as n from t group by t.a",
    "select cast(t.a as double) / nullif(cast(t.b as double), 0) as a from t",
    "select cast(t.a as double) / 3600000000.0 as a from t",
    "select floor(t.a * 1e2 + 0.5) / 1e2 as a from t",
    "select row_number() over (partition by t.a order by t.occurred_at, t.event_id, t.source) as n from t",
    "select lag(t.b) over w as b from t window w as (order by t.event_number)",
    "select sum(t.a) over (order by t.changed_at range between unbounded preceding and current row) as a from t",
    "select max_by(t.a, t.event_number) filter (where t.a is not null) as a from t",
    "with x as (select t.a as b from t) select x.b as b, x.b + 1 as c from x where x.b > 1",
]


@pytest.mark.parametrize("sql", GOOD)
def test_no_rule_refuses_a_good_example(sql: str) -> None:
    assert portability.problems(sql, ENGINE_FUNCTIONS) == []


BAD_SOURCES = [
    "select {{ dbt.datediff('a', 'b', 'hour') }} from t",
    "select {{ dbt.dateadd('hour', 1, 'a') }} from t",
    "select {{ dbt.safe_cast('a', 'int') }} from t",
    "select {{ dbt.listagg('a') }} from t",
    "select t.a::date from t",
    "select cast(t.a as varchar) from t",
    "select t.a + interval 1 day from t",
    "select t.a from t asof join u on t.b >= u.b",
    "select t.data->>'a' from t",
    "select last_value(t.a ignore nulls) over (order by t.event_number) from t",
    "select epoch_us(t.a) from t",
    "select {{ hours('epoch_us(a)') }} from t",
    "select d from generate_series(1, 2) as s (d)",
    "select json_transform(t.data, '{}') from t",
    "select cast(t.a as hugeint) from t",
    "select t.a from t where t.a ilike 'x'",
    "from t",
]


@pytest.mark.parametrize("text", BAD_SOURCES)
def test_each_source_rule_catches_its_bad_example(text: str) -> None:
    assert portability.source_problems(text, ENGINE_FUNCTIONS)


def test_comments_may_name_what_is_refused() -> None:
    text = "{# epoch_us(x) and a :: b #}\n-- interval 1 day\nselect t.a from t"
    assert portability.source_problems(text, ENGINE_FUNCTIONS) == []
