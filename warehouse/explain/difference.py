"""Compares a table in two states, row by row along its grain.

Which states these are, and why they differ, is decided elsewhere. Floats that differ by rounding noise are equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from warehouse.errors import DealhouseError
from warehouse.explain.lineage import Table
from warehouse.publish.snapshot import quote

BEFORE, AFTER = "state_before", "state_after"
"""Names under which the two states are attached."""

APPEARED, DISAPPEARED, CHANGED = "appeared", "disappeared", "changed"
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Change:
    """A row that is not the same in both states."""

    kind: str
    """appeared, disappeared or changed."""
    key: dict[str, Any]
    before: dict[str, Any] | None
    """All columns outside of the key; None where there was no row."""
    after: dict[str, Any] | None
    columns: tuple[str, ...]
    """Columns that changed; of a row that appeared or disappeared, those that are not empty."""

    def values(self, column: str) -> list[Any]:
        """What the column holds, before and after, without nulls and repetition."""
        if column in self.key:
            return [self.key[column]]
        held = [side[column] for side in (self.before, self.after) if side is not None and column in side]
        return list(dict.fromkeys(value for value in held if value is not None))


@dataclass
class Difference:
    """All rows of a table that differ, kept in the connection; read in pages."""

    con: duckdb.DuckDBPyConnection
    table: Table
    columns: tuple[str, ...]
    """Columns of both states, outside of the key."""
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Rows that differ."""
        return sum(self.counts.values())

    @property
    def stored(self) -> str:
        """Where the differing rows are."""
        return quote(f"difference_{self.table.name}")

    def rows(self, where: str = "true", parameters: Sequence[object] = (), limit: int | None = None) -> list[Change]:
        """Read differing rows in the order of their keys."""
        keys = ", ".join(quote(column) for column in self.table.grain)
        bound = "" if limit is None else f" limit {int(limit)}"
        cursor = self.con.execute(f"select * from {self.stored} where {where} order by {keys}{bound}", list(parameters))
        names = [column[0] for column in cursor.description or []]
        return [self._change(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]

    def count(self, where: str = "true", parameters: Sequence[object] = ()) -> int:
        """Count differing rows."""
        row = self.con.execute(f"select count(*) from {self.stored} where {where}", list(parameters)).fetchone()
        return int(row[0]) if row else 0

    def _change(self, row: dict[str, Any]) -> Change:
        kind = row["change"]
        before = {name: row[f"before.{name}"] for name in self.columns} if kind != APPEARED else None
        after = {name: row[f"after.{name}"] for name in self.columns} if kind != DISAPPEARED else None
        if before is not None and after is not None:
            changed = [name for name in self.columns if row[f"differs.{name}"]]
        else:
            changed = [name for name, value in (before or after or {}).items() if value is not None]
        return Change(kind, {name: row[name] for name in self.table.grain}, before, after, tuple(changed))


def compare(con: duckdb.DuckDBPyConnection, table: Table) -> Difference:
    """Compare a table in the two attached states.

    Raises
    ------
    DealhouseError
        If a state has no such table, or not the columns of its grain.
    """
    before, after = (_columns(con, state, table) for state in (BEFORE, AFTER))
    common = [name for name in before if name in after and name not in table.grain]
    difference = Difference(
        con,
        table,
        tuple(common),
        tuple(sorted(before.keys() - after.keys())),
        tuple(sorted(after.keys() - before.keys())),
    )
    con.execute(f"create or replace temp table {difference.stored} as {_sql(table, common, before)}")
    difference.counts = {
        str(kind): int(count)
        for kind, count in con.execute(
            f"select change, count(*) from {difference.stored} group by change order by change"
        ).fetchall()
    }
    return difference


def is_in_both(con: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Tell whether both states have the table, with its grain."""
    return all(set(table.grain) <= set(_described(con, state, table)) for state in (BEFORE, AFTER))


def _sql(table: Table, columns: Sequence[str], kinds: dict[str, str]) -> str:
    on = " and ".join(f"old.{quote(name)} is not distinct from new.{quote(name)}" for name in table.grain)
    parts = [
        "case when old.is_there is null then 'appeared' when new.is_there is null then 'disappeared' "
        "else 'changed' end as change"
    ]
    parts += [f"coalesce(old.{quote(name)}, new.{quote(name)}) as {quote(name)}" for name in table.grain]
    for name in columns:
        column = quote(name)
        differs = f"old.{column} is distinct from new.{column}"
        if kinds[name] in ("DOUBLE", "FLOAT"):
            noise = f"abs(old.{column} - new.{column}) <= {_TOLERANCE} * greatest(abs(old.{column}), abs(new.{column}))"
            differs = f"({differs} and not coalesce({noise}, false))"
        parts += [
            f"old.{column} as {quote('before.' + name)}",
            f"new.{column} as {quote('after.' + name)}",
            f"{differs} as {quote('differs.' + name)}",
        ]
    differing = " or ".join(quote(f"differs.{name}") for name in columns) or "false"
    return (
        f"select * from (select {', '.join(parts)} "
        f"from (select *, true as is_there from {BEFORE}.{_quoted(table)}) as old "
        f"full join (select *, true as is_there from {AFTER}.{_quoted(table)}) as new on {on}) "
        f"where change <> 'changed' or {differing}"
    )


def _columns(con: duckdb.DuckDBPyConnection, state: str, table: Table) -> dict[str, str]:
    described = _described(con, state, table)
    missing = [name for name in table.grain if name not in described]
    if not described or missing:
        side = "first" if state == BEFORE else "second"
        raise DealhouseError(
            f"The {side} of the two states has no {table} that could be compared.",
            why=f"it lacks the columns {', '.join(missing)}"
            if described
            else "that version was made before the table was",
            todo="Rebuild it for the same instant instead: give that instant rather than the version.",
        )
    return described


def _described(con: duckdb.DuckDBPyConnection, state: str, table: Table) -> dict[str, str]:
    rows = con.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name = ? and table_name = ? order by column_index",
        [state, table.schema, table.name],
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def _quoted(table: Table) -> str:
    return f"{quote(table.schema)}.{quote(table.name)}"


def changed_values(change: Change) -> Iterator[tuple[str, Any, Any]]:
    """Yield each changed column with its value before and after; None where there was no row."""
    for name in change.columns:
        yield name, (change.before or {}).get(name), (change.after or {}).get(name)
