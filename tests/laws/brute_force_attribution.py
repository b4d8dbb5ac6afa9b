"""Attribution by plain loops over events, written from the definitions and from nothing else.

Who is whose is given by the log here: a session, a lead or a payment names the user or the contact it belongs to, so
that identities need no guessing; how links are joined is proved elsewhere. Floats are left out: weights are fractions,
except those of time decay.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.laws.compiled import Event, Row, utc

LOOKBACK = timedelta(days=90)
HALF_LIFE = timedelta(days=7)
MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "w_shaped", "markov", "shapley")
Weights = list[Fraction] | list[float]


@dataclass
class Touch:
    """One touch, by whom, and when."""

    id: str
    event_id: str
    at: datetime
    person: str
    channel: str


@dataclass
class Path:
    """Touches in order, and what they led to."""

    id: str
    kind: str
    tenant: str
    converted: bool
    end: datetime
    value: float | None
    lead_at: datetime | None = None
    deal_at: datetime | None = None
    touches: list[Touch] = field(default_factory=list)


def touches_of(log: list[Event]) -> list[Touch]:
    """All touches of a log, each by the person that it names."""
    found = []
    for event in log:
        data, kind = event["data"], event["type"]
        if kind == "web.session.started":
            channel = data.get("utm_source") or "direct"
        elif kind == "crm.email.clicked":
            channel = "email"
        elif kind == "club.event.attended":
            channel = "event"
        else:
            continue
        person = f"user {data['user_id']}" if "user_id" in data else f"contact {data['contact_id']}"
        found.append(Touch(f"{event['source']}:{event['id']}", event["id"], utc(event["time"]), person, channel))
    return found


def within(path: Path, candidates: list[Touch]) -> Path:
    """Give a path its touches: those before a conversion, those until the end of what came to nothing."""
    kept = [touch for touch in candidates if touch.at < path.end or (touch.at == path.end and not path.converted)]
    if not path.converted and kept:
        path.end = max(touch.at for touch in kept)
    kept = [touch for touch in kept if path.end - touch.at <= LOOKBACK]
    path.touches = sorted(kept, key=lambda touch: (touch.at, touch.event_id, touch.id))
    return path


def paths_of(log: list[Event], as_of: datetime) -> list[Path]:
    """All paths of a log of one tenant: of users who pay or do not, and of deals that are won or not."""
    touches = touches_of(log)
    account_of, lead_of_contact = {}, defaultdict(list)
    for event in sorted(log, key=lambda event: (event["time"], event["id"])):
        if event["type"] == "crm.contact.upserted":
            account_of[f"contact {event['data']['contact_id']}"] = event["data"]["account_id"]
    contact_of_lead = {
        event["data"]["lead_id"]: f"contact {event['data']['contact_id']}"
        for event in log
        if event["type"] == "crm.lead.converted"
    }
    lead_at = {}
    for event in log:
        if event["type"] == "crm.lead.created":
            lead_at[event["data"]["lead_id"]] = utc(event["time"])
    for lead, contact in contact_of_lead.items():
        if lead in lead_at:
            lead_of_contact[contact].append(lead_at[lead])

    paths = []
    payments = sorted(
        (event for event in log if event["type"] == "billing.payment.received"),
        key=lambda event: (utc(event["time"]), event["data"]["payment_id"]),
    )
    paid = set()
    for event in payments:
        person = f"user {event['data']['user_id']}"
        if person in paid or "deal_id" in event["data"] or not event["data"]["amount"]:
            continue
        paid.add(person)
        value = event["data"]["amount"] if event["data"]["currency"] == "USD" else None
        path = Path(f"payment:{event['data']['payment_id']}", "b2c", "default", True, utc(event["time"]), value)
        paths.append(within(path, [touch for touch in touches if touch.person == person]))

    in_deals = set()
    for event in log:
        if event["type"] != "crm.deal.created":
            continue
        deal, account, named = (event["data"].get(name) for name in ("deal_id", "account_id", "contact_id"))
        persons = {person for person, owner in account_of.items() if owner == account}
        if named:
            persons.add(f"contact {named}")
        in_deals |= persons
        created = utc(event["time"])
        closing = [
            (utc(other["time"]), other["type"])
            for other in log
            if other["type"] in ("crm.deal.won", "crm.deal.lost") and other["data"]["deal_id"] == deal
        ]
        won = bool(closing) and closing[0][1] == "crm.deal.won"
        leads = [at for person in persons for at in lead_of_contact[person] if at <= created]
        path = Path(
            f"deal:{deal}",
            "b2b",
            "default",
            won,
            closing[0][0] if closing else as_of,
            event["data"]["amount"] if won else None,
            max(leads, default=None),
            created,
        )
        paths.append(within(path, [touch for touch in touches if touch.person in persons]))

    for person in sorted({touch.person for touch in touches} - paid - in_deals):
        kind, name = person.split(" ")
        path = Path(f"person:{kind}:{name}", "b2c", "default", False, as_of, None)
        paths.append(within(path, [touch for touch in touches if touch.person == person]))
    return paths


def removal_shares(paths: list[Path]) -> dict[str, float]:
    """Share of each channel in all that removals cost, by following a crowd through the chain until all are out."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for path in paths:
        states = ["start", *(f"at {touch.channel}" for touch in path.touches), "yes" if path.converted else "no"]
        for before, after in pairwise(states):
            counts[before][after] += 1

    def converting(removed: str | None) -> float:
        crowd, arrived = {"start": 1.0}, 0.0
        while sum(crowd.values()) > 1e-15:
            following: dict[str, float] = defaultdict(float)
            for state, people in crowd.items():
                total = sum(counts[state].values())
                for after, count in counts[state].items():
                    if after == "yes":
                        arrived += people * count / total
                    elif after != "no" and after != removed:
                        following[after] += people * count / total
            crowd = following
        return arrived

    everybody = converting(None)
    channels = sorted({touch.channel for path in paths for touch in path.touches})
    lost = {channel: 1 - converting(f"at {channel}") / everybody for channel in channels} if everybody else {}
    return {channel: effect / sum(lost.values()) for channel, effect in lost.items()}


