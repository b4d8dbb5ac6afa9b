"""A value of a mapping as polars expressions: its text, whether it failed, and the sentence that says why.

Every value is text in a canonical form of its kind (a JSON numeral, ``true``/``false``, an ISO date, an
RFC 3339 timestamp in UTC), except a list of texts, which is a list. User text enters expressions as
literals only, never as code.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import polars as pl

from warehouse.sources.mapping import moments
from warehouse.sources.mapping.spec import (
    Coalesce,
    Column,
    Constant,
    Conventions,
    FromLookup,
    Hash,
    Kind,
    Template,
    Value,
    literal,
)

TRUE, FALSE = pl.lit(True), pl.lit(False)
_NO_WHY = pl.lit(None, dtype=pl.String)
_KEY_SEPARATOR = "\x1f"


def any_of(expressions: Iterable[pl.Expr]) -> pl.Expr:
    """Whether one of them holds; those that never do are left out, so that nothing is computed for them."""
    return reduce(or_, [one for one in expressions if one is not FALSE] or [FALSE])


def column(name: str) -> pl.Expr:
    """The row's column of that name; the prefix keeps users' names apart from ours."""
    return pl.col(f"c:{name}")


@dataclass(frozen=True)
class Compiled:
    """Three expressions: the value, whether the row failed (never null), and why (for failed rows)."""

    text: pl.Expr
    failed: pl.Expr = FALSE
    why: pl.Expr = _NO_WHY


@dataclass(frozen=True)
class LoadedLookup:
    """A lookup file in memory: keys, and the other columns by name."""

    keys: pl.Series
    columns: Mapping[str, pl.Series]


Lookups = Mapping[str, LoadedLookup]


class Shared:
    """Conversions that several values have in common, each a column ``s:<n>`` computed once per row."""

    def __init__(self) -> None:
        self._columns: dict[Value, pl.Expr] = {}

    def share(self, value: Value, made: pl.Expr) -> pl.Expr:
        """The column that holds `made`, the conversion that this value needs."""
        key = replace(value, where="", default=None)
        self._columns.setdefault(key, made.alias(f"s:{len(self._columns)}"))
        return pl.col(self._columns[key].meta.output_name())

    def columns(self) -> list[pl.Expr]:
        """What to compute before the values that share it."""
        return list(self._columns.values())


def lookup_key(columns: list[pl.Expr]) -> pl.Expr:
    """The key of a row, one text; null where a part is empty."""
    return pl.concat_str(columns, separator=_KEY_SEPARATOR) if len(columns) > 1 else columns[0]


def compile_value(value: Value, lookups: Lookups, shared: Shared | None = None) -> Compiled:
    """Expressions over a frame of text columns ``c:<column>``, and of those that are shared."""
    taken = _take(value, lookups, shared)
    if isinstance(value.take, Coalesce):
        converted = taken  # its parts were converted, each in its own way
    else:
        cleaned = _clean(value, taken)
        converted = _map(value, cleaned) if value.map else _convert(value, cleaned, shared)
    if value.default is None:
        return converted
    fallback = _default(value)
    return replace(converted, text=pl.coalesce(converted.text, fallback))


def constant(value: Value, text: str) -> str | list[str] | None:
    """What a constant becomes in the value's kind; None where it cannot be that."""
    plain = Value(Constant(text), value.kind, value.where, literal(value.conventions), split=value.split)
    compiled = _convert(plain, Compiled(pl.lit(text)))
    done = pl.DataFrame({"one": [1]}).select(text=compiled.text, failed=compiled.failed)
    result: str | list[str] | None = None if done["failed"][0] else done.row(0)[0]
    return result


def _default(value: Value) -> pl.Expr:
    made = constant(value, value.default or "")
    return pl.lit(made, dtype=pl.List(pl.String)) if isinstance(made, list) else pl.lit(made, dtype=pl.String)


