"""Logs of the sample company with times of arrival: a history that comes in one load, then events as they happen.

More than half arrive within minutes; others are late by days, and one in ten by weeks. All is drawn from the seed.
"""

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.laws.compiled import Event, utc
from warehouse.sample import write_company

FEATURES = ("feat_deal", "feat_customer", "feat_lead")
LABELS = ("label_deal", "label_customer", "label_lead")


@cache
def sample_log(days: int, accounts: int, seed: int) -> list[Event]:
    """Return the good events of a sample company, each once, in order of time."""
    events: dict[tuple[str, str], Event] = {}
    with TemporaryDirectory() as folder:
        for path in write_company(Path(folder), days=days, accounts=accounts, seed=seed).files:
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    event = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if {"id", "source", "type", "time", "data"} <= event.keys() and event["time"] < "2100":
                    events.setdefault((event["source"], event["id"]), event)
    return sorted(events.values(), key=lambda event: (utc(event["time"]), event["source"], event["id"]))


def with_arrivals(log: list[Event], loaded_at: datetime, seed: int) -> list[Event]:
    """Return the log with the time at which each event arrived; those of before ``loaded_at`` came with it."""
    rng = np.random.default_rng(seed)
    minutes = rng.exponential(20.0, len(log))
    fate = rng.random(len(log))
    days = np.where(
        fate < 0.1, rng.uniform(7, 40, len(log)), np.where(fate < 0.12, rng.exponential(2.0, len(log)), 0.0)
    )
    arrived = []
    for event, late_minutes, late_days in zip(log, minutes, days, strict=True):
        at = utc(event["time"]) + timedelta(minutes=float(late_minutes), days=float(late_days))
        arrived.append(event | {"_received_at": max(at, loaded_at)})
    return arrived


OWN_IDS = ("activity_id", "ticket_id", "response_id", "payment_id", "message_id", "session_id")
"""Ids of the things that an event tells of: with another one it tells of another thing, of the same people."""
SAID = (
    "industry", "job_title", "role", "kind", "lead_source", "utm_source", "utm_medium", "deal_source", "owner_id",
    "plan", "primary_competitor", "priority", "activity_type", "feature", "city", "client_type",
)  # fmt: skip
SWAPPED = {"sentiment": "negative", "intent": "price"}
"""Words that are counted."""
FOLLOWING = {
    "support.ticket.opened": "support.ticket.resolved",
    "support.ticket.resolved": "support.ticket.reopened",
    "crm.lead.created": "crm.lead.disqualified",
    "crm.lead.assigned": "crm.lead.converted",
    "chat.message.received": "chat.call.requested",
    "crm.deal.created": "crm.deal.lost",
    "crm.deal.next_step_set": "crm.deal.next_step_done",
    "billing.subscription.renewed": "billing.subscription.cancelled",
    "billing.payment.received": "billing.payment.failed",
    "crm.email.delivered": "crm.email.clicked",
    "lms.trial.started": "app.activated",
}
"""What may come after an event of a type, with the same data."""


def _contradicted(value: object, name: str) -> object:
    if isinstance(value, bool):
        return not value
    if name in SWAPPED:
        return SWAPPED[name] if value != SWAPPED[name] else "other"
    if isinstance(value, int | float):
        return 0 if name == "score" else value * 3 + 1
    return f"other {value}" if name in SAID else value


def late_news(log: list[Event], before: datetime, received_at: datetime) -> list[Event]:
    """Return news about everybody's past: what was said is contradicted, repeated of other things, and followed.

    Somebody turns out to be the user behind every lead, and of every account.

    Each event of before ``before`` gets up to four, an hour later than itself, all received at ``received_at``.
    """
    news = []
    somebody = next(event["data"]["user_id"] for event in log if event["type"] == "app.login")
    for event in log:
        at = utc(event["time"]) + timedelta(hours=1)
        if at >= before:
            continue
        data = event["data"]
        contradicted = {name: _contradicted(value, name) for name, value in data.items()}
        others = contradicted | {name: f"{data[name]}-late" for name in OWN_IDS if name in data}
        variants = [(event["type"], contradicted), (event["type"], others), (FOLLOWING.get(event["type"]), data)]
        if event["type"] == "crm.lead.created":
            variants.append(("lms.trial.started", {"lead_id": data["lead_id"], "user_id": somebody}))
        if event["type"] == "billing.subscription.started" and "account_id" in data:
            contact = {"contact_id": f"of {data['account_id']}", "account_id": data["account_id"], "user_id": somebody}
            variants.append(("crm.contact.upserted", contact))
        for number, (kind, told) in enumerate(variants):
            if kind is not None:
                stamp = {
                    "id": f"{event['id']}-late-{number}",
                    "time": f"{at.isoformat()}Z",
                    "_received_at": received_at,
                }
                news.append(event | stamp | {"type": kind, "data": told})
    return news