def _alone(path: Path, chosen: int) -> Weights:
    return [Fraction(number == chosen) for number in range(len(path.touches))]


def _last_before(path: Path, at: datetime | None) -> int | None:
    found = None
    for number, touch in enumerate(path.touches):
        if at is not None and touch.at <= at:
            found = number
    return found


def _last_non_direct(path: Path) -> Weights:
    chosen = len(path.touches) - 1
    for number, touch in enumerate(path.touches):
        if touch.channel != "direct":
            chosen = number
    return _alone(path, chosen)


def _position(path: Path) -> Weights:
    count = len(path.touches)
    if count <= 2:
        return [Fraction(1, count)] * count
    return [Fraction(2, 5), *[Fraction(1, 5) / (count - 2)] * (count - 2), Fraction(2, 5)]


def _time_decay(path: Path) -> Weights:
    raw = [2.0 ** -((path.end - touch.at) / HALF_LIFE) for touch in path.touches]
    return [part / sum(raw) for part in raw]


def _w_shaped(path: Path) -> Weights:
    raw = [Fraction(0)] * len(path.touches)
    milestones = {0, _last_before(path, path.lead_at), _last_before(path, path.deal_at)} - {None}
    for milestone in (0, _last_before(path, path.lead_at), _last_before(path, path.deal_at)):
        if milestone is not None:
            raw[milestone] += Fraction(3, 10)
    others = [number for number in range(len(raw)) if number not in milestones]
    for number in others:
        raw[number] = Fraction(1, 10) / len(others)
    return [part / sum(raw) for part in raw]


def _by_channel(path: Path, parts: dict[str, Any]) -> Weights:
    """Each channel's part, split equally over its touches."""
    channels = [touch.channel for touch in path.touches]
    total = sum(parts[channel] for channel in set(channels))
    return [parts[channel] / total / channels.count(channel) for channel in channels]


