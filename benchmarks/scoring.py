"""``make bench-scoring``: the additive model against logistic regression and default boosting, on the same rows.

ROC-AUC and log loss with 90 % intervals from a bootstrap of the test rows; then the time, memory and speed of training
and scoring. The public data is read from `DEALHOUSE_SHARED_DATA`, or from `shared/data` beside the project.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks import measure
from benchmarks.public_data import folder_of
from scoring.estimators.additive import AdditiveClassifier
from scoring.estimators.encoding import FrameEncoder

REPEATS, DRAWS = 3, 200
Fold = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Numbers of the test rows of one split, their outcomes and probabilities."""


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["telco", "olist", "maven", "speed"])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows that speed is measured on")
    options = parser.parse_args()
    for part in options.parts:
        if part == "speed":
            speed(options.rows)
        else:
            {"telco": telco, "olist": olist, "maven": maven}[part]()


def _models() -> dict[str, Callable[[pl.DataFrame, np.ndarray, pl.DataFrame], np.ndarray]]:
    def ours(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> np.ndarray:
        return np.asarray(AdditiveClassifier().fit(train, y).predict_proba(test)[:, 1])

    return {"additive blend": ours, "logistic regression": _logistic, "default HGB": _default_boosting}


def _encoded(train: pl.DataFrame, test: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, list[bool]]:
    encoder = FrameEncoder().fit(train)
    return encoder.transform(train), encoder.transform(test), [c.kind == "category" for c in encoder.columns_]


def _logistic(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> np.ndarray:
    rows, later, is_category = _encoded(train, test)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, [not c for c in is_category]),
            ("levels", OneHotEncoder(handle_unknown="ignore"), is_category),
        ]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(rows, y)
    return np.asarray(model.predict_proba(later)[:, 1])


def _default_boosting(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> np.ndarray:
    rows, later, is_category = _encoded(train, test)
    model = HistGradientBoostingClassifier(categorical_features=is_category, random_state=0).fit(rows, y)
    return np.asarray(model.predict_proba(later)[:, 1])


def _report(name: str, folds: list[Fold], target: str = "") -> None:
    """Mean of both measures over folds, with the 5th and 95th percentile over resampled rows.

    A row that several repeats test is drawn for all of them at once: repeats make no rows.
    """
    rng = np.random.default_rng(0)
    count = 1 + max(int(rows.max()) for rows, _, _ in folds)
    area, loss = _measures(folds, np.ones(count))
    drawn = [_measures(folds, np.bincount(rng.integers(0, count, count), minlength=count)) for _ in range(DRAWS)]
    low, high = np.quantile(np.array(drawn), [0.05, 0.95], axis=0)
    print(
        f"  {name:<20} ROC-AUC {area:.4f} [{low[0]:.3f}, {high[0]:.3f}]   "
        f"log loss {loss:.4f} [{low[1]:.3f}, {high[1]:.3f}]   {target}",
        flush=True,
    )


def _measures(folds: list[Fold], weight: np.ndarray) -> tuple[float, float]:
    areas = [roc_auc_score(y, p, sample_weight=weight[rows]) for rows, y, p in folds]
    losses = [
        log_loss(y, np.clip(p, 1e-15, 1 - 1e-15), labels=[0, 1], sample_weight=weight[rows]) for rows, y, p in folds
    ]
    return float(np.mean(areas)), float(np.mean(losses))


def _one(y: np.ndarray, p: np.ndarray) -> list[Fold]:
    return [(np.arange(len(y)), y, p)]


def telco() -> None:
    """Churn of 7,043 customers, raw columns, repeated 5-fold cross-validation."""
    frame = pl.read_csv(folder_of("telco") / "WA_Fn-UseC_-Telco-Customer-Churn.csv")
    y, rows = (frame["Churn"] == "Yes").to_numpy().astype(int), frame.drop("Churn")
    print(f"telco: {len(y):,} rows, {y.sum():,} churned, 5 folds, {REPEATS} repeats (target .848 and .413)")
    for name, model in _models().items():
        folds = []
        for seed in range(REPEATS):
            for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y):
                folds.append((test, y[test], model(rows[train], y[train], rows[test])))
        _report(name, folds)


HORIZON = timedelta(days=30)
SMOOTHING = 20.0
"""Leads' worth of the rate of all that a rate of an origin or a page is shrunk by."""


