"""Lands files: copies them into immutable segments and writes them into the hash-chained manifest."""

import glob
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError, UsageError
from warehouse.landing.copying import copy_hashed, file_hash
from warehouse.settings import Home
from warehouse.sources import kinds

IGNORED_SUFFIXES = {".tmp", ".part", ".crdownload"}
"""A producer writes under such a name, or a hidden one, and renames when the file is whole."""


@dataclass(frozen=True)
class Entry:
    """One entry of the manifest: what arrived together, and becomes one batch."""

    seq: int
    kind: str
    """``file``, or ``replay`` of rejected rows."""
    name: str
    files: tuple[dict[str, Any], ...]
    received_at: datetime
    """Ingestion clock of all its events, naive UTC."""
    content_hash: str
    rows: tuple[tuple[int, int], ...] = ()
    """Of a replay: (batch, row) of the rows that it takes in."""
    rejects: tuple[tuple[int, int, str, str], ...] = ()
    """The same, with the reason and the sentence that each had been rejected with."""


@dataclass(frozen=True)
class Landed:
    """What became of a file: a new entry, or the batch that it had been landed as before."""

    name: str
    entry: Entry | None
    already: int | None
    problem: str = ""
    """Why a file of the inbox was left where it is."""


def waiting_files(home: Home) -> list[Path]:
    """Files of the inbox that are whole, sorted by name."""
    return _files_below(home.inbox) if home.inbox.exists() else []


def inbox_problem(path: Path) -> str:
    """Why a file of the inbox cannot be landed; empty where it can."""
    if not os.access(path, os.R_OK):
        return f"{path.name} was not landed: it may not be read. Give the user who runs this the right to read it."
    try:
        kinds.check_native(path)
    except UsageError as error:
        return str(error)
    return ""


