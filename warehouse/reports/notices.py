"""The mail about alerts that were raised or resolved, grouped by their rule.

Which alerts it tells of is decided by the sync; what an alert is, by models/marts/alert.sql.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from warehouse.links import alert_link, page_link
from warehouse.mail import Mail
from warehouse.numbers import MISSING, fmt
from warehouse.reports.parts import name_of
from warehouse.reports.render import environment

RAISED, RESOLVED = "ops.alert.raised", "ops.alert.resolved"
LISTED = 20
"""Alerts of one rule that a mail shows."""

SERIOUS = {"critical", "error"}


@dataclass(frozen=True)
class Line:
    """An alert in the mail."""

    subject: str
    message: str
    note: str
    link: str
    is_serious: bool


@dataclass(frozen=True)
class Group:
    """The alerts of one rule that were raised, or that were resolved."""

    title: str
    count: int
    lines: Sequence[Line]

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.count - len(self.lines)


def notice(tenant_id: str, events: Sequence[Mapping[str, Any]], dashboards_url: str, message_id: str) -> Mail:
    """Write the mail about alerts of one tenant.

    Parameters
    ----------
    events
        CloudEvents of the types ``ops.alert.raised`` and ``ops.alert.resolved``; any order.
    """
    kinds = [(RAISED, "raised"), (RESOLVED, "resolved")]
    groups = [group for kind, word in kinds for group in _groups(tenant_id, events, kind, word, dashboards_url)]
    counts = [(sum(event["type"] == kind for event in events), word) for kind, word in kinds]
    said = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    serious = sum(event["type"] == RAISED and _data(event).get("severity") in SERIOUS for event in events)
    subject = f"Alerts of {tenant_id}: {said}" + (f" ({serious:,} critical)" if serious else "")
    page = page_link(dashboards_url, "overview", tenant=tenant_id)
    values = {"subject": subject, "tenant_id": tenant_id, "groups": groups, "page": page}
    return Mail(
        subject=subject,
        text=_text(subject, groups, page),
        html=environment().get_template("notice.html.j2").render(values),
        message_id=message_id,
    )


def _groups(
    tenant_id: str, events: Sequence[Mapping[str, Any]], kind: str, word: str, dashboards_url: str
) -> list[Group]:
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if event["type"] == kind:
            by_rule.setdefault(str(_data(event).get("rule", MISSING)), []).append(event)
    groups = []
    for rule, own in by_rule.items():
        lines = [_line(event, tenant_id, dashboards_url) for event in own]
        lines.sort(key=lambda line: not line.is_serious)
        groups.append(Group(f"{name_of(rule)} {word}", len(lines), lines[:LISTED]))
    return sorted(groups, key=lambda group: (not any(line.is_serious for line in group.lines), group.title))


def _line(event: Mapping[str, Any], tenant_id: str, dashboards_url: str) -> Line:
    data = _data(event)
    subject_type, subject_id = (
        str(data.get("subject_type") or ""),
        str(data.get("subject_id") or event.get("subject") or ""),
    )
    subject = " ".join(part for part in (subject_type, subject_id) if part) or str(data.get("alert_id", MISSING))
    severity = str(data.get("severity") or "")
    is_raised = event["type"] == RAISED
    when = _instant(data.get("since") if is_raised else data.get("resolved_at"))
    return Line(
        subject=subject,
        message=str(data.get("message") or ""),
        note=" · ".join(part for part in (severity if is_raised else "", when) if part),
        link=alert_link(dashboards_url, subject_type, subject_id, tenant_id),
        is_serious=is_raised and severity in SERIOUS,
    )


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    data: Mapping[str, Any] = event.get("data") or {}
    return data


def _instant(text: object) -> str:
    if not text:
        return ""
    moment = datetime.fromisoformat(str(text))
    return fmt(moment.astimezone(UTC) if moment.tzinfo else moment, "instant")


def _text(subject: str, groups: Sequence[Group], page: str) -> str:
    parts = [subject]
    for group in groups:
        lines = [f"{group.title} ({group.count:,})"]
        for line in group.lines:
            lines.append("  ".join(part for part in (f"- {line.subject}", line.note, line.message, line.link) if part))
        if group.left_out:
            lines.append(f"… and {group.left_out:,} more")
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *([f"All open alerts: {page}"] if page else [])]) + "\n"
