"""Lands files: copies them into immutable segments and writes them into the hash-chained manifest."""

import glob
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError, UsageError
from warehouse.landing import amendments, screening
from warehouse.landing.copying import copy_hashed, file_hash
from warehouse.settings import Home, Settings
from warehouse.sources import kinds

if TYPE_CHECKING:
    from warehouse.erasure.plan import Plan

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
    """Of its files as they are kept now."""
    rows: tuple[tuple[int, int], ...] = ()
    """Of a replay: (batch, row) of the rows that it takes in."""
    rejects: tuple[tuple[int, int, str, str], ...] = ()
    """The same, with the reason and the sentence that each had been rejected with."""
    received_hash: str = ""
    """Of its files as they were received: what is sent again is known by it, also after an erasure."""
    stream: str = ""
    """Of what was read from a database: what of it, such as ``crm.outbox``."""
    position: dict[str, Any] = field(default_factory=dict)
    """Where that reading ended."""


@dataclass(frozen=True)
class Landed:
    """What became of a file: a new entry, or the batch that it had been landed as before."""

    name: str
    entry: Entry | None
    problem: str = ""
    """Why a file of the inbox was left where it is."""
    before: Entry | None = None
    """What it had been landed as before."""

    @property
    def already(self) -> int | None:
        """Number of the batch that it had been landed as before."""
        return self.before.seq if self.before else None

    def __str__(self) -> str:
        """Say it in a sentence."""
        if self.before is not None:
            name = "" if self.before.name == self.name else f" from {self.before.name}"
            return (
                f"{self.name} had been taken in before, as batch {self.before.seq}{name}, "
                f"received {self.before.received_at:%Y-%m-%d %H:%M:%S} UTC: its content is the same to the byte."
            )
        return self.problem or f"{self.name} has landed."


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


def named_files(paths: Sequence[Path], mapping: Path | None = None) -> dict[str, Path]:
    """Files that these paths, folders and globs name, by their role in the mapping; without one, by their path.

    Raises
    ------
    UsageError
        If a path names nothing, or a file that cannot be read without a mapping, or not by this one.
    """
    if mapping is not None:
        from warehouse.sources.mapping import load

        return load(mapping).files(list(_expanded(paths, keep_folders=True)))
    found = list(_expanded(paths))
    for path in found:
        kinds.check_native(path)
    return {str(path): path for path in found}


