"""Copies home while runs go on.

What is copied is what cannot be made again: what was received, keys, models, journals and ledgers, reports; and the
published files, so that readers have their numbers at once. The work file is not: the next run makes it from landing.
No file of the engine is opened here. A backup is as secret as the home that it is of: keys are in it.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from warehouse import chain
from warehouse.backup.contents import (
    RESTORING,
    Backup,
    BackupError,
    backups,
    copy_modes,
    problems,
    read,
    write,
)
from warehouse.clock import utc_now
from warehouse.erasure import receipts
from warehouse.erasure.pending import is_rebuild_marked, pending
from warehouse.intake.spool import OPEN_SUFFIX, Spool
from warehouse.landing.copying import copy_hashed, file_hash
from warehouse.publish import current_version
from warehouse.settings import Home, Settings

INCOMING = ".incoming-"
MADE_AGAIN = frozenset({"dbt", "spark", "tmp", RESTORING})
"""Folders of home that are not copied, beside the work file."""
PASSING = (".lock", ".tmp", ".part", "-wal", "-shm", "-journal")
"""Ends of names of what somebody is writing, or holds."""

_ATTEMPTS = 3


def back_up(home: Home, settings: Settings, folder: Path, keep: int = 3) -> Backup:
    """Copy home to a new folder below ``folder``, prove the copy, and remove the backups that are not kept.

    Needs no lock: a run may go on. What it has landed by then is in the copy, and what it publishes in the next one.

    Parameters
    ----------
    keep
        How many backups stay, at least one. Those of before the last erasure or retention always go: they hold what
        is gone from home.

    Raises
    ------
    BackupError
        If the folder lies within home or cannot be written, an erasure is under way, or the copy is not sound.
    """
    if folder.is_relative_to(home.root) or home.root.is_relative_to(folder):
        raise BackupError(
            "A backup cannot stand where home does.",
            where=str(folder),
            why="what befalls the one would befall the other",
            todo="Name a folder on another disk.",
        )
    version = f"{utc_now():%Y%m%dT%H%M%S%fZ}"
    incoming = folder / f"{INCOMING}{version}"
    try:
        for left in folder.glob(f"{INCOMING}*"):
            shutil.rmtree(left)
        contents = _sound_copy(home, settings, incoming)
        write(incoming, contents)
        incoming.rename(folder / version)
        chain.fsync_folder(folder)
        for number, path in enumerate(reversed(backups(folder))):
            if number >= max(1, keep) or read(path)["forgotten"] != contents["forgotten"]:
                shutil.rmtree(path)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(
            "The backup was not made, or a former one could not be removed.",
            where=str(getattr(error, "filename", None) or folder),
            why=str(error),
            todo="Mend the cause (for a full disk: free some space) and call it again; nothing needs cleaning.",
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return Backup.of(folder / version, contents)


def _sound_copy(home: Home, settings: Settings, incoming: Path) -> dict[str, Any]:
    """Copy until nothing has gone away meanwhile; files of journals do when they are older than what is kept."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(incoming, ignore_errors=True)
        contents, gone = _copied(home, incoming)
        found = [gone] if gone else problems(incoming, settings)
        if not found:
            return contents
    raise BackupError(
        "The copy is not sound.",
        where=str(home.root),
        why="; ".join(found[:3]),
        todo="Look at `dealhouse verify`. If that is sound, home changes faster than it is copied: try again later.",
    )


def _copied(home: Home, target: Path) -> tuple[dict[str, Any], str]:
    """Copy what waits first, then journals, then what these name: a file is there before its line, and is landed after.

    Return the list, and what went away meanwhile.
    """
    _refuse_while_erasing(home)
    forgotten = len(receipts.read(home))
    files: dict[str, dict[str, Any]] = {}
    target.mkdir(parents=True)
    gone = ""
    stages: tuple[Callable[[Path], bool], ...] = (
        lambda path: path.is_relative_to(home.inbox),
        lambda path: path.suffix == ".ndjson" or path.is_symlink(),
        lambda path: not path.is_relative_to(home.inbox),
    )
    for is_due in stages:
        while went := _copy_due(home, target, files, is_due):
            # What waited has another name by now, under which it waits on or has landed.
            if is_due is not stages[0]:
                gone = f"{went} went away while it was copied"
                break
    copy_modes(home.root, target)
    _refuse_while_erasing(home)
    if len(receipts.read(home)) != forgotten:
        gone = "something was erased meanwhile"
    contents = {
        "made_at": utc_now().isoformat(timespec="seconds"),
        "forgotten": forgotten,
        "published": current_version(Home(target)),
        "files": files,
    }
    return contents, gone


def _copy_due(home: Home, target: Path, files: dict[str, dict[str, Any]], is_due: Callable[[Path], bool]) -> str:
    """Copy what is due and not copied yet, and note it in ``files``; return a name that went away meanwhile."""
    went = ""
    for path in _walk(home):
        name = path.relative_to(home.root).as_posix()
        if name not in files and is_due(path):
            try:
                files[name] = _copy(path, target / name)
            except FileNotFoundError:
                went = name
    return went


def _refuse_while_erasing(home: Home) -> None:
    if pending(home) or is_rebuild_marked(home):
        raise BackupError(
            "An erasure or a retention is under way, or was cut off.",
            where=str(home.erasure),
            why="a copy would hold what is to be gone",
            todo="Wait for its end, or finish it with `dealhouse erase --resume` or a run; then call this again.",
        )


def _walk(home: Home) -> Iterator[Path]:
    """Files and links of home that are copied."""
    spool = Spool(home).folder
    for folder, names, files in os.walk(home.root):
        at_top = Path(folder) == home.root
        names[:] = sorted(one for one in names if not (at_top and one in MADE_AGAIN))
        for name in sorted(files):
            is_work = at_top and name.startswith(home.warehouse.name)
            # What the collector appends to holds events that it has accepted.
            is_accepted = name.endswith(OPEN_SUFFIX) and Path(folder) == spool
            if is_accepted or not (is_work or name.endswith(PASSING)):
                yield Path(folder, name)


def _copy(path: Path, target: Path) -> dict[str, Any]:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        link = path.readlink()
        target.symlink_to(link)
        return {"link": str(link)}
    with path.open("rb") as file:
        is_sqlite = file.read(16) == b"SQLite format 3\0"
    if is_sqlite:
        # Copied as it stands, it could be between two states; this waits for its writers.
        source, copy = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            source.close()
            copy.close()
        chain.fsync_file(target)
        digest, size = file_hash(target), target.stat().st_size
    else:
        digest, size = copy_hashed(path, target)
    shutil.copymode(path, target)
    return {"sha256": digest, "bytes": size}
