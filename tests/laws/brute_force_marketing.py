"""Campaigns, experiments, response times, follow-ups, the AI manager and tickets: plain loops over sorted events.

Written from the definitions (docs, DECISIONS.md) and not from models/: the second opinion that the SQL is held to.
Persons are leads here, since the logs that it reads name nobody else; how ids become persons is told elsewhere.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.laws.compiled import Event, Row, seed_rows, utc

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZONES = {row["tenant_id"]: ZoneInfo(row["time_zone"]) for row in seed_rows("tenant")}


def moment(event: Event) -> datetime:
    return utc(event["time"])


def tenant_of(event: Event) -> str:
    return str(event.get("tenantid", "default"))


def in_order(events: Iterable[Event], first: str = "") -> list[Event]:
    """By time; of one instant the type that creates, then by id, then source."""
    return sorted(events, key=lambda event: (moment(event), event["type"] != first, event["id"], event["source"]))


def by(events: Iterable[Event], *names: str) -> dict[tuple[Any, ...], list[Event]]:
    """Events by tenant and these fields, where all of them are stated."""
    groups: dict[tuple[Any, ...], list[Event]] = {}
    for event in events:
        if all(event["data"].get(name) is not None for name in names):
            groups.setdefault((tenant_of(event), *(event["data"][name] for name in names)), []).append(event)
    return groups


def month_of(at: datetime) -> date:
    return date(at.year, at.month, 1)


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def percentile(values: list[float], share: float) -> float:
    """Interpolated between neighbours."""
    values = sorted(values)
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


@dataclass
class Message:
    """A message of a conversation."""

    tenant_id: str
    message_id: str
    events: list[Event]
    conversation_id: str | None = None
    direction: str | None = None
    sender: str | None = None
    channel: str | None = None
    lead_id: str | None = None
    at: datetime | None = None
    classified_at: datetime | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def is_agreeing(self) -> bool | None:
        intent, label = self.fields.get("intent"), self.fields.get("label")
        return None if intent is None or label is None else intent == label


def read_messages(log: list[Event]) -> list[Message]:
    found = []
    chats = [event for event in log if event["type"].startswith("chat.message.")]
    for (tenant, message_id), events in by(chats, "message_id").items():
        message = Message(tenant, message_id, in_order(events, "chat.message.received"))
        for event in message.events:
            data = event["data"]
            message.fields |= data
            message.lead_id = data.get("lead_id") or message.lead_id
            message.channel = data.get("channel") or message.channel
            message.conversation_id = message.conversation_id or data.get("conversation_id")
            if event["type"] == "chat.message.classified":
                message.classified_at = message.classified_at or moment(event)
            elif message.at is None:
                message.at = moment(event)
                message.direction = "incoming" if event["type"] == "chat.message.received" else "outgoing"
        if message.direction == "incoming":
            message.sender = "customer"
        elif message.direction == "outgoing":
            message.sender = message.fields["sender"]
        found.append(message)
    return found


def conversations_of(messages: list[Message]) -> dict[tuple[str, str], list[Message]]:
    groups: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        if message.conversation_id and message.at:
            groups.setdefault((message.tenant_id, message.conversation_id), []).append(message)
    for group in groups.values():
        group.sort(key=lambda message: (message.at, message.direction == "outgoing", message.message_id))
    return groups


@dataclass
class Wait:
    """Somebody waits for an answer."""

    tenant_id: str
    conversation_id: str
    number: int
    channel: str | None
    since: datetime
    incoming: int = 1
    answer: Message | None = None


def read_waits(messages: list[Message]) -> list[Wait]:
    waits: list[Wait] = []
    for (tenant, conversation), group in conversations_of(messages).items():
        number = 0
        current: Wait | None = None
        for message in group:
            assert message.at is not None
            if message.direction == "incoming":
                if current:
                    current.incoming += 1
                else:
                    number += 1
                    current = Wait(tenant, conversation, number, message.channel, message.at)
                    waits.append(current)
            elif current:
                current.answer, current = message, None
    return waits


def response_time(log: list[Event], as_of: datetime) -> list[Row]:
    groups: dict[tuple[str, date, str, str], list[tuple[float, bool]]] = {}
    for wait in read_waits(read_messages(log)):
        end = wait.answer.at if wait.answer else as_of
        assert end is not None
        responder = wait.answer.sender if wait.answer else "(unanswered)"
        for who in (str(responder), "(all)"):
            key = (wait.tenant_id, month_of(wait.since), wait.channel or "(not set)", who)
            groups.setdefault(key, []).append(((end - wait.since) / HOUR, wait.answer is None))
    return [
        {
            "tenant_id": tenant,
            "waiting_month": month,
            "channel": channel,
            "responder": responder,
            "wait_count": len(waits),
            "answered_count": sum(not is_open for _, is_open in waits),
            "unanswered_count": sum(is_open for _, is_open in waits),
            "median_response_hours": percentile([hours for hours, _ in waits], 0.5),
            "p90_response_hours": percentile([hours for hours, _ in waits], 0.9),
            "longest_response_hours": max(hours for hours, _ in waits),
        }
        for (tenant, month, channel, responder), waits in groups.items()
    ]


def lead_of_conversation(log: list[Event], messages: list[Message]) -> dict[tuple[str, str], str]:
    """The greatest lead that its messages name, else that its hand-overs do."""
    leads: dict[tuple[str, str], str] = {}
    for (tenant, conversation), group in conversations_of(messages).items():
        named = [message.lead_id for message in group if message.lead_id]
        if named:
            leads[tenant, conversation] = max(named)
    return leads


def followup(log: list[Event], as_of: datetime) -> list[Row]:
    messages = read_messages(log)
    leads = lead_of_conversation(log, messages)
    months: dict[tuple[str, date], list[dict[str, Any]]] = {}
    steps = [event for event in log if event["type"].startswith("chat.followup.")]
    for (tenant, _), events in by(steps, "followup_id").items():
        ordered = in_order(events, "chat.followup.scheduled")
        times: dict[str, datetime] = {}
        due, reason = None, None
        for event in ordered:
            times.setdefault(event["type"].rsplit(".", 1)[1], moment(event))
            due = event["data"].get("due_at") or due
            reason = event["data"].get("reason") or reason
        lead = ordered[-1]["data"]["lead_id"]
        sent, scheduled = times.get("sent"), times.get("scheduled")
        one: dict[str, Any] = {"status": "sent" if sent else "cancelled" if "cancelled" in times else "scheduled"}
        one["cause"] = (reason if reason in ("reply", "handoff") else "other") if one["status"] == "cancelled" else None
        one["is_overdue"] = one["status"] == "scheduled" and due is not None and utc(due) < as_of
        one["is_mature"] = sent is not None and sent + DAY <= as_of
        one["is_replied"] = one["is_despite"] = one["is_night"] = False
        if sent:
            hour = sent.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZONES.get(tenant, ZoneInfo("UTC"))).hour
            one["is_night"] = hour >= 21 or hour < 9
            for message in messages:
                writer = message.lead_id or leads.get((message.tenant_id, message.conversation_id or ""))
                if message.direction == "incoming" and message.tenant_id == tenant and writer == lead:
                    assert message.at is not None
                    one["is_replied"] |= sent < message.at <= sent + DAY
                    one["is_despite"] |= scheduled is not None and scheduled < message.at < sent
        months.setdefault((tenant, month_of(scheduled or moment(ordered[0]))), []).append(one)

    def count(ones: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> int:
        return sum(holds(one) for one in ones)

    return [
        {
            "tenant_id": tenant,
            "scheduled_month": month,
            "followup_count": len(ones),
            "scheduled_count": count(ones, lambda one: one["status"] == "scheduled"),
            "overdue_count": count(ones, lambda one: one["is_overdue"]),
            "sent_count": count(ones, lambda one: one["status"] == "sent"),
            "cancelled_count": count(ones, lambda one: one["status"] == "cancelled"),
            "cancelled_by_reply_count": count(ones, lambda one: one["cause"] == "reply"),
            "cancelled_by_handoff_count": count(ones, lambda one: one["cause"] == "handoff"),
            "cancelled_by_other_count": count(ones, lambda one: one["cause"] == "other"),
            "replied_count": count(ones, lambda one: one["is_replied"]),
            "mature_count": count(ones, lambda one: one["is_mature"]),
            "reply_rate": ratio(
                count(ones, lambda one: one["is_replied"] and one["is_mature"]),
                count(ones, lambda one: one["is_mature"]),
            ),
            "night_count": count(ones, lambda one: one["is_night"]),
            "night_rate": ratio(
                count(ones, lambda one: one["is_night"]), count(ones, lambda one: one["status"] == "sent")
            ),
            "sent_despite_reply_count": count(ones, lambda one: one["is_despite"]),
        }
        for (tenant, month), ones in months.items()
    ]


def ai_manager(log: list[Event], as_of: datetime) -> list[Row]:
    messages = read_messages(log)
    groups = conversations_of(messages)
    waits = read_waits(messages)
    handoffs = by([event for event in log if event["type"].startswith("chat.handoff.")], "conversation_id")
    months: dict[tuple[str, date, str], dict[str, Any]] = {}

    def cell(tenant: str, at: datetime, channel: str | None) -> dict[str, Any]:
        empty = dict.fromkeys(["all", "handed", "ended", "closed", "classified", "labelled", "agreeing"], 0)
        return months.setdefault((tenant, month_of(at), channel or "(not set)"), empty | {"bins": {}})

    for key in set(groups) | set(handoffs):
        group, taken = groups.get(key, []), in_order(handoffs.get(key, []))
        channels = [message.channel for message in group if message.channel]
        start = group[0].at if group else moment(taken[0])
        last = group[-1].at if group else start
        assert start is not None
        assert last is not None
        month = cell(key[0], start, max(channels) if channels else None)
        is_handed = any(event["type"] == "chat.handoff.started" for event in taken)
        is_waiting = any((wait.tenant_id, wait.conversation_id) == key and not wait.answer for wait in waits)
        has_person = is_handed or any(message.sender == "human" for message in group)
        month["all"] += 1
        month["handed"] += is_handed
        month["ended"] += last + DAY <= as_of
        month["closed"] += last + DAY <= as_of and not is_waiting and not has_person
    for message in messages:
        if message.fields.get("intent") is None:
            continue
        at = message.at or message.classified_at
        assert at is not None
        month = cell(message.tenant_id, at, message.channel)
        month["classified"] += 1
        month["labelled"] += message.is_agreeing is not None
        month["agreeing"] += bool(message.is_agreeing)
        sure = message.fields.get("confidence")
        if message.is_agreeing is not None and sure is not None:
            month["bins"].setdefault(min(int(sure * 10), 9), []).append((sure, message.is_agreeing))
    return [
        {
            "tenant_id": tenant,
            "conversation_month": month,
            "channel": channel,
            "conversation_count": of["all"],
            "handed_over_count": of["handed"],
            "handoff_rate": ratio(of["handed"], of["all"]),
            "ended_count": of["ended"],
            "closed_without_person_count": of["closed"],
            "closed_without_person_share": ratio(of["closed"], of["ended"]),
            "classified_count": of["classified"],
            "labelled_count": of["labelled"],
            "agreeing_count": of["agreeing"],
            "accuracy_rate": ratio(of["agreeing"], of["labelled"]),
            "calibration_error": ratio(
                sum(
                    abs(sum(sure for sure, _ in ones) - sum(right for _, right in ones)) for ones in of["bins"].values()
                ),
                sum(len(ones) for ones in of["bins"].values()),
            ),
        }
        for (tenant, month, channel), of in months.items()
    ]


def conversions(log: list[Event]) -> dict[tuple[str, str], datetime]:
    """When each lead was first converted."""
    first: dict[tuple[str, str], datetime] = {}
    for event in in_order(log):
        if event["type"] == "crm.lead.converted":
            first.setdefault((tenant_of(event), event["data"]["lead_id"]), moment(event))
    return first


def campaign(log: list[Event]) -> list[Row]:
    converted = conversions(log)
    emails = by([event for event in log if event["type"].startswith("crm.email.")], "message_id")
    leaving = by([event for event in log if event["type"] == "crm.unsubscribe"], "campaign_id")
    sendings = by([event for event in log if event["type"] == "crm.campaign.sent"], "campaign_id")
    of: dict[tuple[str, str], list[tuple[bool, bool, bool, bool]]] = {}
    buyers: dict[tuple[str, str], set[str]] = {}
    for (tenant, _), events in emails.items():
        campaign_id = events[0]["data"].get("campaign_id")
        if campaign_id is None:
            continue
        times: dict[str, list[datetime]] = {}
        for event in events:
            times.setdefault(event["type"].rsplit(".", 1)[1], []).append(moment(event))
        arrived = [at for name in ("delivered", "opened", "clicked") for at in times.get(name, [])]
        came_back = times.get("bounced", [])
        is_bounced = bool(came_back) and (not arrived or max(came_back) >= max(arrived))
        is_delivered = bool(arrived) and not is_bounced
        of.setdefault((tenant, campaign_id), []).append(
            (is_delivered, is_bounced, is_delivered and "opened" in times, is_delivered and "clicked" in times)
        )
    for (tenant, campaign_id, lead), events in by(
        [event for event in log if event["type"] == "crm.email.clicked"], "campaign_id", "lead_id"
    ).items():
        bought = converted.get((tenant, lead))
        before = [moment(event) for event in events if bought and moment(event) <= bought]
        if before and bought and bought - max(before) <= 7 * DAY:
            buyers.setdefault((tenant, campaign_id), set()).add(lead)
    rows = []
    for key in set(of) | set(leaving) | set(sendings):
        counts = [sum(email[place] for email in of.get(key, [])) for place in range(4)]
        sent = len(of.get(key, []))
        gone = len({event["data"]["lead_id"] for event in leaving.get(key, [])})
        won = len(buyers.get(key, set()))
        rows.append(
            {
                "tenant_id": key[0],
                "campaign_id": key[1],
                "send_count": len(sendings.get(key, [])),
                "sent_count": sent,
                "delivered_count": counts[0],
                "bounced_count": counts[1],
                "opened_count": counts[2],
                "clicked_count": counts[3],
                "converted_count": won,
                "unsubscribed_count": gone,
                "delivery_failure_rate": ratio(counts[1], sent),
                "open_rate": ratio(counts[2], counts[0]),
                "click_rate": ratio(counts[3], counts[0]),
                "conversion_rate": ratio(won, counts[0]),
                "unsubscribe_rate": ratio(gone, counts[0]),
            }
        )
    return rows


def experiment_variant(log: list[Event]) -> list[Row]:
    converted = conversions(log)
    exposures = [event for event in log if event["type"] == "crm.experiment.exposed"]
    kept: dict[tuple[str, str], dict[str, list[bool]]] = {}
    left_out: dict[tuple[str, str], int] = {}
    for (tenant, experiment, lead), events in by(exposures, "experiment_id", "lead_id").items():
        variants = {event["data"]["variant"] for event in events}
        if len(variants) > 1:
            left_out[tenant, experiment] = left_out.get((tenant, experiment), 0) + 1
            continue
        bought = converted.get((tenant, lead))
        is_converted = bought is not None and bought >= min(moment(event) for event in events)
        kept.setdefault((tenant, experiment), {}).setdefault(variants.pop(), []).append(is_converted)
    return [
        {
            "tenant_id": tenant,
            "experiment_id": experiment,
            "variant": variant,
            "is_control": variant == min(variants),
            "expected_share": 1 / len(variants),
            "subject_count": len(subjects),
            "converted_count": sum(subjects),
            "conversion_rate": sum(subjects) / len(subjects),
            "left_out_count": left_out.get((tenant, experiment), 0),
        }
        for (tenant, experiment), variants in kept.items()
        for variant, subjects in variants.items()
    ]


def fact_ticket(log: list[Event], as_of: datetime) -> list[Row]:
    rows = []
    tickets = [event for event in log if event["type"].startswith("support.ticket.")]
    for (tenant, ticket_id), events in by(tickets, "ticket_id").items():
        ordered = in_order(events, "support.ticket.opened")
        hours, reopened, since, resolved_at = 0.0, 0, None, None
        for event in ordered:
            at = moment(event)
            if event["type"] == "support.ticket.resolved":
                if since is not None:
                    hours += (at - since) / HOUR
                    since = None
                resolved_at = resolved_at or at
            else:
                reopened += event["type"] == "support.ticket.reopened" and resolved_at is not None
                since, resolved_at = since or at, None
        rows.append(
            {
                "tenant_id": tenant,
                "ticket_id": ticket_id,
                "opened_at": moment(ordered[0]),
                "resolved_at": resolved_at,
                "reopen_count": reopened,
                "is_open": since is not None,
                "open_hours": hours + ((as_of - since) / HOUR if since else 0.0),
            }
        )
    return rows