def olist_leads() -> pl.DataFrame:
    """Leads with what was knowable on the day of first contact, and `is_won` within 30 days of it.

    Wins are recorded from 5 December 2017 on, so that leads before 5 November have no outcome; they are left out. The
    rates of an origin and a page are of leads whose 30 days were over on that day, shrunk towards the rate of all such
    leads, and given as the logarithm of their ratio to that, which does not drift as the rate of all does.
    """
    folder = folder_of("olist_funnel")
    leads = pl.read_csv(folder / "olist_marketing_qualified_leads_dataset.csv", try_parse_dates=True)
    deals = pl.read_csv(folder / "olist_closed_deals_dataset.csv", try_parse_dates=True)
    start = deals["won_date"].dt.date().min() - HORIZON  # type: ignore[operator]
    leads = leads.join(deals.select("mql_id", won_date=pl.col("won_date").dt.date()), on="mql_id", how="left")
    leads = leads.filter(pl.col("first_contact_date") >= start).sort("first_contact_date", "mql_id")
    leads = leads.with_columns(
        is_won=(pl.col("won_date") - pl.col("first_contact_date") <= HORIZON).fill_null(value=False).cast(pl.Int64),
        month=pl.col("first_contact_date").dt.month(),
        weekday=pl.col("first_contact_date").dt.weekday(),
        known_from=pl.col("first_contact_date") + HORIZON + timedelta(days=1),
    )
    leads = _as_of_rate(leads.with_columns(all=pl.lit("all")), "all", pl.lit(0.1), 10.0)
    for key in ("origin", "landing_page_id"):
        leads = _as_of_rate(leads.with_columns(pl.col(key).fill_null("")), key, pl.col("all_rate"), SMOOTHING)
        leads = leads.with_columns((pl.col(f"{key}_rate") / pl.col("all_rate")).log().alias(f"{key}_lift"))
    return leads


def _as_of_rate(leads: pl.DataFrame, key: str, prior: pl.Expr, strength: float) -> pl.DataFrame:
    known = leads.group_by(key, known_on="known_from").agg(rows=pl.len(), wins=pl.col("is_won").sum())
    known = known.sort("known_on").with_columns(pl.col("rows", "wins").cum_sum().over(key))
    joined = leads.join_asof(
        known, left_on="first_contact_date", right_on="known_on", by=key, check_sortedness=False
    ).with_columns(pl.col("rows", "wins").fill_null(0))
    rate = (pl.col("wins") + strength * prior) / (pl.col("rows") + strength)
    return joined.with_columns(rate.alias(f"{key}_rate")).drop("known_on", "rows", "wins")


