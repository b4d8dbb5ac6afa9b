"""What people do about a case (a customer to call, a lead to answer): said as events, through the collector's door.

An action is on disk before the page says so, and comes back through the next run, in the mart. Until it does, the page
lays it over the rows that it reads. Nothing is written to the published file.
"""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboards import session
from dashboards.data import ForbiddenError, Rows
from dashboards.frame import Page
from dashboards.parts import table
from dashboards.text import plain
from warehouse.errors import DealhouseError
from warehouse.intake import append_events

SOURCE = "app"
SNOOZE = timedelta(days=14)
COLUMNS = ("case_status", "taken_by", "taken_at", "handled_by", "handled_at", "handled_outcome", "snoozed_until")
ACTIONS = ("taken", "handled", "snoozed", "reopened")
OUTCOMES = ("reached", "not_reached", "offer_made", "saved", "lost", "other")
TO_DO = (None, "open", "taken")


@dataclass(frozen=True)
class Said:
    """An action that no publication has shown yet."""

    status: str
    by: str
    at: datetime
    until: datetime | None
    version: str = ""
    """What was shown when it was said."""
    passed: set[str] = field(default_factory=set, compare=False)
    """Versions that were published since."""


_said: dict[tuple[str, str, str], Said] = {}
_guard = threading.Lock()


def say(
    page: Page,
    status: str,
    subject_type: str,
    subject_id: str,
    note: str = "",
    outcome: str = "",
    score: int | None = None,
    now: datetime | None = None,
) -> str:
    """Say that a case was taken, handled or snoozed; return what is wrong, or nothing.

    `score` is what the list showed when it was handled: the case comes back when it has moved far from there.

    Raises
    ------
    ForbiddenError
        If the role may not act, or not see the tenant. Buttons are not shown then; this is the lock.
    """
    role, tenant = page.session.role, page.view.filters.tenant
    if not role.may_act or not role.may_see_tenant(tenant):
        raise ForbiddenError(f"{role.name} may not act for {tenant}")
    at = (now or datetime.now(UTC)).replace(tzinfo=None, microsecond=0)
    until = at + SNOOZE if status == "snoozed" else None
    try:
        person = page.session.acts_as()
    except DealhouseError as error:
        return str(error)
    data: dict[str, Any] = {"subject_type": subject_type, "subject_id": subject_id, "acted_by": person}
    data |= {"note": note} if note else {}
    data |= {"outcome": outcome} if outcome and status == "handled" else {}
    data |= {"score": score} if score is not None and status == "handled" else {}
    data |= {"snoozed_until": f"{until:%Y-%m-%dT%H:%M:%SZ}"} if until else {}
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE,
        "type": f"ops.case.{status}",
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "tenantid": tenant,
        "subject": subject_id,
        "actor": person,
        "data": data,
    }
    try:
        (answer,) = append_events(session.hub().home, [event])
    except DealhouseError as error:
        return str(error)
    if answer.status == "rejected":
        return answer.message
    with _guard:
        version = page.view.snapshot.publication.version
        _said[tenant, subject_type, subject_id] = Said(status, person, at, until, version)
    return ""


def laid_over(rows: Rows, tenant: str, subject_type: str, id_column: str, version: str) -> Rows:
    """Show actions that the mart has not shown yet, over rows of a published version."""
    if rows.missing or "case_status" not in rows.table.column_names:
        return rows
    with _guard:
        _forget(version)
        said = dict(_said)
    listed = [_with(row, said.get((tenant, subject_type, row[id_column]))) for row in rows]
    return replace(rows, table=pa.Table.from_pylist(listed, rows.table.schema))


def _forget(version: str) -> None:
    """Let the mart have the last word about what two later publications must have known.

    The first may come from a run that had taken its events in before the action. Runs follow each other, so that the
    second cannot. What else came of the case since (it was handled elsewhere, it came back) would stay hidden.
    """
    for key, said in list(_said.items()):
        if version > said.version:
            said.passed.add(version)
        if len(said.passed) > 1:
            del _said[key]


