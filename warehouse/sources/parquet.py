"""Parquet whose columns are those of an event; ``data`` is JSON text or a struct."""

from collections.abc import Iterator, Set
from pathlib import Path

import duckdb

from warehouse.sources.reader import RawRow, Relation

_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
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
            f"strftime(cast(time as timestamp), '{_INSTANT}') as time"
            if is_instant
            else "cast(time as varchar) as time"
        )
        columns.append(f"{self._data()} as data")
        return Relation(f"select {', '.join(columns)} from read_parquet(?, file_row_number = true)", [str(self.path)])

    def _data(self) -> str:
        if self.types["data"] in ("VARCHAR", "JSON"):
            return "case when json_valid(data) then json(data) end"
        # A struct has every field in every row. Null means absent, and merging into nothing leaves nulls out.
        return f"case when data is not null then json_merge_patch('{{}}', to_json({self._with_offsets()})) end"

    def _with_offsets(self) -> str:
        """The struct with its timestamps as texts in UTC: contracts ask for an offset."""
        fields = self.con.execute(
            "select unnest(data, recursive := false) from read_parquet(?) limit 0", [str(self.path)]
        ).description
        parts = []
        for name, kind in [(str(column[0]), str(column[1])) for column in fields or []]:
            value = f"data.{_quoted(name)}"
            if kind.startswith("TIMESTAMP"):
                value = f"strftime(cast({value} as timestamp), '{_INSTANT}')"
            parts.append(f"{_quoted(name)} := {value}")
        return f"struct_pack({', '.join(parts)})"

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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
