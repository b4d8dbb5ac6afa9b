"""Which files can be read, told by their names, before anything is landed."""

from pathlib import Path

import duckdb

from warehouse.errors import UsageError
from warehouse.sources.packed import COMPRESSIONS

NDJSON_SUFFIXES = (".ndjson", ".jsonl")
ENVELOPE = ("id", "source", "type", "time", "data")
"""Columns that a Parquet file of events must have."""


def suffix(path: Path) -> str:
    """The ending that tells the format, with its compression: ``.ndjson.gz``."""
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    if endings and endings[-1] in COMPRESSIONS:
        return "".join(endings)
    return endings[-1] if endings else ""


def is_ndjson(path: Path) -> bool:
    """Whether the name is that of a file of JSON lines, compressed or not."""
    return suffix(path) in {ending + packed for ending in NDJSON_SUFFIXES for packed in ("", *COMPRESSIONS)}


def check_native(path: Path) -> None:
    """Refuse a file that holds no events as they are.

    Raises
    ------
    UsageError
        With what is possible instead.
    """
    if is_ndjson(path):
        return
    if suffix(path) == ".parquet":
        try:
            with duckdb.connect() as con:
                columns = {
                    row[0] for row in con.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
                }
        except duckdb.Error as error:
            raise UsageError(
                f"{path.name} was not landed: it cannot be read as Parquet.",
                where=str(path),
                why=str(error).split("\n")[0],
            ) from error
        missing = [column for column in ENVELOPE if column not in columns]
        if not missing:
            return
        raise UsageError(
            f"{path.name} was not landed: its columns are not those of events.",
            where=str(path),
            why=f"It has no {', '.join(missing)}.",
            todo="Say with --mapping FILE which row becomes which event (docs/mapping.md).",
        )
    raise UsageError(
        f"{path.name} was not landed: a file of this kind needs a mapping.",
        where=str(path),
        why="Events arrive as .ndjson or .jsonl (also .gz, .zst) or .parquet; CSV and others name no event types.",
        todo="Give --mapping FILE (docs/mapping.md), or move the file out of the inbox.",
    )
