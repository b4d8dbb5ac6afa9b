"""Puts a backup back into an empty home: checked and complete beside it, then moved into its place."""

import shutil
from pathlib import Path
from typing import Any

from warehouse import chain
from warehouse.backup.contents import (
    CONTENTS,
    RESTORING,
    Backup,
    BackupError,
    backups,
    copy_modes,
    problems,
    read,
    write,
)
from warehouse.landing.copying import copy_hashed
from warehouse.settings import Home, Settings


def restore(home: Home, settings: Settings, source: Path) -> Backup:
    """Put a backup back into a home that holds nothing. The caller holds the writer lock of that home.

    Called again after it was cut off, it goes on or begins anew.

    Parameters
    ----------
    source
        A backup, or the folder that holds some: then the youngest.

    Raises
    ------
    BackupError
        If there is none, a file of it is not as it was copied, or the home holds something.
    """
    path = source if (source / CONTENTS).exists() else (backups(source) or [source])[-1]
    contents, draft = read(path), home.root / RESTORING
    if not (draft / CONTENTS).exists():
        _refuse_where_something_is(home)
        shutil.rmtree(draft, ignore_errors=True)
        try:
            _copy_checked(path, contents, draft)
        except OSError as error:
            raise BackupError(
                "A file could not be put back.",
                where=str(error.filename or draft),
                why=str(error),
                todo="Mend the cause, or name another backup; nothing needs cleaning.",
            ) from error
        if found := problems(draft, settings):
            raise BackupError(
                "The backup is not sound.",
                where=str(path),
                why="; ".join(found[:3]),
                todo="Name another backup.",
            )
        write(draft, contents)
    # From here on it is whole, and a second call moves what a kill has left.
    for part in sorted(draft.iterdir()):
        if part.name != CONTENTS:
            part.rename(home.root / part.name)
    chain.fsync_folder(home.root)
    shutil.rmtree(draft)
    return Backup.of(path, contents)


def _refuse_where_something_is(home: Home) -> None:
    held = sorted(one.name for one in home.root.iterdir() if one.name not in (home.lock.name, RESTORING))
    if held:
        raise BackupError(
            "This home holds something already.",
            where=str(home.root),
            why=f"there is {', '.join(held[:5])}",
            todo="Set DEALHOUSE_HOME to a new folder, or move that one away.",
        )


def _copy_checked(path: Path, contents: dict[str, Any], draft: Path) -> None:
    draft.mkdir(parents=True)
    root = draft.resolve()
    for name, told in contents["files"].items():
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(root):
            raise BackupError(
                "A file of the backup would lie elsewhere.", where=name, why="a link leads out of it",
                todo="Name another backup; this one was changed by somebody.",
            )  # fmt: skip
        if "link" in told:
            target.symlink_to(told["link"])
            continue
        if copy_hashed(path / name, target) != (told["sha256"], told["bytes"]):
            raise BackupError(
                "A file of the backup is not as it was copied.", where=str(path / name), why="its SHA-256 has changed",
                todo="Name another backup.",
            )  # fmt: skip
        shutil.copymode(path / name, target)
    copy_modes(path, draft)
