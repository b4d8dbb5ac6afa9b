"""Gets hold of a table as it is at two points, beside the warehouse: published files as they are, the rest rebuilt.

A rebuild happens in a scratch folder of the home, from a copy of what was taken in; the work file is only read, for as
long as the copy takes and under the writer's lock, since no other process can read it while one writes. The folder goes
when the block ends, or with the next call where this process is killed.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse import computed, dbt
from warehouse.errors import DealhouseError
from warehouse.explain.difference import AFTER, BEFORE
from warehouse.explain.lineage import Lineage, Table
from warehouse.explain.points import Point
from warehouse.lock import writer_lock
from warehouse.publish.snapshot import quote, relations
from warehouse.settings import Home, Settings
from warehouse.statistics import statistics
from warehouse.store import open_store

_FOLDER = "explain-"
_COPIED = {
    # Originals of rejected rows are long, personal, and part of no table.
    "rejected_events": "* exclude (raw_text, raw_bytes)",
    "batches": "*",
    "schema_drift": "*",
    "event_pseudonyms": "*",
    "check_results": "*",
}


@dataclass(frozen=True)
class Scratch:
    """A home of its own for what is rebuilt."""

    settings: Settings
    origin: Home

    @property
    def home(self) -> Home:
        """Its folder."""
        return self.settings.layout()


@contextmanager
def scratch(settings: Settings) -> Iterator[Scratch]:
    """Make a scratch home for the length of the block."""
    origin = settings.layout()
    if not origin.warehouse.exists():
        raise DealhouseError(
            "There is nothing to explain yet.",
            where=str(origin.warehouse),
            why="nothing has been taken in",
            todo="`dealhouse run` takes in what is in the inbox, builds, and publishes.",
        )
    _remove_leftovers(origin.root)
    folder = origin.root / f"{_FOLDER}{os.getpid()}"
    try:
        yield Scratch(settings.model_copy(update={"home": folder}), origin)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(root: Path) -> None:
    for path in root.glob(f"{_FOLDER}*"):
        number = path.name.removeprefix(_FOLDER)
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(path, ignore_errors=True)


def copy_raw(place: Scratch, points: Sequence[Point]) -> None:
    """Copy what was taken in: all of it where something is rebuilt, else the events that one side alone has seen."""
    is_rebuilt = any(point.path is None for point in points)
    wait = max(place.settings.lock_wait_seconds, 0)
    with writer_lock(place.origin, "explain-change", wait), open_store(place.home, place.settings) as con:
        con.execute(f"attach {_literal(place.origin.warehouse)} as origin (read_only)")
        try:
            wanted = "true" if is_rebuilt else f"({visible(points[0])}) <> ({visible(points[1])})"
            con.execute(f"insert into raw.events by name select * from origin.raw.events where {wanted}")
            for table, columns in _COPIED.items():
                con.execute(f"insert into raw.{table} by name select {columns} from origin.raw.{table}")
        finally:
            con.execute("detach origin")


def visible(point: Point) -> str:
    """Condition, over raw.events, for what a point has seen."""
    conditions = ["true"]
    if point.as_of is not None:
        conditions.append(f"occurred_at <= timestamp '{point.as_of.isoformat(' ')}'")
    if point.known_at is not None:
        conditions.append(f"received_at <= timestamp '{point.known_at.isoformat(' ')}'")
    if point.batch_id is not None:
        conditions.append(f"batch_id <= {int(point.batch_id)}")
    return " and ".join(conditions)


def attach_states(
    con: duckdb.DuckDBPyConnection, place: Scratch, lineage: Lineage, table: Table, points: tuple[Point, Point]
) -> None:
    """Attach both states to a connection, rebuilding what is not published."""
    for name, point in zip((BEFORE, AFTER), points, strict=True):
        path = point.path or _rebuilt(place, lineage, table, point, name)
        con.execute(f"attach {_literal(path)} as {name} (read_only)")


def _rebuilt(place: Scratch, lineage: Lineage, table: Table, point: Point, name: str) -> Path:
    with open_store(place.home, place.settings) as con:
        con.execute("delete from raw.watermarks")
        con.execute("delete from raw.clock")
        con.execute("insert into raw.clock values (?, ?)", [point.as_of, point.known_at])
        # What was known then includes the models by which it was scored.
        computed.hand_over_models(con, place.origin, point.known_at)
    _build(place.settings, lineage, table)
    path = place.home.root / f"{name}.duckdb"
    with open_store(place.home, place.settings) as con:
        con.execute(f"attach {_literal(path)} as kept")
        for relation in relations(con, ("facts", "marts", "scores")):
            con.execute(f"create schema if not exists kept.{quote(relation.schema)}")
            con.execute(f"create table kept.{relation.quoted} as from {relation.quoted}")
        con.execute("detach kept")
    return path


def _build(settings: Settings, lineage: Lineage, table: Table) -> None:
    """Build the table and all that is behind it, without checks: they are for what is published."""
    needed = set(lineage.statistics(table.name))
    wanted = [statistic for statistic in statistics() if statistic.name in needed]
    roots = [table.name, *(read.partition(".")[2] for statistic in wanted for read in statistic.reads)]
    arguments = ["build", "--full-refresh", "--resource-type", "model", "--resource-type", "seed"]
    first = [*arguments, "--select", *(f"+{root}" for root in dict.fromkeys(roots)), "--exclude", computed.READERS]
    nodes = dbt.invoke(settings, first).nodes
    if wanted:
        with open_store(settings.layout(), settings) as con:
            nodes += [computed.run(con, statistic) for statistic in wanted]
        nodes += dbt.invoke(settings, [*arguments, "--select", f"+{table.name},{computed.READERS}"]).nodes
    failed = dbt.BuildResult(nodes).failed
    if failed:
        raise DealhouseError(
            f"{table} could not be rebuilt.",
            where=failed[0].unique_id,
            why=failed[0].message.splitlines()[0] if failed[0].message else "no message",
            todo="Mend the model; `dealhouse build` says more. What is published is untouched.",
        )


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
