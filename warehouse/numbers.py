"""How a value is written for people: in mails, pages and exports for reading alike.

What is written here is text for the eye alone. Nothing is computed but the rounding, and no value that is written is
read back.
"""

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, get_args

Kind = Literal[
    "count",
    "amount",
    "rate",
    "share",
    "rate_whole",
    "points",
    "ratio",
    "score",
    "minutes",
    "hours",
    "days",
    "months",
    "date",
    "week",
    "month",
    "instant",
    "text",
]
"""What a value is; see :func:`fmt`."""

MISSING = "–"
"""What stands for a value that is not known. It is not 0, and it is not None."""

MINUS = "−"
SPACE = "\u00a0"  # a number and its unit stay on one line
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "UAH": "₴", "JPY": "¥", "INR": "₹", "PLN": "zł"}
BEHIND = {"PLN"}
DURATIONS = {"minutes": "min", "hours": "h", "days": "d", "months": "mo"}
SCALES = ((Decimal(1_000), "K"), (Decimal(1_000_000), "M"), (Decimal(1_000_000_000), "B"))
GROUPED_BELOW = Decimal(10_000)
"""Numbers below are written in full with a separator of thousands; those from here on with K, M or B."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNIT_KINDS: dict[str, Kind] = {
    "share": "rate",
    "money": "amount",
    "ratio": "ratio",
    "score": "score",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
    "months": "months",
    "count": "count",
}
"""Kind of value for each unit that the seeds of KPIs and alerts use."""


def fmt(value: object, kind: str, *, currency: str = "", signed: bool = False) -> str:
    r"""Write a value for people.

    Parameters
    ----------
    value
        A number, a date, an instant (UTC), or a text. None, NaN and infinity are written as :data:`MISSING`.
    kind
        One of :data:`Kind`, or a unit of the seeds (``money``): ``count`` and ``amount`` (of `currency`) are written in
        full below 10,000 and with K, M, B from there on, one decimal below a hundred of them; ``rate`` and ``share``
        (0 to 1) in percent with one decimal, ``rate_whole`` with none; ``points`` (a difference of two rates, 0.01 is
        one point) in pp; ``ratio`` as 3.4×; ``score`` as a whole number; ``minutes``, ``hours``, ``days``, ``months``
        with their unit; ``date`` (16 Nov 2026), ``week`` (of its first day: 10–16 Nov 2026), ``month`` (Nov 2026),
        ``instant`` (16 Nov 2026, 09:30 UTC); ``text`` as it is.
    currency
        ISO 4217 code for an ``amount``; none, where the card or the table names it once.
    signed
        Whether a positive number carries its plus: for changes.

    Returns
    -------
    str
        Plain text; it has to be escaped for HTML like any other.

    Raises
    ------
    ValueError
        `kind` is not known.
    TypeError
        `value` is not of the kind.

    Examples
    --------
    >>> fmt(10_649_000, "amount", currency="USD"), fmt(279_400, "amount", currency="USD"), fmt(947, "count")
    ('$10.6M', '$279K', '947')
    >>> fmt(0.1404, "rate"), fmt(-0.016, "points", signed=True), fmt(3.42, "ratio"), fmt(None, "rate")
    ('14.0%', '−1.6\xa0pp', '3.4×', '–')
    """
    chosen: str = UNIT_KINDS.get(kind, kind)
    if chosen not in get_args(Kind):
        raise ValueError(f"{kind!r} is no kind of value; known are {', '.join(get_args(Kind))}.")
    if hasattr(value, "item"):
        value = value.item()  # a number of numpy
    if value is None or value == "" or value != value:  # NaN and NaT are not equal to themselves
        return MISSING
    if chosen == "text":
        return str(value)
    if chosen in DAYS:
        return DAYS[chosen](value)
    number = _decimal(value)
    if number is None:
        return MISSING
    text, is_zero = _number(abs(number), chosen, currency)
    if is_zero:
        return text
    return (MINUS if number < 0 else "+" if signed else "") + text


def kind_of_unit(unit: str) -> Kind:
    """Kind of a value from the unit that a seed names (share, money, days, …); a unit of none is a count."""
    return UNIT_KINDS.get(unit, "count")


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a number.")
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        # The shortest text that is this float: 0.145 is meant as 0.145, not as what its bits are short of it.
        return Decimal(repr(value))
    return Decimal(value)


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _number(number: Decimal, kind: str, currency: str) -> tuple[str, bool]:
    """Text of a number that is not negative, and whether it is written as nothing but zeros."""
    if kind == "count":
        text = _scaled(number, cents=False)
    elif kind == "amount":
        text = _with_currency(_scaled(number, cents=True), currency)
    elif kind == "rate":
        text = f"{_rounded(number * 100, 1):,}%"
    elif kind == "rate_whole":
        text = f"{_rounded(number * 100, 0):,}%"
    elif kind == "points":
        text = f"{_rounded(number * 100, 1):,}{SPACE}pp"
    elif kind == "ratio":
        text = f"{_rounded(number, 1):,}×"
    elif kind == "score":
        text = f"{_rounded(number, 0):,}"
    else:
        text = f"{_duration(number)}{SPACE}{DURATIONS[kind]}"
    return text, not any(digit in text for digit in "123456789")


def _duration(number: Decimal) -> str:
    places = 1 if _rounded(number, 1) < 10 and number != number.to_integral_value() else 0
    return f"{_rounded(number, places):,}"


def _scaled(number: Decimal, cents: bool) -> str:
    whole = _rounded(number, 0)
    if whole < GROUPED_BELOW:
        small = _rounded(number, 2)
        if small < 100 and small != small.to_integral_value():
            return f"{small}" if cents else f"{_rounded(number, 1)}"
        return f"{whole:,}"
    for scale, letter in SCALES:
        scaled = number / scale
        last = letter == SCALES[-1][1]
        if _rounded(scaled, 1) < 100:
            return f"{_rounded(scaled, 1)}{letter}"
        if _rounded(scaled, 0) < 1000 or last:
            return f"{_rounded(scaled, 0):,}{letter}"
    raise AssertionError("the last scale takes every number")


def _with_currency(text: str, currency: str) -> str:
    if not currency:
        return text
    symbol = SYMBOLS.get(currency)
    if symbol is None or currency in BEHIND:
        return f"{text}{SPACE}{symbol or currency}"
    return symbol + text


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise TypeError(f"{value!r} is not a date.")


def _date(value: object) -> str:
    day = _day(value)
    return f"{day.day}{SPACE}{MONTHS[day.month - 1]}{SPACE}{day.year}"


def _month(value: object) -> str:
    day = _day(value)
    return f"{MONTHS[day.month - 1]}{SPACE}{day.year}"


def _week(value: object) -> str:
    first = _day(value)
    last = first + timedelta(days=6)
    if first.year != last.year:
        return f"{_date(first)}{SPACE}–{SPACE}{_date(last)}"
    if first.month != last.month:
        return f"{first.day}{SPACE}{MONTHS[first.month - 1]}{SPACE}–{SPACE}{_date(last)}"
    return f"{first.day}–{_date(last)}"


def _instant(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is not an instant.")
    return f"{_date(value)}, {value:%H:%M}{SPACE}UTC"


DAYS: dict[str, Callable[[object], str]] = {"date": _date, "month": _month, "week": _week, "instant": _instant}
