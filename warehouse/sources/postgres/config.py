"""What a file of ``<home>/sources`` says: where the database is, and what is read from it.

The address with its password stands in the environment or in a file of its own, and is never shown.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.contracts.envelope import DEFAULT_TENANT, SOURCE_PATTERN
from warehouse.errors import UsageError

ENTITIES = ("account", "contact", "lead", "deal")
"""Tables that can be read, after the ecosystem CRM."""

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,62}")
_KEYS = {"dsn_env", "dsn_file", "outbox", "tables"}
_OUTBOX_KEYS = {"table", "transaction_column", "position_column", "event_column"}
_TABLES_KEYS = {"schema", "read", "lag_seconds", "source", "tenant"}


@dataclass(frozen=True)
class Outbox:
    """A table that a system writes its events to, in the transaction that they are about.

    Parameters
    ----------
    table
        Schema and name, or the name alone.
    transaction_column
        An ``xid8`` that the row's transaction filled in: ``default pg_current_xact_id()``.
    position_column
        A number that rises within a transaction.
    event_column
        The CloudEvent, as json, jsonb or text.
    """

    table: tuple[str, ...]
    transaction_column: str = "xid"
    position_column: str = "id"
    event_column: str = "event"


@dataclass(frozen=True)
class Tables:
    """Tables whose rows carry the time of their last change.

    Parameters
    ----------
    schema
        Where they are.
    read
        Which of :data:`ENTITIES`, by the name of its table.
    lag_seconds
        Rows that changed so long before the last one seen are looked at again: a transaction may commit after a later
        one. At least as long as the longest transaction that writes to them.
    source, tenant
        Attributes of the events.
    """

    schema: str
    read: Mapping[str, str]
    lag_seconds: float = 300.0
    source: str = "crm"
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True)
class Database:
    """A file of ``<home>/sources``."""

    name: str
    path: Path
    dsn_env: str | None
    dsn_file: Path | None
    outbox: Outbox | None
    tables: Tables | None

    def dsn(self) -> str:
        """The address, with its password: not for logs.

        Raises
        ------
        UsageError
            If it is not where the file says.
        """
        if self.dsn_file is not None:
            try:
                found = self.dsn_file.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError("The address could not be read.", where=f"{self.path}, {self.dsn_file}") from error
        else:
            found = os.environ.get(self.dsn_env or "", "").strip()
        if not found:
            raise UsageError(
                "The address of the database is empty.",
                where=str(self.path),
                todo=f"Set it in {self.dsn_file or self.dsn_env}: postgresql://user:password@host/database",
            )
        return found


def load(path: Path) -> Database:
    """Read one file.

    Raises
    ------
    UsageError
        With the key that is wrong.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise UsageError("A source could not be read.", where=str(path), why=str(error)) from error
    if not re.fullmatch(SOURCE_PATTERN, path.stem):
        raise _wrong(path, "its name must be lower case, such as crm.toml")
    _expect(path, content, _KEYS, "")
    if ("dsn_env" in content) == ("dsn_file" in content):
        raise _wrong(path, "it needs either dsn_env or dsn_file: a variable or a file with the address")
    if "outbox" not in content and "tables" not in content:
        raise _wrong(path, "it names neither [outbox] nor [tables]")
    return Database(
        name=path.stem,
        path=path,
        dsn_env=content.get("dsn_env"),
        dsn_file=path.parent / content["dsn_file"] if "dsn_file" in content else None,
        outbox=_outbox(path, content["outbox"]) if "outbox" in content else None,
        tables=_tables(path, content["tables"]) if "tables" in content else None,
    )


def _outbox(path: Path, given: dict[str, Any]) -> Outbox:
    _expect(path, given, _OUTBOX_KEYS, "outbox.")
    parts = tuple(str(given.get("table", "")).split("."))
    if len(parts) > 2:
        raise _wrong(path, "outbox.table must be a table, or schema.table")
    columns = {key: value for key, value in given.items() if key != "table"}
    for name in (*parts, *columns.values()):
        _expect_name(path, name)
    return Outbox(parts, **columns)


def _tables(path: Path, given: dict[str, Any]) -> Tables:
    _expect(path, given, _TABLES_KEYS, "tables.")
    read = given.get("read", list(ENTITIES))
    read = dict(zip(read, read, strict=True)) if isinstance(read, list) else read
    if not isinstance(read, dict) or not read or not set(read) <= set(ENTITIES):
        raise _wrong(path, f"tables.read may name {', '.join(ENTITIES)}")
    for name in (given.get("schema", "public"), *read.values()):
        _expect_name(path, name)
    source, lag = str(given.get("source", "crm")), given.get("lag_seconds", 300.0)
    if not re.fullmatch(SOURCE_PATTERN, source):
        raise _wrong(path, "tables.source must be a lower-case name")
    if not isinstance(lag, int | float) or isinstance(lag, bool) or lag < 0:
        raise _wrong(path, "tables.lag_seconds must be a number of seconds")
    tenant = str(given.get("tenant", DEFAULT_TENANT))
    return Tables(str(given.get("schema", "public")), read, float(lag), source, tenant)


def _expect(path: Path, given: object, keys: set[str], prefix: str) -> None:
    if not isinstance(given, dict):
        raise _wrong(path, f"[{prefix.rstrip('.')}] must be a table")
    for key in sorted(set(given) - keys):
        raise _wrong(path, f"{prefix}{key} is not known; keys are {', '.join(sorted(keys))}")


def _expect_name(path: Path, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong(path, f"{str(name)[:80]!r} is no name of a table or column")


def _wrong(path: Path, why: str) -> UsageError:
    return UsageError("A source could not be read.", where=str(path), why=why, todo="See docs/postgres.md.")
