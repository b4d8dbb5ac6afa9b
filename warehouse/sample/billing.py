"""What the billing system says about subscriptions: periods, plans, payments, failures, refunds, ends.

Why somebody leaves is decided in ``subscriptions``.
"""

import numpy as np
import polars as pl

from warehouse.sample import truth
from warehouse.sample.log import Column, EventLog, dates, derived, pick, take
from warehouse.sample.ragged import Bools, Ints
from warehouse.sample.streams import Streams
from warehouse.sample.subscriptions import MONTH_END_DAYS, PLANS, PRICES, Months, Subscribers, add_months

_REASONS = ["not used", "open tickets", "unhappy", "too expensive", "payment failed"]


def _reason(rng: np.random.Generator, months: Months) -> Ints:
    """Say why somebody leaves, by what the month showed; "too expensive" where it showed nothing."""
    open_tickets = np.nansum(months.ticket_resolved > (months.end - MONTH_END_DAYS)[:, None], axis=1) > 0
    shown: list[Bools] = [months.logins < 4, open_tickets, (months.nps <= 6) & ~np.isnan(months.nps_at)]
    reason = np.select(shown, [0, 1, 2], 3)
    return np.where(months.failed & (rng.random(len(reason)) < 0.5), 4, reason)


def emit(streams: Streams, log: EventLog, name: str, subscribers: Subscribers, months: Months) -> None:
    """Emit the billing events of every subscription month.

    Parameters
    ----------
    streams, log
        Random streams and event log.
    name
        Name of the stream, one per call.
    subscribers, months
        The subscriptions and their lives.
    """
    rng = streams(f"billing.{name}")
    who, count = months.subscriber, len(months.subscriber)
    id_, currency = take(subscribers.id, who), take(subscribers.currency, who)
    user, account = take(subscribers.user, who), take(subscribers.account, who)
    first = months.number == 0
    # A renewal is written in the early morning of its day, the first period when the customer pays.
    opens = np.where(first, months.start, months.start + rng.uniform(0.2, 0.3, count))
    period: dict[str, Column] = {
        "mrr": months.mrr,
        "currency": currency,
        "period_start": dates(months.start),
        "period_end": dates(add_months(subscribers.start[who], months.number + subscribers.term[who])),
    }
    started: dict[str, Column] = {
        "subscription_id": id_,
        "user_id": user,
        "account_id": account,
        "plan": pick(PLANS, months.plan),
        **period,
    }
    log.emit("billing.subscription.started", opens, {**started, "is_trial": False}, keep=first)
    renews = months.begins_term & ~first
    log.emit("billing.subscription.renewed", opens, {"subscription_id": id_, **period}, keep=renews)

    paid_at = opens + rng.uniform(1e-4, 1e-2, count)
    payment_id = derived("P-{}-{}", id_, pl.Series(months.number))
    payment: dict[str, Column] = {
        "payment_id": payment_id,
        "amount": np.round(months.mrr * subscribers.term[who], 2),
        "currency": currency,
    }
    # The retry pays under the same id, which is how a payment that failed names who it is of.
    log.emit("billing.payment.failed", paid_at, {**payment, "reason": "card declined"}, keep=months.failed)
    received_at = np.where(months.failed, paid_at + rng.uniform(0.5, 3.0, count), paid_at)
    received: dict[str, Column] = {**payment, "user_id": user, "account_id": account, "subscription_id": id_}
    provider = pick(["stripe", "paypal", "bank"], rng.choice(3, count, p=[0.7, 0.2, 0.1]))
    log.emit("billing.payment.received", received_at, {**received, "provider": provider}, keep=months.begins_term)
    refunded = months.begins_term & (rng.random(count) < truth.REFUND_RATE)
    log.emit("billing.payment.refunded", received_at + rng.uniform(1, 12, count), {**payment, "reason": "asked back"},
             keep=refunded)  # fmt: skip

    plan = months.plan + months.plan_change
    changed: dict[str, Column] = {
        "subscription_id": id_,
        "plan": pick(PLANS, plan),
        "mrr": np.round(months.mrr * PRICES[plan] / PRICES[months.plan], 2),
        "currency": currency,
    }
    log.emit("billing.subscription.changed", months.end + 0.15, changed, keep=months.plan_change != 0, actor=user)
    leaves_at = months.end - MONTH_END_DAYS * rng.uniform(0.05, 0.95, count)
    log.emit(
        "billing.subscription.cancelled",
        leaves_at,
        {"subscription_id": id_, "effective_date": dates(months.end), "reason": pick(_REASONS, _reason(rng, months))},
        keep=months.cancels,
        actor=user,
    )
