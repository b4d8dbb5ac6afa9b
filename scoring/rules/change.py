"""The smallest change that would take a rule's score over a border, in words.

One part is changed at a time, and the others stay: what several parts together would do has no smallest answer that
could be told in a sentence. A part that is not known may become so.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SLACK = 1e-9
MOST_DIGITS = 9
"""Decimals at which two values that are told apart are the same to anybody."""


@dataclass(frozen=True)
class PartNow:
    """A part of a weighted score as it is."""

    name: str
    weight: float
    points: float | None
    """0 to 100; None where nothing is known of it."""
    value: float | None = None
    """What the points are for, of parts that are measured by a number."""
    limits: tuple[float, float] | None = None
    """Values with no and with all points."""
    can_change: bool = True


@dataclass(frozen=True)
class Change:
    """A part, and the points that it would need."""

    part: PartNow
    points: float

    @property
    def words(self) -> str:
        """What would have to be so, as the subject of a sentence."""
        name = self.part.name.replace("_", " ")
        if self.part.limits is None:
            return f"a {name} worth {math.ceil(self.points - SLACK)} of 100 points"
        nought, full = self.part.limits
        digits = _digits(abs(full - nought))
        if self.part.value is None:
            return f"a known {name} of {self._wanted(digits)}"
        while digits < MOST_DIGITS and self._wanted(digits) == _plain(self.part.value, digits):
            digits += 1
        return f"{name} of {self._wanted(digits)} instead of {_plain(self.part.value, digits)}"

    def _wanted(self, digits: int) -> str:
        nought, full = self.part.limits or (0.0, 100.0)
        value = nought + self.points / 100 * (full - nought)
        return _plain(_outward(value, digits, rising=(full > nought) == self._more), digits)

    @property
    def moved(self) -> float:
        """Points by which the part changes."""
        return abs(self.points - (self.part.points or 0.0))

    @property
    def _more(self) -> bool:
        return self.part.points is None or self.points > self.part.points


def smallest_change(parts: Sequence[PartNow], target: float) -> Change | None:
    """The part whose points would have to move least for the weighted mean of the known parts to become ``target``.

    Returns
    -------
    Change or None
        None where no single part is enough. Of equal ones the first.

    Examples
    --------
    >>> parts = [PartNow("use", 0.5, 40.0, 4.0, (0.0, 10.0)), PartNow("mood", 0.25, None, None, (0.0, 10.0))]
    >>> smallest_change(parts, 50.0).words
    'use of 5 instead of 4'
    """
    known = [(part.weight, part.points) for part in parts if part.points is not None]
    weight = sum(one for one, _ in known)
    summed = sum(one * points for one, points in known)
    found = []
    for part in parts:
        if not part.can_change or part.weight <= 0:
            continue
        rest, base = (
            (summed, weight + part.weight)
            if part.points is None
            else (
                summed - part.weight * part.points,
                weight,
            )
        )
        needed = (target * base - rest) / part.weight
        if -SLACK <= needed <= 100 + SLACK:
            found.append(Change(part, min(max(needed, 0.0), 100.0)))
    return least(found)


def least(changes: Iterable[Change]) -> Change | None:
    """The one that moves least, of equal ones the first; what differs by rounding alone is equal. None of none."""
    best: Change | None = None
    for one in changes:
        if best is None or one.moved < best.moved - SLACK:
            best = one
    return best


def _digits(span: float) -> int:
    """Decimals that people need: of a twentieth of what lies between no and all points; below 0 for thousands."""
    return -math.floor(math.log10(span / 20)) if span else 1


def _outward(value: float, digits: int, *, rising: bool) -> float:
    """A value to so many decimals, rounded so that it is still enough."""
    steps = value * 10.0**digits
    return (math.ceil(steps - SLACK) if rising else math.floor(steps + SLACK)) / 10.0**digits


def _plain(value: float, digits: int) -> str:
    """Without an exponent, and without zeros that say nothing."""
    text = f"{value:.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
