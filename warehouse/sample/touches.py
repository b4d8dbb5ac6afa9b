"""What leads and strangers do before they are known and after: sessions, downloads, events attended.

E-mails are in ``emails``; use of the product after a trial is in ``usage``.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from warehouse.sample import season, truth
from warehouse.sample.leads import CHANNELS, Leads, utm
from warehouse.sample.log import EventLog, derived, numbered, pick, take, when
from warehouse.sample.ragged import Bools, Floats, Ints, choose, spread
from warehouse.sample.streams import Streams

VOCABULARY = [*CHANNELS, "direct", "newsletter"]
DIRECT, NEWSLETTER = len(CHANNELS), len(CHANNELS) + 1
FIRST_DAYS = 6.99
"""Drivers of conversion look at the first seven days; nothing that counts falls on their very edge."""


@dataclass(frozen=True)
class Engagement:
    """What each lead did in the first seven days after its creation."""

    sessions: Ints
    downloads: Ints
    attended: Bools


def draw(streams: Streams, leads: Leads) -> Engagement:
    """Draw how much each lead does in its first seven days."""
    rng = streams("touches.first_days")
    eager = leads.engagement
    return Engagement(
        sessions=rng.poisson(np.exp(0.1 + 0.6 * eager)),
        downloads=np.minimum(rng.poisson(0.22 * np.exp(0.4 * eager)), 3),
        attended=rng.random(len(leads)) < 0.05 + 0.06 * (eager > 0.5),
    )


def emit(streams: Streams, log: EventLog, leads: Leads, engagement: Engagement) -> None:
    """Emit sessions, downloads and events of leads and strangers."""
    _sessions_of_leads(streams, log, leads, engagement)
    _sessions_of_strangers(streams, log, len(leads))
    _downloads(streams, log, leads, engagement)
    _club(streams, log, leads, engagement)


def _sessions(
    streams: Streams,
    log: EventLog,
    name: str,
    at: Floats,
    visitor: pl.Series,
    channel: Ints,
    campaign: Ints,
    lead: pl.Series | str = "",
) -> None:
    rng = streams(f"touches.{name}")
    pages = ["/", "/courses", "/pricing", "/blog/how-to", "/events", "/companies"]
    referrer = pick([f"https://{name}.example.com/" if name not in ("direct",) else "" for name in VOCABULARY], channel)
    log.emit(
        "web.session.started",
        at,
        {
            "session_id": numbered(f"S-{name}-", len(at)),
            "visitor_id": visitor,
            "lead_id": lead,
            **utm(channel, campaign, VOCABULARY),
            "referrer": when(rng.random(len(at)) < 0.5, referrer),
            "landing_page": pick(pages, rng.integers(0, len(pages), len(at))),
            "page_views": 1 + rng.poisson(2.4, len(at)),
        },
    )


def _sessions_of_leads(streams: Streams, log: EventLog, leads: Leads, engagement: Engagement) -> None:
    rng = streams("touches.leads")
    # The session in which the contact was left, by the lead's own channel.
    _sessions(streams, log, "form", leads.created - rng.uniform(2, 25, len(leads)) / 1440.0, leads.visitor,
              leads.channel, leads.campaign)  # fmt: skip
    who, _ = spread(rng.poisson(0.7, len(leads)))
    other = choose(rng, [*truth.CHANNEL_SHARE.values(), 0.25, 0.0], len(who))
    same = rng.random(len(who)) < 0.35
    _sessions(
        streams,
        log,
        "before",
        leads.created[who] - rng.exponential(9.0, len(who)) - 0.03,
        take(leads.visitor, who),
        np.where(same, leads.channel[who], other),
        leads.campaign[who],
    )
    for name, counts, first, last in (
        ("week", engagement.sessions, 0.01, FIRST_DAYS),
        ("later", rng.poisson(0.7 * np.exp(0.4 * leads.engagement)), 7.01, 90.0),
    ):
        who, _ = spread(counts)
        back = np.where(rng.random(len(who)) < 0.6, DIRECT, np.where(rng.random(len(who)) < 0.5, NEWSLETTER, 0))
        at = leads.created[who] + rng.uniform(first, last, len(who))
        _sessions(streams, log, name, at, take(leads.visitor, who), back, leads.campaign[who], take(leads.id, who))


def _sessions_of_strangers(streams: Streams, log: EventLog, leads: int) -> None:
    rng = streams("touches.strangers")
    count = round(leads * truth.STRANGERS_PER_LEAD)
    first = season.arrivals(rng, log.start, log.end, count)
    visitor = numbered("V-A", count)
    channel = choose(rng, [*truth.CHANNEL_SHARE.values(), 0.25, 0.0], count)
    _sessions(streams, log, "stranger", first, visitor, channel, rng.integers(0, 3, count))
    who, _ = spread(rng.poisson(0.45, count))
    at = first[who] + rng.exponential(8.0, len(who)) + 0.05
    back = np.where(rng.random(len(who)) < 0.5, DIRECT, channel[who])
    _sessions(streams, log, "stranger-again", at, take(visitor, who), back, rng.integers(0, 3, len(who)))


def _downloads(streams: Streams, log: EventLog, leads: Leads, engagement: Engagement) -> None:
    rng = streams("touches.downloads")
    who, _ = spread(engagement.downloads)
    content = pick(["guide-onboarding", "guide-roi", "template-plan", "report-trends"], rng.integers(0, 4, len(who)))
    log.emit(
        "content.downloaded",
        leads.created[who] + rng.uniform(0.01, FIRST_DAYS, len(who)),
        {"content_id": content, "lead_id": take(leads.id, who), "visitor_id": take(leads.visitor, who)},
    )
    by_content = leads.channel == CHANNELS.index("content")
    log.emit("content.downloaded", leads.created - 5e-4, {"content_id": "report-trends", "visitor_id": leads.visitor},
             keep=by_content)  # fmt: skip


def _club(streams: Streams, log: EventLog, leads: Leads, engagement: Engagement) -> None:
    rng = streams("touches.club")
    count = len(leads)
    came_by_event = leads.channel == CHANNELS.index("event")
    for attended_at, keep in (
        (leads.created + rng.uniform(0.5, FIRST_DAYS, count), engagement.attended),
        (leads.created - rng.uniform(0.05, 0.4, count), came_by_event),
        (leads.created + rng.uniform(15, 120, count), rng.random(count) < 0.06),
    ):
        event = derived("ev-{}", pl.Series(np.floor(attended_at).astype(np.int64)))
        before = np.where(
            attended_at > leads.created, (attended_at - leads.created) * rng.uniform(0.05, 0.9, count), 0.02
        )
        data = {"event_id": event, "lead_id": leads.id}
        log.emit("club.event.registered", attended_at - before, data, keep=keep)
        log.emit("club.event.attended", attended_at, data, keep=keep)
    # Some register and stay away.
    log.emit("club.event.registered", leads.created + rng.uniform(1, 60, count),
             {"event_id": "ev-open-day", "lead_id": leads.id}, keep=rng.random(count) < 0.05)  # fmt: skip
