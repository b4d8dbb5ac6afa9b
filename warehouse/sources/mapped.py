"""Files that a mapping turns into events."""

from collections.abc import Iterator, Set
from pathlib import Path

import duckdb

from warehouse.sources.mapping import Mapping
from warehouse.sources.reader import RawRow, Relation

TABLE = "mapped_incoming"


class MappedReader:
    """All files that one mapping reads, mapped once into temporary tables."""

    def __init__(self, con: duckdb.DuckDBPyConnection, mapping: Mapping, files: dict[str, Path]) -> None:
        self.con = con
        con.execute(f"drop table if exists {TABLE}")
        con.execute(f"drop table if exists {TABLE}_unmapped")
        self.note = mapping.read(con, files, TABLE).note

    def relation(self) -> Relation:
        """Mapped events, and a row of nulls for each one that could not be mapped."""
        return Relation(
            "select row_number, specversion, id, source, type, subject, time, tenantid, actor, data "
            f"from {TABLE} union all by name select row_number from {TABLE}_unmapped order by row_number"
        )

    def read_carefully(self) -> bool:
        """The mapping has read the files already."""
        return False

    def raw_rows(self, wanted: Set[int]) -> Iterator[RawRow]:
        """The row of the file where it could not be mapped, otherwise the event that it became."""
        rows = self.con.execute(
            f"select row_number, file, line, raw_bytes, raw_text, reason, message from {TABLE}_unmapped "
            "where row_number in (select unnest($1)) union all by name "
            "select row_number, file, line, cast(null as blob) as raw_bytes, cast(to_json(struct_pack("
            'id := id, source := source, type := type, subject := subject, "time" := time, tenantid := tenantid, '
            f"actor := actor, data := data)) as varchar) as raw_text, '' as reason, '' as message from {TABLE} "
            "where row_number in (select unnest($1)) order by row_number",
            [sorted(wanted)],
        ).fetchall()
        for number, file, line, raw, text, reason, message in rows:
            yield RawRow(int(number), str(file), int(line or 0), raw or str(text or "").encode(), reason, message)