class Landing:
    """The landing folder of a home. Whoever writes to it holds the writer lock.

    Parameters
    ----------
    settings
        By which erased persons are recognised in what arrives; those of the environment where they are not given.
    erasure
        The one that is being carried out, if any: what lands meanwhile lands without its persons.
    """

    def __init__(self, home: Home, settings: Settings | None = None, erasure: Optional["Plan"] = None) -> None:
        self.home, self._erasure = home, erasure
        self._settings = settings or Settings(home=home.root)
        self.segments = home.landing / "segments"
        self.manifest = home.landing / "manifest.ndjson"
        self._read: tuple[int, list[Entry], int] = 0, [], 0
        """Size of the manifest when it was read, its entries, and the number of its last record."""

    def entries(self) -> list[Entry]:
        """All entries in the order in which they arrived, with their files as they are kept now.

        Raises
        ------
        warehouse.chain.BrokenChainError
            If the manifest is not what was written.
        """
        # Landing a thousand files asks for them a thousand times.
        size = self.manifest.stat().st_size if self.manifest.exists() else 0
        if size != self._read[0]:
            records = chain.read(self.manifest)
            self._read = size, amendments.applied(records, _entry), records[-1]["seq"] if records else 0
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
        files = named_files(paths, mapping)
        with self._tidy():
            if mapping is not None:
                name = " + ".join(path.name for path in files.values())
                return [self._land({"mapping": mapping, **files}, name, received_at)]
            return [self._land({"events": path}, path.name, received_at) for path in files.values()]

    def land_inbox(self, received_at: datetime | None = None) -> list[Landed]:
        """Land what waits in the inbox, and remove each file once it is safe; one that cannot be read stays there.

        So does one that was written to meanwhile: the next call lands it again, and what is in already is not doubled.
        """
        landed = []
        with self._tidy():
            for path in waiting_files(self.home):
                problem = inbox_problem(path)
                if problem:
                    landed.append(Landed(path.name, None, problem))
                    continue
                before = path.stat()
                landed.append(self._land({"events": path}, path.name, received_at))
                after = path.stat()
                if _state(before) == _state(after):
                    path.unlink()
        return landed

    def position(self, stream: str) -> dict[str, Any]:
        """Where the last reading of a stream ended; empty where it was never read."""
        return next((entry.position for entry in reversed(self.entries()) if entry.stream == stream), {})

    def land_pulled(self, path: Path, stream: str, position: dict[str, Any]) -> Landed:
        """Land what was read from a database, in one with the position that the next reading goes on from."""
        with self._tidy():
            return self._land({"events": path}, stream, None, {"stream": stream, "position": position})

    def unnamed(self) -> list[Path]:
        """Kept files that no line of the manifest names, so that they are not part of the warehouse."""
        return self._unnamed({str(file["file"]) for entry in self.entries() for file in entry.files})

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

    def amend(self, record: dict[str, Any]) -> None:
        """Note that files of entries are kept in another form from now on, and remove the former ones.

        Parameters
        ----------
        record
            Signed; see :mod:`warehouse.landing.amendments`. Its new files are in place.
        """
        chain.fsync_folder(self.segments)
        chain.append(self.manifest, record)
        self._read = 0, [], 0
        self.remove_replaced()

    def remove_replaced(self) -> None:
        """Remove files that an amendment has put others in place of."""
        once = amendments.files_ever(chain.read(self.manifest))
        for path in self.unnamed():
            if path.name in once:
                path.unlink()

    def amended_files(self) -> int:
        """How many kept files are not as they were received."""
        return amendments.count(self.entries())

    def verify(self, settings: Settings | None = None) -> list[str]:
        """Compare every kept file with the manifest; each sentence of the answer is one thing that is wrong.

        `settings` hold the key that erasures are signed with; those of this object where they are not given.
        """
        self._read = 0, [], 0
        try:
            entries = self.entries()
        except DealhouseError as error:
            return [str(error)]
        problems = amendments.problems(self.home, settings or self._settings, self.manifest)
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
        problems += [
            f"{path} is not in the manifest: that has lost its last line, something else put the file "
            f"there, or a run was cut off. To take it in: dealhouse run {path}"
            for path in self._unnamed(expected)
        ]
        return problems

    @contextmanager
    def _tidy(self) -> Iterator[None]:
        """Begin without the drafts of a run that was cut off, and end without copies that are kept twice."""
        self._remove_drafts()
        yield
        self._remove_spare()

    def _land(
        self, files: dict[str, Path], name: str, received_at: datetime | None, reading: dict[str, Any] | None = None
    ) -> Landed:
        self.segments.mkdir(parents=True, exist_ok=True)
        entries = self.entries()
        seq = self._read[2] + 1
        screen = screening.screen(self.home, files, self._settings, self._erasure)
        kept: list[dict[str, Any]] = []
        temporary: list[tuple[Path, Path]] = []
        for number, (role, origin) in enumerate(files.items()):
            draft = self.segments / f"{seq:08d}-{number}.tmp"
            try:
                received, size = copy_hashed(origin, draft)
                digest, size = screen(origin, draft, role) or (received, size)
            except OSError as error:
                self._remove_drafts()
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
            if received != digest:
                kept[-1]["received_sha256"] = received
        hashes = {_content_hash(kept), _received_hash(kept)}
        for entry in entries:
            # A reading is an entry of its own, whatever it read: its position has to be kept.
            if (
                entry.kind == "file"
                and reading is None
                and not hashes.isdisjoint((entry.content_hash, entry.received_hash))
            ):
                for draft, _ in temporary:
                    draft.unlink()
                return Landed(name, None, before=entry)
        for draft, final_path in temporary:
            draft.chmod(0o444)
            draft.rename(final_path)
        chain.fsync_folder(self.segments)
        record = {"kind": "file", "name": name, "files": kept, "received_at": _stamp(received_at), **(reading or {})}
        return Landed(name, self._append(record))

    def _append(self, record: dict[str, Any]) -> Entry:
        self.home.landing.mkdir(parents=True, exist_ok=True)
        before = self.entries()
        entry = _entry(chain.append(self.manifest, record))
        self._read = self.manifest.stat().st_size, [*before, entry], entry.seq
        return entry

    def _remove_drafts(self) -> None:
        for path in self.segments.glob("*.tmp"):
            path.unlink()

    def _remove_spare(self) -> None:
        """Remove copies that no line of the manifest names, where their content is kept under one that is named.

        A run that was cut off may leave such a copy, and whoever sent it still has it. The manifest may also have
        lost its last line, however, and then the copy is all there is: without its equal it stays.
        """
        named = {str(file["file"]): file for entry in self.entries() for file in entry.files}
        for path in self._unnamed(named):
            size = path.stat().st_size
            digest = ""
            for file in named.values():
                if file["bytes"] == size and self.path(file).exists():
                    digest = digest or file_hash(path)
                    if file["sha256"] == digest == file_hash(self.path(file)):
                        path.unlink()
                        break

    def _unnamed(self, named: Collection[str]) -> list[Path]:
        if not self.segments.exists():
            return []
        return sorted(path for path in self.segments.iterdir() if path.name not in named and path.suffix != ".tmp")


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _content_hash(files: Iterable[dict[str, Any]]) -> str:
    parts = sorted(f"{file['role']}:{file['sha256']}" for file in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _received_hash(files: Iterable[dict[str, Any]]) -> str:
    return _content_hash({**file, "sha256": file.get("received_sha256", file["sha256"])} for file in files)


def _entry(record: dict[str, Any]) -> Entry:
    return Entry(
        seq=record["seq"],
        kind=record["kind"],
        name=record["name"],
        files=tuple(record["files"]),
        received_at=datetime.fromisoformat(record["received_at"]).astimezone(UTC).replace(tzinfo=None),
        content_hash=_content_hash(record["files"]),
        received_hash=_received_hash(record.get("received_files", record["files"])),
        rows=tuple((int(row[0]), int(row[1])) for row in record.get("rows", [])),
        rejects=tuple((int(row[0]), int(row[1]), str(row[2]), str(row[3])) for row in record.get("rows", [])),
        stream=str(record.get("stream", "")),
        position=dict(record.get("position", {})),
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
