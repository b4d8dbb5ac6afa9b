"""Lands what is new in the databases: the rows and the position after them in one line of landing's manifest.

So a reading that was cut off at any instant either happened or did not; there is no other state.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from warehouse.errors import DealhouseError
from warehouse.landing import Landed, Landing
from warehouse.sources.postgres import outbox, tables
from warehouse.sources.postgres.config import Database, load

FOLDER = "sources"
CONNECT_SECONDS = 10


def pull_all(landing: Landing, on_problem: Callable[[str], None]) -> list[Landed]:
    """Read every database of ``<home>/sources``; one that cannot be read holds up no other.

    The caller holds the writer lock. `on_problem` is told, in words for the user, what could not be read.
    """
    landed: list[Landed] = []
    for path in sorted((landing.home.root / FOLDER).glob("*.toml")):
        try:
            landed += pull(landing, load(path))
        except psycopg.Error as error:
            on_problem(f"Nothing was read from the database of {path}: {_said(error)}. The next run tries again.")
        except tables.TableError as error:
            # It stays in the database, and the other sources are none the worse.
            on_problem(f"Nothing more was read from the database of {path}: {error}")
        except DealhouseError as error:
            on_problem(str(error))
    return landed


def pull(landing: Landing, database: Database) -> list[Landed]:
    """Land what is new in one database.

    Raises
    ------
    psycopg.Error
        If it cannot be read; what landed before stays.
    """
    landed = []
    with psycopg.connect(
        database.dsn(), connect_timeout=CONNECT_SECONDS, application_name="dealhouse", autocommit=True
    ) as con:
        con.execute("set time zone 'UTC'")
        if database.outbox is not None:
            stream = f"{database.name}.outbox"
            while (one := _land(landing, stream, _outbox_lines(con, database, landing.position(stream)))) is not None:
                landed.append(one)
        if database.tables is not None:
            for entity in database.tables.read:
                stream = f"{database.name}.{entity}"
                one = _land(landing, stream, _table_lines(con, database, entity, landing.position(stream)))
                landed += [one] if one is not None else []
    return landed


Lines = Iterator[tuple[list[bytes], dict[str, Any]]]


def _outbox_lines(con: "psycopg.Connection[Any]", database: Database, position: dict[str, Any]) -> Lines:
    assert database.outbox is not None
    with con.transaction():
        for line, after in outbox.read(con, database.outbox, position):
            yield [line], after


def _table_lines(con: "psycopg.Connection[Any]", database: Database, entity: str, position: dict[str, Any]) -> Lines:
    assert database.tables is not None
    with con.transaction():
        con.execute("set transaction isolation level repeatable read read only")
        yield from tables.read(con, database.tables, entity, position)


def _land(landing: Landing, stream: str, lines: Lines) -> Landed | None:
    """Write what comes to a file and land it with the last position; None where nothing came."""
    draft = landing.home.root / "tmp" / f"{stream}.ndjson"
    draft.parent.mkdir(parents=True, exist_ok=True)
    position: dict[str, Any] = {}
    count = 0
    try:
        with draft.open("wb") as file:
            for some, after in lines:
                position = after or position
                count += len(some)
                file.writelines(line + b"\n" for line in some)
        return landing.land_pulled(draft, stream, position) if count else None
    finally:
        draft.unlink(missing_ok=True)


def _said(error: psycopg.Error) -> str:
    """What the server said, without the address and its password, should a driver ever repeat them."""
    text = (error.diag.message_primary or str(error)).strip().split("\n")[0]
    return re.sub(r"(\w+://)\S+|(password\s*=\s*)\S+", r"\1\2…", text)
