"""Rows for pages: whoever asks, for which tenant, over which months, of which segment; nothing is read past it.

Pages have one way to the rows of the published file, :meth:`View.read`. It names tables and columns of the file's own
catalogue, binds every value, and always restricts to a tenant that the role may see. It can select and add up, and form
a ratio of two sums where a mart is finer than what is shown; it knows no other arithmetic. How rows look is up to
pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from dashboards.roles import ALL, Role
from dashboards.snapshot import Snapshot

MOST_ROWS = 5_000
"""Rows that one table of a page is given at most."""

SHARED_TENANT = "default"
SHARED_TABLES = {
    "facts.dim_stage",
    "facts.dim_date",
    "facts.dim_sla_policy",
    "facts.fact_check",
    "facts.fact_batch",
    "facts.fact_rejection",
    "facts.fact_unknown_field",
}
"""They speak of the warehouse and its rules; what they keep under the shared tenant concerns everybody."""

OF_ALL_TENANTS = {"facts.fact_batch", "facts.fact_rejection", "facts.fact_unknown_field"}
"""Shared tables that tell what came in, files and fields by name, whichever tenant it speaks of: nothing for a role
that may see some tenants alone."""

CHECKS_OF_ALL_TENANTS = ("quarantine_share", "rejected_rows", "unknown_field")
SHARED_CHECKS = {"marts.data_quality": (*CHECKS_OF_ALL_TENANTS, "build_check")}
"""Of a table that speaks of tenants as well: the checks that speak of the warehouse. The name of the shared tenant is
that of a real one where a company has given no other, and the rest of its rows are its own."""

SEGMENTS = ("industry", "client_type", "budget_band")

Ratio = tuple[tuple[str, ...], tuple[str, ...]]
"""Columns that are added up above the line, and below it."""


class ForbiddenError(Exception):
    """A role asked for what it may not see. No page of the navigation leads here."""


@dataclass(frozen=True)
class Between:
    """A condition: at or after `low`, and up to `high` or before `before`. None: open."""

    low: object = None
    high: object = None
    before: object = None


@dataclass(frozen=True)
class Not:
    """A condition: another value, or a missing one."""

    value: object


@dataclass(frozen=True)
class NotYet:
    """A condition: missing, or later than the value; of what was still open then."""

    value: object


@dataclass(frozen=True)
class Rows:
    """An answer. Where the file lacks the table or a column of it, `missing` says which, and there are no rows."""

    table: pa.Table
    missing: str = ""
    source: str = ""
    ignored: tuple[str, ...] = ()
    """Filters that are set and do not act on it: the table does not hold by what they ask."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.table.to_pylist())

    def column(self, name: str) -> list[Any]:
        """Values of a column, none where it is missing."""
        return self.table.column(name).to_pylist() if name in self.table.column_names else []

    def first(self) -> dict[str, Any]:
        """The first row, or an empty one."""
        return dict(self.table.slice(0, 1).to_pylist()[0]) if len(self) else {}


@dataclass(frozen=True)
class Filters:
    """What the filter bar says. Months are their first days, both included."""

    tenant: str
    as_of: date
    first_month: date
    last_month: date
    segments: tuple[tuple[str, str], ...] = ()
    owner: str | None = None


