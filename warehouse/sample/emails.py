"""Campaigns and e-mails: the onboarding series of every lead, monthly newsletters, people who had enough.

What clicks do to conversion is decided in ``conversion``.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from warehouse.sample import truth
from warehouse.sample.leads import Leads
from warehouse.sample.log import Column, EventLog, as_series, derived, numbered, pick, take
from warehouse.sample.ragged import Bools, Floats, Ints, sigmoid
from warehouse.sample.streams import Streams

NEWSLETTER_TYPES = ["newsletter", "activation", "conversion", "retention", "upsell", "reengagement"]

LEAD_DAYS = 118.0
"""Nobody writes to a lead or a contact that is older than this; the list is cleaned."""


def onboarding(streams: Streams, log: EventLog, leads: Leads) -> Ints:
    """Send every lead two e-mails in the first days; return how many were clicked within the first seven."""
    rng = streams("emails.onboarding")
    clicks = np.zeros(len(leads), dtype=np.int64)
    for number, day in ((1, 0.02), (2, 3.0)):
        at = leads.created + day + rng.uniform(0, 0.02, len(leads))
        clicked = _send(
            rng,
            log,
            at,
            leads.engagement,
            {
                "message_id": derived(f"M-{{}}-on{number}", leads.id),
                "campaign_id": f"onboarding-{number}",
                "lead_id": leads.id,
                "variant": pick(["a", "b"], leads.subject_b.astype(np.int64)),
            },
        )
        clicks += clicked - leads.created < 7.0
    start = np.arange(np.ceil(log.start), log.end, 30.0) + 0.25
    _campaign(log, start, "onboarding", numbered("onboarding-", len(start), digits=1), "email", None)
    return clicks


def newsletters(streams: Streams, log: EventLog, leads: Leads, contact_id: pl.Series, contact_born: Floats) -> None:
    """Write to some of the known leads and contacts every month; and to users in other channels."""
    rng = streams("emails.newsletters")
    sent = np.arange(np.ceil(log.start) + 20, log.end, 30.0) + 0.4
    name = numbered("news-", len(sent), digits=2)
    _campaign(log, sent, "newsletter", name, "email", rng)
    for field, ids, born, eager, share in (
        ("lead_id", leads.id, leads.created, leads.engagement, 0.45),
        ("contact_id", contact_id, contact_born, rng.standard_normal(len(contact_id)), 0.5),
    ):
        age = sent[:, None] - born[None, :]
        issue, who = np.nonzero((age > 1.0) & (age < LEAD_DAYS) & (rng.random((len(sent), len(ids))) < share))
        at = sent[issue] + rng.uniform(0.001, 0.05, len(who))
        message = derived("M-{}-{}", take(ids, who), take(name, issue))
        data: dict[str, Column] = {"message_id": message, "campaign_id": take(name, issue), field: take(ids, who)}
        _send(rng, log, at, eager[who], data)
        gone = at + rng.uniform(0.01, 2.0, len(at))
        _unsubscribe(rng, log, gone, field, take(ids, who), take(name, issue))
    for channel in ("sms", "push", "in_app", "chat"):
        at = np.arange(np.ceil(log.start) + 12, log.end, 61.0) + 0.5
        _campaign(log, at, "other", numbered(f"{channel}-", len(at), digits=2), channel, rng)


def _campaign(
    log: EventLog, at: Floats, kind: str, campaign_id: pl.Series, channel: str, rng: np.random.Generator | None
) -> None:
    known = kind in ("onboarding", *NEWSLETTER_TYPES)
    kinds = as_series(kind, len(at)) if known else pick(NEWSLETTER_TYPES, np.arange(len(at)) % len(NEWSLETTER_TYPES))
    data: dict[str, Column] = {
        "campaign_id": campaign_id,
        "name": derived("{} {}", kinds.str.to_titlecase(), campaign_id),
        "campaign_type": kinds,
        "channel": channel,
        "segment_id": "everybody" if kind == "newsletter" else "",
    }
    if rng is not None:
        data |= {"cost": np.round(rng.uniform(40, 220, len(at)), 2), "currency": "USD"}
    log.emit("crm.campaign.sent", at, data, actor="system")


def _send(rng: np.random.Generator, log: EventLog, at: Floats, eager: Floats, data: Mapping[str, Column]) -> Floats:
    """Emit the life of one e-mail each; return when it was clicked, NaN where it was not."""
    count = len(at)

    def happens(rate: float) -> Bools:
        return np.asarray(rng.random(count) < sigmoid(np.log(rate / (1 - rate)) + 0.6 * eager))

    log.emit("crm.email.sent", at, data, actor="system")
    bounced = rng.random(count) < truth.EMAIL_BOUNCE_RATE
    log.emit("crm.email.bounced", at + 0.0003, data, keep=bounced)
    log.emit("crm.email.delivered", at + 0.0002, data, keep=~bounced)
    opened = ~bounced & happens(truth.EMAIL_OPEN_RATE)
    opened_at = at + 0.001 + np.minimum(rng.exponential(0.5, count), 2.5)
    log.emit("crm.email.opened", opened_at, data, keep=opened)
    clicked = opened & happens(truth.EMAIL_CLICK_RATE)
    clicked_at = np.where(clicked, opened_at + rng.uniform(0.0005, 0.01, count), np.nan)
    log.emit("crm.email.clicked", clicked_at, {**data, "url": "https://example.com/courses"}, keep=clicked)
    return clicked_at


def _unsubscribe(
    rng: np.random.Generator, log: EventLog, at: Floats, field: str, ids: pl.Series, campaign: pl.Series
) -> None:
    once = (pl.DataFrame({"id": ids}).select(pl.col("id").is_first_distinct()).to_series()).to_numpy()
    keep = once & (rng.random(len(at)) < 3 * truth.UNSUBSCRIBE_RATE)
    log.emit("crm.unsubscribe", at, {field: ids, "channel": "email", "campaign_id": campaign}, keep=keep)
