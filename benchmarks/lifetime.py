"""``python -m benchmarks.lifetime [cdnow] [maven]``: lifetimes and forecasts on public data, beside simple baselines.

The data are looked for in ``DEALHOUSE_SHARED_DATA``, else in ``../shared/data`` beside the repository.
"""

import argparse
import time
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from benchmarks.public_data import folder_of
from scoring.evaluation.metrics import auc_interval, ece, lift_at, log_loss_skill, losses
from scoring.evaluation.selection import ScoreSelector
from scoring.evaluation.split import PurgedSnapshotSplit
from scoring.forecasting.backtest import (
    ForecastBacktest,
    bias_factor,
    error_spread,
    forecast_backtest,
    seasonal_naive,
    weighted_forecast,
)
from scoring.forecasting.revenue import OpenDeals, simulate_revenue
from scoring.lifetime import BetaGeoNBD, GammaGamma
from scoring.lifetime.purchases import purchase_histories

HORIZON = timedelta(days=30)
SEASON = timedelta(days=91)
DAYS = [date(2017, 3, 1) + timedelta(weeks=week) for week in range(39)]
"""Snapshots. The first closing of the data is on 1 March, so that there is nothing to be won before."""
FEATURES = ["age_days", "sales_agent_win_rate", "product_win_rate", "sales_price", "quarter_day"]
CLOSED_FEATURES = ["sales_agent_win_rate", "product_win_rate", "sales_price", "quarter_day"]


# CDNOW ----------------------------------------------------------------------------------------------------------------


def purchases() -> pl.DataFrame:
    lines = [line.split() for line in (folder_of("cdnow") / "CDNOW_sample.txt").read_text().splitlines()]
    return pl.DataFrame(
        {
            "customer_id": [line[1] for line in lines],
            "purchase_date": [date(int(line[2][:4]), int(line[2][4:6]), int(line[2][6:])) for line in lines],
            "amount": [float(line[4]) for line in lines],
        }
    )


def cdnow() -> None:
    """39 weeks to fit, 39 weeks to be measured on."""
    bought, end, weeks = purchases(), date(1997, 9, 30), 39
    histories = purchase_histories(bought, end)
    later = bought.filter(pl.col("purchase_date") > end).group_by("customer_id")
    counts = later.agg(pl.col("purchase_date").n_unique().alias("count"), pl.col("amount").sum())
    joined = histories.join(counts, on="customer_id", how="left").with_columns(pl.col("count", "amount").fill_null(0))
    actual, spent = joined["count"].to_numpy(), joined["amount"].to_numpy()
    frequency, age = histories["frequency"].to_numpy(), histories["T"].to_numpy()
    told = {"last period": frequency, "rate so far": frequency / age * weeks, "mean": np.full(age.size, actual.mean())}
    for name, modified in (("BG/NBD", False), ("MBG/NBD", True)):
        start = time.process_time()
        model = BetaGeoNBD(modified=modified, horizon=weeks).fit(histories)
        seconds = time.process_time() - start
        told[name] = model.predict(histories)
        parameters = f"r {model.r_:.4f}, alpha {model.alpha_:.4f}, a {model.a_:.4f}, b {model.b_:.4f}"
        print(f"{name}: {parameters}, log-likelihood {model.log_likelihood_:.2f}, {seconds:.2f} CPU s")
        if not modified:
            example = model.predict(np.array([[2, 30.43, 38.86]]), weeks)[0]
            print(f"  expected after (2, 30.43, 38.86): {example:.4f} (published: 1.226, .243, 4.414, .793, 2.426)")
    rows = [
        (name, np.abs(p - actual).mean(), p.sum() / actual.sum() - 1, _active(actual, p)) for name, p in told.items()
    ]
    for name, error, total, area in sorted(rows, key=lambda row: row[1]):
        print(f"  {name:<12} MAE {error:.3f}  total {total:+.1%}  AUC of who comes back {area:.3f}")
    money = GammaGamma().fit(histories)
    value = told["MBG/NBD"] * money.predict(histories)
    print(f"Gamma-Gamma: p {money.p_:.3f}, q {money.q_:.3f}, v {money.v_:.3f} (published: 6.25, 3.74, 15.45)")
    print(f"  revenue of 39 weeks: total {value.sum() / spent.sum() - 1:+.1%}, MAE {np.abs(value - spent).mean():.1f}")


