"""Messengers of two tenants with an AI manager: conversations, hand-offs, follow-ups, calls, leads won.

Both tenants number their leads alike, as systems of different companies do. Threads that nobody has assigned
yet belong to the studio and are here as well.
"""

from typing import Protocol

import numpy as np
import polars as pl

from warehouse.sample import names, season, truth
from warehouse.sample.accounts import Accounts
from warehouse.sample.log import Column, EventLog, derived, moments, numbered, pick, take, when
from warehouse.sample.ragged import Bools, Floats, choose, lognormal, running_sum, sigmoid, spread
from warehouse.sample.streams import Streams

TENANTS = {"panels-almaty": 5, "cottages-kyiv": 2}
"""Tenant to hours east of UTC."""

INTENTS = ["faq", "consultation", "price", "call_request", "complaint", "other"]
_TEXTS = [
    "Hello, what does it cost?",
    "Is it in stock?",
    'I saw "the offer"',
    "Please call me",
    "Thank you",
    "How long does it take?",
]
NIGHT_FROM, NIGHT_TO = 21.0 / 24, 9.0 / 24


class Emit(Protocol):
    """Emits events of one tenant."""

    def __call__(  # noqa: D102
        self, event_type: str, at: Floats, data: dict[str, Column], keep: Bools | None = None, actor: str = "ai"
    ) -> None: ...


