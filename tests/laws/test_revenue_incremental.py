"""What changes payments, subscriptions and revenue without an event of theirs is found by an incremental run."""

from pathlib import Path

import pytest

from tests.laws.compiled import Event
from tests.laws.test_incremental import assert_incremental_is_full


def event(number: int, kind: str, day: str, **data: object) -> Event:
    return {"source": "crm", "id": f"r{number}", "type": kind, "time": f"2026-{day}T09:00:00Z", "data": data}


def period(number: int, kind: str, day: str, first: str, last: str, **data: object) -> Event:
    bounds = {"period_start": f"2026-{first}", "period_end": f"2026-{last}"}
    return event(number, f"billing.subscription.{kind}", day, subscription_id="s1", mrr=10, **bounds, **data)


@pytest.mark.slow
def test_late_starts_rates_refunds_and_merges(tmp_path: Path) -> None:
    """A payment before its subscription, deal and order are known, late rates, refunds, accounts that are merged.

    Who ordered is a lead first, and the person of a contact once they are linked.
    """
    euros = {"amount": 10, "currency": "EUR"}
    batches = [
        [
            event(1, "billing.payment.received", "01-10", payment_id="p1", subscription_id="s1", **euros),
            event(2, "billing.payment.received", "01-11", payment_id="p2", deal_id="d1", **euros),
            event(3, "billing.payment.received", "01-12", payment_id="p3", account_id="a1", **euros),
            event(4, "billing.payment.refunded", "02-01", payment_id="p3", amount=4, currency="EUR"),
            period(5, "renewed", "02-10", "02-10", "03-10", currency="EUR"),
            event(21, "billing.payment.received", "01-13", payment_id="p4", order_id="o1", amount=5, currency="USD"),
        ],
        [event(22, "shop.order.created", "01-13", order_id="o1", lead_id="l1", amount=5, currency="USD")],
        [event(23, "crm.contact.upserted", "01-14", contact_id="c1", lead_id="l1")],
        [period(6, "started", "01-10", "01-10", "02-10", currency="EUR", plan="pro", account_id="a1")],
        [
            event(7, "crm.deal.created", "01-01", deal_id="d1", account_id="a1"),
            event(8, "finance.fx_rate.published", "02-12", date="2026-01-01", currency="EUR", rate=1.25),
        ],
        [
            event(9, "crm.account.merged", "02-20", winner_id="a2", loser_id="a1"),
            event(10, "billing.subscription.cancelled", "02-20", subscription_id="s1", effective_date="2026-03-10"),
        ],
        [event(11, "finance.fx_rate.published", "02-21", date="2026-02-01", currency="EUR", rate=1.5)],
        [event(12, "app.login", "04-01", user_id="u1")],
    ]
    assert_incremental_is_full(tmp_path, batches)
