"""Parquet whose columns are those of an event; ``data`` is JSON text or a struct."""

from collections.abc import Iterator, Set
from pathlib import Path

import duckdb

from warehouse.sources.packed import chunks
from warehouse.sources.reader import COLUMNS, RawRow, Relation

_NOTHING = "select 1 as row_number, " + ", ".join(
    f"cast(null as {'json' if name == 'data' else 'varchar'}) as {name}" for name in COLUMNS[1:]
)
_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
_OPTIONAL = ("specversion", "subject", "tenantid", "actor")


class ParquetReader:
    """One Parquet file of events; rows are numbered from 1 as they stand in it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
        self.con, self.path, self.name, self.note = con, path, name, ""
        self._damage = ""
        described = con.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
        self.types = {str(row[0]): str(row[1]) for row in described}

    def relation(self) -> Relation:
        """Rows as text; a timestamp column counts as UTC. Of a damaged file, one row of nulls."""
        if self._damage:
            return Relation(_NOTHING)
        columns = ["file_row_number + 1 as row_number"]
        for name in ("id", "source", "type", *_OPTIONAL):
            columns.append(
                f"cast({name} as varchar) as {name}" if name in self.types else f"cast(null as varchar) as {name}"
            )
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
        """Find out, apart from the work file, whether it is this file that the engine cannot read.

        A page in the middle may be damaged, which does not show before it is read. Such a file must not keep those
        behind it from being taken in.
        """
        if self._damage:
            return False
        for _ in chunks(self.path):
            pass  # a disk that cannot be read raises here, and is no fault of the file
        relation = self.relation()
        try:
            with duckdb.connect() as apart:
                apart.execute("set TimeZone = 'UTC'")
                apart.execute(f"select bit_xor(hash(columns(*))) from ({relation.sql})", relation.parameters)
        except duckdb.Error as error:
            self._damage = str(error).split("\n")[0]
        return bool(self._damage)

    def raw_rows(self, wanted: Set[int]) -> Iterator[RawRow]:
        """Rows as JSON: the file has no lines."""
        if self._damage:
            yield RawRow(
                1, self.name, 1, b"", "unreadable_file",
                f"The file is damaged ({self._damage}). Nothing of it is taken in; send it again, whole.",
            )  # fmt: skip
            return
        # Whatever else stands in the file has not been read yet, and may be damaged.
        fields = ", ".join(f'"{name}" := {name}' for name in COLUMNS if name in self.types)
        rows = self.con.execute(
            "select file_row_number + 1, cast(to_json(record) as varchar) from "
            f"(select file_row_number, struct_pack({fields}) as record "
            "from read_parquet(?, file_row_number = true)) "
            "where file_row_number + 1 in (select unnest(?)) order by 1",
            [str(self.path), sorted(wanted)],
        ).fetchall()
        for number, text in rows:
            yield RawRow(int(number), self.name, int(number), str(text).encode())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