class Landing:
    """The landing folder of a home. Whoever writes to it holds the writer lock."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.segments = home.landing / "segments"
        self.manifest = home.landing / "manifest.ndjson"
        self._read: tuple[int, list[Entry]] = 0, []

    def entries(self) -> list[Entry]:
        """All entries in the order in which they arrived.

        Raises
        ------
        warehouse.chain.BrokenChainError
            If the manifest is not what was written.
        """
        # Landing a thousand files asks for them a thousand times.
        size = self.manifest.stat().st_size if self.manifest.exists() else 0
        if size != self._read[0]:
            self._read = size, [_entry(record) for record in chain.read(self.manifest)]
        return list(self._read[1])

    def path(self, file: dict[str, Any]) -> Path:
        """Where a file of an entry is kept."""
        return self.segments / str(file["file"])

    def land_all(
        self, paths: Sequence[Path], mapping: Path | None = None, received_at: datetime | None = None
    ) -> list[Landed]:
        """Land files, folders and globs; with a mapping, all that it reads becomes one entry.

        Nothing is landed when any of them cannot be.
        """
        if mapping is not None:
            from warehouse.sources.mapping import load

            files = load(mapping).files(list(_expanded(paths, keep_folders=True)))
            return [self._land({"mapping": mapping, **files}, " + ".join(p.name for p in files.values()), received_at)]
        found = list(_expanded(paths))
        for path in found:
            kinds.check_native(path)
        return [self._land({"events": path}, path.name, received_at) for path in found]

    def land_inbox(self, received_at: datetime | None = None) -> list[Landed]:
        """Land what waits in the inbox, and remove each file once it is safe; one that cannot be read stays there.

        So does one that was written to meanwhile: the next call lands it again, and what is in already is not doubled.
        """
        landed = []
        for path in waiting_files(self.home):
            problem = inbox_problem(path)
            if problem:
                landed.append(Landed(path.name, None, None, problem))
                continue
            before = path.stat()
            landed.append(self._land({"events": path}, path.name, received_at))
            after = path.stat()
            if (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns):
                path.unlink()
        return landed

    def record_replay(self, rows: Iterable[tuple[int, int, str, str]], received_at: datetime | None = None) -> Entry:
        """Note that these rejected rows, as (batch, row, reason, sentence), are taken in now."""
        record = {
            "kind": "replay",
            "name": "replay",
            "files": [],
            "rows": [list(row) for row in rows],
            "received_at": _stamp(received_at),
        }
        return self._append(record)

    def verify(self) -> list[str]:
        """Compare every kept file with the manifest; each sentence of the answer is one thing that is wrong."""
        self._read = 0, []
        try:
            entries = self.entries()
        except DealhouseError as error:
            return [str(error)]
        problems: list[str] = []
        expected: dict[str, dict[str, Any]] = {}
        for entry in entries:
            for file in entry.files:
                expected[str(file["file"])] = file
                path = self.path(file)
                if not path.exists():
                    problems.append(f"{path} is missing (batch {entry.seq}, {entry.name}).")
                elif path.stat().st_size != file["bytes"] or file_hash(path) != file["sha256"]:
                    problems.append(
                        f"{path} is not what was received (batch {entry.seq}, {entry.name}): its hash differs."
                    )
        if self.segments.exists():
            problems += [
                f"{path} is not in the manifest: that has lost its last line, something else put the file "
                "there, or a run was cut off; in that case the next landing removes it."
                for path in sorted(self.segments.iterdir())
                if path.name not in expected and path.suffix != ".tmp"
            ]
        return problems

    def _land(self, files: dict[str, Path], name: str, received_at: datetime | None) -> Landed:
        self.segments.mkdir(parents=True, exist_ok=True)
        entries = self.entries()
        seq = (entries[-1].seq if entries else 0) + 1
        self._clean(seq)
        kept: list[dict[str, Any]] = []
        temporary: list[tuple[Path, Path]] = []
        for number, (role, origin) in enumerate(files.items()):
            draft = self.segments / f"{seq:08d}-{number}.tmp"
            try:
                digest, size = copy_hashed(origin, draft)
            except OSError as error:
                self._clean(seq)
                raise DealhouseError(
                    f"{origin.name} was not landed.",
                    where=str(origin),
                    why=f"{error.strerror or error}",
                    todo="Free space or mend the disk and run again; nothing was taken in, and the file is untouched.",
                ) from error
            suffix = ".mapping.toml" if role == "mapping" else kinds.suffix(origin)
            final = f"{seq:08d}-{digest[:16]}{'' if number == 0 else f'-{number}'}{suffix}"
            temporary.append((draft, self.segments / final))
            kept.append({"file": final, "role": role, "name": origin.name, "sha256": digest, "bytes": size})
        content_hash = _content_hash(kept)
        for entry in entries:
            if entry.content_hash == content_hash and entry.kind == "file":
                self._clean(seq)
                return Landed(name, None, entry.seq)
        for draft, final_path in temporary:
            draft.chmod(0o444)
            draft.rename(final_path)
        chain.fsync_folder(self.segments)
        record = {"kind": "file", "name": name, "files": kept, "received_at": _stamp(received_at)}
        return Landed(name, self._append(record), None)

    def _append(self, record: dict[str, Any]) -> Entry:
        self.home.landing.mkdir(parents=True, exist_ok=True)
        before = self.entries()
        entry = _entry(chain.append(self.manifest, record))
        self._read = self.manifest.stat().st_size, [*before, entry]
        return entry

    def _clean(self, seq: int) -> None:
        """Remove what a run that was cut off had not finished: drafts, and files of an entry that was never written.

        Nobody was told that they had arrived, so that whoever sent them still has them.
        """
        for path in self.segments.glob(f"{seq:08d}-*"):
            path.unlink()


def _content_hash(files: Iterable[dict[str, Any]]) -> str:
    parts = sorted(f"{file['role']}:{file['sha256']}" for file in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _entry(record: dict[str, Any]) -> Entry:
    return Entry(
        seq=record["seq"],
        kind=record["kind"],
        name=record["name"],
        files=tuple(record["files"]),
        received_at=datetime.fromisoformat(record["received_at"]).astimezone(UTC).replace(tzinfo=None),
        content_hash=_content_hash(record["files"]),
        rows=tuple((int(row[0]), int(row[1])) for row in record.get("rows", [])),
        rejects=tuple((int(row[0]), int(row[1]), str(row[2]), str(row[3])) for row in record.get("rows", [])),
    )


def _stamp(received_at: datetime | None) -> str:
    instant = received_at or utc_now()
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _files_below(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix not in IGNORED_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _expanded(paths: Sequence[Path], keep_folders: bool = False) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from [path] if keep_folders else _files_below(path)
        elif path.is_file():
            yield path
        else:
            matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207
            if not matches:
                raise UsageError(
                    f"There is no file {path}.",
                    where=str(path.absolute()),
                    todo="Check the path, or quote the glob.",
                )
            yield from _expanded(matches, keep_folders)
