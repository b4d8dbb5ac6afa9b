"""The seven kinds of value of a field: how each travels in JSON, and which texts are one.

Here stand the rules of typing alone. Which fields an event has belongs in the section modules, and how a
wrong value is reported in :mod:`warehouse.contracts.contract`. A class of this module annotates a field and
is its pandera dtype: values are judged as the texts that a JSON extraction yields, so one parse serves all.
"""

from typing import Any

import polars as pl
from pandera.engines import polars_engine

INTEGER_LIMIT = 2**53 - 1
"""Largest magnitude of an integer: the last that every JSON reader holds exactly (RFC 8259, section 6)."""

NUMBER_LIMIT = 10**15
"""A number is smaller than this in magnitude: the range in which a double still carries a cent."""

DECIMAL_PATTERN = r"^-?[0-9]{1,15}(\.[0-9]+)?(e-[0-9]+)?$"
"""A decimal below ``NUMBER_LIMIT``; the exponent is there because tiny numbers are printed with one."""

UNIT_PATTERN = r"^(-?0+(\.0+)?|0*1(\.0+)?|0+\.[0-9]+|[0-9](\.[0-9]+)?e-[0-9]+)$"
"""A decimal from 0 to 1. Not a comparison, since JSON Schema cannot compare numbers sent as text."""

DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

TIMESTAMP_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""RFC 3339 with upper-case ``T`` and ``Z`` and no leap second: what the engines can cast."""

_NUMERIC_SHAPES = frozenset({"UBIGINT", "BIGINT", "HUGEINT", "UHUGEINT", "DOUBLE"})


class Kind(polars_engine.String):  # type: ignore[misc]
    """What the kinds share. ``name`` is the word used in field tables, ``words`` completes "must be …"."""

    name: str
    words: str
    remedy: str
    example: Any = None
    shapes: frozenset[str] = frozenset({"VARCHAR"})
    is_checked = True
    """Whether the type alone leaves values that have to be looked at."""

    @classmethod
    def takes(cls, shape: object) -> bool:
        """Whether a value of this DuckDB ``json_structure`` type may be of this kind."""
        return isinstance(shape, str) and shape in cls.shapes

    def check(self, pandera_dtype: Any, data_container: Any = None) -> bool:  # noqa: ARG002
        """Whether a column has the physical type in which values are judged, which is text for every kind."""
        return isinstance(pandera_dtype, pl.String)


class Text(Kind):
    """A JSON string."""

    name, words, remedy, is_checked = "text", "text", "Send it as a JSON string", False


class Number(Kind):
    """A JSON number, or a string that is a plain decimal (money is often sent so)."""

    name, words, remedy = "number", "a number", "Send a JSON number, or a plain decimal as text"
    shapes = _NUMERIC_SHAPES | {"VARCHAR"}


class Integer(Kind):
    """A JSON number without a fraction; 12.0 counts as 12."""

    name, words, remedy = "integer", "a whole number", "Send a JSON number without fraction or quotes"
    shapes = _NUMERIC_SHAPES


class Boolean(Kind):
    """``true`` or ``false``."""

    name, words, remedy, is_checked = "boolean", "true or false", "Send true or false without quotes", False
    shapes = frozenset({"BOOLEAN"})
    example = True


class Date(Kind):
    """A calendar day, ``YYYY-MM-DD``."""

    name, words = "date", "a date written YYYY-MM-DD"
    remedy = "Send a day that exists in the calendar, as a JSON string"
    example = "2025-03-14"


class Timestamp(Kind):
    """An instant, RFC 3339 with ``Z`` or an offset."""

    name, words = "timestamp", "an RFC 3339 timestamp with Z or an offset, such as 2025-03-14T09:30:00Z"
    remedy = "Send an existing instant together with its offset"
    example = "2025-03-14T09:30:00Z"


class TextList(Kind):
    """A JSON array of strings; nulls inside it are skipped."""

    name, words, remedy = "text_list", "a list of texts", "Send a JSON array of strings"
    is_checked = False

    @classmethod
    def takes(cls, shape: object) -> bool:
        """Whether this is an array that holds strings and nulls only."""
        return isinstance(shape, list) and len(shape) == 1 and shape[0] in ("VARCHAR", "NULL")


for _kind in (Text, Number, Integer, Boolean, Date, Timestamp, TextList):
    polars_engine.Engine.register_dtype(_kind)


def is_integer(text: pl.Expr, minimum: float, maximum: float) -> pl.Expr:
    """Whether the text of a JSON number is an integer between the bounds (both included)."""
    whole = text.str.strip_suffix(".0").cast(pl.Int64, strict=False)
    return whole.is_between(minimum, maximum).fill_null(False)


def is_date(text: pl.Expr) -> pl.Expr:
    """Whether the text is a day of the calendar, of the years 0001 to 9999."""
    day = text.str.slice(0, 10)
    exists = day.str.to_date("%Y-%m-%d", strict=False).is_not_null() & ~day.str.starts_with("0000")
    return text.str.contains(DATE_PATTERN) & exists


def is_timestamp(text: pl.Expr) -> pl.Expr:
    """Whether the text is an RFC 3339 timestamp on a day of the calendar."""
    return text.str.contains(TIMESTAMP_PATTERN) & is_date(text.str.slice(0, 10))


def shape_in_words(shape: object) -> str:
    """Name a ``json_structure`` type for a reader: text, number, boolean, null, list or object.

    DuckDB writes ``JSON`` for an empty object, and for a key that stands twice with two types; both are told
    as object.
    """
    if isinstance(shape, list):
        return "list"
    if not isinstance(shape, str) or shape == "JSON":
        return "object"
    if shape in _NUMERIC_SHAPES:
        return "number"
    return {"VARCHAR": "text", "BOOLEAN": "boolean", "NULL": "null"}.get(shape, shape.lower())
