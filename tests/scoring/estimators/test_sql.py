"""Scores of the SQL statement equal those of Python, whatever the columns are called and hold."""

from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import polars as pl
import pytest

from scoring.estimators.additive import AdditiveClassifier

from .conftest import mixed

EXACT = 1e-9


def scored(model, frame: pl.DataFrame, keys=("key",)) -> pl.DataFrame:
    con = duckdb.connect()
    con.execute("set threads = 1")
    con.register("given", frame.with_row_index("key"))
    con.execute("create table rows as from given")
    columns = con.sql(model.to_sql("rows", keys)).order("key").to_arrow_table()
    return pl.from_arrow(columns)


def assert_equal_to_python(model, frame: pl.DataFrame) -> None:
    found = scored(model, frame)
    assert np.abs(found["logit"].to_numpy() - model.decision_function(frame)).max() < EXACT
    assert np.abs(found["probability"].to_numpy() - model.predict_proba(frame)[:, 1]).max() < EXACT
    contributions = model.contributions(frame)
    used = [f.column for f in model.tables_.features]
    assert found.columns == ["key", "logit", "probability", *(f"contribution_{c.name}" for c in used)]
    for column in used:
        assert np.abs(found[f"contribution_{column.name}"].to_numpy() - contributions[:, column.position]).max() < EXACT


@pytest.fixture(scope="module")
def models(data) -> dict[str, AdditiveClassifier]:
    return {kind: AdditiveClassifier(kind=kind, max_iter=60).fit(*data) for kind in ("blend", "spline", "boosting")}


@pytest.mark.parametrize("kind", ["blend", "spline", "boosting"])
def test_equal_on_the_rows_of_fit_and_others(kind, models, data):
    assert_equal_to_python(models[kind], data[0])
    assert_equal_to_python(models[kind], mixed(2000, seed=8)[0])


def test_equal_on_values_that_fit_never_saw(models):
    frame = mixed(40, seed=1)[0]
    odd = frame.with_columns(
        pl.Series('si"ze', [None, float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 0.0, -0.0] * 5),
        pl.Series("plan; select 1", ["'", '"', "\\", "new", None, " \t", "basic ", "BASIC"] * 5),
        pl.Series("is active", [None] * 40, dtype=pl.Boolean),
        pl.Series("since", [None, datetime(1900, 1, 1).date()] * 20),
        pl.Series("total", ["1e3", "abc", "", None, "+4.", ".5", " 7\n", "inf", "nan", "1,5"] * 4),
        pl.Series("page", ["page 1", "page 10", "page", "zzz", None] * 8),
    )
    assert_equal_to_python(models["blend"], odd)


def test_equal_on_and_next_to_every_edge_and_knot(models, data):
    model = models["blend"]
    table = next(f for f in model.tables_.features if f.column.name == 'si"ze')
    points = np.concatenate([table.edges, table.knots])
    points = np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf)])
    frame = data[0].head(1).select(pl.all().repeat_by(len(points)).explode()).with_columns(pl.Series('si"ze', points))
    assert_equal_to_python(model, frame)


def test_times_with_zones_and_text_of_dates():
    rng = np.random.default_rng(2)
    start = datetime(2024, 3, 1, tzinfo=UTC)
    at = [start + timedelta(seconds=int(s)) for s in rng.integers(0, 10**7, 800)]
    frame = pl.DataFrame(
        {
            "at": pl.Series(at, dtype=pl.Datetime("us", "Europe/Berlin")),
            "naive": [a.replace(tzinfo=None) for a in at],
            "day": [f"{a:%Y-%m-%d}" if i % 7 else "" for i, a in enumerate(at)],
            "instant": [f"{a:%Y-%m-%dT%H:%M:%S.%f}" for a in at],
            "took": [timedelta(microseconds=int(v)) for v in rng.integers(0, 10**12, 800)],
        }
    )
    y = (np.arange(800) + rng.integers(0, 400, 800)) % 2
    model = AdditiveClassifier(max_iter=40).fit(frame, y)
    assert {f.column.kind for f in model.tables_.features} == {"date"}
    assert_equal_to_python(model, frame)


def test_schemas_keys_and_dialects():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=200), 'k"1': range(200), "Key two": ["same"] * 200})
    model = AdditiveClassifier(max_iter=5).fit(frame.select("x"), (frame["x"] > 0).to_numpy())
    con = duckdb.connect()
    con.register("given", frame)
    con.execute('create schema "a b"; create table "a b"."t.u" as from given')
    found = con.execute(model.to_sql(("a b", "t.u"), ['k"1', "Key two"]) + 'order by "k""1"').fetchall()
    assert [row[:2] for row in found] == [(i, "same") for i in range(200)]
    assert model.to_sql("a.b", []).count('from "a"."b"') == 1
    with pytest.raises(ValueError, match="dialect must be 'duckdb'"):
        model.to_sql("t", [], dialect="oracle")
    with pytest.raises(ValueError, match="same name"):
        model.to_sql("t", ["LOGIT"])


def test_columns_that_differ_in_case_alone_are_refused():
    frame = pl.DataFrame({"x": [0.0, 1.0] * 50, "X": [1.0, 0.0] * 50})
    model = AdditiveClassifier(max_iter=5).fit(frame, [0, 1] * 50)
    with pytest.raises(ValueError, match="letter case"):
        model.to_sql("t", [])


def test_a_model_without_columns_scores_the_base_rate():
    frame = pl.DataFrame({"one": [1] * 40})
    model = AdditiveClassifier().fit(frame, [0, 0, 0, 1] * 10)
    assert scored(model, frame)["probability"].to_list() == pytest.approx([0.25] * 40)
