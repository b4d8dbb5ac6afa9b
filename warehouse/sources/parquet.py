"""Parquet whose columns are those of an event; ``data`` is JSON text or a struct."""

from collections.abc import Iterator, Set
from pathlib import Path

import duckdb

from warehouse.sources.reader import RawRow, Relation

_OPTIONAL = ("specversion", "subject", "tenantid", "actor")


class ParquetReader:
    """One Parquet file of events; rows are numbered from 1 as they stand in it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
        self.con, self.path, self.name, self.note = con, path, name, ""
        described = con.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
        self.types = {str(row[0]): str(row[1]) for row in described}

    def relation(self) -> Relation:
        """Rows as text; a timestamp column counts as UTC."""
        columns = ["file_row_number + 1 as row_number"]
        for name in ("id", "source", "type", *_OPTIONAL):
            columns.append(f"cast({name} as varchar) as {name}" if name in self.types else f"null as {name}")
        is_instant = self.types["time"].startswith("TIMESTAMP")
        columns.append(
            "strftime(cast(time as timestamp), '%Y-%m-%dT%H:%M:%S.%fZ') as time"
            if is_instant
            else "cast(time as varchar) as time"
        )
        is_text = self.types["data"] in ("VARCHAR", "JSON")
        columns.append("try_cast(data as json) as data" if is_text else "to_json(data) as data")
        return Relation(f"select {', '.join(columns)} from read_parquet(?, file_row_number = true)", [str(self.path)])

    def read_carefully(self) -> bool:
        """There is only one way to read Parquet."""
        return False

    def raw_rows(self, wanted: Set[int]) -> Iterator[RawRow]:
        """Rows as JSON: the file has no lines."""
        rows = self.con.execute(
            "select file_row_number + 1, cast(to_json(record) as varchar) from "
            "(select file_row_number, struct_pack(*columns(* exclude (file_row_number))) as record "
            "from read_parquet(?, file_row_number = true)) "
            "where file_row_number + 1 in (select unnest(?)) order by 1",
            [str(self.path), sorted(wanted)],
        ).fetchall()
        for number, text in rows:
            yield RawRow(int(number), self.name, int(number), str(text).encode())
