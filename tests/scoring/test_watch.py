"""Checks of the tables of scores, over rows by hand."""

import duckdb
import pytest

from scoring.scores import score_drift, score_month, score_segment
from scoring.watch import look


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create schema scores")
    for module in (score_month, score_segment, score_drift):
        columns = ", ".join(f"{name} {kind}" for name, kind in module.COLUMNS.items())
        con.execute(f"create table scores.{module.__name__.rpartition('.')[2]} ({columns})")
    return con


def add(con: duckdb.DuckDBPyConnection, table: str, **row: object) -> None:
    names = ", ".join(row)
    con.execute(f"insert into scores.{table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))


def test_of_nothing_nothing_is_said(con: duckdb.DuckDBPyConnection) -> None:
    assert [(one.passed, one.sentence) for one in look(con)] == [(True, "Nothing can be judged yet.")] * 3


def test_the_newest_month_of_which_enough_is_known_decides(con: duckdb.DuckDBPyConnection) -> None:
    """May was off, June is good, of July too little is known; of deals June is off."""
    for score, month, verdict in (
        ("lead_90d", "2026-05-01", "red"),
        ("lead_90d", "2026-06-01", "good"),
        ("lead_90d", "2026-07-01", "unknown"),
        ("deal_30d", "2026-06-01", "red"),
    ):
        key = {"tenant_id": "t", "score_name": score, "score_month": month}
        add(con, "score_month", **key, positive_count=20, expected_count=10.0, verdict=verdict)
        segment = {"segment_kind": "plan", "segment_value": "pro"}
        add(con, "score_segment", **key, **segment, positive_count=20, expected_count=10.0, verdict=verdict)
        add(con, "score_drift", **key, feature_name="x", psi=0.3, verdict="red" if month == "2026-07-01" else "good")
    outcomes, segments, population = look(con)
    assert (outcomes.passed, outcomes.sentence) == (
        False,
        "1 are off: t deal_30d 2026-06: 20 came where 10.0 were expected.",
    )
    assert outcomes.markdown.count("lead_90d") == 2
    assert segments.sentence == "1 are off: t deal_30d plan pro: 20 came where 10.0 were expected."
    assert population.sentence == "1 are off: t lead_90d x: index 0.3."
