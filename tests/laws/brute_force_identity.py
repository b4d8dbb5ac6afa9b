"""Persons, their first times and their funnel, as obvious loops over events.

Written from the definitions, not from the models, and slow. Logs come from ``identity_logs``; what these never hold,
such as accounts or leads that are created twice, is not looked at here.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from tests.laws.compiled import Event, Row, seed_rows, utc

KINDS = {"contact_id": "contact", "lead_id": "lead", "user_id": "user", "visitor_id": "visitor"}
STEPS = ["visited_at", "lead_at", "trial_at", "activated_at", "converted_at", "retained_at", "advocate_at"]
DIMENSIONS = {
    "channel": "first_channel",
    "source": "first_source",
    "industry": "industry",
    "client_type": "client_type",
}
SHORTEST_MONTH = timedelta(days=28)


def ids_of(event: Event) -> tuple[list[str], list[str]]:
    """Ids that the event says are one person, and ids of others that it names."""
    kind, data = event["type"], event["data"]
    if kind == "crm.contact.merged":
        return [f"contact:{data['winner_id']}", f"contact:{data['loser_id']}"], []
    same = [f"{name}:{data[field]}" for field, name in KINDS.items() if data.get(field)]
    others = [f"user:{data['referrer_user_id']}"] if data.get("referrer_user_id") else []
    return same, others


def names_of(event: Event) -> set[str]:
    same, others = ids_of(event)
    return {*same, *others}


def persons_of(log: list[Event]) -> dict[str, str]:
    """Person of every id, by joining sets until nothing is left to join."""
    groups: dict[str, set[str]] = {}
    for event in log:
        same, others = ids_of(event)
        for one in [*same, *others]:
            groups.setdefault(one, {one})
        for one in same[1:]:
            joined = groups[same[0]] | groups[one]
            for member in joined:
                groups[member] = joined
    return {one: min(members) for one, members in groups.items()}


def tenants(log: list[Event]) -> dict[str, list[Event]]:
    parts: dict[str, list[Event]] = defaultdict(list)
    for event in log:
        parts[event.get("tenantid", "default")].append(event)
    return parts


def fact_identity(log: list[Event]) -> list[Row]:
    rows: list[Row] = []
    for tenant, events in tenants(log).items():
        for one, person in persons_of(events).items():
            named = [utc(event["time"]) for event in events if one in names_of(event)]
            kind, _, value = one.partition(":")
            rows.append(
                {"tenant_id": tenant, "id_kind": kind, "id_value": value, "person_id": person}
                | {"first_seen_at": min(named)}
            )
    return rows


def channel_by_rule(data: dict[str, Any], fields: tuple[str, ...]) -> str | None:
    rules = {(row["channel_field"], row["channel_value"]): row["channel"] for row in seed_rows("channel")}
    for field in fields:
        found = rules.get((field, str(data.get(field) or "").strip().lower()))
        if found:
            return str(found)
        if field == "utm_source" and data.get("utm_source"):
            return str(data["utm_source"]).strip().lower()
    return None


def touch_of(event: Event) -> tuple[str, str] | None:
    """Type and channel of the touch that an event is."""
    kind, data = event["type"], event["data"]
    if kind == "web.session.started":
        visit = "organic" if data.get("referrer") else "direct"
        return "session", channel_by_rule(data, ("utm_medium", "utm_source")) or visit
    if kind == "crm.email.clicked":
        return "campaign_click", "email"
    if kind == "content.downloaded":
        return "download", "content"
    if kind == "club.event.attended":
        return "event_attended", "event"
    if kind == "crm.referral.made" and data.get("lead_id"):
        return "referral", "referral"
    return None


def first(times: list[datetime]) -> datetime | None:
    return min(times, default=None)


def fact_person(log: list[Event]) -> list[Row]:
    return [row for tenant, events in tenants(log).items() for row in persons_of_tenant(tenant, events)]


def persons_of_tenant(tenant: str, events: list[Event]) -> list[Row]:
    persons = persons_of(events)
    owner = {
        event["data"]["subscription_id"]: event["data"]["user_id"]
        for event in sorted(events, key=lambda event: (utc(event["time"]), event["id"]))
        if event["type"] == "billing.subscription.started" and event["data"].get("user_id")
    }
    rows = []
    for person in sorted(set(persons.values())):
        ids = {one for one, name in persons.items() if name == person}
        rows.append({"tenant_id": tenant, "person_id": person} | person_row(events, ids, owner))
    return rows


def person_row(events: list[Event], ids: set[str], owner: dict[str, str]) -> Row:
    def is_of(event: Event) -> bool:
        return bool(ids & set(ids_of(event)[0]))

    def is_user(user: str | None) -> bool:
        return f"user:{user}" in ids

    def times(*kinds: str) -> list[datetime]:
        return [utc(event["time"]) for event in events if event["type"] in kinds and is_of(event)]

    touches = [
        (utc(event["time"]), 0, f"{event['source']}:{event['id']}", *touch)
        for event in events
        if (touch := touch_of(event)) and is_of(event)
    ]
    leads: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["type"].startswith("crm.lead.") and is_of(event):
            leads[event["data"]["lead_id"]].append(event)
    came: list[tuple[datetime, int, str, str]] = [(at, rank, key, channel) for at, rank, key, _, channel in touches]
    created = []
    for lead, own in leads.items():
        creation = next((event for event in own if event["type"] == "crm.lead.created"), None)
        data = creation["data"] if creation else {}
        at = utc(creation["time"]) if creation else min(utc(event["time"]) for event in own)
        channel = channel_by_rule(data, ("utm_medium", "utm_source", "lead_source")) or "(unknown)"
        came.append((at, 1, lead, channel))
        created.append((at, lead, data))
    created.sort(key=lambda one: one[:2])
    paid, renewed = [], []
    for event in events:
        data = event["data"]
        if is_user(data.get("user_id") or owner.get(data.get("subscription_id"))):
            if event["type"] == "billing.payment.received" and data.get("subscription_id") and data["amount"] > 0:
                paid.append(utc(event["time"]))
            if event["type"] == "billing.subscription.renewed":
                renewed.append(utc(event["time"]))
    converted = first(paid)
    started = times("billing.subscription.started")
    trials = [
        utc(event["time"])
        for event in events
        if event["type"] == "billing.subscription.started" and is_of(event) and event["data"].get("is_trial")
    ]
    referred = [
        utc(event["time"])
        for event in events
        if event["type"] in ("crm.referral.made", "crm.lead.created") and is_user(event["data"].get("referrer_user_id"))
    ]
    product = times("lms.trial.started", "app.login", "app.feature.used", "app.activated", "lms.course.completed")
    return {
        "account_id": None,
        "id_count": len(ids),
        "first_seen_at": min(utc(event["time"]) for event in events if ids & names_of(event)),
        "first_touch_at": first([touch[0] for touch in touches]),
        "first_channel": min(came)[3] if came else None,
        "first_source": next((data["lead_source"] for _, _, data in created if data.get("lead_source")), None),
        "industry": next((data["industry"] for _, _, data in created if data.get("industry")), None),
        "client_type": None,
        "visited_at": first([touch[0] for touch in touches if touch[3] == "session"]),
        "lead_at": created[0][0] if created else None,
        "signup_at": first(product + started),
        "trial_at": first(times("lms.trial.started") + trials),
        "activated_at": first(times("app.activated")),
        "converted_at": converted,
        "retained_at": first([at for at in paid + renewed if converted and at >= converted + SHORTEST_MONTH]),
        "advocate_at": first(referred),
    }


def month_of(at: datetime) -> Any:
    return at.date().replace(day=1)


def percentile(values: list[float], share: float) -> float | None:
    """Linear interpolation between the neighbours of the place."""
    if not values:
        return None
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (place - low) * (ranked[high] - ranked[low])


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def step_times(person: Row, order_rule: str) -> list[datetime | None]:
    """When each step was reached, by the rule."""
    own = [person[step] for step in STEPS]
    if order_rule == "any":
        return [first([at for at in own[number:] if at]) for number in range(len(own))]
    entry = own.index(min(at for at in own if at))
    reached: list[datetime | None] = [None] * len(own)
    for number in range(entry, len(own)):
        if own[number] is None or (number > entry and own[number] < own[number - 1]):
            break
        reached[number] = own[number]
    return reached


def kaplan_meier(watched: list[tuple[timedelta, bool]], window: timedelta) -> float | None:
    """Share with the event within the window; None where the curve ends before it."""
    surviving = 1.0
    for moment in sorted({duration for duration, is_event in watched if is_event}):
        at_risk = sum(duration >= moment for duration, _ in watched)
        surviving *= 1 - sum(duration == moment and is_event for duration, is_event in watched) / at_risk
    if max(duration for duration, _ in watched) < window and surviving > 0:
        return None
    return 1 - surviving


def segments_of(person: Row) -> list[tuple[str, str]]:
    named = [(kind, person[column] or "(not set)") for kind, column in DIMENSIONS.items()]
    return [("total", "(all)"), *named]


def funnel_b2c(log: list[Event]) -> list[Row]:
    as_of = max((utc(event["time"]) for event in log), default=datetime.min)
    steps = [row for row in seed_rows("funnel_step") if row["funnel"] == "b2c"]
    members: dict[tuple[Any, ...], list[tuple[datetime, datetime | None, bool]]] = defaultdict(list)
    for person in fact_person(log):
        own = [person[step] for step in STEPS]
        if not any(own):
            continue
        cohort = month_of(min(at for at in own if at))
        for order_rule in ("strict", "any"):
            reached = [*step_times(person, order_rule), None]
            for number, at in enumerate(reached[:-1]):
                if at is not None:
                    for segment in segments_of(person):
                        key = (person["tenant_id"], cohort, *segment, order_rule, number)
                        members[key].append((at, reached[number + 1], own[number] == at))
    rows = []
    for (tenant, cohort, dimension, value, order_rule, number), group in members.items():
        step = steps[number]
        days = step["window_days"] and int(step["window_days"])
        row = {
            "tenant_id": tenant,
            "cohort_month": cohort,
            "dimension": dimension,
            "dimension_value": value,
            "order_rule": order_rule,
            "step": step["step"],
            "step_number": number + 1,
            "window_days": days,
            "entered": len(group),
        }
        rows.append(
            row | (counts_of(group, timedelta(days=days), as_of) if days else LAST | {"matured_count": len(group)})
        )
    return rows


LAST: Row = {
    "converted": None,
    "conversion_rate": None,
    "drop_off_count": None,
    "drop_off_rate": None,
    "median_hours": None,
    "p90_hours": None,
    "matured_conversion_rate": None,
    "estimated_conversion_rate": None,
    "is_mature": True,
}
"""The last step has nothing after it."""


def counts_of(group: list[tuple[datetime, datetime | None, bool]], window: timedelta, as_of: datetime) -> Row:
    converted = [(at, following) for at, following, _ in group if following and following - at <= window]
    hours = [
        (following - at) / timedelta(hours=1)
        for at, following, is_own in group
        if following and following - at <= window and is_own
    ]
    matured = [one for one in group if one[0] + window <= as_of]
    matured_converted = [one for one in matured if one[1] and one[1] - one[0] <= window]
    is_mature = len(matured) == len(group)
    watched = [
        (min((following or as_of) - at, window), bool(following and following - at <= window))
        for at, following, _ in group
    ]
    return {
        "converted": len(converted),
        "conversion_rate": ratio(len(converted), len(group)),
        "drop_off_count": len(group) - len(converted),
        "drop_off_rate": ratio(len(group) - len(converted), len(group)),
        "median_hours": percentile(hours, 0.5),
        "p90_hours": percentile(hours, 0.9),
        "matured_count": len(matured),
        "matured_conversion_rate": ratio(len(matured_converted), len(matured)),
        "estimated_conversion_rate": kaplan_meier(watched, window),
        "is_mature": is_mature,
    }
