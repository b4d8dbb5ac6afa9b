"""Takes persons out of files under home that are neither landed nor made from what has landed.

Logs, ledgers, reports, journals, Dagster's storage, leftovers of the inbox: told by their content, never by a list of
names. What can be made again is removed; what cannot be written anew without them is left, and the proof then names it.
"""

import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb

from warehouse import chain
from warehouse.erasure.files import redact_file
from warehouse.erasure.redact import Redactor
from warehouse.erasure.tombstones import Keyring
from warehouse.landing.copying import file_hash
from warehouse.landing.landing import IGNORED_SUFFIXES
from warehouse.settings import Home

_CHAINED = {"seq", "previous", "hash"}


def scrub(
    home: Home, names: Iterable[str], redactor: Redactor, keys: Keyring, remember: Callable[[str, str], None]
) -> None:
    """Take the persons out of these files, named relative to home. The caller holds the writer lock.

    Parameters
    ----------
    remember
        Told the former and the new SHA-256 of a file before it is put in place: journals may name the former one.
    """
    for name in names:
        path = home.root / name
        if path.is_symlink() or not path.exists() or _is_made_elsewhere(home, path):
            continue
        clean = home.root / "/".join(redactor.text(part) for part in Path(name).parts)
        if path.is_dir():
            _rename(path, clean)
        elif path.is_relative_to(home.dbt) or path.is_relative_to(home.root / "tmp"):
            path.unlink()
        elif path.is_relative_to(home.inbox) and path.suffix in IGNORED_SUFFIXES:
            continue  # somebody is writing it; what he finishes is redacted when it lands
        else:
            _scrub_content(path, redactor, keys, remember)
            _rename(path, clean)


def mend_journals(home: Home, hashes: dict[str, str]) -> None:
    """Name files that were written anew by their new hashes, in every hash-chained file but the manifest of landing."""
    for path in home.root.rglob("*.ndjson"):
        if path.is_relative_to(home.landing) or not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # an event that was being judged, and has been
        if is_chained(content[:4096]) and any(former.encode() in content for former in hashes):
            chain.rewrite(path, lambda record: _with_hashes(record, hashes))


def _with_hashes(value: Any, hashes: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _with_hashes(one, hashes) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_hashes(one, hashes) for one in value]
    return hashes.get(value, value) if isinstance(value, str) else value


def _is_made_elsewhere(home: Home, path: Path) -> bool:
    """Whether the steps of an erasure make the file: editing it here would break its hash."""
    return (
        path.is_relative_to(home.landing / "segments")
        or path.name.startswith(home.warehouse.name)
        or (path.is_relative_to(home.published) and path.suffix == ".duckdb")
    )


def _rename(path: Path, clean: Path) -> None:
    if path.exists() and clean != path:
        clean.parent.mkdir(parents=True, exist_ok=True)
        path.rename(clean)


def _scrub_content(path: Path, redactor: Redactor, keys: Keyring, remember: Callable[[str, str], None]) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"SQLite format 3"):
        _sqlite(path, redactor)
    elif head[8:12] == b"DUCK":
        _duckdb(path, redactor)
    elif head.startswith(b"PK\x03\x04"):
        path.unlink()  # a workbook is an export, and is made again
    elif is_chained(head):
        chain.rewrite(path, lambda record: _signed_again(redactor.value(record), keys))
    else:
        target = path.with_name(f".{path.name}.erasing.tmp")
        if redact_file(path, target, redactor):
            shutil.copymode(path, target)
            chain.fsync_file(target)
            remember(file_hash(path), file_hash(target))
            target.replace(path)
            # Spark keeps a sum beside each file, by which this one is damaged; without a sum it is read.
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)


def is_chained(head: bytes) -> bool:
    """Whether a file that begins so is a hash-chained one."""
    first = head.partition(b"\n")[0]
    return first.startswith(b"{") and all(f'"{name}": '.encode() in first or len(first) == 4096 for name in _CHAINED)


def _signed_again(record: dict[str, Any], keys: Keyring) -> dict[str, Any]:
    if "signature" in record:
        record["signature"] = keys.sign(record)
    return record


def _sqlite(path: Path, redactor: Redactor) -> None:
    con = sqlite3.connect(path, timeout=30)
    try:
        con.execute("pragma secure_delete = on")
        tables = con.execute("select name, sql from sqlite_master where type = 'table'").fetchall()
        for table, definition in tables:
            if "without rowid" in (definition or "").lower() or table.startswith("sqlite_"):
                continue
            quoted = _quoted(table)
            columns = [row[1] for row in con.execute(f"pragma table_info({quoted})")]
            for rowid, *values in con.execute(f"select rowid, * from {quoted}").fetchall():
                changed = [_cell(value, redactor) for value in values]
                if changed != values:
                    places = ", ".join(f"{_quoted(column)} = ?" for column in columns)
                    con.execute(f"update {quoted} set {places} where rowid = ?", [*changed, rowid])
        con.commit()
        con.execute("vacuum")
        con.execute("pragma wal_checkpoint(truncate)")
    finally:
        con.close()


def _cell(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.line(value.encode()).decode() if value.startswith(("{", "[")) else redactor.text(value)
    if isinstance(value, bytes):
        if value[:1] == b"\x78":
            try:
                inner = zlib.decompress(value)
            except zlib.error:
                return redactor.bytes(value)
            clean = redactor.bytes(inner)
            return value if clean == inner else zlib.compress(clean)
        return redactor.bytes(value)
    return value


def _duckdb(path: Path, redactor: Redactor) -> None:
    """Write the file anew: what is updated or deleted in place leaves its bytes."""
    target = path.with_name(f".{path.name}.erasing.tmp")
    target.unlink(missing_ok=True)
    with duckdb.connect(config={"autoload_known_extensions": False}) as con:
        con.execute(f"attach {_literal(path)} as old (read_only)")
        con.execute(f"attach {_literal(target)} as fresh (storage_version 'v1.5.0')")
        con.execute("copy from database old to fresh (schema)")
        con.create_function("redacted", redactor.text, ["VARCHAR"], "VARCHAR")
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'old' and not internal"
        ).fetchall()
        for schema, table in tables:
            columns = con.execute(
                "select column_name, data_type from duckdb_columns() where database_name = 'old' "
                "and schema_name = ? and table_name = ? order by column_index",
                [schema, table],
            ).fetchall()
            shown = [
                f"cast(redacted(cast({_quoted(name)} as varchar)) as {kind})"
                if kind in ("VARCHAR", "JSON")
                else _quoted(name)
                for name, kind in columns
            ]
            source = f"{_quoted(schema)}.{_quoted(table)}"
            con.execute(f"insert into fresh.{source} select {', '.join(shown)} from old.{source}")
        con.execute("checkpoint fresh")
        con.execute("detach fresh")
        con.execute("detach old")
    shutil.copymode(path, target)
    target.replace(path)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