def olist() -> None:
    """Won within 30 days: the last quarter of all leads is predicted from those whose outcome was known before it."""
    leads = olist_leads()
    every = pl.read_csv(folder_of("olist_funnel") / "olist_marketing_qualified_leads_dataset.csv", try_parse_dates=True)
    cutoff = every["first_contact_date"].sort()[len(every) * 3 // 4]
    train = leads.filter(pl.col("known_from") <= cutoff)
    test = leads.filter(pl.col("first_contact_date") >= cutoff)
    y, known = test["is_won"].to_numpy(), train["is_won"].to_numpy()
    print(
        f"olist: won within 30 days, {len(train):,} leads known before {cutoff}, {len(test):,} after it, "
        f"{y.sum()} won (target .72 and .253)"
    )
    features = ["origin", "landing_page_id", "month", "weekday", "origin_lift", "landing_page_id_lift"]
    for name, model in _models().items():
        _report(name, _one(y, model(train.select(features), known, test.select(features))))
    _report("origin's rate", _one(y, test["origin_rate"].to_numpy()))
    _report("rate of training", _one(y, np.full(len(y), known.mean())))


def maven() -> None:
    """Won, given closed: the last quarter of the closed deals; no model is better than the rate of wins."""
    folder = folder_of("maven_crm")
    deals = pl.read_csv(folder / "sales_pipeline.csv", try_parse_dates=True)
    teams = pl.read_csv(folder / "sales_teams.csv")
    closed = deals.filter(pl.col("deal_stage").is_in(["Won", "Lost"])).join(teams, on="sales_agent", how="left")
    closed = closed.with_columns(weekday=pl.col("engage_date").dt.weekday()).sort("engage_date", "opportunity_id")
    cutoff: date = closed["engage_date"][len(closed) * 3 // 4]
    train, test = closed.filter(pl.col("close_date") < cutoff), closed.filter(pl.col("engage_date") >= cutoff)
    features = ["sales_agent", "product", "manager", "regional_office", "weekday"]
    y, known = ((part["deal_stage"] == "Won").to_numpy().astype(int) for part in (test, train))
    print(f"maven: won given closed, {len(train):,} deals closed before {cutoff}, {len(test):,} engaged after it")
    for name, model in _models().items():
        p = model(train.select(features), known, test.select(features))
        _report(name, _one(y, p), _skill(y, p, float(known.mean())))
    _report("rate of training", _one(y, np.full(len(y), known.mean())))


def _skill(y: np.ndarray, p: np.ndarray, rate: float) -> str:
    """1 - log loss / log loss of the rate, with the lower bound of 90 % that a skill gate asks to be above 0."""
    ours, theirs = (-np.log(np.where(y == 1, q, 1 - q)) for q in (p, np.full(len(y), rate)))
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(y), (1000, len(y)))
    lower = float(np.quantile(1 - ours[rows].mean(axis=1) / theirs[rows].mean(axis=1), 0.05))
    verdict = "skill" if lower > 0 else "no skill: refused"
    return f"skill {1 - ours.mean() / theirs.mean():+.3f}, lower bound {lower:+.3f}: {verdict}"


def speed(rows: int) -> None:
    """Training in a process of its own, then scoring with all contributions, per second of one processor."""
    with tempfile.TemporaryDirectory(prefix="dealhouse-bench-") as folder:
        model = str(Path(folder) / "model.json")
        trained = measure.run("benchmarks.scoring", "train", rows=rows, model=model)
        print(
            f"speed: trained on {rows:,} rows of 20 columns in {trained.answer['seconds']:.0f} s "
            f"({trained.answer['cpu_seconds']:.0f} s of processor), peak {trained.peak_gb:.2f} GB with the data "
            "(target at most 180 s and 4 GB)"
        )
        scored = measure.run("benchmarks.scoring", "score", rows=rows, model=model).answer
    print(
        f"  scoring with 20 contributions, rows per CPU second: Python {scored['python']:,.0f}, "
        f"SQL {scored['sql']:,.0f} (target 150,000); largest difference {scored['difference']:.1e}"
    )


def invented(rows: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Twelve numbers, one with missing values, and eight categories of 3 to 40 levels, with smooth effects."""
    rng = np.random.default_rng(0)
    columns: dict[str, np.ndarray] = {f"number_{i}": rng.gamma(2, 50, rows) for i in range(12)}
    logit = sum((0.3 * np.sin(x / 40 + i) for i, x in enumerate(columns.values())), np.full(rows, -1.0))
    columns["number_0"][rng.random(rows) < 0.1] = np.nan
    for i in range(8):
        levels = np.array([f"level {j}" for j in range((3, 5, 10, 40)[i % 4])])
        columns[f"category_{i}"] = levels[rng.integers(0, len(levels), rows)]
    logit += 0.5 * (columns["category_0"] == "level 1")
    return pl.DataFrame(columns), (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)


def train(rows: int, model: str) -> dict[str, float]:
    """Fit on invented rows and write the model; seconds of the fit alone."""
    import json

    frame, y = invented(rows)
    started, cpu = time.perf_counter(), time.process_time()
    fitted = AdditiveClassifier().fit(frame, y)
    taken = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    Path(model).write_text(json.dumps(fitted.to_dict()))
    return taken


def score(rows: int, model: str) -> dict[str, Any]:
    """Score invented rows from the stored model, in Python and in DuckDB with one thread; rows per CPU second."""
    import json

    fitted = AdditiveClassifier.from_dict(json.loads(Path(model).read_text()))
    frame, _ = invented(rows)
    cpu = time.process_time()
    contributions = fitted.contributions(frame)
    python = rows / (time.process_time() - cpu)
    con = duckdb.connect()
    con.execute("set threads = 1")
    con.register("given", frame.with_row_index("id"))
    con.execute("create table rows as from given")
    statement = fitted.to_sql("rows", ["id"])
    cpu = time.process_time()
    con.execute(f"create table scores as {statement}")
    sql = rows / (time.process_time() - cpu)
    logit = con.sql("select logit from scores order by id").fetchnumpy()["logit"]
    difference = float(np.abs(logit - contributions.sum(axis=1) - fitted.intercept_).max())
    return {"python": python, "sql": sql, "difference": difference}


if __name__ == "__main__":
    sys.exit(main())
