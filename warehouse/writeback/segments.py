"""Segments: who belongs together, as users define it in TOML, by conditions on published columns.

A definition becomes SQL whose identifiers are those of the catalogue and whose values are all bound. A file, say
``segments/hot_without_owner.toml``::

    name = "Hot leads that nobody has"
    table = "marts.lead_queue"
    subject = "lead_id"

    [[where]]
    column = "tier"
    is = "hot"

    [[where]]
    column = "owner_id"
    is_null = true

    [[where]]
    any = [{column = "score", at_least = 70}, {column = "lead_source", in = ["referral", "partnership"]}]

All conditions hold together; ``any`` holds where one of its own does. The file's name is the segment's id.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import UsageError

SCHEMAS = ("facts", "marts", "scores")
_ID = re.compile(r"[a-z][a-z0-9_]*")
COMPARISONS = {
    "is": "=",
    "is_not": "<>",
    "at_least": ">=",
    "at_most": "<=",
    "more_than": ">",
    "less_than": "<",
}
CONDITIONS = (*COMPARISONS, "in", "not_in", "is_null")
_NUMBERS = {"BIGINT", "DOUBLE", "INTEGER"}
SUBJECT_TYPES = {"lead_id": "lead", "contact_id": "contact", "customer_id": "customer", "deal_id": "deal"}


@dataclass(frozen=True)
class Segment:
    """A definition, checked against the catalogue and compiled."""

    segment_id: str
    name: str
    sql: str
    """Yields tenant_id, segment_id, subject_type and subject_id, once each."""
    values: tuple[Any, ...]


def load(folder: Path, con: duckdb.DuckDBPyConnection) -> list[Segment]:
    """All segments of a folder, by id.

    Raises
    ------
    UsageError
        If a file is no TOML, names what is not published, or compares what cannot be compared: which file, which
        condition, and what there is instead.
    """
    return [_compiled(path, con) for path in sorted(folder.glob("*.toml"))] if folder.is_dir() else []


def refresh(con: duckdb.DuckDBPyConnection, segments: Iterable[Segment]) -> None:
    """Find the members of all segments and keep them in ``raw.segment_member``, in one transaction."""
    con.execute("begin")
    con.execute("delete from raw.segment_member")
    for segment in segments:
        con.execute(f"insert into raw.segment_member {segment.sql}", list(segment.values))
    con.execute("commit")


def _compiled(path: Path, con: duckdb.DuckDBPyConnection) -> Segment:
    def wrong(why: str, todo: str, where: str = "") -> UsageError:
        place = f"{path}, {where}" if where else str(path)
        return UsageError(f"The segment {path.stem} cannot be used.", where=place, why=why, todo=todo)

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise wrong(f"it is no TOML: {error}", "Mend the line.") from error
    if not _ID.fullmatch(path.stem):
        raise wrong("the name of the file is the id of the segment", "Use lower-case letters, digits and underscores.")
    unknown = sorted(content.keys() - {"name", "table", "subject", "where", "tenant"})
    if unknown:
        raise wrong(f"{unknown[0]!r} is no part of a definition", "There are name, table, subject, tenant and where.")
    schema, _, table = str(content.get("table", "")).partition(".")
    columns = dict(
        con.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
            "and schema_name in (select unnest(?)) and database_name = current_database()",
            [schema, table, list(SCHEMAS)],
        ).fetchall()
    )
    if not columns:
        raise wrong(
            f"{content.get('table')!r} is not published", f"Name a table of {', '.join(SCHEMAS)}, as marts.lead_queue."
        )
    subject = content.get("subject")
    if subject not in SUBJECT_TYPES or subject not in columns:
        there = [name for name in SUBJECT_TYPES if name in columns]
        raise wrong(
            f"subject = {subject!r} names nobody in {schema}.{table}", f"Use {' or '.join(there) or 'another table'}."
        )
    values: list[Any] = [path.stem, SUBJECT_TYPES[subject]]
    terms = [f'"{subject}" is not null']
    if "tenant" in content:
        terms.append("tenant_id = ?")
        values.append(str(content["tenant"]))
    conditions = content.get("where", [])
    if not isinstance(conditions, list) or not conditions:
        raise wrong("it has no condition, so that everybody would be in it", "Add a [[where]].")
    for number, condition in enumerate(conditions, 1):
        place = f"condition {number}"
        several = condition.get("any") if isinstance(condition, dict) and set(condition) == {"any"} else None
        parts = []
        for part in several if isinstance(several, list) and several else [condition]:
            text, bound, problem = _condition(part, columns)
            if problem:
                raise wrong(problem[0], problem[1], place)
            parts.append(text)
            values += bound
        terms.append(f"({' or '.join(parts)})")
    sql = (
        f'select distinct tenant_id, cast(? as varchar), cast(? as varchar), "{subject}" '
        f'from "{schema}"."{table}" where {" and ".join(terms)}'
    )
    return Segment(path.stem, str(content.get("name", path.stem)), sql, tuple(values))


def _condition(condition: Any, columns: Mapping[str, str]) -> tuple[str, list[Any], tuple[str, str] | None]:
    """SQL of one condition, the values to bind, and what is wrong with it and what to do instead."""
    if not isinstance(condition, dict) or set(condition) - {"column", *CONDITIONS} or len(condition) != 2:
        return "", [], ("a condition is a column and one comparison", f"Use one of {', '.join(CONDITIONS)}.")
    column = str(condition.get("column"))
    if column not in columns:
        return "", [], (f"there is no column {column!r}", f"There are {', '.join(sorted(columns))}.")
    ((kind, value),) = ((name, given) for name, given in condition.items() if name != "column")
    quoted, data_type = f'"{column}"', columns[column]
    if kind == "is_null":
        if not isinstance(value, bool):
            return "", [], ("is_null is true or false", "Write is_null = true.")
        return f"{quoted} is {'' if value else 'not '}null", [], None
    if kind in ("in", "not_in") and (not isinstance(value, list) or not value):
        return "", [], (f"{kind} needs a list that is not empty", f'Write {kind} = ["one", "another"].')
    given = value if isinstance(value, list) else [value]
    if isinstance(value, list) and kind not in ("in", "not_in"):
        return "", [], (f"{kind} needs one value", "For several there are in and not_in.")
    for one in given:
        if not _fits(one, data_type):
            return (
                "",
                [],
                (f"{column} is of type {data_type.lower()}, and {one!r} is not", "Write a value of that type."),
            )
    if kind == "in":
        return f"{quoted} in (select unnest(?))", [given], None
    if kind == "not_in":
        return f"({quoted} is null or {quoted} not in (select unnest(?)))", [given], None
    if kind == "is_not":
        return f"{quoted} is distinct from ?", given, None
    return f"{quoted} {COMPARISONS[kind]} ?", given, None


def _fits(value: Any, data_type: str) -> bool:
    if data_type == "BOOLEAN":
        return isinstance(value, bool)
    if data_type in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if data_type == "VARCHAR":
        return isinstance(value, str)
    if data_type in ("DATE", "TIMESTAMP"):
        return isinstance(value, date | datetime) and not isinstance(value, time)
    return False
