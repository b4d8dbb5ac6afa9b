"""Whether scores still deserve to be shown: what a build has measured, as checks with a sentence and a table.

Nothing is measured here; see :mod:`scoring.monitoring`.
"""

from dataclasses import dataclass

import duckdb

NEWEST_MONTHS = 6
"""Months of each score that a table shows."""


@dataclass(frozen=True)
class Watch:
    """A check of the tables of scores."""

    name: str
    table: str
    """Name of the table in schema ``scores`` that it is about."""
    description: str


@dataclass(frozen=True)
class Seen:
    """What a check has found."""

    watch: Watch
    passed: bool
    sentence: str
    markdown: str
    """The newest rows, as a table."""


OUTCOMES = Watch(
    "outcomes_as_expected",
    "score_month",
    "In the newest month of each score of which enough is known, what came is within 1.5 times of what was expected.",
)
SEGMENTS = Watch(
    "segments_as_expected",
    "score_segment",
    "The same for each segment of the newest such month.",
)
POPULATION = Watch(
    "population_as_learnt",
    "score_drift",
    "In the newest month no feature has a stability index above 0.25 beyond chance, or is missing much more often. "
    "A shift says that something changed, not that a score is wrong.",
)
WATCHES = (OUTCOMES, SEGMENTS, POPULATION)


def look(con: duckdb.DuckDBPyConnection) -> list[Seen]:
    """Look at the tables of scores of a build that has finished."""
    return [_outcomes(con), _segments(con), _population(con)]


_JUDGED_MONTHS = """judged as (
    select *, row_number() over (partition by tenant_id, score_name order by score_month desc) as age
    from scores.score_month
    where verdict <> 'unknown'
)"""
_JUDGED_SEGMENTS = """judged as (
    select * from scores.score_segment where verdict <> 'unknown'
    qualify score_month = max(score_month) over (partition by tenant_id, score_name)
)"""
_NEWEST = """newest as (
    select * from scores.score_drift
    qualify score_month = max(score_month) over (partition by tenant_id, score_name)
)"""
_CAME = "positive_count || ' came where ' || round(expected_count, 1) || ' were expected'"
_MEASURES = "known_count, positive_count, round(expected_count, 1) as expected, round(oe_ratio, 2) as oe_ratio"


def _outcomes(con: duckdb.DuckDBPyConnection) -> Seen:
    month = "strftime(score_month, '%Y-%m')"
    rows = con.sql(
        f"with {_JUDGED_MONTHS} select tenant_id, score_name, {month} as month, {_MEASURES}, round(auc, 3) as auc, "
        f"round(lift_at_10, 2) as lift, verdict from judged where age <= {NEWEST_MONTHS} order by all"
    )
    red = con.sql(
        f"with {_JUDGED_MONTHS} select tenant_id || ' ' || score_name || ' ' || {month} || ': ' || {_CAME} from judged "
        "where age = 1 and verdict = 'red' order by all"
    )
    return _seen(OUTCOMES, rows, red)


def _segments(con: duckdb.DuckDBPyConnection) -> Seen:
    rows = con.sql(
        f"with {_JUDGED_SEGMENTS} select tenant_id, score_name, segment_kind, segment_value, {_MEASURES}, verdict "
        "from judged order by all"
    )
    red = con.sql(
        f"with {_JUDGED_SEGMENTS} select tenant_id || ' ' || score_name || ' ' || segment_kind || ' ' || segment_value "
        f"|| ': ' || {_CAME} from judged where verdict = 'red' order by all"
    )
    return _seen(SEGMENTS, rows, red)


def _population(con: duckdb.DuckDBPyConnection) -> Seen:
    rows = con.sql(
        f"with {_NEWEST} select tenant_id, score_name, feature_name, row_count, round(psi, 3) as psi, "
        "round(psi_by_chance, 3) as by_chance, round(missing_rate, 3) as missing, "
        "round(missing_rate_before, 3) as missing_before, verdict from newest order by all"
    )
    red = con.sql(
        f"with {_NEWEST} select tenant_id || ' ' || score_name || ' ' || feature_name || ': index ' || round(psi, 2) "
        "from newest where verdict = 'red' order by all"
    )
    return _seen(POPULATION, rows, red)


def _seen(watch: Watch, rows: duckdb.DuckDBPyRelation, red: duckdb.DuckDBPyRelation) -> Seen:
    found, off = rows.fetchall(), [row[0] for row in red.fetchall()]
    cells = [rows.columns, ["---"] * len(rows.columns), *found]
    markdown = "\n".join("| " + " | ".join("" if one is None else str(one) for one in line) + " |" for line in cells)
    sentence = f"{len(off)} are off: {'; '.join(off)}." if off else "Nothing is off."
    return Seen(watch, not off, sentence if found else "Nothing can be judged yet.", markdown)
