"""Forecasts of won revenue by month for each tenant: as of now, and as they would have been made at past month ends.

What was known at the moment of a forecast is all that it reads; what then came stands beside it. How revenue is
simulated is in :mod:`scoring.forecasting.revenue`, how long deals take in :mod:`scoring.forecasting.duration`.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from scoring.evaluation.checks import Floats
from scoring.forecasting.backtest import LAST, bias_factor, error_spread, seasonal_naive
from scoring.forecasting.duration import WON, SimilarDeals, month_snapshots, watched, won_within
from scoring.forecasting.revenue import NewBusiness, OpenDeals, run_rate, simulate_revenue

MONTHS = 6
"""Months that are forecast: the running one and five more."""
BACKTESTS = 12
MIN_WINS = 25
"""Known wins from which on revenue is simulated; below, a rule stands in."""
MIN_MONTHS = 3
"""Past month ends from which on it is: the pace of deals is not seen in less."""
RECENT = 3
"""Months that the naive forecast averages while there is no year to look back."""
THROWS = 10_000_000
"""Random numbers per forecast, about; so many deals are given fewer draws."""


@dataclass(frozen=True)
class Chances:
    """Probabilities of winning that a model gives to open deals at one moment, in the order of their rows."""

    ever: Floats
    within_30d: Floats | None
    version: str


@dataclass
class _Past:
    """Closed forecasts of a tenant, of the first whole month ahead: the months, what was said, with which means."""

    months: list[datetime] = field(default_factory=list)
    said: list[float] = field(default_factory=list)
    by_model: list[bool] = field(default_factory=list)


def revenue_forecasts(
    features: pl.DataFrame, outcomes: pl.DataFrame, as_of: datetime, chances: Mapping[tuple[str, datetime], Chances]
) -> list[dict[str, Any]]:
    """Rows per tenant, moment and month.

    Parameters
    ----------
    features, outcomes
        ``features.feat_deal`` and ``features.deal_outcome``, sorted by tenant and deal.
    as_of
        Moment of the latest forecast.
    chances
        By tenant and moment; moments without them are forecast from similar deals alone.
    """
    moments = month_snapshots(features, as_of)
    snapshots = features.filter(~pl.col("is_latest") & pl.col("cutoff_at").is_in(moments))
    latest = features.filter(pl.col("is_latest"))
    tenants = sorted({*snapshots["tenant_id"], *latest["tenant_id"], *outcomes["tenant_id"]})
    by_tenant = [
        {str(key[0]): part for key, part in table.partition_by("tenant_id", as_dict=True).items()}
        for table in (snapshots, latest, outcomes)
    ]
    rows = []
    for tenant in tenants:
        own, now, closed = (
            parts.get(tenant, table.clear())
            for parts, table in zip(by_tenant, (snapshots, latest, outcomes), strict=True)
        )
        past, came = _Past(), _won_by_month(closed)
        for moment in (*moments[-BACKTESTS - LAST :], as_of):
            is_latest = moment == as_of
            one = _Moment(tenant, moment, now if is_latest else own.filter(cutoff_at=moment), own, closed, moments)
            told = one.forecast(past, chances.get((tenant, moment)))
            if is_latest or moment in moments[-BACKTESTS:]:
                for row in told:
                    month = row["revenue_month"]
                    actual = came.get(month, 0.0) if _months_on(month, 1) <= as_of else None
                    rows.append(row | {"is_latest": is_latest, "actual_base": actual})
    return rows


def _won_by_month(outcomes: pl.DataFrame) -> dict[datetime, float]:
    """What was won in each month, by its first instant; months without a win are not there."""
    won = outcomes.filter((pl.col("status") == "won") & pl.col("won_amount_base").is_not_null())
    months = won.group_by(pl.col("closed_at").dt.truncate("1mo").alias("month")).agg(pl.col("won_amount_base").sum())
    return dict(months.iter_rows())


def _months_on(month: datetime, count: int) -> datetime:
    """First instant of the month so many months later."""
    number = month.year * 12 + month.month - 1 + count
    return datetime(number // 12, number % 12 + 1, 1)


class _Moment:
    """A tenant's pipeline at a moment, and the past as it was known then."""

    def __init__(
        self,
        tenant: str,
        moment: datetime,
        deals: pl.DataFrame,
        snapshots: pl.DataFrame,
        outcomes: pl.DataFrame,
        moments: Sequence[datetime],
    ) -> None:
        self.tenant, self.moment, self.deals, self.snapshots = tenant, moment, deals, snapshots
        self.month = datetime(moment.year, moment.month, 1)
        self.months = [_months_on(self.month, ahead) for ahead in range(MONTHS)]
        self.edges = np.array(
            [0.0, *((_months_on(month, 1) - moment).total_seconds() / 86400 for month in self.months)]
        )
        self.known = outcomes.filter((pl.col("outcome_known_at") <= moment) & (pl.col("closed_at") <= moment))
        self.wins = self.known.filter(pl.col("status") == "won")
        self.earlier = [one for one in moments if one < moment]
        self.won = _won_by_month(self.known)
        self.won_to_date = self.won.get(self.month, 0.0)

    def forecast(self, past: _Past, chances: Chances | None) -> list[dict[str, Any]]:
        """Rows of the months ahead; ``past`` is told what is said of the next month."""
        weighted, naive = self._weighted(), self._naive()
        rows: list[dict[str, Any]] = [
            {
                "tenant_id": self.tenant,
                "as_of": self.moment,
                "revenue_month": month,
                "months_ahead": ahead,
                "won_to_date_base": self.won_to_date if ahead == 0 else 0.0,
                "weighted_pipeline_base": weighted[ahead],
                "seasonal_naive_base": naive[ahead],
                "open_deal_count": self.deals.height,
            }
            for ahead, month in enumerate(self.months)
        ]
        missing = self._missing()
        if missing is None:
            watched_then = watched(self.snapshots, self.known, self.moment)
            similar = SimilarDeals.of(watched_then)
            if (None, None) in similar.curves:
                return self._simulated(rows, past, chances, watched_then, similar)
            missing = "Too few deals were seen from a month end to their close."
        for ahead, row in enumerate(rows):
            if naive[ahead] is not None:
                method, value, said = "seasonal_naive", naive[ahead], "What came before"
            else:
                method, value, said = "weighted_pipeline", weighted[ahead], "The weighted pipeline"
            row |= dict.fromkeys(("expected_of_open_base", "expected_of_new_base", "p10_base", "p50_base", "p90_base"))
            row |= {"forecast_method": method, "expected_base": value, "correction_factor": None}
            row |= {"forecast_reason": f"{missing} {said} stands in.", "model_version": None}
        return rows

    def _missing(self) -> str | None:
        """What there is too little of to look for similar deals; None where there is enough."""
        if self.wins.height < MIN_WINS:
            return f"{self.wins.height} wins were known, {MIN_WINS} are needed."
        if len(self.earlier) < MIN_MONTHS:
            return f"{len(self.earlier)} month ends lie before, {MIN_MONTHS} are needed."
        return None

    def _simulated(
        self,
        rows: list[dict[str, Any]],
        past: _Past,
        chances: Chances | None,
        watched_then: pl.DataFrame,
        similar: SimilarDeals,
    ) -> list[dict[str, Any]]:
        deals = OpenDeals(self._chance(similar, chances), self._amounts(), haircut=self._haircut(watched_then))
        new = self._new_business()
        # Errors of one means say nothing of the bias of another; how wide they spread is much the same.
        over = [i for i, month in enumerate(past.months) if _months_on(month, 1) <= self.moment]
        # A month in which more was credited than won brought nothing, as far as ratios of errors can tell.
        came = [max(self.won.get(past.months[i], 0.0), 0.0) for i in over]
        said = [max(past.said[i], 0.0) for i in over]
        alike = [j for j, i in enumerate(over) if past.by_model[i] == (chances is not None)]
        correction = bias_factor([said[j] for j in alike], [came[j] for j in alike])
        forecast = simulate_revenue(
            deals,
            new,
            draws=int(np.clip(THROWS // max(self.deals.height, 1), 500, 4000)),
            seed=zlib.crc32(f"{self.tenant} {self.moment:%Y-%m-%d}".encode()),
            correction=correction,
            common_spread=error_spread(said, came),
        )
        past.months.append(self.months[1])
        past.said.append(float(forecast.expected[1]) / correction if correction else 0.0)
        past.by_model.append(chances is not None)
        ends = forecast.quantiles()
        means = "the probabilities of the model in force" if chances is not None else "how similar deals ended"
        for ahead, row in enumerate(rows):
            sure = row["won_to_date_base"]
            low, middle, high = (float(value) + sure for value in ends[ahead])
            row |= {
                "forecast_method": "simulation",
                "forecast_reason": f"Open deals by {means}, new ones as there were in the months before.",
                "expected_base": float(forecast.expected[ahead]) + sure,
                "expected_of_open_base": float(forecast.expected_of_open[ahead]),
                "expected_of_new_base": float(forecast.expected_of_new[ahead]),
                "p10_base": low,
                "p50_base": middle,
                "p90_base": high,
                "correction_factor": correction,
                "model_version": None if chances is None else chances.version,
            }
        return rows

    def _chance(self, similar: SimilarDeals, chances: Chances | None) -> Floats:
        """Probability of each open deal to be won in each month, shape (n, MONTHS)."""
        result = np.zeros((self.deals.height, MONTHS))
        for key, rows in self.deals.select("pipeline", "stage").with_row_index().group_by("pipeline", "stage"):
            curve = similar.like(*key)
            if curve is None:
                continue
            places = rows["index"].to_numpy()
            ever = None if chances is None else chances.ever[places]
            soon = None if chances is None or chances.within_30d is None else chances.within_30d[places]
            result[places] = np.diff(won_within(curve, self.edges, ever, soon))
        return np.clip(result, 0.0, 1.0)

    def _amounts(self) -> Floats:
        """Stated amounts; of deals without one, what wins were worth on average."""
        wins = self.wins["won_amount_base"].drop_nulls().to_numpy()
        filled = self.deals["amount_base"].cast(pl.Float64).fill_null(float(wins.mean()) if wins.size else 0.0)
        return np.asarray(filled.to_numpy(), dtype=np.float64)

    @staticmethod
    def _haircut(watched_then: pl.DataFrame) -> float:
        """Share of the amount stated at a month end that deals were then won for."""
        priced = watched_then.filter(
            (pl.col("outcome") == WON) & (pl.col("amount_base") > 0) & pl.col("won_amount_base").is_not_null()
        )
        won, stated = (float(priced[name].to_numpy().sum()) for name in ("won_amount_base", "amount_base"))
        return won / stated if stated > 0 else 1.0

    def _new_business(self) -> NewBusiness:
        """Wins to come of deals that are not open yet, as there were after the month ends of the year before.

        A month further ahead has fewer of them to learn from; where there is none, it is as good as the one before it.
        """
        wins = self.wins.filter(pl.col("won_amount_base").is_not_null())
        opened, closed, amounts = (wins[name].to_numpy() for name in ("created_at", "closed_at", "won_amount_base"))
        counts, pool = np.zeros(MONTHS), np.asarray(amounts, dtype=np.float64)
        for ahead in range(MONTHS):
            edges = self.edges[: ahead + 2].tolist()
            over = [day for day in self.earlier[-12:] if (self.moment - day).total_seconds() / 86400 >= edges[-1]]
            if over:
                found = run_rate(opened, closed, amounts, snapshots=np.array(over, dtype="datetime64[us]"), edges=edges)
                counts[ahead] = np.asarray(found.wins)[-1]
            elif ahead:
                counts[ahead] = counts[ahead - 1] * (edges[-1] - edges[-2]) / (edges[-2] - edges[-3])
        return NewBusiness(counts if pool.size else np.zeros(MONTHS), pool)

    def _weighted(self) -> list[float]:
        """Amount × stated probability in the month of the stated close; what is overdue counts in the running month.

        Where nobody stated a probability it is the tenant's share of deals won.
        """
        due = pl.col("days_to_expected_close")
        rows = self.deals.filter(due.is_not_null() & pl.col("amount_base").is_not_null()).select(
            (pl.lit(self.moment).dt.date() + pl.duration(days=due)).alias("due_date"),
            (pl.col("amount_base") * pl.coalesce("probability", "tenant_win_rate")).alias("value"),
        )
        sums = [0.0] * MONTHS
        for due_date, value in rows.iter_rows():
            ahead = (due_date.year - self.month.year) * 12 + due_date.month - self.month.month
            if ahead < MONTHS:
                sums[max(ahead, 0)] += value
        return [self.won_to_date + sums[0], *sums[1:]]

    def _naive(self) -> list[float | None]:
        """The same month of the year before, by how much more is in the pipeline now; before that, recent months.

        The pipeline of a year before is that of the end of the same month. Null before the first month is over.
        """
        first = self.known["closed_at"].min()
        if not isinstance(first, datetime):
            return [None] * MONTHS
        start = _months_on(datetime(first.year, first.month, 1), 0 if first.day == 1 else 1)
        recent = [month for ahead in range(1, RECENT + 1) if (month := _months_on(self.month, -ahead)) >= start]
        mean = sum(self.won.get(month, 0.0) for month in recent) / len(recent) if recent else None
        told: list[float | None] = []
        for month in self.months:
            before = _months_on(month, -12)
            seasonal = before >= start and before < self.month
            value = self._season(before) if seasonal else mean
            told.append(value if value is None or month != self.month else max(value, self.won_to_date))
        return told

    def _season(self, before: datetime) -> float:
        then_month = _months_on(self.month, -12)
        then = [day for day in self.earlier if datetime(day.year, day.month, 1) == then_month]
        held = float(self.snapshots.filter(pl.col("cutoff_at").is_in(then))["amount_base"].sum())
        return seasonal_naive(self.won.get(before, 0.0), held, float(self.deals["amount_base"].sum()))
