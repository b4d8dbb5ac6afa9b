"""What a report is made of, and how rows of the marts come into it.

Which rows these are belongs to :mod:`warehouse.reports.content`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import duckdb

from warehouse.numbers import fmt
from warehouse.reports.period import Period

Tone = Literal["", "good", "bad", "muted"]
ACRONYMS = {
    "cac": "CAC",
    "ltv": "LTV",
    "mrr": "MRR",
    "nrr": "NRR",
    "grr": "GRR",
    "nps": "NPS",
    "sla": "SLA",
    "ai": "AI",
}


@dataclass(frozen=True)
class Cell:
    """A value as it is shown: its text, what stands small beside it, and whether it is good news."""

    text: str
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Figure:
    """A number at the head of the report."""

    label: str
    value: Cell
    before: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of one or more marts; the first `texts` columns are texts, the others are numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: int = 1
    left_out: int = 0
    """Rows of the mart that the table does not show."""


@dataclass(frozen=True)
class Chart:
    """Values over time, drawn by :mod:`warehouse.reports.charts`."""

    name: str
    panels: Sequence[tuple[str, Sequence[tuple[date, float | None]]]]
    """Title and points of each panel."""
    period: Period
    alt: str


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading; shown only where there is something in it."""

    title: str
    page: str
    """Page of the dashboards that shows more."""
    caption: str = ""
    chart: Chart | None = None
    table: Table | None = None


@dataclass(frozen=True)
class Report:
    """A report on one tenant and period."""

    tenant_id: str
    period: Period
    as_of: datetime
    version: str
    currency: str
    headline: str
    figures: Sequence[Figure]
    sections: Sequence[Section] = field(default_factory=tuple)

    @property
    def is_complete(self) -> bool:
        """Whether the period was over."""
        return self.period.is_over(self.as_of)

    @property
    def subject(self) -> str:
        """Subject of the mail."""
        so_far = "" if self.is_complete else " so far"
        return f"{self.period.name}{so_far}: {self.headline}"


class Marts:
    """Rows of the published marts of one tenant."""

    def __init__(self, con: duckdb.DuckDBPyConnection, tenant_id: str, currency: str) -> None:
        self._con, self._tenant_id, self.currency = con, tenant_id, currency
        self._known = _published(con)

    def rows(self, mart: str, condition: str, order: str, **values: object) -> list[dict[str, Any]]:
        """Rows of a mart that meet a condition, each as it stands there; none where the mart is not published.

        `condition` and `order` are texts of this module; what varies is in `values`, which are bound.
        """
        if mart not in self._known:
            return []
        cursor = self._con.execute(
            f'select * from marts."{mart}" where tenant_id = $tenant_id and ({condition}) order by {order}',
            {"tenant_id": self._tenant_id, **values},
        )
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def money(self, value: object, note: str = "", tone: Tone = "") -> Cell:
        """An amount in the reporting currency."""
        return Cell(fmt(value, "amount", currency=self.currency), note, tone)


def tenants(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Tenants that there is something to report on."""
    known = _published(con)
    found: set[str] = set()
    for mart in ("kpi", "pipeline_flow", "mrr_month", "shop_month"):
        if mart in known:
            found.update(name for (name,) in con.execute(f"select distinct tenant_id from marts.{mart}").fetchall())
    return sorted(found)


def _published(con: duckdb.DuckDBPyConnection) -> set[str]:
    names = con.execute("select table_name from information_schema.tables where table_schema = 'marts'").fetchall()
    return {name for (name,) in names}


def name_of(identifier: str) -> str:
    """A name of a column, rule or policy for people: ``sla_breach_rate`` is ``SLA breach rate``."""
    words = [ACRONYMS.get(word, word) for word in identifier.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
