"""What every page begins with: its question, how fresh it is, and its filters, kept in the URL.

The names of the filters in the URL are part of the interface (docs/dashboards.md): ``period, as_of, tenant, industry,
client_type, budget_band, owner``.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import streamlit as st

from dashboards import session
from dashboards.data import SEGMENTS, Filters, View, last_month_known
from dashboards.session import Session
from dashboards.settings import DashboardSettings
from dashboards.snapshot import Snapshot
from dashboards.theme import Theme
from warehouse.numbers import fmt
from warehouse.publish.reader import NothingPublishedError

PERIODS = {"3M": 3, "6M": 6, "12M": 12, "All": 0}
DEFAULT_PERIOD = "12M"
OWNER_TABLES = ("marts.pipeline_stage", "facts.fact_deal")


@dataclass(frozen=True)
class Page:
    """A page that is being drawn."""

    name: str
    view: View
    session: Session
    theme: Theme
    currency: str

    def say(self, key: str, /, **values: object) -> str:
        """Say an entry of the catalogue."""
        return self.session.say(key, **values)

    def name_of(self, kind: str, value: object) -> str:
        """Name a column (``col``) or a value (``val``)."""
        return self.session.name(kind, str(value))

    @property
    def filters_text(self) -> str:
        """The filters in words, for names of files."""
        chosen = self.view.filters
        parts = [chosen.tenant, f"{chosen.first_month:%Y-%m}" if chosen.first_month.year > 1970 else "all"]
        parts += [
            f"{chosen.as_of}",
            *(value for _, value in chosen.segments),
            *([chosen.owner] if chosen.owner else []),
        ]
        return "_".join(parts)


def begin(name: str, *filters: str) -> Page:
    """Draw the head of a page and give its view; where nothing can be shown, say so and stop.

    Parameters
    ----------
    name
        Name of the page's file.
    filters
        Which of ``period``, ``segment`` and ``owner`` act on the page. The date and the tenant act on all.
    """
    now = session.current()
    if not now.role.may_open(name):
        st.error(now.say("state.not_allowed"))
        st.stop()
    try:
        snapshot = session.hub().current()
    except NothingPublishedError as error:
        st.title(now.say(f"page.{name}"))
        st.info(now.say("state.nothing_published"), icon=":material/inbox:")
        st.code(error.todo, language=None, wrap_lines=True)
        done(name)
        st.stop()
    left, right = st.columns((3, 2), vertical_alignment="center")
    left.title(now.say(f"page.{name}"), anchor=False)
    with right.container(horizontal=True, horizontal_alignment="right"):
        _badges(now, snapshot)
    st.caption(now.say(f"page.{name}.question"))
    _warn_if_stale(now, snapshot)
    chosen = _filters(now, snapshot, filters)
    if chosen is None:
        st.info(now.say("state.no_data"), icon=":material/inbox:")
        done(name)
        st.stop()
    view = View(snapshot, now.role, chosen)
    return Page(name, view, now, session.appearance(), _currency())


def done(name: str) -> None:
    """Say to whoever takes pictures that the page is whole."""
    st.html(f'<div id="done-{name}"></div>')


def age_hours(snapshot: Snapshot) -> float:
    """Hours since the publication."""
    return (datetime.now(UTC).replace(tzinfo=None) - snapshot.publication.published_at).total_seconds() / 3600


def _badges(now: Session, snapshot: Snapshot) -> None:
    hours = age_hours(snapshot)
    limit = DashboardSettings().stale_hours
    age = fmt(hours * 60, "minutes") if hours < 2 else fmt(hours, "hours") if hours < 48 else fmt(hours / 24, "days")
    fresh = hours <= limit
    st.badge(
        now.say("badge.fresh" if fresh else "badge.stale", age=age),
        icon=":material/check_circle:" if fresh else ":material/schedule:",
        color="green" if fresh else "orange",
    )
    failed = _failed_checks(snapshot)
    if failed:
        st.badge(now.say("badge.checks", count=failed), icon=":material/warning:", color="orange")


def _failed_checks(snapshot: Snapshot) -> int:
    if "check_status" not in snapshot.columns.get("facts.fact_check", {}):
        return 0
    table = snapshot.answer("select count(*) as failed from facts.fact_check where check_status <> ?", ["pass"])
    return int(table.column("failed")[0].as_py())


def _warn_if_stale(now: Session, snapshot: Snapshot) -> None:
    if age_hours(snapshot) > DashboardSettings().stale_hours:
        st.warning(
            now.say("state.stale", at=fmt(snapshot.publication.published_at, "instant")), icon=":material/schedule:"
        )


def _currency() -> str:
    from warehouse.settings import Settings

    return Settings().reporting_currency


def _filters(now: Session, snapshot: Snapshot, wanted: tuple[str, ...]) -> Filters | None:
    tenants = _tenants(now, snapshot)
    if not tenants:
        return None
    tenant = tenants[0]
    if len(tenants) > 1:
        with st.sidebar:
            tenant = st.selectbox(now.say("filter.tenant"), tenants, key="tenant", bind="query-params") or tenant
    stand = snapshot.publication.as_of or snapshot.publication.published_at
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        period = DEFAULT_PERIOD
        if "period" in wanted:
            period = (
                st.segmented_control(
                    now.say("filter.period"),
                    list(PERIODS),
                    default=DEFAULT_PERIOD,
                    key="period",
                    bind="query-params",
                    required=True,
                )
                or DEFAULT_PERIOD
            )
        as_of = st.date_input(
            now.say("filter.as_of"),
            value=stand.date(),
            max_value=stand.date(),
            key="as_of",
            bind="query-params",
            format="YYYY-MM-DD",
            width=145,
            help=now.say("filter.as_of.help", at=fmt(stand, "instant")),
        )
        probe = View(snapshot, now.role, Filters(tenant, stand.date(), stand.date(), stand.date()))
        segments = []
        for column in SEGMENTS if "segment" in wanted else ():
            value = _choice(now, column, probe.values("marts.pipeline_stage", column))
            if value is not None:
                segments.append((column, value))
        owner = None
        if "owner" in wanted:
            owner = _choice(now, "owner", probe.values("marts.pipeline_stage", "owner_id"))
        if any(_is_set(key) for key in ("period", "as_of", *SEGMENTS, "owner")):
            st.button(
                now.say("filter.reset"), on_click=_reset, args=(stand.date(),), icon=":material/close:", type="tertiary"
            )
    chosen_day = as_of if isinstance(as_of, date) else stand.date()
    last = last_month_known(chosen_day, stand.date())
    return Filters(tenant, chosen_day, _months_before(last, PERIODS[period]), last, tuple(segments), owner)


def _choice(now: Session, key: str, values: list[Any]) -> str | None:
    chosen: str | None = st.selectbox(
        now.say(f"filter.{key}"),
        values,
        index=None,
        key=key,
        bind="query-params",
        placeholder=now.say("filter.all"),
        width=128,
    )
    return chosen


def _tenants(now: Session, snapshot: Snapshot) -> list[str]:
    """Tenants that the role may see, the one with most KPIs first."""
    if "tenant_id" not in snapshot.columns.get("marts.kpi", {}):
        return []
    table = snapshot.answer("select tenant_id from marts.kpi group by tenant_id order by count(*) desc, tenant_id", [])
    known: list[str] = table.column("tenant_id").to_pylist()
    if not known and now.role.tenants != ("*",):
        return list(now.role.tenants)
    return [tenant for tenant in known if now.role.may_see_tenant(tenant)]


def _months_before(last: date, months: int) -> date:
    """First month of a period of so many months that ends with `last`."""
    if not months:
        return date(1970, 1, 1)
    number = last.year * 12 + last.month - 1 - (months - 1)
    return date(number // 12, number % 12 + 1, 1)


def _is_set(key: str) -> bool:
    return key in st.query_params


def _reset(stand: date) -> None:
    """Put filters back. Their values in the address follow, since they are bound to it."""
    defaults: dict[str, object] = {"period": DEFAULT_PERIOD, "as_of": stand, "owner": None, **dict.fromkeys(SEGMENTS)}
    for key, value in defaults.items():
        if key in st.session_state:
            st.session_state[key] = value
