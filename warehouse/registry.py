"""Fitted models under home: each version once, whole, hashed; a chained journal says which one is in force.

A model is JSON (numbers and words, nothing that is executed) with a card that tells people what it is worth. What the
JSON means is for :mod:`scoring` to say. Nothing is ever overwritten; a version that a crash left half is no version,
because no line of the journal names it.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError, UsageError
from warehouse.settings import Home

MODEL, CARD, CARD_TEXT = "model.json", "card.json", "card.md"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class ModelVersion:
    """A fitted model as the journal tells of it."""

    score: str
    version: str
    folder: Path
    fitted_at: str
    """ISO 8601, UTC."""
    sha256: str
    """Of model.json."""
    is_champion: bool
    promoted_at: str | None
    """Last time that it was put in force."""

    @property
    def in_force_since(self) -> datetime | None:
        """The same, as UTC without a zone."""
        return None if self.promoted_at is None else _instant(self.promoted_at)


def save(
    home: Home,
    score: str,
    model: Mapping[str, Any],
    card: Mapping[str, Any],
    card_text: str,
    plots: Mapping[str, bytes] | None = None,
) -> ModelVersion:
    """Keep a fitted model as the next version of its score; it is a challenger until it is promoted.

    The caller holds the writer lock. `plots` are files that stand beside the card, by name.

    Raises
    ------
    UsageError
        If the name of the score is no identifier.
    ValueError
        If the model or its card is no JSON, or holds a number that is not finite.
    """
    if not _NAME.fullmatch(score):
        raise UsageError(f"{score!r} is no name of a score.", todo="Use letters, digits and underscores.")
    number = 1 + sum(entry["kind"] == "fitted" and entry["score"] == score for entry in _journal(home))
    version = f"{score}-{number:04}"
    folder = home.models / score / version
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {}
    for name, content in (
        (MODEL, _as_json(model)),
        (CARD, _as_json(card)),
        (CARD_TEXT, card_text.encode()),
        *(plots or {}).items(),
    ):
        with (folder / name).open("wb") as sink:
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        hashes[name] = hashlib.sha256(content).hexdigest()
    chain.fsync_folder(folder)
    chain.append(
        _journal_path(home), {"kind": "fitted", "score": score, "version": version, **_now(), "sha256": hashes}
    )
    return find(home, score, version)


def promote(home: Home, score: str, version: str, reason: str) -> ModelVersion:
    """Put a version in force. The next run scores with it.

    Raises
    ------
    UsageError
        If there is no such version.
    DealhouseError
        If its files are not what was once kept.
    """
    load(home, score, version)
    chain.append(
        _journal_path(home), {"kind": "promoted", "score": score, "version": version, **_now(), "reason": reason}
    )
    return find(home, score, version)


def rollback(home: Home, score: str) -> ModelVersion:
    """Put the version in force that was so before the present one.

    Raises
    ------
    UsageError
        If there has been none.
    """
    history: list[str] = []
    for entry in _journal(home):
        if entry["score"] != score or entry["kind"] == "fitted":
            continue
        if entry["kind"] == "rolled_back":
            history = history[:-1]
        elif not history or history[-1] != entry["version"]:
            history.append(entry["version"])
    if len(history) < 2:
        raise UsageError(
            f"There is no earlier model of {score} to go back to.",
            where=str(_journal_path(home)),
            why="at most one has ever been in force",
            todo="See `dealhouse models list`.",
        )
    chain.append(_journal_path(home), {"kind": "rolled_back", "score": score, "version": history[-2], **_now()})
    return find(home, score, history[-2])


def versions(home: Home, at: datetime | None = None) -> list[ModelVersion]:
    """All kept versions, by score and number; with `at` (UTC), as the journal stood at that instant."""
    fitted, in_force, since = [], {}, {}
    for entry in _journal(home):
        if at is not None and _instant(entry["at"]) > _naive(at):
            continue
        if entry["kind"] == "fitted":
            fitted.append(entry)
        else:
            in_force[entry["score"]] = entry["version"]
            since[entry["version"]] = entry["at"]
    return sorted(
        (
            ModelVersion(
                entry["score"],
                entry["version"],
                home.models / entry["score"] / entry["version"],
                entry["at"],
                entry["sha256"][MODEL],
                in_force.get(entry["score"]) == entry["version"],
                since.get(entry["version"]),
            )
            for entry in fitted
        ),
        key=lambda one: (one.score, one.version),
    )


def find(home: Home, score: str, version: str) -> ModelVersion:
    """One kept version.

    Raises
    ------
    UsageError
        If there is no such version.
    """
    for one in versions(home):
        if (one.score, one.version) == (score, version):
            return one
    raise UsageError(f"There is no model {version} of {score}.", todo="See `dealhouse models list`.")


def champions(home: Home, at: datetime | None = None) -> list[ModelVersion]:
    """The versions in force, by score: now, or at an instant (UTC)."""
    return [one for one in versions(home, at) if one.is_champion]


def load(home: Home, score: str, version: str, name: str = MODEL) -> str:
    """Text of a kept file, after its hash has been compared with the journal's.

    Raises
    ------
    UsageError
        If there is no such version.
    DealhouseError
        If the file is gone, or is not what was once kept.
    """
    one = find(home, score, version)
    expected = next(
        entry["sha256"].get(name)
        for entry in _journal(home)
        if entry["kind"] == "fitted" and entry["version"] == version
    )
    path = one.folder / name
    content = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(content).hexdigest() != expected:
        raise DealhouseError(
            f"The model {version} is not used.",
            where=str(path),
            why="the file is missing or was changed after it was kept: its hash is not the journal's",
            todo=f"Bring the file back from a backup, or go on with another: `dealhouse models rollback {score}`.",
        )
    return content.decode()


def _as_json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1).encode()


def _now() -> dict[str, str]:
    return {"at": utc_now().isoformat(timespec="seconds")}


def _instant(text: str) -> datetime:
    return _naive(datetime.fromisoformat(text))


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def _journal_path(home: Home) -> Path:
    return home.models / "journal.ndjson"


def _journal(home: Home) -> list[dict[str, Any]]:
    return chain.read(_journal_path(home))
