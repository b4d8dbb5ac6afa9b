"""A loaded mapping: the files that it reads, and their rows as events in a DuckDB table.

The language is in ``parse`` and ``parse_values``, what happens to a chunk of rows in ``events``. Whether an
event keeps its contract is decided by ingestion, not here.
"""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from warehouse.sources.mapping.events import NOTHING_REFUSED, SLOT, InputPlan
from warehouse.sources.mapping.files import SourceFile, check_columns, find, ordered
from warehouse.sources.mapping.parse import parse
from warehouse.sources.mapping.records import LINE, RECORD, BadRecord
from warehouse.sources.mapping.rows import chunks, header, raw_records
from warehouse.sources.mapping.spec import ContractLike, Lookup, MappingError, Reading, Spec
from warehouse.sources.mapping.values import LoadedLookup, column, lookup_key

LONGEST_RAW = 2**20
"""Bytes of a refused row that are kept."""


@dataclass
class InputResult:
    """What became of the rows of one file. `rows` = rows with events, refusals, both, or `skipped`."""

    role: str
    rows: int = 0
    events: int = 0
    refused: int = 0
    skipped: int = 0


@dataclass
class MappingResult:
    """What a mapping made of its files."""

    inputs: list[InputResult] = field(default_factory=list)

    @property
    def events(self) -> int:
        """Events in the table."""
        return sum(one.events for one in self.inputs)

    @property
    def refused(self) -> int:
        """Rows of the table of what could not be mapped."""
        return sum(one.refused for one in self.inputs)

    @property
    def skipped(self) -> int:
        """Rows that no event's condition wanted."""
        return sum(one.skipped for one in self.inputs)

    @property
    def note(self) -> str:
        """One line for the batch: rows read, events made, rows refused and skipped, per file."""
        return "; ".join(
            f"{one.role}: {one.rows} rows, {one.events} events, {one.refused} unmappable, "
            f"{one.skipped} skipped by filter"
            for one in self.inputs
        )


