"""Puts together the answer to "why is this number another one": the states, the rows that differ, what is behind each.

How the answer looks on a screen or in a file belongs to the command line.
"""

import json
from dataclasses import dataclass

import duckdb

from warehouse import dbt
from warehouse.explain import states
from warehouse.explain.causes import Causes, Found
from warehouse.explain.difference import Change, compare
from warehouse.explain.lineage import Lineage
from warehouse.explain.points import Point, parse_points
from warehouse.settings import Settings

CAUSES_PER_ROW = 5

Cause = Found
"""What is behind a row."""


@dataclass(frozen=True)
class ExplainedRow:
    """A differing row with what is behind it."""

    change: Change
    cause: Found
    note: str
    """What is to be said where no event is behind it; empty where one is."""


@dataclass(frozen=True)
class Explanation:
    """The whole answer."""

    table: str
    grain: tuple[str, ...]
    points: tuple[Point, Point]
    counts: dict[str, int]
    """Differing rows by kind: appeared, disappeared, changed."""
    rows: list[ExplainedRow]
    """The first of them, in the order of their keys."""
    event_count: int
    """Events behind the table that one of the two has seen and the other has not."""
    not_compared: tuple[str, ...]
    """Columns that only one of the two has."""

    @property
    def total(self) -> int:
        """Rows that differ."""
        return sum(self.counts.values())


def explain_change(settings: Settings, table: str, before: str, after: str, limit: int = 20) -> Explanation:
    """Compare a table at two points and find the events behind each row that differs.

    Parameters
    ----------
    table
        A published table, with or without its schema.
    before, after
        The points, as :func:`warehouse.explain.points.parse_points` reads them.
    limit
        Rows that are explained; all are counted.

    Raises
    ------
    UsageError
        If there is no such table or point.
    DealhouseError
        If a point lacks the table, the table cannot be rebuilt, or another process is writing.
    """
    points = parse_points(settings.layout(), before, after)
    with states.scratch(settings) as place:
        place.home.root.mkdir(parents=True, exist_ok=True)
        dbt.parse(place.settings)
        lineage = Lineage(json.loads(dbt.manifest_path(place.settings).read_text()))
        wanted = lineage.table(table)
        states.copy_raw(place, points)
        with duckdb.connect(":memory:", config={"threads": settings.threads}) as con:
            con.execute("set TimeZone = 'UTC'")
            states.attach_states(con, place, lineage, wanted, points)
            con.execute(f"attach '{str(place.home.warehouse).replace(chr(39), chr(39) * 2)}' as scratch (read_only)")
            difference = compare(con, wanted)
            causes = Causes(con, lineage, wanted, points, CAUSES_PER_ROW)
            rows = []
            for change in difference.rows(limit=limit):
                cause = causes.of(change)
                rows.append(ExplainedRow(change, cause, _note(change, cause, points)))
            return Explanation(
                str(wanted),
                wanted.grain,
                points,
                difference.counts,
                rows,
                causes.event_total(),
                difference.only_before + difference.only_after,
            )


def _note(change: Change, cause: Found, points: tuple[Point, Point]) -> str:
    if cause.event_count or any(one.event_count for one in cause.upstream):
        return ""
    if "model_version" in change.columns:
        return "no event of its own: another model was in force"
    if points[0].as_of != points[1].as_of:
        return "no event of its own: it follows from the time that passed between the two as_of"
    if points[0].version or points[1].version:
        return "no event: the models, seeds or settings were others when that version was built"
    return "no event that speaks of it was found"