@dataclass(frozen=True)
class View:
    """A page's sight of one snapshot: by a role, through filters."""

    snapshot: Snapshot
    role: Role
    filters: Filters
    asked: list[str] = field(default_factory=list, compare=False)
    """Tables that this page has read, in order."""

    def read(
        self,
        table: str,
        columns: Sequence[str] = (),
        *,
        sums: Sequence[str] = (),
        ratios: Mapping[str, Ratio] | None = None,
        count: bool = False,
        where: Mapping[str, object] | None = None,
        months: str = "",
        by: str = "",
        order: Sequence[str] = (),
        limit: int = MOST_ROWS,
    ) -> Rows:
        """Select from one table, within the tenant.

        Parameters
        ----------
        columns
            Columns to show; with `sums` or `ratios`, those to group by.
        sums, ratios
            Columns to add up, and quotients of such sums: null where nothing is below the line.
        count
            Whether to count the rows of each group, as ``row_count``.
        where
            By column: a value, a tuple of values, None for a missing one, :class:`Between`, :class:`Not` or
            :class:`NotYet`.
        months
            The column of months (or instants) that the filter of the period restricts.
        by
            How the segment and the owner apply: ``columns``, where the table has one column for each;
            ``dimension``, where it has a line for each value, and one for the total; ``owner``, where it has such
            lines for owners alone; empty: not at all.
        order
            Columns, ``-`` before those from high to low. Missing values come last.

        Raises
        ------
        ForbiddenError
            If the role may not see the tenant.
        """
        if not self.role.may_see_tenant(self.filters.tenant):
            raise ForbiddenError(self.filters.tenant)
        self.asked.append(table)
        known = self.snapshot.columns.get(table)
        ratios = ratios or {}
        conditions = dict(where or {}) | self._segment(known or {}, by)
        if months:
            conditions[months] = Between(low=self.filters.first_month, before=self._end(months))
        wanted = [*columns, *sums, *conditions, *(c for ratio in ratios.values() for side in ratio for c in side)]
        made = {*ratios, *(["row_count"] if count else [])}
        wanted += [one for one in (each.removeprefix("-") for each in order) if one not in made]
        lacking = [column for column in dict.fromkeys(wanted) if column not in (known or {})]
        if known is None or lacking:
            what = table if known is None else f"{table}.{lacking[0]}"
            return Rows(pa.table({name: pa.array([]) for name in (*columns, *sums, *ratios)}), missing=what)
        values: list[object] = []
        sql = f"select {_selection(columns, sums, ratios, count)} from {_table(table)}"
        sql += f" where {self._tenant(table, known, values)}"
        for column, condition in conditions.items():
            sql += f" and {_condition(column, condition, values)}"
        if (sums or ratios or count) and columns:
            sql += " group by " + ", ".join(_quoted(column) for column in columns)
        if order:
            sql += " order by " + ", ".join(_direction(one) for one in order)
        values.append(limit)
        ignored = self._ignored(conditions, bool(months))
        return Rows(self.snapshot.answer(f"{sql} limit ?", values), source=table, ignored=ignored)

    def values(self, table: str, column: str, **conditions: object) -> list[Any]:
        """Values that a column has, sorted."""
        rows = self.read(table, (column,), sums=(), where=conditions, limit=MOST_ROWS, order=(column,))
        return [value for value in dict.fromkeys(rows.column(column)) if value is not None]

    def has(self, table: str, *columns: str) -> bool:
        """Whether the file has these columns: older publications lack what newer models brought."""
        known = self.snapshot.columns.get(table, {})
        return all(column in known for column in columns)

    def meaning(self, name: str) -> str:
        """Describe a table or column in the words of its model, as the published file carries them."""
        return self.snapshot.descriptions.get(name, "")

    def over(self, **changes: Any) -> "View":
        """See the same through other filters."""
        return replace(self, filters=replace(self.filters, **changes))

    @property
    def is_past(self) -> bool:
        """Whether the day that is asked for is over in what was published."""
        return self.filters.as_of < self.snapshot.publication.day

    def _end(self, column: str) -> date:
        """First day that is not shown: of days the one after that of `as_of`, of months the first not known then."""
        if not column.endswith("_month") and column != "period_start_date":
            return self.filters.as_of + timedelta(days=1)
        last = min(self.filters.last_month, last_month_known(self.filters.as_of, self.snapshot.publication.day))
        return (last.replace(day=28) + timedelta(days=4)).replace(day=1)

    def _tenant(self, table: str, known: Mapping[str, str], values: list[object]) -> str:
        if "tenant_id" not in known:  # meta: about the file, not about anybody
            return "true"
        is_limited = self.role.tenants != ALL
        if is_limited and table in OF_ALL_TENANTS:
            return "false"
        values.append(self.filters.tenant)
        if table in SHARED_CHECKS:
            checks = SHARED_CHECKS[table]
            values += [SHARED_TENANT, *checks]
            shared = f"(tenant_id = ? or (tenant_id = ? and check_name in ({', '.join('?' * len(checks))})))"
            if not is_limited:
                return shared
            values += CHECKS_OF_ALL_TENANTS
            return f"({shared} and check_name not in ({', '.join('?' * len(CHECKS_OF_ALL_TENANTS))}))"
        if table not in SHARED_TABLES:
            return "tenant_id = ?"
        values.append(SHARED_TENANT)
        return "tenant_id in (?, ?)"

    def _segment(self, known: Mapping[str, str], by: str) -> dict[str, object]:
        segments, owner = self.filters.segments, self.filters.owner
        if by == "columns":
            chosen: dict[str, object] = {column: value for column, value in segments if column in known}
            if owner and "owner_id" in known:
                chosen["owner_id"] = owner
            return chosen
        # Such a mart has a line for one dimension at a time; the owner is the narrower question.
        if by in ("dimension", "owner") and owner:
            return {"dimension": "owner", "dimension_value": owner}
        if by == "dimension" and segments:
            return {"dimension": segments[0][0], "dimension_value": segments[0][1]}
        return {"dimension": "total"} if by in ("dimension", "owner") else {}

    def _ignored(self, conditions: Mapping[str, object], has_months: bool) -> tuple[str, ...]:
        chosen = [*self.filters.segments, *([("owner", self.filters.owner)] if self.filters.owner else [])]
        applied = [*conditions.items(), (conditions.get("dimension"), conditions.get("dimension_value"))]
        applied += [("owner", conditions.get("owner_id"))]
        ignored = [name for name, value in chosen if (name, value) not in applied]
        told = (c for c in conditions.values() if isinstance(c, (Between, NotYet)))
        is_of_then = has_months or any(isinstance(v, date) for c in told for v in vars(c).values())
        return (*ignored, *(["as_of"] if self.is_past and not is_of_then else []))


