"""Values and conditions of a mapping: from TOML to ``spec`` objects, with every mistake named.

Blocks and files belong in ``parse``; what a value does to a row belongs in ``values``.
"""

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from warehouse.sources.mapping import moments
from warehouse.sources.mapping.spec import (
    AllOf,
    AnyOf,
    Coalesce,
    Column,
    Condition,
    Constant,
    Conventions,
    FromLookup,
    Hash,
    Kind,
    Lookup,
    Not,
    Operator,
    Template,
    Test,
    Value,
    literal,
)
from warehouse.sources.mapping.tables import Table, instead, scalar

_TAKES = ("column", "value", "template", "coalesce", "lookup", "hash")
_BY_KIND: dict[str, tuple[str, ...]] = {
    "decimal": ("number", "integer"),
    "thousands": ("number", "integer"),
    "multiply_by": ("number", "integer"),
    "divide_by": ("number", "integer"),
    "format": ("date", "timestamp"),
    "time_zone": ("timestamp",),
    "ambiguous": ("timestamp",),
    "time_of_day": ("timestamp",),
    "split": ("text_list",),
}
_COMMON = ("remove", "null_values", "case", "map", "unmapped", "default")
_OPERATORS: tuple[str, ...] = get_args(Operator)
_ORDERED = ("above", "at_least", "below", "at_most")


@dataclass(frozen=True)
class Surroundings:
    """What a value may refer to where it stands."""

    conventions: Conventions
    kinds: Mapping[str, Kind]
    """Computed columns so far and their kinds."""
    lookups: Mapping[str, Lookup]


def conventions(table: Table, base: Conventions) -> Conventions:
    """Conventions that a block states, on top of those that it inherits."""
    decimal = table.choice("decimal", base.decimal, (".", ","))
    thousands = table.text("thousands", base.thousands, allow_empty=True)
    if len(thousands) > 1 or thousands == decimal or thousands.isdigit():
        raise table.error(
            f"thousands = {thousands!r} cannot be.", "thousands", todo="Write one sign, not the decimal one."
        )
    zone = table.text("time_zone", base.time_zone)
    if not moments.is_time_zone(zone):
        raise table.error(
            f"There is no time zone {zone!r}.",
            "time_zone",
            todo="Write a name such as Europe/Amsterdam or UTC.",
        )
    return Conventions(
        decimal=decimal,
        thousands=thousands,
        date_format=_formats(table, "date_format", base.date_format),
        timestamp_format=_formats(table, "timestamp_format", base.timestamp_format),
        time_zone=zone,
        ambiguous=table.choice("ambiguous", base.ambiguous, ("earliest", "latest", "reject")),
        time_of_day=_time_of_day(table, base.time_of_day),
    )


def _formats(table: Table, key: str, base: tuple[str, ...]) -> tuple[str, ...]:
    formats = table.texts(key, base)
    for one in formats:
        problem = moments.format_problem(one)
        if problem:
            raise table.error(f"The format {one!r} cannot be used.", key, why=problem, todo=moments.FORMAT_HELP)
    return formats


