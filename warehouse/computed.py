"""Runs the statistics on an open work file and keeps their results as tables of schema ``computed``.

Which statistics there are, and what they compute, is in :mod:`warehouse.statistics`; when they run, in
:mod:`warehouse.build`.
"""

from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING

import duckdb

from warehouse import dbt, registry
from warehouse.settings import Home
from warehouse.statistics import Statistic, statistics

if TYPE_CHECKING:
    import polars as pl


SCORING_MODEL = """
create table if not exists raw.scoring_model (
    score varchar, version varchar, model varchar, in_force_at timestamp
);
"""
"""The models in force, which statistics that score read."""
READERS = "source:computed+"
"""The models that are built from what statistics have computed, for dbt's selection."""


def ensure_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make each computed table, empty, where it is missing or has other columns: models refer to it from the start."""
    con.execute("create schema if not exists computed")
    standing: dict[str, list[str]] = {}
    for table, column in con.execute(
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = 'computed' and database_name = current_database() order by table_name, column_index"
    ).fetchall():
        standing.setdefault(table, []).append(column)
    for statistic in statistics():
        if standing.get(statistic.name) != list(statistic.columns):
            con.execute(_ddl(statistic))


def _ddl(statistic: Statistic) -> str:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in statistic.columns.items())
    return f"create or replace table {statistic.table} ({columns})"


def hand_over_models(con: duckdb.DuckDBPyConnection, home: Home, at: datetime | None = None) -> None:
    """Put the models where the statistics that score read them: those in force now, or at an instant (UTC)."""
    # One of an older release has fewer columns.
    con.execute("drop table if exists raw.scoring_model")
    con.execute(SCORING_MODEL)
    for one in registry.champions(home, at):
        model = registry.load(home, one.score, one.version)
        row = [one.score, one.version, model, one.in_force_since]
        con.execute("insert into raw.scoring_model values (?, ?, ?, ?)", row)


def run(con: duckdb.DuckDBPyConnection, statistic: Statistic) -> dbt.NodeResult:
    """Compute a statistic anew and replace its table, as a whole or not at all; tell what became of it.

    What it reads is handed over sorted by all columns, so that the order in which an engine returns rows cannot show.
    """
    began = perf_counter()
    status, message = "success", ""
    try:
        refresh(con, statistic)
    except Exception as error:  # whatever it raises fails this build, and is reported under its name
        status, message = "error", f"{type(error).__name__}: {error}"
    seconds = perf_counter() - began
    return dbt.NodeResult(f"statistic.dealhouse.{statistic.name}", status, message, seconds, None)


def refresh(con: duckdb.DuckDBPyConnection, statistic: Statistic) -> None:
    """Compute a statistic anew and replace its table in one transaction.

    Raises
    ------
    ValueError
        If the result does not have the columns that were declared, or holds a number that is not finite.
    """
    frame = statistic.compute(
        {table: rows_of(con, table, statistic.rows.get(table, "true")) for table in statistic.reads}
    )
    _check(statistic, frame)
    names = ", ".join(f'"{name}"' for name in statistic.columns)
    con.register("computed_result", frame.to_arrow())
    con.execute("begin")
    try:
        con.execute(_ddl(statistic))
        con.execute(f"insert into {statistic.table} ({names}) select {names} from computed_result")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    finally:
        con.unregister("computed_result")


def rows_of(con: duckdb.DuckDBPyConnection, table: str, where: str = "true") -> "pl.DataFrame":
    """The rows of ``schema.table`` that meet a condition of a statistic, sorted by all columns."""
    import polars as pl

    frame = pl.from_arrow(con.sql(f"select * from {table} where {where} order by all").to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def _check(statistic: Statistic, frame: "pl.DataFrame") -> None:
    if sorted(frame.columns) != sorted(statistic.columns):
        raise ValueError(f"{statistic.name} gave the columns {frame.columns}, and declares {list(statistic.columns)}")
    for name, kind in frame.schema.items():
        if kind.is_float() and not frame[name].drop_nulls().is_finite().all():
            raise ValueError(f"{statistic.name} gave a number in {name} that is not finite")