def last_month_known(as_of: date, published: date) -> date:
    """First day of the last month that may be shown as of a day of a publication that speaks of `published`.

    A row of a month holds all of it. So the running month is shown as of the publication's own day, up to which it was
    counted; as of an earlier day, the last one that was over then: its row would tell what came after that day.
    """
    if as_of >= published:
        return as_of.replace(day=1)
    not_over = (as_of + timedelta(days=1)).replace(day=1)
    return (not_over - timedelta(days=1)).replace(day=1)


def _selection(columns: Sequence[str], sums: Sequence[str], ratios: Mapping[str, Ratio], count: bool) -> str:
    parts = [_quoted(column) for column in columns]
    # Adding up whole numbers gives HUGEINT, which Arrow shows as a float.
    parts += [f"sum({_quoted(c)})::{'bigint' if c.endswith('_count') else 'double'} as {_quoted(c)}" for c in sums]
    for name, (above, below) in ratios.items():
        top, bottom = (" + ".join(f"sum({_quoted(c)})" for c in side) for side in (above, below))
        parts.append(f"({top})::double / nullif({bottom}, 0) as {_quoted(name)}")
    parts += ["count(*) as row_count"] * count
    return ", ".join(parts) or "*"


def _condition(column: str, condition: object, values: list[object]) -> str:
    name = _quoted(column)
    if condition is None:
        return f"{name} is null"
    if isinstance(condition, Not):
        values.append(condition.value)
        return f"{name} is distinct from ?"
    if isinstance(condition, NotYet):
        values.append(condition.value)
        return f"({name} is null or {name} > ?)"
    if isinstance(condition, tuple):
        values += condition
        return f"{name} in ({', '.join('?' * len(condition))})" if condition else "false"
    if isinstance(condition, Between):
        parts = []
        for sign, value in ((">=", condition.low), ("<=", condition.high), ("<", condition.before)):
            if value is not None:
                values.append(value)
                parts.append(f"{name} {sign} ?")
        return f"({' and '.join(parts)})" if parts else "true"
    values.append(condition)
    return f"{name} = ?"


def _direction(one: str) -> str:
    return f"{_quoted(one[1:])} desc nulls last" if one.startswith("-") else f"{_quoted(one)} asc nulls last"


def _table(name: str) -> str:
    schema, table = name.split(".", 1)
    return f"{_quoted(schema)}.{_quoted(table)}"


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