def _time_of_day(table: Table, base: str) -> str:
    value = table.content.get("time_of_day", base)
    text = value.isoformat() if isinstance(value, dt.time) else value
    if not isinstance(text, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?", text):
        raise table.error(f"{value!r} is no time of day.", "time_of_day", todo="Write it as 09:30:00.")
    return text


def parse_value(table: Table, key: str, kind: Kind, around: Surroundings, *, hashable: bool = False) -> Value:
    """The value under a key: a plain TOML value is a constant (or a template), a table says more.

    Raises
    ------
    MappingError
        With the key, the mistake, and what may stand there instead.
    """
    raw = table.raw(key)
    where = table.where(key)
    if not isinstance(raw, dict):
        text = scalar(raw)
        if text is None:
            raise table.error(f"{raw!r} is no value.", key, todo='Write a text, a number, or { column = "…" }.')
        if isinstance(raw, str) and ("{" in raw or "}" in raw):
            return Value(_template(table, key, raw), kind, where, around.conventions)
        return Value(Constant(text), kind, where, literal(around.conventions))
    inner = table.table(key)
    return _parse_table(inner, kind, around, hashable=hashable)


def _parse_table(table: Table, kind: Kind, around: Surroundings, *, hashable: bool) -> Value:
    takes = [take for take in _TAKES if take in table]
    extra = ("by", "column", "missing") if "lookup" in takes else ()
    takes = [take for take in takes if not (take == "column" and "lookup" in takes)]
    possible = [*_COMMON, *(name for name, kinds in _BY_KIND.items() if kind in kinds)]
    for name in table.content:
        if name in _BY_KIND and kind not in _BY_KIND[name]:
            raise table.error(f"{name!r} is for a {' or '.join(_BY_KIND[name])}, and this is a {kind}.", name)
    table.only([*_TAKES, *extra, *possible, "type"])
    if len(takes) != 1:
        found = " and ".join(takes) or "none of them"
        raise table.error(
            f"A value takes exactly one of {', '.join(_TAKES)}; here is {found}.",
            todo="To fall back from one to another write { coalesce = [ …, … ] }.",
        )
    if takes[0] == "coalesce":
        table.only(["coalesce", "default", "type"])
    own = _own_conventions(table, kind, around.conventions)
    take = _take(table, takes[0], kind, replace(around, conventions=own), hashable)
    if isinstance(take, Constant) or (isinstance(take, Column) and around.kinds.get(take.name, "text") != "text"):
        own = literal(own)  # written here, or computed with a type: plain, whatever the file does
    mapped, unmapped = _value_map(table)
    default = scalar(table.raw("default")) if "default" in table else None
    if "default" in table and default is None:
        raise table.error("'default' must be a plain value.", "default")
    if "split" not in table and takes[0] != "coalesce" and kind == "text_list":
        raise table.error("A list of texts needs 'split'.", todo='Say what stands between the texts: split = ";".')
    if kind == "text_list" and mapped:
        raise table.error("'map' is for single values, and this is a list of texts.", "map")
    return Value(
        take,
        kind,
        table.where(),
        own,
        remove=table.texts("remove"),
        null_values=table.texts("null_values", allow_empty=True),
        case=table.choice("case", "", ("lower", "upper")),
        map=mapped,
        unmapped=unmapped,
        multiply_by=table.factor("multiply_by"),
        divide_by=table.factor("divide_by"),
        split=table.text("split", "", allow_empty=True),
        default=default,
    )


def _own_conventions(table: Table, kind: Kind, base: Conventions) -> Conventions:
    content: dict[str, Any] = {name: table.content[name] for name in _BY_KIND if name in table and name != "format"}
    own = conventions(Table(content, table.file, table.block, table.key), base)
    if "format" not in table:
        return own
    formats = _formats(table, "format", ())
    return replace(own, date_format=formats) if kind == "date" else replace(own, timestamp_format=formats)


def _take(
    table: Table, name: str, kind: Kind, around: Surroundings, hashable: bool
) -> Column | Constant | Template | Coalesce | FromLookup | Hash:
    if name == "column":
        return Column(table.text("column"))
    if name == "value":
        text = scalar(table.raw("value"))
        if text is None:
            raise table.error("'value' must be a plain value.", "value")
        return Constant(text)
    if name == "template":
        return _template(table, "template", table.text("template"))
    if name == "lookup":
        return _lookup(table, around.lookups)
    if name == "hash":
        if not hashable:
            raise table.error("'hash' is for the id of an event.", "hash")
        return Hash(table.texts("hash"))
    items = table.raw("coalesce")
    if not isinstance(items, list) or len(items) < 2:
        raise table.error("'coalesce' must be a list of at least two values.", "coalesce")
    parts = Table({str(n): item for n, item in enumerate(items, 1)}, table.file, table.block, f"{table.key}.coalesce")
    return Coalesce(tuple(parse_value(parts, str(n), kind, around) for n in range(1, len(items) + 1)))


def _lookup(table: Table, lookups: Mapping[str, Lookup]) -> FromLookup:
    name = table.text("lookup")
    if name not in lookups:
        raise table.error(f"There is no lookup {name!r}.", "lookup", todo=instead(name, lookups))
    by = table.texts("by")
    if len(by) != len(lookups[name].key):
        raise table.error(
            f"'by' must name {len(lookups[name].key)} column(s), as the lookup's key does.",
            "by",
            why=f"The key of lookup {name!r} is {', '.join(lookups[name].key)}.",
        )
    missing = table.choice("missing", "empty", ("empty", "reject"))
    return FromLookup(name, by, table.text("column"), missing)


_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def _template(table: Table, key: str, source: str) -> Template:
    parts: list[str | Column] = []
    end = 0
    for match in _PART.finditer(source):
        parts.append(source[end : match.start()])
        end = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1]:
            parts.append(Column(match[1]))
        else:
            raise table.error(
                f"The template {source!r} has a brace without a column.",
                key,
                todo="Write {column} for a column, {{ and }} for the braces themselves.",
            )
    parts.append(source[end:])
    return Template(source, tuple(part for part in parts if part))


