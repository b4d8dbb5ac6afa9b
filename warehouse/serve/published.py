"""Answers from the published file, for one tenant at a time.

Each statement is written here, reads one table, and has its tenant and its filters bound. Nothing is computed: what a
row means is said in models/.
"""

import json
import math
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from warehouse.publish import pointer
from warehouse.publish.reader import NothingPublishedError, QueryError, answering, open_published
from warehouse.serve.refusal import Refusal
from warehouse.settings import Home

QUERY_SECONDS = 10.0
MOST_ROWS = 10_000
_JSON_COLUMNS = frozenset({"factors", "points", "evidence_refs"})
_AT_ONCE = 4
_NOT_THERE = ("Catalog Error", "Binder Error")
"""How the engine begins to say that a table or a column is not there."""


class Publication:
    """The current version of a home, kept open until there is a newer one."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._open: tuple[str, duckdb.DuckDBPyConnection] | None = None

    def rows(self, sql: str, values: Mapping[str, object]) -> tuple[str, list[dict[str, Any]]]:
        """Version and rows of a statement; `values` are bound.

        Raises
        ------
        Refusal
            If nothing is published (404), or it takes too long (503).
        """
        version, (found,) = self.together([sql], values)
        return version, found

    def together(
        self, statements: Sequence[str], values: Mapping[str, object]
    ) -> tuple[str, list[list[dict[str, Any]]]]:
        """The same for several statements about one thing, all of one version; stops after the first without rows."""
        answers: list[list[dict[str, Any]]] = []
        with self._places:
            version, con = self._current()
            try:
                with con.cursor() as own:
                    for sql in statements:
                        with answering(own, sql, values, QUERY_SECONDS) as reader:
                            answers.append(reader.read_all().to_pylist())
                        if not answers[0]:
                            break
            except QueryError as error:
                if "longer than" in error.why:
                    raise Refusal(
                        503, "too_slow", "The answer took too long. Ask for less, or again later.", 5
                    ) from error
                if not error.why.startswith(_NOT_THERE):
                    raise
                # A version that was published before this table was, or a column of it.
                raise Refusal(
                    404, "not_published", "The published version does not hold this. Run once more."
                ) from error
        plain = [[{name: _plain(name, value) for name, value in row.items()} for row in rows] for rows in answers]
        return version, plain

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            if self._open is not None:
                self._open[1].close()
            self._open = None

    def _current(self) -> tuple[str, duckdb.DuckDBPyConnection]:
        with self._lock:
            version = pointer.current_version(self.home)
            if self._open is None or self._open[0] != version:
                try:
                    con = open_published(self.home)
                except NothingPublishedError as error:
                    raise Refusal(404, "not_published", "Nothing is published yet.") from error
                # Statements that run on the former version have cursors of their own, which keep it.
                self._open = (version or "", con)
            return self._open


def _plain(name: str, value: Any) -> Any:
    """A value as JSON has it: instants in UTC, and null for what is no number."""
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if name in _JSON_COLUMNS and isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


FUNNEL = {
    "b2c": """
        select * from marts.funnel_b2c
        where tenant_id = $tenant and order_rule = $order_rule and dimension = $dimension
            and ($from is null or cohort_month >= $from) and ($to is null or cohort_month < $to)
        order by cohort_month, dimension_value, step_number, window_days limit $limit
    """,
    "b2b": """
        select * from marts.funnel_b2b
        where tenant_id = $tenant and order_rule = $order_rule and dimension = $dimension
            and ($from is null or cohort_month >= $from) and ($to is null or cohort_month < $to)
        order by pipeline, cohort_month, dimension_value, step_number, window_days limit $limit
    """,
}
COHORTS = {
    "retention": """
        select * from marts.cohort_retention
        where tenant_id = $tenant and ($from is null or cohort_month >= $from) and ($to is null or cohort_month < $to)
        order by cohort_kind, activity, cohort_month, period_number limit $limit
    """,
    "revenue": """
        select * from marts.cohort_revenue
        where tenant_id = $tenant and ($from is null or cohort_month >= $from) and ($to is null or cohort_month < $to)
        order by cohort_kind, cohort_month, period_number limit $limit
    """,
}
ATTRIBUTION = """
    select * from marts.attribution_channel
    where tenant_id = $tenant and ($model is null or model = $model)
        and ($from is null or conversion_month >= $from) and ($to is null or conversion_month < $to)
    order by conversion_month, channel, model limit $limit
"""
HEALTH = """
    select * from scores.health_score
    where tenant_id = $tenant and is_latest and ($level is null or risk_level = $level)
    order by score, customer_id limit $limit
"""
LEAD_SCORE = "select * from scores.lead_score where tenant_id = $tenant and lead_id = $id"
DEAL = "select * from facts.fact_deal where tenant_id = $tenant and deal_id = $id"
DEAL_STAGES = """
    select stage, visit_number, entered_at, left_at, days_in_stage, is_current from facts.fact_deal_stage
    where tenant_id = $tenant and deal_id = $id order by entered_at, visit_number
"""
DEAL_WIN = "select * from scores.deal_win where tenant_id = $tenant and deal_id = $id"
