"""What a backup is: a folder with files as they stand in home, and a list of them with their hashes, written last."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from warehouse import chain
from warehouse.errors import DealhouseError
from warehouse.landing import Landing
from warehouse.publish import verify_published
from warehouse.settings import Home, Settings

CONTENTS = "backup.json"
"""What a backup holds; what has it is whole."""

VERSION = re.compile(r"\d{8}T\d{12}Z")
"""Names of backups; nothing else in their folder is ever removed."""

RESTORING = ".restoring"
"""Folder of a home that is being put back."""


@dataclass(frozen=True)
class Backup:
    """A backup that is complete."""

    path: Path
    files: int
    bytes: int
    published: str | None
    """The version that readers have as soon as it is put back."""

    @classmethod
    def of(cls, path: Path, contents: dict[str, Any]) -> "Backup":
        """The backup at a path, by its list."""
        files = contents["files"].values()
        return cls(path, len(files), sum(one.get("bytes", 0) for one in files), contents["published"])


class BackupError(DealhouseError):
    """A backup could not be made, or not be put back; what was there before stands."""


def backups(folder: Path) -> list[Path]:
    """Whole backups in a folder, oldest first."""
    return sorted(one for one in folder.glob("*") if VERSION.fullmatch(one.name) and (one / CONTENTS).exists())


def read(path: Path) -> dict[str, Any]:
    """The list of a backup.

    Raises
    ------
    BackupError
        If it is none, or names files outside of it.
    """
    try:
        contents: dict[str, Any] = json.loads((path / CONTENTS).read_text())
        outside = [name for name in contents["files"] if not _is_inside(name)]
        _ = contents["forgotten"], contents["published"]
        why = f"{outside[0]} would lie elsewhere" if outside else ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error)
    if why:
        raise BackupError(
            "There is no backup here.",
            where=str(path / CONTENTS),
            why=why,
            todo="Name a folder that `dealhouse backup --to` was given, or one of the folders in it.",
        )
    return contents


def write(path: Path, contents: dict[str, Any]) -> None:
    """Write the list of a backup, durably."""
    (path / CONTENTS).write_text(json.dumps(contents, indent=1))
    chain.fsync_file(path / CONTENTS)
    chain.fsync_folder(path)


def problems(copied: Path, settings: Settings) -> list[str]:
    """What is not sound in a copy of home: the chains and hashes of what was landed, and of what is published."""
    home = Home(copied)
    return [*Landing(home, settings).verify(), *verify_published(home)]


def copy_modes(source: Path, target: Path) -> None:
    """Give folders the permissions that they have in the source: those of keys are for their owner alone."""
    for folder in [source, *(one for one in source.rglob("*") if one.is_dir() and not one.is_symlink())]:
        copied = target / folder.relative_to(source)
        if copied.is_dir() and not copied.is_symlink():
            shutil.copymode(folder, copied)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