def load(path: Path, contracts: MappingOf[str, ContractLike] | None = None) -> "Mapping":
    """Read and check a mapping file.

    Parameters
    ----------
    path
        The TOML file.
    contracts
        Contracts by event type; those of ``warehouse.contracts`` where not given.

    Raises
    ------
    MappingError
        With file, block and key of the mistake, and what is possible instead.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError("The mapping cannot be read.", where=str(path), why=str(error)) from error
    return Mapping(text, str(path), contracts)


class Mapping:
    """How rows become events.

    Parameters
    ----------
    text
        The TOML.
    name
        Where it came from, for messages.
    contracts
        Contracts by event type; those of ``warehouse.contracts`` where not given.
    """

    def __init__(self, text: str, name: str, contracts: MappingOf[str, ContractLike] | None = None) -> None:
        if contracts is None:
            from warehouse import contracts as registry

            contracts = registry.all()
        self.text = text
        self.spec: Spec = parse(text, name, contracts)

    def files(self, paths: Path | Iterable[Path]) -> dict[str, Path]:
        """Every file that is read, by role (``<input or lookup>:<name>``), checked so that it can be read.

        Parameters
        ----------
        paths
            Folders, in which every input is looked for, or files. Lookups are looked for beside them.

        Raises
        ------
        MappingError
            When a file is missing, fits no input, or lacks a column, or a lookup has a key twice; nothing has
            been taken in then.
        """
        files = find(self.spec, [paths] if isinstance(paths, Path) else paths)
        sources = ordered(self.spec, files)
        check_columns(self.spec, sources)
        _load_lookups(self.spec, sources)
        return files

    def read(self, con: duckdb.DuckDBPyConnection, files: MappingOf[str, Path], table: str) -> MappingResult:
        """Map all rows into two temporary tables.

        `table` has ``row_number, specversion, id, source, type, subject, time, tenantid, actor, data, file,
        line``: one row per event, unvalidated, ``row_number`` unique over row and event block and the same at
        every reading of the same files. ``<table>_unmapped`` has ``row_number, file, line, event_type,
        reason, message, raw_text, raw_bytes, is_truncated``: one row per event that a row should have become
        and could not, or per row that could not be read.

        Parameters
        ----------
        con
            The connection that gets the tables.
        files
            As :meth:`files` returned them; the paths may meanwhile be copies under other names.
        table
            Name of the table; an identifier.

        Raises
        ------
        MappingError
            When a file lacks a column, or a lookup has a key twice.
        """
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", table):
            raise ValueError(f"{table!r} is not an identifier")
        sources = ordered(self.spec, files)
        check_columns(self.spec, sources)
        lookups = _load_lookups(self.spec, sources)
        writer = _Writer(con, table, slots=len(self.spec.events) + 1)
        result = MappingResult()
        names = {one.name for one in self.spec.inputs}
        for source in sources:
            if source.block in names:
                result.inputs.append(self._read_file(source, lookups, writer))
        return result

    def _read_file(self, source: SourceFile, lookups: MappingOf[str, LoadedLookup], writer: "_Writer") -> InputResult:
        one = self.spec.input(source.block)
        done = InputResult(source.role)
        columns = header(source.path, source.name, one.reading)
        if columns is None:
            return done
        plan = InputPlan(self.spec, one, columns, lookups)
        for chunk in chunks(source.path, source.name, one.reading):
            mapped = plan.apply(chunk.frame)
            refused = pl.concat([mapped.refused, _bad_frame(chunk.bad)])
            writer.add(source.name, mapped.events, refused)
            done.rows += chunk.records
            done.events += mapped.events.height
            done.refused += refused.height
            done.skipped += mapped.skipped
        writer.finish_file(source, one.reading, done.rows)
        return done


def _bad_frame(bad: list[BadRecord]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            RECORD: [one.record for one in bad],
            LINE: [one.line for one in bad],
            SLOT: [0] * len(bad),
            "type": [None] * len(bad),
            "reason": [one.reason for one in bad],
            "message": [one.message for one in bad],
        },
        schema=NOTHING_REFUSED.schema,
    )


class _Writer:
    """The two temporary tables and the numbering of rows over all files."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str, slots: int) -> None:
        self.con, self.table, self.slots = con, table, slots
        self.first = 0
        self.refused_lines: set[int] = set()
        con.execute(
            f"create or replace temp table {table} (row_number bigint, specversion varchar, id varchar, "
            "source varchar, type varchar, subject varchar, time varchar, tenantid varchar, actor varchar, "
            "data json, file varchar, line bigint)"
        )
        con.execute(
            f"create or replace temp table {table}_unmapped (row_number bigint, file varchar, line bigint, "
            "event_type varchar, reason varchar, message varchar, raw_text varchar, raw_bytes blob, "
            "is_truncated boolean)"
        )

    def _number(self) -> pl.Expr:
        return ((pl.col(RECORD) + self.first) * self.slots + pl.col(SLOT) + 1).alias("row_number")

    def add(self, file: str, events: pl.DataFrame, refused: pl.DataFrame) -> None:
        """Append what a chunk became."""
        with self._registered(events.with_columns(self._number(), pl.lit(file).alias("file"))) as name:
            self.con.execute(
                f"insert into {self.table} select row_number, '1.0', "
                "coalesce(id, left(sha256(concat_ws(chr(31), type, event, content)), 32)), "
                f'source, type, subject, time, tenantid, actor, data, file, "{LINE}" from {name} '
                "order by row_number"
            )
        if refused.is_empty():
            return
        self.refused_lines.update(refused[LINE].to_list())
        with self._registered(refused.with_columns(self._number(), pl.lit(file).alias("file"))) as name:
            self.con.execute(
                f'insert into {self.table}_unmapped select row_number, file, "{LINE}", type, reason, message,'
                f" null, null, false from {name} order by row_number"
            )

    def finish_file(self, source: SourceFile, reading: Reading, rows: int) -> None:
        """Fetch the refused rows as they stand in the file, and go on numbering after it."""
        self.first += rows
        raw = raw_records(source.path, source.name, reading, self.refused_lines)
        self.refused_lines = set()
        if not raw:
            return
        frame = pl.DataFrame(
            {
                "line": list(raw),
                "raw_text": [one[:LONGEST_RAW].decode(reading.encoding, "replace") for one in raw.values()],
                "raw_bytes": [one[:LONGEST_RAW] for one in raw.values()],
                "is_truncated": [len(one) > LONGEST_RAW for one in raw.values()],
            }
        )
        with self._registered(frame) as name:
            self.con.execute(
                f"update {self.table}_unmapped as u set raw_text = r.raw_text, raw_bytes = r.raw_bytes, "
                f"is_truncated = r.is_truncated from {name} as r where u.line = r.line and u.file = ?",
                [source.name],
            )

    @contextmanager
    def _registered(self, frame: pl.DataFrame) -> Iterator[str]:
        name = f"{self.table}_chunk"
        self.con.register(name, frame.to_arrow())
        try:
            yield name
        finally:
            self.con.unregister(name)


def _load_lookups(spec: Spec, sources: Iterable[SourceFile]) -> dict[str, LoadedLookup]:
    found: dict[str, list[SourceFile]] = {}
    for source in sources:
        if source.block in {one.name for one in spec.lookups}:
            found.setdefault(source.block, []).append(source)
    return {name: _load_lookup(spec.lookup(name), files) for name, files in found.items()}


def _load_lookup(lookup: Lookup, files: list[SourceFile]) -> LoadedLookup:
    frames = []
    for file in files:
        for chunk in chunks(file.path, file.name, lookup.reading):
            if chunk.bad:
                raise MappingError(
                    f"Line {chunk.bad[0].line} of lookup {lookup.name!r} cannot be read.",
                    where=file.name,
                    why=chunk.bad[0].message,
                )
            frames.append(chunk.frame.drop(RECORD, LINE))
    if not frames:
        return LoadedLookup(pl.Series([], dtype=pl.String), {})
    key = lookup_key([column(name) for name in lookup.key]).alias("i:key")
    rows = pl.concat(frames, how="diagonal").with_columns(key).filter(pl.col("i:key").is_not_null()).unique()
    twice = rows.filter(pl.col("i:key").is_duplicated())
    if not twice.is_empty():
        raise MappingError(
            f"Lookup {lookup.name!r} has the key {twice.sort('i:key')['i:key'][0]!r} more than once.",
            where=", ".join(file.name for file in files),
            why="It cannot be said which of the rows is meant.",
            todo=f"Correct the file, or add a column to the key ({', '.join(lookup.key)}).",
        )
    values = {name.removeprefix("c:"): rows[name] for name in rows.columns if name.startswith("c:")}
    return LoadedLookup(rows["i:key"], values)
