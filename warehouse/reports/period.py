"""Which week or month a report is about."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from warehouse.numbers import fmt

PeriodKind = Literal["week", "month"]


@dataclass(frozen=True)
class Period:
    """A week from Monday, or a calendar month."""

    kind: PeriodKind
    first: date

    @property
    def last(self) -> date:
        """Its last day."""
        return self._shifted(1) - timedelta(days=1)

    @property
    def before(self) -> "Period":
        """The period before it."""
        return Period(self.kind, self._shifted(-1))

    @property
    def month(self) -> date:
        """First day of the month that its last day is in: that of the figures that exist by month alone."""
        return self.last.replace(day=1)

    @property
    def label(self) -> str:
        """The period for people: ``Week 26, 22–28 Jun 2026`` or ``Jun 2026``."""
        return f"{self.name}, {fmt(self.first, 'week')}" if self.kind == "week" else self.name

    @property
    def name(self) -> str:
        """The same in short: ``Week 26`` (ISO 8601) or ``Jun 2026``."""
        return f"Week {self.first.isocalendar().week}" if self.kind == "week" else fmt(self.first, "month")

    @property
    def slug(self) -> str:
        """The same in names of files: ``2026-W26`` or ``2026-06``."""
        if self.kind == "month":
            return f"{self.first:%Y-%m}"
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02}"

    def is_over(self, as_of: datetime) -> bool:
        """Whether its last day had ended."""
        return as_of.date() > self.last

    def starts(self, count: int) -> date:
        """First day of the period that is the first of `count` which end with this one."""
        return self._shifted(1 - count)

    def _shifted(self, periods: int) -> date:
        if self.kind == "week":
            return self.first + timedelta(weeks=periods)
        month = self.first.year * 12 + self.first.month - 1 + periods
        return date(month // 12, month % 12 + 1, 1)


def period_of(kind: PeriodKind, day: date) -> Period:
    """Return the week or month that a day is in."""
    return Period(kind, day - timedelta(days=day.weekday()) if kind == "week" else day.replace(day=1))


def last_complete(kind: PeriodKind, as_of: datetime) -> Period:
    """Return the last week or month that had ended at `as_of`."""
    return period_of(kind, as_of.date()).before
