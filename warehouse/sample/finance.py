"""Money around the business: exchange rates, expenses, and what the channels cost day by day.

Payments of customers are in ``billing``, ``masterdeal`` and ``shop``.
"""

import numpy as np
import polars as pl

from warehouse.sample import season, truth
from warehouse.sample.leads import CAMPAIGNS, CHANNELS, PAID, UTM_SOURCE
from warehouse.sample.log import Column, EventLog, dates, derived, numbered, pick, when
from warehouse.sample.ragged import Floats
from warehouse.sample.streams import Streams

RATES = {"EUR": 1.09, "UAH": 0.024, "KZT": 0.0019, "RUB": 0.0112}
"""US dollars for one unit on the first day; they wander from there, by half a percent a day."""

WITHOUT_RATE = "GEL"
"""A currency in which a few deals are made and for which no rate is ever published."""

_CLICKS_PER_USD, _IMPRESSIONS_PER_CLICK = 0.55, 45.0


def rates(streams: Streams, log: EventLog) -> None:
    """Publish the rates on working days; the last one holds on days without."""
    days = np.arange(np.floor(log.start), np.ceil(log.end), dtype=np.float64)
    days = days[(season.weekday(days) < 5) | (days == days.min())]
    for currency, first in RATES.items():
        rng = streams(f"finance.rate.{currency}")
        rate = np.round(first * np.exp(np.cumsum(rng.normal(0, 0.005, len(days)))), 6)
        log.emit(
            "finance.fx_rate.published",
            days + 5.5 / 24,
            {
                "currency": pl.repeat(currency, len(days), dtype=pl.String, eager=True),
                "date": dates(days),
                "rate": rate,
            },
        )


def expenses(streams: Streams, log: EventLog, accounts: int) -> None:
    """Record the expenses of the main tenant (USD) and of the dealer shop (UAH)."""
    for tenant, currency, scale in (("default", "USD", accounts * 6.0), ("insoles", "UAH", accounts * 45.0)):
        rng = streams(f"finance.expenses.{tenant}")
        categories = ["rent", "salaries", "software", "materials", "travel", "taxes"]
        share = np.array([0.12, 0.5, 0.08, 0.15, 0.05, 0.10])
        days = np.arange(np.floor(log.start), np.ceil(log.end), dtype=np.float64)
        due = days[(np.floor(days) - np.floor(log.start)) % 10 == 3]
        at = np.repeat(due, len(categories)) + rng.uniform(0.35, 0.7, len(due) * len(categories))
        kind = np.tile(np.arange(len(categories)), len(due))
        amount = np.round(scale * share[kind] * np.exp(rng.normal(0, 0.2, len(at))) / 3.0, 2)
        data: dict[str, Column] = {
            "category": pick(categories, kind),
            "amount": amount,
            "currency": currency,
            "date": dates(at),
        }
        log.emit(
            "finance.expense.recorded",
            at,
            {"expense_id": numbered(f"X-{tenant}-", len(at)), **data},
            tenant=tenant,
            actor="U-F01",
        )


def ad_spend(streams: Streams, log: EventLog, accounts: int) -> None:
    """Report what each channel cost on each day, a few days corrected later.

    A paid channel reports by campaign. Cost follows the expected leads of the day, so that a channel's cost
    per lead is the one of ``truth``.
    """
    days = np.arange(np.floor(log.start), np.ceil(log.end), dtype=np.float64)
    leads_a_day = accounts * truth.LEADS_PER_ACCOUNT_DAY * season.weight(days)
    for channel, cost in truth.CHANNEL_COST_PER_LEAD.items():
        rng = streams(f"ads.{channel}")
        assert channel in CHANNELS
        spent = leads_a_day * truth.CHANNEL_SHARE[channel] * cost
        if channel not in PAID:
            _report(rng, log, channel, days, spent, "")
            continue
        for campaign in CAMPAIGNS:
            _report(rng, log, channel, days, spent / len(CAMPAIGNS), f"{UTM_SOURCE[channel]}-{campaign}")


def _report(rng: np.random.Generator, log: EventLog, channel: str, days: Floats, spent: Floats, campaign: str) -> None:
    count = len(days)
    amount = spent * np.exp(rng.normal(0, 0.15, count))
    clicks = rng.poisson(amount * _CLICKS_PER_USD)
    data: dict[str, Column] = {
        "channel": derived("{}", pl.repeat(UTM_SOURCE[channel], count, dtype=pl.String, eager=True)),
        "campaign_id": campaign,
        "date": dates(days),
        "currency": "USD",
        "impressions": when(np.full(count, bool(campaign)), np.round(clicks * _IMPRESSIONS_PER_CLICK).astype(np.int64)),
        "clicks": when(np.full(count, bool(campaign)), clicks),
    }
    wrong = rng.random(count) < truth.SPEND_CORRECTION_RATE
    at = days + 1 + 3.0 / 24
    first = np.where(wrong, amount * rng.uniform(0.5, 1.4, count), amount)
    log.emit("ads.spend.reported", at, {**data, "amount": np.round(first, 2)})
    log.emit("ads.spend.reported", at + rng.uniform(1, 6, count), {**data, "amount": np.round(amount, 2)}, keep=wrong)