def _take(value: Value, lookups: Lookups, shared: Shared | None) -> Compiled:
    take = value.take
    if isinstance(take, Column):
        return Compiled(column(take.name))
    if isinstance(take, Constant):
        return Compiled(pl.lit(take.text))
    if isinstance(take, Template):
        parts = [pl.lit(part) if isinstance(part, str) else column(part.name) for part in take.parts]
        return Compiled(pl.concat_str(parts))
    if isinstance(take, Coalesce):
        return _coalesce([compile_value(part, lookups, shared) for part in take.values])
    if isinstance(take, FromLookup):
        return _from_lookup(value, take, lookups[take.lookup])
    return Compiled(_content(take))


def _coalesce(parts: list[Compiled]) -> Compiled:
    # A later value counts only where all before it are empty, and so does its failure.
    failed: list[pl.Expr] = []
    whys: list[pl.Expr] = []
    empty_before = TRUE
    for part in parts:
        fails = FALSE if part.failed is FALSE else empty_before & part.failed
        failed.append(fails)
        whys.append(pl.when(fails).then(part.why))
        empty_before = empty_before & part.text.is_null() & ~part.failed
    return Compiled(pl.coalesce([part.text for part in parts]), any_of(failed), pl.coalesce(whys))


def _from_lookup(value: Value, take: FromLookup, loaded: LoadedLookup) -> Compiled:
    key = lookup_key([column(name) for name in take.by])
    if loaded.keys.is_empty():
        text, known = pl.lit(None, dtype=pl.String), FALSE
    else:
        text = key.replace_strict(loaded.keys, loaded.columns[take.column], default=None, return_dtype=pl.String)
        known = key.is_in(loaded.keys.implode())
    if take.missing == "empty":
        return Compiled(text)
    shown = key.str.replace_all(_KEY_SEPARATOR, ", ", literal=True)
    why = _sentence(
        value,
        shown,
        f"is no key of lookup {take.lookup!r}",
        'Add the row there, or leave out missing = "reject".',
    )
    return Compiled(text, (key.is_not_null() & ~known).fill_null(False), why)


def _content(take: Hash) -> pl.Expr:
    """What an id is a digest of; the digest itself is taken by the engine that stores the row."""
    return pl.struct([column(name).alias(name) for name in sorted(take.columns)]).struct.json_encode()


def _clean(value: Value, taken: Compiled) -> Compiled:
    text, failed, why = taken.text, taken.failed, taken.why
    for piece in value.remove:
        text = text.str.replace_all(piece, "", literal=True)
    if value.remove:
        text = text.str.strip_chars()
        text = pl.when(text != "").then(text)
    if value.null_values:
        text = pl.when(~text.is_in(list(value.null_values))).then(text)
    if value.case:
        text = text.str.to_lowercase() if value.case == "lower" else text.str.to_uppercase()
    return Compiled(text, failed, why)


def _map(value: Value, given: Compiled) -> Compiled:
    """Values in the map become what it says, in the value's kind; the others what ``unmapped`` says."""
    text = given.text
    olds = [old for old, _ in value.map]
    news = [made if isinstance(made := constant(value, new), str) else None for _, new in value.map]
    mapped = text.replace_strict(olds, news, default=None, return_dtype=pl.String)
    if value.unmapped == "empty":
        return replace(given, text=mapped)
    outside = (text.is_not_null() & ~text.is_in(olds)).fill_null(False)
    if value.unmapped == "keep":
        kept = _convert(value, replace(given, text=pl.when(outside).then(text)))
        return replace(kept, text=pl.coalesce(mapped, kept.text))
    todo = 'Add it to the map, or say unmapped = "keep" or "empty".'
    said = _sentence(value, text, f"is not in the map, which has {', '.join(olds[:20])}", todo)
    return Compiled(mapped, any_of([given.failed, outside]), pl.when(given.failed).then(given.why).otherwise(said))


