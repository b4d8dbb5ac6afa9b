"""Invented people and companies: syllables, reserved domains, an unassigned phone prefix.

No name of a real person or company belongs here. Domains are those of RFC 2606; +999 is assigned to nobody.
"""

import numpy as np
import polars as pl

from warehouse.sample.log import derived, numbered, pick
from warehouse.sample.ragged import Ints

_FIRST = [
    a + b
    for a in ("Al", "Be", "Cor", "Da", "El", "Fi", "Ga", "Io", "Ka", "Mi", "No", "Or", "Pe", "Ru", "Sy", "Ta")
    for b in ("ba", "len", "mir", "na", "ris", "ven", "yo")
]
_LAST = [a + b + c for a in ("Am", "Bru", "Dol", "Fen", "Gar", "Hol", "Lim", "Mor", "Pol", "Sel", "Tor", "Vel")
         for b in ("a", "e", "i", "o") for c in ("bek", "dane", "lis", "mont", "rak", "son", "wick")]  # fmt: skip
_COMPANY = [
    a + b
    for a in (
        "Aqua",
        "Blue",
        "Clear",
        "Deep",
        "East",
        "Fair",
        "Green",
        "High",
        "Iron",
        "Lake",
        "North",
        "Open",
        "Quick",
        "Red",
        "Silver",
        "True",
        "West",
        "Young",
    )
    for b in ("bridge", "field", "forge", "grove", "harbor", "line", "point", "stone", "works", "yard")
]
_DOMAINS = ["example.com", "example.org"]

INDUSTRIES = ["education", "software", "media", "retail", "finance", "manufacturing", "health", "construction"]
GOOD_INDUSTRIES = 3
"""The first so many of :data:`INDUSTRIES` convert better."""

TITLES = ["founder", "head of learning", "marketing director", "manager", "analyst", "engineer", "teacher", "student"]
DECIDERS = 3
"""The first so many of :data:`TITLES` decide."""

CITIES = ["Northport", "Eastvale", "Lakeside", "Redhill", "Stonebridge", "Fairhaven", "Millbrook", "Westfield"]
COUNTRIES = ["US", "DE", "CA", "RU", "UA", "KZ", "ES", "FR"]
REGIONS = ["americas", "emea", "americas", "cis", "cis", "cis", "emea", "emea"]


def people(rng: np.random.Generator, count: int, number: Ints | None = None) -> dict[str, pl.Series]:
    """Draw people: ``first_name``, ``last_name``, ``email`` and ``phone``, the last two unique by number.

    Parameters
    ----------
    rng
        Random stream.
    count
        How many.
    number
        What makes e-mail and phone unique; the position where not given.
    """
    serial = pl.Series(np.arange(count) if number is None else number)
    first, last = pick(_FIRST, rng.integers(0, len(_FIRST), count)), pick(_LAST, rng.integers(0, len(_LAST), count))
    domain = pick(_DOMAINS, rng.integers(0, len(_DOMAINS), count))
    email = derived("{}.{}.{}@{}", first.str.to_lowercase(), last.str.to_lowercase(), serial, domain)
    phone = derived("+999{}{}", pl.Series(rng.integers(10, 99, count)), serial.cast(pl.String).str.zfill(7))
    return {"first_name": first, "last_name": last, "email": email, "phone": phone}


def companies(rng: np.random.Generator, count: int) -> dict[str, pl.Series]:
    """Draw companies: ``name`` and ``domain``, unique by number."""
    word = pick(_COMPANY, rng.integers(0, len(_COMPANY), count))
    form = pick(["Group", "Studio", "Academy", "Labs", "Partners"], rng.integers(0, 5, count))
    number = numbered("", count, digits=4)
    return {
        "name": derived("{} {} {}", word, form, number),
        "domain": derived("{}{}.example.com", word.str.to_lowercase(), number),
    }
