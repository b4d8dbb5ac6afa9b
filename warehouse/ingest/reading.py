"""Opens the files of an entry of landing with the reader that they need."""

from collections.abc import Iterator, Mapping, Set

import duckdb

from warehouse.landing import Entry, Landing
from warehouse.settings import Settings
from warehouse.sources import kinds
from warehouse.sources.ndjson import NdjsonReader
from warehouse.sources.parquet import ParquetReader
from warehouse.sources.reader import RawRow, Reader, Relation

Deferred = Mapping[int, tuple[str, str]]
"""Rows that a later replay takes in: row number to the reason and sentence that they were rejected with."""

_REPLAYED = "replayed_incoming"


def open_reader(con: duckdb.DuckDBPyConnection, landing: Landing, settings: Settings, entry: Entry) -> Reader:
    """The reader of an entry, whatever kind it is."""
    if entry.kind == "replay":
        return _ReplayReader(con, landing, settings, entry)
    files = {str(file["role"]): file for file in entry.files}
    if "mapping" in files:
        from warehouse.sources.mapped import MappedReader
        from warehouse.sources.mapping import Mapping as FileMapping

        text = landing.path(files.pop("mapping")).read_text(encoding="utf-8")
        paths = {role: landing.path(file) for role, file in files.items()}
        return MappedReader(con, FileMapping(text, entry.name), paths)
    (file,) = entry.files
    path = landing.path(file)
    if kinds.is_ndjson(path):
        return NdjsonReader(path, entry.name, settings.max_event_bytes, landing.home.root / "tmp")
    return ParquetReader(con, path, entry.name)


def origin(entries: Mapping[int, Entry], batch_id: int, row: int) -> tuple[int, int]:
    """Batch and row of the file in which a row arrived, also if a replay rejected it; `entries` are by number."""
    while entries[batch_id].kind == "replay":
        batch_id, row = entries[batch_id].rows[row - 1]
    return batch_id, row


class _ReplayReader:
    """Rejected rows of earlier batches, read again from what had landed, numbered from 1."""

    def __init__(self, con: duckdb.DuckDBPyConnection, landing: Landing, settings: Settings, entry: Entry) -> None:
        self.note = f"replay of {len(entry.rows)} rejected rows"
        self._con, self._landing, self._settings = con, landing, settings
        self._entries = {one.seq: one for one in landing.entries()}
        self._numbers: dict[int, dict[int, int]] = {}
        for number, pair in enumerate(entry.rows, 1):
            batch_id, row = origin(self._entries, *pair)
            self._numbers.setdefault(batch_id, {})[row] = number
        columns = "row_number bigint, specversion varchar, id varchar, source varchar, type varchar, subject varchar, "
        con.execute(
            f"create or replace temp table {_REPLAYED} "
            f"({columns}time varchar, tenantid varchar, actor varchar, data json)"
        )
        for batch_id in sorted(self._numbers):
            self._copy(batch_id, self._open(batch_id))

    def relation(self) -> Relation:
        """The rows in their new order."""
        return Relation(f"from {_REPLAYED} order by row_number")

    def read_carefully(self) -> bool:
        """Done already, where it was needed."""
        return False

    def raw_rows(self, wanted: Set[int]) -> Iterator[RawRow]:
        """Originals under their new numbers."""
        for batch_id, numbers in self._numbers.items():
            chosen = {row: number for row, number in numbers.items() if number in wanted}
            if chosen:
                # Opened anew: readers of one kind share their temporary tables.
                for raw in self._open(batch_id).raw_rows(chosen.keys()):
                    yield RawRow(chosen[raw.row_number], raw.file, raw.line, raw.raw, raw.reason, raw.message)

    def _open(self, batch_id: int) -> Reader:
        return open_reader(self._con, self._landing, self._settings, self._entries[batch_id])

    def _copy(self, batch_id: int, reader: Reader) -> None:
        numbers = self._numbers[batch_id]
        while True:
            relation = reader.relation()
            try:
                self._con.execute(
                    f"insert into {_REPLAYED} select wanted.number, incoming.* exclude (row_number) "
                    f"from ({relation.sql}) as incoming inner join "
                    "(select unnest(?) as row_number, unnest(?) as number) as wanted using (row_number)",
                    [*relation.parameters, list(numbers), list(numbers.values())],
                )
            except duckdb.Error:
                if not reader.read_carefully():
                    raise
                continue
            return
