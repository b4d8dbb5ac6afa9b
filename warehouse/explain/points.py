"""What is compared: published versions, and instants for which a table is rebuilt.

Whether a table can be had at a point is found out in :mod:`warehouse.explain.states`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from warehouse.errors import UsageError
from warehouse.publish import Published, versions
from warehouse.settings import Home

RESTATED = "restated"
CURRENT, PREVIOUS = "current", "previous"
HOW = (
    "Give each as a published version (`dealhouse rollback --list`), current, previous, an instant such as 2026-03-31 "
    "or 2026-03-31T18:00:00Z, an instant with what was known by another, 2026-03-31@2026-04-05, or, as the second, "
    "restated: the as_of of the first, rebuilt with all that is known now."
)


@dataclass(frozen=True)
class Point:
    """One side of a comparison; instants are naive UTC."""

    as_of: datetime | None
    """None is the latest event time."""
    known_at: datetime | None
    """None is no bound."""
    batch_id: int | None = None
    """The last batch that is in it; None for all that have been taken in."""
    version: str | None = None
    path: Path | None = None
    """File of the version; None where the table is rebuilt."""

    def __str__(self) -> str:
        """Say what it is, for a reader who has not asked for it."""
        as_of = f"as of {_shown(self.as_of)}" if self.as_of else "as of the latest event"
        known = f", with what was known at {_shown(self.known_at)}" if self.known_at else ""
        if self.version:
            return f"published version {self.version} ({as_of}{known}, batches up to {self.batch_id})"
        return f"rebuilt {as_of}{known or ', with all that is known now'}"


def parse_points(home: Home, before: str, after: str) -> tuple[Point, Point]:
    """Understand the two sides of a comparison as a user writes them.

    Raises
    ------
    UsageError
        If one is neither a version that is kept nor an instant, or both are the same.
    """
    first = _parse(home, before)
    second = replace(first, known_at=None, batch_id=None, version=None, path=None) if after == RESTATED else None
    if second is None:
        second = _parse(home, after)
    if first == second:
        raise UsageError("Both sides are the same, so that nothing can differ.", why=str(first), todo=HOW)
    return first, second


def _parse(home: Home, text: str) -> Point:
    kept = versions(home)
    named = {published.version: published for published in kept}
    if text == RESTATED:
        raise UsageError(f"{RESTATED!r} can only be the second of the two.", todo=HOW)
    if text in (CURRENT, PREVIOUS):
        now = next((number for number, published in enumerate(kept) if published.is_current), None)
        wanted = None if now is None else now - (text == PREVIOUS)
        if wanted is None or wanted < 0:
            raise UsageError(f"There is no {text} version.", where=str(home.published), why=_kept(kept), todo=HOW)
        return _of_version(kept[wanted])
    if text in named:
        return _of_version(named[text])
    as_of, _, known_at = text.partition("@")
    try:
        return Point(_instant(as_of), _instant(known_at) if known_at else None)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is neither a published version nor an instant.",
            where=str(home.published),
            why=f"{_kept(kept)}; {error}",
            todo=HOW,
        ) from error


def _of_version(published: Published) -> Point:
    return Point(published.as_of, published.known_at, published.batch_id, published.version, published.path)


def _kept(kept: list[Published]) -> str:
    return "kept are " + (", ".join(published.version for published in kept) or "no versions")


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