def _active(actual: np.ndarray, p: np.ndarray) -> float:
    return auc_interval((actual > 0).astype(int), p).value


# Maven ----------------------------------------------------------------------------------------------------------------


class Deals:
    """Deals of the vendor's sample, and what was known of them on any day."""

    def __init__(self) -> None:
        folder = folder_of("maven_crm")
        deals = pl.read_csv(folder / "sales_pipeline.csv", try_parse_dates=True)
        deals = deals.with_columns(pl.col("product").replace("GTXPro", "GTX Pro"), won=pl.col("deal_stage") == "Won")
        prices = pl.read_csv(folder / "products.csv").select("product", "sales_price")
        deals = deals.join(prices, on="product", how="left", validate="m:1")
        self.rows = deals.filter(pl.col("engage_date").is_not_null())

    def as_of(self, day: date, rows: pl.DataFrame) -> pl.DataFrame:
        """These deals with win rates of their agent and product among the deals closed before the day."""
        closed = self.rows.filter(pl.col("close_date") < day)
        overall = closed["won"].mean() if closed.height else 0.5
        for key in ("sales_agent", "product"):
            rate = ((pl.col("won").sum() + 10 * overall) / (pl.len() + 10)).alias(f"{key}_win_rate")
            rows = rows.join(closed.group_by(key).agg(rate), on=key, how="left")
        quarter = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        return rows.with_columns(
            pl.col("sales_agent_win_rate", "product_win_rate").fill_null(overall),
            cutoff=pl.lit(day),
            age_days=(pl.lit(day) - pl.col("engage_date")).dt.total_days(),
            quarter_day=pl.lit((day - quarter).days),
        )

    def snapshot(self, day: date) -> pl.DataFrame:
        """Deals that were open on the morning of a day, with what the next 30 days brought."""
        is_open = (pl.col("engage_date") < day) & (pl.col("close_date").is_null() | (pl.col("close_date") >= day))
        won = (pl.col("won") & (pl.col("close_date") < day + HORIZON)).fill_null(value=False)
        return self.as_of(day, self.rows.filter(is_open)).with_columns(
            label=won.cast(pl.Int64), revenue=pl.when(won).then(pl.col("close_value")).otherwise(0.0)
        )

    def win_rate(self, day: date) -> float:
        """Share of won deals among those closed before the day."""
        return float(self.rows.filter(pl.col("close_date") < day)["won"].mean())


def splines() -> object:
    bent = SplineTransformer(n_knots=5, knots="quantile", extrapolation="constant")
    return make_pipeline(bent, StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))


def trees() -> object:
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=8, min_samples_leaf=50, l2_regularization=1.0, random_state=0
    )


def maven() -> ForecastBacktest:
    """Weekly snapshots to train on; every second one from July to November 2017 to be measured on."""
    deals = Deals()
    snapshots = {day: deals.snapshot(day) for day in DAYS}
    tested = [day for day in DAYS if date(2017, 6, 7) <= day]
    rows = []
    for day in tested:
        train = pl.concat([snapshots[earlier] for earlier in DAYS if earlier + HORIZON <= day])
        test = snapshots[day]
        x, y = train.select(FEATURES).to_numpy(), train["label"].to_numpy()
        priced = train.filter(pl.col("label") == 1)
        haircut = priced["revenue"].sum() / priced["sales_price"].sum()
        season = deals.snapshot(day - SEASON) if day - SEASON >= DAYS[0] else None
        row = {"day": day, "y": test["label"].to_numpy(), "price": test["sales_price"].to_numpy(), "haircut": haircut}
        row |= {name: model.fit(x, y).predict_proba(test.select(FEATURES).to_numpy())[:, 1] for name, model in models()}
        row |= {"base": np.full(test.height, y.mean()), "actual": test["revenue"].sum()}
        row["weighted"] = weighted_forecast(test["sales_price"], np.full(test.height, deals.win_rate(day)))
        if season is not None:
            then, now = season["sales_price"].sum(), test["sales_price"].sum()
            row["seasonal-naive"] = seasonal_naive(season["revenue"].sum(), then, now)
        rows.append(row)
    kept = [row for row in rows if row["day"] >= date(2017, 7, 1)][::2]
    for name, _ in models():
        print_probabilities(name, kept)
    result = print_forecasts(rows, kept)
    won_given_closed(deals)
    return result