def _value_map(table: Table) -> tuple[tuple[tuple[str, str], ...], Any]:
    unmapped = table.choice("unmapped", "reject", ("reject", "keep", "empty"))
    if "map" not in table:
        if "unmapped" in table:
            raise table.error("'unmapped' says what becomes of values outside 'map', and there is no map.", "unmapped")
        return (), unmapped
    inner = table.table("map")
    pairs = []
    for old, new in inner.content.items():
        text = scalar(new)
        if text is None:
            raise inner.error(f"{new!r} is no plain value.", old)
        pairs.append((old, text))
    if not pairs:
        raise table.error("'map' is empty.", "map")
    return tuple(pairs), unmapped


def parse_condition(table: Table, key: str, around: Surroundings) -> Condition:
    """The condition under a key: a table of comparisons (all must hold), or ``all``, ``any``, ``not``."""
    return _condition(table.table(key), around)


def _condition(table: Table, around: Surroundings) -> Condition:
    for name in ("all", "any"):
        if name in table:
            table.only([name])
            items = table.raw(name)
            if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
                raise table.error(f"{name!r} must be a list of conditions.", name)
            inner = [Table(item, table.file, table.block, f"{table.key}.{name}.{n}") for n, item in enumerate(items, 1)]
            parts = tuple(_condition(part, around) for part in inner)
            return AllOf(parts) if name == "all" else AnyOf(parts)
    if "not" in table:
        table.only(["not"])
        return Not(_condition(table.table("not"), around))
    table.only(["column", *_OPERATORS])
    column = table.text("column")
    operators = [name for name in _OPERATORS if name in table]
    if not operators:
        raise table.error("The condition compares with nothing.", todo=f"Add one of {', '.join(_OPERATORS)}.")
    tests = tuple(_test(table, column, name, around) for name in operators)
    return tests[0] if len(tests) == 1 else AllOf(tests)


def _test(table: Table, column: str, operator: Any, around: Surroundings) -> Test:
    raw = table.raw(operator)
    if operator == "present":
        operands: list[Any] = [table.flag("present", True)]
        kind: Kind = "text"
    elif operator in ("in", "not_in"):
        if not isinstance(raw, list) or not raw:
            raise table.error(f"{operator!r} must be a list of values.", operator)
        operands, kind = raw, _kind_of(table, operator, raw)
    else:
        operands, kind = [raw], _kind_of(table, operator, [raw])
    if operator in _ORDERED and kind not in ("number", "date", "timestamp"):
        raise table.error(
            f"{operator!r} compares numbers and moments, not {raw!r}.",
            operator,
            todo="Write a number, or a date or time without quotes: 2024-01-31 or 2024-01-31T09:00:00Z.",
        )
    if operator in ("starts_with", "contains") and kind != "text":
        raise table.error(f"{operator!r} needs a text, not {raw!r}.", operator)
    typed = around.kinds.get(column, "text") != "text"
    how = literal(around.conventions) if typed else around.conventions
    value = Value(Column(column), kind, table.where("column"), how)
    return Test(value, operator, tuple(scalar(item) or "" for item in operands))


def _kind_of(table: Table, key: str, items: Collection[Any]) -> Kind:
    kinds: set[Kind] = set()
    for item in items:
        if isinstance(item, bool):
            kinds.add("boolean")
        elif isinstance(item, str):
            kinds.add("text")
        elif isinstance(item, int | float):
            kinds.add("number")
        elif isinstance(item, dt.datetime):
            kinds.add("timestamp")
        elif isinstance(item, dt.date):
            kinds.add("date")
        else:
            raise table.error(f"{item!r} cannot be compared with.", key)
    if len(kinds) > 1:
        raise table.error(f"The values of {key!r} are of several kinds: {', '.join(sorted(kinds))}.", key)
    return kinds.pop()
