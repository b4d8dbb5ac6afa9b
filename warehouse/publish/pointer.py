"""Published versions: their names, the pointer to the current one, the manifest, going back, what is kept.

A version is ``published/<version>.duckdb``, with personal details beside it in ``contacts-<version>.duckdb``.
A file is never replaced under its own name, since DuckDB and its readers know files by name; what moves is
the symlink ``current.duckdb``. What is in a version belongs to :mod:`warehouse.publish.snapshot`.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.errors import UsageError
from warehouse.lock import file_lock
from warehouse.publish.inspection import inspect
from warehouse.settings import Home

POINTER = "current.duckdb"
CONTACTS_POINTER = "current-contacts.duckdb"
CONTACTS_PREFIX = "contacts-"
INCOMING = ".incoming-"
GRACE = timedelta(seconds=60)
"""A version stays this long after it ceased to be current: somebody may have just looked up its name."""

_VERSION_FILE = re.compile(r"(?:contacts-)?(\d{8}T\d{6}Z-\d{6,})\.duckdb")
_SWAP_WAIT_SECONDS = 30


@dataclass(frozen=True)
class Published:
    """One published version, as the manifest tells it."""

    version: str
    path: Path
    contacts: Path | None
    published_at: datetime
    run_id: str
    as_of: datetime | None
    known_at: datetime | None
    batch_id: int | None
    contracts_version: str
    dealhouse_version: str
    rows: dict[str, int]
    """By ``schema.table``."""
    bytes: int
    is_current: bool


def manifest_path(home: Home) -> Path:
    """Where publications, rollbacks and removals are written down, hash-chained."""
    return home.published / "manifest.ndjson"


@contextmanager
def swapping(home: Home) -> Iterator[None]:
    """Keep others from moving the pointer or writing the manifest.

    Not the one-writer lock: a rollback must not have to wait until a long run ends.
    """
    with file_lock(home.published / ".swap.lock", "moving the pointer", _SWAP_WAIT_SECONDS):
        yield


def versions(home: Home) -> list[Published]:
    """List the versions that can be gone back to, oldest first."""
    target = current_version(home)
    listed = []
    for entry in _live(chain.read(manifest_path(home))).values():
        published = _published(home, entry, target)
        if published.path.exists():
            listed.append(published)
    return sorted(listed, key=lambda published: published.version)


def current(home: Home) -> Published | None:
    """Return the version that readers see, or None where nothing was published yet."""
    return next((published for published in versions(home) if published.is_current), None)


def current_version(home: Home) -> str | None:
    """Return the name of the version that the pointer names, without looking any further."""
    try:
        found = _VERSION_FILE.fullmatch((home.published / POINTER).readlink().name)
    except OSError:
        return None
    return found.group(1) if found else None


def rollback(home: Home, to: str | None = None, steps: int = 1) -> Published:
    """Let readers see an older version, at once, or with `to` any version that is kept.

    A run that is under way is not waited for, and publishes its outcome when it ends.

    Parameters
    ----------
    to
        Name of the version; without it, `steps` versions back from the current one.

    Raises
    ------
    UsageError
        If there is no such version.
    """
    with swapping(home):
        known = versions(home)
        if to is None:
            now = current_version(home) or ""
            older = [published for published in known if published.version < now]
            chosen = older[-steps] if 0 < steps <= len(older) else None
        else:
            chosen = next((published for published in known if published.version == to), None)
        if chosen is None:
            raise UsageError(
                f"There is no published version {to or f'{steps} step(s) back'}.",
                where=str(home.published),
                why="kept are: " + (", ".join(published.version for published in known) or "none"),
                todo="Choose one of these; DEALHOUSE_KEEP_PUBLISHED says how many are kept.",
            )
        _record(home, "rollback", chosen.version, replaces=current_version(home))
        point_to(home, chosen.version)
    return next(published for published in versions(home) if published.version == chosen.version)


def verify_published(home: Home) -> list[str]:
    """Compare every published file, and the chain itself, with the manifest; return problems as sentences."""
    try:
        live = _live(chain.read(manifest_path(home)))
    except chain.BrokenChainError as error:
        return [str(error)]
    expected = {file["file"]: file for entry in live.values() for file in entry["files"]}
    present = [home.published / name for name in expected if (home.published / name).exists()]
    found = inspect(present, count=False)
    problems = [f"{name}: the file is missing" for name in sorted(expected.keys() - found.keys())]
    for name, seen in found.items():
        if "error" in seen:
            problems.append(f"{name}: cannot be read ({seen['error']})")
        elif seen["sha256"] != expected[name]["sha256"]:
            problems.append(
                f"{name}: its content has changed since it was published "
                f"(SHA-256 {seen['sha256'][:16]}… instead of {expected[name]['sha256'][:16]}…)"
            )
    if live and current_version(home) not in live:
        problems.append(f"{POINTER} names no published version")
    return problems


# What a publication does with versions. All of it is called while holding `swapping`.


def next_version(home: Home) -> str:
    """Name the next version: UTC time and number; sorts after all others even if the clock went back."""
    published = [entry for entry in chain.read(manifest_path(home)) if entry["kind"] == "publish"]
    number = published[-1]["number"] + 1 if published else 1
    stamp = f"{utc_now():%Y%m%dT%H%M%SZ}"
    if published:
        stamp = max(stamp, published[-1]["version"].split("-")[0])
    return f"{stamp}-{number:06d}"


def admit(home: Home, version: str, details: dict[str, Any]) -> None:
    """Write down that `version` is complete, and let readers see it."""
    replaced = current_version(home)
    _record(home, "publish", version, number=int(version.split("-")[1]), replaces=replaced, **details)
    point_to(home, version)


def point_to(home: Home, version: str) -> None:
    """Move both pointers, each at once; the one to personal details goes away where there are none."""
    contacts = home.published / f"{CONTACTS_PREFIX}{version}.duckdb"
    contacts_pointer = home.published / CONTACTS_POINTER
    if contacts.exists():
        _move_pointer(contacts_pointer, contacts.name)
    else:
        contacts_pointer.unlink(missing_ok=True)
    _move_pointer(home.published / POINTER, f"{version}.duckdb")
    chain.fsync_folder(home.published)


def retire(home: Home, keep: int, grace: timedelta | None = None) -> list[str]:
    """Remove versions beyond the last `keep`; never the current one, nor one that was so within `grace`.

    `grace` is :data:`GRACE` where it is not given. Whoever has a removed file open goes on reading it; the space comes
    back when he closes it.
    """
    entries = chain.read(manifest_path(home))
    now = utc_now()
    grace = GRACE if grace is None else grace
    left_at = {entry.get("replaces"): datetime.fromisoformat(entry["at"]) for entry in entries}
    never = datetime.min.replace(tzinfo=UTC)
    beyond = sorted(_live(entries))[:-keep]
    return _remove(home, [one for one in beyond if now - left_at.get(one, never) >= grace])


def retire_older(home: Home, before: datetime) -> list[str]:
    """Remove versions that were published before an instant (naive UTC), but for the current one."""
    old = [one for one in versions(home) if one.published_at.astimezone(UTC).replace(tzinfo=None) < before]
    return _remove(home, [one.version for one in old])


def _remove(home: Home, chosen: list[str]) -> list[str]:
    live, target = _live(chain.read(manifest_path(home))), current_version(home)
    removed = []
    for version in chosen:
        if version == target:
            continue
        # Written down first: a file that is gone without that would look like a loss.
        _record(home, "retire", version)
        for file in live[version]["files"]:
            (home.published / file["file"]).unlink(missing_ok=True)
        removed.append(version)
    return removed


def clean(home: Home) -> None:
    """Remove what publishers that were killed have left, and move the pointer where one had not come to it.

    What is removed is nothing that a reader was ever pointed to.
    """
    for folder in home.published.glob(f"{INCOMING}*"):
        shutil.rmtree(folder)
    for pointer in home.published.glob(f".{POINTER}.*"):
        pointer.unlink()
    entries = chain.read(manifest_path(home))
    live = _live(entries)
    if not live:
        return  # without a manifest nothing tells leftovers from versions
    meant = next(entry["version"] for entry in reversed(entries) if entry["kind"] != "retire")
    if current_version(home) != meant:
        point_to(home, meant)
    for path in home.published.glob("*.duckdb"):
        found = _VERSION_FILE.fullmatch(path.name)
        if found and found.group(1) not in live and found.group(1) != current_version(home):
            path.unlink()


def _move_pointer(pointer: Path, target: str) -> None:
    fresh = pointer.with_name(f".{POINTER}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(pointer)


def _record(home: Home, kind: str, version: str, **details: Any) -> None:
    chain.append(manifest_path(home), {"kind": kind, "at": utc_now().isoformat(), "version": version, **details})


def _live(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Publications that were not retired, by version."""
    live = {}
    for entry in entries:
        if entry["kind"] == "publish":
            live[entry["version"]] = entry
        elif entry["kind"] == "retire":
            live.pop(entry["version"], None)
    return live


def _published(home: Home, entry: dict[str, Any], target: str | None) -> Published:
    version, publication = entry["version"], entry["publication"]
    names = [file["file"] for file in entry["files"]]
    contacts = next((name for name in names if name.startswith(CONTACTS_PREFIX)), None)
    return Published(
        version=version,
        path=home.published / f"{version}.duckdb",
        contacts=home.published / contacts if contacts else None,
        published_at=datetime.fromisoformat(entry["at"]),
        run_id=publication["run_id"],
        as_of=_instant(publication["as_of"]),
        known_at=_instant(publication["known_at"]),
        batch_id=publication["batch_id"],
        contracts_version=publication["contracts_version"],
        dealhouse_version=publication["dealhouse_version"],
        rows=entry["rows"],
        bytes=sum(file["bytes"] for file in entry["files"]),
        is_current=version == target,
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
