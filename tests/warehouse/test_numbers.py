"""How values are written for people; the answers are those of the style guide, and of rounding by hand."""

import doctest
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse import numbers
from warehouse.numbers import MISSING, fmt, kind_of_unit

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (947, "count", "947"),
        (9_999, "count", "9,999"),
        (10_000, "count", "10.0K"),
        (99_949, "count", "99.9K"),
        (99_950, "count", "100K"),
        (999_499, "count", "999K"),
        (999_500, "count", "1.0M"),
        (1_234_567_890, "count", "1.2B"),
        (5_400_000_000_000, "count", "5,400B"),
        (0, "count", "0"),
        (-1_234, "count", "−1,234"),
        (12.5, "amount", "12.50"),
        (999.6, "amount", "1,000"),
        (Decimal("279400.50"), "money", "279K"),
        (0.145, "rate", "14.5%"),
        (0.1445, "rate", "14.5%"),
        (0.9999, "share", "100.0%"),
        (0.145, "rate_whole", "15%"),
        (-0.016, "points", f"−1.6{NBSP}pp"),
        (-0.0004, "rate", "0.0%"),
        (3.42, "ratio", "3.4×"),
        (70.5, "score", "71"),
        (2.4, "days", f"2.4{NBSP}d"),
        (41.2, "days", f"41{NBSP}d"),
        (9.96, "days", f"10{NBSP}d"),
        (3.0, "hours", f"3{NBSP}h"),
        (133.4, "minutes", f"133{NBSP}min"),
        (None, "amount", MISSING),
        (float("nan"), "rate", MISSING),
        (float("inf"), "ratio", MISSING),
        ("", "text", MISSING),
        (date(2026, 11, 16), "date", f"16{NBSP}Nov{NBSP}2026"),
        (date(2026, 11, 1), "month", f"Nov{NBSP}2026"),
        (date(2026, 11, 9), "week", f"9–15{NBSP}Nov{NBSP}2026"),
        (date(2026, 9, 28), "week", f"28{NBSP}Sep{NBSP}–{NBSP}4{NBSP}Oct{NBSP}2026"),
        (date(2026, 12, 28), "week", f"28{NBSP}Dec{NBSP}2026{NBSP}–{NBSP}3{NBSP}Jan{NBSP}2027"),
        (datetime(2026, 11, 16, 9, 5), "instant", f"16{NBSP}Nov{NBSP}2026, 09:05{NBSP}UTC"),
    ],
)
def test_values_are_written_as_the_guide_says(value: object, kind: str, text: str) -> None:
    assert fmt(value, kind) == text


def test_an_amount_names_its_currency_and_a_change_its_sign() -> None:
    assert fmt(10_649_000, "amount", currency="USD") == "$10.6M"
    assert fmt(-279_400, "amount", currency="USD") == "−$279K"
    assert fmt(7, "amount", currency="CHF") == f"7{NBSP}CHF"
    assert fmt(0.08, "rate", signed=True) == "+8.0%"
    assert fmt(0, "rate", signed=True) == "0.0%"


def test_what_is_no_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of value"):
        fmt(1, "percent")
    with pytest.raises(TypeError, match="not a number"):
        fmt("12", "count")
    assert kind_of_unit("share") == "rate"
    assert kind_of_unit("seats") == "count"


def test_values_of_data_frames_are_values() -> None:
    assert fmt(np.int64(12_345), "count") == "12.3K"
    assert fmt(np.float64("nan"), "count") == MISSING
    assert fmt(np.bool_(True), "text") == "True"


SIZES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_written_is_within_half_of_its_last_digit(value: int) -> None:
    """Reading the text back gives the value, but for the rounding, and it is never longer than six signs."""
    text = fmt(value, "count")
    letter = text[-1] if text[-1] in "KMB" else ""
    digits = text.removesuffix(letter)
    places = len(digits.partition(".")[2])
    unit = Decimal(SIZES[letter]) / 10**places
    assert abs(Decimal(digits.replace(",", "")) * SIZES[letter] - value) <= unit / 2
    assert len(text) <= 6


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(numbers).failed == 0
