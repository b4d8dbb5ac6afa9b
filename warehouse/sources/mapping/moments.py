"""Dates and timestamps as files write them, turned into ISO dates and RFC 3339 timestamps in UTC.

Only polars expressions over text columns; which column and which format is the mapping's word.
"""

import re
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from warehouse.sources.mapping.spec import Conventions

FORMAT_HELP = (
    'Write "iso", "unix_seconds", "unix_milliseconds", or a format of %Y %y %m %d %e %b %B %j '
    "%H %I %p %M %S %.f (fraction) %z (+0200) %:z (+02:00) %a %A."
)
UTC_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"

_SPECIAL = ("iso", "unix_seconds", "unix_milliseconds")
_DIRECTIVE = re.compile(r"%(?::z|\.[0-9]?f|.|$)")
_KNOWN = {f"%{letter}" for letter in "YymdebBjHIpMSzaA%"} | {"%:z", "%.f", "%.3f", "%.6f", "%.9f"}
_CLOCK = ("%H", "%I")
_ISO = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?"
    r"(?:\s*(?:[Zz]|[+-][0-9]{2}:?[0-9]{2}))?$"
)
_ISO_CLOCK = r"^[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
_ISO_ZONE = r"([Zz]|[+-][0-9]{2}:?[0-9]{2})$"
_ISO_DATE = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?$"


def is_time_zone(name: str) -> bool:
    """Whether the IANA database has a zone of that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def format_problem(text: str) -> str:
    """Why a format cannot be used; empty when it can."""
    if text in _SPECIAL:
        return ""
    found = _DIRECTIVE.findall(text)
    if not found:
        return "It has no directive."
    unknown = [one for one in found if one not in _KNOWN]
    if unknown:
        return f"{unknown[0]!r} is no directive."
    if not ({"%Y", "%y"} & set(found)):
        return "It has no year."
    if "%j" not in found and not ({"%m", "%b", "%B"} & set(found) and {"%d", "%e"} & set(found)):
        return "It has no month and day."
    if "%I" in found and "%p" not in found:
        return "%I needs %p."
    if set(_CLOCK) & set(found) and "%M" not in found:
        return "It has hours without minutes (%M)."
    return ""


def date_text(text: pl.Expr, how: Conventions) -> pl.Expr:
    """ISO dates of the texts; null where none of the formats fits."""
    found = [_date(text, one).dt.to_string("%Y-%m-%d") for one in how.date_format]
    return pl.coalesce(found)


def _date(text: pl.Expr, form: str) -> pl.Expr:
    if form == "iso":
        return text.str.extract(_ISO_DATE, 1).str.to_date("%Y-%m-%d", strict=False)
    if form.startswith("unix_"):
        return _epoch(text, form).dt.date()
    return (
        text.str.to_datetime(form, strict=False, time_unit="us").dt.date()
        if _has_clock(form)
        else text.str.to_date(form, strict=False)
    )


def timestamp_text(text: pl.Expr, how: Conventions) -> pl.Expr:
    """RFC 3339 timestamps in UTC; null where no format fits or the local time does not exist.

    A moment without an offset is local time of ``how.time_zone``; a date without a time is taken at
    ``how.time_of_day``. A local time that occurs twice, when clocks are set back, is the one that
    ``how.ambiguous`` says, or null.
    """
    return pl.coalesce([_timestamp(text, one, how) for one in how.timestamp_format]).dt.to_string(UTC_FORMAT)


def _timestamp(text: pl.Expr, form: str, how: Conventions) -> pl.Expr:
    if form == "iso":
        return _iso_timestamp(text, how)
    if form.startswith("unix_"):
        return _epoch(text, form)
    if "%z" in form or "%:z" in form:
        return text.str.to_datetime(
            form.replace("%:z", "%z"), strict=False, time_unit="us", time_zone="UTC"
        ).dt.replace_time_zone(None)
    if _has_clock(form):
        return _to_utc(text.str.to_datetime(form, strict=False, time_unit="us"), how)
    day = text.str.to_date(form, strict=False).dt.to_string("%Y-%m-%d")
    return _to_utc(_naive(day, pl.lit(how.time_of_day)), how)


def _iso_timestamp(text: pl.Expr, how: Conventions) -> pl.Expr:
    # Slices and short patterns: one pattern with six groups took five times as long.
    valid = pl.when(text.str.contains(_ISO)).then(text)
    rest = valid.str.slice(10)
    naive = _naive(valid.str.slice(0, 10), rest.str.extract(_ISO_CLOCK, 1).fill_null(how.time_of_day))
    zone = rest.str.extract(_ISO_ZONE, 1)
    minutes = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(-2).cast(pl.Int64, strict=False)
    shift = pl.when(zone.str.starts_with("-")).then(-minutes).otherwise(minutes).fill_null(0)
    return pl.when(zone.is_null()).then(_to_utc(naive, how)).otherwise(naive - pl.duration(minutes=shift))


def _naive(day: pl.Expr, clock: pl.Expr) -> pl.Expr:
    seconds = pl.when(clock.str.len_bytes() == 5).then(clock + ":00").otherwise(clock)
    return (day + "T" + seconds).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")


def _to_utc(naive: pl.Expr, how: Conventions) -> pl.Expr:
    if how.time_zone == "UTC":
        return naive
    ambiguous: Literal["earliest", "latest", "null"] = "null" if how.ambiguous == "reject" else how.ambiguous
    local = naive.dt.replace_time_zone(how.time_zone, ambiguous=ambiguous, non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _epoch(text: pl.Expr, form: str) -> pl.Expr:
    factor = 1_000_000 if form == "unix_seconds" else 1_000
    number = text.str.extract(r"^(-?[0-9]{1,16}(?:\.[0-9]+)?)$", 1).cast(pl.Float64)
    return (number * factor).round(0).cast(pl.Int64, strict=False).cast(pl.Datetime("us"))


def _has_clock(form: str) -> bool:
    return any(one in form for one in _CLOCK)
