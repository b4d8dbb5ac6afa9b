"""What pages are made of: cards of numbers, charts with the rows behind them, tables, exports, states.

A card that fails, or has nothing to show, says so in its own place; the rest of the page stays.
"""

import io
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import streamlit as st

from dashboards import registry
from dashboards.charts.base import Spec
from dashboards.data import Rows
from dashboards.frame import Page
from dashboards.kinds import column_config, kind_of
from dashboards.text import plain
from warehouse.numbers import MISSING, fmt

log = logging.getLogger(__name__)

CHART_HEIGHT = 280


@dataclass(frozen=True)
class Number:
    """A number in a card.

    Parameters
    ----------
    label, value, kind
        What it is called, what it is, and how it is written.
    change
        Against what it is compared with, in the same unit; of rates in percentage points.
    is_good_up
        Whether more is better; None: neither.
    note
        What is written after the change: the target, what it is based on.
    """

    label: str
    value: object
    kind: str = "count"
    change: float | None = None
    is_good_up: bool | None = None
    note: str = ""
    meaning: str = ""
    trend: Sequence[float | None] = ()


def numbers(page: Page, cards: Sequence[Number], most_in_row: int = 6, of: Sequence[Rows] = ()) -> None:
    """Draw cards of numbers, as many in a row as there is room for.

    Parameters
    ----------
    of
        What the numbers come from, so that it can be said which filters do not act on some of them.
    """
    if not cards:
        return
    with st.grid(min(len(cards), most_in_row), min_column_width=150, gap="small"):
        for card in cards:
            number(page, card)
    ignored = _ignored(page, [name for rows in of for name in rows.ignored], "card.ignored.some")
    if ignored:
        st.caption(ignored)


def number(page: Page, card: Number) -> None:
    """Draw one card. Its colour says whether the change is good, its arrow where it went."""
    value = fmt(card.value, card.kind, currency=page.currency)
    delta: str | int | None = None
    if card.change is not None:
        kind = "points" if card.kind in ("rate", "share") else card.kind
        delta = fmt(card.change, kind, currency=page.currency, signed=True).replace("−", "-") if card.change else 0
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.metric(
            card.label,
            plain(value) if card.kind == "text" else value,
            delta,
            delta_color="off" if card.is_good_up is None else "normal" if card.is_good_up else "inverse",
            help=card.meaning or None,
            chart_data=[value for value in card.trend if value is not None] or None,
            chart_type="line",
        )
        if card.note:
            st.caption(plain(card.note))


def card(
    page: Page,
    key: str,
    rows: Rows,
    spec: Callable[[], Spec],
    *,
    height: int = CHART_HEIGHT,
    note: str = "",
    columns: Sequence[str] = (),
    controls: Callable[[], object] | None = None,
) -> None:
    """Draw a chart in a card, with its rows behind a button.

    Parameters
    ----------
    key
        ``<page>.<card>``: its title in the catalogue.
    rows
        What the chart is drawn from; shown and exported as it is.
    spec
        Makes the chart; called where there are rows.
    columns
        Which columns the rows behind are shown with; all by default.
    controls
        Draws what switches the chart, under its title.
    """
    with st.container(border=True, height="stretch"):
        _title(page, key, rows, note)
        if controls:
            controls()
        if not _is_drawable(page, rows):
            return
        with _kept_apart(page, key):
            st.echarts_chart(
                spec(),
                key=f"chart.{key}",
                height=height,
                alt=page.say(key),
            )
        behind = st.popover(page.say("card.rows"), icon=":material/table_rows:", type="tertiary", key=f"rows.{key}")
        if page.session.role.may_export:
            with behind:
                exports(page, key, rows.table)
        if len(rows):
            behind.dataframe(
                _named(page, _shown(rows.table, columns)),
                column_config=column_config(page, _shown(rows.table, columns)),
                placeholder=MISSING,
                hide_index=True,
                height=min(420, 35 * (len(rows) + 1) + 3),
                alt=page.say(key),
            )


