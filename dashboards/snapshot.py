"""One published version, opened read-only: its catalogue, its descriptions, and rows of its tables.

The rows that a page shows come from one :class:`Snapshot`, so that a page never mixes two publications; what has
changed is told from a second one, by name. Who may see which rows is decided in :mod:`dashboards.data`. Only what the
frame of all pages needs (which tenants there are, how many checks failed) is asked here past it.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.publish import open_published
from warehouse.publish.pointer import current_version
from warehouse.settings import Home

CACHED_ANSWERS = 512
"""Answers kept per version. They are Arrow tables, which nobody can change, so that sessions share them."""


@dataclass(frozen=True)
class Publication:
    """What the file says of itself."""

    version: str
    run_id: str
    as_of: datetime | None
    known_at: datetime | None
    published_at: datetime

    @property
    def day(self) -> date:
        """The day that it speaks of."""
        return (self.as_of or self.published_at).date()


@dataclass
class Snapshot:
    """An open version. Threads may share it: every answer comes through a cursor of its own."""

    connection: duckdb.DuckDBPyConnection
    publication: Publication
    columns: dict[str, dict[str, str]]
    """By ``schema.table``: type by column."""
    descriptions: dict[str, str]
    """By ``schema.table`` and ``schema.table.column``."""
    _answers: OrderedDict[tuple[Any, ...], pa.Table] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, sql: str, values: Sequence[object]) -> pa.Table:
        """Answer a statement with bound values, from memory where it was asked before."""
        key = (sql, *(tuple(v) if isinstance(v, list) else v for v in values))
        with self._guard:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        with self.connection.cursor() as cursor:
            table = cursor.sql(sql, params=list(values)).to_arrow_table()
        with self._guard:
            self._answers[key] = table
            while len(self._answers) > CACHED_ANSWERS:
                self._answers.popitem(last=False)
        return table


class Hub:
    """The current version, opened once per process and again when the pointer has moved.

    A page that is being drawn keeps the version that it began with; a version is closed when nobody holds it any more.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._guard = threading.Lock()
        self._current: Snapshot | None = None

    def current(self) -> Snapshot:
        """Open what the pointer names now.

        Raises
        ------
        NothingPublishedError
            If nothing was published yet.
        """
        with self._guard:
            if self._current is None or self._current.publication.version != current_version(self.home):
                self._current = open_snapshot(self.home)
            return self._current


def open_snapshot(home: Home, version: str | None = None) -> Snapshot:
    """Open the current version, or the one of this name."""
    connection = open_published(home, version)
    row = connection.execute("select version, run_id, as_of, known_at, published_at from meta.publication").fetchone()
    assert row is not None
    columns: dict[str, dict[str, str]] = {}
    descriptions: dict[str, str] = {}
    for schema, table, column, kind, comment in connection.execute(
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns() where not internal"
    ).fetchall():
        columns.setdefault(f"{schema}.{table}", {})[column] = kind
        if comment:
            descriptions[f"{schema}.{table}.{column}"] = comment
    for schema, table, comment in connection.execute(
        "select schema_name, table_name, comment from duckdb_tables() where not internal and comment is not null"
    ).fetchall():
        descriptions[f"{schema}.{table}"] = comment
    return Snapshot(connection, Publication(*row), columns, descriptions)