_BOOLEANS = {"true": "true", "false": "false", "yes": "true", "no": "false", "1": "true", "0": "false"}


def _convert(value: Value, given: Compiled, shared: Shared | None = None) -> Compiled:
    kind, text = value.kind, given.text
    if kind == "text":
        return given
    if kind == "text_list":
        pieces = text.str.split(value.split) if value.split else pl.concat_list(text)
        pieces = pieces.list.eval(pl.element().str.strip_chars()).list.eval(pl.element().filter(pl.element() != ""))
        return replace(given, text=pl.when(text.is_not_null()).then(pieces))
    made, expected, todo = _converted(text, kind, value)
    if shared is not None:
        made = shared.share(value, made)
    bad = (text.is_not_null() & made.is_null()).fill_null(False)
    said = _sentence(value, text, f"is not {expected}", todo)
    return Compiled(made, any_of([given.failed, bad]), pl.when(given.failed).then(given.why).otherwise(said))


def _converted(text: pl.Expr, kind: Kind, value: Value) -> tuple[pl.Expr, str, str]:
    how = value.conventions
    if kind in ("number", "integer"):
        number = _number(text, how, value.multiply_by, value.divide_by)
        written = f"a number with decimal sign {how.decimal!r}" + (
            f" and thousands sign {how.thousands!r}" if how.thousands else ""
        )
        todo = "Correct it, or say how it is written: decimal, thousands, remove, null_values."
        if kind == "number":
            return number, written, todo
        whole = number.str.extract(r"^(-?[0-9]{1,18})(?:\.0+)?$", 1)
        return whole, "a whole number", todo
    if kind == "boolean":
        made = text.str.to_lowercase().replace_strict(_BOOLEANS, default=None, return_dtype=pl.String)
        return made, "true or false (yes, no, 1, 0)", "Correct it, or translate it with a map."
    if kind == "date":
        made = moments.date_text(text, how)
        return made, f"a date in the format {' or '.join(how.date_format)}", "Correct it, or give its format."
    made = moments.timestamp_text(text, how)
    forms = " or ".join(how.timestamp_format)
    return (
        made,
        f"a timestamp in the format {forms} that exists in {how.time_zone}",
        ("Correct it, or give its format, time_zone or ambiguous."),
    )


def _number(text: pl.Expr, how: Conventions, multiply_by: float | None, divide_by: float | None) -> pl.Expr:
    """The digits as they stand, so that money stays exact; computed only where the mapping multiplies."""
    point, group = re.escape(how.decimal), re.escape(how.thousands)
    whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)" if how.thousands else r"[0-9]+"
    pattern = rf"^([+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?)$"
    digits = text.str.extract(pattern, 1)
    if how.thousands:
        digits = digits.str.replace_all(how.thousands, "", literal=True)
    if how.decimal != ".":
        digits = digits.str.replace_all(how.decimal, ".", literal=True)
    digits = (
        digits.str.strip_prefix("+")
        .str.replace(r"^(-?)\.", "${1}0.")
        .str.replace(r"\.([eE]|$)", "${1}")
        .str.replace(r"^(-?)0+([0-9])", "${1}${2}")
    )
    number = digits.cast(pl.Float64, strict=False)
    if multiply_by is not None or divide_by is not None:
        number = number * multiply_by if multiply_by is not None else number
        number = number / divide_by if divide_by is not None else number
        digits = number.cast(pl.String)
    return pl.when(number.is_finite()).then(digits)


def _sentence(value: Value, text: pl.Expr, what: str, todo: str) -> pl.Expr:
    columns = sorted(value.columns())
    origin = f" (column {', '.join(columns)})" if columns else ""
    key = value.where.rpartition("key ")[2]
    shown = text.str.slice(0, 60)
    return pl.concat_str([pl.lit(f"{key}: '"), shown, pl.lit(f"'{origin} {what}. {todo}")])
