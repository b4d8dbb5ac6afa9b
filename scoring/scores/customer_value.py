"""What a customer is expected to pay in the twelve months after as_of.

Under a contract it is the price of a month times the months that the customer is expected to stay: of the next twelve
payments the sum of the chances to be still there (Gupta and Lehmann, *Managing Customers as Investments*, 2005, with a
horizon and without a discount). The chances follow from how long customers of the tenant stayed (shifted
beta-geometric), scaled to the customer's own chance to leave within a month where a model tells customers apart; where
too few have left, that chance stays the same.

Without a contract it is the purchases that are expected (modified BG/NBD) times what one is worth (Gamma-Gamma).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING

from scoring.scores._common import CLOCK, LATEST, MODELS

if TYPE_CHECKING:
    import polars as pl

READS = (
    "features.feat_customer",
    "features.uncontracted_day",
    "facts.fact_subscription_period",
    CLOCK,
    MODELS,
)
ROWS = {"features.feat_customer": LATEST}
COLUMNS = {
    "tenant_id": "string",
    "customer_id": "string",
    "as_of": "timestamp",
    "value_method": "string",
    "value_reason": "string",
    "mrr_base": "double",
    "tenure_months": "bigint",
    "monthly_churn_probability": "double",
    "expected_months": "double",
    "survival_12m_rate": "double",
    "survival_curve": "string",
    "alive_rate": "double",
    "expected_purchase_count": "double",
    "expected_purchase_base": "double",
    "value_12m_base": "double",
    "model_version": "string",
    "model_reason": "string",
    "scored_at": "timestamp",
}
MONTHS = 12
YEAR_WEEKS = 365.25 / 7


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per customer who pays at as_of, or has bought without a contract."""
    import polars as pl

    from scoring.applied import empty, latest, typed, with_scored_at

    frame = latest(tables["features.feat_customer"]).sort("tenant_id", "customer_id")
    bought = tables["features.uncontracted_day"].filter((pl.col("activity") == "purchase") & (pl.col("spent_base") > 0))
    if frame.is_empty() and bought.is_empty():
        return empty(COLUMNS)
    rows = [*_under_contract(frame, tables), *_without(bought, tables[CLOCK]["as_of"][0])]
    return with_scored_at(typed(rows, COLUMNS), tables).sort("tenant_id", "customer_id")


def _under_contract(frame: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, object]]:
    import numpy as np
    import polars as pl

    from scoring.applied import NO_MODEL, model_of, probability_of
    from scoring.lifetime.contracts import Lasting, lives, scaled
    from scoring.lifetime.value import contract_value

    if frame.is_empty():
        return []
    until = frame["cutoff_at"][0].date()
    known = lives(tables["facts.fact_subscription_period"], frame, until)
    model, version = model_of(tables, "churn_30d")
    frame = frame.join(known, on=["tenant_id", "customer_id"], how="left", maintain_order="left").with_columns(
        probability_of(model, frame).alias("leaves"), pl.col("month_count").fill_null(0)
    )
    tells_apart = model is not None and model.kind != "base"
    rows: list[dict[str, object]] = []
    for (tenant,), own in frame.group_by("tenant_id", maintain_order=True):
        lasting = Lasting.of(known.filter(pl.col("tenant_id") == tenant))
        tenure = own["month_count"].to_numpy().astype(np.float64)
        leaves = own["leaves"].to_numpy().astype(np.float64)
        method, reason = "sbg", lasting.reason
        if lasting.model is not None:
            survival = lasting.model.predict_survival(np.arange(1, MONTHS + 1), tenure)
            if tells_apart:
                survival, method = scaled(survival, leaves), "sbg_scaled"
                reason += " Scaled to the chance to leave that the churn model gives."
        elif model is not None and np.isfinite(leaves).all():
            survival, method = (1 - leaves)[:, None] ** np.arange(1, MONTHS + 1), "constant_churn"
            reason += " The chance to leave within a month stays the same."
        else:
            survival, method = None, "none"
        stays = np.full((own.height, MONTHS), np.nan) if survival is None else survival
        ones, price = np.ones(own.height), own["mrr_base"].fill_null(np.nan).to_numpy().astype(np.float64)
        months = np.full(own.height, np.nan) if survival is None else contract_value(ones, survival)
        for place, customer in enumerate(own.iter_rows(named=True)):
            curve = stays[place]
            rows.append(
                {
                    "tenant_id": customer["tenant_id"],
                    "customer_id": customer["customer_id"],
                    "as_of": customer["cutoff_at"],
                    "value_method": method,
                    "value_reason": reason,
                    "mrr_base": customer["mrr_base"],
                    "tenure_months": customer["month_count"],
                    "monthly_churn_probability": _finite(1 - curve[0]),
                    "expected_months": _finite(months[place]),
                    "survival_12m_rate": _finite(curve[-1]),
                    "survival_curve": None if survival is None else json.dumps([round(float(one), 6) for one in curve]),
                    "value_12m_base": _finite(months[place] * price[place]),
                    "model_version": version if method in ("sbg_scaled", "constant_churn") else None,
                    "model_reason": NO_MODEL if model is None else model.reason,
                }
            )
    return rows


def _without(bought: pl.DataFrame, as_of: object) -> list[dict[str, object]]:
    import numpy as np
    import polars as pl

    from scoring.lifetime.uncontracted import fitted, fitted_money, histories_of
    from scoring.lifetime.value import purchase_value

    rows: list[dict[str, object]] = []
    for (tenant,), own in bought.sort("tenant_id", "customer_id", "activity_date").group_by(
        "tenant_id", maintain_order=True
    ):
        histories = histories_of(own, as_of.date())  # type: ignore[attr-defined]
        model, reason = fitted(histories)
        usual = float(own["spent_base"].sum() / own.height)
        money = fitted_money(histories)
        if model is None:
            weeks = float(histories["T"].sum())
            count = np.full(
                histories.height, float(histories["frequency"].sum()) / weeks * YEAR_WEEKS if weeks else np.nan
            )
            alive, worth = np.full(histories.height, np.nan), np.full(histories.height, usual)
            method, reason = (
                "purchase_rate" if weeks else "none",
                f"{reason} All are taken to return at the rate of all.",
            )
        else:
            spent = histories.with_columns(pl.col("monetary").fill_null(0.0))
            method = "mbg_nbd" if money is None else "mbg_nbd_gamma_gamma"
            if money is None:
                count, alive = model.predict(spent, YEAR_WEEKS), model.predict_alive(spent)
                worth = np.full(histories.height, usual)
                reason += " Too few spend repeatedly to tell them apart: a purchase is worth the mean of all."
            else:
                told = purchase_value(spent, model, money, YEAR_WEEKS)
                names = ("expected_purchase_count", "alive_rate", "expected_purchase_base")
                count, alive, worth = (told[name].to_numpy() for name in names)
                reason += " What a purchase is worth: Gamma-Gamma."
        for place, customer in enumerate(histories["customer_id"]):
            rows.append(
                {
                    "tenant_id": tenant,
                    "customer_id": customer,
                    "as_of": as_of,
                    "value_method": method,
                    "value_reason": reason,
                    "alive_rate": _finite(alive[place]),
                    "expected_purchase_count": _finite(count[place]),
                    "expected_purchase_base": _finite(worth[place]),
                    "value_12m_base": _finite(count[place] * worth[place]),
                    "model_version": None,
                    "model_reason": "No model of the registry is asked: it is fitted on purchases alone.",
                }
            )
    return rows


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None
