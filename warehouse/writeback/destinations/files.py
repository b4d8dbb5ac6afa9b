"""Lists for people, as files that are replaced as a whole: CSV to open, Parquet to read by machine.

The Parquet file is also what the destination holds: it is replaced last, so that a crash between the two is repeated.
No contact details are in them, only keys.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.chain import fsync_folder
from warehouse.settings import Settings
from warehouse.writeback.destination import ACKNOWLEDGED, Acknowledged, Capabilities, Destination, Outcome, Row

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


class Files(Destination):
    """A folder of lists."""

    name = "files"

    def __init__(self, folder: Path, lists: frozenset[str]) -> None:
        self.capabilities = Capabilities(objects=lists, holds_state=True, batch_rows=2**31, is_snapshot=True)
        self._folder = folder

    def acknowledged(self, object_name: str) -> Iterator[Acknowledged]:
        """Lines of the list as it stands, where both of its files are there."""
        path = self._folder / f"{object_name}.parquet"
        if path.exists() and path.with_suffix(".csv").exists():
            for line in pq.read_table(path).to_pylist():
                tenant_id, key = (line.pop(name) for name in KEYS)
                yield Acknowledged(tenant_id, key, line)

    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        """Replace the list by these rows; those that are to be deleted are left out."""
        kept = [row for row in rows if row.operation != "delete"]
        names = list(dict.fromkeys(name for row in kept for name in row.payload))
        if names:
            # The first field of a list is its order.
            kept.sort(key=lambda row: (row.tenant_id, row.payload.get(names[0]) or 0, row.key))
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{object_name}.parquet"
        with _replaced(path.with_suffix(".csv")) as draft, draft.open("w", newline="", encoding="utf-8") as sink:
            writer = csv.writer(sink)
            writer.writerow(["tenant_id", *names])
            writer.writerows([row.tenant_id, *(_cell(row.payload.get(name)) for name in names)] for row in kept)
        columns: dict[str, list[Any]] = {name: [row.payload.get(name) for row in kept] for name in names}
        keys = {KEYS[0]: [row.tenant_id for row in kept], KEYS[1]: [row.key for row in kept]}
        with _replaced(path) as draft:
            pq.write_table(pa.table({**{k: pa.array(v, pa.string()) for k, v in keys.items()}, **columns}), draft)
        return [ACKNOWLEDGED] * len(rows)


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