def table(
    page: Page,
    key: str,
    rows: Rows,
    columns: Sequence[str] = (),
    *,
    opens: Mapping[str, str] | None = None,
    height: int = 400,
    note: str = "",
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Draw rows as a table in a card, with exports.

    Parameters
    ----------
    opens
        Page by column of ids: a link in each row leads to the subject.
    """
    with st.container(border=True):
        _title(page, key, rows, note)
        if not _is_drawable(page, rows):
            return
        with _kept_apart(page, key):
            shown = _shown(rows.table, columns)
            config = column_config(page, shown)
            for column, target in (opens or {}).items():
                if column not in shown.column_names or not page.session.role.may_open(target):
                    continue
                # A link of the browser's own: filters are bound to the address, which a script cannot change.
                shown = _linked(shown, column, target)
                config[column] = st.column_config.LinkColumn(
                    page.name_of("col", column), display_text=rf"{target}=([^&]+)", help=page.say("table.open")
                )
            st.dataframe(
                _named(page, shown),
                placeholder=MISSING,
                column_config=config | dict(extra or {}),
                hide_index=True,
                height=min(height, 35 * (len(rows) + 1) + 3),
                alt=page.say(key),
                key=f"table.{key}",
            )
        if page.session.role.may_export:
            exports(page, key, rows.table)


def exports(page: Page, key: str, rows: pa.Table) -> None:
    """Draw the buttons that take rows away as they are: raw values, a header, nothing else. Made when clicked."""
    name = f"{key.replace('.', '-')}_{page.filters_text}"
    with st.container(horizontal=True, gap="small"):
        for label, suffix, mime, write in (
            ("CSV", "csv", "text/csv", as_csv),
            ("Excel", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_excel),
        ):
            st.download_button(
                label,
                data=partial(write, rows),
                file_name=f"{name}.{suffix}",
                mime=mime,
                key=f"export.{key}.{suffix}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
                help=page.say("card.export", format=label),
            )


def as_csv(rows: pa.Table) -> bytes:
    """Write rows as CSV with a header."""
    from warehouse.publish.export import write_csv

    sink = io.BytesIO()
    write_csv(rows.to_reader(), sink)
    return sink.getvalue()


def as_excel(rows: pa.Table) -> bytes:
    """Write rows as a workbook with one sheet. Texts stay texts, whatever they begin with."""
    import polars as pl

    sink = io.BytesIO()
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    frame.write_excel(sink, worksheet="rows", autofit=True)
    return sink.getvalue()


def link(page: Page, target: str, label: str) -> None:
    """Draw a link to another page, where the role may open it. Filters stay, since they are bound to the address."""
    if page.session.role.may_open(target):
        st.page_link(registry.path_of(target), label=label)


def _linked(rows: pa.Table, column: str, target: str) -> pa.Table:
    """Turn ids into links to their subjects, under the filters that stand in the address."""
    kept = {key: value for key, value in st.query_params.items() if key not in ("deal", "customer")}
    links = [
        one and f"{target}?{urlencode({target: one, **kept}, safe=':')}" for one in rows.column(column).to_pylist()
    ]
    return rows.set_column(rows.column_names.index(column), column, pa.array(links, pa.string()))


def _title(page: Page, key: str, rows: Rows, note: str) -> None:
    meaning = page.view.meaning(rows.source) if rows.source else ""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.header(page.say(key), anchor=False, help=meaning or None, width="content")
        if note:
            st.caption(note, width="content")
        ignored = _ignored(page, rows.ignored, "card.ignored")
        if ignored:
            st.caption(ignored, width="content")


def _ignored(page: Page, names: Sequence[str], key: str) -> str:
    """Say which filters do not act, or nothing."""
    told = ", ".join(page.say(f"filter.{name}") for name in dict.fromkeys(names))
    return f":material/filter_alt_off: {page.say(key, filters=told)}" if told else ""


def _is_drawable(page: Page, rows: Rows) -> bool:
    if rows.missing:
        st.caption(page.say("state.lacking", what=rows.missing))
        return False
    if not len(rows):
        chosen = page.view.filters
        st.caption(page.say("state.filtered" if chosen.segments or chosen.owner else "state.empty"))
        return False
    return True


@contextmanager
def _kept_apart(page: Page, key: str) -> Iterator[None]:
    """Let a card fail alone: it says so, with a number that stands in the log."""
    try:
        yield
    except Exception:
        number = secrets.token_hex(3)
        log.exception("Card %s failed (%s)", key, number)
        st.error(page.say("state.card_failed", number=number), icon=":material/error:")


def _shown(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    names = [name for name in columns or rows.column_names if name in rows.column_names and name != "tenant_id"]
    return rows.select(names)


NAMED = {
    "aggregated_stage",
    "alert_rule",
    "case_status",
    "check_name",
    "gate_name",
    "movement",
    "risk_level",
    "severity",
    "sla",
    "status",
    "target_status",
    "tier",
    "trend",
}
"""Columns whose values the product itself gives, and which are shown in the user's language; exports keep them raw."""


def _named(page: Page, rows: pa.Table) -> pa.Table:
    for place, name in enumerate(rows.column_names):
        if name in NAMED or name == "kpi":
            values = rows.column(name).to_pylist()
            shown = [
                value and (page.say(f"kpi.{value}") if name == "kpi" else page.name_of("val", value))
                for value in values
            ]
            rows = rows.set_column(place, name, pa.array(shown, pa.string()))
    return rows


__all__ = ["Number", "as_csv", "as_excel", "card", "exports", "kind_of", "link", "number", "numbers", "table"]