def attribution(log: list[Event], as_of: datetime) -> list[Row]:
    """Rows of ``marts.attribution``: its key, the weight and the value."""
    paths = paths_of(log, as_of)
    shares = {kind: removal_shares([p for p in paths if p.kind == kind and p.touches]) for kind in ("b2c", "b2b")}
    weigh: dict[str, Callable[[Path], Weights]] = {
        "first": lambda path: _alone(path, 0),
        "last": lambda path: _alone(path, len(path.touches) - 1),
        "last_non_direct": _last_non_direct,
        "linear": lambda path: [Fraction(1, len(path.touches))] * len(path.touches),
        "position": _position,
        "time_decay": _time_decay,
        "w_shaped": _w_shaped,
        "markov": lambda path: _by_channel(path, shares[path.kind]),
        "shapley": lambda path: _by_channel(
            path, dict.fromkeys((touch.channel for touch in path.touches), Fraction(1))
        ),
    }
    rows = []
    for path in paths:
        if not path.converted:
            continue
        for model in MODELS:
            credit = zip(path.touches, weigh[model](path), strict=True) if path.touches else [(None, 1)]
            for touch, weight in credit:
                rows.append(
                    {
                        "tenant_id": path.tenant,
                        "conversion_id": path.id,
                        "touch_id": touch.id if touch else "(none)",
                        "model": model,
                        "conversion_kind": path.kind,
                        "converted_at": path.end,
                        "channel": touch.channel if touch else "(none)",
                        "weight": float(weight),
                        "value_base": None if path.value is None else float(weight) * path.value,
                    }
                )
    return rows


def attribution_channel(log: list[Event], as_of: datetime) -> list[Row]:
    """Rows of ``marts.attribution_channel``: its key, conversions, value, spend, cost."""
    paths = paths_of(log, as_of)
    sums: dict[tuple[Any, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in attribution(log, as_of):
        if row["model"] != "markov" or row["channel"] == "(none)":
            cell = sums[row["converted_at"].date().replace(day=1), row["channel"], row["model"]]
            cell[0] += row["weight"]
            cell[1] += row["value_base"] or 0.0
    for kind in ("b2c", "b2b"):
        with_touches = [path for path in paths if path.kind == kind and path.touches]
        for channel, share in removal_shares(with_touches).items():
            for path in with_touches:
                if path.converted:
                    cell = sums[path.end.date().replace(day=1), channel, "markov"]
                    cell[0] += share
                    cell[1] += share * (path.value or 0.0)
    spend: dict[tuple[Any, str], float] = defaultdict(float)
    latest: dict[tuple[str, str], tuple[Any, float]] = {}
    for event in log:
        if event["type"] == "ads.spend.reported":
            key = (event["data"]["date"], event["data"]["channel"])
            report = ((utc(event["time"]), event["id"]), event["data"]["amount"])
            latest[key] = max(report, latest.get(key, report))
    for (day, channel), (_, amount) in latest.items():
        spend[datetime.fromisoformat(day).date().replace(day=1), channel] += amount
    cost = defaultdict(float, spend)
    for event in log:
        month, data = utc(event["time"]).date().replace(day=1), event["data"]
        if event["type"] == "crm.campaign.sent" and "cost" in data:
            cost[month, data["channel"]] += data["cost"]
        if event["type"] == "finance.expense.recorded" and data["category"] == "marketing":
            cost[month, "(shared)"] += data["amount"]
    for month, channel in cost:
        for model in MODELS:
            sums.setdefault((month, channel, model), [0.0, 0.0])  # cost is kept where nothing came of it
    return [
        {
            "tenant_id": "default",
            "conversion_month": month,
            "channel": channel,
            "model": model,
            "conversions": conversions,
            "value_base": value,
            "spend_base": spend.get((month, channel)),
            "cost_base": cost.get((month, channel)),
        }
        for (month, channel, model), (conversions, value) in sums.items()
    ]