def run(streams: Streams, log: EventLog, accounts: Accounts) -> None:
    """Draw and emit the conversations of every tenant, and the studio's inbound threads."""
    count = round(len(accounts.id) * truth.CHATS_PER_ACCOUNT * (log.end - log.start) / 365.25)
    for tenant, offset in TENANTS.items():
        _tenant(streams, log, tenant, offset, max(count // len(TENANTS), 20))
    _threads(streams, log, accounts)


def _tenant(streams: Streams, log: EventLog, tenant: str, offset: int, count: int) -> None:
    rng = streams(f"chat.{tenant}")
    at = season.arrivals(rng, log.start, log.end, count)
    lead, conversation = numbered("L-", count), derived("conv-{}", numbered("", count))
    person = names.people(rng, count, np.arange(count) + 8_000_000 + 100_000 * offset)
    channel = pick(["whatsapp", "instagram", "telegram", "chatwoot"], choose(rng, [6, 3, 2, 1], count))
    asks_call = rng.random(count) < 0.3
    silent = ~asks_call & (rng.random(count) < 0.3)
    handoff = ~silent & (rng.random(count) < np.where(asks_call, 0.75, truth.HANDOFF_RATE - 0.1))
    minutes = lognormal(rng, 14.0, 1.1, count)

    def emit(
        event_type: str, at: Floats, data: dict[str, Column], keep: Bools | None = None, actor: str = "ai"
    ) -> None:
        log.emit(event_type, at, data, keep=keep, tenant=tenant, actor=actor, utc_offset=offset)

    emit(
        "crm.lead.created",
        at - 1e-4,
        {
            "lead_id": lead,
            "first_name": person["first_name"],
            "phone": person["phone"],
            "city": when(rng.random(count) < 0.5, pick(names.CITIES, rng.integers(0, len(names.CITIES), count))),
            "lead_source": pick(["paid", "organic", "referral"], choose(rng, [6, 3, 1], count)),
            "utm_source": when(rng.random(count) < 0.5, "meta"),
        },
    )
    # Messages of the lead, each answered by the AI within seconds until a person takes over.
    turns = np.where(silent, 1, 2 + rng.poisson(2.2, count))
    who, turn = spread(turns)
    gap = np.where(turn == 0, 0.0, lognormal(rng, 4.0, 1.2, len(who)) / 1440.0)
    received = at[who] + running_sum(gap, turns)
    last_received = at + np.bincount(who, weights=gap, minlength=count)
    takeover = np.where(handoff, last_received + minutes / 1440.0, np.nan)
    message = derived("msg-{}-{}", take(lead, who), pl.Series(turn))
    base: dict[str, Column] = {
        "message_id": message,
        "conversation_id": take(conversation, who),
        "lead_id": take(lead, who),
    }
    text = pick(_TEXTS, rng.integers(0, len(_TEXTS), len(who)))
    emit("chat.message.received", received, {**base, "channel": take(channel, who), "text": text}, actor="system")
    answered = received + rng.uniform(3, 40, len(who)) / 86_400.0
    # The last question before a takeover waits for the person.
    waits = handoff[who] & (turn == turns[who] - 1)
    reply: dict[str, Column] = {**base, "message_id": derived("{}-a", message), "sender": "ai", "in_reply_to": message}
    emit("chat.message.sent", answered, reply, keep=~waits & (rng.random(len(who)) < 0.98))
    _classify(rng, emit, message, received, asks_call[who] & (turn == turns[who] - 1))

    owner = pick(["U-P01", "U-P02", "U-P03"], rng.integers(0, 3, count))
    human: dict[str, Column] = {
        "message_id": derived("msg-{}-h", lead),
        "conversation_id": conversation,
        "sender": "human",
        "lead_id": lead,
    }
    emit(
        "chat.handoff.started",
        takeover - 1e-4,
        {"conversation_id": conversation, "lead_id": lead, "user_id": owner},
        actor="human",
    )
    emit(
        "chat.message.sent",
        takeover,
        {**human, "user_id": owner, "in_reply_to": derived("msg-{}-{}", lead, pl.Series(turns - 1))},
        actor="human",
    )
    emit(
        "chat.handoff.ended",
        takeover + rng.uniform(0.01, 0.5, count),
        {"conversation_id": conversation, "lead_id": lead},
        keep=rng.random(count) < 0.8,
        actor="human",
    )
    asked = last_received + 1e-4
    emit(
        "chat.call.requested", asked, {"lead_id": lead, "preferred_at": moments(np.ceil(asked) + 0.25)}, keep=asks_call
    )

    logit = (
        truth.CHAT_BASE + truth.CHAT_CALL * asks_call + truth.CHAT_RESPONSE * np.where(handoff, np.log1p(minutes), 0.0)
    )
    wins = ~silent & (rng.random(count) < sigmoid(np.asarray(logit)))
    decided = last_received + rng.uniform(2, 30, count)
    _stages(rng, emit, lead, at, last_received, decided, asks_call, silent, handoff, wins)
    _follow_ups(rng, emit, lead, channel, at, silent, offset)


def _classify(rng: np.random.Generator, emit: Emit, message: pl.Series, at: Floats, is_call: Bools) -> None:
    """Classify each message; a person labels some, agreeing with the AI as often as ``truth`` says."""
    count = len(message)
    intent = np.where(is_call, INTENTS.index("call_request"), choose(rng, [5, 3, 4, 0, 1, 2], count))
    agrees = rng.random(count) < truth.AI_ACCURACY
    other = (intent + rng.integers(1, len(INTENTS), count)) % len(INTENTS)
    sure = np.round(np.clip(rng.beta(np.where(agrees, 8.0, 4.0), 2.0), 0.01, 0.99), 3)
    mood = choose(rng, [3, 5, 1], count)
    data: dict[str, Column] = {"message_id": message, "intent": pick(INTENTS, intent), "confidence": sure,
            "sentiment": pick(["positive", "neutral", "negative"], np.where(intent == 4, 2, mood)),
            "label": when(rng.random(count) < 0.2, pick(INTENTS, np.where(agrees, intent, other)))}  # fmt: skip
    emit("chat.message.classified", at + 1.0 / 86_400, data, None, "ai")


def _stages(
    rng: np.random.Generator,
    emit: Emit,
    lead: pl.Series,
    at: Floats,
    last: Floats,
    decided: Floats,
    asks_call: Bools,
    silent: Bools,
    handoff: Bools,
    wins: Bools,
) -> None:
    count = len(at)
    middle = pick(["no_reply", "call_requested", "incomplete_data", "complete_data"],
                  np.where(silent, 0, np.where(asks_call, 1, choose(rng, [0, 0, 5, 5], count))))  # fmt: skip
    moved = np.where(silent, at + 1.0 / 24, last + 2e-4)
    emit(
        "crm.lead.stage_changed",
        at + 2e-4,
        {"lead_id": lead, "from_stage": "new", "to_stage": "ai_dialog", "changed_by": "ai"},
        None,
        "ai",
    )
    emit(
        "crm.lead.stage_changed",
        moved,
        {"lead_id": lead, "from_stage": "ai_dialog", "to_stage": middle, "changed_by": "ai"},
        None,
        "ai",
    )
    # A tenant's own stage, between the data and the end.
    measured = handoff & (rng.random(count) < 0.4)
    emit(
        "crm.lead.stage_changed",
        moved + (decided - moved) * 0.5,
        {"lead_id": lead, "from_stage": middle, "to_stage": "measuring", "changed_by": "human"},
        measured,
        "human",
    )
    before = middle.zip_with(pl.Series(~measured), pl.repeat("measuring", count, dtype=pl.String, eager=True))
    ended = wins | (rng.random(count) < 0.7)
    emit(
        "crm.lead.stage_changed",
        decided,
        {
            "lead_id": lead,
            "from_stage": before,
            "changed_by": "human",
            "to_stage": pick(["lost", "won"], wins.astype(np.int64)),
        },
        ended,
        "human",
    )
    emit("crm.lead.converted", decided + 1e-5, {"lead_id": lead}, wins, "human")


def _follow_ups(
    rng: np.random.Generator, emit: Emit, lead: pl.Series, channel: pl.Series, at: Floats, silent: Bools, offset: int
) -> None:
    """Wake the silent ones after 15 and 60 minutes; a reply cancels, night moves to the morning."""
    count = len(at)
    for step, minutes in ((1, 15.0), (2, 60.0)):
        due = at + minutes / 1440.0
        local = (due + offset / 24.0) % 1.0
        night = (local >= NIGHT_FROM) | (local < NIGHT_TO)
        wait = (NIGHT_TO - local) % 1.0 + rng.uniform(0.005, 0.05, count)
        careless = rng.random(count) < truth.FOLLOWUP_NIGHT_RATE * 3
        sent_at = due + np.where(night & ~careless, wait, rng.uniform(0.0005, 0.002, count))
        data: dict[str, Column] = {
            "followup_id": derived("fu-{}-{}", lead, pl.repeat(step, count, eager=True)),
            "lead_id": lead,
        }
        cancelled = rng.random(count) < 0.35
        emit("chat.followup.scheduled", at + 3e-4, {**data, "due_at": moments(due)}, silent, "ai")
        emit(
            "chat.followup.cancelled",
            due - 1e-3,
            {**data, "reason": pick(["reply", "handoff"], rng.integers(0, 2, count))},
            silent & cancelled,
            "ai",
        )
        emit("chat.followup.sent", sent_at, data, silent & ~cancelled, "ai")
        reply: dict[str, Column] = {
            "message_id": derived("msg-{}-r{}", lead, pl.repeat(step, count, eager=True)),
            "lead_id": lead,
            "conversation_id": derived("conv-{}", lead.str.strip_prefix("L-")),
            "channel": channel,
        }
        emit("chat.message.received", sent_at + rng.uniform(0.01, 0.9, count), reply,
             silent & ~cancelled & (rng.random(count) < 0.25), "system")  # fmt: skip


def _threads(streams: Streams, log: EventLog, accounts: Accounts) -> None:
    """Emit threads of unknown senders; most are given to an account, some to one of its deals."""
    rng = streams("chat.threads")
    count = max(len(accounts.id) // 3, 12)
    at = season.arrivals(rng, log.start + 12.0, log.end, count)
    thread = numbered("th-", count)
    account = take(accounts.id, np.floor(rng.random(count) * np.searchsorted(accounts.created, at)).astype(np.int64))
    channel = pick(["telegram", "chatwoot", "email"], rng.integers(0, 3, count))
    log.emit("inbound.thread.created", at, {"thread_id": thread, "channel": channel})
    log.emit("inbound.thread.assigned", at + rng.exponential(0.4, count), {"thread_id": thread, "account_id": account},
             keep=rng.random(count) < 0.85, actor="U-S01")  # fmt: skip