def models() -> list[tuple[str, object]]:
    return [("spline", splines()), ("trees", trees())]


def print_probabilities(name: str, kept: list[dict]) -> None:
    y, p, base = (np.concatenate([row[key] for row in kept]) for key in ("y", name, "base"))
    skill, area = log_loss_skill(y, p, base), auc_interval(y, p)
    within = np.mean([auc_interval(row["y"], row[name]).value for row in kept])
    print(
        f"won within 30 days, {name}: AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f}), within a snapshot "
        f"{within:.3f}, log loss {losses(y, p).mean():.3f} (base {losses(y, base).mean():.3f}), "
        f"skill {skill.value:.1%}, ECE {ece(y, p):.3f}, lift {lift_at(y, p):.1f}"
    )


def print_forecasts(rows: list[dict], kept: list[dict]) -> ForecastBacktest:
    told = {name: np.array([row["price"] @ row[name] * row["haircut"] for row in rows]) for name, _ in models()}
    actual, days = np.array([row["actual"] for row in rows]), np.array([row["day"] for row in rows])
    chosen = [number for number, row in enumerate(rows) if any(row is other for other in kept)]
    corrected, low, high = {name: [] for name in told}, [], []
    for number in chosen:
        closed = days + HORIZON <= days[number]
        for name, values in told.items():
            corrected[name].append(values[number] * bias_factor(values[closed], actual[closed]))
        row = rows[number]
        forecast = simulate_revenue(
            OpenDeals(row["trees"][:, None], row["price"], haircut=row["haircut"]),
            draws=2000,
            correction=bias_factor(told["trees"][closed], actual[closed]),
            common_spread=error_spread(told["trees"][closed], actual[closed]),
        )
        ends = forecast.quantiles((0.1, 0.9))[0]
        low.append(ends[0])
        high.append(ends[1])
    forecasts = {name: values[chosen] for name, values in told.items()}
    forecasts |= {f"{name}, corrected": values for name, values in corrected.items()}
    forecasts |= {name: [row[name] for row in kept] for name in ("weighted", "seasonal-naive")}
    result = forecast_backtest(days[chosen], actual[chosen], forecasts, horizon=HORIZON, low=low, high=high)
    for name, error, bias, weighted in result.summary.iter_rows():
        print(f"revenue of 30 days, {name:<18} error {error:.0%}  bias {bias:+.0%}  weighted error {weighted:.0%}")
    print(f"  P10 to P90 of trees held {result.periods['is_covered'].mean():.0%} of {len(chosen)} windows")
    return result


def won_given_closed(deals: Deals) -> ScoreSelector:
    """Whether a closed deal was won, by what was known when it began: the gate is to refuse that."""
    parts = []
    for first, last in pairwise(DAYS):
        begun = deals.rows.filter((pl.col("engage_date") >= first) & (pl.col("engage_date") < last))
        parts.append(deals.as_of(first, begun.filter(pl.col("close_date").is_not_null())))
    closed = pl.concat(parts).sort("close_date", "opportunity_id")
    selector = ScoreSelector(
        [("spline", splines()), ("additive", trees())], cv=PurgedSnapshotSplit(timedelta(days=1), n_splits=4)
    )
    selector.fit(
        closed.select(CLOSED_FEATURES).to_numpy(), closed["won"].to_numpy(), cutoffs=closed["close_date"].to_numpy()
    )
    verdict = "refused" if selector.chosen_ == "base" else f"NOT REFUSED, {selector.chosen_}"
    print(f"won given closed ({closed.height} deals): {verdict}. {selector.reason_}")
    print(selector.periods_.group_by("candidate", maintain_order=True).agg(pl.col("log_loss", "auc").mean()))
    return selector


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lifetime", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["cdnow", "maven"], help="cdnow, maven")
    for part in parser.parse_args().parts:
        {"cdnow": cdnow, "maven": maven}[part]()


if __name__ == "__main__":
    main()
