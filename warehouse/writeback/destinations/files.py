"""Lists for people, a folder per tenant, replaced as a whole: CSV to open, Parquet to read by machine.

The Parquet file is also what the destination holds: it is replaced last, so that a crash between the two is repeated.
No contact details are in them, only keys.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.chain import fsync_folder
from warehouse.settings import Settings
from warehouse.writeback.destination import (
    ACKNOWLEDGED,
    Acknowledged,
    Capabilities,
    Destination,
    Outcome,
    Row,
    StatefulDestination,
)

KEYS = ("tenant_id", "sync_key")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet would carry out."""


class FileSettings(BaseSettings):
    """Which lists are written, and where. Environment variables carry the prefix ``DEALHOUSE_FILES_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_FILES_", env_file=".env", extra="ignore")

    lists: frozenset[str] = Field(
        frozenset({"lead_queue", "churn_list"}), description="Lists to write, as a JSON list."
    )
    folder: Path | None = Field(None, description="Where to; default: outbox/lists in home.")


def configured(settings: Settings) -> Iterable[Destination]:
    """The folder of lists, unless no list is wanted."""
    own = FileSettings()
    return [Files(own.folder or settings.layout().outbox / "lists", own.lists)] if own.lists else []


class Files(StatefulDestination):
    """A folder of lists."""

    name = "files"

    def __init__(self, folder: Path, lists: frozenset[str]) -> None:
        self.capabilities = Capabilities(objects=lists, batch_rows=2**31, is_snapshot=True)
        self._folder = folder

    def acknowledged(self, object_name: str) -> Iterator[Acknowledged]:
        """Lines of the lists as they stand, where both files of a list are there."""
        for path in sorted(self._folder.glob(f"*/{object_name}.parquet")):
            if path.with_suffix(".csv").exists():
                for line in pq.read_table(path).to_pylist():
                    tenant_id, key = (line.pop(name) for name in KEYS)
                    yield Acknowledged(tenant_id, key, line)

    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        """Replace the list of each tenant by its rows; those that are to be deleted are left out."""
        for tenant_id in sorted({row.tenant_id for row in rows}):
            kept = [row for row in rows if row.tenant_id == tenant_id and row.operation != "delete"]
            # No tenant's name is a path.
            folder = self._folder / quote(tenant_id, safe="").replace(".", "%2E")
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / f"{object_name}.parquet", kept)
        return [ACKNOWLEDGED] * len(rows)


def _write(path: Path, rows: list[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row.payload))
    if names:
        # The first field of a list is its order.
        rows = sorted(rows, key=lambda row: (row.payload.get(names[0]) or 0, row.key))
    with _replaced(path.with_suffix(".csv")) as draft, draft.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(names)
        writer.writerows([_cell(row.payload.get(name)) for name in names] for row in rows)
    columns: dict[str, list[Any]] = {name: [row.payload.get(name) for row in rows] for name in names}
    keys = {KEYS[0]: [row.tenant_id for row in rows], KEYS[1]: [row.key for row in rows]}
    with _replaced(path) as draft:
        pq.write_table(pa.table({**{name: pa.array(keys[name], pa.string()) for name in KEYS}, **columns}), draft)


class _replaced:  # noqa: N801 - used as a verb
    """A draft beside a file that takes its place, whole and on disk, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path, self._draft = path, path.with_name(f".{path.name}.tmp")

    def __enter__(self) -> Path:
        return self._draft

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            with self._draft.open("rb+") as sink:
                os.fsync(sink.fileno())
            self._draft.replace(self._path)
            fsync_folder(self._path.parent)
        else:
            self._draft.unlink(missing_ok=True)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
