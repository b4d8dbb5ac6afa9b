"""Publishes the layers that others may read, as a new version that appears at once or not at all.

The order is the promise: everything that can fail happens in a folder that no reader looks into, the finished
file is opened by another process, and only then is it given its name, written down and pointed to. A run that
dies at any instant leaves the former version in place, and leftovers that the next publication removes.
When to publish, and whether the build deserves it, is decided by the pipeline.
"""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from warehouse import __version__, chain
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError
from warehouse.publish import pointer, snapshot
from warehouse.publish.inspection import inspect
from warehouse.publish.pointer import Published
from warehouse.publish.space import require_space
from warehouse.settings import Home, Settings
from warehouse.store import open_store

PUBLIC_LAYERS = ("facts", "marts", "scores")
CONTACT_LAYERS = ("contacts",)
"""Personal details: published apart, readable by the owner of the file alone."""


@dataclass(frozen=True)
class RunInfo:
    """What a version says about the run that made it; instants are naive UTC."""

    run_id: str
    """One per build: two versions of one run hold the same tables."""
    as_of: datetime | None = None
    known_at: datetime | None = None
    batch_id: int | None = None
    """The last batch that is in it."""


class PublishError(DealhouseError):
    """A new version could not be made; readers keep the former one."""


def is_current(home: Home, run: RunInfo) -> bool:
    """Tell whether readers were already given what `run` would publish.

    Where they have been led back to an older version since, that stays so until there is another build. The
    caller holds the writer's lock; a publication that was cut short in its last step is completed here.
    """
    with pointer.swapping(home):
        pointer.clean(home)
    return any(published.run_id == run.run_id for published in pointer.versions(home))


Source = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
"""Opens a file, or views, with the layers as schemas, and the batches in ``raw.batches``."""


def publish(home: Home, settings: Settings, run: RunInfo, source: Source | None = None) -> Published:
    """Publish the layers of the work file, or of another source, as a new version, and let readers see it.

    The caller holds the writer's lock.

    Raises
    ------
    PublishError
        If there is nothing to publish, no space, or the written file is not what it should be. Readers keep
        the former version, and the next call starts clean.
    """
    # Whoever only reads should not wait for pandera to be imported.
    from warehouse.contracts import CONTRACTS_VERSION

    home.published.mkdir(parents=True, exist_ok=True)
    with pointer.swapping(home):
        pointer.clean(home)
        version = pointer.next_version(home)
    require_space(home)
    incoming = home.published / f"{pointer.INCOMING}{version}"
    publication = {
        "version": version,
        **asdict(run),
        "published_at": utc_now().replace(tzinfo=None),
        "dealhouse_version": __version__,
        "contracts_version": CONTRACTS_VERSION,
    }
    try:
        incoming.mkdir(mode=0o700)
        rows = _write(home, source or (lambda: open_store(home, settings)), incoming, publication)
        files = _seal(incoming, rows, version, run.run_id)
        details = {
            "files": files,
            "rows": {name: count for counts in rows.values() for name, count in counts.items()},
            "publication": {
                name: value.isoformat() if isinstance(value, datetime) else value for name, value in publication.items()
            },
        }
        with pointer.swapping(home):
            for path in sorted(incoming.iterdir()):
                path.rename(home.published / path.name)
            chain.fsync_folder(home.published)
            pointer.admit(home, version, details)
            pointer.retire(home, settings.keep_published)
    except (duckdb.Error, OSError) as error:
        raise PublishError(
            "The new version was not published; readers keep the former one.",
            where=str(home.published),
            why=str(error).strip(),
            todo="Mend the cause (for a full disk: free some space) and run again; nothing needs cleaning.",
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    published = pointer.current(home)
    assert published is not None
    return published


def _write(home: Home, source: Source, incoming: Path, publication: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Write the files of a version, and return their rows by file name and table."""
    version = publication["version"]
    names = {
        f"{version}.duckdb": PUBLIC_LAYERS,
        f"{pointer.CONTACTS_PREFIX}{version}.duckdb": CONTACT_LAYERS,
    }
    rows = {}
    with source() as con:
        for name, schemas in names.items():
            layers = snapshot.relations(con, schemas)
            if layers:
                is_main = schemas == PUBLIC_LAYERS
                rows[name] = snapshot.write(con, incoming / name, layers, publication, with_batches=is_main)
    if f"{version}.duckdb" not in rows:
        raise PublishError(
            "There is nothing to publish yet.",
            where=str(home.warehouse),
            why=f"it has no table in {', '.join(PUBLIC_LAYERS)}",
            todo="Build first: `dealhouse run` does all of it.",
        )
    return rows


def _seal(incoming: Path, rows: dict[str, dict[str, int]], version: str, run_id: str) -> list[dict[str, Any]]:
    """Have another process check and sync the files, make them read-only, and return their hashes."""
    found = inspect([incoming / name for name in rows])
    files = []
    for name, counts in rows.items():
        seen = found[name]
        problem = seen.get("error")
        if not problem and (incoming / f"{name}.wal").exists():
            problem = "a write-ahead log was left beside it"
        if not problem and seen["publication"] != [[version, run_id]]:
            problem = f"it says that it is {seen['publication']}"
        if not problem:
            wrong = [table for table, count in counts.items() if seen["rows"].get(table) != count]
            problem = f"rows differ from what was written in {', '.join(wrong)}" if wrong else None
        if problem:
            raise PublishError(
                "The new version was not published: another process could not confirm it.",
                where=name,
                why=problem,
                todo="Check disk and memory of this machine, and run again; readers keep the former version.",
            )
        is_personal = name.startswith(pointer.CONTACTS_PREFIX)
        (incoming / name).chmod(0o400 if is_personal else 0o444)
        files.append({"file": name, "sha256": seen["sha256"], "bytes": seen["bytes"]})
    return files