def _with(row: dict[str, Any], said: Said | None) -> dict[str, Any]:
    if said is None or _is_shown(row, said):
        return row
    changed: dict[str, Any] = {"case_status": "open" if said.status == "reopened" else said.status}
    if said.status == "snoozed":
        changed["snoozed_until"] = said.until
    elif said.status != "reopened":
        changed |= {f"{said.status}_by": said.by, f"{said.status}_at": said.at}
    return row | {name: value for name, value in changed.items() if name in row}


def _is_shown(row: Mapping[str, Any], said: Said) -> bool:
    """Whether the mart knows of this action, or of a later one."""
    if said.status == "reopened":
        return bool(row.get("case_status") == "open")
    times = [row.get("taken_at"), row.get("handled_at")]
    if said.status == "snoozed" and row.get("snoozed_until") == said.until:
        return True
    return any(time is not None and time >= said.at for time in times)


def to_do(rows: Rows) -> Rows:
    """Keep cases that still want somebody."""
    if "case_status" not in rows.table.column_names:
        return rows
    return replace(rows, table=rows.table.filter([status in TO_DO for status in rows.column("case_status")]))


def worklist(
    page: Page,
    mart: str,
    what: str,
    subject_type: str,
    columns: Sequence[str],
    *,
    where: Mapping[str, Any],
    order: str,
    first: int,
    opens: Mapping[str, str] | None = None,
) -> None:
    """Draw a list that people work off, with what can be done about a case, and what was just done laid over it.

    Parameters
    ----------
    what
        Entry of the table's title; ``<what>.note`` is what stands beside it.
    columns
        Of the mart; the first is the subject's id. Where a case stands comes after the `first` ones.
    """
    id_column, view = columns[0], page.view
    known = COLUMNS if view.has(mart, *COLUMNS) else ()
    listed = view.read(mart, (*columns, *known), where=where, by="columns", order=(order,))
    bar(page, listed, subject_type, id_column)
    rows = laid_over(listed, view.filters.tenant, subject_type, id_column, view.snapshot.publication.version)
    if not st.toggle(page.say("case.show_all"), key="cases", bind="query-params"):
        rows = to_do(rows)
    shown = (*columns[:first], *known[:2], *columns[first:], *known[2:])
    table(page, what, rows, shown, opens=opens, height=560, note=page.say(f"{what}.note"))


def bar(page: Page, rows: Rows, subject_type: str, id_column: str) -> None:
    """Draw what can be done about a case, for roles that may act."""
    if not page.session.role.may_act or not len(rows):
        return
    with (
        st.form(f"case.{subject_type}", border=True, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        subject = st.selectbox(
            page.name_of("col", id_column), rows.column(id_column), key=f"case.{subject_type}.id", width=220
        )
        status = st.selectbox(
            page.say("case.action"),
            list(ACTIONS),
            format_func=lambda one: page.say(f"case.{one}"),
            key=f"case.{subject_type}.status",
            width=170,
        )
        outcome = st.selectbox(
            page.say("case.outcome"),
            OUTCOMES,
            index=None,
            format_func=lambda one: page.say(f"case.outcome.{one}"),
            key=f"case.{subject_type}.outcome",
            width=150,
        )
        note = st.text_input(page.say("col.case_note"), key=f"case.{subject_type}.note", width=260, max_chars=1000)
        if st.form_submit_button(page.say("case.save"), type="primary"):
            shown = {row[id_column]: row.get("score") for row in rows}
            wrong = say(page, status, subject_type, subject, note, outcome or "", shown[subject]) if subject else ""
            if wrong:
                st.error(plain(wrong), icon=":material/error:")
            else:
                st.toast(page.say("case.saved", subject=plain(subject)), icon=":material/check:")
